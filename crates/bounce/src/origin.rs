//! What the header of a message says about who wrote it: a mail system, a list, a person.

use std::borrow::Cow;
use std::sync::LazyLock;

use abprall_mail::EmailAddress;
use aho_corasick::AhoCorasick;

use crate::letter::LetterRef;

/// The header of a message, looked at once.
pub(crate) struct Origin<'a> {
    pub from: Cow<'a, str>,
    pub subject: Cow<'a, str>,
    pub return_path: ReturnPath,
    /// Auto-Submitted (RFC 3834 §5), lower case; empty without one.
    pub auto_submitted: String,
    /// Precedence, lower case; empty without one.
    pub precedence: String,
    /// Whether the header says that a mail system wrote it: its From, its null return path, or its subject.
    pub is_mailer: bool,
    /// Whether its subject speaks of a delivery that failed or is late.
    pub has_bounce_subject: bool,
    /// Whether it went through a mailing list.
    pub is_list: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ReturnPath {
    /// `<>`, as RFC 3464 §2 asks of reports; also `<MAILER-DAEMON>`, as local delivery agents write it.
    Null,
    Address,
    /// No such field: the message was stored before final delivery, or by something that leaves it out.
    Unknown,
}

impl<'a> Origin<'a> {
    pub fn of(letter: LetterRef<'a>) -> Self {
        let fields = letter.fields();
        let from = fields.get("From").unwrap_or_default();
        let subject = fields.get("Subject").unwrap_or_default();
        let return_path = match fields.get("Return-Path") {
            None => ReturnPath::Unknown,
            Some(path) => match path.trim_matches(['<', '>', ' ']) {
                "" => ReturnPath::Null,
                path if path.eq_ignore_ascii_case("mailer-daemon") => ReturnPath::Null,
                _ => ReturnPath::Address,
            },
        };
        let lower = |name: &str| fields.get(name).unwrap_or_default().to_ascii_lowercase();
        let has_bounce_subject = SUBJECTS.is_match(subject.as_ref()) && !is_answer(&subject);
        let has_failed_recipients = fields.has("X-Failed-Recipients");
        Self {
            is_mailer: is_mailer_address(&from) || has_failed_recipients,
            auto_submitted: lower("Auto-Submitted"),
            precedence: lower("Precedence"),
            is_list: fields.has("List-Id") || fields.has("List-Post") || fields.has("List-Unsubscribe"),
            from,
            subject,
            return_path,
            has_bounce_subject,
        }
    }

    /// The address that it was written from.
    pub fn author(&self) -> Option<EmailAddress> {
        address_in(&self.from)
    }

    /// Whether a report can be expected: written by a mail system, or in its manner.
    pub fn is_bounce_like(&self) -> bool {
        self.is_mailer
            || self.has_bounce_subject
            || self.return_path == ReturnPath::Null
            || self.auto_submitted.starts_with("auto-")
    }
}

/// `Re:`, `Fwd:` and their kin: a person answers or forwards.
pub(crate) fn is_answer(subject: &str) -> bool {
    let subject = subject.trim_start();
    [
        "re:", "fw:", "fwd:", "aw:", "wg:", "tr:", "rv:", "i:", "r:", "sv:", "vs:", "antw:", "転送:",
        "转发:", "回复:",
    ]
    .iter()
    .any(|mark| subject.get(..mark.len()).is_some_and(|s| s.to_lowercase() == *mark))
}

/// The first address of a From, To or Sender field.
pub(crate) fn address_in(field: &str) -> Option<EmailAddress> {
    if let Some((_, rest)) = field.rsplit_once('<')
        && let Some(inner) = rest.split('>').next()
        && let Ok(address) = EmailAddress::parse_lenient(inner)
    {
        return Some(address);
    }
    field
        .split([' ', ',', '\t'])
        .filter(|word| word.contains('@'))
        .find_map(|word| EmailAddress::parse_lenient(word).ok())
}

