use mail_parser::parsers::MessageStream;
use mail_parser::{HeaderValue, Host};

use super::date::timestamp_of;
use crate::Hop;

/// Reads one Received field (RFC 5321 §4.4); `None` when it is no such thing.
pub(crate) fn parse_received(value: &str) -> Option<Hop> {
    let line = format!("{}\n", value.get(..value.len().min(2000)).unwrap_or(value));
    let HeaderValue::Received(received) = MessageStream::new(line.as_bytes()).parse_received() else {
        return None;
    };
    let host = |host: &Host<'_>| match host {
        Host::Name(name) => name.trim_end_matches('.').to_lowercase(),
        Host::IpAddr(ip) => ip.to_string(),
    };
    let hop = Hop {
        from: received.from.as_ref().or(received.helo.as_ref()).map(host),
        from_ip: received.from_ip,
        by: received.by.as_ref().map(host),
        with: received.with.map(|protocol| protocol.as_str().to_owned()),
        id: received.id.as_ref().map(ToString::to_string),
        recipient: received.for_.as_ref().map(|r| r.trim_matches(['<', '>']).to_owned()),
        at: received.date.as_ref().and_then(timestamp_of),
    };
    (hop != Hop::default()).then_some(hop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hop_says_who_gave_what_to_whom_and_when() {
        let hop = parse_received(
            "from a.example (b.example [192.0.2.1]) by mx.example (Postfix) with ESMTP id 4AB for <u@c.example>; \
             Thu, 29 Apr 2010 23:34:45 +0900",
        )
        .unwrap();
        assert_eq!(hop.from.as_deref(), Some("a.example"));
        assert_eq!(hop.from_ip, "192.0.2.1".parse().ok());
        assert_eq!(hop.by.as_deref(), Some("mx.example"));
        assert_eq!(hop.id.as_deref(), Some("4AB"));
        assert_eq!(hop.recipient.as_deref(), Some("u@c.example"));
        assert!(hop.at.is_some());
        assert_eq!(parse_received("nonsense"), None);
    }
}
