//! The page that answers a question: what it means, whose side it is on, what to do.

use std::io;

use abprall_bounce::{Classification, Report};
use abprall_mail::knowledge::{Prose, Section, Wording};
use abprall_mail::{BounceType, EnhancedStatus, Language, Reason, ReplyCode, StatusClass};
use serde::Serialize;

use super::Audience;
use super::labels::{self, Labels, labels};
use super::question::Question;
use super::writers::writer;
use crate::layout::Layout;
use crate::wording;

#[derive(Serialize)]
pub(super) struct Page {
    title: String,
    /// Label and value, in the language of the page.
    facts: Vec<(&'static str, String)>,
    reason: Option<Reason>,
    status: Option<EnhancedStatus>,
    reply_code: Option<ReplyCode>,
    contradictions: Vec<String>,
    /// The registry's row, in its own English.
    #[serde(skip_serializing_if = "Option::is_none")]
    registered: Option<Registered>,
    chapters: Vec<Chapter>,
    #[serde(skip)]
    language: Language,
    #[serde(skip)]
    labels: &'static Labels,
    #[serde(skip)]
    audience: Option<Audience>,
}

#[derive(Serialize)]
struct Registered {
    text: &'static str,
    basic_codes: &'static str,
    reference: &'static str,
    description: &'static str,
}

/// The texts of one entry of the knowledge base.
#[derive(Serialize)]
struct Chapter {
    /// Set when it is not the first one.
    heading: Option<String>,
    #[serde(flatten)]
    prose: &'static Prose,
    wordings: &'static [Wording],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_systems: Vec<(&'static str, &'static str)>,
    /// Only the parts that the entry before it has not told.
    #[serde(skip)]
    brief: bool,
}

/// How much of the page is written.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Depth {
    /// What to do and what it means: one screen.
    Answer,
    /// All that is known.
    Full,
}

impl Page {
    pub(super) fn new(question: &Question, language: Language, audience: Option<Audience>) -> Self {
        let mut page = Page {
            title: String::new(),
            facts: Vec::new(),
            reason: None,
            status: None,
            reply_code: None,
            contradictions: Vec::new(),
            registered: None,
            chapters: Vec::new(),
            language,
            labels: labels(language),
            audience,
        };
        match question {
            Question::Reason(reason) => {
                page.title = format!("{reason} – {}", reason.knowledge().prose(language).title);
                page.usual_facts(*reason, language);
                page.add_reason(*reason, language, None);
            }
            Question::Reply(code) => page.about_reply(*code, language),
            Question::Status { status, any_class, reason } => {
                page.about_status(*status, *any_class, *reason, language);
            }
            Question::Text { report, classification } => page.about_text(report, classification, language),
        }
        page
    }

    fn about_reply(&mut self, code: ReplyCode, language: Language) {
        self.reply_code = Some(code);
        self.title = format!("{code} – {}", self.labels.reply_code);
        let hint = wording::pick(
            language,
            "A reply code alone does not say why. Give the whole reply in quotes, or its enhanced code such as 5.1.1.",
            "Ein Antwortcode allein sagt nicht, warum. Geben Sie die ganze Antwort in Anführungszeichen an oder den \
             erweiterten Code, etwa 5.1.1.",
        );
        self.facts.push((self.labels.meaning, labels::reply(code.as_u16(), language).to_owned()));
        self.facts.push((self.labels.action, hint.to_owned()));
    }

    fn about_status(&mut self, status: EnhancedStatus, any_class: bool, reason: Reason, language: Language) {
        self.status = (!any_class).then_some(status);
        let name = if any_class { format!("X{}", &status.to_string()[1..]) } else { status.to_string() };
        if status.class() == StatusClass::Success
            && !any_class
            && reason.usual_bounce_type() != BounceType::None
        {
            self.about_success(status, &name, language);
            return;
        }
        let Some(entry) = status.knowledge() else {
            self.title = format!("{name} – {}", self.labels.not_registered);
            let meaning = format!(
                "{} {}",
                labels::class(status.class(), language),
                labels::subject(status.subject(), language)
            );
            self.facts.push((self.labels.meaning, meaning));
            if reason == Reason::Undetermined {
                self.facts
                    .push((self.labels.action, labels::class_action(status.class(), language).to_owned()));
            } else {
                self.usual_facts(reason, language);
                self.add_reason(reason, language, Some(self.labels.reason_heading));
            }
            return;
        };
        self.title = format!("{name} – {}", entry.prose(language).title);
        self.usual_facts(reason, language);
        self.add_registered(status);
        self.chapters.push(Chapter {
            heading: None,
            prose: entry.prose(language),
            wordings: &entry.wordings,
            other_systems: Vec::new(),
            brief: false,
        });
        self.add_reason(reason, language, Some(self.labels.reason_heading));
    }

