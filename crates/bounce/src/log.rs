//! Reads what MTAs log about deliveries: complete lines of Postfix, Exim, Sendmail and OpenSMTPD with whatever syslog puts in front,
//! PowerMTA's accounting files and KumoMTA's JSON records.
//!
//! A reader takes one line after the other. What one line does not say — the Message-ID, the sender, why a message expired — it
//! remembers from earlier lines of the same queue id, within [limits](crate::limits).

use abprall_mail::EmailAddress;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

use crate::{Kind, Report, Trust, limits};

mod accounting;
mod exim;
mod fields;
mod kumo;
mod opensmtpd;
mod postfix;
mod prefix;
mod queue;
mod sendmail;
mod sniff;
mod time;

pub(crate) use kumo::read_record as read_kumo_record;
pub(crate) use time::of_text as time_of_text;

use queue::Queues;

/// What a log looks like.
#[derive(Clone, Copy, Debug, Display, EnumIter, EnumString, Eq, Hash, IntoStaticStr, PartialEq)]
#[strum(serialize_all = "kebab-case")]
pub enum LogFormat {
    /// A mail log in which any of the four may write: each line by its program's name, else by its shape.
    MailLog,
    /// Postfix.
    PostfixLog,
    /// Exim's main log, as a file of its own or through syslog.
    EximLog,
    /// Sendmail.
    SendmailLog,
    /// OpenSMTPD.
    OpensmtpdLog,
    /// PowerMTA accounting records: CSV with a header line.
    PowermtaCsv,
    /// KumoMTA log records: one JSON object a line.
    KumomtaJson,
}

impl LogFormat {
    /// The format by how a file starts; `None` when it is no log that we know.
    pub fn sniff(start: &[u8]) -> Option<Self> {
        sniff::sniff(start)
    }
}

/// How many lines a reader has seen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LogTally {
    /// Lines that were not empty.
    pub lines: u64,
    /// Reports that came of them.
    pub reports: u64,
    /// Lines that should have told of a delivery, and could not be read.
    pub unreadable: u64,
}

/// Reads one log, line by line.
pub struct LogReader {
    format: LogFormat,
    zone: TimeZone,
    host: Option<String>,
    queues: Queues,
    columns: Option<accounting::Columns>,
    tally: LogTally,
}

/// What a line told.
#[derive(Debug, Default)]
enum Told {
    /// Something else than a delivery, or a delivery of a bounce.
    #[default]
    Nothing,
    /// It should have told of a delivery.
    Unreadable,
    Reports(Vec<Report>),
}

impl LogReader {
    /// A reader that takes times without a zone for UTC.
    pub fn new(format: LogFormat) -> Self {
        Self {
            format,
            zone: TimeZone::UTC,
            host: None,
            queues: Queues::new(limits::LOG_QUEUE_BYTES_MAX),
            columns: None,
            tally: LogTally::default(),
        }
    }

    /// The zone of time stamps that have none.
    #[must_use]
    pub fn in_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    /// The name by which the MTA reports (`myhostname`). Syslog writes only `mail` where a bounce says `mail.example.org`; with this
    /// name both are known to be about one queue entry.
    #[must_use]
    pub fn of_host(mut self, host: &str) -> Self {
        self.host = Some(host.to_ascii_lowercase());
        self
    }

    /// Reads the next line, with or without its line end. `now` is the reader's clock: it gives the year that syslog leaves out.
    pub fn read_line(&mut self, line: &[u8], now: Timestamp) -> Vec<Report> {
        let line = &line[..line.len().min(limits::LOG_LINE_BYTES_MAX)];
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches(['\r', '\n', '\0']);
        if line.trim().is_empty() {
            return Vec::new();
        }
        self.tally.lines += 1;
        let told = match self.format {
            LogFormat::PowermtaCsv => accounting::read(&mut self.columns, line),
            LogFormat::KumomtaJson => kumo::read_line(line),
            LogFormat::MailLog
            | LogFormat::PostfixLog
            | LogFormat::EximLog
            | LogFormat::SendmailLog
            | LogFormat::OpensmtpdLog => self.read_mail_log(line, now),
        };
        let mut reports = match told {
            Told::Nothing => Vec::new(),
            Told::Unreadable => {
                self.tally.unreadable += 1;
                Vec::new()
            }
            Told::Reports(reports) => reports,
        };
        for report in &mut reports {
            // It stands in the log of a system of our own.
            report.trust = Trust::Authenticated;
            if let Some(host) = &self.host {
                report.reporting_mta = Some(host.clone());
            }
        }
        self.tally.reports += reports.len() as u64;
        reports
    }

