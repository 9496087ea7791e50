//! Status fields of RFC 3464 that stand in the text itself (Amazon WorkMail, digests, gateways that flatten messages).

use abprall_mail::EmailAddress;

use super::finding::{Finding, append};
use super::notice::{Notice, after_ignoring_case};
use crate::{Issuer, Kind};

/// One finding for each `Final-Recipient`.
pub(crate) fn read(notice: &Notice<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut current = Group::default();
    let mut last = Field::Other;
    for line in &notice.lines {
        if line.text.is_empty() {
            current.close(&mut findings);
            last = Field::Other;
            continue;
        }
        if line.indent > 0 && last == Field::Diagnostic {
            append(&mut current.finding.reason, line.text);
            continue;
        }
        last = current.take(line.text);
    }
    current.close(&mut findings);
    findings
}

#[derive(Default)]
struct Group {
    finding: Finding,
    status: String,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Field {
    Diagnostic,
    Other,
}

impl Group {
    fn take(&mut self, line: &str) -> Field {
        let field = |name: &str| {
            after_ignoring_case(line, name)
                .filter(|rest| rest.len() + name.len() == line.len())
                .map(str::trim)
        };
        let typed = |value: &str| value.split_once(';').map_or(value, |(_, rest)| rest).trim().to_owned();
        if let Some(value) = field("final-recipient:") {
            self.finding.recipient = EmailAddress::parse_lenient(&typed(value)).ok();
        } else if let Some(value) = field("original-recipient:") {
            self.finding.original = EmailAddress::parse_lenient(&typed(value)).ok();
        } else if let Some(value) = field("action:") {
            let word = value.split([' ', '(', ';']).next().unwrap_or_default().to_ascii_lowercase();
            self.finding.kind = match word.as_str() {
                "failed" | "failure" => Some(Kind::Failed),
                "delayed" | "deferred" => Some(Kind::Delayed),
                "delivered" => Some(Kind::Delivered),
                "relayed" => Some(Kind::Relayed),
                "expanded" => Some(Kind::Expanded),
                _ => None,
            };
        } else if let Some(value) = field("status:") {
            value.split([' ', '(']).next().unwrap_or_default().clone_into(&mut self.status);
        } else if let Some(value) = field("remote-mta:") {
            self.finding.host = Some(typed(value)).filter(|host| !host.is_empty());
        } else if let Some(value) = field("diagnostic-code:") {
            let is_smtp = value.get(..5).is_some_and(|kind| kind.eq_ignore_ascii_case("smtp;"));
            self.finding.issuer = is_smtp.then_some(Issuer::Remote);
            append(&mut self.finding.reason, &typed(value));
            return Field::Diagnostic;
        }
        Field::Other
    }

    fn close(&mut self, findings: &mut Vec<Finding>) {
        let mut group = std::mem::take(self);
        if group.finding.recipient.is_none() {
            return;
        }
        if super::codes::status_in(&group.finding.reason).is_none() && !group.status.is_empty() {
            append(&mut group.finding.prose, &format!("Status: {}", group.status));
            group.finding.status = group.status.parse().ok();
        }
        findings.push(group.finding);
    }
}
