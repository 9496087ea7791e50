use std::fmt;
use std::sync::Arc;

use abprall_mail::{Action, EnhancedStatus, Permanence, Reason, StatusClass};

use crate::{Issuer, Phase, Report};

/// One rule: words that a reply must hold, where it applies, and what it then means.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Unique, kebab-case.
    pub id: Arc<str>,
    /// The file that it stands in.
    pub file: Arc<str>,
    /// The words, a regular expression in lower case; matched without regard to ASCII case on folded text.
    pub pattern: String,
    /// Where it applies.
    pub scope: Scope,
    /// Why.
    pub reason: Reason,
    /// The cause beneath.
    pub underlying: Option<Reason>,
    /// Where it is not the reason's usual one.
    pub permanence: Option<Permanence>,
    /// Where it is not what follows from party and permanence.
    pub action: Option<Action>,
    /// How sure, 0 to 1.
    pub confidence: f32,
    /// Words that many causes share: a code that says more wins over them.
    pub weak: bool,
    /// A reply that the rule must win.
    pub example: String,
    /// A reply that it must not match.
    pub counter_example: Option<String>,
    /// The vendor's page or RFC that it rests on.
    pub source: Option<String>,
}

/// Where a rule applies; an empty list means anywhere.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Suffixes of the remote or reporting MTA's name: `google.com`.
    pub host: Vec<String>,
    /// The software or service that wrote the report.
    pub generator: Vec<String>,
    /// Where in the dialogue.
    pub phase: Vec<Phase>,
    /// Reply codes or their first digits: `550`, `5`.
    pub reply: Vec<String>,
    /// Enhanced codes.
    pub status: Vec<StatusPattern>,
    /// Who spoke.
    pub issuer: Option<Issuer>,
}

/// `5.1.1`, `X.1.1` for any class, `5.7.*` for any detail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StatusPattern {
    class: Option<StatusClass>,
    subject: u16,
    detail: Option<u16>,
}

impl StatusPattern {
    /// Reads `5.1.1`, `X.1.1` or `5.7.*`.
    pub fn parse(text: &str) -> Option<Self> {
        let any_class = text.strip_prefix('X').map(|rest| format!("5{rest}"));
        let any_detail = text.ends_with(".*");
        let whole = any_class.as_deref().unwrap_or(text);
        let whole = if any_detail { whole.replace(".*", ".0") } else { whole.to_owned() };
        let status: EnhancedStatus = whole.parse().ok()?;
        Some(Self {
            class: any_class.is_none().then(|| status.class()),
            subject: status.subject(),
            detail: (!any_detail).then(|| status.detail()),
        })
    }

    /// Whether a code fits, as numbers.
    pub fn fits(self, status: EnhancedStatus) -> bool {
        self.class.is_none_or(|class| class == status.class())
            && self.subject == status.subject()
            && self.detail.is_none_or(|detail| detail == status.detail())
    }
}

impl fmt::Display for Scope {
    /// `host google.com, reply 550`; empty for a rule that applies anywhere.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phases: Vec<_> = self.phase.iter().map(|phase| phase.as_str().to_owned()).collect();
        let statuses: Vec<_> = self.status.iter().map(StatusPattern::to_string).collect();
        let issuers: Vec<_> = self.issuer.iter().map(|issuer| issuer.as_str().to_owned()).collect();
        let lists = [
            ("host", &self.host),
            ("generator", &self.generator),
            ("phase", &phases),
            ("reply", &self.reply),
            ("status", &statuses),
            ("issuer", &issuers),
        ];
        let mut between = "";
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            write!(f, "{between}{name} {}", list.join("/"))?;
            between = ", ";
        }
        Ok(())
    }
}

impl fmt::Display for StatusPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.class {
            Some(StatusClass::Success) => f.write_str("2")?,
            Some(StatusClass::Transient) => f.write_str("4")?,
            Some(StatusClass::Permanent) => f.write_str("5")?,
            None => f.write_str("X")?,
        }
        match self.detail {
            Some(detail) => write!(f, ".{}.{detail}", self.subject),
            None => write!(f, ".{}.*", self.subject),
        }
    }
}

impl Scope {
    /// Whether a report lies within.
    pub fn fits(&self, report: &Report) -> bool {
        (self.host.is_empty() || self.fits_host(report))
            && (self.generator.is_empty()
                || report.generator.is_some_and(|g| self.generator.iter().any(|name| name == g.as_str())))
            && (self.phase.is_empty() || report.phase.is_some_and(|phase| self.phase.contains(&phase)))
            && (self.reply.is_empty()
                || report.reply_code.is_some_and(|code| {
                    self.reply.iter().any(|prefix| code.as_digits().starts_with(prefix.as_bytes()))
                }))
            && (self.status.is_empty()
                || report.status.is_some_and(|status| self.status.iter().any(|pattern| pattern.fits(status))))
            && (self.issuer.is_none() || self.issuer == report.issuer)
    }

    fn fits_host(&self, report: &Report) -> bool {
        let hosts = [&report.remote_mta, &report.reporting_mta];
        hosts.into_iter().flatten().any(|host| {
            self.host.iter().any(|suffix| {
                let rest =
                    host.len().checked_sub(suffix.len()).and_then(|at| host.as_bytes().split_at_checked(at));
                rest.is_some_and(|(rest, end)| {
                    end.eq_ignore_ascii_case(suffix.as_bytes()) && (rest.is_empty() || rest.ends_with(b"."))
                })
            })
        })
    }
}
