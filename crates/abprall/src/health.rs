//! The health of domains and mail hosts in front of people.

use abprall_mail::Language;
use abprall_policy::{Doubt, HealthState, Reinstatement};
use clap::ValueEnum;
use clap::builder::styling::Style;
use jiff::{SignedDuration, Timestamp};

use crate::dates;
use crate::terminal::{DIM, HELD, NOTE, STOPPED, number};
use crate::wording::pick;

/// Whoever watches asks for new work every minute, and a look takes half a minute: what is due for longer is not looked at.
const LATE_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// A state as it is typed.
#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
pub(crate) enum HealthOption {
    Healthy,
    Degraded,
    Failing,
    Dead,
    Recovering,
}

impl From<HealthOption> for HealthState {
    fn from(option: HealthOption) -> Self {
        match option {
            HealthOption::Healthy => HealthState::Healthy,
            HealthOption::Degraded => HealthState::Degraded,
            HealthOption::Failing => HealthState::Failing,
            HealthOption::Dead => HealthState::Dead,
            HealthOption::Recovering => HealthState::Recovering,
        }
    }
}

pub(crate) fn word(state: Option<HealthState>, language: Language) -> &'static str {
    match state {
        None => pick(language, "not looked", "ungeprüft"),
        Some(HealthState::Healthy) => pick(language, "healthy", "gesund"),
        Some(HealthState::Degraded) => pick(language, "degraded", "gestört"),
        Some(HealthState::Failing) => pick(language, "failing", "fällt aus"),
        Some(HealthState::Dead) => pick(language, "dead", "tot"),
        Some(HealthState::Recovering) => pick(language, "recovering", "erholt sich"),
    }
}

/// The same of a domain, where a look that saw nothing is not the same as none.
pub(crate) fn word_of_domain(state: Option<HealthState>, is_blind: bool, language: Language) -> &'static str {
    match state {
        None if is_blind => pick(language, "blind", "wir sehen nichts"),
        None | Some(_) => word(state, language),
    }
}

pub(crate) fn style(state: Option<HealthState>) -> Style {
    match state {
        None => DIM,
        Some(HealthState::Healthy) => Style::new(),
        Some(HealthState::Degraded | HealthState::Recovering) => NOTE,
        Some(HealthState::Failing) => HELD,
        Some(HealthState::Dead) => STOPPED,
    }
}

/// How far the people of a domain have come back, in a sentence.
pub(crate) fn way_back(stage: Reinstatement, language: Language) -> String {
    match stage {
        Reinstatement::Waiting => {
            pick(language, "waits until the route has held", "wartet, bis der Weg gehalten hat").to_owned()
        }
        Reinstatement::Canary { released_at } => {
            let text = pick(language, "one address is on trial since", "eine Adresse auf Probe seit");
            format!("{text} {}", dates::minute(released_at))
        }
        Reinstatement::Batches { size, released_at } => {
            let (last, at) = (number(u64::from(size)), dates::minute(released_at));
            match language {
                Language::En => format!("people return in batches; the last one, of {last}, at {at}"),
                Language::De => format!("Rückkehr in Gruppen; die letzte, mit {last}, um {at}"),
            }
        }
        Reinstatement::Done => pick(language, "all are back", "alle sind zurück").to_owned(),
        Reinstatement::Stopped { at } => {
            let text = pick(language, "stopped by a new failure at", "durch einen neuen Fehler beendet um");
            format!("{text} {}", dates::minute(at))
        }
        Reinstatement::NeedsPerson { why } => {
            let text = pick(language, "needs a person's word", "braucht das Wort eines Menschen");
            format!("{text}: {}", doubt(why, language))
        }
    }
}

pub(crate) fn doubt(why: Doubt, language: Language) -> &'static str {
    match why {
        Doubt::DeadTooLong => pick(
            language,
            "it was dead for so long that its addresses may be spam traps now",
            "sie war so lange tot, dass ihre Adressen inzwischen Spamfallen sein können",
        ),
        Doubt::NewNameServers => pick(
            language,
            "its name servers belong to another operator",
            "ihre Nameserver gehören einem anderen Betreiber",
        ),
        Doubt::NewMailOperator => pick(
            language,
            "its mail servers belong to another operator",
            "ihre Mailserver gehören einem anderen Betreiber",
        ),
        Doubt::OwnerChanged => pick(
            language,
            "a server said that the owner has changed",
            "ein Server meldete einen neuen Inhaber",
        ),
        Doubt::Reregistered => {
            pick(language, "it was not registered in between", "sie war zwischendurch nicht registriert")
        }
    }
}

/// Whether it should have been looked at long ago.
pub(crate) fn is_late(next: Timestamp, at: Timestamp) -> bool {
    at.duration_since(next) >= LATE_AFTER
}

/// When it is looked at next. What should have been looked at long ago is waiting for somebody who watches.
pub(crate) fn next_look(next: Timestamp, at: Timestamp, language: Language) -> String {
    if at < next {
        return dates::minute(next);
    }
    if !is_late(next, at) {
        return pick(language, "due now: `abprall watch`", "jetzt fällig: `abprall watch`").to_owned();
    }
    let due = dates::minute(next);
    match language {
        Language::En => format!("due since {due}; nobody watches: run `abprall watch`"),
        Language::De => format!("fällig seit {due}; niemand sieht nach: `abprall watch` starten"),
    }
}

/// "since 2026-11-24", or nothing.
pub(crate) fn since(at: Option<Timestamp>, language: Language) -> String {
    at.map(|at| format!("{} {}", pick(language, "since", "seit"), dates::day(at))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_nobody_took_is_said_to_be_due() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap_or_default();
        let (due, language) = (at("2026-11-24T12:00:00Z"), Language::En);
        assert_eq!(next_look(due, at("2026-11-24T11:59:00Z"), language), "2026-11-24 12:00 UTC");
        assert!(next_look(due, at("2026-11-24T12:01:00Z"), language).starts_with("due now"));
        let late = next_look(due, at("2026-11-24T13:00:00Z"), language);
        assert_eq!(late, "due since 2026-11-24 12:00 UTC; nobody watches: run `abprall watch`");
    }
}
