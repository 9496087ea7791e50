use crate::delivery_status::{RecipientStatus, looks_like_delivery_status, read_delivery_status};
use crate::letter::{Letter, LetterRef, Part, parse_date};
use crate::mailer::{Seen, generator_of};
use crate::merge::merge;
use crate::origin::{Origin, ReturnPath};
use crate::phase::{phase_of, refused_command};
use crate::receipt::{Receipt, read_receipt};
use crate::returned::{Returned, read_returned};
use crate::{
    Damage, Kind, NotABounce, Reading, Report, Trust, auto_reply, challenge, dmarc_report, feedback,
    forwarded, limits, phishing, text, unsubscribe,
};

/// Reads one message. Never fails, never panics; see [`Reading::damage`].
pub fn read(message: &[u8]) -> Reading {
    let Some(letter) = Letter::parse(message) else {
        return Reading { not_a_bounce: Some(NotABounce::Unreadable), ..Reading::default() };
    };
    let mut reading = read_letter(letter.view(), Wrapping::Outermost);
    for damage in letter.damage() {
        if !reading.damage.contains(&damage) {
            reading.damage.push(damage);
        }
    }
    if reading.reports.len() > limits::RECIPIENTS_MAX {
        reading.reports.truncate(limits::RECIPIENTS_MAX);
        reading.damage.push(Damage::TooManyRecipients);
    }
    reading
}

/// Whether a message came by itself or within one of a mail system, which is unwrapped once.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Wrapping {
    Outermost,
    Wrapped,
}

fn read_letter(letter: LetterRef<'_>, wrapping: Wrapping) -> Reading {
    let origin = Origin::of(letter);
    if let Some(reports) = feedback::read_feedback(letter, &origin) {
        return complaint(reports);
    }
    let mut damage = Vec::new();
    let statuses = status_parts(letter, &mut damage);
    if !statuses.is_empty() {
        if forwarded::is_passed_on(letter, &origin) {
            return Reading::none(NotABounce::ForwardedBounce);
        }
        let reports = status_reports(letter, &origin, statuses);
        return Reading { reports, not_a_bounce: None, damage };
    }
    match read_receipt(letter) {
        Some(Receipt::Refused(report)) => return Reading::of(vec![*report]),
        Some(Receipt::Read) => return Reading::none(NotABounce::ReadReceipt),
        None => {}
    }
    if let Some(what) = dmarc_report::aggregate_report(letter, &origin) {
        return Reading::none(what);
    }
    if forwarded::is_forwarded(letter, &origin) {
        return Reading::none(NotABounce::ForwardedBounce);
    }
    if let Some(report) =
        unsubscribe::read_unsubscribe(letter, &origin).or_else(|| challenge::read_challenge(letter, &origin))
    {
        return Reading::of(vec![report]);
    }
    // Gateways mark their reports as automatic answers: what speaks of a delivery in its subject is looked at as a report first.
    if !origin.has_bounce_subject
        && let Some(report) = auto_reply::read_auto_reply(letter, &origin)
    {
        return Reading::of(vec![report]);
    }
    let reading = text_reports(letter, &origin);
    if reading.reports.is_empty()
        && wrapping == Wrapping::Outermost
        && let Some(inner) = forwarded::nested_report(letter)
    {
        return read_letter(inner, Wrapping::Wrapped);
    }
    if reading.reports.is_empty()
        && origin.has_bounce_subject
        && let Some(report) = auto_reply::read_auto_reply(letter, &origin)
    {
        return Reading::of(vec![report]);
    }
    reading
}

impl Reading {
    fn of(reports: Vec<Report>) -> Self {
        Self { reports, ..Self::default() }
    }

    fn none(what: NotABounce) -> Self {
        Self { not_a_bounce: Some(what), ..Self::default() }
    }
}

/// A failed authentication is a matter between the receiver and us, "not spam" is praise: neither is a complaint of a reader.
fn complaint(reports: Vec<Report>) -> Reading {
    let about_us = |report: &Report| {
        report
            .diagnostic
            .as_deref()
            .is_some_and(|d| d.to_ascii_lowercase().contains("feedback-type: auth-failure"))
    };
    if reports.iter().any(about_us) {
        return Reading::none(NotABounce::DmarcReport);
    }
    if reports.iter().all(|report| report.kind == Kind::Other) {
        return Reading::none(NotABounce::OrdinaryMail);
    }
    Reading::of(reports)
}

/// All delivery-status parts of a message, also those under a wrong label.
fn status_parts(letter: LetterRef<'_>, damage: &mut Vec<Damage>) -> Vec<RecipientStatus> {
    let mut found = Vec::new();
    for part in letter.parts() {
        if let Some(content) = status_content(&part) {
            let mut statuses = read_delivery_status(content, damage);
            if found.is_empty() {
                found = statuses;
            } else {
                found.append(&mut statuses);
            }
        }
    }
    found
}

