//! The report as one HTML file without anything from outside, and without a script.

use std::borrow::Borrow;
use std::io;

use abprall_bounce::Kind;
use abprall_mail::{Language, Party, Reason, Verdict};
use abprall_policy::{Brake, BrakeReason, HealthState};
use abprall_store::{Incident, ProviderRow, State};
use askama::Template;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Report;
use super::advice::Piece;
use super::chart::{self, Bucket, Column, Part, Picture};
use super::content::Failures;
use super::headline::{Condition, condition_word, is_ours, percent};
use crate::dates::{day, minute};
use crate::health;
use crate::terminal::{self, plain};
use crate::wording::{self, pick};

pub(crate) fn write(out: &mut impl io::Write, report: &Report, language: Language) -> io::Result<()> {
    Page { report, language, series: series(report) }.write_into(out)
}

/// The page; its words stand in the template, in both languages side by side.
#[derive(Template)]
#[template(path = "report/page.html")]
struct Page<'a> {
    report: &'a Report,
    language: Language,
    series: Vec<(Bucket, Failures)>,
}

/// Failures over time without gaps: over the period where one is asked for, up to the present, else over all that there is.
fn series(report: &Report) -> Vec<(Bucket, Failures)> {
    let Some((first, last)) = report.trends.summary.days else { return Vec::new() };
    let today = report.at.to_zoned_datetime(TimeZone::UTC).date();
    let (first, last) = match (report.period.since, report.period.until) {
        (None, None) => (first, last),
        (since, until) => (since.unwrap_or(first), until.unwrap_or(today).min(today).max(last)),
    };
    let mut series: Vec<_> =
        chart::buckets(first, last).into_iter().map(|bucket| (bucket, Failures::default())).collect();
    for row in report.trends.by_day.iter().filter(|row| row.kind == Kind::Failed) {
        let place = series.partition_point(|(bucket, _)| bucket.last < row.day);
        if let Some((_, failures)) = series.get_mut(place) {
            failures.add(row.bounce_type, row.reports);
        }
    }
    series
}

/// A row with a bar.
struct Bar<'a> {
    name: &'a str,
    note: &'a str,
    value: u64,
    share: String,
    svg: String,
}

