//! Tells which lines of a notice name a recipient, and how sure that is.

use std::sync::LazyLock;

use abprall_mail::EmailAddress;

use super::address;
use super::codes;
use super::phrase_set::PhraseSet;

/// A recipient that a line names.
pub(super) struct Named<'a> {
    pub address: EmailAddress,
    /// What the line says after it.
    pub rest: &'a str,
    pub form: Form,
}

/// How a line names a recipient.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// `<a@b>:` or `a@b:` — nothing else looks like it.
    Headed,
    /// The address alone on its line, or with a rest in brackets.
    Alone,
    /// At the start of a line of words.
    Leading,
    /// After a label: `Recipient: a@b`, `could not be delivered to a@b`.
    Labelled,
    /// After a word that can also mean somebody else: `user a@b`, `address a@b`.
    Hinted,
}

/// What stands before a recipient within a line. Lower case, without the blanks and marks after it.
const LABELS: &[&str] = &[
    "recipient",
    "recipients",
    "recipient address",
    "final recipient",
    "failed recipient",
    "recipient(s)",
    "rcpt to",
    "addressed to",
    "delivered to",
    "message to",
    "your message to",
    "your mail to",
    "your email to",
    "your e-mail to",
    "mail to",
    "email to",
    "e-mail to",
    "deliver to",
    "delivery to",
    "deliveries to",
    "undeliverable to",
    "delivering to",
    "final delivery userid",
    "userid",
    "attempts",
    "following recipient",
    "original address",
    "following address",
    "mailing list",
    "message-id in",
    "target mail address",
    "unknown user",
    "no such user",
    "failed address",
    "invalid address",
    "invalid recipient",
    "unknown recipient",
    "bad address",
    "sent to",
    "send to",
    "sending to",
    "destination address",
    "original recipient",
    "delivered for",
    "delivery for",
    "message for",
    "mailbox for",
    "mailbox of",
    "addressee",
    "group you tried to contact",
    // German, French, Spanish, Italian, Portuguese, Dutch, Scandinavian
    "nachricht an",
    "mail an",
    "email an",
    "e-mail an",
    "empfänger",
    "empfängeradresse",
    "message à",
    "destinataire",
    "envoyé à",
    "mensaje a",
    "mensaje para",
    "destinatario",
    "correo a",
    "enviado a",
    "messaggio a",
    "messaggio per",
    "mensagem para",
    "destinatário",
    "bericht aan",
    "ontvanger",
    "meddelande till",
    "mottagare",
    "mottagaren",
    "besked til",
    "modtager",
    "melding til",
    "mottaker",
    "vastaanottaja",
    // Polish, Russian, Ukrainian
    "odbiorca",
    "odbiorcy",
    "получатель",
    "получателю",
    "адресат",
    "одержувач",
    // Japanese, Chinese, Korean
    "пользователю",
    "адресату",
    "сообщение для",
    "письмо для",
    "wiadomość do",
    "wiadomości do",
    "zpráva pro",
    "zprávu pro",
    "meddelelse til",
    "meddelelsen til",
    "meldingen til",
    "bericht naar",
    "bericht voor",
    "mail naar",
    "mensagem a",
    "correo para",
    "messaggio all'indirizzo",
    "courriel à",
    "e-mail à",
    "发送给",
    "发给",
    "傳送給",
    "寄给",
    "发送到",
    "寄往",
    "宛先",
    "あて先",
    "宛て先",
    "受信者",
    "送信先",
    "收件人",
    "收件者",
    "받는 사람",
    "수신자",
];

/// Labels that can also stand before somebody else's address: they count where nobody was named yet.
const WEAK_LABELS: &[&str] = &[
    "destination",
    "mailbox",
    "account",
    "user",
    "address",
    "email address",
    "e-mail address",
    "mail address",
    "adresse",
    "benutzer",
    "utilisateur",
    "usuario",
    "utente",
    "usuário",
    "utilizador",
    "gebruiker",
    "użytkownik",
    "адрес",
    "адресу",
    "пользователь",
    "ユーザー",
    "メールアドレス",
    "用户",
    "reach",
];

