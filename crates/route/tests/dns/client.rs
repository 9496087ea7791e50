//! The client against servers that do what hostile and broken servers do.

use std::sync::Arc;
use std::time::Duration;

use crate::responder::{IN, Over, Reply, Request, Responder, name};
use abprall_route::observe::dns::{DnsClient, DnsServer, Question, TRUNCATED_WITHOUT_TCP};
use abprall_route::{
    DnsAnswer, DnsFact, DnsOutcome, DnsTransport, NetworkGuard, Rcode, RecordData, RecordType, ServerRole,
};
use domain::base::Ttl;
use domain::base::iana::ExtendedErrorCode;
use domain::base::iana::Rcode as WireRcode;
use domain::base::iana::Rtype;
use domain::base::opt::ExtendedError;
use domain::base::{MessageBuilder, Serial};
use domain::rdata::{A, Cname, Mx, Soa};
use tokio::time::Instant;

/// Long enough for loopback, short enough for a test of silence.
const PATIENCE: Duration = Duration::from_millis(1500);

async fn ask(server: &Responder, text: &str, record_type: RecordType) -> DnsFact {
    ask_within(server, text, record_type, PATIENCE).await
}

async fn ask_within(server: &Responder, text: &str, record_type: RecordType, time: Duration) -> DnsFact {
    let client = DnsClient::new(Arc::new(NetworkGuard::default()));
    let question = Question::new(text, record_type);
    let start = Instant::now();
    let fact = client.ask(&question, &DnsServer::resolver(server.address), start + time).await;
    assert!(start.elapsed() < time + Duration::from_secs(3), "the deadline holds");
    fact
}

fn answer_of(fact: &DnsFact) -> &DnsAnswer {
    fact.answer().unwrap_or_else(|| panic!("no answer: {fact:?}"))
}

fn mx(request: &Request, preference: u16, host: &str) -> Reply {
    request.answer(WireRcode::NOERROR, |answer| {
        answer.push((request.name(), IN, 300, Mx::new(preference, name(host)))).unwrap();
    })
}

#[tokio::test]
async fn an_answer_is_kept_with_its_flags() {
    let server = Responder::start(|request| {
        assert!(request.message.header().rd(), "resolvers are asked to recurse");
        assert!(request.message.header().ad());
        assert!(request.message.opt().unwrap().dnssec_ok());
        let Reply::Messages(mut messages) = mx(request, 10, "MX.Example.") else { unreachable!() };
        messages[0][3] |= 0x20; // AD
        Reply::Messages(messages)
    })
    .await;
    let fact = ask(&server, "Example.COM.", RecordType::Mx).await;
    let answer = answer_of(&fact);
    assert_eq!(fact.name, "example.com");
    assert!(answer.ad && answer.ra && answer.edns && !answer.aa && !answer.only_without_edns);
    assert_eq!(answer.transport, DnsTransport::Udp);
    let expected = RecordData::Mx { preference: 10, exchange: "mx.example".to_owned() };
    assert_eq!((answer.records[0].ttl_s, &answer.records[0].data), (300, &expected));
}

#[tokio::test]
async fn a_negative_answer_tells_whose_it_is_and_for_how_long() {
    let server = Responder::start(|request| {
        request.with_authority(WireRcode::NXDOMAIN, false, |authority| {
            let soa = Soa::new(
                name("a.nic.example"),
                name("host.nic.example"),
                Serial(7),
                Ttl::from_secs(1),
                Ttl::from_secs(2),
                Ttl::from_secs(3),
                Ttl::from_secs(86_400),
            );
            authority.push((name("example"), IN, 900, soa)).unwrap();
        })
    })
    .await;
    let fact = ask(&server, "gone.example", RecordType::Mx).await;
    let answer = answer_of(&fact);
    assert_eq!(answer.rcode, Rcode::NxDomain);
    let soa = answer.soa.as_ref().unwrap();
    assert_eq!((soa.owner.as_str(), soa.serial, soa.negative_ttl_s), ("example", 7, 900));
}