    /// What has been read until now.
    pub fn tally(&self) -> LogTally {
        self.tally
    }

    /// Bytes that are remembered of earlier lines; never above twice [`limits::LOG_QUEUE_BYTES_MAX`] and one entry.
    pub fn remembered_bytes(&self) -> usize {
        self.queues.bytes()
    }

    fn read_mail_log(&mut self, line: &str, now: Timestamp) -> Told {
        let prefix = prefix::Prefix::read(line, now, &self.zone);
        let Some(mta) = self.mta_of(&prefix) else { return Told::Nothing };
        let told = match mta {
            Mta::Postfix => postfix::read(&mut self.queues, &prefix),
            Mta::Exim => exim::read(&mut self.queues, &prefix, now, &self.zone),
            Mta::Sendmail => sendmail::read(&mut self.queues, &prefix),
            Mta::OpenSmtpd => opensmtpd::read(&mut self.queues, &prefix),
        };
        let Told::Reports(mut reports) = told else { return told };
        for report in &mut reports {
            report.last_attempt_at = report.last_attempt_at.or(prefix.at);
            report.reporting_mta = prefix.host.map(str::to_ascii_lowercase);
        }
        Told::Reports(reports)
    }

    fn mta_of(&self, prefix: &prefix::Prefix<'_>) -> Option<Mta> {
        let told = Mta::of(prefix);
        match self.format {
            LogFormat::PostfixLog => told.is_none_or(|mta| mta == Mta::Postfix).then_some(Mta::Postfix),
            LogFormat::EximLog => told.is_none_or(|mta| mta == Mta::Exim).then_some(Mta::Exim),
            LogFormat::SendmailLog => told.is_none_or(|mta| mta == Mta::Sendmail).then_some(Mta::Sendmail),
            LogFormat::OpensmtpdLog => told.is_none_or(|mta| mta == Mta::OpenSmtpd).then_some(Mta::OpenSmtpd),
            LogFormat::MailLog | LogFormat::PowermtaCsv | LogFormat::KumomtaJson => told,
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mta {
    Postfix,
    Exim,
    Sendmail,
    OpenSmtpd,
}

impl Mta {
    /// By the program's name, else by the shape of the line.
    fn of(prefix: &prefix::Prefix<'_>) -> Option<Self> {
        let Some(program) = prefix.program else { return Self::by_shape(prefix.rest) };
        if program.starts_with("postfix") || program.contains('/') {
            return Some(Self::Postfix);
        }
        if program.starts_with("exim") {
            return Some(Self::Exim);
        }
        if program.starts_with("sendmail") || program.starts_with("sm-mta") || program.starts_with("sm-msp") {
            return Some(Self::Sendmail);
        }
        (program == "smtpd").then_some(Self::OpenSmtpd)
    }

    fn by_shape(rest: &str) -> Option<Self> {
        if exim::starts_with_id(rest) {
            Some(Self::Exim)
        } else if rest.contains(" result=") && rest.contains("evpid=") {
            Some(Self::OpenSmtpd)
        } else if rest.contains(", status=") || rest.contains("message-id=") {
            Some(Self::Postfix)
        } else if rest.contains(", stat=") || rest.contains(", msgid=") {
            Some(Self::Sendmail)
        } else {
            None
        }
    }
}

/// Fills what the queue entry of a report knows.
fn join(report: &mut Report, queue_id: &str, entry: Option<&queue::Entry>) {
    report.queue_id = Some(queue_id.to_owned());
    let Some(entry) = entry else { return };
    report.sender.clone_from(&entry.sender);
    report.message_id.clone_from(&entry.message_id);
    report.arrived_at = entry.arrived_at;
}

/// The failures of a queue entry whose time ran out: of each recipient that was still waiting, with the last reason.
fn expired(queues: &mut Queues, queue_id: &str, how: &str) -> Told {
    let taken = queues.change_known(queue_id, |entry| {
        if entry.is_bounce() { Vec::new() } else { std::mem::take(&mut entry.waiting) }
    });
    let waiting = taken.unwrap_or_default();
    if waiting.is_empty() {
        return Told::Nothing;
    }
    let reports = waiting.into_iter().map(|mut report| {
        report.kind = Kind::Failed;
        // The time of the line itself is put in by the caller.
        report.last_attempt_at = None;
        report.prose = Some(how.to_owned());
        report
    });
    Told::Reports(reports.collect())
}

/// An address that a line names; syslog and MTAs leave out the domain of local users, and we then do too.
fn address(text: &str) -> Option<EmailAddress> {
    EmailAddress::parse_lenient(text).ok()
}
