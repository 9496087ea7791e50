//! The page that answers: the verdict, what is wrong, whose fault it is, the map, what works instead, what to do now.

use std::collections::BTreeSet;
use std::io;

use abprall_mail::{Language, Severity, Verdict};
use abprall_route::{Alternative, Diagnosis, Fact, Finding, PathEnd, SenderView, Vantage};

use super::labels::{self, Labels, labels};
use super::map::Map;
use super::people::People;
use super::story::Story;
use crate::dates;
use crate::layout::Layout;
use crate::wording::pick;

/// Causes shown at most: what is less likely only confuses.
const CAUSES_MAX: usize = 3;

/// Hops of the network shown at most: what a trace follows at most.
const PATH_HOPS_MAX: usize = 64;

/// Alternatives shown at most.
const ALTERNATIVES_MAX: usize = 6;

/// A layout that can also set what only this page has.
pub(super) trait RouteLayout: Layout {
    fn finding(&mut self, severity: Severity, word: &str, title: &str, text: &str) -> io::Result<()>;
    fn map(&mut self, map: &Map, labels: &Labels) -> io::Result<()>;
    /// A heading below a heading.
    fn minor_heading(&mut self, text: &str) -> io::Result<()>;
}

/// Whether findings that do no harm are shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Notes {
    Shown,
    Counted,
}

pub(super) struct Page<'a> {
    pub(super) diagnosis: &'a Diagnosis,
    pub(super) language: Language,
    pub(super) notes: Notes,
    /// What the bounce says that was asked about, if one was.
    pub(super) bounce: Option<&'a Story>,
}