impl Page<'_> {
    fn say(&self, en: &'static str, de: &'static str) -> &'static str {
        pick(self.language, en, de)
    }

    fn n(&self, number: impl Borrow<u64>) -> String {
        terminal::number(*number.borrow())
    }

    fn lang(&self) -> &'static str {
        self.language.into()
    }

    /// Somebody else's text without what turns the direction of writing around.
    fn foreign(&self, text: &str) -> String {
        plain(text)
    }

    fn day(&self, at: &Option<Timestamp>) -> String {
        at.map_or_else(|| "–".to_owned(), day)
    }

    fn date(&self, at: &Timestamp) -> String {
        day(*at)
    }

    fn minute(&self, at: &Timestamp) -> String {
        minute(*at)
    }

    fn period(&self) -> String {
        let days = self.report.trends.summary.days;
        let first = self.report.period.since.or(days.map(|(first, _)| first));
        let last = self.report.period.until.or(days.map(|(_, last)| last));
        match (first, last) {
            (Some(first), Some(last)) if first != last => format!("{first} – {last}"),
            (Some(day), _) | (None, Some(day)) => day.to_string(),
            (None, None) => self.say("no reports yet", "noch keine Meldungen").to_owned(),
        }
    }

    fn condition(&self, condition: &Condition) -> &'static str {
        match condition {
            Condition::Empty => "empty",
            Condition::Healthy => "good",
            Condition::Attention => "warn",
            Condition::Urgent => "bad",
        }
    }

    fn condition_word(&self, condition: &Condition) -> &'static str {
        condition_word(*condition, self.language)
    }

    fn reason(&self, reason: &Reason) -> &'static str {
        wording::reason(*reason, self.language)
    }

    fn claim(&self, reason: &Option<Reason>) -> &'static str {
        reason.map_or("–", |reason| wording::reason(reason, self.language))
    }

    fn state(&self, state: &State) -> &'static str {
        wording::state(*state, self.language)
    }

    /// Whether a look should have been taken by now: then nobody watches.
    fn is_late(&self, next: &Option<Timestamp>) -> bool {
        next.is_some_and(|next| health::is_late(next, self.report.at))
    }

    fn verdict(&self, verdict: &Option<Verdict>) -> &str {
        match verdict {
            Some(verdict) => &verdict.knowledge(self.language).title,
            None => self.say("not looked at yet", "noch nicht angesehen"),
        }
    }

    fn health(&self, health: &Option<HealthState>) -> &'static str {
        match health {
            None => self.say("not looked at yet", "noch nicht angesehen"),
            Some(HealthState::Healthy) => self.say("works", "funktioniert"),
            Some(HealthState::Degraded) => self.say("works in part", "funktioniert teilweise"),
            Some(HealthState::Failing) => self.say("fails", "fällt aus"),
            Some(HealthState::Dead) => self.say("dead", "tot"),
            Some(HealthState::Recovering) => self.say("recovering", "erholt sich"),
        }
    }

    fn health_class(&self, health: &Option<HealthState>) -> &'static str {
        match health {
            None => "muted",
            Some(HealthState::Healthy) => "good",
            Some(HealthState::Degraded | HealthState::Recovering) => "warn",
            Some(HealthState::Failing | HealthState::Dead) => "bad",
        }
    }

    /// A share of the failures.
    fn share(&self, part: u64, all: u64) -> String {
        #[expect(clippy::cast_precision_loss, reason = "counts of mail are far below 2^52")]
        let share = part as f64 / all.max(1) as f64;
        percent(share, self.language)
    }

    fn rate(&self, rate: &f64) -> String {
        percent(*rate, self.language)
    }

    fn reasons(&self) -> Vec<Bar<'_>> {
        let rows = &self.report.failures_by_reason;
        let most = rows.first().map_or(1, |row| row.failures);
        rows.iter()
            .map(|row| {
                self.bar(
                    wording::reason(row.reason, self.language),
                    wording::party(row.party, self.language),
                    row.failures,
                    most,
                    party_class(row.party),
                )
            })
            .collect()
    }

    fn parties(&self) -> Vec<Bar<'_>> {
        let rows = &self.report.failures_by_party;
        let most = rows.first().map_or(1, |row| row.failures);
        rows.iter()
            .map(|row| {
                let name = wording::party(row.party, self.language);
                let note = match is_ours(row.party) {
                    true => self.say("nobody is removed for it", "dafür wird niemand gesperrt"),
                    false => "",
                };
                self.bar(name, note, row.failures, most, party_class(row.party))
            })
            .collect()
    }

    fn bar<'a>(&self, name: &'a str, note: &'a str, value: u64, most: u64, class: &'static str) -> Bar<'a> {
        let share = self.share(value, self.report.failures.all);
        Bar { name, note, value, share, svg: chart::bar(&[Part { value, class }], most) }
    }

    fn provider_bar(&self, row: &ProviderRow) -> String {
        let most = self.report.trends.providers.first().map_or(1, |row| row.failures);
        let rest = row.failures.saturating_sub(row.hard + row.blocked);
        let parts = [
            Part { value: row.hard, class: "hard" },
            Part { value: row.blocked, class: "block" },
            Part { value: rest, class: "soft" },
        ];
        chart::bar(&parts, most)
    }

    fn list_bar(&self) -> String {
        let list = &self.report.list;
        let parts = [
            Part { value: list.free, class: "free" },
            Part { value: list.held, class: "held" },
            Part { value: list.suppressed, class: "gone" },
        ];
        chart::bar(&parts, list.addresses_known)
    }

    fn volume(&self, class: &str, width: f64, height: f64) -> String {
        let columns: Vec<_> =
            self.series.iter().map(|(bucket, failures)| self.column(*bucket, failures)).collect();
        let all = terminal::number(self.report.failures.all);
        let id = format!("volume-{class}");
        let title = self.say("Failures over time", "Fehler im Verlauf");
        let description = match self.language {
            Language::En => {
                format!("{all} failures, {}; the numbers stand in the table below.", self.period())
            }
            Language::De => {
                format!("{all} Fehler, {}; die Zahlen stehen in der Tabelle darunter.", self.period())
            }
        };
        chart::columns(&columns, Picture { id: &id, class, title, description: &description, width, height })
    }

    fn column(&self, bucket: Bucket, failures: &Failures) -> Column {
        let words = [
            (failures.hard, self.say("hard", "hart")),
            (failures.block, self.say("refused", "abgewiesen")),
            (failures.soft, self.say("soft", "weich")),
            (failures.other, self.say("undetermined", "unklar")),
        ];
        let said: Vec<_> = words
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{} {word}", terminal::number(*number)))
            .collect();
        Column {
            label: bucket.short(self.language),
            title: format!("{}: {}", bucket.full(), said.join(", ")),
            parts: vec![
                Part { value: failures.hard, class: "hard" },
                Part { value: failures.block, class: "block" },
                Part { value: failures.soft, class: "soft" },
                Part { value: failures.other, class: "other" },
            ],
        }
    }

    fn buckets_with_mail(&self) -> Vec<&(Bucket, Failures)> {
        self.series.iter().filter(|(_, failures)| failures.all > 0).collect()
    }

    fn roles(&self) -> [(&'static str, &[Piece]); 3] {
        let advice = &self.report.advice;
        [
            (self.say("For the owner of the list", "Für die Listenpflege"), &advice.marketer),
            (self.say("For the developer", "Für die Entwicklung"), &advice.developer),
            (self.say("For the mail administrator", "Für die Mail-Administration"), &advice.administrator),
        ]
    }

    /// A text of the knowledge base, cut where its quotation of code begins and ends.
    fn parts(&self, text: &'static str) -> impl Iterator<Item = (bool, &'static str)> {
        text.split('`').enumerate().map(|(place, part)| (place % 2 == 1, part))
    }

    fn days(&self, days: &Option<(Date, Date)>) -> String {
        match days {
            Some((first, last)) if first != last => format!("{first} – {last}"),
            Some((day, _)) => day.to_string(),
            None => "–".to_owned(),
        }
    }

    /// What an incident is about, without the word of its kind.
    fn incident_name(&self, incident: &Incident) -> String {
        let (kind, name) = incident.key.split_once(':').unwrap_or(("", &incident.key));
        match (kind, name) {
            ("brake", "") => self.say("all providers", "alle Anbieter").to_owned(),
            _ => plain(name),
        }
    }

    fn incident_kind(&self, incident: &Incident) -> &'static str {
        match incident.key.split_once(':').map_or("", |(kind, _)| kind) {
            "brake" => self.say("brake: removals frozen", "Bremse: Sperrungen eingefroren"),
            "operator" => self.say("mail provider", "Mailanbieter"),
            _ => self.say("domain", "Domain"),
        }
    }

    fn incident_end(&self, incident: &Incident) -> String {
        incident.closed_at.map_or_else(|| self.say("open", "offen").to_owned(), day)
    }

    fn brake(&self, brake: &Brake) -> String {
        match brake {
            Brake::Open => String::new(),
            Brake::Frozen { reason, .. } => match reason {
                BrakeReason::Jump => {
                    self.say("far more hard bounces than usual", "weit mehr harte Bounces als üblich")
                }
                BrakeReason::Share => {
                    self.say("most results are hard bounces", "die meisten Ergebnisse sind harte Bounces")
                }
                BrakeReason::KnownGood => self.say(
                    "most of these addresses took mail a few days ago",
                    "die meisten dieser Adressen nahmen vor wenigen Tagen noch Mail an",
                ),
                BrakeReason::ManyDomains => self.say(
                    "many domains failed at once: rather us than them",
                    "viele Domains auf einmal: eher wir als sie",
                ),
                BrakeReason::ManyProviders => self.say(
                    "several providers failed at once: rather us than them",
                    "mehrere Anbieter auf einmal: eher wir als sie",
                ),
            }
            .to_owned(),
        }
    }

    fn more(&self, total: &u64, shown: usize) -> Option<String> {
        let more = total.saturating_sub(shown as u64);
        let number = terminal::number(more);
        let text = match self.language {
            Language::En => format!("{number} more; --top shows them"),
            Language::De => format!("{number} weitere; --top zeigt sie"),
        };
        (more > 0).then_some(text)
    }

    fn others(&self) -> Vec<(&'static str, u64)> {
        let mut kinds: Vec<(&'static str, u64)> = Vec::new();
        for row in self.report.trends.by_day.iter().filter(|row| row.kind != Kind::Failed) {
            let word = wording::kind(row.kind, self.language);
            match kinds.iter_mut().find(|(known, _)| *known == word) {
                Some((_, reports)) => *reports += row.reports,
                None => kinds.push((word, row.reports)),
            }
        }
        kinds.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        kinds
    }
}

/// Colour says whose side: amber is ours to mend, grey is what nobody can tell, the rest is the other side.
fn party_class(party: Party) -> &'static str {
    match party {
        Party::Sender | Party::Message | Party::OwnSystem => "block",
        Party::Recipient | Party::RecipientDomain | Party::Route | Party::Receiver => "plain",
        Party::None | Party::Unknown => "other",
    }
}
