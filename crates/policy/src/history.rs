use abprall_mail::Reason;

use crate::{Brake, Ledger, Outcome, Stop};

/// What is known of an address, and of its provider, before a report about it is decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Its soft failures and deliveries.
    pub ledger: Ledger,
    /// How it is stopped at present.
    pub standing: Option<(Stop, Reason)>,
    /// What was decided about an earlier report of the same failure.
    pub same_failure: Option<Outcome>,
    /// Whether removals at its provider are frozen.
    pub brake: Brake,
    /// It took mail within the last seven days.
    pub took_mail_lately: bool,
}
