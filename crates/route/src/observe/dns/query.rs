//! A question as it goes over the wire.

use domain::base::iana::{Class, Rtype};
use domain::base::{Message, MessageBuilder, Name};

use super::name::in_random_case;
use crate::limits::DNS_UDP_PAYLOAD_BYTES;
use crate::{RecordType, ServerRole};

/// What is asked, in the form of the wire.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) name: Name<Vec<u8>>,
    pub(super) record_type: RecordType,
    pub(super) checking_disabled: bool,
    pub(super) role: ServerRole,
}

/// One message that was sent.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) edns: Edns,
    /// The name in the case in which it was sent.
    pub(super) name: Name<Vec<u8>>,
    pub(super) record_type: RecordType,
    pub(super) bytes: Vec<u8>,
}

/// Whether a question carries EDNS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Edns {
    With,
    Without,
}

/// How the name of an answer compares with that of the question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NameCase {
    Kept,
    Changed,
}

impl Asked {
    /// A message with a random id and a random case.
    ///
    /// Only resolvers are asked to recurse. AD in a question asks for AD in the answer (RFC 6840 §5.7).
    pub(super) fn query(&self, edns: Edns) -> Query {
        let name = in_random_case(&self.name, rand::random::<u64>);
        let mut builder = MessageBuilder::new_vec();
        let header = builder.header_mut();
        header.set_id(rand::random());
        header.set_rd(self.role == ServerRole::Resolver);
        header.set_ad(true);
        header.set_cd(self.checking_disabled);
        let mut question = builder.question();
        // A vector grows: neither can fail.
        let _ = question.push((&name, rtype(self.record_type), Class::IN));
        let mut additional = question.additional();
        if edns == Edns::With {
            let _ = additional.opt(|opt| {
                opt.set_udp_payload_size(DNS_UDP_PAYLOAD_BYTES);
                opt.set_dnssec_ok(true);
                Ok(())
            });
        }
        Query { edns, name, record_type: self.record_type, bytes: additional.finish() }
    }
}

impl Query {
    pub(super) fn id(&self) -> u16 {
        u16::from_be_bytes([self.bytes[0], self.bytes[1]])
    }

    pub(super) fn set_id(&mut self, id: u16) {
        self.bytes[..2].copy_from_slice(&id.to_be_bytes());
    }

    /// Whether a message answers this question; `None` when it does not.
    ///
    /// Some servers leave the question out when they refuse it: those count by their id.
    pub(super) fn answered_by(&self, message: &Message<[u8]>) -> Option<NameCase> {
        let header = message.header();
        if header.id() != self.id() || !header.qr() {
            return None;
        }
        if message.header_counts().qdcount() == 0 && refuses(header.rcode()) {
            return Some(NameCase::Kept);
        }
        let question = message.sole_question().ok()?;
        if question.qtype() != rtype(self.record_type) || question.qclass() != Class::IN {
            return None;
        }
        if *question.qname() != self.name {
            return None;
        }
        let same = question.qname().iter().zip(self.name.iter()).all(|(a, b)| a.as_slice() == b.as_slice());
        Some(if same { NameCase::Kept } else { NameCase::Changed })
    }
}

fn refuses(rcode: domain::base::iana::Rcode) -> bool {
    use domain::base::iana::Rcode;
    ![Rcode::NOERROR, Rcode::NXDOMAIN].contains(&rcode)
}

/// The number of a type.
pub(super) fn rtype(record_type: RecordType) -> Rtype {
    match record_type {
        RecordType::A => Rtype::A,
        RecordType::Aaaa => Rtype::AAAA,
        RecordType::Mx => Rtype::MX,
        RecordType::Ns => Rtype::NS,
        RecordType::Txt => Rtype::TXT,
        RecordType::Tlsa => Rtype::TLSA,
        RecordType::Soa => Rtype::SOA,
        RecordType::Cname => Rtype::CNAME,
    }
}
