//! What the watch did, in words.

use std::io::{self, Write};

use abprall_mail::{Domain, Language};
use abprall_policy::{Doubt, HealthState};
use jiff::Timestamp;

use crate::dates;
use crate::terminal::{BOLD, DIM, HELD, NOTE, STOPPED, number, plain, width, wrapped};
use crate::watch::{News, PassSummary, What};
use crate::wording::pick;

pub(super) fn write_news(out: &mut impl Write, news: &News, language: Language) -> io::Result<()> {
    let style = match news.what {
        What::DomainSuppressed | What::OwnFault | What::Blind | What::Frozen => STOPPED,
        What::DomainHeld | What::WayBackStopped | What::NeedsPerson => HELD,
        What::Released | What::Canary | What::Reinstated | What::Returned | What::Recovering => NOTE,
        What::StillDown | What::Kept | What::Works | What::Down | What::HostChanged | What::Thawed => DIM,
    };
    let subject = match (&news.domain, &news.host, news.ip) {
        (Some(domain), _, _) => domain.clone(),
        (None, Some(host), Some(ip)) => format!("{host} [{ip}]"),
        (None, Some(host), None) => host.clone(),
        (None, None, _) => pick(language, "all providers", "alle Anbieter").to_owned(),
    };
    let (word, at) = (word(news.what, language), dates::minute(news.at));
    writeln!(out, "{style}{word:14}{style:#} {BOLD}{}{BOLD:#} {DIM}{at}{DIM:#}", plain(&subject))?;
    let mut text = match (news.what, news.health) {
        (What::HostChanged, Some(health)) => health_words(health, language).to_owned(),
        (What::Kept, _) => kept(news.rule, language).to_owned(),
        (what, _) => meaning(what, language).to_owned(),
    };
    if news.released > 0 {
        let shown: Vec<_> = news.addresses.iter().take(3).map(|name| plain(name)).collect();
        let more = if news.released > shown.len() as u64 { " …" } else { "" };
        let names = shown.join(", ");
        let free = pick(language, "free again", "wieder frei");
        text += &format!(" {} {free}: {names}{more}.", number(news.released));
    }
    if news.waiting > 0 {
        let (one, many) = match language {
            Language::En => ("address waits", "addresses wait"),
            Language::De => ("Adresse wartet", "Adressen warten"),
        };
        text += &format!(" {} {}.", number(news.waiting), if news.waiting == 1 { one } else { many });
    }
    if let Some(incident) = news.incident {
        text += &format!(" {} {incident}.", pick(language, "Incident", "Störung"));
    }
    if let Some(next) = news.next_look {
        text += &format!(" {} {}.", pick(language, "Next:", "Nächster Schritt:"), dates::minute(next));
    }
    writeln!(out, "{}", wrapped(&text, 15, width(100)))?;
    if let Some(detail) = &news.detail {
        let words = match (news.what, detail.parse::<Doubt>()) {
            (What::NeedsPerson, Ok(doubt)) => needs_person(doubt, news.domain.as_deref(), language),
            _ => detail.clone(),
        };
        writeln!(out, "{DIM}{}{DIM:#}", wrapped(&words, 15, width(100)))?;
    }
    Ok(())
}

pub(super) fn write_summary(
    out: &mut impl Write,
    sum: &PassSummary,
    now: Timestamp,
    language: Language,
) -> io::Result<()> {
    let stopped = sum.of(What::DomainHeld) + sum.of(What::DomainSuppressed);
    let rows = [
        (pick(language, "domains looked at", "Domains angesehen"), sum.domains),
        (pick(language, "mail servers looked at", "Mailserver angesehen"), sum.hosts),
        (pick(language, "confirmed: domains stopped", "bestätigt: Domains gestoppt"), stopped),
        (pick(language, "still without a way", "weiter ohne Weg"), sum.of(What::StillDown)),
        (
            pick(language, "refuted: domains released", "widerlegt: Domains freigegeben"),
            sum.of(What::Released),
        ),
        (pick(language, "our own fault", "eigener Fehler"), sum.of(What::OwnFault)),
        (pick(language, "we could not see", "wir konnten nichts sehen"), sum.of(What::Blind)),
        (pick(language, "recovering", "auf dem Weg der Besserung"), sum.of(What::Recovering)),
        (pick(language, "first address back", "erste Adresse zurück"), sum.of(What::Canary)),
        (pick(language, "more addresses back", "weitere Adressen zurück"), sum.of(What::Reinstated)),
        (pick(language, "all addresses back", "alle Adressen zurück"), sum.of(What::Returned)),
        (
            pick(language, "failed again on the way back", "auf dem Rückweg wieder ausgefallen"),
            sum.of(What::WayBackStopped),
        ),
        (pick(language, "wait for a person", "warten auf einen Menschen"), sum.of(What::NeedsPerson)),
        (pick(language, "addresses free again", "Adressen wieder frei"), sum.released),
        (pick(language, "done by another process", "von einem anderen Prozess erledigt"), sum.leases_lost),
    ];
    let shown: Vec<_> = rows.into_iter().filter(|(_, count)| *count > 0).collect();
    if shown.is_empty() {
        writeln!(out, "{}", pick(language, "Nothing was due.", "Nichts war fällig."))?;
    } else {
        writeln!(out)?;
    }
    for (name, count) in shown {
        writeln!(out, "{:>8}  {name}", number(count))?;
    }
    match sum.next_due {
        None => writeln!(out, "{}", pick(language, "Nothing is watched.", "Nichts wird beobachtet.")),
        Some(at) => {
            let next = pick(language, "Next due at", "Wieder fällig um");
            let at = at.max(now);
            writeln!(out, "{next} {}.", dates::minute(at))
        }
    }
}

