//! The addresses that want reports about a domain's mail: `rua` of TLSRPT (RFC 8460 §3) and DMARC (RFC 7489 §6.3).

use abprall_mail::EmailAddress;

use crate::limits::REPORT_ADDRESSES_MAX;

/// The `mailto` addresses of `rua`. Empty for a record of another version.
pub(super) fn report_addresses(record: &str, version: &str) -> Vec<EmailAddress> {
    let mut tags = record.split(';').filter_map(|tag| tag.split_once('=')).map(|(k, v)| (k.trim(), v.trim()));
    if !tags
        .next()
        .is_some_and(|(key, value)| key.eq_ignore_ascii_case("v") && value.eq_ignore_ascii_case(version))
    {
        return Vec::new();
    }
    let Some((_, list)) = tags.find(|(key, _)| key.eq_ignore_ascii_case("rua")) else { return Vec::new() };
    list.split(',').filter_map(|uri| mailto(uri.trim())).take(REPORT_ADDRESSES_MAX).collect()
}

/// The address of a `mailto` URI (RFC 6068), without the size limit of DMARC (`!10m`) and header fields.
fn mailto(uri: &str) -> Option<EmailAddress> {
    let (scheme, rest) = uri.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("mailto") {
        return None;
    }
    let address = rest.split(['!', '?']).next()?;
    EmailAddress::parse(&percent_decoded(address)?).ok()
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                decoded.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            plain => decoded.push(plain),
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rua(record: &str, version: &str) -> Vec<String> {
        report_addresses(record, version).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn mail_addresses_of_both_records_are_read() {
        let tls = "v=TLSRPTv1; rua=mailto:tls@example.net,https://example.net/tls";
        assert_eq!(rua(tls, "TLSRPTv1"), ["tls@example.net"]);
        let dmarc = "v=DMARC1; p=none; rua = mailto:a%2Bb@example.org!10m , MAILTO:c@example.org?subject=x; ruf=mailto:d@example.org";
        assert_eq!(rua(dmarc, "DMARC1"), ["a+b@example.org", "c@example.org"]);
    }

    #[test]
    fn other_records_and_broken_addresses_give_nothing() {
        for record in [
            "v=spf1 -all",
            "rua=mailto:a@example.org; v=DMARC1",
            "v=DMARC1; rua=a@example.org",
            "v=DMARC1; rua=mailto:a%4",
            "v=DMARC1; rua=mailto:a%0d%0aBcc:b@example.org",
            "v=DMARC1",
            "",
        ] {
            assert!(rua(record, "DMARC1").is_empty(), "{record}");
        }
    }

    #[test]
    fn a_long_list_is_cut() {
        let many = vec!["mailto:a@example.org"; 100].join(",");
        assert_eq!(rua(&format!("v=DMARC1; rua={many}"), "DMARC1").len(), REPORT_ADDRESSES_MAX);
    }
}
