//! Healthy or not, and what to do now, in words for the owner of the list.

use std::collections::BTreeMap;

use abprall_bounce::Kind;
use abprall_mail::{Language, Party, Reason};
use abprall_policy::Outcome;
use abprall_store::Trends;
use serde::Serialize;
use utoipa::ToSchema;

use super::content::{Failures, ListHealth};
use crate::terminal::number;
use crate::wording::{self, pick};

/// Hard bounces among results above which large providers restrict a sender; Amazon SES reviews an account from here on
/// ("Reputation metrics", Amazon SES developer guide).
const HARD_RATE_BAD: f64 = 0.05;

/// Failures of our own side in a hundred, above which they are the first thing to mend: they hit people who could be reached.
const OWN_PERCENT_BAD: u64 = 10;

/// Fewer failures than this are no trend and no share of anything.
const FAILURES_MIN: u64 = 20;

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Condition {
    /// No report in the period.
    Empty,
    Healthy,
    /// Something is to be done, and nothing burns.
    Attention,
    /// Something is to be done now.
    Urgent,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Headline {
    pub(crate) condition: Condition,
    pub(crate) title: String,
    /// What to do, most urgent first; then what is good to know.
    pub(crate) points: Vec<Point>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Point {
    pub(crate) condition: Condition,
    pub(crate) text: String,
    pub(crate) command: Option<&'static str>,
}

/// What points are made from.
struct Facts<'a> {
    trends: &'a Trends,
    failures: &'a Failures,
    list: &'a ListHealth,
    language: Language,
}

impl Headline {
    pub(crate) fn of(trends: &Trends, failures: &Failures, list: &ListHealth, language: Language) -> Self {
        let facts = Facts { trends, failures, list, language };
        let mut points: Vec<Point> = [
            facts.blind(),
            facts.frozen(),
            facts.rate(),
            facts.own_side(),
            facts.pending(),
            facts.rising(),
            facts.to_remove(),
            facts.domains(),
            facts.back(),
        ]
        .into_iter()
        .flatten()
        .collect();
        points.sort_by_key(|point| std::cmp::Reverse(point.condition));
        let nothing_known = trends.by_day.is_empty() && list.addresses_known == 0;
        let condition = match points.first() {
            _ if nothing_known => Condition::Empty,
            Some(point) => point.condition,
            None => Condition::Healthy,
        };
        Self { condition, title: title(condition, &points, language), points }
    }
}

fn title(condition: Condition, points: &[Point], language: Language) -> String {
    let to_do = points.iter().filter(|point| point.condition >= Condition::Attention).count();
    match (condition, language, to_do) {
        (Condition::Empty, Language::En, _) => "Nothing has come back yet.".to_owned(),
        (Condition::Empty, Language::De, _) => "Bisher ist nichts zurückgekommen.".to_owned(),
        (Condition::Healthy, Language::En, _) => "Your list is in good order. Nothing to do.".to_owned(),
        (Condition::Healthy, Language::De, _) => "Die Liste ist in Ordnung. Nichts zu tun.".to_owned(),
        (Condition::Attention, Language::En, 1) => "One thing needs attention.".to_owned(),
        (Condition::Attention, Language::De, 1) => "Eine Sache braucht Aufmerksamkeit.".to_owned(),
        (Condition::Attention, Language::En, n) => {
            format!("{} things need attention.", in_words(n, language))
        }
        (Condition::Attention, Language::De, n) => {
            format!("{} Dinge brauchen Aufmerksamkeit.", in_words(n, language))
        }
        (Condition::Urgent, Language::En, _) => "Act before the next send.".to_owned(),
        (Condition::Urgent, Language::De, _) => "Bitte vor dem nächsten Versand handeln.".to_owned(),
    }
}

/// At the beginning of a sentence.
fn in_words(number: usize, language: Language) -> String {
    const EN: [&str; 7] = ["No", "One", "Two", "Three", "Four", "Five", "Six"];
    const DE: [&str; 7] = ["Keine", "Eine", "Zwei", "Drei", "Vier", "Fünf", "Sechs"];
    let words = match language {
        Language::En => EN,
        Language::De => DE,
    };
    words.get(number).map_or_else(|| number.to_string(), |word| (*word).to_owned())
}

impl Facts<'_> {
    fn point(
        &self,
        condition: Condition,
        en: String,
        de: String,
        command: Option<&'static str>,
    ) -> Option<Point> {
        let text = match self.language {
            Language::En => en,
            Language::De => de,
        };
        Some(Point { condition, text, command })
    }

    /// What our own side keeps from being seen is decided for nobody, and looks like quiet.
    fn blind(&self) -> Option<Point> {
        let looks = self.trends.looks;
        if looks.blind == 0 {
            return None;
        }
        let n = number(looks.blind);
        let en = several(looks.blind, &n, "domain", "domains");
        let de = several(looks.blind, &n, "Domain", "Domains");
        if looks.all_blind {
            return self.point(
                Condition::Urgent,
                format!("Our own resolver or network does not work: nothing was decided for {en}."),
                format!("Der eigene Resolver oder das eigene Netz funktioniert nicht: über {de} wurde nichts entschieden."),
                Some("abprall doctor"),
            );
        }
        self.point(
            Condition::Attention,
            format!("Our own resolver or network kept us from seeing the way to {en}: nothing was decided there."),
            format!("Der eigene Resolver oder das eigene Netz verstellte den Blick auf {de}: dort wurde nichts entschieden."),
            Some("abprall doctor"),
        )
    }

    fn frozen(&self) -> Option<Point> {
        if self.trends.brakes.is_empty() {
            return None;
        }
        self.point(
            Condition::Urgent,
            "Removals are frozen: so many bounces at once are rather an incident than the end of these mailboxes. \
             Do not send to the affected provider until it is over."
                .to_owned(),
            "Sperrungen sind eingefroren: so viele Bounces auf einmal sind eher eine Störung als das Ende dieser Postfächer. \
             Bitte bis zum Ende der Störung nicht an den betroffenen Anbieter senden."
                .to_owned(),
            Some("abprall incidents"),
        )
    }

    fn rate(&self) -> Option<Point> {
        let rate = self.list.hard_rate.filter(|rate| *rate > HARD_RATE_BAD)?;
        let (en, de) = (percent(rate, Language::En), percent(rate, Language::De));
        self.point(
            Condition::Urgent,
            format!("{en} of all results are hard bounces; above 5% providers begin to refuse a sender. Clean the list first."),
            format!("{de} aller Ergebnisse sind harte Bounces; ab 5 % beginnen Anbieter, Absender abzuweisen. Bitte erst die Liste bereinigen."),
            Some("abprall scrub LIST.csv -o CLEAN.csv --removed WHY.csv"),
        )
    }

    /// The fault of the sender, the message or our own system: the people stay, we mend.
    fn own_side(&self) -> Option<Point> {
        let mut reasons: BTreeMap<Reason, u64> = BTreeMap::new();
        for row in &self.trends.by_day {
            if row.kind == Kind::Failed && is_ours(row.party) {
                *reasons.entry(row.reason).or_default() += row.reports;
            }
        }
        let own: u64 = reasons.values().sum();
        if own < FAILURES_MIN || own * 100 < self.failures.all * OWN_PERCENT_BAD {
            return None;
        }
        let (most, _) = reasons.into_iter().max_by_key(|(reason, n)| (*n, std::cmp::Reverse(*reason)))?;
        let (n, id, words) = (number(own), most.as_str(), wording::reason(most, self.language));
        self.point(
            Condition::Attention,
            format!("{n} failures are on our own side: sender, message or mail system. Nobody is removed for them; mend the cause, first “{words}” ({id})."),
            format!("{n} Fehler liegen auf unserer Seite: Absender, Nachricht oder Mailsystem. Dafür wird niemand gesperrt; bitte die Ursache beheben, zuerst „{words}“ ({id})."),
            Some("abprall explain REASON"),
        )
    }

    fn pending(&self) -> Option<Point> {
        let pending = self.trends.pending;
        if pending == 0 {
            return None;
        }
        let n = number(pending);
        self.point(
            Condition::Attention,
            match pending {
                1 => "One removal waits for a decision: carry it out, or drop it.".to_owned(),
                _ => format!("{n} removals wait for a decision: carry them out, or drop them together."),
            },
            match pending {
                1 => "Eine Sperrung wartet auf eine Entscheidung: ausführen oder verwerfen.".to_owned(),
                _ => format!(
                    "{n} Sperrungen warten auf eine Entscheidung: gemeinsam ausführen oder verwerfen."
                ),
            },
            Some("abprall pending"),
        )
    }

    fn rising(&self) -> Option<Point> {
        let (Some(last), Some(before)) = (self.failures.last_week, self.failures.week_before) else {
            return None;
        };
        if last < before.saturating_mul(2) || last - before < FAILURES_MIN {
            return None;
        }
        let (last, before) = (number(last), number(before));
        self.point(
            Condition::Attention,
            format!("Failures went up: {last} in the last seven days, {before} in the seven before."),
            format!(
                "Die Fehler nehmen zu: {last} in den letzten sieben Tagen, {before} in den sieben davor."
            ),
            None,
        )
    }

    fn to_remove(&self) -> Option<Point> {
        let gone = self.list.suppressed + self.list.held;
        if gone == 0 {
            return None;
        }
        let (suppressed, held) = (number(self.list.suppressed), number(self.list.held));
        let is_new =
            self.trends.by_day.iter().any(|row| matches!(row.outcome, Outcome::Suppress | Outcome::Hold));
        self.point(
            if is_new { Condition::Attention } else { Condition::Healthy },
            format!("Take the stopped addresses off the list: {suppressed} for good (suppressed), {held} for now (held). One command writes a clean list and says who left and why."),
            format!("Gestoppte Adressen von der Liste nehmen: {suppressed} endgültig (gesperrt), {held} vorerst (angehalten). Ein Befehl schreibt die bereinigte Liste und sagt, wer warum fehlt."),
            Some("abprall scrub LIST.csv -o CLEAN.csv --removed WHY.csv"),
        )
    }

    fn domains(&self) -> Option<Point> {
        let unseen = self.trends.looks.not_looked;
        if unseen == 0 {
            return None;
        }
        let n = number(unseen);
        self.point(
            Condition::Attention,
            match unseen {
                1 => "One domain with routing failures has not been looked at. The watch checks it and brings people back when it recovers.".to_owned(),
                _ => format!("{n} domains with routing failures have not been looked at. The watch checks them and brings people back when they recover."),
            },
            match unseen {
                1 => "Eine Domain mit Fehlern auf dem Mailweg wurde noch nicht angesehen. Die Überwachung prüft sie und holt die Leute zurück, wenn sie sich erholt.".to_owned(),
                _ => format!("{n} Domains mit Fehlern auf dem Mailweg wurden noch nicht angesehen. Die Überwachung prüft sie und holt die Leute zurück, wenn sie sich erholen."),
            },
            Some("abprall watch"),
        )
    }

    fn back(&self) -> Option<Point> {
        let back = &self.trends.recovered;
        let people = back.reinstated + back.released;
        if people == 0 {
            return None;
        }
        let (domains, n) = (back.domains, number(people));
        self.point(
            Condition::Healthy,
            format!(
                "{} at {} may be sent to again.",
                several(people, &n, "address", "addresses"),
                several(domains, &number(domains), "domain", "domains")
            ),
            format!(
                "{} bei {} wieder angeschrieben werden.",
                several(people, &n, "Adresse", "Adressen"),
                match people {
                    1 => format!("{} darf", several(domains, &number(domains), "Domain", "Domains")),
                    _ => format!("{} dürfen", several(domains, &number(domains), "Domain", "Domains")),
                }
            ),
            None,
        )
    }
}

