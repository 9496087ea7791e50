//! A small name server on loopback: a resolver that knows a few names.
#![allow(dead_code, reason = "each test file uses a part")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, Rtype};
use domain::base::{Serial, Ttl};
use domain::rdata::{A, Mx, Ns, Soa, Txt};
use tokio::net::UdpSocket;

/// What a name holds.
#[derive(Clone)]
pub enum Record {
    A([u8; 4]),
    Mx(u16, &'static str),
    Txt(&'static str),
    Ns(&'static str),
    /// The RNAME, in presentation form.
    Soa(&'static str),
    /// The answer to every question about the name.
    Code(Rcode),
    /// No answer to any.
    Silence,
}

pub struct NameServer {
    pub address: SocketAddr,
    pub questions: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers for these names; every other does not exist.
pub async fn name_server(records: Vec<(&'static str, Record)>) -> NameServer {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let questions = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&questions);
    let task = tokio::spawn(async move {
        let mut bytes = [0; 1500];
        loop {
            let (length, peer) = socket.recv_from(&mut bytes).await.unwrap();
            asked.fetch_add(1, Ordering::Relaxed);
            if let Some(answer) = answer(&bytes[..length], &records) {
                socket.send_to(&answer, peer).await.unwrap();
            }
        }
    });
    NameServer { address, questions, task }
}

fn answer(query: &[u8], records: &[(&'static str, Record)]) -> Option<Vec<u8>> {
    let query = Message::from_octets(query).unwrap();
    let question = query.first_question().unwrap();
    let name = question.qname().to_string().to_ascii_lowercase();
    let all =
        || records.iter().filter(|(owner, _)| *owner == name || *owner == "*").map(|(_, record)| record);
    let code = all().find_map(|record| if let Record::Code(code) = record { Some(*code) } else { None });
    if all().any(|record| matches!(record, Record::Silence)) {
        return None;
    }
    let code = code.unwrap_or(if all().next().is_some() { Rcode::NOERROR } else { Rcode::NXDOMAIN });
    let mut builder = MessageBuilder::new_vec().start_answer(&query, code).unwrap();
    builder.header_mut().set_ra(true);
    let owner = question.qname();
    for record in all() {
        match (record, question.qtype()) {
            (Record::A([a, b, c, d]), Rtype::A) => {
                builder.push((owner, 60, A::from_octets(*a, *b, *c, *d))).unwrap();
            }
            (Record::Mx(preference, host), Rtype::MX) => {
                let host: Name<Vec<u8>> = host.parse().unwrap();
                builder.push((owner, 60, Mx::new(*preference, host))).unwrap();
            }
            (Record::Txt(text), Rtype::TXT) => {
                let text: Txt<Vec<u8>> = Txt::build_from_slice(text.as_bytes()).unwrap();
                builder.push((owner, 60, text)).unwrap();
            }
            (Record::Ns(host), Rtype::NS) => {
                let host: Name<Vec<u8>> = host.parse().unwrap();
                builder.push((owner, 60, Ns::new(host))).unwrap();
            }
            (Record::Soa(rname), Rtype::SOA) => {
                let host: Name<Vec<u8>> = "ns.test".parse().unwrap();
                let rname: Name<Vec<u8>> = rname.parse().unwrap();
                let times = [Ttl::from_secs(60); 4];
                let soa = Soa::new(host, rname, Serial(1), times[0], times[1], times[2], times[3]);
                builder.push((owner, 60, soa)).unwrap();
            }
            _ => {}
        }
    }
    let mut additional = builder.additional();
    additional
        .opt(|opt| {
            opt.set_udp_payload_size(1232);
            Ok(())
        })
        .unwrap();
    Some(additional.finish())
}
