//! `[http]`: where programs reach us.

use abprall_policy::settings::{Reader, Section};

use super::places;
use crate::serve::listen::Place;

pub(super) fn take(reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> Vec<Place> {
    let listen = places(reader, section);
    for place in &listen {
        let Place::Tcp(address) = place else { continue };
        if !address.ip().is_loopback() {
            let hint = format!(
                "{address} can be reached from outside, and there are no keys yet: listen at a loopback address or a unix socket"
            );
            reader.problem(0..0, "http.listen", hint);
        }
    }
    listen
}
