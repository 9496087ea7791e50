//! `[watch]`: whether this process looks at what is held, and how.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use abprall_mail::{Domain, Language};
use abprall_policy::settings::{Reader, Section};
use abprall_route::{ObserverConfig, OurHosts};
use ipnet::IpNet;

/// How it looks.
#[derive(Clone, Debug)]
pub(in crate::serve) struct WatchSettings {
    pub(in crate::serve) observer: ObserverConfig,
    pub(in crate::serve) ours: OurHosts,
    /// How often new work of other processes is looked for.
    pub(in crate::serve) poll: Duration,
    /// Of the words that are stored with what is seen.
    pub(in crate::serve) language: Language,
}

pub(super) fn take(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    folder: &Path,
) -> Option<WatchSettings> {
    let mut on = true;
    section.word(reader, "run", &mut on, &[("yes", true), ("no", false)]);
    let mut language = Language::En;
    section.word(reader, "language", &mut language, &[("en", Language::En), ("de", Language::De)]);
    let mut observer = ObserverConfig {
        resolvers: all(reader, section, "resolvers", resolver),
        allowed_networks: all(reader, section, "allow_networks", network),
        ..ObserverConfig::default()
    };
    let canaries = all(reader, section, "canaries", canary);
    if !canaries.is_empty() {
        observer.canaries = canaries.into_iter().flatten().collect();
    }
    observer.relays = all(reader, section, "relays", |text| text.parse().map_err(|_| RELAY.to_owned()));
    observer.roots = all(reader, section, "roots", |text| text.parse::<IpAddr>().map_err(|e| e.to_string()));
    observer.ehlo_name = section.text(reader, "ehlo").map(|(name, _)| name);
    observer.ca_file = section.text(reader, "ca_file").map(|(path, _)| folder.join(path));
    section.duration(reader, "deadline", &mut observer.deadline);
    let mut poll = Duration::from_secs(60);
    section.duration(reader, "poll", &mut poll);
    let (hosts, spans): (Vec<String>, Vec<Range<usize>>) =
        section.texts(reader, "our_hosts").into_iter().unzip();
    let ours = OurHosts::parse(hosts.iter().map(String::as_str));
    if let Err(error) = &ours {
        reader.problem(spans.first().cloned().unwrap_or(0..0), &section.key("our_hosts"), error.to_string());
    }
    on.then_some(WatchSettings { observer, ours: ours.ok()?, poll, language })
}

const RELAY: &str = "a host is wanted, such as \"relay.example.org\" or \"relay.example.org:25\"";

/// Each text of a list; what is wrong with each is said at its place.
fn all<T>(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    name: &'static str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let mut all = Vec::new();
    for (text, span) in section.texts(reader, name) {
        match read(&text) {
            Ok(value) => all.push(value),
            Err(problem) => reader.problem(span, &section.key(name), format!("{text:?}: {problem}")),
        }
    }
    all
}

fn resolver(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, 53));
    }
    text.parse().map_err(|_| "an address is wanted, such as \"192.0.2.53\" or \"192.0.2.53:5353\"".to_owned())
}

fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    text.parse().map_err(|_| "a network is wanted, such as \"10.0.0.0/8\"".to_owned())
}

/// A domain that surely works; the word "none" turns the test of our own side off.
fn canary(text: &str) -> Result<Option<Domain>, String> {
    if text == "none" {
        return Ok(None);
    }
    Domain::parse(text).map(Some).map_err(|error| error.to_string())
}
