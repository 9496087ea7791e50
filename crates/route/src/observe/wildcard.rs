//! Does the domain only seem to exist, because its parent answers for every name?

use abprall_mail::Domain;

use crate::observe::asking::Asking;
use crate::{ObservationId, RecordType};

/// Asks for the MX of a label beside the domain that nobody can have made. `None` for a top-level domain.
pub(crate) async fn look(asking: &Asking<'_>, domain: &Domain) -> Option<ObservationId> {
    let (_, parent) = domain.as_str().split_once('.')?;
    let name = format!("abprall-{:016x}.{parent}", rand::random::<u64>());
    // The longest names leave no room for another label of this length.
    Domain::parse(&name).ok()?;
    Some(asking.resolver(&name, RecordType::Mx).await.0)
}
