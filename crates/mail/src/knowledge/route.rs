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

    fn all() -> impl Iterator<Item = (&'static str, &'static Texts)> {
        let findings = FINDINGS.iter().map(|(id, texts)| (id.as_str(), texts));
        let verdicts = VERDICTS.iter().map(|(verdict, texts)| (verdict.as_str(), texts));
        let causes = CAUSES.iter().map(|(cause, texts)| (cause.as_str(), texts));
        findings.chain(verdicts).chain(causes)
    }

    /// A text and how it is called, for what holds for every one.
    fn parts(text: &RouteText) -> [(&'static str, &str); 5] {
        [
            ("title", &text.title),
            ("explanation", &text.explanation),
            ("marketer", &text.marketer),
            ("developer", &text.developer),
            ("administrator", &text.administrator),
        ]
    }

    #[test]
    fn every_finding_verdict_and_cause_has_texts_in_both_languages() {
        assert_eq!(FINDINGS.len(), FindingId::iter().count());
        assert_eq!(VERDICTS.len(), Verdict::iter().count());
        assert_eq!(CAUSES.len(), Cause::iter().count());
        for (name, Texts { en, de }) in all() {
            for ((part, english), (_, german)) in parts(en).into_iter().zip(parts(de)) {
                assert_eq!(
                    english.is_empty(),
                    german.is_empty(),
                    "{name}: {part} is missing in one language"
                );
                assert!(english.is_empty() || english != german, "{name}: {part} is not translated");
            }
        }
    }

    #[test]
    fn a_title_is_short_and_an_explanation_is_a_sentence() {
        for (name, texts) in all() {
            for text in [&texts.en, &texts.de] {
                let title = &text.title;
                assert!(!title.is_empty() && !title.ends_with('.'), "{name}: {title}");
                assert!(title.chars().count() <= 60, "{name}: {title}");
                assert!(text.explanation.ends_with('.'), "{name}: {}", text.explanation);
            }
        }
    }

    #[test]
    fn verdicts_and_causes_advise_everybody() {
        let verdicts = VERDICTS.iter().map(|(verdict, texts)| (verdict.as_str(), texts));
        let causes = CAUSES.iter().map(|(cause, texts)| (cause.as_str(), texts));
        for (name, texts) in verdicts.chain(causes) {
            for (part, text) in parts(&texts.en) {
                assert!(!text.is_empty(), "{name}: {part}");
            }
        }
    }

    #[test]
    fn place_holders_are_the_same_in_both_languages_and_only_in_explanations_of_findings() {
        for (name, Texts { en, de }) in all() {
            let is_finding = name.parse::<FindingId>().is_ok();
            for ((part, english), (_, german)) in parts(en).into_iter().zip(parts(de)) {
                for holder in ["{subject}", "{detail}"] {
                    assert_eq!(english.contains(holder), german.contains(holder), "{name}: {part}");
                }
                let known = english.replace("{subject}", "").replace("{detail}", "");
                assert!(!known.contains(['{', '}']), "{name}: {part}");
                assert!(known == english || (is_finding && part == "explanation"), "{name}: {part}");
            }
        }
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
