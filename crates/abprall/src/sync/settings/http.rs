use abprall_policy::settings::{Reader, Section};
use abprall_route::special_use;
use hyper::Uri;
use ipnet::IpNet;

use super::kind::Context;
use crate::sync::http::HttpSettings;
use crate::sync::limits;

/// What all targets that speak HTTP have in common.
pub(super) fn take_http(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    context: &Context<'_>,
) -> Option<HttpSettings> {
    let mut allowed = Vec::new();
    for (text, span) in section.texts(reader, "allow_network") {
        match text.parse::<IpNet>() {
            Ok(network) => allowed.push(network),
            Err(error) => reader.problem(
                span,
                &section.key("allow_network"),
                format!("{error}; write \"10.0.0.0/8\", or \"127.0.0.1/32\" for one address"),
            ),
        }
    }
    let ca = section.text(reader, "ca").map(|(path, _)| context.folder.join(path));
    let mut parallel = limits::PARALLEL;
    section.number(reader, "parallel", &mut parallel, limits::PARALLEL_RANGE);
    let Some((text, span)) = section.text(reader, "url") else {
        reader.problem(0..0, &section.key("url"), "it is wanted: https://…".to_owned());
        return None;
    };
    let url = text.trim_end_matches('/').parse::<Uri>().ok();
    let url = url.filter(|url| matches!(url.scheme_str(), Some("https" | "http")) && url.host().is_some());
    let Some(url) = url else {
        let message = format!("{text:?} is no URL with a host: https://…");
        reader.problem(span, &section.key("url"), message);
        return None;
    };
    if url.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        let message = "names and passwords do not belong into a URL: they have keys of their own".to_owned();
        reader.problem(span.clone(), &section.key("url"), message);
    }
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let address = if host == "localhost" { Some([127, 0, 0, 1].into()) } else { host.parse().ok() };
    if let Some(address) = address
        && special_use(address).is_some()
        && !allowed.iter().any(|network| network.contains(&address))
    {
        let message = format!(
            "{host} is no public address: allow_network = [\"{address}\"] with its network lets it be"
        );
        reader.problem(span, &section.key("url"), message.replace("\"] with its network", "/32\"]"));
    }
    Some(HttpSettings { url, allowed, ca, timeout: context.timeout, parallel: parallel as usize })
}
