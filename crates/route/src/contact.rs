//! Finds who can mend the mail of a domain, and whether mail reaches them: `postmaster@` of a dead domain is dead too.
//!
//! Asks the DNS and RDAP servers, then looks at the mail of the domains that the addresses found belong to. Sends nothing.

use abprall_mail::{Domain, Language, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

mod candidate;
mod dns;
mod gathering;
mod mailbox;
mod operators;
mod rdap;
mod reachable;
mod report_addresses;
mod words;

pub use candidate::{Candidate, ContactRole, ContactSource, MailState};
pub use mailbox::mailbox_of;
pub use rdap::{RdapError, RdapServer, Registration};

use crate::limits::{CONTACT_CANDIDATES_MAX, CONTACT_GATHER};
use crate::{Diagnosis, Observer};
use candidate::Trouble;

/// What a search for contacts may do.
#[derive(Clone, Debug)]
pub struct ContactOptions {
    /// Where registrations are asked about.
    pub rdap: RdapServer,
    /// The language of reasons and warnings.
    pub language: Language,
}

/// Who can mend the mail of a domain. The JSON contract of `abprall contact`: fields may be added, never renamed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contacts {
    /// The domain that is to be mended.
    pub domain: Domain,
    /// The judgement about its mail, as the diagnosis has it.
    pub verdict: Verdict,
    /// When the search began.
    pub checked_at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Who runs its mail servers; empty where it does so itself, or has none.
    pub operators: Vec<MailOperator>,
    /// What the registry says of the registration.
    pub registration: Option<Registration>,
    /// The addresses, the best first.
    pub candidates: Vec<Candidate>,
    /// Questions that nobody answered: there may be more contacts than we found.
    pub unanswered: Vec<Unanswered>,
}

/// Somebody else who runs the domain's mail servers, known by the registrable domain of their names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MailOperator {
    /// The registrable domain.
    pub domain: Domain,
    /// The mail servers under it, best preference first.
    pub hosts: Vec<String>,
}

/// A question without an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unanswered {
    /// What was asked: a DNS name and type, or a URL.
    pub question: String,
    /// Why there is no answer, without a language.
    pub detail: String,
}

/// Finds who can mend the mail of the domain of a diagnosis.
///
/// Takes at most twice as long as one survey of the observer, and asks for no longer than [`CONTACT_GATHER`].
pub async fn find_contacts(observer: &Observer, diagnosis: &Diagnosis, options: &ContactOptions) -> Contacts {
    let (checked_at, began) = (Timestamp::now(), Instant::now());
    let deadline = began + CONTACT_GATHER.min(observer.deadline());
    let mut found = gathering::gather(observer, diagnosis, &options.rdap, deadline).await;
    let trouble = Trouble::of(diagnosis);
    found.candidates.sort_by_key(|candidate| candidate.rank(trouble));
    found.candidates.truncate(CONTACT_CANDIDATES_MAX);
    reachable::check(observer, diagnosis, &mut found.candidates, options.language).await;
    found.candidates.sort_by_key(|candidate| (candidate.mail, candidate.rank(trouble)));
    for candidate in &mut found.candidates {
        candidate.why = words::why(candidate, options.language);
        candidate.warning = words::warning(candidate, options.language);
    }
    Contacts {
        domain: diagnosis.domain.clone(),
        verdict: diagnosis.verdict,
        checked_at,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        operators: operators::of_mail(diagnosis),
        registration: found.registration,
        candidates: found.candidates,
        unanswered: found.unanswered,
    }
}

impl Contacts {
    /// The candidates that mail should reach, the best first.
    pub fn reachable(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(|candidate| candidate.mail.may_be_written_to())
    }
}
