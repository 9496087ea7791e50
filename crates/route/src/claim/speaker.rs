//! Who spoke, and which host the words name.

use std::net::IpAddr;

use abprall_bounce::{Issuer, Report};

use super::our_hosts::bare;

/// Who spoke the diagnostic: the reader's answer (RFC 3464 §2.3.6), but for what an MTA says to itself in the form of a reply.
pub(super) fn issuer_of(report: &Report) -> Issuer {
    let claimed = report.issuer.unwrap_or(match report.remote_mta {
        Some(_) if report.reply_code.is_some() => Issuer::Remote,
        Some(_) | None => Issuer::Reporting,
    });
    if claimed == Issuer::Remote && speaks_of_own_lookup(report) { Issuer::Reporting } else { claimed }
}

/// Sendmail gives its own DNS trouble a reply code and names the recipient's domain as Remote-MTA: nobody was ever reached.
fn speaks_of_own_lookup(report: &Report) -> bool {
    let Some(remote) = report.remote_mta.as_deref() else {
        return own_lookup_words(report);
    };
    let domain = report.recipient.as_ref().map(|address| address.domain_part().to_ascii_lowercase());
    domain.is_some_and(|domain| domain == bare(remote)) && own_lookup_words(report)
}

fn own_lookup_words(report: &Report) -> bool {
    let words = report.diagnostic.as_deref().unwrap_or_default().to_ascii_lowercase();
    let words = words.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ' || c == '.');
    ["host unknown", "host does not accept mail: mx 0"].iter().any(|own| words.starts_with(own))
        || words.contains(": name server timeout")
        || words.contains("host unknown (name server")
}

/// The host that the report names as the other side, and its address.
pub(super) fn remote_of(report: &Report, issuer: Issuer) -> (Option<String>, Option<IpAddr>) {
    let named = report.remote_mta.as_deref().filter(|_| !speaks_of_own_lookup(report)).map(bare);
    match named {
        Some(name) => match name.parse() {
            Ok(address) => (None, Some(address)),
            Err(_) => (Some(name), None),
        },
        // What the other side wrote may name us ("client host … rejected"); only the reporter's own words are searched.
        None if issuer == Issuer::Reporting => {
            let words = report.diagnostic.as_deref().unwrap_or_default();
            host_with_address(words).map_or((None, None), |(host, address)| (host, Some(address)))
        }
        None => (None, None),
    }
}

/// `host[192.0.2.1]`, as Postfix names the other side.
fn host_with_address(words: &str) -> Option<(Option<String>, IpAddr)> {
    words.split_whitespace().find_map(|word| {
        let (host, rest) = word.split_once('[')?;
        let address = rest.split(']').next()?;
        let address = address.strip_prefix("IPv6:").unwrap_or(address).parse().ok()?;
        let host = bare(host.trim_start_matches(['<', '(']));
        Some(((!host.is_empty()).then_some(host), address))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(remote: Option<&str>, words: &str) -> Report {
        Report {
            issuer: Some(Issuer::Remote),
            remote_mta: remote.map(str::to_owned),
            recipient: "u@there.example".parse().ok(),
            diagnostic: Some(words.to_owned()),
            ..Report::default()
        }
    }

    #[test]
    fn sendmail_speaks_for_itself_when_the_remote_mta_is_the_domain() {
        for words in ["550 Host unknown", "556 Host does not accept mail: MX 0 ."] {
            assert_eq!(issuer_of(&said(Some("there.example"), words)), Issuer::Reporting, "{words}");
            assert_eq!(issuer_of(&said(Some("mx.there.example"), words)), Issuer::Remote, "{words}");
        }
        assert_eq!(issuer_of(&said(None, "451 there.example: Name server timeout")), Issuer::Reporting);
        assert_eq!(issuer_of(&said(None, "550 5.1.1 no such user")), Issuer::Remote);
    }

    #[test]
    fn the_other_side_is_read_from_the_reporters_own_words_only() {
        let words = "message size 3 exceeds size limit 2 of server mx.there.example[192.0.2.1]";
        let named = (Some("mx.there.example".to_owned()), "192.0.2.1".parse().ok());
        assert_eq!(remote_of(&said(None, words), Issuer::Reporting), named);
        assert_eq!(
            remote_of(&said(None, "554 us.example[192.0.2.9] is blocked"), Issuer::Remote),
            (None, None)
        );
    }
}
