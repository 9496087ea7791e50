//! How it is said: what happened, whom it concerns, what to do, and the command to look.

use std::fmt::Write;

use abprall_mail::Language;
use abprall_policy::IncidentEvent;
use abprall_store::News;
use jiff::Timestamp;
use serde::Serialize;

use super::EVENTS_TOLD_MAX;
use super::progress::Targets;
use super::topic::Topic;
use crate::dates;
use crate::terminal::plain;
use crate::wording::{self, pick};

/// All that is told at once.
pub(super) struct Message {
    /// The same for the same events, however often they are told.
    pub(super) id: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) events: Vec<Told>,
}

/// One event, for programs.
#[derive(Serialize)]
pub(super) struct Told {
    id: i64,
    topic: &'static str,
    event: &'static str,
    at: jiff::Timestamp,
    incident: i64,
    key: String,
    domain: Option<String>,
    addresses: u64,
    title: String,
    what: String,
    to_do: String,
    look: String,
}

impl Message {
    pub(super) fn new(news: &[(Topic, News)], targets: &Targets, language: Language, now: Timestamp) -> Self {
        let mut events: Vec<Told> = news.iter().map(|(topic, news)| told(*topic, news, language)).collect();
        events.extend(targets.dead.iter().map(|(target, dead)| dead_letters(target, *dead, language, now)));
        events.extend(targets.away.keys().map(|target| target_away(target, language, now)));
        let (first, last) = (news.first(), news.last());
        let number = |one: Option<&(Topic, News)>| one.map_or(0, |(_, news)| news.id);
        let subject = match &events[..] {
            [] => String::new(),
            [one] => one.title.clone(),
            [one, rest @ ..] => {
                let more = rest.len();
                match language {
                    Language::En => format!("{} (and {more} more)", one.title),
                    Language::De => format!("{} (und {more} weitere)", one.title),
                }
            }
        };
        let text = text(&events, language);
        let dead = targets.dead.iter().map(|(target, dead)| format!("-{}{dead}", of_host(target)));
        let away = targets.away.iter().map(|(target, taken)| format!("-away-{}{taken}", of_host(target)));
        let of_targets: String = dead.chain(away).collect();
        Self { id: format!("abprall-{}-{}{of_targets}", number(first), number(last)), subject, text, events }
    }
}

fn text(events: &[Told], language: Language) -> String {
    let mut text = String::new();
    for event in events.iter().take(EVENTS_TOLD_MAX) {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{}\n{}\n", event.title, "-".repeat(event.title.chars().count().min(72)));
        // What is to be done may end with a command, which has to stay on its line.
        let _ = writeln!(text, "{}\n\n{}\n", textwrap::fill(&event.what, 72), event.to_do);
        let (when, look) = (pick(language, "When", "Wann"), pick(language, "Look", "Nachsehen"));
        let _ = writeln!(text, "{when}: {}\n{look}: {}\n", dates::minute(event.at), event.look);
    }
    if let Some(more) = events.len().checked_sub(EVENTS_TOLD_MAX).filter(|more| *more > 0) {
        let _ = match language {
            Language::En => writeln!(text, "… and {more} more: abprall incidents\n"),
            Language::De => writeln!(text, "… und {more} weitere: abprall incidents\n"),
        };
    }
    text
}

fn told(topic: Topic, news: &News, language: Language) -> Told {
    let (title, what, to_do, look) = words(news, language);
    Told {
        id: news.id,
        topic: topic.as_str(),
        event: news.event.as_str(),
        at: news.at,
        incident: news.incident,
        key: news.key.clone(),
        domain: news.domain.clone(),
        addresses: news.addresses,
        title: plain(&title),
        what: plain(&what),
        to_do: plain(&to_do),
        look,
    }
}

