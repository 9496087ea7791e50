//! From the options of the command line to the way in which the network is looked at.

use std::net::IpAddr;

use abprall_route::ObserverConfig;
use abprall_route::observe::{MailServers, ParseRelayError, Trace, Walk};

use super::options::LookOptions;

/// Options that make sense in a lab only, where no program may reach the Internet.
#[derive(clap::Args)]
pub(in crate::commands) struct LabOptions {
    /// The address of a root server, in place of those of the Internet.
    #[arg(long, value_name = "IP", hide = true)]
    root: Vec<IpAddr>,

    /// The port that stands in for 443.
    #[arg(long, value_name = "PORT", hide = true)]
    https_port: Option<u16>,
}

/// How to look.
///
/// # Errors
/// Names the relay that is none.
pub(in crate::commands) fn config(
    look: &LookOptions,
    lab: &LabOptions,
) -> Result<ObserverConfig, ParseRelayError> {
    let default = ObserverConfig::default();
    let canaries = match (look.no_canaries, look.canary.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => default.canaries.clone(),
        (false, false) => look.canary.clone(),
    };
    Ok(ObserverConfig {
        resolvers: look.resolver.clone(),
        allowed_networks: look.allow_network.clone(),
        canaries,
        ehlo_name: look.ehlo.clone(),
        deadline: look.deadline,
        mail_servers: if look.dns_only { MailServers::Leave } else { MailServers::Probe },
        ca_file: look.ca_file.clone(),
        relays: look.relay.iter().map(|relay| relay.parse()).collect::<Result<_, _>>()?,
        trace: if look.trace { Trace::On } else { Trace::Off },
        walk: if look.walk { Walk::Always } else { Walk::AfterFailure },
        roots: lab.root.clone(),
        https_port: lab.https_port,
        ..default
    })
}