    /// A code of class 2 is no failure (RFC 3463 §3.1), though its detail is one with the other classes.
    fn about_success(&mut self, status: EnhancedStatus, name: &str, language: Language) {
        let title =
            status.knowledge().map_or(self.labels.not_registered, |entry| &entry.prose(language).title);
        self.title = format!("{name} – {title}");
        let meaning = [labels::class(status.class(), language), labels::subject(status.subject(), language)];
        self.facts.push((self.labels.meaning, meaning.join(" ")));
        self.facts.push((self.labels.kind, wording::bounce_type(BounceType::None, language).to_owned()));
        self.facts.push((self.labels.action, labels::class_action(status.class(), language).to_owned()));
        self.add_registered(status);
    }

    fn add_registered(&mut self, status: EnhancedStatus) {
        if let Some(row) = status.registered() {
            self.facts.push((
                self.labels.registered_as,
                format!("{} ({}; {})", row.sample_text, row.associated_basic_codes, row.reference),
            ));
            self.registered = Some(Registered {
                text: &row.sample_text,
                basic_codes: &row.associated_basic_codes,
                reference: &row.reference,
                description: &row.description,
            });
        }
    }

    fn about_text(&mut self, report: &Report, judged: &Classification, language: Language) {
        let entry = judged.reason.knowledge();
        self.title = entry.prose(language).title.clone();
        self.status = report.status;
        self.reply_code = report.reply_code;
        let codes: Vec<String> =
            [report.reply_code.map(|c| c.to_string()), report.status.map(|s| s.to_string())]
                .into_iter()
                .flatten()
                .collect();
        let found = [
            (self.labels.codes, Some(codes.join(" ")).filter(|codes| !codes.is_empty())),
            (self.labels.address, report.recipient.as_ref().map(ToString::to_string)),
            (self.labels.host, report.remote_mta.clone()),
        ];
        self.facts.extend(found.into_iter().filter_map(|(label, value)| Some((label, value?))));
        self.facts_of(judged, language);
        if let Some(underlying) = judged.underlying {
            self.facts.push((self.labels.underlying, underlying.to_string()));
        }
        for because in judged.because.iter().take(3) {
            let matched = wording::quoted(&because.matched, language);
            self.facts.push((self.labels.because, format!("{matched} ({})", because.rule)));
        }
        self.contradictions.clone_from(&judged.contradictions);
        self.reason = Some(judged.reason);
        self.add_reason(judged.reason, language, None);
    }

    /// What usually holds for a reason.
    fn usual_facts(&mut self, reason: Reason, language: Language) {
        self.reason = Some(reason);
        let kind = wording::bounce_type(reason.usual_bounce_type(), language);
        let lasting = wording::permanence(reason.usual_permanence(), language);
        self.facts.push((self.labels.usual_reason, reason.to_string()));
        self.facts.push((self.labels.kind, format!("{kind}, {lasting}")));
        self.facts.push((self.labels.category, wording::category(reason.category(), language).to_owned()));
        self.facts.push((self.labels.side, wording::party(reason.party(), language).to_owned()));
        self.facts.push((self.labels.action, wording::action(reason.default_action(), language).to_owned()));
    }

    /// What holds for this one reply.
    fn facts_of(&mut self, judged: &Classification, language: Language) {
        let kind = wording::bounce_type(judged.bounce_type, language);
        let lasting = wording::permanence(judged.permanence, language);
        self.facts.push((self.labels.usual_reason, judged.reason.to_string()));
        self.facts.push((self.labels.kind, format!("{kind}, {lasting}")));
        self.facts.push((self.labels.category, wording::category(judged.category, language).to_owned()));
        self.facts.push((self.labels.side, wording::party(judged.party, language).to_owned()));
        self.facts.push((self.labels.action, wording::action(judged.action, language).to_owned()));
    }

    fn add_reason(&mut self, reason: Reason, language: Language, heading: Option<&str>) {
        let entry = reason.knowledge();
        let prose = entry.prose(language);
        let classes = &entry.classes;
        self.chapters.push(Chapter {
            heading: heading.map(|heading| format!("{heading}: {reason} – {}", prose.title)),
            prose,
            wordings: &entry.wordings,
            other_systems: vec![
                ("Sisimai", &classes.sisimai),
                ("KumoMTA", &classes.kumomta),
                ("PowerMTA", &classes.powermta),
                ("SparkPost/Bird", &classes.sparkpost),
                ("Amazon SES", &classes.ses),
                ("Postmark", &classes.postmark),
                ("SendGrid", &classes.sendgrid),
                ("Mailgun", &classes.mailgun),
            ],
            brief: heading.is_some() && !self.chapters.is_empty(),
        });
    }

