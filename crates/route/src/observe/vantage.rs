//! Can we see at all? Canary domains show whether our resolver works, and their mail servers whether our way out on port 25 is open,
//! in the same minutes as the domain that we look at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use abprall_mail::Domain;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::limits::{CANARY_KEPT, CANARY_KEPT_AFTER_FAILURE, CANARY_PROBE};
use crate::observe::asking::ask;
use crate::observe::concurrently;
use crate::observe::exchangers::addresses_in;
use crate::observe::lookups::{Lookups, Seen};
use crate::observe::probe::{ProbeTarget, Prober, TlsaSet};
use crate::observe::probing::{Families, Talk, probe};
use crate::{DnsFact, RecordData, RecordType};

/// Domains whose mail surely works, of different operators, so that no single outage is taken for ours.
pub(crate) const DEFAULT_CANARIES: [&str; 4] = ["gmail.com", "outlook.com", "gmx.net", "yandex.ru"];

/// What the canaries showed, shared by all surveys of a run.
pub(crate) struct Canaries {
    domains: Vec<Domain>,
    lookups: Window<Vec<Seen>>,
    probes: Window<Vec<Talk>>,
}

/// How much a canary answer may precede the survey that uses it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Age {
    /// Nothing speaks against our resolver.
    Recent,
    /// The lookup of a domain failed, and the question is whether it is our fault.
    Fresh,
}

impl Canaries {
    pub(crate) fn new(domains: Vec<Domain>) -> Self {
        Self { domains, lookups: Window::default(), probes: Window::default() }
    }

    /// The MX of every canary, asked of our resolver at the same time. Empty where there are no canaries.
    pub(crate) async fn lookups(&self, lookups: &Lookups, age: Age, deadline: Instant) -> Arc<Vec<Seen>> {
        let kept = match age {
            Age::Recent => CANARY_KEPT,
            Age::Fresh => CANARY_KEPT_AFTER_FAILURE,
        };
        let asking =
            || async {
                concurrently::all(self.domains.iter().map(|domain| async move {
                    ask(lookups, domain.as_str(), RecordType::Mx, deadline).await
                }))
                .await
            };
        self.lookups.get_or(kept, asking).await
    }

    /// Conversations with one mail server of every canary, at the same time.
    pub(crate) async fn probes(
        &self,
        lookups: &Lookups,
        prober: &Prober,
        families: Families,
        deadline: Instant,
    ) -> Arc<Vec<Talk>> {
        let answers = self.lookups(lookups, Age::Recent, deadline).await;
        let deadline = deadline.min(Instant::now() + CANARY_PROBE);
        let probing = || async {
            let one = |mx| async move {
                let target = mail_server(lookups, mx, families, deadline).await?;
                Some(probe(prober, &target, deadline).await)
            };
            concurrently::all(answers.iter().map(|seen| one(&seen.fact)))
                .await
                .into_iter()
                .flatten()
                .collect()
        };
        self.probes.get_or(CANARY_KEPT, probing).await
    }
}

/// The first address of the best mail server that an MX answer names.
async fn mail_server(
    lookups: &Lookups,
    mx: &DnsFact,
    families: Families,
    deadline: Instant,
) -> Option<ProbeTarget> {
    let record_type = match families {
        Families::Both | Families::Ipv4 => RecordType::A,
        Families::Ipv6 => RecordType::Aaaa,
    };
    let records = &mx.answer()?.records;
    let best = records.iter().filter_map(|record| match &record.data {
        RecordData::Mx { preference, exchange } => Some((*preference, exchange)),
        RecordData::A { .. }
        | RecordData::Aaaa { .. }
        | RecordData::Ns { .. }
        | RecordData::Txt { .. }
        | RecordData::Tlsa { .. }
        | RecordData::Cname { .. }
        | RecordData::Soa(_) => None,
    });
    let (_, host) = best.min_by_key(|(preference, _)| *preference)?;
    let seen = ask(lookups, host, record_type, deadline).await;
    let address = *addresses_in(&seen.fact).first()?;
    Some(ProbeTarget { host: host.clone(), address, port: 25, tlsa: TlsaSet::None })
}

/// A value that holds for a while, made once by whoever needs it first.
struct Window<T>(Mutex<Option<(Instant, Cell<T>)>>);

/// A place for a value that is there, or that somebody is making.
type Cell<T> = Arc<OnceCell<Arc<T>>>;

impl<T> Default for Window<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Window<T> {
    async fn get_or<F: Future<Output = T>>(&self, kept: Duration, make: impl FnOnce() -> F) -> Arc<T> {
        let cell = {
            let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match &*current {
                Some((began, cell)) if began.elapsed() < kept => Arc::clone(cell),
                Some(_) | None => {
                    let cell = Arc::new(OnceCell::new());
                    *current = Some((Instant::now(), Arc::clone(&cell)));
                    cell
                }
            }
        };
        Arc::clone(cell.get_or_init(|| async { Arc::new(make().await) }).await)
    }
}

/// Our own address towards these addresses, asked of the system's routing table without sending a packet. `None` without a route.
///
/// The first one that has a way out counts. A loopback address is an answer only where the target itself is one.
pub(crate) fn source_towards(targets: impl IntoIterator<Item = IpAddr>) -> Option<IpAddr> {
    targets.into_iter().find_map(|target| {
        let any: IpAddr = match target {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
        // Connecting a UDP socket only chooses the route.
        socket.connect(SocketAddr::new(target, 25)).ok()?;
        let source = socket.local_addr().ok()?.ip();
        (!source.is_loopback() || target.is_loopback()).then_some(source)
    })
}

/// Addresses anywhere in the Internet: only the route towards them is asked for.
pub(crate) const FAR_IPV4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// As [`FAR_IPV4`].
pub(crate) const FAR_IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_ourselves_begins_at_ourselves() {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(source_towards([here]), Some(here));
        assert_eq!(source_towards([]), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_is_made_once_and_again_when_it_is_too_old() {
        let window = Window::default();
        let mut made = 0;
        for (wait_s, kept_s) in [(0, 60), (10, 60), (0, 5), (2, 5), (58, 60)] {
            tokio::time::advance(Duration::from_secs(wait_s)).await;
            let make = || {
                made += 1;
                async move { made }
            };
            window.get_or(Duration::from_secs(kept_s), make).await;
        }
        // At first; after 10 s when 5 are asked for; 60 s after that.
        assert_eq!(made, 3);
    }
}