/// A number with its noun.
fn several(count: u64, number: &str, one: &str, many: &str) -> String {
    format!("{number} {}", if count == 1 { one } else { many })
}

pub(crate) fn is_ours(party: Party) -> bool {
    match party {
        Party::Sender | Party::Message | Party::OwnSystem => true,
        Party::Recipient
        | Party::RecipientDomain
        | Party::Route
        | Party::Receiver
        | Party::None
        | Party::Unknown => false,
    }
}

/// A share as `4.2%`, in German `4,2 %`.
pub(crate) fn percent(share: f64, language: Language) -> String {
    let digits = format!("{:.1}", share * 100.0);
    match language {
        Language::En => format!("{digits}%"),
        Language::De => format!("{}\u{a0}%", digits.replace('.', ",")),
    }
}

pub(crate) fn condition_word(condition: Condition, language: Language) -> &'static str {
    match condition {
        Condition::Empty => pick(language, "No data", "Keine Daten"),
        Condition::Healthy => pick(language, "Good", "Gut"),
        Condition::Attention => pick(language, "To do", "Zu tun"),
        Condition::Urgent => pick(language, "Now", "Jetzt"),
    }
}

#[cfg(test)]
mod tests {
    use abprall_mail::BounceType;
    use abprall_policy::{Brake, BrakeReason};
    use abprall_store::{BrakeRow, DayRow, Looks, Recovered, Stopped, Summary};
    use jiff::Timestamp;
    use jiff::civil::date;