    /// The answer first, its grounds behind it.
    pub(super) fn write(&self, out: &mut impl Layout, depth: Depth) -> io::Result<()> {
        out.title(&self.title)?;
        let mut facts = self.facts.clone();
        facts.sort_by_key(|(label, _)| *label != self.labels.action);
        out.facts(&facts)?;
        if !self.contradictions.is_empty() {
            out.heading(self.labels.contradictions)?;
            self.contradictions.iter().try_for_each(|text| out.item(text))?;
        }
        match depth {
            Depth::Answer => self.write_answer(out),
            Depth::Full => self.chapters.iter().try_for_each(|chapter| self.write_chapter(chapter, out)),
        }
    }

    fn write_answer(&self, out: &mut impl Layout) -> io::Result<()> {
        let (labels, Some(Chapter { prose, .. })) = (self.labels, self.chapters.first()) else {
            return Ok(());
        };
        self.write_advice(prose, out)?;
        if self.audience == Some(Audience::Admin) {
            self.write_steps(prose, out)?;
        }
        out.heading(labels.meaning)?;
        out.paragraph(&prose.meaning)?;
        // A list owner never reads RFCs: meaning and advice are the whole answer.
        if self.audience == Some(Audience::Marketer) {
            return Ok(());
        }
        let sections = prose.sections.iter().map(|section| section.heading.as_str());
        let more: Vec<&str> = [labels.causes].into_iter().chain(sections).chain([labels.wordings]).collect();
        out.heading(labels.more)?;
        out.paragraph(&format!("{} …", more.join(" · ")))
    }

    fn write_chapter(&self, chapter: &Chapter, out: &mut impl Layout) -> io::Result<()> {
        let (labels, prose) = (self.labels, chapter.prose);
        if !chapter.brief {
            self.write_advice(prose, out)?;
        }
        out.heading(chapter.heading.as_deref().unwrap_or(labels.meaning))?;
        out.paragraph(&prose.meaning)?;
        // A list owner never reads RFCs: meaning and advice are the whole answer.
        if self.audience == Some(Audience::Marketer) {
            return Ok(());
        }
        if !chapter.brief {
            self.write_steps(prose, out)?;
            write_list(labels.causes, &prose.causes, out)?;
        }
        for Section { heading, items } in &prose.sections {
            write_list(heading, items, out)?;
        }
        if !chapter.brief {
            write_differences(labels.differs, prose, out)?;
            write_list(labels.practice, &prose.practice, out)?;
            if !chapter.wordings.is_empty() {
                out.heading(labels.wordings)?;
                chapter
                    .wordings
                    .iter()
                    .try_for_each(|wording| out.entry(writer(&wording.by, self.language), &wording.text))?;
            }
        }
        if !chapter.other_systems.is_empty() {
            out.heading(labels.other_systems)?;
            let rows: Vec<_> =
                chapter.other_systems.iter().map(|(who, class)| (*who, (*class).to_owned())).collect();
            out.facts(&rows)?;
        }
        Ok(())
    }

    fn write_steps(&self, prose: &Prose, out: &mut impl Layout) -> io::Result<()> {
        out.heading(self.labels.investigate)?;
        prose.investigate.iter().enumerate().try_for_each(|(number, step)| out.step(number + 1, step))
    }

    fn write_advice(&self, prose: &Prose, out: &mut impl Layout) -> io::Result<()> {
        let all = [
            (Audience::Marketer, self.labels.marketer, &prose.marketer),
            (Audience::Developer, self.labels.developer, &prose.developer),
            (Audience::Admin, self.labels.administrator, &prose.administrator),
        ];
        for (who, heading, advice) in all {
            if self.audience.is_none_or(|only| only == who) {
                out.heading(heading)?;
                out.paragraph(advice)?;
            }
        }
        Ok(())
    }
}

fn write_list(heading: &str, items: &[String], out: &mut impl Layout) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    out.heading(heading)?;
    items.iter().try_for_each(|item| out.item(item))
}

fn write_differences(heading: &str, prose: &Prose, out: &mut impl Layout) -> io::Result<()> {
    if prose.differs.is_empty() {
        return Ok(());
    }
    out.heading(heading)?;
    prose.differs.iter().try_for_each(|(neighbour, how)| out.entry(neighbour, how))
}
