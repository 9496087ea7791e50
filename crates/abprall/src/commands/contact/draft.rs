//! The mail to whoever can mend it. It is only drafted: a person reads and sends it.

use abprall_mail::{EmailAddress, Language, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use super::complaint::Complaint;
use super::{Answer, evidence};
use crate::dates;
use crate::terminal::plain;
use crate::wording::pick;

/// Columns of a line: what quoting leaves readable (RFC 3676 §4.2).
const WIDTH: usize = 72;

#[derive(Debug, Serialize)]
pub(super) struct Draft {
    /// The best candidate that mail reaches; none where there is none.
    pub(super) to: Option<EmailAddress>,
    /// Further ones worth trying when the first does not answer.
    pub(super) also: Vec<EmailAddress>,
    /// ASCII, one line.
    pub(super) subject: String,
    /// Lines of at most 72 columns, where no word is longer.
    pub(super) body: String,
}

impl Answer {
    /// The draft; none where we cannot see, and nobody should be told anything.
    pub(super) fn draft(&self, language: Language) -> Option<Draft> {
        let verdict = self.diagnosis.verdict;
        match verdict {
            Verdict::VantageBlind | Verdict::Unknown => return None,
            Verdict::Deliverable
            | Verdict::Degraded
            | Verdict::NoMailByIntent
            | Verdict::UndeliverableTransient
            | Verdict::UndeliverablePermanent => {}
        }
        let mut reachable = self.contacts.reachable().map(|candidate| candidate.address.clone());
        Some(Draft {
            to: reachable.next(),
            also: reachable.take(2).collect(),
            subject: self.subject(language),
            body: Body { answer: self, language, text: String::new() }.written(),
        })
    }

    fn subject(&self, language: Language) -> String {
        let domain = &self.diagnosis.domain;
        match (self.diagnosis.verdict, language) {
            (Verdict::Deliverable | Verdict::Degraded, Language::En) => {
                format!("Trouble with mail to {domain}")
            }
            (Verdict::Deliverable | Verdict::Degraded, Language::De) => {
                format!("Probleme mit Mail an {domain}")
            }
            (
                Verdict::NoMailByIntent
                | Verdict::UndeliverableTransient
                | Verdict::UndeliverablePermanent
                | Verdict::VantageBlind
                | Verdict::Unknown,
                Language::En,
            ) => format!("Mail to {domain} does not arrive"),
            (
                Verdict::NoMailByIntent
                | Verdict::UndeliverableTransient
                | Verdict::UndeliverablePermanent
                | Verdict::VantageBlind
                | Verdict::Unknown,
                Language::De,
            ) => format!("Mail an {domain} kommt nicht an"),
        }
    }
}

struct Body<'a> {
    answer: &'a Answer,
    language: Language,
    text: String,
}

