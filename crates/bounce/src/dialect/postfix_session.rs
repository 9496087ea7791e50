//! Postfix's notices to postmaster about a session that went wrong: `In:` and `Out:` lines.

use super::Dialect;
use super::Place::{Subject, Text};
use crate::text::address;
use crate::text::finding::{Finding, append};
use crate::text::notice::Notice;
use crate::text::session;
use crate::{Generator, Kind, Phase};

pub(super) const DIALECT: Dialect = Dialect {
    generator: Generator::new("postfix"),
    marks: &[
        (Subject, "postfix smtp server: errors from"),
        (Text, "for other details, see the local mail logfile"),
    ],
    read: Some(read),
    kind: Some(Kind::Failed),
};

fn read(notice: &Notice<'_>) -> Vec<Finding> {
    let mut recipients: Vec<Finding> = Vec::new();
    let mut command = String::new();
    let mut refusal: Option<(String, Option<Phase>)> = None;
    for line in &notice.lines {
        if let Some(text) = line.text.strip_prefix("In:") {
            close(&command, &mut recipients);
            command.clear();
            append(&mut command, text);
        } else if let Some(reply) = line.text.strip_prefix("Out:") {
            let reply = reply.trim_start();
            close(&command, &mut recipients);
            if reply.starts_with(['4', '5']) {
                let phase = session::phase_of(&command);
                if phase == Some(Phase::Rcpt)
                    && let Some(last) = recipients.last_mut()
                {
                    append(&mut last.reason, reply);
                    last.phase = phase;
                }
                // After DATA has begun, the refusal comes at the final dot.
                let phase = if phase == Some(Phase::Data) { Some(Phase::EndOfData) } else { phase };
                refusal = Some((reply.to_owned(), phase));
            }
        } else if !command.is_empty() && line.indent > 0 {
            append(&mut command, line.text);
        }
    }
    if let Some((reply, phase)) = refusal {
        for finding in recipients.iter_mut().filter(|finding| finding.reason.is_empty()) {
            finding.reason.clone_from(&reply);
            finding.phase = phase;
        }
    }
    recipients
}

/// A finished RCPT command names a recipient.
fn close(command: &str, recipients: &mut Vec<Finding>) {
    if session::phase_of(command) != Some(Phase::Rcpt) {
        return;
    }
    if let Some(found) = address::first_in(command)
        && recipients.last().and_then(|last| last.recipient.as_ref()) != Some(&found.address)
    {
        recipients.push(Finding::about(found.address));
    }
}

#[cfg(test)]
mod tests {
    use crate::text::rows_of;

    #[test]
    fn the_refusal_belongs_to_the_recipients_of_the_session() {
        let mail = concat!(
            "Subject: Postfix SMTP server: errors from host[192.0.2.1]\n",
            "\n",
            "Transcript of session follows.\n",
            "\n",
            " Out: 220 mx.here.example ESMTP\n",
            " In:  MAIL FROM:<me@there.example>\n",
            " Out: 250 2.1.0 Ok\n",
            " In:  RCPT\n",
            "     TO:<user@here.example>\n",
            " Out: 250 2.1.5 Ok\n",
            " In:  DATA\n",
            " Out: 354 go\n",
            " Out: 451 4.3.0 Error: queue file write error\n",
            " In:  QUIT\n",
            " Out: 221 2.0.0 Bye\n",
        );
        assert_eq!(rows_of(mail), ["failed user@here.example 451 4.3.0 postfix"]);
    }
}
