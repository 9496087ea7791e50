//! What every reason and every registered code means, in English and German: causes, neighbours, steps, advice.
//!
//! The texts are data, one TOML file an entry, under `knowledge/`; they are read when somebody asks for them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use crate::{EnhancedStatus, Reason};

mod route;

pub use route::RouteText;

include!(concat!(env!("OUT_DIR"), "/knowledge_files.rs"));

/// A language that Abprall speaks to people.
#[derive(Clone, Copy, Debug, Default, Display, EnumString, Eq, IntoStaticStr, PartialEq)]
#[strum(serialize_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

/// What is known about a reason.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonEntry {
    /// Registered codes that usually carry it, with `X` for the class.
    pub codes: Vec<String>,
    /// The class that other systems put it in.
    pub classes: Classes,
    /// Replies as MTAs and providers write them.
    #[serde(default, rename = "wording")]
    pub wordings: Vec<Wording>,
    en: Prose,
    de: Prose,
}

/// What is known about a registered code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeEntry {
    /// The reason that it usually means with class 5.
    pub reason: Reason,
    /// The same with class 4, where it differs.
    pub transient_reason: Option<Reason>,
    /// Replies as MTAs and providers write them.
    #[serde(default, rename = "wording")]
    pub wordings: Vec<Wording>,
    en: Prose,
    de: Prose,
}

/// The class of each other system, in its own spelling.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Classes {
    /// Sisimai's reason.
    pub sisimai: String,
    /// KumoMTA's predefined bounce class.
    pub kumomta: String,
    /// PowerMTA's bounce category.
    pub powermta: String,
    /// SparkPost's / Bird's bounce classification code and name.
    pub sparkpost: String,
    /// Amazon SES bounce type and subtype.
    pub ses: String,
    /// Postmark's bounce type.
    pub postmark: String,
    /// SendGrid's bounce classification.
    pub sendgrid: String,
    /// Mailgun's severity and reason, or its own code.
    pub mailgun: String,
}

/// A typical reply.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Wording {
    /// Who writes it.
    pub by: String,
    /// The reply.
    pub text: String,
}

/// The texts of an entry in one language.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prose {
    /// A heading of at most 60 characters.
    pub title: String,
    /// What it means, one paragraph.
    pub meaning: String,
    /// Usual causes, most frequent first.
    pub causes: Vec<String>,
    /// Steps to find the cause, in order.
    pub investigate: Vec<String>,
    /// Best practice.
    pub practice: Vec<String>,
    /// Advice for the list owner.
    pub marketer: String,
    /// Advice for the developer.
    pub developer: String,
    /// Advice for the mail administrator.
    pub administrator: String,
    /// How it differs from its neighbours: reason ids or codes.
    #[serde(default)]
    pub differs: BTreeMap<String, String>,
    /// More, where an entry deserves it.
    #[serde(default, rename = "section")]
    pub sections: Vec<Section>,
}

/// A heading with its points.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// The heading.
    pub heading: String,
    /// The points under it.
    pub items: Vec<String>,
}

impl ReasonEntry {
    /// The texts in a language.
    pub fn prose(&self, language: Language) -> &Prose {
        match language {
            Language::En => &self.en,
            Language::De => &self.de,
        }
    }
}

impl CodeEntry {
    /// The texts in a language.
    pub fn prose(&self, language: Language) -> &Prose {
        match language {
            Language::En => &self.en,
            Language::De => &self.de,
        }
    }

    /// The reason that a code of this class usually means.
    pub fn reason_of(&self, status: EnhancedStatus) -> Reason {
        if status.is_transient() { self.transient_reason.unwrap_or(self.reason) } else { self.reason }
    }
}

impl Reason {
    /// What is known about this reason.
    pub fn knowledge(self) -> &'static ReasonEntry {
        &REASONS[&self]
    }
}