    use super::*;

    fn trends(days: &[(Reason, BounceType, Outcome, u64)]) -> Trends {
        let by_day = days.iter().map(|(reason, bounce_type, outcome, reports)| DayRow {
            day: date(2026, 11, 24),
            kind: Kind::Failed,
            reason: *reason,
            party: reason.party(),
            bounce_type: *bounce_type,
            outcome: *outcome,
            reports: *reports,
        });
        Trends {
            summary: Summary {
                messages: 0,
                messages_without_report: 0,
                days: None,
                stopped: Stopped::default(),
                reasons: Vec::new(),
                domains: Vec::new(),
                domains_total: 0,
                hosts: Vec::new(),
                hosts_total: 0,
            },
            by_day: by_day.collect(),
            providers: Vec::new(),
            providers_total: 0,
            route_hosts: Vec::new(),
            route_hosts_total: 0,
            addresses_known: 0,
            recoveries: Vec::new(),
            recovered: Recovered::default(),
            pending: 0,
            looks: Looks::default(),
            brakes: Vec::new(),
        }
    }

    const SOFT: (Reason, BounceType, Outcome, u64) =
        (Reason::MailboxFull, BounceType::Soft, Outcome::Count, 300);

    fn list(suppressed: u64, hard_rate: Option<f64>) -> ListHealth {
        ListHealth {
            addresses_known: 1000,
            free: 1000 - suppressed,
            held: 0,
            suppressed,
            delivered: 0,
            hard_rate,
        }
    }