/// Local parts and names under which mail systems write.
fn is_mailer_address(from: &str) -> bool {
    static MAILERS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        automaton(&[
            "mailer-daemon",
            "mailer_daemon",
            "mailerdaemon",
            "postmaster",
            "post_master",
            "poostmaster",
            "mail delivery s",
            "mail deliver system",
            "mail-daemon",
            "maildaemon",
            "mdaemon",
            "system administrator",
            "microsoftexchange",
            "double-bounce",
            "bounce-notification",
            "mail system",
            "maildelivery",
            "mail delivery",
            "mail administrator",
        ])
    });
    MAILERS.as_ref().is_some_and(|m| m.is_match(from))
}

struct Words(Option<AhoCorasick>);

impl Words {
    fn is_match(&self, text: &str) -> bool {
        self.0.as_ref().is_some_and(|a| a.is_match(text)) || {
            // Aho-Corasick folds ASCII only.
            !text.is_ascii() && self.0.as_ref().is_some_and(|a| a.is_match(&text.to_lowercase()))
        }
    }
}

fn automaton(words: &[&str]) -> Option<AhoCorasick> {
    AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok()
}

/// What the subjects of reports say, by the templates of MTAs in the languages they come in.
static SUBJECTS: LazyLock<Words> = LazyLock::new(|| {
    Words(automaton(&[
        "undeliver",
        "returned mail",
        "returned to sender",
        "returning message to sender",
        "delivery status notification",
        "delivery notification",
        "delivery fail",
        "delivery has failed",
        "delivery report",
        "delivery problem",
        "delivery error",
        "delivery delayed",
        "delivery incomplete",
        "failed delivery",
        "failure delivery",
        "failure notice",
        "delivery failure",
        "failed mail",
        "mail failure",
        "mail delivery",
        "message delivery",
        "mail system error",
        "mail error",
        "non-delivery",
        "nondeliver",
        "not delivered",
        "could not be delivered",
        "couldn't be delivered",
        "could not send",
        "cannot send message",
        "unable to deliver",
        "delayed mail",
        "message status - undeliverable",
        "delivery unsuccessful",
        "rejected:",
        "bounce notification",
        "unzustellbar",
        "nicht zustellbar",
        "unzustellbare",
        "zurückgewiesen",
        "fehlgeschlagen",
        "zustellung",
        "échec de la remise",
        "échec d'envoi",
        "non remis",
        "non distribu",
        "courrier non d",
        "non recapit",
        "mancato recapito",
        "impossibile recapitare",
        "no se puede entregar",
        "no se pudo entregar",
        "no entregado",
        "não entreg",
        "não foi possível entregar",
        "falha na entrega",
        "onbestelbaar",
        "niet afgeleverd",
        "niedostarcz",
        "nie dostarczono",
        "недостав",
        "не доставлен",
        "не может быть доставлен",
        "配信不能",
        "配信エラー",
        "配信できません",
        "送信できません",
        "配達不能",
        "退信",
        "无法送达",
        "無法傳遞",
        "ei voitu toimittaa",
        "kunde inte levereras",
        "kunne ikke leveres",
    ]))
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letter::Letter;

    #[test]
    fn mail_systems_are_told_from_people() {
        for (header, mailer) in [
            ("From: Mail Delivery System <MAILER-DAEMON@a.example>", true),
            ("From: postmaster@a.example", true),
            ("From: Anna <anna@a.example>", false),
        ] {
            let text = format!("{header}\nSubject: x\n\nx");
            let letter = Letter::parse(text.as_bytes()).unwrap();
            assert_eq!(Origin::of(letter.view()).is_mailer, mailer, "{header}");
        }
    }

    #[test]
    fn an_answer_to_a_bounce_has_no_bounce_subject() {
        let letter =
            Letter::parse(b"From: a@b.example\nSubject: Fwd: Undelivered Mail Returned to Sender\n\nx")
                .unwrap();
        assert!(!Origin::of(letter.view()).has_bounce_subject);
    }

    #[test]
    fn addresses_are_found_in_fields_of_all_shapes() {
        for text in [
            "Anna <a@b.example>",
            "a@b.example (Anna)",
            "<a@b.example>",
            "\"A, B\" <a@b.example>, c@d.example <a@b.example>",
        ] {
            assert_eq!(address_in(text).unwrap().as_str(), "a@b.example", "{text}");
        }
        assert_eq!(address_in("undisclosed-recipients:;"), None);
    }
}
