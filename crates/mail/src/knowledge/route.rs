use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::knowledge::{Language, TESTED};
use crate::{Cause, FindingId, Verdict};

/// What a finding, a verdict or a cause means, and what each of three people does about it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RouteText {
    /// At most 60 characters.
    pub title: String,
    /// One or two sentences. Of findings: `{subject}` and `{detail}` stand for the particulars; see [`RouteText::about`].
    pub explanation: String,
    /// What the list owner does; empty where that is nothing.
    pub marketer: String,
    /// What the developer does; empty where that is nothing.
    pub developer: String,
    /// What the mail administrator does; empty where that is nothing.
    pub administrator: String,
}

impl RouteText {
    /// The explanation with the particulars of one finding.
    pub fn about(&self, subject: &str, detail: Option<&str>) -> String {
        let mut text = String::with_capacity(self.explanation.len() + subject.len());
        let mut rest = self.explanation.as_str();
        // One pass, so that what a server wrote is never taken for a place holder.
        while let Some(at) = rest.find('{') {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("{subject}") {
                text.push_str(subject);
                rest = after;
            } else if let Some(after) = rest.strip_prefix("{detail}") {
                text.push_str(detail.unwrap_or("–"));
                rest = after;
            } else {
                text.push('{');
                rest = &rest[1..];
            }
        }
        text.push_str(rest);
        text
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    en: RouteText,
    de: RouteText,
}

impl Texts {
    fn in_language(&self, language: Language) -> &RouteText {
        match language {
            Language::En => &self.en,
            Language::De => &self.de,
        }
    }
}

impl FindingId {
    /// What this finding means.
    pub fn knowledge(self, language: Language) -> &'static RouteText {
        FINDINGS[&self].in_language(language)
    }
}

impl Verdict {
    /// What this verdict means.
    pub fn knowledge(self, language: Language) -> &'static RouteText {
        VERDICTS[&self].in_language(language)
    }
}

impl Cause {
    /// What this cause means.
    pub fn knowledge(self, language: Language) -> &'static RouteText {
        CAUSES[&self].in_language(language)
    }
}

static FINDINGS: LazyLock<BTreeMap<FindingId, Texts>> =
    LazyLock::new(|| toml::from_str(include_str!("../../knowledge/findings.toml")).expect(TESTED));
static VERDICTS: LazyLock<BTreeMap<Verdict, Texts>> =
    LazyLock::new(|| toml::from_str(include_str!("../../knowledge/verdicts.toml")).expect(TESTED));
static CAUSES: LazyLock<BTreeMap<Cause, Texts>> =
    LazyLock::new(|| toml::from_str(include_str!("../../knowledge/causes.toml")).expect(TESTED));

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn every_finding_verdict_and_cause_has_texts_in_both_languages() {
        assert_eq!(FINDINGS.len(), FindingId::iter().count());
        assert_eq!(VERDICTS.len(), Verdict::iter().count());
        assert_eq!(CAUSES.len(), Cause::iter().count());
    }

    #[test]
    fn what_a_server_wrote_is_no_place_holder() {
        let text = RouteText {
            title: String::new(),
            explanation: "{subject} said {detail}, {brace}".into(),
            marketer: String::new(),
            developer: String::new(),
            administrator: String::new(),
        };
        assert_eq!(text.about("mx.example", Some("{subject}")), "mx.example said {subject}, {brace}");
    }
}
