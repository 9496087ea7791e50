//! The IANA registry of enhanced status codes (RFC 5248), whole, with its sources.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::EnhancedStatus;

/// One row of the registry: a code without its class, `X.subject.detail`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct RegisteredCode {
    /// `X.4.3`.
    pub code: String,
    /// The short text of the registry: "Directory server failure".
    pub sample_text: String,
    /// The reply codes that go with it, as the registry writes them: `451, 550`, `Any`, `Not given`.
    pub associated_basic_codes: String,
    /// What the description says of the class: `4 only`, `not stated` …
    #[serde(rename = "class_restriction_from_description")]
    pub class_restriction: String,
    /// The registry's description.
    pub description: String,
    /// The defining document.
    pub reference: String,
    /// Who submitted it.
    pub submitter: String,
    /// Who controls changes.
    pub change_controller: String,
    /// Where this row was taken from.
    pub source: String,
    /// How the row was checked.
    pub verification: String,
    /// What is odd about the row; often empty.
    pub notes: String,
}

/// All registered codes, by subject and detail.
pub fn registered_codes() -> impl Iterator<Item = ((u16, u16), &'static RegisteredCode)> {
    REGISTRY.iter().map(|(key, row)| (*key, row))
}

impl EnhancedStatus {
    /// The registry's row for this subject and detail, if it is registered.
    pub fn registered(self) -> Option<&'static RegisteredCode> {
        REGISTRY.get(&(self.subject(), self.detail()))
    }
}

static REGISTRY: LazyLock<BTreeMap<(u16, u16), RegisteredCode>> = LazyLock::new(|| {
    let table = include_str!("../knowledge/enhanced-status-codes.csv");
    let rows = csv::Reader::from_reader(table.as_bytes()).into_deserialize();
    rows.map(|row: Result<RegisteredCode, _>| {
        let row = row.expect("the table is part of the program and tested");
        let status: EnhancedStatus =
            row.code.replace('X', "5").parse().expect("the table is part of the program and tested");
        ((status.subject(), status.detail()), row)
    })
    .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_registry_is_here() {
        assert_eq!(registered_codes().count(), 81);
    }

    #[test]
    fn every_row_names_its_source() {
        for (_, row) in registered_codes() {
            assert!(!row.reference.is_empty() && !row.source.is_empty(), "{}", row.code);
        }
    }

    #[test]
    fn three_digit_details_are_codes_of_their_own() {
        assert!("5.4.3".parse::<EnhancedStatus>().unwrap().registered().is_some());
        assert!("5.4.310".parse::<EnhancedStatus>().unwrap().registered().is_none());
    }
}