pub(super) fn allowed(domain: &Domain, doubt: Option<Doubt>, language: Language) -> String {
    match doubt {
        None => format!(
            "{domain}: {}",
            pick(
                language,
                "does not wait for a person; nothing has changed",
                "wartet nicht auf einen Menschen; nichts hat sich geändert"
            )
        ),
        Some(doubt) => format!(
            "{domain}: {} ({})",
            pick(
                language,
                "may come back: first one address, then more with each step",
                "darf zurückkommen: zuerst eine Adresse, dann mit jedem Schritt mehr"
            ),
            doubt_words(doubt, language)
        ),
    }
}

fn word(what: What, language: Language) -> &'static str {
    match what {
        What::DomainHeld => pick(language, "held", "angehalten"),
        What::DomainSuppressed => pick(language, "suppressed", "gesperrt"),
        What::StillDown => pick(language, "still down", "weiter gestört"),
        What::Released => pick(language, "released", "freigegeben"),
        What::OwnFault => pick(language, "our own fault", "eigener Fehler"),
        What::Kept => pick(language, "kept", "bleibt"),
        What::Blind => pick(language, "we are blind", "wir sind blind"),
        What::Recovering => pick(language, "recovering", "erholt sich"),
        What::Canary => pick(language, "first back", "erste zurück"),
        What::Reinstated => pick(language, "more back", "weitere zurück"),
        What::Returned => pick(language, "all back", "alle zurück"),
        What::WayBackStopped => pick(language, "failed again", "wieder gestört"),
        What::NeedsPerson => pick(language, "your word", "Ihr Wort"),
        What::Works => pick(language, "works", "geht"),
        What::Down => pick(language, "down", "gestört"),
        What::HostChanged => pick(language, "mail server", "Mailserver"),
        What::Frozen => pick(language, "frozen", "eingefroren"),
        What::Thawed => pick(language, "goes on", "geht weiter"),
    }
}

fn meaning(what: What, language: Language) -> &'static str {
    match what {
        What::DomainHeld => pick(
            language,
            "Confirmed: there is no way for mail now. The whole domain is held and watched.",
            "Bestätigt: Es gibt zurzeit keinen Weg für Mail. Die ganze Domain ist angehalten und wird beobachtet.",
        ),
        What::DomainSuppressed => pick(
            language,
            "Confirmed: it takes no mail, and that will stay so. The whole domain is suppressed.",
            "Bestätigt: Sie nimmt keine Mail an, und das bleibt so. Die ganze Domain ist gesperrt.",
        ),
        What::StillDown => {
            pick(language, "There is still no way for mail.", "Es gibt weiterhin keinen Weg für Mail.")
        }
        What::Released => pick(
            language,
            "Refuted: mail gets through. The addresses may be sent to again.",
            "Widerlegt: Mail kommt an. Die Adressen dürfen wieder angeschrieben werden.",
        ),
        What::OwnFault => pick(
            language,
            "The fault was on our side, not theirs. The addresses may be sent to again; our side has to be mended.",
            "Der Fehler lag bei uns, nicht dort. Die Adressen dürfen wieder angeschrieben werden; unsere Seite muss in Ordnung gebracht werden.",
        ),
        What::Kept => pick(
            language,
            "Nothing is decided yet. What is held stays held.",
            "Noch ist nichts entschieden. Was angehalten ist, bleibt angehalten.",
        ),
        What::Blind => pick(
            language,
            "Our own resolver or network does not work: nothing can be said of others. Nothing was decided.",
            "Unser eigener Resolver oder unser Netz geht nicht: Über andere lässt sich nichts sagen. Nichts wurde entschieden.",
        ),
        What::Recovering => pick(
            language,
            "The way works again. It has to hold before anybody comes back.",
            "Der Weg geht wieder. Das muss halten, bevor jemand zurückkommt.",
        ),
        What::Canary => pick(
            language,
            "The way has held. One address comes back first; its mail shows whether all is well.",
            "Der Weg hat gehalten. Zuerst kommt eine Adresse zurück; ihre Mail zeigt, ob alles gut ist.",
        ),
        What::Reinstated => {
            pick(language, "The next addresses come back.", "Die nächsten Adressen kommen zurück.")
        }
        What::Returned => {
            pick(language, "All are back. The domain is free.", "Alle sind zurück. Die Domain ist frei.")
        }
        What::WayBackStopped => pick(
            language,
            "It failed again. Nobody else comes back until it has recovered anew.",
            "Sie ist wieder ausgefallen. Niemand sonst kommt zurück, bis sie sich neu erholt hat.",
        ),
        What::NeedsPerson => pick(
            language,
            "The way works again, but the domain does not come back by itself.",
            "Der Weg geht wieder, aber die Domain kommt nicht von selbst zurück.",
        ),
        What::Works => pick(language, "Mail gets through.", "Mail kommt an."),
        What::Down => pick(
            language,
            "Mail does not get through; nobody of it is stopped.",
            "Mail kommt nicht an; niemand von dort ist gestoppt.",
        ),
        What::HostChanged => pick(language, "Its state changed.", "Sein Zustand hat sich geändert."),
        What::Frozen => pick(
            language,
            "So much failed at once that removals are frozen. See `abprall incidents`.",
            "So viel ist auf einmal ausgefallen, dass nichts mehr gesperrt wird. Siehe `abprall incidents`.",
        ),
        What::Thawed => pick(
            language,
            "The numbers are usual again. What is pending waits for your word: `abprall pending`.",
            "Die Zahlen sind wieder wie sonst. Was aussteht, wartet auf Ihr Wort: `abprall pending`.",
        ),
    }
}

