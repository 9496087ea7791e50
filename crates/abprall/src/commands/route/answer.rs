//! One answer: the diagnosis of a domain, what the bounce said that was asked about, and how both are printed.

use std::io::{self, Write};

use abprall_mail::{Language, Verdict};
use abprall_route::Diagnosis;
use serde::Serialize;

use super::bounce::{Bounce, BounceLine};
use super::labels::{self, labels};
use super::map::Map;
use super::options::Format;
use super::page::{Notes, Page};
use super::svg::{self, Caption};
use crate::dates;
use crate::layout::{Markdown, Terminal};

pub(super) struct Answer {
    pub(super) diagnosis: Option<Diagnosis>,
    pub(super) bounce: Option<Bounce>,
}

/// The JSON line: the contract of a diagnosis, and what the bounce says beside it.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    diagnosis: Option<&'a Diagnosis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bounce: Option<BounceLine<'a>>,
}

impl Answer {
    /// Whether the answer is "yes, mail gets through".
    pub(super) fn is_yes(&self) -> bool {
        self.diagnosis.as_ref().is_none_or(|diagnosis| diagnosis.verdict.is_deliverable())
    }

    pub(super) fn write(&self, format: Format, language: Language, notes: Notes) -> anyhow::Result<()> {
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        match format {
            Format::Json => {
                let bounce = self.bounce.as_ref().map(Bounce::line);
                serde_json::to_writer(&mut out, &Line { diagnosis: self.diagnosis.as_ref(), bounce })?;
                writeln!(out)?;
            }
            Format::Text => self.write_page(&mut Terminal::new(out), language, notes)?,
            Format::Markdown => self.write_page(&mut Markdown::new(out), language, notes)?,
            Format::Svg => {
                if let Some(diagnosis) = &self.diagnosis {
                    out.write_all(picture(diagnosis, language).as_bytes())?;
                }
            }
        }
        Ok(())
    }

    fn write_page(
        &self,
        out: &mut impl super::page::RouteLayout,
        language: Language,
        notes: Notes,
    ) -> io::Result<()> {
        let story = self.bounce.as_ref().map(|bounce| bounce.story(language));
        match (&self.diagnosis, &story) {
            (Some(diagnosis), story) => {
                Page { diagnosis, language, notes, bounce: story.as_ref() }.write(out)
            }
            (None, Some(story)) => {
                out.title(&story.title)?;
                story.write(out)
            }
            (None, None) => Ok(()),
        }
    }
}

/// The map of a diagnosis as SVG.
pub(super) fn picture(diagnosis: &Diagnosis, language: Language) -> String {
    let title = format!("{}: {}", diagnosis.domain.to_unicode(), diagnosis.verdict.knowledge(language).title);
    let sure = match diagnosis.verdict {
        Verdict::VantageBlind | Verdict::Unknown => String::new(),
        Verdict::Deliverable
        | Verdict::Degraded
        | Verdict::NoMailByIntent
        | Verdict::UndeliverableTransient
        | Verdict::UndeliverablePermanent => format!(
            " · {}: {}",
            labels(language).confidence,
            labels::confidence(diagnosis.verdict, diagnosis.confidence, language)
        ),
    };
    let below = format!("{}{sure}", dates::minute(diagnosis.checked_at));
    let caption = Caption { title: &title, below: &below };
    let code = match language {
        Language::En => "en",
        Language::De => "de",
    };
    svg::draw(&Map::of(diagnosis, language), &caption, labels(language), code)
}
