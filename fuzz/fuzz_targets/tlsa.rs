//! Any bytes as the certificate of a mail server, held against any TLSA record. The first four bytes are usage, selector, matching type,
//! and whether the record is made from the certificate; then it must match where it is usable and no name or chain is asked for.

#![no_main]

use abprall_route::{CertificateFact, DaneState, RecordData, TlsaSet, dane_state, read_certificate};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use rustls::pki_types::CertificateDer;

fuzz_target!(|input: &[u8]| {
    let Some(([usage, selector, matching, own], bytes)) = input.split_first_chunk() else { return };
    let (data, certificate) = if own % 2 == 0 { (bytes, bytes) } else { bytes.split_at(bytes.len() / 2) };
    let hex = data.iter().map(|byte| format!("{byte:02x}")).collect();
    let record =
        RecordData::Tlsa { usage: usage % 5, selector: selector % 3, matching: matching % 4, data: hex };
    let tlsa = TlsaSet::Secure(vec![record.clone()]);
    let chain = [CertificateDer::from(certificate.to_vec()), CertificateDer::from(data.to_vec())];
    let state = dane_state(&tlsa, &chain, true, Timestamp::UNIX_EPOCH);
    if let RecordData::Tlsa { usage: 3, selector: 0, matching: 0, data } = &record
        && own % 2 == 0
        && !data.is_empty()
    {
        assert_eq!(state, DaneState::Match);
    }
    if let Some(CertificateFact { names, issuer, .. }) = read_certificate(&chain[0], "mx.example") {
        assert!(names.iter().chain([&issuer]).all(|text| !text.chars().any(char::is_control)));
    }
});