#[tokio::test]
async fn extended_errors_and_extended_rcodes_are_kept() {
    let server = Responder::start(|request| {
        let builder = MessageBuilder::new_vec().start_answer(&request.message, WireRcode::SERVFAIL).unwrap();
        let mut additional = builder.additional();
        additional
            .opt(|opt| {
                opt.push(
                    &ExtendedError::<Vec<u8>>::new_with_str(ExtendedErrorCode::DNSSEC_BOGUS, "no key")
                        .unwrap(),
                )?;
                opt.push(&ExtendedError::<Vec<u8>>::from(22))
            })
            .unwrap();
        Reply::Messages(vec![additional.finish()])
    })
    .await;
    let fact = ask(&server, "bogus.example", RecordType::Mx).await;
    let answer = answer_of(&fact);
    assert_eq!(answer.rcode, Rcode::ServFail);
    let errors: Vec<_> = answer.extended_errors.iter().map(|e| (e.code, e.text.as_deref())).collect();
    assert_eq!(errors, [(6, Some("no key")), (22, None)]);
}

#[tokio::test]
async fn a_loop_of_aliases_ends() {
    let server = Responder::start(|request| {
        request.answer(WireRcode::NOERROR, |answer| {
            answer.push((name("a.example"), IN, 60, Cname::new(name("b.example")))).unwrap();
            answer.push((name("b.example"), IN, 60, Cname::new(name("a.example")))).unwrap();
        })
    })
    .await;
    let fact = ask(&server, "a.example", RecordType::Mx).await;
    let answer = answer_of(&fact);
    assert!(answer.alias_loop && answer.records.is_empty());
    assert_eq!(answer.aliases, ["b.example"]);
}

#[tokio::test]
async fn aliases_that_always_lead_on_are_followed_sixteen_times() {
    let server = Responder::start(|request| {
        request.answer(WireRcode::NOERROR, |answer| {
            let next = format!("n{}", request.text());
            answer.push((request.name(), IN, 60, Cname::new(name(&next)))).unwrap();
        })
    })
    .await;
    let fact = ask(&server, "a.example", RecordType::Mx).await;
    let answer = answer_of(&fact);
    assert!(answer.alias_loop);
    assert_eq!(answer.aliases.len(), 16);
    assert_eq!(server.asked(), 17);
}

#[tokio::test]
async fn a_chain_that_the_resolver_cuts_short_is_asked_on() {
    let server = Responder::start(|request| {
        if request.text() != "a.example" {
            return mx(request, 5, "mx.example");
        }
        request.answer(WireRcode::NOERROR, |answer| {
            answer.push((request.name(), IN, 60, Cname::new(name("b.example")))).unwrap();
        })
    })
    .await;
    let fact = ask(&server, "a.example", RecordType::Mx).await;
    assert_eq!(fact.name, "a.example");
    assert_eq!(answer_of(&fact).aliases, ["b.example"]);
    assert_eq!(answer_of(&fact).records.len(), 1);
}

fn truncated(request: &Request) -> Reply {
    let mut bytes = request.bytes(WireRcode::NOERROR, |_| {});
    bytes[2] |= 0x02;
    Reply::Messages(vec![bytes])
}

#[tokio::test]
async fn of_as_many_exchangers_as_a_message_holds_a_thousand_are_kept() {
    let server = Responder::start(|request| {
        if request.over == Over::Udp {
            return truncated(request);
        }
        let bytes = request.bytes(WireRcode::NOERROR, |answer| {
            for preference in 0.. {
                if answer.as_slice().len() > 65_480
                    || answer.push((request.name(), IN, 60, Mx::new(preference, name("m")))).is_err()
                {
                    break;
                }
            }
        });
        assert!(u16::from_be_bytes([bytes[6], bytes[7]]) > 2000);
        Reply::Messages(vec![bytes])
    })
    .await;
    let fact = ask(&server, "e.example", RecordType::Mx).await;
    let answer = answer_of(&fact);
    assert_eq!(answer.transport, DnsTransport::Tcp);
    assert_eq!(answer.records.len(), 1000);
    assert!(answer.cut);
}

#[tokio::test]
async fn records_that_are_announced_and_missing_are_malformed() {
    let server = Responder::start(|request| {
        let Reply::Messages(mut messages) = mx(request, 1, "mx.example") else { unreachable!() };
        messages[0][6..8].copy_from_slice(&10_000u16.to_be_bytes());
        Reply::Messages(messages)
    })
    .await;
    let fact = ask(&server, "e.example", RecordType::Mx).await;
    assert!(matches!(fact.outcome, DnsOutcome::Malformed { .. }), "{fact:?}");
}

