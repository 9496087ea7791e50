//! Looks: DNS, mail servers, policies, paths. Judges nothing.

mod bounded;
mod dane;
mod politeness;
mod probe;
mod tls;

pub use dane::dane_state;
pub use politeness::{NotNow, Permit, Politeness, PolitenessConfig, Purpose, VisitEnd};
pub use probe::{ProbeTarget, Prober, ProberConfig, ProberError, TlsaSet};
pub use tls::{TlsSetupError, read_certificate};
