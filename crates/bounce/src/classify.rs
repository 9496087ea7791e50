//! Judges reports by rules that are data: `rules/*.toml`, an operator's own files in front.

use std::sync::{Arc, LazyLock};

use crate::{Classification, Report};

mod codes;
mod doubts;
mod judge;
mod lint;
mod literals;
mod matcher;
mod rule;
mod rule_file;
mod words;

pub use lint::{Finding, FindingKind};
pub use rule::Rule;
pub use rule_file::{RuleFile, RuleFileError};

use codes::CodeTable;
use matcher::Matcher;
use words::Words;

/// The built-in rule files, in the order in which they are asked. Providers come before what is common to all.
const BUILT_IN: &[(&str, &str)] = &include!("classify/built_in.rs");

static COMPILED: LazyLock<Classifier> = LazyLock::new(|| {
    Classifier::compile(&[]).expect("the built-in rules are part of the program and tested")
});

/// Judges reports by rules. Cheap to clone; shared between threads.
#[derive(Clone)]
pub struct Classifier {
    rules: Arc<Matcher>,
    codes: Arc<CodeTable>,
}

impl Classifier {
    /// The classifier with the built-in rules.
    pub fn built_in() -> Self {
        COMPILED.clone()
    }

    /// The built-in rules with an operator's own in front: theirs win.
    ///
    /// # Errors
    /// Everything that is wrong with the files, all at once.
    pub fn with_rules(files: &[RuleFile]) -> Result<Self, Vec<RuleFileError>> {
        Self::compile(files)
    }

    fn compile(files: &[RuleFile]) -> Result<Self, Vec<RuleFileError>> {
        let (mut rules, mut codes, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        let built_in = BUILT_IN.iter().map(|(name, text)| RuleFile::built_in(name, text));
        for file in files.iter().cloned().chain(built_in) {
            match file.read() {
                Ok((file_rules, file_codes)) => {
                    rules.extend(file_rules);
                    codes.extend(file_codes);
                }
                Err(problems) => errors.extend(problems),
            }
        }
        if errors.is_empty() {
            Ok(Self { rules: Arc::new(Matcher::new(rules)), codes: Arc::new(CodeTable::new(codes)) })
        } else {
            Err(errors)
        }
    }

    /// Judges one report.
    pub fn classify(&self, report: &Report) -> Classification {
        judge::judge(report, &self.rules, &self.codes)
    }

    /// All rules in the order in which they are asked.
    pub fn rules(&self) -> &[Rule] {
        self.rules.rules()
    }

    /// Every rule whose words and scope fit the report, in order; the first one wins.
    pub fn matching(&self, report: &Report) -> Vec<&Rule> {
        let text = report.diagnostic.as_deref().or(report.prose.as_deref()).unwrap_or_default();
        let words = Words::of(text);
        let matching = |text| self.rules.all_matches(&self.rules.search(text), report);
        let found = matching(&words.reply);
        match &words.whole {
            Some(whole) if found.is_empty() => matching(whole),
            _ => found,
        }
    }

    /// What is doubtful about the rules: examples that do not match, rules that can never win, words too short to search for.
    pub fn lint(&self) -> Vec<Finding> {
        lint::lint(self)
    }
}
