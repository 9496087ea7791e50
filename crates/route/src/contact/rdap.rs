//! Asks RDAP servers (RFC 7480, RFC 9083) who a domain or network is registered to, through the guarded client.

use std::net::IpAddr;

use icann_rdap_common::response::{ObjectCommonFields, RdapResponse, get_related_links};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

mod registered;

pub(super) use registered::Registered;
use registered::{contacts_of, registration_of};

use crate::limits::{RDAP_BYTES_MAX, RDAP_FETCH, RDAP_REDIRECTS_MAX};
use crate::observe::{FetchError, HttpsClient, PlainHttp};

/// Where registrations are asked about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RdapServer {
    /// Nowhere.
    Off,
    /// At this base URL: `BASE/domain/NAME`, `BASE/ip/ADDRESS`.
    Base(String),
}

impl Default for RdapServer {
    /// A public service that redirects to the registry in charge (RFC 9224), so that we need no list of registries.
    fn default() -> Self {
        RdapServer::Base("https://rdap.org".to_owned())
    }
}

/// What a registry says of a registration, beside its contacts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// The registered domain.
    pub domain: Option<String>,
    /// Its statuses (RFC 8056): `client hold`, `redemption period` and `pending delete` take it out of the DNS.
    pub statuses: Vec<String>,
    /// When it runs out, as the registry writes it.
    pub expires: Option<String>,
    /// The company that sold the name.
    pub registrar: Option<String>,
}

/// Why an RDAP server told nothing.
#[derive(Debug, thiserror::Error)]
pub enum RdapError {
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The registry knows no such object.
    #[error("the registry has no entry (404)")]
    NotFound,
    /// Any other status.
    #[error("the server answers {0}")]
    Status(u16),
    /// Redirects do not end.
    #[error("more than {RDAP_REDIRECTS_MAX} redirects")]
    TooManyRedirects,
    /// A redirect that leads nowhere, or from https to http.
    #[error("a redirect that is not followed: {0:?}")]
    BadRedirect(String),
    /// The body is no RDAP answer.
    #[error("not an RDAP answer: {0}")]
    NotRdap(#[source] serde_json::Error),
    /// An answer of another kind than what was asked for.
    #[error("an RDAP answer to something else")]
    OtherObject,
}

/// Asks one server, and those that it leads to.
pub(super) struct Rdap<'a> {
    https: &'a HttpsClient,
    base: &'a str,
    deadline: Instant,
}

/// An answer, and the URL that it came from in the end.
struct Answer {
    response: RdapResponse,
    url: String,
}

impl<'a> Rdap<'a> {
    pub(super) fn new(https: &'a HttpsClient, base: &'a str, deadline: Instant) -> Self {
        Self { https, base: base.trim_end_matches('/'), deadline }
    }

    /// The registration of a domain. A registry that keeps no contacts names the registrar's server, which is asked too.
    pub(super) async fn domain(&self, name: &str) -> Registered {
        let mut registered = Registered::default();
        let first = self.about_domain(format!("{}/domain/{name}", self.base), &mut registered).await;
        if let Some(Answer { response, url }) = first {
            let next = get_related_links(&response).into_iter().find(|next| *next != url);
            if let Some(next) = next {
                self.about_domain(next.to_owned(), &mut registered).await;
            }
        }
        registered
    }

    async fn about_domain(&self, url: String, registered: &mut Registered) -> Option<Answer> {
        let answer = match self.fetch(&url).await {
            Ok(answer) => answer,
            Err(error) => {
                registered.failures.push((url, error));
                return None;
            }
        };
        let RdapResponse::Domain(domain) = &answer.response else {
            registered.failures.push((url, RdapError::OtherObject));
            return None;
        };
        registered.contacts.extend(contacts_of(domain.object_common(), &answer.url));
        registered.registration.get_or_insert_with(|| registration_of(domain));
        Some(answer)
    }

    /// The network of an address.
    pub(super) async fn network(&self, address: IpAddr) -> Registered {
        let url = format!("{}/ip/{address}", self.base);
        let mut registered = Registered::default();
        match self.fetch(&url).await {
            Ok(Answer { response: RdapResponse::Network(network), url }) => {
                registered.contacts = contacts_of(network.object_common(), &url);
            }
            Ok(_) => registered.failures.push((url, RdapError::OtherObject)),
            Err(error) => registered.failures.push((url, error)),
        }
        registered
    }

    /// Fetches and follows redirects; the guard of the client holds at each of them.
    async fn fetch(&self, url: &str) -> Result<Answer, RdapError> {
        let deadline = self.deadline.min(Instant::now() + RDAP_FETCH);
        let mut url = url.to_owned();
        for _ in 0..=RDAP_REDIRECTS_MAX {
            let accept = "application/rdap+json, application/json;q=0.9";
            let response =
                self.https.get_over(PlainHttp::ToLoopback, &url, accept, RDAP_BYTES_MAX, deadline).await?;
            match response.status {
                200 => {
                    let response = serde_json::from_slice(&response.body).map_err(RdapError::NotRdap)?;
                    return Ok(Answer { response, url });
                }
                301 | 302 | 303 | 307 | 308 => url = redirected(&url, response.location.as_deref())?,
                404 => return Err(RdapError::NotFound),
                other => return Err(RdapError::Status(other)),
            }
        }
        Err(RdapError::TooManyRedirects)
    }
}

/// Where a redirect leads: a whole URL, or a path on the same server. Never from https to http.
fn redirected(from: &str, location: Option<&str>) -> Result<String, RdapError> {
    let location = location.unwrap_or_default();
    let bad = || RdapError::BadRedirect(location.chars().take(200).collect());
    let (scheme, rest) = from.split_once("://").ok_or_else(bad)?;
    if location.starts_with("https://") || (location.starts_with("http://") && scheme == "http") {
        return Ok(location.to_owned());
    }
    if location.starts_with('/') && !location.starts_with("//") {
        let authority = rest.split('/').next().unwrap_or(rest);
        return Ok(format!("{scheme}://{authority}{location}"));
    }
    Err(bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_to_urls_and_paths_but_never_out_of_encryption() {
        let to = |from: &str, location: &str| redirected(from, Some(location)).ok();
        let from = "https://rdap.example/domain/a.example";
        assert_eq!(to(from, "https://b.example/x").as_deref(), Some("https://b.example/x"));
        assert_eq!(to(from, "/v1/a").as_deref(), Some("https://rdap.example/v1/a"));
        assert_eq!(to("http://[::1]:8080/domain/a", "/x").as_deref(), Some("http://[::1]:8080/x"));
        for location in ["http://b.example/x", "//b.example/x", "file:///etc/passwd", "", "x"] {
            assert_eq!(to(from, location), None, "{location}");
        }
        assert!(redirected(from, None).is_err());
    }
}
