//! Walking over all that is stopped, with a taker that can fail.

use std::ops::ControlFlow;

use abprall_mail::Language;
use abprall_store::{StopFilter, StopRow, Store};
use jiff::Timestamp;

use crate::commands::domains::counted;
use crate::wording::pick;

/// Says how many erased people a list leaves out.
pub(crate) fn tell_erased(erased: u64, language: Language) {
    if erased > 0 {
        let people = counted(
            erased,
            ("erased person", "erased people"),
            ("gelöschte Person", "gelöschte Personen"),
            language,
        );
        let text = pick(
            language,
            "left out: no address of theirs is stored (`abprall key export` takes their stops along)",
            "ausgelassen: ihre Adressen stehen nirgends (`abprall key export` nimmt ihre Sperren mit)",
        );
        anstream::eprintln!("{people} {text}");
    }
}

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
