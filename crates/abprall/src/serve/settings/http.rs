//! `[http]`: where programs reach us, with which keys, and how often.

use std::num::NonZeroU32;

use abprall_policy::settings::{Reader, Section};

use super::places;
use crate::serve::keys::Rates;
use crate::serve::limits::ADDRESSES_A_REQUEST;
use crate::serve::listen::Place;

/// How programs reach us.
#[derive(Clone, Debug, Default)]
pub(in crate::serve) struct HttpSettings {
    pub(in crate::serve) listen: Vec<Place>,
    pub(in crate::serve) keys: Keys,
    pub(in crate::serve) rates: Rates,
}

/// Who needs a key.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::serve) enum Keys {
    /// Without one, one may ask and deposit, nothing else. Only for places that cannot be reached from outside.
    #[default]
    Optional,
    /// Everybody, for everything but whether we are alive.
    Required,
}

pub(super) fn take(reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> HttpSettings {
    let mut http = HttpSettings { listen: places(reader, section), ..HttpSettings::default() };
    let keys = [("optional", Keys::Optional), ("required", Keys::Required)];
    section.word(reader, "keys", &mut http.keys, &keys);
    http.rates.key = rate(reader, section, "key_rate");
    http.rates.client = rate(reader, section, "client_rate");
    http.rates.key_addresses = addresses(reader, section, "key_addresses", http.rates.key);
    http.rates.client_addresses = addresses(reader, section, "client_addresses", http.rates.client);
    for place in &http.listen {
        let Place::Tcp(address) = place else { continue };
        if http.keys == Keys::Optional && !address.ip().is_loopback() {
            let hint = format!(
                "{address} can be reached from outside: write keys = \"required\" under [http] and make keys with `abprall api-key create`, \
                 or listen at a loopback address or a unix socket"
            );
            reader.problem(0..0, "http.listen", hint);
        }
    }
    http
}

/// Requests a second; nothing, or 0: as many as there are.
fn rate(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, name: &'static str) -> Option<NonZeroU32> {
    let mut rate = 0;
    section.number(reader, name, &mut rate, 0..1_000_001);
    NonZeroU32::new(rate)
}

/// Addresses a second; where nothing is said, as many as go with the rate of requests.
fn addresses(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    name: &'static str,
    requests: Option<NonZeroU32>,
) -> Option<NonZeroU32> {
    let mut rate = requests.map_or(0, |rate| rate.get().saturating_mul(ADDRESSES_A_REQUEST));
    section.number(reader, name, &mut rate, 0..1_000_000_001);
    NonZeroU32::new(rate)
}
