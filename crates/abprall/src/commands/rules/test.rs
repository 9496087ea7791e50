use std::io::{self, Write};
use std::process::ExitCode;

use abprall_bounce::{Classification, Classifier, Report, Rule, read_line};
use abprall_mail::Language;
use clap::ValueEnum;

use crate::language::Lang;
use crate::report_line::rounded;
use crate::rule_files::RuleFiles;
use crate::terminal::{BOLD, DIM, HELD, width, wrapped};
use crate::wording::{self, pick};

/// Try the rules on a reply: which ones fit, which one wins, and what becomes of it.
///
/// The reply may stand in an MTA's wrapper (`host mx.example.com[192.0.2.1] said: 550 …`): rules for one host then apply.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The reply, in quotes.
    #[arg(required = true, value_name = "REPLY")]
    reply: Vec<String>,

    /// The remote host's name, for rules that apply to one provider.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    #[command(flatten)]
    rules: RuleFiles,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let classifier = self.rules.classifier()?;
        let mut report = read_line(&self.reply.join(" "));
        report.remote_mta = self.host.or(report.remote_mta);
        let judged = classifier.classify(&report);
        match self.format {
            Format::Text => write_text(&report, &judged, &classifier, self.lang.into())?,
            Format::Json => write_json(&judged, &classifier.matching(&report))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write_text(
    report: &Report,
    judged: &Classification,
    classifier: &Classifier,
    language: Language,
) -> io::Result<()> {
    let mut out = anstream::AutoStream::auto(io::stdout().lock());
    let width = width(120);
    let row =
        |name: &str, text: String| format!("{DIM}{name:16}{DIM:#}{}", wrapped(&text, 16, width).trim_start());
    let say = |en, de| pick(language, en, de);
    let title = wording::reason(judged.reason, language);
    writeln!(out, "{BOLD}{}{BOLD:#}: {title}", judged.reason)?;
    writeln!(
        out,
        "{}",
        row(say("what to do", "was zu tun ist"), wording::action(judged.action, language).to_owned())
    )?;
    let codes =
        [report.reply_code.map(|code| code.to_string()), report.status.map(|status| status.to_string())];
    let codes: Vec<_> = codes.into_iter().flatten().collect();
    writeln!(
        out,
        "{}",
        row(
            say("codes", "Codes"),
            if codes.is_empty() { say("none", "keine").to_owned() } else { codes.join(" ") }
        )
    )?;
    writeln!(
        out,
        "{}",
        row(
            say("side", "Seite"),
            format!(
                "{}, {}",
                wording::party(judged.party, language),
                wording::permanence(judged.permanence, language)
            )
        )
    )?;
    writeln!(out, "{}", row(say("confidence", "Sicherheit"), format!("{:.0} %", judged.confidence * 100.0)))?;
    for because in &judged.because {
        writeln!(
            out,
            "{}",
            row(
                say("because", "erkannt an"),
                format!("{}: {}", because.rule, wording::quoted(&because.matched, language))
            )
        )?;
    }
    for contradiction in &judged.contradictions {
        writeln!(
            out,
            "{HELD}{:16}{HELD:#}{}",
            say("contradiction", "Widerspruch"),
            wrapped(contradiction, 16, width).trim_start()
        )?;
    }
    let matching = classifier.matching(report);
    if matching.is_empty() {
        writeln!(
            out,
            "{}",
            row(
                say("rules", "Regeln"),
                say("none has words that fit", "keine hat passende Worte").to_owned()
            )
        )?;
    }
    for (place, rule) in matching.iter().enumerate() {
        let name = if place == 0 { say("rules that fit", "passende Regeln") } else { "" };
        writeln!(out, "{}", row(name, format!("{} ({}) → {}", rule.id, rule.file, rule.reason)))?;
    }
    Ok(())
}

fn write_json(judged: &Classification, matching: &[&Rule]) -> anyhow::Result<()> {
    let because: Vec<_> = judged
        .because
        .iter()
        .map(|because| serde_json::json!({ "rule": *because.rule, "matched": because.matched }))
        .collect();
    let matching: Vec<_> = matching
        .iter()
        .map(|rule| serde_json::json!({ "rule": *rule.id, "file": *rule.file, "reason": rule.reason }))
        .collect();
    let answer = serde_json::json!({
        "reason": judged.reason,
        "action": judged.action,
        "party": judged.party,
        "permanence": judged.permanence,
        "confidence": rounded(judged.confidence),
        "because": because,
        "contradictions": judged.contradictions,
        "matching": matching,
    });
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &answer)?;
    Ok(out.write_all(b"\n")?)
}
