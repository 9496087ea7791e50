//! The field's own words, as types: [`EmailAddress`], [`Domain`], [`ReplyCode`], [`EnhancedStatus`], [`Reason`], [`Party`],
//! [`Permanence`], [`Action`], [`BounceType`], [`Category`]; of a route: [`Verdict`], [`FindingId`], [`Cause`] — and the knowledge
//! base that explains them.
//!
//! No I/O, no clock. Every other crate of Abprall speaks in these words.

mod action;
mod address;
mod bounce_type;
mod category;
mod cause;
mod domain;
mod enhanced_status;
mod finding_id;
pub mod knowledge;
mod party;
mod permanence;
mod reason;
mod registry;
mod reply_code;
mod verdict;

pub use action::Action;
pub use address::{EmailAddress, ParseAddressError, SuppressionKey};
pub use bounce_type::BounceType;
pub use category::Category;
pub use cause::Cause;
pub use domain::{Domain, ParseDomainError};
pub use enhanced_status::{EnhancedStatus, ParseStatusError, StatusClass};
pub use finding_id::{FindingId, Severity};
pub use knowledge::Language;
pub use party::Party;
pub use permanence::Permanence;
pub use reason::{Reason, ReasonProperties};
pub use registry::{RegisteredCode, registered_codes};
pub use reply_code::{ParseReplyCodeError, ReplyCode};
pub use verdict::{Confidence, Verdict};