/// Why nothing is decided.
fn kept(rule: Option<&str>, language: Language) -> &'static str {
    match rule {
        Some("failure-behind-mx") => pick(
            language,
            "The mail servers answer; what failed is behind them, where no look from here reaches. The addresses stay held.",
            "Die Mailserver antworten; ausgefallen ist etwas dahinter, wohin von hier kein Blick reicht. Die Adressen bleiben angehalten.",
        ),
        Some("owner-changed") => pick(
            language,
            "Mail gets through, but a server said that the owner changed. The addresses stay held.",
            "Mail kommt an, aber ein Server sagte, der Inhaber habe gewechselt. Die Adressen bleiben angehalten.",
        ),
        Some("too-much-at-once") => pick(
            language,
            "There is no way for mail, but so much fails at once that it is rather us. The domain is not stopped for it.",
            "Es gibt keinen Weg für Mail, aber so viel fällt auf einmal aus, dass es eher an uns liegt. Die Domain wird deshalb nicht gestoppt.",
        ),
        _ => meaning(What::Kept, language),
    }
}

fn health_words(health: HealthState, language: Language) -> &'static str {
    match health {
        HealthState::Healthy => pick(language, "Works.", "Geht."),
        HealthState::Degraded => {
            pick(language, "Works badly, or failed once.", "Geht schlecht oder ist einmal ausgefallen.")
        }
        HealthState::Failing => pick(language, "Does not work.", "Geht nicht."),
        HealthState::Dead => pick(language, "Has not worked for days.", "Geht seit Tagen nicht."),
        HealthState::Recovering => {
            pick(language, "Works again; it has to hold.", "Geht wieder; das muss halten.")
        }
    }
}

fn needs_person(doubt: Doubt, domain: Option<&str>, language: Language) -> String {
    let why = doubt_words(doubt, language);
    let domain = domain.unwrap_or("DOMAIN");
    match language {
        Language::En => format!("Why: {why}. If its people are still yours: abprall watch --allow {domain}"),
        Language::De => {
            format!("Warum: {why}. Wenn es noch Ihre Leute sind: abprall watch --allow {domain}")
        }
    }
}

fn doubt_words(doubt: Doubt, language: Language) -> &'static str {
    match doubt {
        Doubt::DeadTooLong => pick(
            language,
            "it was dead for so long that its addresses may have become spam traps",
            "sie war so lange tot, dass ihre Adressen zu Spamfallen geworden sein können",
        ),
        Doubt::NewNameServers => {
            pick(language, "its name servers are other ones now", "ihre Nameserver sind jetzt andere")
        }
        Doubt::NewMailOperator => pick(
            language,
            "its mail servers are those of another operator now",
            "ihre Mailserver gehören jetzt einem anderen Betreiber",
        ),
        Doubt::OwnerChanged => pick(
            language,
            "a server said that its owner changed",
            "ein Server sagte, der Inhaber habe gewechselt",
        ),
        Doubt::Reregistered => {
            pick(language, "it was not registered in between", "sie war zwischendurch nicht registriert")
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn all_that_can_be_told_is_told_in_both_languages() {
        for what in What::iter() {
            assert_ne!(meaning(what, Language::En), meaning(what, Language::De), "{what}");
            assert_ne!(word(what, Language::En), word(what, Language::De), "{what}");
        }
    }
}
