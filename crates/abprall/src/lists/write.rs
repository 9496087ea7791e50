use std::io::{self, Write};

use abprall_mail::{Party, Reason};
use abprall_policy::Stop;
use abprall_store::Audience;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use serde_json::json;

use super::entry::{Listed, ListedSubject};
use super::format::Format;

/// A stop that is written out.
pub(crate) struct Stopped<'a> {
    /// Whom.
    pub(crate) subject: &'a ListedSubject,
    /// How hard.
    pub(crate) stop: Stop,
    /// Why.
    pub(crate) reason: Reason,
    /// Since when.
    pub(crate) since: Option<Timestamp>,
    /// Until when.
    pub(crate) until: Option<Timestamp>,
    /// The number of the decision.
    pub(crate) decision: Option<i64>,
    /// For whose mail.
    pub(crate) audience: &'a Audience,
}

impl<'a> From<&'a Listed> for Stopped<'a> {
    fn from(listed: &'a Listed) -> Self {
        let Listed { subject, stop, reason, since, until, audience, .. } = listed;
        Self { subject, stop: *stop, reason: *reason, since: *since, until: *until, decision: None, audience }
    }
}

/// The columns of our own table, in their order; what is new is added at the end.
pub(crate) const CSV_COLUMNS: [&str; 9] =
    ["address", "state", "scope", "reason", "since", "until", "decision", "tenant", "list"];

/// The three lists that every service keeps.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Group {
    Bounce,
    Complaint,
    Unsubscribe,
}

fn group(reason: Reason) -> Group {
    match reason {
        Reason::Complaint => Group::Complaint,
        Reason::Unsubscribe => Group::Unsubscribe,
        _ => Group::Bounce,
    }
}

/// Writes stops in the shape that a service takes in.
pub(crate) struct ListWriter<W: Write> {
    format: Format,
    out: Out<W>,
    written: u64,
}

enum Out<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Text(W),
}

impl<W: Write> ListWriter<W> {
    /// Begins a list.
    pub(crate) fn new(format: Format, out: W) -> io::Result<Self> {
        let header: &[&str] = match format {
            // What an import job of SES takes has no header.
            Format::Ses => &[],
            Format::Sendgrid => &["status", "reason", "email", "created"],
            Format::Mailgun => &["address", "code", "error", "created_at"],
            Format::Sparkpost => &["recipient", "type", "description"],
            Format::Brevo => &["email", "reason", "blockedAt"],
            Format::Mailchimp => &["Email Address", "UNSUB_TIME", "UNSUB_REASON", "CLEAN_TIME"],
            Format::Listmonk => &["email", "name", "attributes"],
            Format::Csv => &CSV_COLUMNS,
            Format::Postmark | Format::Plain => &[],
        };
        let mut out = match format {
            Format::Postmark | Format::Plain => Out::Text(out),
            Format::Ses
            | Format::Sendgrid
            | Format::Mailgun
            | Format::Sparkpost
            | Format::Brevo
            | Format::Mailchimp
            | Format::Listmonk
            | Format::Csv => Out::Csv(Box::new(csv::Writer::from_writer(out))),
        };
        match (&mut out, format) {
            (Out::Csv(csv), _) if !header.is_empty() => csv.write_record(header)?,
            (Out::Text(text), Format::Postmark) => text.write_all(b"{\"Suppressions\":[")?,
            (Out::Csv(_) | Out::Text(_), _) => {}
        }
        Ok(Self { format, out, written: 0 })
    }

    /// Writes one stop. Gives `false` for a domain where the service knows only addresses.
    pub(crate) fn write(&mut self, stopped: &Stopped<'_>) -> io::Result<bool> {
        let name = match (self.format, stopped.subject) {
            (_, ListedSubject::Address(address)) => address.as_str(),
            (Format::Csv | Format::Plain, ListedSubject::Domain(domain)) => domain.as_str(),
            (_, ListedSubject::Domain(_)) => return Ok(false),
        };
        match &mut self.out {
            Out::Csv(csv) => write_csv(csv, self.format, name, stopped)?,
            Out::Text(text) if self.format == Format::Postmark => {
                let separator = if self.written == 0 { "\n" } else { ",\n" };
                write!(text, "{separator}{}", postmark(name, stopped))?;
            }
            Out::Text(text) => writeln!(text, "{name}")?,
        }
        self.written += 1;
        Ok(true)
    }

