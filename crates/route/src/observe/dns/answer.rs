//! From the bytes of a message to what is kept of it.

use std::net::IpAddr;

use domain::base::iana::{Class, Rtype};
use domain::base::opt::{ExtendedError as WireExtendedError, Opt};
use domain::base::wire::ParseError;
use domain::base::{Message, Name, ParsedName, ParsedRecord, ToName, UnknownRecordData};
use domain::rdata::{A, Aaaa, Cname, Mx, Ns, Soa, Txt};

use super::Question;
use super::name::presentation;
use super::query::rtype;
use crate::limits::{
    DNS_ALIASES_MAX, DNS_EXTENDED_ERROR_BYTES_MAX, DNS_EXTENDED_ERRORS_MAX, DNS_GLUE_MAX, DNS_RECORDS_MAX,
    DNS_REFERRAL_SERVERS_MAX, DNS_TXT_BYTES_MAX,
};
use crate::{
    DnsAnswer, DnsTransport, ExtendedError, NameServerName, Rcode, Record, RecordData, RecordType, SoaFact,
};

type WireName<'a> = ParsedName<&'a [u8]>;
type WireRecord<'a> = ParsedRecord<'a, [u8]>;

/// Why bytes are no DNS answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReadAnswerError {
    /// Shorter than the header of 12 bytes, or not marked as a response.
    #[error("not a DNS response")]
    NotAResponse,
    /// The name asked for cannot be written in a message.
    #[error("not a name that can be asked for")]
    BadName,
    /// A section ends too early, a name is too long or leads nowhere, a record does not have the form of its type.
    #[error("{0}")]
    Malformed(String),
}

impl From<ParseError> for ReadAnswerError {
    fn from(error: ParseError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Reads the bytes of an answer to a question, as it comes over TCP. Takes time and memory in proportion to the bytes.
///
/// # Errors
/// Says what is wrong with the bytes.
pub fn read_dns_answer(bytes: &[u8], question: &Question) -> Result<DnsAnswer, ReadAnswerError> {
    let message = Message::from_slice(bytes).map_err(|_| ReadAnswerError::NotAResponse)?;
    if !message.header().qr() {
        return Err(ReadAnswerError::NotAResponse);
    }
    let name = question.wire_name().ok_or(ReadAnswerError::BadName)?;
    read(message, &name, question.record_type, DnsTransport::Tcp)
}

/// Reads a message that is known to answer the question.
pub(super) fn read(
    message: &Message<[u8]>,
    asked: &Name<Vec<u8>>,
    record_type: RecordType,
    transport: DnsTransport,
) -> Result<DnsAnswer, ReadAnswerError> {
    let header = message.header();
    let mut answer = DnsAnswer {
        rcode: Rcode::from_number(u16::from(header.rcode().to_int())),
        aa: header.aa(),
        ad: header.ad(),
        ra: header.ra(),
        transport,
        edns: false,
        only_without_edns: false,
        extended_errors: Vec::new(),
        aliases: Vec::new(),
        alias_loop: false,
        records: Vec::new(),
        cut: false,
        soa: None,
        referral: Vec::new(),
    };
    // What was cut off to fit into a packet is asked for over TCP: only the header counts.
    if header.tc() && transport == DnsTransport::Udp {
        return Ok(answer);
    }
    read_answers(message, asked, record_type, &mut answer)?;
    read_authority(message, &mut answer)?;
    read_additional(message, &mut answer)?;
    Ok(answer)
}

fn read_answers(
    message: &Message<[u8]>,
    asked: &Name<Vec<u8>>,
    record_type: RecordType,
    answer: &mut DnsAnswer,
) -> Result<(), ReadAnswerError> {
    let mut aliases: Vec<(WireName<'_>, WireName<'_>)> = Vec::new();
    let mut wanted: Vec<WireRecord<'_>> = Vec::new();
    for record in message.answer()? {
        let record = record?;
        if record.class() != Class::IN {
            continue;
        }
        if record.rtype() == rtype(record_type) {
            if wanted.len() == DNS_RECORDS_MAX {
                answer.cut = true;
            } else {
                wanted.push(record);
            }
            continue;
        }
        let is_alias = record.rtype() == Rtype::CNAME && aliases.len() < DNS_RECORDS_MAX;
        if let Some(alias) = record.into_record::<Cname<WireName<'_>>>()?.filter(|_| is_alias) {
            let (owner, data) = alias.into_owner_and_data();
            aliases.push((owner, data.into_cname()));
        }
    }

    let mut end: Name<Vec<u8>> = asked.clone();
    let mut visited = vec![end.clone()];
    while !wanted.iter().any(|record| record.owner() == end) {
        let Some((_, target)) = aliases.iter().find(|(owner, _)| *owner == end) else { break };
        end = target.to_name();
        if visited.contains(&end) || answer.aliases.len() == DNS_ALIASES_MAX {
            answer.alias_loop = true;
            return Ok(());
        }
        answer.aliases.push(presentation(&end));
        visited.push(end.clone());
    }

    for record in wanted.into_iter().filter(|record| record.owner() == end) {
        let data = read_data(&record, record_type, &mut answer.cut)?;
        if let Some(RecordData::Soa(soa)) = &data {
            answer.soa = Some(soa.clone());
        }
        answer.records.extend(data.map(|data| Record { ttl_s: record.ttl().as_secs(), data }));
    }
    Ok(())
}

fn read_data(
    record: &WireRecord<'_>,
    record_type: RecordType,
    cut: &mut bool,
) -> Result<Option<RecordData>, ReadAnswerError> {
    let data = match record_type {
        RecordType::A => record.to_record::<A>()?.map(|r| RecordData::A { address: r.data().addr() }),
        RecordType::Aaaa => {
            record.to_record::<Aaaa>()?.map(|r| RecordData::Aaaa { address: r.data().addr() })
        }
        RecordType::Mx => record.to_record::<Mx<WireName<'_>>>()?.map(|r| RecordData::Mx {
            preference: r.data().preference(),
            exchange: presentation(r.data().exchange()),
        }),
        RecordType::Ns => record
            .to_record::<Ns<WireName<'_>>>()?
            .map(|r| RecordData::Ns { host: presentation(r.data().nsdname()) }),
        RecordType::Cname => record
            .to_record::<Cname<WireName<'_>>>()?
            .map(|r| RecordData::Cname { target: presentation(r.data().cname()) }),
        RecordType::Txt => record.to_record::<Txt<&[u8]>>()?.map(|r| text_of(r.data(), cut)),
        RecordType::Tlsa => Some(tlsa_of(record)?),
        RecordType::Soa => soa_of(record)?.map(RecordData::Soa),
    };
    Ok(data)
}

