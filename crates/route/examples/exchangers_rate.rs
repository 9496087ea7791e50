//! How many domains a second are looked up (MX, A and AAAA of each exchanger) at a resolver.
//!
//! `cargo run --release -p abprall-route --example exchangers_rate -- RESOLVER:PORT IN_FLIGHT < domains.txt`

use std::io::{BufRead, stdin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use abprall_mail::Domain;
use abprall_route::NetworkGuard;
use abprall_route::observe::Lookups;
use abprall_route::observe::dns::{DnsClient, DnsServer};
use abprall_route::observe::exchangers::find_exchangers;
use abprall_route::observe::log::Log;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let resolver = arguments.next().ok_or("which resolver?")?.parse()?;
    let in_flight: usize = arguments.next().ok_or("how many in flight?")?.parse()?;
    let client = DnsClient::new(Arc::new(NetworkGuard::default())).with_shared_sockets(resolver).await?;
    let lookups = Arc::new(Lookups::new(Arc::new(client), DnsServer::resolver(resolver), Vec::new()));

    let start = Instant::now();
    let (mut domains, mut with_address) = (0u64, 0u64);
    let mut running: JoinSet<bool> = JoinSet::new();
    for line in stdin().lock().lines() {
        let domain = Domain::parse(line?.trim())?;
        if running.len() >= in_flight {
            with_address += u64::from(running.join_next().await.transpose()?.unwrap_or(false));
        }
        let lookups = Arc::clone(&lookups);
        running.spawn(async move {
            let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
            let route = find_exchangers(&lookups, &domain, &Log::new(), deadline).await;
            route.exchangers.iter().any(|exchanger| !exchanger.addresses.is_empty())
        });
        domains += 1;
    }
    while let Some(found) = running.join_next().await {
        with_address += u64::from(found?);
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{domains} domains, {with_address} with an address, {seconds:.2} s, {:.0}/s",
        domains as f64 / seconds
    );
    Ok(())
}
