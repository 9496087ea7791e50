use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256, Sha512};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::probe::TlsaSet;
use super::tls::leads_to;
use crate::{DaneState, RecordData};

/// What DANE says of the certificates that a mail server showed, its own first (RFC 7672 §3.1).
///
/// Usage 3 (DANE-EE) compares the server's own certificate, whatever its names and dates say. Usage 2 (DANE-TA) needs a chain to the
/// authority of the record, valid at `now`, and a name that matches. Usages 0 and 1 are unusable for SMTP (§3.1.3), as are unknown
/// selectors and matching types and damaged digests; without a usable record DANE does not apply.
pub fn dane_state(
    tlsa: &TlsaSet,
    chain: &[CertificateDer<'_>],
    name_matches: bool,
    now: Timestamp,
) -> DaneState {
    let records = match tlsa {
        TlsaSet::None => return DaneState::NotUsed,
        TlsaSet::LookupFailed => return DaneState::LookupFailed,
        TlsaSet::Secure(records) => records,
    };
    let usable: Vec<Association> = records.iter().filter_map(Association::usable).collect();
    if usable.is_empty() {
        return DaneState::NotUsed;
    }
    if usable.iter().any(|association| association.holds(chain, name_matches, now)) {
        DaneState::Match
    } else {
        DaneState::Mismatch
    }
}

struct Association {
    usage: Usage,
    selector: Selector,
    matching: Matching,
    data: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Usage {
    TrustAnchor,
    EndEntity,
}

#[derive(Clone, Copy)]
enum Selector {
    Certificate,
    PublicKey,
}

#[derive(Clone, Copy)]
enum Matching {
    Exact,
    Sha256,
    Sha512,
}

impl Association {
    fn usable(record: &RecordData) -> Option<Self> {
        let RecordData::Tlsa { usage, selector, matching, data } = record else { return None };
        let usage = match usage {
            2 => Usage::TrustAnchor,
            3 => Usage::EndEntity,
            _ => return None,
        };
        let selector = match selector {
            0 => Selector::Certificate,
            1 => Selector::PublicKey,
            _ => return None,
        };
        let data = from_hex(data)?;
        let matching = match (matching, data.len()) {
            (0, 1..) => Matching::Exact,
            (1, 32) => Matching::Sha256,
            (2, 64) => Matching::Sha512,
            _ => return None,
        };
        Some(Self { usage, selector, matching, data })
    }

    fn holds(&self, chain: &[CertificateDer<'_>], name_matches: bool, now: Timestamp) -> bool {
        match self.usage {
            Usage::EndEntity => chain.first().is_some_and(|own| self.matches(own)),
            Usage::TrustAnchor => {
                name_matches
                    && chain
                        .iter()
                        .any(|authority| self.matches(authority) && leads_to(chain, authority, now))
            }
        }
    }

    fn matches(&self, certificate: &CertificateDer<'_>) -> bool {
        let selected = match self.selector {
            Selector::Certificate => certificate.as_ref(),
            Selector::PublicKey => match X509Certificate::from_der(certificate) {
                Ok((_, parsed)) => parsed.tbs_certificate.subject_pki.raw,
                Err(_) => return false,
            },
        };
        match self.matching {
            Matching::Exact => selected == self.data,
            Matching::Sha256 => Sha256::digest(selected).as_slice() == self.data,
            Matching::Sha512 => Sha512::digest(selected).as_slice() == self.data,
        }
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PublicKeyData};

    use super::*;

    struct Site {
        chain: Vec<CertificateDer<'static>>,
        key: Vec<u8>,
        authority_key: Vec<u8>,
    }

    /// A server certificate for mx.example and the authority that signed it.
    fn site() -> Site {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let authority_spki = authority_key.subject_public_key_info();
        let issuer = CertifiedIssuer::self_signed(params, authority_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let own =
            CertificateParams::new(vec!["mx.example".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        Site {
            chain: vec![own.der().clone(), issuer.der().clone()],
            key: key.subject_public_key_info(),
            authority_key: authority_spki,
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn record(usage: u8, selector: u8, matching: u8, bytes: &[u8]) -> RecordData {
        let data = match matching {
            1 => hex(&Sha256::digest(bytes)),
            2 => hex(&Sha512::digest(bytes)),
            _ => hex(bytes),
        };
        RecordData::Tlsa { usage, selector, matching, data }
    }

    fn state(records: Vec<RecordData>, site: &Site, name_matches: bool) -> DaneState {
        dane_state(&TlsaSet::Secure(records), &site.chain, name_matches, Timestamp::now())
    }

    #[test]
    fn every_selector_and_matching_type_matches_its_own_certificate() {
        let site = site();
        for matching in 0..=2 {
            for (usage, selector, bytes) in [
                (3, 0, site.chain[0].as_ref()),
                (3, 1, &site.key),
                (2, 0, site.chain[1].as_ref()),
                (2, 1, &site.authority_key),
            ] {
                let records = vec![record(usage, selector, matching, bytes)];
                assert_eq!(state(records, &site, true), DaneState::Match, "{usage} {selector} {matching}");
            }
        }
    }

    #[test]
    fn the_certificate_of_another_does_not_match() {
        let (site, other) = (site(), site());
        assert_eq!(state(vec![record(3, 1, 1, &other.key)], &site, true), DaneState::Mismatch);
        assert_eq!(state(vec![record(2, 0, 1, &other.chain[1])], &site, true), DaneState::Mismatch);
        let both = vec![record(3, 1, 1, &other.key), record(3, 1, 1, &site.key)];
        assert_eq!(state(both, &site, true), DaneState::Match, "one record that matches is enough");
    }

    #[test]
    fn an_end_entity_needs_no_name_and_a_trust_anchor_does() {
        let site = site();
        assert_eq!(state(vec![record(3, 1, 1, &site.key)], &site, false), DaneState::Match);
        assert_eq!(state(vec![record(2, 0, 1, &site.chain[1])], &site, false), DaneState::Mismatch);
    }

    #[test]
    fn a_trust_anchor_that_did_not_sign_is_no_match() {
        let (mut site, other) = (site(), site());
        site.chain[1] = other.chain[1].clone();
        assert_eq!(state(vec![record(2, 0, 1, &other.chain[1])], &site, true), DaneState::Mismatch);
    }

    #[test]
    fn records_that_are_unusable_for_mail_are_as_good_as_none() {
        let site = site();
        let mut records: Vec<_> = [(0, 0, 1), (1, 1, 1), (3, 2, 1), (4, 0, 0), (3, 0, 3)]
            .map(|(usage, selector, matching)| record(usage, selector, matching, &site.chain[0]))
            .into();
        for data in ["", "abc", "zz", "abcd"] {
            records.push(RecordData::Tlsa { usage: 3, selector: 1, matching: 1, data: data.to_owned() });
        }
        assert_eq!(state(records, &site, true), DaneState::NotUsed);
        assert_eq!(state(Vec::new(), &site, true), DaneState::NotUsed);
    }

    #[test]
    fn a_failed_lookup_is_said_and_no_lookup_is_not() {
        let site = site();
        let now = Timestamp::now();
        assert_eq!(dane_state(&TlsaSet::LookupFailed, &site.chain, true, now), DaneState::LookupFailed);
        assert_eq!(dane_state(&TlsaSet::None, &site.chain, true, now), DaneState::NotUsed);
    }

    #[test]
    fn garbage_as_a_certificate_matches_nothing() {
        let garbage = vec![CertificateDer::from(vec![0x30, 0x82, 0xff, 0xff])];
        let tlsa = TlsaSet::Secure(vec![record(3, 1, 1, b"x"), record(2, 1, 1, b"x")]);
        assert_eq!(dane_state(&tlsa, &garbage, true, Timestamp::now()), DaneState::Mismatch);
    }
}
