//! Any bytes as the answer of a DNS server. The first byte chooses the type asked for.

#![no_main]

use abprall_route::RecordType;
use abprall_route::limits::{DNS_ALIASES_MAX, DNS_RECORDS_MAX, DNS_REFERRAL_SERVERS_MAX};
use abprall_route::observe::dns::{Question, read_dns_answer};
use libfuzzer_sys::fuzz_target;

const TYPES: [RecordType; 8] = [
    RecordType::A,
    RecordType::Aaaa,
    RecordType::Mx,
    RecordType::Ns,
    RecordType::Txt,
    RecordType::Tlsa,
    RecordType::Soa,
    RecordType::Cname,
];

fuzz_target!(|data: &[u8]| {
    let [choice, bytes @ ..] = data else { return };
    let question = Question::new("d.test", TYPES[usize::from(*choice) % TYPES.len()]);
    let Ok(answer) = read_dns_answer(bytes, &question) else { return };
    assert!(answer.records.len() <= DNS_RECORDS_MAX);
    assert!(answer.aliases.len() <= DNS_ALIASES_MAX);
    assert!(answer.referral.len() <= DNS_REFERRAL_SERVERS_MAX);
});