fn tlsa_of(record: &WireRecord<'_>) -> Result<RecordData, ReadAnswerError> {
    let shape = || ReadAnswerError::Malformed("a TLSA record of less than three bytes".to_owned());
    let record = record.to_record::<UnknownRecordData<&[u8]>>()?.ok_or_else(shape)?;
    let [usage, selector, matching, data @ ..] = record.data().data() else {
        return Err(shape());
    };
    Ok(RecordData::Tlsa { usage: *usage, selector: *selector, matching: *matching, data: hexadecimal(data) })
}

fn soa_of(record: &WireRecord<'_>) -> Result<Option<SoaFact>, ReadAnswerError> {
    Ok(record.to_record::<Soa<WireName<'_>>>()?.map(|r| SoaFact {
        owner: presentation(r.owner()),
        mname: presentation(r.data().mname()),
        rname: presentation(r.data().rname()),
        serial: r.data().serial().into_int(),
        negative_ttl_s: r.data().minimum().as_secs().min(r.ttl().as_secs()),
    }))
}

fn text_of(txt: &Txt<&[u8]>, cut: &mut bool) -> RecordData {
    let mut bytes = Vec::new();
    for part in txt.iter() {
        let room = DNS_TXT_BYTES_MAX - bytes.len();
        *cut |= part.len() > room;
        bytes.extend_from_slice(&part[..part.len().min(room)]);
    }
    RecordData::Txt { text: String::from_utf8_lossy(&bytes).into_owned() }
}

fn read_authority(message: &Message<[u8]>, answer: &mut DnsAnswer) -> Result<(), ReadAnswerError> {
    let positive = !answer.records.is_empty();
    for record in message.authority()? {
        let record = record?;
        if record.class() != Class::IN {
            continue;
        }
        if record.rtype() == Rtype::SOA && answer.soa.is_none() && !positive {
            answer.soa = soa_of(&record)?;
        } else if record.rtype() == Rtype::NS && !positive {
            if answer.referral.len() == DNS_REFERRAL_SERVERS_MAX {
                answer.cut = true;
                continue;
            }
            if let Some(ns) = record.to_record::<Ns<WireName<'_>>>()? {
                let host = presentation(ns.data().nsdname());
                answer.referral.push(NameServerName {
                    zone: presentation(ns.owner()),
                    host,
                    glue: Vec::new(),
                });
            }
        }
    }
    Ok(())
}

fn read_additional(message: &Message<[u8]>, answer: &mut DnsAnswer) -> Result<(), ReadAnswerError> {
    for record in message.additional()? {
        let record = record?;
        match record.rtype() {
            Rtype::OPT => read_edns(&record, message, answer)?,
            Rtype::A if !answer.referral.is_empty() => {
                if let Some(glue) = record.to_record::<A>()? {
                    keep_glue(answer, glue.owner(), IpAddr::V4(glue.data().addr()));
                }
            }
            Rtype::AAAA if !answer.referral.is_empty() => {
                if let Some(glue) = record.to_record::<Aaaa>()? {
                    keep_glue(answer, glue.owner(), IpAddr::V6(glue.data().addr()));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn keep_glue(answer: &mut DnsAnswer, owner: &WireName<'_>, address: IpAddr) {
    let owner = presentation(owner);
    for server in answer.referral.iter_mut().filter(|server| server.host == owner) {
        if server.glue.len() < DNS_GLUE_MAX && !server.glue.contains(&address) {
            server.glue.push(address);
        }
    }
}

fn read_edns(
    record: &WireRecord<'_>,
    message: &Message<[u8]>,
    answer: &mut DnsAnswer,
) -> Result<(), ReadAnswerError> {
    let Some(opt) = record.to_record::<Opt<&[u8]>>()? else { return Ok(()) };
    answer.edns = true;
    let header = domain::base::opt::OptRecord::from_record(opt);
    answer.rcode = Rcode::from_number(header.rcode(message.header()).to_int());
    // An option that is broken in itself says nothing; the records stand without it.
    let errors = header.opt().iter::<WireExtendedError<&[u8]>>().flatten();
    for error in errors.take(DNS_EXTENDED_ERRORS_MAX - answer.extended_errors.len()) {
        let text = error.text_slice().map(|text| {
            let text = &text[..text.len().min(DNS_EXTENDED_ERROR_BYTES_MAX)];
            String::from_utf8_lossy(text).trim_end_matches('\0').to_owned()
        });
        answer
            .extended_errors
            .push(ExtendedError { code: error.code().to_int(), text: text.filter(|text| !text.is_empty()) });
    }
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
