//! Every limit of this crate, with its reason.

use std::time::Duration;

/// Longest name of a certificate that is kept, in bytes (a DNS name has at most 253).
pub const CERTIFICATE_NAME_BYTES_MAX: usize = 256;

/// Most names of a certificate that are kept. Large providers show about 100; all are compared, whatever is kept.
pub const CERTIFICATE_NAMES_MAX: usize = 100;

/// How long a connection attempt may take: Postfix waits 30 s, but a server that needs more than 10 s is of no use to a survey of 30 s.
pub const CONNECT_MAX: Duration = Duration::from_secs(10);

/// After this time without an answer, a connection attempt no longer keeps others of its network and provider from being tried: a domain whose
/// eight addresses are all silent is then seen within 20 s, instead of 40 s.
pub const CONNECT_STALLS_AFTER: Duration = Duration::from_secs(2);

/// Most connections to one address at a time. Many servers allow few, and some take more for an attack.
pub const CONNECTIONS_PER_ADDRESS_MAX: u32 = 1;

/// Most connections to one network (/24, /48) at a time, and to one provider.
pub const CONNECTIONS_PER_NEIGHBOURHOOD_MAX: u32 = 2;

/// Most connection attempts a second in all: far below what looks like a scan of ports.
pub const CONNECTS_PER_S_MAX: u32 = 50;

/// Connection attempts that may come at once before the rate counts, so that one domain with several servers does not wait.
pub const CONNECTS_BURST_MAX: u32 = 10;

/// Time between two probes of an address by a watch; the earlier answer stands until then.
pub const PROBE_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// Longest time that an address is left alone after it said 421 again and again.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// A provider that refused us by policy so often, one after the other, is left alone for the rest of the run.
pub const POLICY_REFUSALS_MAX: u8 = 3;

/// Most addresses and providers that politeness remembers; the oldest are forgotten.
pub const POLITENESS_ENTRIES_MAX: usize = 65_536;

/// Most addresses whose last probe is remembered.
pub const PROBES_REMEMBERED_MAX: usize = 65_536;

/// What remembered probes may weigh together, in bytes. A usual one weighs about 10 KiB, that of a hostile server up to 200 KiB.
pub const PROBES_REMEMBERED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most names under which one address is probed within the interval, when its certificate depends on the name (SNI).
pub const NAMES_PER_ADDRESS_MAX: usize = 4;