    /// Ends the list; gives how many entries it has.
    pub(crate) fn finish(self) -> io::Result<u64> {
        match self.out {
            Out::Csv(mut csv) => csv.flush()?,
            Out::Text(mut text) => {
                if self.format == Format::Postmark {
                    text.write_all(b"\n]}\n")?;
                }
                text.flush()?;
            }
        }
        Ok(self.written)
    }
}

fn write_csv<W: Write>(
    csv: &mut csv::Writer<W>,
    format: Format,
    name: &str,
    stopped: &Stopped<'_>,
) -> io::Result<()> {
    let group = group(stopped.reason);
    let reason = stopped.reason.as_str();
    let since = stopped.since.map(|at| at.to_string()).unwrap_or_default();
    match format {
        Format::Ses => {
            let word = if group == Group::Complaint { "COMPLAINT" } else { "BOUNCE" };
            csv.write_record([name, word])?;
        }
        Format::Sendgrid => {
            let created = stopped.since.map(|at| at.as_second().to_string()).unwrap_or_default();
            csv.write_record([status(stopped.reason), reason, name, &created])?;
        }
        Format::Mailgun => {
            let code = match group {
                Group::Bounce => "550",
                Group::Complaint => "607",
                Group::Unsubscribe => "606",
            };
            let created =
                stopped.since.and_then(|at| rfc2822::to_string(&at.to_zoned_datetime(TimeZone::UTC)).ok());
            csv.write_record([name, code, reason, &created.unwrap_or_default()])?;
        }
        Format::Sparkpost => {
            csv.write_record([name, "non_transactional", reason])?;
            // Campaigns and single messages have a list each; a wish to leave campaigns is none to get no invoices.
            if group == Group::Bounce {
                csv.write_record([name, "transactional", reason])?;
            }
        }
        Format::Brevo => {
            let word = match group {
                Group::Bounce => "hardBounce",
                Group::Complaint => "contactFlaggedAsSpam",
                Group::Unsubscribe => "unsubscribedViaApi",
            };
            csv.write_record([name, word, &since])?;
        }
        Format::Mailchimp => {
            let at = stopped.since.map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string());
            // Which column has a time says which list it is: one must have.
            let at = at.unwrap_or_else(|| "1970-01-01 00:00:00".to_owned());
            match group {
                Group::Bounce => csv.write_record([name, "", "", &at])?,
                Group::Complaint => csv.write_record([name, &at, "SPAM", ""])?,
                Group::Unsubscribe => csv.write_record([name, &at, "", ""])?,
            }
        }
        Format::Listmonk => {
            let mut own = json!({ "state": state(stopped.stop), "reason": reason });
            for (key, at) in [("since", stopped.since), ("until", stopped.until)] {
                if let Some(at) = at {
                    own[key] = at.to_string().into();
                }
            }
            csv.write_record([name, "", &json!({ "abprall": own }).to_string()])?;
        }
        Format::Csv => {
            let scope = match stopped.subject {
                ListedSubject::Address(_) => "address",
                ListedSubject::Domain(_) => "domain",
            };
            let until = stopped.until.map(|at| at.to_string()).unwrap_or_default();
            let decision = stopped.decision.map(|id| id.to_string()).unwrap_or_default();
            let Audience { tenant, list } = stopped.audience;
            let [tenant, list] = [tenant, list].map(|name| name.as_deref().unwrap_or_default());
            let row = [name, state(stopped.stop), scope, reason, &since, &until, &decision, tenant, list];
            csv.write_record(row)?;
        }
        Format::Postmark | Format::Plain => {}
    }
    Ok(())
}

fn state(stop: Stop) -> &'static str {
    match stop {
        Stop::Hold => "held",
        Stop::Suppression => "suppressed",
    }
}

/// An enhanced status code that says about the same.
fn status(reason: Reason) -> &'static str {
    match reason.party() {
        Party::None => "",
        Party::RecipientDomain => "5.1.2",
        Party::Route => "5.4.0",
        Party::Recipient => "5.1.1",
        Party::Receiver | Party::Sender | Party::Message | Party::OwnSystem | Party::Unknown => "5.0.0",
    }
}

fn postmark(name: &str, stopped: &Stopped<'_>) -> serde_json::Value {
    let (reason, origin) = match group(stopped.reason) {
        Group::Bounce => ("HardBounce", "Recipient"),
        Group::Complaint => ("SpamComplaint", "Recipient"),
        Group::Unsubscribe => ("ManualSuppression", "Recipient"),
    };
    let since = stopped.since.map(|at| at.to_string());
    json!({ "EmailAddress": name, "SuppressionReason": reason, "Origin": origin, "CreatedAt": since })
}
