//! Walking over all that is stopped, with a taker that can fail.

use std::ops::ControlFlow;

use abprall_store::{StopFilter, StopRow, Store};
use jiff::Timestamp;

/// Hands all stops to `each`, until it fails. Gives how many.
pub(crate) fn each_stop(
    store: &dyn Store,
    filter: &StopFilter,
    at: Timestamp,
    mut each: impl FnMut(StopRow) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let mut failed = None;
    let count = store.stops(filter, at, &mut |row| match each(row) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(count), Err)
}
