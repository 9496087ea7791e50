//! What was asked: a code, a reason or a whole reply.

use abprall_bounce::{Classification, Classifier, Report, read_line};
use abprall_mail::{EnhancedStatus, Reason, ReplyCode, StatusClass};

pub(super) enum Question {
    /// An enhanced status code; the class is missing in `X.4.3`.
    Status { status: EnhancedStatus, any_class: bool, reason: Reason },
    /// A reply code alone.
    Reply(ReplyCode),
    /// A reason of our list.
    Reason(Reason),
    /// A whole reply, read and judged.
    Text { report: Box<Report>, classification: Box<Classification> },
}

impl Question {
    /// `None` when the text is nothing that could be explained.
    pub(super) fn read(text: &str, classifier: &Classifier) -> Option<Self> {
        let text = text.trim();
        if let Ok(reason) = text.to_lowercase().replace([' ', '-'], "_").parse() {
            return Some(Question::Reason(reason));
        }
        if let Ok(code) = text.parse() {
            return Some(Question::Reply(code));
        }
        if let Ok(status) = text.parse() {
            return Some(Question::Status {
                status,
                any_class: false,
                reason: reason_of(status, classifier),
            });
        }
        if let Some(rest) = text.strip_prefix(['X', 'x'])
            && let Ok(status) = format!("5{rest}").parse()
        {
            return Some(Question::Status { status, any_class: true, reason: reason_of(status, classifier) });
        }
        // One word that is no code says nothing; a sentence may.
        if !text.contains(char::is_whitespace) {
            return None;
        }
        let report = Box::new(read_line(text));
        let classification = Box::new(classifier.classify(&report));
        Some(Question::Text { report, classification })
    }
}

/// By the knowledge base where the code is registered, else by the rules (providers have codes of their own).
fn reason_of(status: EnhancedStatus, classifier: &Classifier) -> Reason {
    if let Some(entry) = status.knowledge() {
        return entry.reason_of(status);
    }
    let reply = match status.class() {
        StatusClass::Success => 250,
        StatusClass::Transient => 450,
        StatusClass::Permanent => 550,
    };
    classifier.classify(&read_line(&format!("{reply} {status}"))).reason
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str) -> Option<Question> {
        Question::read(text, &Classifier::built_in())
    }

    #[test]
    fn codes_reasons_and_replies_are_told_apart() {
        assert!(matches!(ask("5.4.3"), Some(Question::Status { any_class: false, .. })));
        assert!(matches!(ask("X.4.3"), Some(Question::Status { any_class: true, .. })));
        assert!(matches!(ask("550"), Some(Question::Reply(_))));
        assert!(matches!(
            ask("routing_server_failure"),
            Some(Question::Reason(Reason::RoutingServerFailure))
        ));
        assert!(matches!(ask("Mailbox full"), Some(Question::Reason(Reason::MailboxFull))));
        assert!(matches!(ask("550 5.1.1 no such user"), Some(Question::Text { .. })));
        assert!(ask("nonsense").is_none());
        assert!(ask("9.9.9").is_none());
    }
}
