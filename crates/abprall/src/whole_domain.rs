//! One recipient domain with all that is known of it.

use abprall_store::{DomainDetail, HostFilter, HostSort, Observation, Page, Store, StoreError, WatchedHost};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// Looks that are shown with a domain.
const LOOKS: u32 = 5;

/// Mail hosts that are shown with a domain.
const HOSTS: u32 = 50;

/// One domain with its mail hosts and the last looks: the JSON of `domains NAME`.
#[derive(Serialize, ToSchema)]
pub(crate) struct WholeDomain {
    #[serde(flatten)]
    pub(crate) detail: DomainDetail,
    pub(crate) hosts: Vec<WatchedHost>,
    pub(crate) observations: Vec<Observation>,
}

impl WholeDomain {
    /// Asks the store; `None`: nothing is known of the domain.
    pub(crate) fn ask(store: &dyn Store, name: &str, at: Timestamp) -> Result<Option<Self>, StoreError> {
        let Some(detail) = store.domain(name, at)? else { return Ok(None) };
        let filter = HostFilter { domain: Some(name.to_owned()), ..HostFilter::default() };
        Ok(Some(Self {
            hosts: store.hosts(&filter, HostSort::Name, Page::first(HOSTS))?.rows,
            observations: store.observations(name, Page::first(LOOKS))?.rows,
            detail,
        }))
    }
}
