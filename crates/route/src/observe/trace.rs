//! The network path to a host, by trippy-core: where do routers on it stop to answer?

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use trippy_core::{Builder, CompletionReason, Error, Port, PortDirection, Protocol, State};

use crate::limits::{TRACE_HOPS_MAX, TRACE_ROUND, TRACE_ROUNDS};
use crate::{NetworkGuard, PathEnd, PathFact, PathHop};

/// Follows the path to an address with TCP to the port, as the mail would go: firewalls let that pass where they drop ICMP.
///
/// Needs the right to open raw sockets (root or `CAP_NET_RAW`); without it the fact says so.
pub(crate) async fn trace(address: IpAddr, port: u16, guard: &NetworkGuard, deadline: Instant) -> PathFact {
    let not_traced =
        |detail: String| PathFact { target: address, hops: Vec::new(), end: PathEnd::NotTraced { detail } };
    if let Err(block) = guard.permits(address) {
        return not_traced(format!("{address} is not a public address ({block})"));
    }
    // A blocking task cannot be ended from outside: it ends by its rounds, and we stop to wait for it at the deadline.
    let work = tokio::task::spawn_blocking(move || run(address, port));
    match timeout_at(deadline, work).await {
        Ok(Ok(Ok(fact))) => fact,
        Ok(Ok(Err(error))) => not_traced(why(&error)),
        Ok(Err(_)) => not_traced("the tracer stopped by itself".to_owned()),
        Err(_) => not_traced("the time was over before the path was followed".to_owned()),
    }
}

fn run(address: IpAddr, port: u16) -> Result<PathFact, Error> {
    let tracer = Builder::new(address)
        .protocol(Protocol::Tcp)
        .port_direction(PortDirection::FixedDest(Port(port)))
        .max_ttl(TRACE_HOPS_MAX)
        .max_rounds(Some(TRACE_ROUNDS))
        .min_round_duration(Duration::from_millis(100))
        .max_round_duration(TRACE_ROUND)
        .tcp_connect_timeout(TRACE_ROUND)
        .max_flows(1)
        .build()?;
    let reached = std::sync::atomic::AtomicBool::new(false);
    tracer.run_with(|round| {
        if round.reason == CompletionReason::TargetFound {
            reached.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    })?;
    Ok(path(address, &tracer.snapshot(), reached.into_inner()))
}

fn path(target: IpAddr, state: &State, reached: bool) -> PathFact {
    let mut hops: Vec<PathHop> = state
        .hops()
        .iter()
        .map(|hop| PathHop {
            ttl: hop.ttl(),
            addresses: hop.addrs().copied().collect(),
            rtt_ms: hop.best_ms(),
        })
        .collect();
    // Behind the last that answers there is only silence.
    let answered = hops.iter().rposition(|hop| !hop.addresses.is_empty()).map_or(0, |last| last + 1);
    hops.truncate(answered);
    let last = hops.last().and_then(|hop| hop.addresses.last().copied());
    let end = if reached || last == Some(target) { PathEnd::Reached } else { PathEnd::Lost { after: last } };
    PathFact { target, hops, end }
}

fn why(error: &Error) -> String {
    let text = error.to_string();
    let lower = text.to_ascii_lowercase();
    if matches!(error, Error::PrivilegeError(_))
        || lower.contains("privilege")
        || lower.contains("not permitted")
    {
        "this process may not open raw sockets: run it as root or give it CAP_NET_RAW".to_owned()
    } else {
        text
    }
}
