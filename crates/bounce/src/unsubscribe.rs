//! Mails that ask to be taken off a list: written by a mail program for its user (RFC 2369 `mailto:`), or by the person.

use crate::letter::{Body, LetterRef};
use crate::origin::Origin;
use crate::{Kind, Report};

/// The report of an unsubscribe mail, about its author; `None` when the message is none.
pub(crate) fn read_unsubscribe(letter: LetterRef<'_>, origin: &Origin<'_>) -> Option<Report> {
    if origin.is_mailer || origin.is_list {
        return None;
    }
    let fields = letter.fields();
    let by_program = fields.has("X-Apple-Unsubscribe");
    let subject = origin.subject.trim().to_lowercase();
    let subject = subject.strip_prefix("re:").map_or(subject.as_str(), str::trim);
    let by_subject = SUBJECTS.iter().any(|word| {
        subject
            .strip_prefix(word)
            .is_some_and(|rest| rest.len() <= 80 && !rest.starts_with(|c: char| c.is_alphabetic()))
    });
    let to_list = fields.get("To").is_some_and(|to| {
        let to = to.to_ascii_lowercase();
        ["unsubscribe", "opt-out", "optout", "abmelden", "listunsub"].iter().any(|word| to.contains(word))
    });
    if !(by_program || by_subject || to_list && asks_in_text(letter) || begs_in_text(letter)) {
        return None;
    }
    Some(Report {
        kind: Kind::Unsubscribe,
        recipient: origin.author(),
        arrived_at: fields.get("Date").and_then(|date| crate::letter::parse_date(&date)),
        ..Report::default()
    })
}

const SUBJECTS: &[&str] = &[
    "unsubscribe",
    "opt-out",
    "opt out",
    "remove me",
    "please remove me",
    "abmelden",
    "abmeldung",
    "abbestellen",
    "newsletter abbestellen",
    "newsletter abmelden",
    "désinscription",
    "désabonnement",
    "se désinscrire",
    "désinscrire",
    "darse de baja",
    "cancelar suscripción",
    "disiscrizione",
    "cancellami",
    "cancelar inscrição",
    "descadastrar",
    "uitschrijven",
    "afmelden",
    "wypisz",
    "отписаться",
    "отписка",
    "配信停止",
    "退订",
];

fn asks_in_text(letter: LetterRef<'_>) -> bool {
    letter.parts().any(|part| match part.body() {
        Body::Text(text) => {
            let start = text.trim_start().chars().take(300).collect::<String>().to_lowercase();
            start.is_empty() || SUBJECTS.iter().any(|word| start.contains(word))
        }
        Body::Html(_) | Body::Other | Body::Message(_) => false,
    })
}

/// Sentences that mean nothing else, wherever the mail goes. Lower case.
const SENTENCES: &[&str] = &[
    "please unsubscribe me",
    "please remove me from",
    "please take me off",
    "remove me from your",
    "unsubscribe me from",
    "stop sending me",
    "bitte nehmen sie mich aus",
    "bitte streichen sie mich",
    "bitte entfernen sie mich",
    "bitte löschen sie mich aus",
    "nehmen sie mich bitte aus",
    "veuillez me désinscrire",
    "merci de me désinscrire",
    "veuillez me retirer de",
    "por favor, denme de baja",
    "darme de baja",
    "vi prego di cancellarmi",
    "gelieve mij uit te schrijven",
];

/// Whether the person's own first words, not those that they quote, ask to be taken off.
fn begs_in_text(letter: LetterRef<'_>) -> bool {
    letter.parts().any(|part| match part.body() {
        Body::Text(text) => {
            let own = text.lines().take_while(|line| !line.starts_with('>')).take(10);
            let start = own.flat_map(|line| line.chars().chain([' '])).take(200);
            let start = start.collect::<String>().to_lowercase();
            SENTENCES.iter().any(|sentence| start.contains(sentence))
        }
        Body::Html(_) | Body::Other | Body::Message(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letter::Letter;

    fn is_unsubscribe(mail: &str) -> bool {
        let letter = Letter::parse(mail.as_bytes()).unwrap();
        read_unsubscribe(letter.view(), &Origin::of(letter.view())).is_some()
    }

    #[test]
    fn who_wants_to_leave_is_understood() {
        assert!(is_unsubscribe("From: a@b.example\nSubject: Unsubscribe\n\nplease"));
        assert!(is_unsubscribe("From: a@b.example\nSubject: Abmeldung\n\n"));
        assert!(is_unsubscribe(
            "From: a@b.example\nTo: unsubscribe+7@l.example\nSubject: hi\n\nPlease remove me."
        ));
        assert!(!is_unsubscribe("From: a@b.example\nSubject: unsubscribed users in our report\n\nhello"));
        assert!(is_unsubscribe(
            "From: a@b.example\nSubject: Re: News\n\nHallo,\nbitte nehmen Sie mich aus dem Verteiler.\n"
        ));
        assert!(!is_unsubscribe(
            "From: a@b.example\nSubject: Re: News\n\nThanks!\n> please unsubscribe me\n"
        ));
        assert!(!is_unsubscribe("From: a@b.example\nSubject: hello\n\nunsubscribe"));
    }
}