/// Labels that speak of somebody else.
const OTHERS: &[&str] = &[
    "from",
    "sender",
    "reply-to",
    "reply to",
    "contact",
    "please",
    "bitte",
    "veuillez",
    "assistance",
    "help",
    "questions",
    "return-path",
    "message-id",
    "cc",
    "bcc",
    "postmaster",
    "administrator",
    "support",
    "absender",
    "expéditeur",
    "remitente",
    "mittente",
    "remetente",
    "afzender",
    "отправитель",
    "送信者",
    "发件人",
    "subject",
    "betreff",
    "x-",
];

static OTHER_SET: LazyLock<PhraseSet> = LazyLock::new(|| PhraseSet::new(OTHERS.iter().copied()));

/// The recipient that a line names, if it names one.
pub(super) fn named_by(line: &str) -> Option<Named<'_>> {
    memchr::memchr(b'@', line.as_bytes())?;
    let found = address::first_in(line)?;
    let before = line[..found.start].trim_matches(is_bullet);
    let rest = &line[found.end..];
    if before.is_empty() {
        let (address, rest) = other_spelling(found.address, rest);
        let trimmed = rest.trim_start();
        let form = if trimmed.starts_with(':') || trimmed.starts_with(";;") {
            Form::Headed
        } else if trimmed.trim_matches(is_bullet).is_empty()
            || trimmed.starts_with(['[', '(', ';', ','])
            || trimmed.starts_with("...")
        {
            Form::Alone
        } else if rest.starts_with(char::is_whitespace) {
            Form::Leading
        } else if trimmed.starts_with(|c: char| c >= '\u{2e80}') {
            // "a@b.exampleへのメッセージを配信できませんでした": no blank between the address and the words.
            Form::Leading
        } else {
            return None;
        };
        return Some(Named {
            address,
            rest: trimmed.trim_start_matches([':', ';', ',', ' ', '\t', '|']),
            form,
        });
    }
    let label =
        before.trim_end_matches(|c: char| c.is_whitespace() || ":;=<\"'([„“«>*：".contains(c)).to_lowercase();
    if OTHER_SET.first(&label, |_, start, _| starts_word(&label, start)).is_some() {
        return None;
    }
    // "Final recipient: rfc822;a@b", MailEnable's "Recipient: [SMTP:a@b]".
    let label = label.strip_suffix("rfc822").or_else(|| label.strip_suffix("[smtp")).unwrap_or(&label);
    let label = label.trim_end_matches([' ', ':', ';']);
    let is_labelled = |labels: &[&str]| labels.iter().any(|known| ends_with_word(label, known));
    let form = match () {
        () if is_labelled(LABELS) => Some(Form::Labelled),
        () if is_labelled(WEAK_LABELS) => Some(Form::Hinted),
        () => None,
    };
    if let Some(form) = form {
        return Some(Named {
            address: found.address,
            rest: rest.trim_start_matches([':', ';', ',', '.', '\'', '"', ')', ' ', '\t', '|']),
            form,
        });
    }
    // IMail: "User mailbox exceeds allowed size: a@b"
    if before.ends_with(':') && rest.is_empty() && (3..12).contains(&before.split_whitespace().count()) {
        return Some(Named { address: found.address, rest: line, form: Form::Headed });
    }
    // SendGrid: "local:000000:<a@b> : 192.0.2.1 : mx.example:[192.0.2.2] : 550 …"
    if found.in_angles
        && rest.trim_start().starts_with(':')
        && codes::has_reply_code(rest)
        && !codes::starts_with_reply(line)
    {
        let rest = rest.trim_start_matches([':', ' ']);
        return Some(Named { address: found.address, rest, form: Form::Headed });
    }
    // A name and the address, as mail programs write it: the address ends the line.
    let words = before.split_whitespace().count();
    let is_name = words <= 5 && before.chars().all(|c| c.is_alphanumeric() || " -'\"_".contains(c));
    if is_name && (found.in_angles || line[found.start..].starts_with('(')) {
        let (address, rest) = other_spelling(found.address, rest);
        if rest.trim_matches(is_bullet).is_empty() {
            return Some(Named { address, rest: "", form: Form::Alone });
        }
    }
    None
}