fn status_content<'a>(part: &Part<'a>) -> Option<&'a [u8]> {
    match part.kind() {
        "message/delivery-status"
        | "message/global-delivery-status"
        | "message/report"
        | "message/delivery-report" => Some(part.bytes()),
        "message/rfc822" | "message/global" | "text/html" | "text/rfc822-headers" => None,
        // A label that was lost on the way: the fields speak for themselves.
        kind if kind.starts_with("text/")
            || kind.starts_with("message/")
            || kind == "application/octet-stream" =>
        {
            let content = if part.is_encoded() && kind.starts_with("text/") {
                part.text().as_bytes()
            } else {
                part.bytes()
            };
            let start = content.trim_ascii_start();
            looks_like_delivery_status(start).then_some(start)
        }
        _ => None,
    }
}

fn status_reports(letter: LetterRef<'_>, origin: &Origin<'_>, statuses: Vec<RecipientStatus>) -> Vec<Report> {
    let first = &statuses[0];
    let seen = Seen {
        reporting_mta: first.report.reporting_mta.as_deref(),
        diagnostic_type: first.diagnostic_type.as_deref(),
        author: first.author,
    };
    let generator = generator_of(letter, origin, &seen);
    // Reading the text is the dearer half: a single status that says everything needs only the command from it.
    let mut reports = if generator.is_some() && statuses.len() == 1 && statuses[0].says_everything() {
        let mut statuses = statuses;
        statuses[0].report.phase = first_text(letter).and_then(refused_command);
        merge(statuses, Vec::new())
    } else {
        merge(statuses, text::read_text(letter))
    };
    for report in &mut reports {
        report.generator = generator.or(report.generator);
    }
    complete(letter, &mut reports);
    reports
}

fn first_text(letter: LetterRef<'_>) -> Option<&str> {
    letter.parts().find(|part| part.is("text/plain")).map(|part| part.text())
}

fn text_reports(letter: LetterRef<'_>, origin: &Origin<'_>) -> Reading {
    let by_list = origin.is_list && origin.return_path != ReturnPath::Null && !origin.is_mailer;
    if by_list || forwarded::is_list_warning(letter) {
        return Reading::none(NotABounce::ListMail);
    }
    let mut reports = text::read_text(letter);
    complete(letter, &mut reports);
    reports.retain(|r| r.recipient.is_some() || r.diagnostic.is_some() || r.prose.is_some());
    if phishing::is_phishing(letter, origin, &reports) {
        return Reading::none(NotABounce::Phishing);
    }
    if reports.is_empty() {
        return Reading::none(NotABounce::OrdinaryMail);
    }
    if !origin.is_bounce_like() && reports.iter().all(forwarded::is_quoted) {
        return Reading::none(NotABounce::ForwardedBounce);
    }
    let generator = generator_of(letter, origin, &Seen::default());
    for report in &mut reports {
        report.generator = report.generator.or(generator);
        report.phase = report.phase.or_else(|| phase_of(report));
        if !origin.is_bounce_like() {
            report.trust = Trust::Suspicious;
        }
    }
    Reading::of(reports)
}

/// Adds what the returned message and the header of the report know.
fn complete(letter: LetterRef<'_>, reports: &mut [Report]) {
    if reports.is_empty() {
        return;
    }
    let returned = read_returned(letter).unwrap_or_default();
    let date = letter.header("Date").and_then(|date| parse_date(&date));
    let single = reports.len() == 1;
    for report in reports {
        report.arrived_at = report.arrived_at.or(date);
        add_returned(report, &returned, single);
    }
}

fn add_returned(report: &mut Report, returned: &Returned, single: bool) {
    if let Some(only) = returned.single_recipient().filter(|_| single) {
        if report.recipient.is_none() {
            report.recipient = Some(only.clone());
        }
        if report.original_recipient.is_none() {
            report.original_recipient = Some(only.clone());
        }
    }
    if report.original_recipient.is_none()
        && report.recipient.as_ref().is_some_and(|address| returned.to.contains(address))
    {
        report.original_recipient.clone_from(&report.recipient);
    }
    let sender =
        returned.return_path.clone().or_else(|| report.sender.take()).or_else(|| returned.from.clone());
    report.sender = sender;
    if report.message_id.is_none() {
        report.message_id.clone_from(&returned.message_id);
    }
    if report.subject.is_none() {
        report.subject.clone_from(&returned.subject);
    }
    if report.hops.is_empty() {
        report.hops.clone_from(&returned.hops);
    }
    if report.queue_id.is_none() {
        report.queue_id = queue_id_in(report);
    }
}

/// The queue id of the MTA that reports, from the Received line that it put on our message: only Postfix names it in the report.
fn queue_id_in(report: &Report) -> Option<String> {
    let host = report.reporting_mta.as_deref()?;
    let is_own = |by: &Option<String>| by.as_deref().is_some_and(|by| by.eq_ignore_ascii_case(host));
    report.hops.iter().find(|hop| is_own(&hop.by))?.id.clone()
}
