//! Reasons as people type them.

use abprall_mail::Reason;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use strum::IntoEnumIterator;

/// Reads a reason by its id; who mistypes one is shown what is near, and all there are.
pub(crate) fn reason() -> impl TypedValueParser<Value = Reason> {
    PossibleValuesParser::new(Reason::iter().map(Reason::as_str)).try_map(|text| text.parse::<Reason>())
}