/// Whether a label ends a text. Scripts that put no spaces between words have no word boundary to look for.
fn ends_with_word(text: &str, label: &str) -> bool {
    let Some(before) = text.strip_suffix(label) else { return false };
    let is_spaced = label.chars().next().is_some_and(|first| first < '\u{2e80}');
    !is_spaced || !before.ends_with(char::is_alphanumeric)
}

fn starts_word(text: &str, at: usize) -> bool {
    !text[..at].ends_with(char::is_alphanumeric)
}

/// `a@b <c@d>`: the one in brackets counts, the other is its display name. `a@b<mailto:a@b>`: the same twice.
fn other_spelling(address: EmailAddress, rest: &str) -> (EmailAddress, &str) {
    let trimmed = rest.trim_start();
    if let Some(inner) = trimmed.strip_prefix('<')
        && let Some(close) = inner.find('>')
        && let Ok(second) = EmailAddress::parse_lenient(&inner[..close])
    {
        return (second, &inner[close + 1..]);
    }
    if let Some(inner) = trimmed.strip_prefix('(')
        && let Some(close) = inner.find(')')
        && EmailAddress::parse_lenient(&inner[..close]).is_ok_and(|second| second == address)
    {
        return (address, &inner[close + 1..]);
    }
    (address, rest)
}

/// Signs before an item of a list, and around an address.
fn is_bullet(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '*' | '-' | '•' | '·' | '>' | '|' | '+' | '#' | '●' | '■' | '→' | '=' | '.' | ',' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(line: &str) -> Option<(String, &str, Form)> {
        named_by(line).map(|named| (named.address.to_string(), named.rest, named.form))
    }

    #[test]
    fn the_forms_of_a_recipient_are_told_apart() {
        let same = |line, rest, form| {
            assert_eq!(named(line), Some(("a@b.example".to_owned(), rest, form)), "{line}");
        };
        same("<a@b.example>: host said no", "host said no", Form::Headed);
        same("<a@b.example>", "", Form::Alone);
        same(">>> a@b.example <a@b.example>", "", Form::Alone);
        same("a@b.example [User unknown]", "[User unknown]", Form::Alone);
        same("a@b.example on Thu, 29 Apr", "on Thu, 29 Apr", Form::Leading);
        same("Recipient: <a@b.example>", "", Form::Labelled);
        same("Invalid final delivery userid: a@b.example", "", Form::Labelled);
        same("There was an error delivering your mail to <a@b.example>.", "", Form::Labelled);
        same("Nachricht an a@b.example konnte nicht", "konnte nicht", Form::Labelled);
        same("a@b.exampleへのメッセージ", "へのメッセージ", Form::Leading);
        same("您发送给 a@b.example 的邮件", "的邮件", Form::Labelled);
        same("* a@b.example<mailto:a@b.example>", "", Form::Alone);
        same("Recipient: [SMTP:a@b.example]", "]", Form::Labelled);
        same("Some One <a@b.example>", "", Form::Alone);
        same("other@c.example <a@b.example>: malformed address", "malformed address", Form::Headed);
    }

    #[test]
    fn senders_and_helpers_are_no_recipients() {
        for line in [
            "from a@b.example",
            "From: a@b.example",
            "Hello a@b.example,",
            "For further assistance, please send mail to <a@b.example>",
            "Please contact a@b.example.",
            "Message-ID: <a@b.example>",
            "see http://b.example/a@b.example",
        ] {
            assert_eq!(named(line), None, "{line}");
        }
    }
}
