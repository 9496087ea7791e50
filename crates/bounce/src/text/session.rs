//! Pieces of SMTP dialogue that notices quote: `>>> RCPT To:<…>` and `<<< 550 …` of Sendmail, Courier and others, `In:` and
//! `Out:` of Postfix.

use abprall_mail::EmailAddress;

use super::address;
use super::finding::append;
use super::notice::after_ignoring_case;
use crate::Phase;

/// The dialogue so far.
#[derive(Default)]
pub(super) struct Session {
    /// The host, from `while talking to …`.
    pub host: Option<String>,
    /// Where the last command was.
    pub phase: Option<Phase>,
    /// The recipient of the last RCPT command.
    pub recipient: Option<EmailAddress>,
    /// The last refusal that nobody was given yet.
    pub refusal: String,
    /// Whether the refusal goes on in the next line (`550-…`).
    pub goes_on: bool,
}

/// A line of dialogue.
pub(super) enum Turn<'a> {
    Command(&'a str),
    Reply(&'a str),
    Talking(&'a str),
}

impl<'a> Turn<'a> {
    /// The turn that a line is.
    pub fn of(line: &'a str) -> Option<Self> {
        if let Some(command) = line.strip_prefix(">>>") {
            let command = command.trim_start_matches(['>', ' ']);
            return is_command(command).then_some(Self::Command(command));
        }
        if let Some(reply) = line.strip_prefix("<<<") {
            return Some(Self::Reply(reply.trim_start()));
        }
        // MDaemon: "Thu 2010-04-29 23:34:45: --> RCPT To:<a@b>"
        if line.contains("-- ")
            && let Some((_, reply)) = line.split_once("<-- ")
        {
            return Some(Self::Reply(reply.trim_start()));
        }
        if line.contains("--> ")
            && let Some((_, command)) = line.split_once("--> ")
            && is_command(command)
        {
            return Some(Self::Command(command));
        }
        if (line.starts_with("...") || line.starts_with(['W', 'w']))
            && let Some(host) = after_ignoring_case(line, "while talking to ")
        {
            return Some(Self::Talking(host.trim_end_matches([':', '.', ' '])));
        }
        None
    }
}

impl Session {
    /// Takes a command.
    pub fn command(&mut self, command: &str) {
        self.phase = phase_of(command);
        self.refusal.clear();
        if self.phase == Some(Phase::Rcpt) {
            self.recipient = address::first_in(command).map(|found| found.address);
        }
    }

    /// Starts a dialogue with another host.
    pub fn talking(&mut self, host: &str) {
        *self = Self { host: Some(host.to_owned()), ..Self::default() };
    }

    /// Takes a reply; true when it refuses.
    pub fn reply(&mut self, reply: &str) -> bool {
        let refuses = super::codes::starts_with_reply(reply);
        if refuses {
            append(&mut self.refusal, reply);
            self.goes_on = reply.as_bytes().get(3) == Some(&b'-');
        }
        refuses
    }
}

/// Where in the dialogue a command stands.
pub(crate) fn phase_of(command: &str) -> Option<Phase> {
    let verb = command.split([' ', ':', '\t']).next().unwrap_or_default();
    Some(match verb.to_ascii_uppercase().as_str() {
        "RCPT" | "RCPT_TO" => Phase::Rcpt,
        "MAIL" | "MAIL_FROM" => Phase::Mail,
        "HELO" | "EHLO" | "LHLO" => Phase::Ehlo,
        "STARTTLS" => Phase::Tls,
        "DATA" => Phase::Data,
        "BDAT" | "." => Phase::EndOfData,
        "CONNECT" | "CONN" => Phase::Connect,
        _ => return None,
    })
}

fn is_command(text: &str) -> bool {
    phase_of(text).is_some()
        || ["QUIT", "RSET", "VRFY", "NOOP", "AUTH", "XFORWARD", "XCLIENT"]
            .iter()
            .any(|verb| text.starts_with(verb))
}