    fn headline(trends: &Trends, list: &ListHealth) -> Headline {
        let mut failures = Failures::default();
        for row in &trends.by_day {
            failures.add(row.bounce_type, row.reports);
        }
        Headline::of(trends, &failures, list, Language::En)
    }

    #[test]
    fn soft_bounces_and_old_removals_leave_nothing_to_do() {
        let of = headline(&trends(&[SOFT]), &list(12, Some(0.01)));
        assert_eq!(of.condition, Condition::Healthy, "{of:?}");
        assert_eq!(of.title, "Your list is in good order. Nothing to do.");
    }

    #[test]
    fn that_we_see_nothing_ourselves_is_the_first_thing_to_mend() {
        let mut blind = trends(&[SOFT]);
        blind.looks = Looks { not_looked: 31, blind: 10, all_blind: true };
        let of = headline(&blind, &list(12, Some(0.2)));
        assert_eq!(of.condition, Condition::Urgent);
        assert!(of.points[0].text.ends_with("nothing was decided for 10 domains."), "{of:?}");
        assert_eq!(of.points[0].command, Some("abprall doctor"));
        assert!(of.points.iter().any(|point| point.text.starts_with("31 domains with")), "{of:?}");
        blind.looks.all_blind = false;
        assert_eq!(headline(&blind, &list(12, None)).condition, Condition::Attention);
    }

    #[test]
    fn new_removals_are_to_be_taken_off_the_list() {
        let gone = (Reason::UserUnknown, BounceType::Hard, Outcome::Suppress, 1);
        let of = headline(&trends(&[SOFT, gone]), &list(12, None));
        assert_eq!((of.condition, &*of.title), (Condition::Attention, "One thing needs attention."));
        assert!(of.points[0].text.contains("12 for good"), "{of:?}");
    }

    #[test]
    fn our_own_faults_are_a_matter_from_a_tenth_on() {
        let ours = |reports| (Reason::Blocklisted, BounceType::Block, Outcome::Alert, reports);
        assert_eq!(headline(&trends(&[SOFT, ours(20)]), &list(0, None)).condition, Condition::Healthy);
        let of = headline(&trends(&[SOFT, ours(40)]), &list(0, None));
        assert_eq!(of.condition, Condition::Attention);
        assert!(of.points[0].text.starts_with("40 failures are on our own side"), "{of:?}");
    }

    #[test]
    fn a_high_rate_and_a_brake_come_before_the_next_send() {
        assert_eq!(headline(&trends(&[SOFT]), &list(0, Some(0.051))).condition, Condition::Urgent);
        let mut frozen = trends(&[SOFT]);
        let since = Timestamp::UNIX_EPOCH;
        let brake = Brake::Frozen { since, reason: BrakeReason::Jump, calm_since: None };
        frozen.brakes.push(BrakeRow { provider: "example.com".to_owned(), brake, incident: None });
        frozen.pending = 1;
        let of = headline(&frozen, &list(0, None));
        assert_eq!((of.condition, of.points.len()), (Condition::Urgent, 2));
        assert_eq!(of.points[0].condition, Condition::Urgent, "the most urgent is first");
    }

    #[test]
    fn nothing_known_is_neither_good_nor_bad() {
        let none = ListHealth { addresses_known: 0, free: 0, ..list(0, None) };
        assert_eq!(headline(&trends(&[]), &none).condition, Condition::Empty);
        assert_eq!(headline(&trends(&[]), &list(0, None)).condition, Condition::Healthy);
    }

    #[test]
    fn failures_that_double_are_said() {
        let mut failures =
            Failures { all: 90, last_week: Some(60), week_before: Some(30), ..Failures::default() };
        let of = |failures: &Failures| Headline::of(&trends(&[SOFT]), failures, &list(0, None), Language::De);
        assert!(of(&failures).points[0].text.contains("60 in den letzten sieben Tagen, 30"));
        failures.week_before = Some(31);
        assert!(of(&failures).points.is_empty());
    }

    #[test]
    fn a_share_is_written_as_the_language_writes_it() {
        assert_eq!(percent(0.0423, Language::En), "4.2%");
        assert_eq!(percent(0.0423, Language::De), "4,2\u{a0}%");
        assert_eq!(percent(1.0, Language::En), "100.0%");
    }
}