/// What of a name may stand in a Message-ID.
fn of_host(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn target_away(target: &str, language: Language, now: Timestamp) -> Told {
    let (title, what, to_do) = match language {
        Language::En => (
            format!("{target} takes nothing at present"),
            format!(
                "{target} is not to be reached, or refuses whatever it is told. Nothing is lost: it is told everything, in order, as soon as it takes it again. Until then people who are stopped may still be written to there."
            ),
            "See what it says, and mend it; then have it tried at once: abprall sync resume".to_owned(),
        ),
        Language::De => (
            format!("{target} nimmt zurzeit nichts an"),
            format!(
                "{target} ist nicht erreichbar oder weist alles ab, was ihm gesagt wird. Nichts geht verloren: Es erfährt alles der Reihe nach, sobald es wieder annimmt. Bis dahin wird dort vielleicht noch angeschrieben, wer angehalten ist."
            ),
            "Nachsehen, was es sagt, und beheben; dann gleich erneut versuchen lassen: abprall sync resume"
                .to_owned(),
        ),
    };
    Told {
        id: 0,
        topic: Topic::TargetAway.as_str(),
        event: "target_away",
        at: now,
        incident: 0,
        key: format!("sync:{target}"),
        domain: None,
        addresses: 0,
        title: plain(&title),
        what: plain(&what),
        to_do: plain(&format!("{to_do} {target}")),
        look: "abprall sync status".to_owned(),
    }
}

fn dead_letters(target: &str, dead: u64, language: Language, now: Timestamp) -> Told {
    let (title, what, to_do) = match language {
        Language::En => (
            format!("{target} does not take what was decided"),
            format!(
                "{dead} changes could not be told to {target} and are not tried any more. People who are stopped may still be written to there."
            ),
            format!(
                "See what it says, mend it, and have them told again: abprall sync dead retry --target {target}"
            ),
        ),
        Language::De => (
            format!("{target} nimmt nicht an, was entschieden wurde"),
            format!(
                "{dead} Änderungen konnten {target} nicht gesagt werden und werden nicht mehr versucht. Wer angehalten ist, wird dort vielleicht noch angeschrieben."
            ),
            format!(
                "Nachsehen, was es sagt, beheben und erneut sagen lassen: abprall sync dead retry --target {target}"
            ),
        ),
    };
    Told {
        id: 0,
        topic: Topic::DeadLetters.as_str(),
        event: "dead_letters",
        at: now,
        incident: 0,
        key: format!("sync:{target}"),
        domain: None,
        addresses: dead,
        title: plain(&title),
        what: plain(&what),
        to_do: plain(&to_do),
        look: "abprall sync dead".to_owned(),
    }
}

/// Whom it is about, in words.
fn subject(news: &News, language: Language) -> String {
    match news.key.split_once(':') {
        Some(("operator", name)) => match language {
            Language::En => format!("the domains behind {name}"),
            Language::De => format!("den Domains hinter {name}"),
        },
        Some(("brake", "")) => pick(language, "the whole house", "das ganze Haus").to_owned(),
        Some((_, name)) => name.to_owned(),
        None => news.key.clone(),
    }
}

/// Title, what happened and whom it concerns, what to do, the command to look.
fn words(news: &News, language: Language) -> (String, String, String, String) {
    let about = subject(news, language);
    let domain = news.domain.clone().unwrap_or_else(|| about.clone());
    let number = news.incident;
    let reason = news.reason.map(|reason| wording::reason(reason, language)).unwrap_or_default();
    let detail = match &news.detail {
        Some(detail) => format!(" ({detail})"),
        None => String::new(),
    };
    let look = format!("abprall incidents {number}");
    match (news.event, language) {
        (IncidentEvent::Opened, Language::En) => (
            format!("Mail to {about} fails"),
            format!("A bounce says: {reason}. The addresses that it concerns are held: nobody writes to them until it is clear what is broken. Others at {domain} may follow."),
            format!("Nothing at once: the domain is looked at by itself. Is the mail important, call its administrators: abprall contact {domain}"),
            look,
        ),
        (IncidentEvent::Opened, Language::De) => (
            format!("Mail an {about} kommt nicht an"),
            format!("Ein Bounce sagt: {reason}. Die betroffenen Adressen sind angehalten: niemand schreibt ihnen, bis klar ist, was kaputt ist. Weitere bei {domain} können folgen."),
            format!("Sofort nichts: die Domain wird von selbst beobachtet. Ist die Mail wichtig, die Betreiber anrufen: abprall contact {domain}"),
            look,
        ),
        (IncidentEvent::Closed, Language::En) => (
            format!("It is over: {about}"),
            format!("The incident about {about} is closed{detail}. Whoever may come back has come back, or comes back step by step."),
            "Nothing.".to_owned(),
            look,
        ),
        (IncidentEvent::Closed, Language::De) => (
            format!("Es ist vorbei: {about}"),
            format!("Der Vorfall um {about} ist geschlossen{detail}. Wer zurück darf, ist zurück oder kommt Schritt für Schritt zurück."),
            "Nichts.".to_owned(),
            look,
        ),
        (IncidentEvent::Frozen, Language::En) => (
            format!("Removals are frozen: {about}"),
            format!("Much more mail than usual bounces for good at {about}{detail}. That is rather a bad hour, there or here, than so many dead mailboxes: nobody is removed for it."),
            format!("See whether it is us: a blocklist, authentication, a broken export. Then carry the removals out (abprall pending apply {number}) or drop them (abprall pending drop {number})."),
            format!("abprall pending --incident {number}"),
        ),
        (IncidentEvent::Frozen, Language::De) => (
            format!("Entfernungen sind eingefroren: {about}"),
            format!("Viel mehr Mail als sonst kommt endgültig zurück: {about}{detail}. Das ist eher eine schlechte Stunde, dort oder hier, als so viele tote Postfächer: niemand wird deshalb entfernt."),
            format!("Prüfen, ob es an uns liegt: eine Sperrliste, Authentifizierung, ein kaputter Export. Dann die Entfernungen ausführen (abprall pending apply {number}) oder verwerfen (abprall pending drop {number})."),
            format!("abprall pending --incident {number}"),
        ),
        (IncidentEvent::Thawed, Language::En) => (
            format!("Removals go on: {about}"),
            format!("Bounces of {about} are as usual again. What was frozen in between still waits for a word."),
            format!("Carry it out (abprall pending apply {number}) or drop it (abprall pending drop {number})."),
            format!("abprall pending --incident {number}"),
        ),
        (IncidentEvent::Thawed, Language::De) => (
            format!("Entfernungen gehen weiter: {about}"),
            format!("Die Bounces von {about} sind wieder wie üblich. Was inzwischen eingefroren wurde, wartet noch auf ein Wort."),
            format!("Ausführen (abprall pending apply {number}) oder verwerfen (abprall pending drop {number})."),
            format!("abprall pending --incident {number}"),
        ),
        (IncidentEvent::OwnFault, Language::En) => (
            format!("It was us: mail to {domain} failed on our side"),
            format!("Mail to {domain} came back because our own resolver or configuration failed, not because of the recipients{detail}. {} that were held for it may be written to again.", addresses(news, language)),
            "Mend it before the next campaign: abprall doctor says what is wrong. Then send again what came back.".to_owned(),
            look,
        ),
        (IncidentEvent::OwnFault, Language::De) => (
            format!("Es lag an uns: Mail an {domain} scheiterte auf unserer Seite"),
            format!("Mail an {domain} kam zurück, weil unser eigener Resolver oder unsere Konfiguration versagte, nicht wegen der Empfänger{detail}. {}, die deshalb angehalten waren, dürfen wieder angeschrieben werden.", addresses(news, language)),
            "Vor dem nächsten Versand beheben: abprall doctor sagt, was nicht stimmt. Dann noch einmal senden, was zurückkam.".to_owned(),
            look,
        ),
        (IncidentEvent::NeedsPerson, Language::En) => (
            format!("{domain} works again, and needs your word"),
            format!("Mail to {domain} would get through again{detail}. But it was away for so long, or changed so much, that its addresses may belong to others by now."),
            format!("Find out whether it is still the same owner. If so: abprall watch --allow {domain}"),
            format!("abprall domains {domain}"),
        ),
        (IncidentEvent::NeedsPerson, Language::De) => (
            format!("{domain} geht wieder und braucht Ihr Wort"),
            format!("Mail an {domain} käme wieder an{detail}. Aber die Domain war so lange weg oder hat sich so verändert, dass ihre Adressen inzwischen anderen gehören können."),
            format!("Prüfen, ob es noch derselbe Inhaber ist. Wenn ja: abprall watch --allow {domain}"),
            format!("abprall domains {domain}"),
        ),
        (IncidentEvent::ReinstatementStopped, Language::En) => (
            format!("The way back of {domain} was stopped"),
            format!("Recipients at {domain} were coming back, and mail failed again{detail}. Whoever had come back is stopped with the others."),
            "Nothing: it begins anew with the next recovery.".to_owned(),
            look,
        ),
        (IncidentEvent::ReinstatementStopped, Language::De) => (
            format!("Der Rückweg von {domain} wurde abgebrochen"),
            format!("Empfänger bei {domain} kamen gerade zurück, und die Mail scheiterte erneut{detail}. Wer zurück war, ist mit den anderen angehalten."),
            "Nichts: mit der nächsten Erholung beginnt er von vorn.".to_owned(),
            look,
        ),
        (_, Language::En) => (
            format!("{domain} can be reached again"),
            format!("The mail servers of {domain} answer again{detail}. If it stays so for an hour, its recipients come back step by step, one first."),
            "Nothing.".to_owned(),
            look,
        ),
        (_, Language::De) => (
            format!("{domain} ist wieder erreichbar"),
            format!("Die Mailserver von {domain} antworten wieder{detail}. Bleibt es eine Stunde so, kommen die Empfänger Schritt für Schritt zurück, zuerst einer."),
            "Nichts.".to_owned(),
            look,
        ),
    }
}

fn addresses(news: &News, language: Language) -> String {
    match (news.addresses, language) {
        (1, Language::En) => "One address".to_owned(),
        (1, Language::De) => "Eine Adresse".to_owned(),
        (0, Language::En) => "Addresses".to_owned(),
        (0, Language::De) => "Adressen".to_owned(),
        (number, Language::En) => format!("{number} addresses"),
        (number, Language::De) => format!("{number} Adressen"),
    }
}