#[tokio::test]
async fn a_text_of_64_kib_is_cut() {
    let server = Responder::start(|request| {
        if request.over == Over::Udp {
            return truncated(request);
        }
        let mut builder =
            MessageBuilder::new_vec().start_answer(&request.message, WireRcode::NOERROR).unwrap();
        let parts: Vec<u8> = (0..250).flat_map(|_| [&[255u8][..], &[b'x'; 255]].concat()).collect();
        let txt = domain::rdata::Txt::from_octets(parts).unwrap();
        builder.push((request.name(), IN, 60, txt)).unwrap();
        Reply::Messages(vec![builder.finish()])
    })
    .await;
    let fact = ask(&server, "t.example", RecordType::Txt).await;
    let answer = answer_of(&fact);
    assert!(answer.cut);
    let RecordData::Txt { text } = &answer.records[0].data else { panic!("{answer:?}") };
    assert_eq!(text.len(), 4096);
}

/// A header and question, then records whose owner is a pointer into a long chain of pointers.
fn pointer_bomb(request: &Request, chain: usize) -> Vec<u8> {
    let mut bytes = request.bytes(WireRcode::NOERROR, |_| {});
    let name_at = 12u16;
    let question_end = bytes.len() - if request.has_edns() { 11 } else { 0 };
    bytes.truncate(question_end);
    bytes[10..12].copy_from_slice(&[0, 0]);
    // The first record is of a type that nobody asks for; its data is the chain.
    let mut pointers = Vec::new();
    let base = u16::try_from(bytes.len() + 12).unwrap();
    for link in 0..u16::try_from(chain).unwrap() {
        let target = if link == 0 { name_at } else { base + 2 * (link - 1) };
        pointers.extend((0xc000 | target).to_be_bytes());
    }
    let last = 0xc000 | (base + 2 * (u16::try_from(chain).unwrap() - 1));
    bytes.extend((0xc000 | name_at).to_be_bytes());
    bytes.extend([0, 10, 0, 1, 0, 0, 0, 60]);
    bytes.extend(u16::try_from(pointers.len()).unwrap().to_be_bytes());
    bytes.extend(pointers);
    let mut records = 1u16;
    while bytes.len() < 65_500 {
        bytes.extend(last.to_be_bytes());
        bytes.extend([0, 5, 0, 1, 0, 0, 0, 60, 0, 2]);
        bytes.extend(last.to_be_bytes());
        records += 1;
    }
    bytes[6..8].copy_from_slice(&records.to_be_bytes());
    bytes
}