impl Body<'_> {
    fn written(mut self) -> String {
        let diagnosis = &self.answer.diagnosis;
        let domain = &diagnosis.domain;
        let verdict = diagnosis.verdict.knowledge(self.language);
        self.paragraph(pick(self.language, "Hello,", "Guten Tag,"));
        self.paragraph(&match self.language {
            Language::En => {
                format!("we tried to send mail to {domain}. {}: {}", verdict.title, verdict.explanation)
            }
            Language::De => {
                format!("wir wollten Mail an {domain} senden. {}: {}", verdict.title, verdict.explanation)
            }
        });
        self.paragraph(pick(
            self.language,
            "We write to you because this address appears to belong to somebody who can mend it. If that is not you, please pass it on.",
            "Wir schreiben Ihnen, weil diese Adresse anscheinend jemandem gehört, der es beheben kann. Sind Sie es nicht, leiten Sie \
             die Nachricht bitte weiter.",
        ));
        self.list(
            pick(self.language, "What is wrong:", "Was nicht stimmt:"),
            &evidence::findings(diagnosis, self.language),
        );
        self.list(
            pick(self.language, "The mail servers:", "Die Mailserver:"),
            &evidence::servers(diagnosis, self.language),
        );
        if let Some(complaint) = &self.answer.complaint {
            self.quote(complaint);
        }
        self.paragraph(&evidence::vantage(diagnosis, self.language));
        if diagnosis.verdict.is_deliverable() {
            self.paragraph(pick(
                self.language,
                "Please look into it, and tell us when it is mended.",
                "Bitte sehen Sie nach und sagen Sie uns, wenn es behoben ist.",
            ));
        } else {
            self.paragraph(pick(
                self.language,
                "We send nothing more to this domain for the time being. Please tell us when it takes mail again, or whether it is \
                 given up for good.",
                "Wir senden vorerst nichts mehr an diese Domain. Bitte sagen Sie uns, wenn sie wieder Mail annimmt, oder ob sie \
                 endgültig aufgegeben ist.",
            ));
        }
        self.paragraph(pick(self.language, "Kind regards", "Mit freundlichen Grüßen"));
        self.text.truncate(self.text.trim_end().len());
        self.text.push('\n');
        self.text
    }

    fn quote(&mut self, complaint: &Complaint) {
        let intro = match (&complaint.recipient, self.language) {
            (Some(recipient), Language::En) => format!("What our mail to {recipient} got for an answer"),
            (Some(recipient), Language::De) => format!("Was unsere Mail an {recipient} zur Antwort bekam"),
            (None, Language::En) => "What our mail got for an answer".to_owned(),
            (None, Language::De) => "Was unsere Mail zur Antwort bekam".to_owned(),
        };
        let at = complaint.at.map(|at| format!(" ({})", dates::minute(at))).unwrap_or_default();
        self.wrapped("", "", &format!("{intro}{at}:"));
        let reply = complaint.reply.as_deref().or(complaint.status.as_deref());
        let none =
            pick(self.language, "(no reply is quoted in the bounce)", "(der Bounce nennt keine Antwort)");
        self.wrapped("> ", "> ", reply.unwrap_or(none));
        let servers = [
            (pick(self.language, "status", "Status"), complaint.status.as_ref()),
            (pick(self.language, "said by", "gesagt von"), complaint.remote_mta.as_ref()),
            (pick(self.language, "reported by", "gemeldet von"), complaint.reporting_mta.as_ref()),
        ];
        let servers: Vec<_> =
            servers.into_iter().filter_map(|(label, value)| Some(format!("{label} {}", value?))).collect();
        if !servers.is_empty() {
            self.wrapped("", "", &format!("({})", servers.join(", ")));
        }
        self.text.push('\n');
    }

    fn list(&mut self, heading: &str, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.wrapped("", "", heading);
        for line in lines {
            self.wrapped("- ", "  ", line);
        }
        self.text.push('\n');
    }

    fn paragraph(&mut self, text: &str) {
        self.wrapped("", "", text);
        self.text.push('\n');
    }

    fn wrapped(&mut self, first: &str, rest: &str, text: &str) {
        // A word longer than a line stays whole up to what a mail can carry (RFC 5322 §2.1.1): texts are bounded below that.
        let options = textwrap::Options::new(WIDTH)
            .initial_indent(first)
            .subsequent_indent(rest)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .break_words(text.len() > 900);
        for line in textwrap::wrap(&plain(text), options) {
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }
}

impl Draft {
    /// The message (RFC 5322), with bare line feeds. Mail programs open it for editing (`X-Unsent`). Without `from`, the mail program
    /// fills that field in.
    pub(super) fn message(&self, from: Option<&EmailAddress>) -> String {
        let date = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000");
        let from = from.map(|from| format!("From: {from}\n")).unwrap_or_default();
        let to = self.to.as_ref().map(|to| format!("To: {to}\n")).unwrap_or_default();
        format!(
            "{from}{to}Subject: {}\nDate: {date}\nX-Unsent: 1\nMIME-Version: 1.0\n\
             Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{}",
            self.subject, self.body
        )
    }
}