impl EnhancedStatus {
    /// What is known about this code; `None` for one that is not registered.
    pub fn knowledge(self) -> Option<&'static CodeEntry> {
        CODES.get(&(self.subject(), self.detail()))
    }
}

/// The files are part of the program, and a test reads each of them: a broken one cannot be shipped.
const TESTED: &str = "the knowledge base is part of the program and tested";

static REASONS: LazyLock<BTreeMap<Reason, ReasonEntry>> = LazyLock::new(|| {
    REASON_FILES
        .iter()
        .map(|(name, text)| (name.parse().expect(TESTED), toml::from_str(text).expect(TESTED)))
        .collect()
});

static CODES: LazyLock<BTreeMap<(u16, u16), CodeEntry>> = LazyLock::new(|| {
    let entries = CODE_FILES.iter().map(|(name, text)| {
        let status: EnhancedStatus = name.replacen('x', "5", 1).replace('-', ".").parse().expect(TESTED);
        ((status.subject(), status.detail()), toml::from_str(text).expect(TESTED))
    });
    entries.collect()
});

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;
    use crate::registered_codes;

    #[test]
    fn every_file_can_be_read() {
        let mut broken = Vec::new();
        for (name, text) in &REASON_FILES {
            if let Err(error) = toml::from_str::<ReasonEntry>(text) {
                broken.push(format!("reasons/{name}: {error}"));
            }
        }
        for (name, text) in &CODE_FILES {
            if let Err(error) = toml::from_str::<CodeEntry>(text) {
                broken.push(format!("codes/{name}: {error}"));
            }
        }
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }

    #[test]
    fn every_reason_has_an_entry() {
        let missing: Vec<_> = Reason::iter().filter(|reason| !REASONS.contains_key(reason)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert_eq!(REASONS.len(), REASON_FILES.len());
    }

    #[test]
    fn every_registered_code_has_an_entry() {
        let missing: Vec<_> =
            registered_codes().map(|(key, _)| key).filter(|key| !CODES.contains_key(key)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert_eq!(CODES.len(), 81);
    }

    #[test]
    fn both_languages_say_the_same_number_of_things() {
        let pairs = (REASONS.values().map(|e| (&e.en, &e.de))).chain(CODES.values().map(|e| (&e.en, &e.de)));
        for (en, de) in pairs {
            let size = |p: &Prose| (p.causes.len(), p.investigate.len(), p.practice.len(), p.sections.len());
            assert_eq!(size(en), size(de), "{}", en.title);
            assert!(en.differs.keys().eq(de.differs.keys()), "{}", en.title);
            for prose in [en, de] {
                assert!(prose.title.chars().count() <= 60, "{}", prose.title);
                for text in [&prose.meaning, &prose.marketer, &prose.developer, &prose.administrator] {
                    assert!(!text.trim().is_empty(), "{}", prose.title);
                }
            }
        }
    }

    #[test]
    fn a_reason_lists_the_codes_that_name_it() {
        for ((subject, detail), entry) in CODES.iter() {
            let code = format!("X.{subject}.{detail}");
            for reason in [Some(entry.reason), entry.transient_reason].into_iter().flatten() {
                assert!(reason.knowledge().codes.contains(&code), "{reason} lacks {code}");
            }
        }
    }

    #[test]
    fn neighbours_are_reasons_and_codes_that_exist() {
        for (reason, entry) in REASONS.iter() {
            for key in entry.en.differs.keys() {
                assert!(key.parse::<Reason>().is_ok(), "{reason}: {key}");
            }
            for code in &entry.codes {
                let status: EnhancedStatus = code.replace('X', "5").parse().unwrap();
                assert!(status.registered().is_some(), "{reason}: {code}");
            }
        }
        for (key, entry) in CODES.iter() {
            for code in entry.en.differs.keys() {
                let status: EnhancedStatus = code.replace('X', "5").parse().unwrap();
                assert!(status.knowledge().is_some(), "{key:?}: {code}");
            }
        }
    }
}
