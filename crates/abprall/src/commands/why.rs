use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_policy::Stop;
use abprall_store::{Audience, DecisionRecord, PersonalStop, ReportRecord, State, Story, Subject};
use clap::ValueEnum;

use super::check::write_standing;
use crate::clock::ClockOption;
use crate::language::Lang;
use crate::store_file::StoreFile;
use crate::terminal::{BOLD, DIM, HELD, STOPPED, beside, number, width, wrapped};
use crate::wording::{self, pick};
use crate::{dates, subject};

/// Say why an address or a domain stands as it does: every decision with its evidence.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// An address, or a domain.
    #[arg(value_name = "ADDRESS|DOMAIN")]
    subject: String,

    #[command(flatten)]
    store: StoreFile,

    #[command(flatten)]
    clock: ClockOption,

    /// How many decisions, and for a domain how many addresses, are shown at most.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let subject = match subject::read(&self.subject) {
            Ok(subject) => subject,
            Err(problem) => {
                anstream::eprintln!("abprall: {problem}");
                return Ok(ExitCode::from(2));
            }
        };
        let store = self.store.open_existing()?;
        let at = self.clock.clock().now();
        let mut story = store.story(&subject, at, self.limit)?;
        if let (Some(mail), Some(story)) = (self.store.raw_mail(), &mut story) {
            mail.mark(story)?;
        }
        // How it stands is told for mail of nobody in particular: what stops only some mail is said beside it.
        let partly = match (&subject, &story, self.format) {
            (Subject::Address(address), Some(_), Format::Text) => store.person(address, at)?,
            (_, _, Format::Text | Format::Json) => None,
        };
        let partly: Vec<_> = partly
            .map_or_else(Vec::new, |person| person.stops)
            .into_iter()
            .filter(|stop| stop.tenant.is_some() || stop.list.is_some())
            .filter(|stop| stop.until.is_none_or(|until| until > at))
            .collect();
        let language = self.lang.into();
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        match (self.format, story) {
            (Format::Json, story) => {
                serde_json::to_writer_pretty(&mut out, &story)?;
                writeln!(out)?;
            }
            (Format::Text, Some(story)) => write_story(&mut out, &story, &partly, language)?,
            (Format::Text, None) => {
                let nothing = pick(
                    language,
                    "nothing is known: no bounce came back, nobody stopped it",
                    "nichts bekannt: kein Bounce kam zurück, niemand hat es gesperrt",
                );
                writeln!(out, "{subject}: {nothing}")?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write_story(
    out: &mut impl Write,
    story: &Story,
    partly: &[PersonalStop],
    language: Language,
) -> io::Result<()> {
    write_standing(out, &story.standing, language)?;
    if story.standing.state == State::Ok && story.addresses_stopped > 0 {
        let text = pick(
            language,
            "the domain itself; addresses of it are stopped",
            "die Domain selbst; Adressen von ihr sind gestoppt",
        );
        writeln!(out, "{:13}{HELD}{text}{HELD:#}", "")?;
    }
    for stop in partly {
        let state = match stop.stop.parse() {
            Ok(Stop::Hold) => State::Held,
            Ok(Stop::Suppression) | Err(_) => State::Suppressed,
        };
        let state = wording::state(state, language);
        let audience = Audience { tenant: stop.tenant.clone(), list: stop.list.clone() };
        writeln!(out, "{:12} {state}{}", "", wording::for_mail_of(&audience, language))?;
    }
    if story.addresses_total > 0 {
        write_addresses(out, story, language)?;
    }
    for decision in &story.decisions {
        writeln!(out)?;
        write_decision(out, decision, &story.raw_mail, language)?;
    }
    let more = story.decisions_total.saturating_sub(story.decisions.len() as u64);
    if more > 0 {
        let text = pick(
            language,
            "older decisions; --limit shows more",
            "ältere Entscheidungen; --limit zeigt mehr",
        );
        writeln!(out, "\n{DIM}{} {text}{DIM:#}", number(more))?;
    }
    Ok(())
}

fn write_addresses(out: &mut impl Write, story: &Story, language: Language) -> io::Result<()> {
    let (total, stopped) = (number(story.addresses_total), number(story.addresses_stopped));
    let heading = match (story.addresses_total, language) {
        (1, Language::En) => format!("1 address of this domain is known, {stopped} stopped"),
        (1, Language::De) => format!("1 Adresse dieser Domain ist bekannt, {stopped} gestoppt"),
        (_, Language::En) => format!("{total} addresses of this domain are known, {stopped} of them stopped"),
        (_, Language::De) => format!("{total} Adressen dieser Domain sind bekannt, davon {stopped} gestoppt"),
    };
    writeln!(out, "\n{BOLD}{heading}{BOLD:#}")?;
    for address in &story.addresses {
        let style = match address.state {
            State::Suppressed => STOPPED,
            State::Held => HELD,
            State::Ok => DIM,
        };
        let state = wording::state(address.state, language);
        let why = address.reason.map_or("", |reason| wording::reason(reason, language));
        writeln!(out, "{style}{state:12}{style:#} {}", beside(&address.address, 28, why, 13, width(100)))?;
    }
    let more = story.addresses_total.saturating_sub(story.addresses.len() as u64);
    if more > 0 {
        let text = pick(language, "more; --limit shows them", "weitere; --limit zeigt sie");
        writeln!(out, "{DIM}{:12} {} {text}{DIM:#}", "", number(more))?;
    }
    Ok(())
}

fn write_decision(
    out: &mut impl Write,
    decision: &DecisionRecord,
    raw_mail: &[String],
    language: Language,
) -> io::Result<()> {
    let outcome = wording::outcome(decision.outcome, language);
    let reason = decision.reason.map_or("", |reason| wording::reason(reason, language));
    writeln!(
        out,
        "{BOLD}{}  {outcome}{BOLD:#}{}{reason}",
        dates::minute(decision.taken_at),
        if reason.is_empty() { "" } else { ": " }
    )?;
    let facts = Facts { language, width: width(100) };
    let by = match decision.rule.as_str() {
        "operator" => pick(language, "a person", "ein Mensch").to_owned(),
        rule => {
            let rules = pick(language, "rules", "Regeln");
            let policy = decision
                .policy_fingerprint
                .as_deref()
                .map(|print| format!(", {} {print}", pick(language, "policy", "Richtlinie")));
            format!("{rule} ({rules} {}{})", decision.policy, policy.unwrap_or_default())
        }
    };
    let about = &decision.about;
    facts.write(out, "decision", "Entscheidung", &format!("{} · {about}", decision.id))?;
    facts.write(out, "decided by", "entschieden von", &by)?;
    let whose: Vec<_> = [("tenant", &decision.tenant), ("list", &decision.list)]
        .into_iter()
        .filter_map(|(what, name)| name.as_ref().map(|name| format!("{what} {name}")))
        .collect();
    if !whose.is_empty() {
        facts.write(out, "only for", "nur für", &whose.join(", "))?;
    }
    if let Some(until) = decision.until {
        facts.write(out, "until", "bis", &dates::minute(until))?;
    }
    if !decision.evidence.is_empty() {
        let looks: Vec<_> = decision.evidence.iter().map(|id| format!("#{id}")).collect();
        let text =
            pick(language, "what was seen then: abprall domains", "was da zu sehen war: abprall domains");
        let domain = decision.about.rsplit('@').next().unwrap_or_default();
        facts.write(out, "evidence", "Beleg", &format!("{} ({text} {domain})", looks.join(", ")))?;
    }
    if let Some(incident) = decision.incident {
        facts.write(out, "incident", "Störung", &format!("{incident} (abprall incidents {incident})"))?;
    }
    if let Some(undone) = decision.undoes {
        facts.write(out, "undoes", "nimmt zurück", &undone.to_string())?;
    }
    if let Some(by) = decision.undone_by {
        facts.write(out, "undone by", "zurückgenommen von", &by.to_string())?;
    }
    if let Some(note) = &decision.note {
        facts.write(out, "note", "Notiz", note)?;
    }
    if let Some(report) = &decision.report {
        write_report(out, report, &facts)?;
        if raw_mail.contains(&report.content) {
            facts.write(out, "raw mail", "Rohmail", &format!("abprall message {}", decision.id))?;
        }
    }
    Ok(())
}

fn write_report(out: &mut impl Write, report: &ReportRecord, facts: &Facts) -> io::Result<()> {
    if let Some(diagnostic) = &report.diagnostic {
        facts.write(out, "the reply", "die Antwort", diagnostic)?;
    }
    let codes = [report.reply_code.map(|code| code.to_string()), report.status.clone()];
    let codes: Vec<_> = codes.into_iter().flatten().collect();
    if !codes.is_empty() {
        facts.write(out, "codes", "Codes", &codes.join(" "))?;
    }
    if let Some(host) = &report.remote_mta {
        facts.write(out, "said by", "gesagt von", host)?;
    }
    if let Some(mta) = &report.reporting_mta {
        facts.write(out, "reported by", "gemeldet von", mta)?;
    }
    if let Some(failed) = &report.failed_address {
        facts.write(out, "failed at", "gescheitert bei", failed)?;
    }
    if let Some(underlying) = report.underlying {
        facts.write(out, "beneath it", "darunter", wording::reason(underlying, facts.language))?;
    }
    let because: Vec<_> = report
        .because
        .iter()
        .map(|why| format!("{} {}", why.rule, wording::quoted(&why.matched, facts.language)))
        .collect();
    if !because.is_empty() {
        facts.write(out, "because of", "wegen", &because.join(", "))?;
    }
    for contradiction in &report.contradictions {
        facts.write(out, "but", "aber", contradiction)?;
    }
    if let Some(subject) = &report.subject {
        facts.write(out, "mail", "Mail", subject)?;
    }
    if let Some(message_id) = &report.message_id {
        facts.write(out, "message-id", "Message-ID", message_id)?;
    }
    let at = format!("{} · {}", dates::minute(report.happened_at), report.source);
    facts.write(out, "happened", "geschehen", &at)
}

/// Writes names and values in two columns.
struct Facts {
    language: Language,
    width: usize,
}

impl Facts {
    fn write(&self, out: &mut impl Write, en: &'static str, de: &'static str, value: &str) -> io::Result<()> {
        const COLUMN: usize = 21;
        let name = pick(self.language, en, de);
        let text = wrapped(value, COLUMN, self.width);
        writeln!(out, "  {DIM}{name:19}{DIM:#}{}", text.trim_start())
    }
}
