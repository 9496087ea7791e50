//! `[doctor]`: with what `abprall doctor` tests our own side.

use std::net::{IpAddr, SocketAddr};

use abprall_mail::Domain;
use abprall_policy::settings::{Reader, Section};
use ipnet::IpNet;

/// How the set-up is tested.
#[derive(Clone, Debug, Default)]
pub(crate) struct DoctorSettings {
    /// Domains whose mail surely works.
    pub(crate) canaries: Vec<Domain>,
    /// Resolvers to ask; none: those of the system.
    pub(crate) resolvers: Vec<SocketAddr>,
    /// Special-use networks that may be contacted.
    pub(crate) allow_networks: Vec<IpNet>,
}

pub(super) fn take(reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> DoctorSettings {
    let canaries =
        each(reader, section, "canaries", "a domain such as example.com", |text| Domain::parse(text).ok());
    let resolvers =
        each(reader, section, "resolvers", "an address such as 192.0.2.53, or 192.0.2.53:5353", |text| {
            let address = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, 53));
            address.or_else(|_| text.parse()).ok()
        });
    let allow_networks =
        each(reader, section, "allow_networks", "a network such as 10.0.0.0/8", |text| text.parse().ok());
    DoctorSettings { canaries, resolvers, allow_networks }
}

fn each<T>(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    name: &'static str,
    wanted: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Vec<T> {
    let mut all = Vec::new();
    for (text, span) in section.texts(reader, name) {
        match parse(&text) {
            Some(value) => all.push(value),
            None => reader.problem(span, &section.key(name), format!("{text:?} is not {wanted}")),
        }
    }
    all
}
