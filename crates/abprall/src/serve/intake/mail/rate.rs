//! How much one client may do. Time comes in as a value.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::serve::limits::CLIENTS_MAX;
use crate::serve::settings::ClientRate;

const WINDOW: Duration = Duration::from_secs(60);

/// Counts what clients do at a listener.
#[derive(Debug)]
pub(super) struct Rates {
    rate: ClientRate,
    clients: Mutex<HashMap<IpAddr, Client>>,
}

#[derive(Debug)]
struct Client {
    /// When its minute began.
    since: Duration,
    open: u32,
    connections: u32,
    messages: u32,
}

/// A connection that counts as long as it lives; without a client nothing is counted.
pub(super) struct Counted {
    rates: Arc<Rates>,
    client: Option<IpAddr>,
}

/// More than this client may do now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TooMuch;

impl Rates {
    pub(super) fn new(rate: ClientRate) -> Self {
        Self { rate, clients: Mutex::default() }
    }

    /// A client connects at this time. Programs of this host, and of unix sockets, may do what they want: they are the operator's.
    pub(super) fn connect(
        self: &Arc<Self>,
        client: Option<IpAddr>,
        now: Duration,
    ) -> Result<Counted, TooMuch> {
        let rates = Arc::clone(self);
        let Some(client) = client.filter(|ip| !ip.is_loopback()).map(network) else {
            return Ok(Counted { rates, client: None });
        };
        if self.rate == ClientRate::default() {
            return Ok(Counted { rates, client: None });
        }
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= CLIENTS_MAX && !clients.contains_key(&client) {
            clients.retain(|_, client| client.open > 0 || now < client.since + WINDOW);
            if clients.len() >= CLIENTS_MAX {
                return Ok(Counted { rates, client: None });
            }
        }
        let known =
            clients.entry(client).or_insert(Client { since: now, open: 0, connections: 0, messages: 0 });
        known.turn(now);
        if is_over(known.open, self.rate.connections)
            || is_over(known.connections, self.rate.connections_a_minute)
        {
            return Err(TooMuch);
        }
        known.open += 1;
        known.connections += 1;
        Ok(Counted { rates, client: Some(client) })
    }
}

impl Counted {
    /// Whether the client may send a message now.
    pub(super) fn may_send(&self, now: Duration) -> Result<(), TooMuch> {
        self.with(|client, rate| {
            client.turn(now);
            if is_over(client.messages, rate.messages_a_minute) { Err(TooMuch) } else { Ok(()) }
        })
        .unwrap_or(Ok(()))
    }

    /// It sends one.
    pub(super) fn sends(&self) {
        self.with(|client, _| client.messages += 1);
    }

    fn with<T>(&self, act: impl FnOnce(&mut Client, ClientRate) -> T) -> Option<T> {
        let mut clients = self.rates.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.get_mut(&self.client?).map(|client| act(client, self.rates.rate))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.with(|client, _| client.open -= 1);
    }
}

impl Client {
    fn turn(&mut self, now: Duration) {
        if now >= self.since + WINDOW {
            (self.since, self.connections, self.messages) = (now, 0, 0);
        }
    }
}

fn is_over(count: u32, limit: u32) -> bool {
    limit != 0 && count >= limit
}

/// Who has an IPv6 address has the 64 bits behind it as well.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: ClientRate = ClientRate { connections: 2, connections_a_minute: 3, messages_a_minute: 1 };

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_client_hears_no_until_its_minute_is_over() {
        let rates = Arc::new(Rates::new(RATE));
        let now = Duration::from_secs(5);
        let first = rates.connect(ip("192.0.2.1"), now).unwrap();
        let second = rates.connect(ip("192.0.2.1"), now).unwrap();
        assert!(rates.connect(ip("192.0.2.1"), now).is_err(), "two at a time");
        assert!(rates.connect(ip("192.0.2.2"), now).is_ok(), "others may");
        drop(first);
        let third = rates.connect(ip("192.0.2.1"), now).unwrap();
        drop((second, third));
        assert!(rates.connect(ip("192.0.2.1"), now).is_err(), "three a minute");
        let later = now + WINDOW;
        let fourth = rates.connect(ip("192.0.2.1"), later).unwrap();
        assert!(fourth.may_send(later).is_ok());
        fourth.sends();
        assert_eq!(fourth.may_send(later), Err(TooMuch));
        assert!(fourth.may_send(later + WINDOW).is_ok());
    }

    #[test]
    fn a_network_of_ipv6_is_one_client_and_this_host_is_none() {
        let rates = Arc::new(Rates::new(RATE));
        let now = Duration::ZERO;
        let open: Vec<_> = ["2001:db8::1", "2001:db8::2"].map(|text| rates.connect(ip(text), now)).into();
        assert!(rates.connect(ip("2001:db8::3"), now).is_err());
        assert!(rates.connect(ip("2001:db8:0:1::1"), now).is_ok());
        assert!(open.iter().all(Result::is_ok));
        let many: Vec<_> = (0..10).map(|_| rates.connect(ip("127.0.0.1"), now)).collect();
        assert!(many.iter().all(Result::is_ok));
    }

    #[test]
    fn what_is_remembered_of_clients_is_bounded() {
        let rates = Arc::new(Rates::new(RATE));
        for number in 0..CLIENTS_MAX as u32 + 100 {
            let client = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number);
            assert!(rates.connect(Some(client.into()), Duration::ZERO).is_ok());
        }
        assert_eq!(rates.clients.lock().unwrap().len(), CLIENTS_MAX);
        assert!(rates.connect(ip("192.0.2.1"), WINDOW).is_ok());
        assert_eq!(rates.clients.lock().unwrap().len(), 1);
    }
}