#[tokio::test]
async fn a_bomb_of_compressed_names_costs_little() {
    for (chain, well_formed) in [(250, true), (3000, false)] {
        let server = Responder::start(move |request| match request.over {
            Over::Udp => truncated(request),
            Over::Tcp => Reply::Messages(vec![pointer_bomb(request, chain)]),
        })
        .await;
        let start = Instant::now();
        let fact = ask_within(&server, "bomb.example", RecordType::Mx, Duration::from_secs(20)).await;
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        match fact.outcome {
            DnsOutcome::Answer(answer) => assert!(well_formed && answer.alias_loop),
            DnsOutcome::Malformed { .. } => assert!(!well_formed),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn answers_with_another_id_or_question_are_not_believed() {
    let server = Responder::start(|request| {
        let Reply::Messages(mut wrong_id) = mx(request, 1, "evil.example") else { unreachable!() };
        wrong_id[0][0] ^= 0xff;
        let Reply::Messages(mut wrong_question) = mx(request, 1, "evil.example") else { unreachable!() };
        wrong_question[0][13] = b'q';
        let Reply::Messages(right) = mx(request, 1, "mx.example") else { unreachable!() };
        Reply::Messages([wrong_id, wrong_question, vec![b"junk".to_vec()], right].concat())
    })
    .await;
    let fact = ask(&server, "e.example", RecordType::Mx).await;
    let expected = RecordData::Mx { preference: 1, exchange: "mx.example".to_owned() };
    assert_eq!(answer_of(&fact).records[0].data, expected);
}

#[tokio::test]
async fn nothing_but_wrong_answers_is_malformed_and_ends() {
    let server = Responder::start(|request| {
        let Reply::Messages(mut messages) = mx(request, 1, "evil.example") else { unreachable!() };
        messages[0][0] ^= 0xff;
        Reply::Messages(vec![messages.remove(0); 100])
    })
    .await;
    let start = Instant::now();
    let fact = ask(&server, "e.example", RecordType::Mx).await;
    assert!(matches!(fact.outcome, DnsOutcome::Malformed { .. }), "{fact:?}");
    assert!(start.elapsed() < PATIENCE, "a flood is not listened to until the deadline");
}

#[tokio::test]
async fn truncated_without_tcp_is_told_apart_from_silence() {
    let server = Responder::without_tcp(truncated).await;
    let fact = ask(&server, "e.example", RecordType::Mx).await;
    let DnsOutcome::Unreachable { detail } = fact.outcome else { panic!("{fact:?}") };
    assert!(detail.starts_with(TRUNCATED_WITHOUT_TCP) && detail.contains("refused"), "{detail}");
}

#[tokio::test]
async fn a_tcp_connection_that_says_nothing_ends_at_the_deadline() {
    let server = Responder::start(|request| match request.over {
        Over::Udp => truncated(request),
        Over::Tcp => Reply::Nothing,
    })
    .await;
    let fact = ask(&server, "e.example", RecordType::Mx).await;
    let DnsOutcome::Unreachable { detail } = fact.outcome else { panic!("{fact:?}") };
    assert!(detail.starts_with(TRUNCATED_WITHOUT_TCP), "{detail}");
}

#[tokio::test]
async fn an_endless_tcp_stream_is_left_soon() {
    let server = Responder::start(|request| match request.over {
        Over::Udp => truncated(request),
        Over::Tcp => Reply::Endless(vec![0xff; 65_537]),
    })
    .await;
    let start = Instant::now();
    let fact = ask_within(&server, "e.example", RecordType::Mx, Duration::from_secs(20)).await;
    assert!(matches!(fact.outcome, DnsOutcome::Malformed { .. }), "{fact:?}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn silence_is_not_servfail_and_is_asked_three_times() {
    let server = Responder::start(|_| Reply::Nothing).await;
    let fact = ask(&server, "e.example", RecordType::Mx).await;
    assert_eq!(fact.outcome, DnsOutcome::Silence);
    assert_eq!(server.asked(), 3);
}

#[tokio::test]
async fn a_closed_port_is_unreachable_at_once() {
    let address = Responder::without_tcp(|_| Reply::Nothing).await.address;
    let client = DnsClient::new(Arc::new(NetworkGuard::default()));
    let start = Instant::now();
    let question = Question::new("e.example", RecordType::Mx);
    // (The responder is gone: its socket is closed as its task ends.)
    tokio::task::yield_now().await;
    let fact = client.ask(&question, &DnsServer::resolver(address), start + Duration::from_secs(20)).await;
    let DnsOutcome::Unreachable { detail } = fact.outcome else { panic!("{fact:?}") };
    assert!(detail.contains("refused"), "{detail}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_server_that_refuses_edns_is_asked_without() {
    for rcode in [WireRcode::FORMERR, WireRcode::NOTIMP] {
        let server = Responder::start(move |request| {
            if request.has_edns() {
                // Only a header, as old servers send it.
                let mut bytes = request.message.as_slice()[..12].to_vec();
                (bytes[2], bytes[3]) = (0x80, rcode.to_int());
                bytes[4..12].fill(0);
                return Reply::Messages(vec![bytes]);
            }
            mx(request, 1, "mx.example")
        })
        .await;
        let fact = ask(&server, "e.example", RecordType::Mx).await;
        let answer = answer_of(&fact);
        assert!(answer.only_without_edns && !answer.edns && answer.records.len() == 1, "{answer:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_silent_about_edns_is_asked_without() {
    let server =
        Responder::start(
            |request| {
                if request.has_edns() { Reply::Nothing } else { mx(request, 1, "mx.example") }
            },
        )
        .await;
    let fact = ask(&server, "e.example", RecordType::Mx).await;
    assert!(answer_of(&fact).only_without_edns);
    assert_eq!(server.asked(), 3);
}

#[tokio::test]
async fn a_server_that_answers_formerr_to_everything_says_so() {
    let server = Responder::start(|request| request.answer(WireRcode::FORMERR, |_| {})).await;
    let fact = ask(&server, "e.example", RecordType::Mx).await;
    let answer = answer_of(&fact);
    assert_eq!(answer.rcode, Rcode::FormErr);
    assert!(!answer.only_without_edns);
    assert_eq!(server.asked(), 2);
}

fn lower_case(request: &Request) -> Reply {
    let Reply::Messages(mut messages) = mx(request, 1, "mx.example") else { unreachable!() };
    messages[0][12..26].make_ascii_lowercase();
    Reply::Messages(messages)
}

#[tokio::test]
async fn a_name_in_another_case_is_checked_over_tcp_and_believed_without() {
    // Long enough that a random case is never all lower.
    let text = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz.example";
    let with_tcp = Responder::start(|request| match request.over {
        Over::Udp => lower_case(request),
        Over::Tcp => mx(request, 2, "mx.example"),
    })
    .await;
    assert_eq!(answer_of(&ask(&with_tcp, text, RecordType::Mx).await).transport, DnsTransport::Tcp);
    let without_tcp = Responder::without_tcp(lower_case).await;
    assert_eq!(answer_of(&ask(&without_tcp, text, RecordType::Mx).await).records.len(), 1);
}

#[tokio::test]
async fn special_use_addresses_are_asked_only_as_configured_resolvers() {
    let server = Responder::start(|request| mx(request, 1, "mx.example")).await;
    let client = DnsClient::new(Arc::new(NetworkGuard::default()));
    let question = Question::new("e.example", RecordType::Mx);
    for role in [ServerRole::Parent, ServerRole::Authority] {
        let at = DnsServer { address: server.address, name: None, role };
        let fact = client.ask(&question, &at, Instant::now() + PATIENCE).await;
        assert_eq!(fact.outcome, DnsOutcome::Forbidden);
    }
    assert_eq!(server.asked(), 0);
    ask(&server, "e.example", RecordType::Mx).await;
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn authorities_are_not_asked_to_recurse() {
    let server = Responder::start(|request| {
        assert!(!request.message.header().rd());
        mx(request, 1, "mx.example")
    })
    .await;
    let client = DnsClient::new(Arc::new(NetworkGuard::allowing(vec!["127.0.0.0/8".parse().unwrap()])));
    let at = DnsServer { address: server.address, name: None, role: ServerRole::Authority };
    let fact = client.ask(&Question::new("e.example", RecordType::Mx), &at, Instant::now() + PATIENCE).await;
    assert_eq!(answer_of(&fact).records.len(), 1);
}

#[tokio::test]
async fn checking_is_disabled_on_request() {
    let server = Responder::start(|request| match request.message.header().cd() {
        true => mx(request, 1, "mx.example"),
        false => request.answer(WireRcode::SERVFAIL, |_| {}),
    })
    .await;
    let client = DnsClient::new(Arc::new(NetworkGuard::default()));
    let question = Question { checking_disabled: true, ..Question::new("e.example", RecordType::Mx) };
    let fact = client.ask(&question, &DnsServer::resolver(server.address), Instant::now() + PATIENCE).await;
    assert!(fact.checking_disabled && answer_of(&fact).records.len() == 1);
}

#[tokio::test]
async fn shared_sockets_give_every_question_its_own_answer() {
    let server = Responder::start(|request| {
        let host = request.text();
        assert_eq!(request.rtype(), Rtype::A);
        let number: u8 = host.split('.').next().unwrap().parse().unwrap();
        request.answer(WireRcode::NOERROR, |answer| {
            answer.push((request.name(), IN, 60, A::from_octets(192, 0, 2, number))).unwrap();
        })
    })
    .await;
    let client = DnsClient::new(Arc::new(NetworkGuard::default()));
    let client = Arc::new(client.with_shared_sockets(server.address).await.unwrap());
    let at = DnsServer::resolver(server.address);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200u8 {
        let (client, at) = (Arc::clone(&client), at.clone());
        tasks.spawn(async move {
            let question = Question::new(format!("{number}.example"), RecordType::A);
            let fact = client.ask(&question, &at, Instant::now() + Duration::from_secs(10)).await;
            let address = [192, 0, 2, number].into();
            assert_eq!(answer_of(&fact).records[0].data, RecordData::A { address });
        });
    }
    tasks.join_all().await;
}