impl Page<'_> {
    pub(super) fn write(&self, out: &mut impl RouteLayout) -> io::Result<()> {
        let verdict = self.diagnosis.verdict.knowledge(self.language);
        out.title(&format!("{}: {}", self.name(), verdict.title))?;
        out.paragraph(&format!("{}{}", verdict.explanation, self.sure()))?;
        if let Some(story) = self.bounce {
            story.write(out)?;
        }
        self.write_findings(out)?;
        self.write_fault(out)?;
        out.heading(self.labels().map)?;
        out.map(&Map::of(self.diagnosis, self.language), self.labels())?;
        self.write_path(out)?;
        self.write_alternatives(out)?;
        self.write_senders(out)?;
        self.write_advice(out)?;
        self.write_evidence(out)
    }

    fn labels(&self) -> &'static Labels {
        labels(self.language)
    }

    /// As people read it, with the form that the DNS knows behind it where that differs.
    fn name(&self) -> String {
        let domain = &self.diagnosis.domain;
        let readable = domain.to_unicode();
        if readable == domain.as_str() { readable } else { format!("{readable} ({domain})") }
    }

    /// How sure the verdict is; nothing where there is none to be sure of.
    fn sure(&self) -> String {
        match self.diagnosis.verdict {
            Verdict::VantageBlind | Verdict::Unknown => String::new(),
            Verdict::Deliverable
            | Verdict::Degraded
            | Verdict::NoMailByIntent
            | Verdict::UndeliverableTransient
            | Verdict::UndeliverablePermanent => format!(
                " {}: {}.",
                self.labels().confidence,
                labels::confidence(self.diagnosis.verdict, self.diagnosis.confidence, self.language)
            ),
        }
    }

    fn write_findings(&self, out: &mut impl RouteLayout) -> io::Result<()> {
        let mut findings: Vec<&Finding> = self.diagnosis.findings.iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let (notes, wrong): (Vec<_>, Vec<_>) =
            findings.into_iter().partition(|finding| finding.severity == Severity::Info);
        out.heading(self.labels().wrong)?;
        if wrong.is_empty() {
            out.paragraph(self.labels().nothing_wrong)?;
        }
        wrong.iter().try_for_each(|finding| self.write_finding(finding, out))?;
        match self.notes {
            Notes::Shown if !notes.is_empty() => {
                out.heading(self.labels().notes)?;
                notes.iter().try_for_each(|finding| self.write_finding(finding, out))
            }
            Notes::Counted if !notes.is_empty() => out.item(&match self.language {
                Language::En if notes.len() == 1 => "(1 note more with --verbose)".to_owned(),
                Language::En => format!("({} notes more with --verbose)", notes.len()),
                Language::De if notes.len() == 1 => "(1 Hinweis mehr mit --verbose)".to_owned(),
                Language::De => format!("({} Hinweise mehr mit --verbose)", notes.len()),
            }),
            Notes::Shown | Notes::Counted => Ok(()),
        }
    }

    fn write_finding(&self, finding: &Finding, out: &mut impl RouteLayout) -> io::Result<()> {
        let word = labels::severity(finding.severity, self.language);
        let title = &finding.id.knowledge(self.language).title;
        // The particulars, where the sentence does not tell them.
        match finding.detail.as_deref().filter(|detail| !finding.explanation.contains(detail)) {
            Some(detail) => {
                out.finding(finding.severity, word, title, &format!("{} ({detail})", finding.explanation))
            }
            None => out.finding(finding.severity, word, title, &finding.explanation),
        }
    }

    fn write_fault(&self, out: &mut impl RouteLayout) -> io::Result<()> {
        let Some(first) = self.diagnosis.causes.first() else { return Ok(()) };
        out.heading(self.labels().fault)?;
        out.paragraph(labels::side(first.cause, self.language))?;
        for ranked in self.diagnosis.causes.iter().take(CAUSES_MAX) {
            let text = ranked.cause.knowledge(self.language);
            let likely = labels::likelihood(ranked.weight, self.language);
            let reasons: BTreeSet<_> = ranked.findings.iter().collect();
            let reasons: Vec<_> =
                reasons.into_iter().map(|id| self.quoted(&id.knowledge(self.language).title)).collect();
            let mut line = format!("{likely}: {}. {}", text.title, text.explanation);
            if !reasons.is_empty() {
                line = format!("{line} ({} {})", self.labels().speaks_for_it, reasons.join(", "));
            }
            out.item(&line)?;
        }
        Ok(())
    }

    /// The way through the network, where it was followed.
    fn write_path(&self, out: &mut impl RouteLayout) -> io::Result<()> {
        for observation in self.diagnosis.observations.iter() {
            let Fact::Path(path) = &observation.fact else { continue };
            out.heading(&format!("{} {}", self.labels().path, path.target))?;
            for hop in path.hops.iter().take(PATH_HOPS_MAX) {
                let addresses: Vec<_> = hop.addresses.iter().map(ToString::to_string).collect();
                let who = if addresses.is_empty() { "*".to_owned() } else { addresses.join(", ") };
                let time = hop.rtt_ms.map(|ms| format!("  {ms:.1} ms")).unwrap_or_default();
                out.step(hop.ttl.into(), &format!("{who}{time}"))?;
            }
            out.paragraph(&self.path_end(&path.end))?;
        }
        Ok(())
    }

    fn path_end(&self, end: &PathEnd) -> String {
        match (end, self.language) {
            (PathEnd::Reached, Language::En) => "✓ It leads to the server.".to_owned(),
            (PathEnd::Reached, Language::De) => "✓ Er führt bis zum Server.".to_owned(),
            (PathEnd::Lost { after: Some(last) }, Language::En) => {
                format!("✗ Nothing answers behind {last}.")
            }
            (PathEnd::Lost { after: Some(last) }, Language::De) => {
                format!("✗ Hinter {last} antwortet nichts.")
            }
            (PathEnd::Lost { after: None }, Language::En) => "✗ Nothing on the way answers.".to_owned(),
            (PathEnd::Lost { after: None }, Language::De) => "✗ Unterwegs antwortet nichts.".to_owned(),
            (PathEnd::NotTraced { detail }, Language::En) => format!("? It could not be followed: {detail}"),
            (PathEnd::NotTraced { detail }, Language::De) => {
                format!("? Er ließ sich nicht verfolgen: {detail}")
            }
        }
    }

    fn quoted(&self, text: &str) -> String {
        match self.language {
            Language::En => format!("“{text}”"),
            Language::De => format!("„{text}“"),
        }
    }

    fn write_alternatives(&self, out: &mut impl RouteLayout) -> io::Result<()> {
        let alternatives = &self.diagnosis.alternatives;
        if alternatives.is_empty() {
            return Ok(());
        }
        out.heading(self.labels().alternatives)?;
        alternatives.iter().take(ALTERNATIVES_MAX).try_for_each(|way| out.item(&self.alternative(way)))?;
        if alternatives.len() > ALTERNATIVES_MAX {
            let more = alternatives.len() - ALTERNATIVES_MAX;
            out.item(&match self.language {
                Language::En => format!("and {more} more"),
                Language::De => format!("und {more} mehr"),
            })?;
        }
        Ok(())
    }

    fn alternative(&self, way: &Alternative) -> String {
        let kind = labels::alternative(way.kind, self.language);
        let reach = if way.excluded {
            pick(
                self.language,
                "works, but the domain's own policy forbids it",
                "geht, aber die Domain verbietet ihn selbst",
            )
        } else if way.reached_by_standard_sender {
            pick(
                self.language,
                "ordinary senders get there by themselves",
                "gewöhnliche Absender kommen von selbst dorthin",
            )
        } else {
            pick(self.language, "ordinary senders give up before it", "gewöhnliche Absender geben vorher auf")
        };
        // A relay is the operator's own; nobody else would go there.
        match way.kind {
            abprall_route::AlternativeKind::Relay => {
                format!("{}: {kind}, {}", way.via, labels::address_state(way.state, self.language))
            }
            abprall_route::AlternativeKind::SamePreference
            | abprall_route::AlternativeKind::LowerPreference
            | abprall_route::AlternativeKind::OtherAddress
            | abprall_route::AlternativeKind::OtherFamily => format!("{}: {kind}; {reach}", way.via),
        }
    }

    /// Only where they disagree: a list of servers that all do the same tells nothing.
    fn write_senders(&self, out: &mut impl RouteLayout) -> io::Result<()> {
        let senders = &self.diagnosis.senders;
        let differ = |a: &SenderView, b: &SenderView| {
            a.outcome != b.outcome || a.via.is_some() && b.via.is_some() && a.via != b.via
        };
        if !senders.iter().any(|view| differ(view, &senders[0])) {
            return Ok(());
        }
        out.heading(self.labels().senders)?;
        for view in senders {
            let mut line = labels::sender_outcome(view.outcome, self.language).to_owned();
            if let Some(via) = &view.via {
                line = format!("{line} {} {via}", pick(self.language, "to", "an"));
            }
            if let Some(status) = &view.status {
                line = format!("{line} ({status})");
            }
            out.item(&format!("{}: {line}", capitalised(&view.mta)))?;
        }
        Ok(())
    }

    fn write_advice(&self, out: &mut impl RouteLayout) -> io::Result<()> {
        let people = People::of(self.diagnosis, self.language);
        out.heading(self.labels().now)?;
        for (who, lines) in [
            (self.labels().marketer, &people.marketer),
            (self.labels().developer, &people.developer),
            (self.labels().administrator, &people.administrator),
        ] {
            if !lines.is_empty() {
                out.minor_heading(who)?;
                lines.iter().try_for_each(|line| out.item(line))?;
            }
        }
        Ok(())
    }

    fn write_evidence(&self, out: &mut impl RouteLayout) -> io::Result<()> {
        let diagnosis = self.diagnosis;
        out.heading(self.labels().how)?;
        let point = pick(self.language, ".", ",");
        let seconds = format!("{}{point}{} s", diagnosis.took_ms / 1000, diagnosis.took_ms % 1000 / 100);
        let facts = match self.language {
            Language::En => format!("{} observations", diagnosis.observations.iter().count()),
            Language::De => format!("{} Beobachtungen", diagnosis.observations.iter().count()),
        };
        let mut rows = vec![
            (
                self.labels().looked_at,
                format!("{}, {} {seconds}, {facts}", dates::minute(diagnosis.checked_at), self.labels().took),
            ),
            (self.labels().from, self.seen_from(&diagnosis.vantage)),
            (self.labels().vantage, self.own_side(&diagnosis.vantage)),
        ];
        if let Some(at) = diagnosis.look_again_at {
            let text = match self.language {
                Language::En => format!("after {}; nothing new can be seen before", dates::minute(at)),
                Language::De => format!("ab {}; vorher ist nichts Neues zu sehen", dates::minute(at)),
            };
            rows.push((self.labels().again, text));
        }
        out.facts(&rows)
    }

    fn seen_from(&self, vantage: &Vantage) -> String {
        let network = match (vantage.ipv4, vantage.ipv6) {
            (true, true) => pick(self.language, "IPv4 and IPv6", "IPv4 und IPv6"),
            (true, false) => pick(self.language, "IPv4 only", "nur IPv4"),
            (false, true) => pick(self.language, "IPv6 only", "nur IPv6"),
            (false, false) => pick(self.language, "no network", "kein Netz"),
        };
        format!("Resolver {}, {network}", vantage.resolver)
    }

    fn own_side(&self, vantage: &Vantage) -> String {
        let word = match (vantage.ok, vantage.tested) {
            (true, true) => pick(
                self.language,
                "works: domains that are known to work do so from here",
                "funktioniert: sicher funktionierende Domains tun es auch von hier",
            ),
            (true, false) => pick(
                self.language,
                "not tested against known domains, but nothing speaks against it",
                "nicht an bekannten Domains geprüft, aber nichts spricht dagegen",
            ),
            (false, _) => pick(
                self.language,
                "does not work: what we see says nothing",
                "funktioniert nicht: was wir sehen, sagt nichts",
            ),
        };
        match &vantage.detail {
            Some(detail) => format!("{word} ({detail})"),
            None => word.to_owned(),
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
