use std::fmt;

use crate::{dialect, mailer};

/// Software and services whose logs and webhooks are read.
const FEEDS: &[&str] = &[
    "postfix",
    "exim",
    "sendmail",
    "opensmtpd",
    "powermta",
    "kumomta",
    "amazonses",
    "sendgrid",
    "mailgun",
    "postmark",
    "sparkpost",
    "brevo",
    "mailjet",
    "mandrill",
    "resend",
    "postal",
];

/// The software or service that wrote a report: `postfix`, `exim`, `exchange`, `qmail` …
///
/// An open list: each dialect names its own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Generator(&'static str);

impl Generator {
    /// A generator by its lower-case name.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The generator of this lower-case name; `None` for one that no report is ever said to come from.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|generator| generator.0 == name)
    }

    /// Every generator that a report may be said to come from; some come twice.
    pub fn all() -> impl Iterator<Item = Self> {
        let by_marks = dialect::DIALECTS.iter().map(|dialect| dialect.generator);
        let by_name = mailer::NAMES.iter().chain(FEEDS).map(|name| Self(name));
        by_marks.chain(by_name)
    }

    /// The name.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
