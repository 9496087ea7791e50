//! Probes of real servers on loopback, good, odd and hostile: each ends in time, with the right state, and says nothing but
//! EHLO, HELO, STARTTLS and QUIT (which [`Server::finish`] holds against every byte that came).

#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use abprall_route::{
    AddressState, ChainVerdict, DaneState, NetworkGuard, Politeness, PolitenessConfig, ProbeTarget, Prober,
    ProberConfig, RecordData, SmtpFact, TlsFact, TlsaSet,
};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;

#[path = "probe/server.rs"]
mod server;

use server::{Peer, Server, self_signed};

const GREETING: &str = "220 mx.example ESMTP\r\n";
const OFFERS_TLS: &str = "250-mx.example\r\n250-SIZE 1000\r\n250 STARTTLS\r\n";

fn prober_with(interval: Duration) -> Prober {
    let guard = NetworkGuard::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
    let gate = Politeness::new(PolitenessConfig { interval, ..PolitenessConfig::default() });
    let config = ProberConfig { ehlo_name: Some("probe.example.org".to_owned()), ..ProberConfig::default() };
    Prober::new(config, Arc::new(guard), Arc::new(gate)).unwrap()
}

fn target(server: &Server, host: &str) -> ProbeTarget {
    ProbeTarget {
        host: host.to_owned(),
        address: server.ip(),
        port: server.address.port(),
        tlsa: TlsaSet::None,
    }
}

fn within(time: Duration) -> Instant {
    Instant::now() + time
}

/// Probes a server that should need no waiting.
async fn probe(server: &Server) -> SmtpFact {
    let begun = Instant::now();
    let fact = probe_until(server, Duration::from_secs(20)).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "took {:?}", begun.elapsed());
    fact
}

/// Probes with a deadline that must be kept.
async fn probe_until(server: &Server, deadline: Duration) -> SmtpFact {
    let begun = Instant::now();
    let target = target(server, "mx.example");
    let (_, took_ms, fact) = prober_with(Duration::ZERO).probe(&target, begun + deadline).await;
    let slack = Duration::from_secs(2);
    assert!(Duration::from_millis(took_ms) <= deadline + slack, "took {took_ms} ms");
    assert!(fact.transcript.len() <= 201, "the transcript is bounded");
    fact
}

fn detail(fact: &SmtpFact) -> &str {
    fact.detail.as_deref().unwrap_or_default()
}

async fn polite_without_tls(mut peer: Peer<TcpStream>) {
    peer.say(GREETING).await;
    peer.answer(&["250-mx.example\r\n250 SIZE 1000\r\n", "221 bye\r\n"]).await;
    peer.listen().await;
}

#[tokio::test]
async fn a_good_server_without_tls_is_ok() {
    let server = Server::start(polite_without_tls).await;
    let fact = probe(&server).await;
    assert_eq!((fact.state, &fact.tls, &fact.detail), (AddressState::Ok, &TlsFact::NotOffered, &None));
    assert_eq!(fact.greeting.unwrap().code, 220);
    assert_eq!(fact.capabilities, ["SIZE 1000"]);
    assert!(fact.connect_ms.is_some() && fact.greeting_ms.is_some());
    assert_eq!(server.finish().await.lines, ["EHLO probe.example.org", "QUIT"]);
}

#[tokio::test]
async fn a_good_server_with_tls_shows_its_certificate() {
    let (acceptor, certificate) = self_signed(&["mx.example"]);
    let server = Server::start(move |mut peer| {
        let acceptor = acceptor.clone();
        async move {
            peer.say(GREETING).await;
            peer.answer(&[OFFERS_TLS, "220 go\r\n"]).await;
            let mut peer = peer.encrypt(&acceptor).await.unwrap();
            peer.answer(&["250-mx.example\r\n250 AUTH PLAIN\r\n", "221 bye\r\n"]).await;
            peer.listen().await;
        }
    })
    .await;
    let digest: String = Sha256::digest(&certificate).iter().map(|byte| format!("{byte:02x}")).collect();
    let record = RecordData::Tlsa { usage: 3, selector: 0, matching: 1, data: digest };
    let target = ProbeTarget { tlsa: TlsaSet::Secure(vec![record]), ..target(&server, "mx.example") };
    let (_, _, fact) = prober_with(Duration::ZERO).probe(&target, within(Duration::from_secs(20))).await;

    assert_eq!(fact.state, AddressState::Ok);
    assert_eq!(fact.capabilities, ["AUTH PLAIN"], "those from before TLS are forgotten");
    let TlsFact::Established { version, certificate, dane, .. } = fact.tls else { panic!("{:?}", fact.tls) };
    assert_eq!((version.as_str(), dane), ("TLSv1.3", DaneState::Match));
    assert_eq!(certificate.names, ["mx.example"]);
    assert!(certificate.name_matches);
    assert_eq!(certificate.chain, ChainVerdict::UnknownIssuer);
    let lines = server.finish().await.lines;
    assert_eq!(lines, ["EHLO probe.example.org", "STARTTLS", "EHLO probe.example.org", "QUIT"]);
}

#[tokio::test]
async fn a_server_that_knows_only_helo_is_ok() {
    let server = Server::start(|mut peer| async move {
        peer.say("220 old\r\n").await;
        peer.answer(&["502 what?\r\n", "250 hello\r\n", "221 bye\r\n"]).await;
        peer.listen().await;
    })
    .await;
    let fact = probe(&server).await;
    assert_eq!((fact.state, fact.tls), (AddressState::Ok, TlsFact::NotOffered));
    let lines = server.finish().await.lines;
    assert_eq!(lines, ["EHLO probe.example.org", "HELO probe.example.org", "QUIT"]);
}

#[tokio::test]
async fn greetings_that_refuse_are_told_apart() {
    for (greeting, state) in [
        ("421 4.3.2 too busy\r\n", AddressState::Greeting4xx),
        ("450-come\r\n450 later\r\n", AddressState::Greeting4xx),
        ("554 5.7.1 go away\r\n", AddressState::Greeting5xx),
        ("521 no mail here\r\n", AddressState::Greeting5xx),
    ] {
        let server = Server::start(move |mut peer| async move {
            peer.say(greeting).await;
            peer.answer(&["221 bye\r\n"]).await;
            peer.listen().await;
        })
        .await;
        let fact = probe(&server).await;
        assert_eq!(fact.state, state, "{greeting}");
        assert_eq!(fact.tls, TlsFact::NotTried);
        assert!(detail(&fact).starts_with(&greeting[..3]), "{fact:?}");
        assert_eq!(server.finish().await.lines, ["QUIT"]);
    }
}

#[tokio::test]
async fn a_server_that_rejects_ehlo_and_helo_says_so() {
    let server = Server::start(|mut peer| async move {
        peer.say(GREETING).await;
        peer.answer(&["550 5.7.1 no\r\n", "550 5.7.1 never\r\n", "221 bye\r\n"]).await;
        peer.listen().await;
    })
    .await;
    let fact = probe(&server).await;
    assert_eq!((fact.state, detail(&fact)), (AddressState::EhloRejected, "550 5.7.1 never"));
    server.finish().await;
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_refused() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let target = ProbeTarget {
        host: "mx.example".to_owned(),
        address: Ipv4Addr::LOCALHOST.into(),
        port,
        tlsa: TlsaSet::None,
    };
    let (_, _, fact) = prober_with(Duration::ZERO).probe(&target, within(Duration::from_secs(20))).await;
    assert_eq!(fact.state, AddressState::Refused);
    assert!(fact.detail.is_some() && fact.connect_ms.is_none());
}

#[tokio::test]
async fn a_connection_attempt_without_answer_times_out() {
    let silent = Silent::start().await;
    let address = silent.listener.local_addr().unwrap();
    let target = ProbeTarget {
        host: "mx.example".to_owned(),
        address: address.ip(),
        port: address.port(),
        tlsa: TlsaSet::None,
    };
    let (_, took_ms, fact) =
        prober_with(Duration::ZERO).probe(&target, within(Duration::from_millis(400))).await;
    assert_eq!(fact.state, AddressState::Timeout);
    assert!((390..2000).contains(&took_ms), "{took_ms} ms");
}

#[tokio::test]
async fn silent_addresses_do_not_keep_their_neighbour_from_being_probed() {
    let silent = [Silent::start().await, Silent::start().await];
    let server = Server::start_at(Ipv4Addr::new(127, 0, 0, 7), polite_without_tls).await;
    let prober = prober_with(Duration::ZERO);
    let [first, second] = [0, 1].map(|index| {
        let address = silent[index].listener.local_addr().unwrap();
        ProbeTarget {
            host: format!("mx{index}.example.com"),
            address: address.ip(),
            port: address.port(),
            tlsa: TlsaSet::None,
        }
    });
    let third = target(&server, "mx9.example.com");
    let deadline = within(Duration::from_secs(4));
    // In this order: the silent ones take both places of the provider.
    let (first, second, third) = tokio::join!(
        prober.probe(&first, deadline),
        prober.probe(&second, deadline),
        prober.probe(&third, deadline)
    );
    let states = [first.2.state, second.2.state, third.2.state];
    assert_eq!(states, [AddressState::Timeout, AddressState::Timeout, AddressState::Ok]);
    server.finish().await;
}

/// A port that answers no connection attempt: the queue of its listener is full, so that the system drops them.
struct Silent {
    listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Silent {
    async fn start() -> Self {
        static HOST: AtomicU8 = AtomicU8::new(100);
        let socket = TcpSocket::new_v4().unwrap();
        let host = HOST.fetch_add(1, Ordering::SeqCst);
        socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(Ok(stream)) =
            tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
        {
            queued.push(stream);
        }
        Self { listener, _queued: queued }
    }
}

#[tokio::test]
async fn a_special_use_address_gets_no_packet() {
    let server = Server::start(polite_without_tls).await;
    let prober =
        Prober::new(ProberConfig::default(), Arc::new(NetworkGuard::default()), Arc::default()).unwrap();
    let (_, _, fact) = prober.probe(&target(&server, "mx.example"), within(Duration::from_secs(20))).await;
    assert_eq!(fact.state, AddressState::Forbidden);
    assert!(detail(&fact).contains("loopback"), "{fact:?}");
    assert_eq!(server.finish().await.connections, 0);
}

#[tokio::test]
async fn a_close_at_each_step_is_told_apart() {
    let replies = [GREETING, OFFERS_TLS, "220 go\r\n"];
    for (count, state, words) in [
        (0, AddressState::Closed, "before a whole greeting"),
        (1, AddressState::EhloRejected, "EHLO"),
        (2, AddressState::Ok, "STARTTLS"),
        (3, AddressState::Ok, ""),
    ] {
        let server = Server::start(move |mut peer| async move {
            for (index, reply) in replies[..count].iter().enumerate() {
                if index > 0 {
                    peer.hear().await;
                }
                peer.say(reply).await;
            }
            if count > 0 && count < 3 {
                peer.hear().await;
            }
        })
        .await;
        let fact = probe(&server).await;
        assert_eq!(fact.state, state, "closed after {count} replies: {fact:?}");
        assert!(detail(&fact).contains(words), "{fact:?}");
        assert_eq!(matches!(fact.tls, TlsFact::Failed { .. }), count >= 2, "{fact:?}");
        server.finish().await;
    }
}

#[tokio::test]
async fn a_half_greeting_before_a_close_is_kept() {
    let server = Server::start(|mut peer| async move {
        peer.say("220-you are\r\n220-not wel").await;
    })
    .await;
    let fact = probe(&server).await;
    assert_eq!(fact.state, AddressState::Closed);
    assert!(detail(&fact).contains("you are / 220-not wel"), "{fact:?}");
    server.finish().await;
}

#[tokio::test]
async fn what_is_no_mail_server_is_said_at_once() {
    for banner in ["SSH-2.0-OpenSSH_9.2\r\n", "\0\x01\x02garbage\n", "HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let server = Server::start(move |mut peer| async move {
            peer.say(banner).await;
            peer.listen().await;
        })
        .await;
        let fact = probe(&server).await;
        assert_eq!(fact.state, AddressState::EhloRejected);
        assert!(detail(&fact).contains("no SMTP reply"), "{fact:?}");
        assert!(server.finish().await.lines.is_empty());
    }
}

#[tokio::test]
async fn an_endless_greeting_is_given_up() {
    let server = Server::start(|mut peer| async move {
        while peer.say("220-please hold the line\r\n".repeat(100)).await {}
        peer.listen().await;
    })
    .await;
    let fact = probe(&server).await;
    assert_eq!(fact.state, AddressState::GreetingTimeout);
    assert!(detail(&fact).contains("more than 512 lines"), "{fact:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_line_of_a_gibibyte_is_given_up_after_a_few_kibibytes() {
    let server = Server::start(|mut peer| async move {
        let piece = vec![b'x'; 64 * 1024];
        peer.say("220 ").await;
        for _ in 0..16 * 1024 {
            if !peer.say(&piece).await {
                break;
            }
        }
        peer.listen().await;
    })
    .await;
    let fact = probe(&server).await;
    assert_eq!(fact.state, AddressState::GreetingTimeout);
    assert!(detail(&fact).contains("more than 65536 bytes"), "{fact:?}");
    let kept: usize = fact.transcript.iter().map(|line| line.text.len()).sum();
    assert!(kept < 4096, "{kept} bytes in the transcript");
    // The rest fits the buffers of the system, or is never sent.
    assert!(server.finish().await.sent < 64 * 1024 * 1024);
}

#[tokio::test]
async fn ten_thousand_capabilities_are_given_up() {
    let server = Server::start(|mut peer| async move {
        peer.say(GREETING).await;
        peer.hear().await;
        peer.say("250-X-MORE\r\n".repeat(10_000)).await;
        peer.listen().await;
    })
    .await;
    let fact = probe(&server).await;
    assert_eq!(fact.state, AddressState::EhloRejected);
    assert!(detail(&fact).contains("more than 512 lines"), "{fact:?}");
    assert!(fact.capabilities.is_empty());
    server.finish().await;
}

#[tokio::test]
async fn one_byte_at_a_time_does_not_outlast_the_deadline() {
    let server = Server::start(|mut peer| async move {
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        while peer.say("2").await {
            pace.tick().await;
        }
        peer.listen().await;
    })
    .await;
    let fact = probe_until(&server, Duration::from_millis(600)).await;
    assert_eq!(fact.state, AddressState::GreetingTimeout);
    assert!(detail(&fact).contains("our own time was over"), "{fact:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_tarpit_is_a_greeting_timeout_and_nothing_is_said_early() {
    for words in ["", "220-wait\r\n"] {
        let server = Server::start(move |mut peer| async move {
            peer.say(words).await;
            peer.listen().await;
        })
        .await;
        let fact = probe_until(&server, Duration::from_millis(400)).await;
        assert_eq!(fact.state, AddressState::GreetingTimeout);
        assert!(fact.connect_ms.is_some() && fact.greeting_ms.is_none());
        assert!(server.finish().await.lines.is_empty(), "EHLO before the whole greeting");
    }
}

#[tokio::test]
async fn a_server_that_is_silent_after_ehlo_rejects_it() {
    let server = Server::start(|mut peer| async move {
        peer.say(GREETING).await;
        peer.listen().await;
    })
    .await;
    let fact = probe_until(&server, Duration::from_millis(400)).await;
    assert_eq!(fact.state, AddressState::EhloRejected);
    assert!(detail(&fact).contains("no whole answer to EHLO"), "{fact:?}");
    assert_eq!(server.finish().await.lines, ["EHLO probe.example.org"]);
}

/// Offers TLS and answers the handshake with these bytes, again and again if asked to.
async fn with_handshake(bytes: Vec<u8>, again: bool) -> Server {
    Server::start(move |mut peer| {
        let bytes = bytes.clone();
        async move {
            peer.say(GREETING).await;
            peer.answer(&[OFFERS_TLS, "220 go\r\n"]).await;
            while peer.say(&bytes).await && again {}
            // What comes now is TLS, or nothing.
            let _rest = tokio::io::copy(&mut peer.stream, &mut tokio::io::sink()).await;
        }
    })
    .await
}

#[tokio::test]
async fn garbage_instead_of_a_handshake_fails_tls_and_nothing_else() {
    let huge_record = [&[0x16, 3, 3, 0x40, 0, 2, 0xff, 0xff, 0xff][..], &[7; 16 * 1024]].concat();
    for (bytes, again) in
        [(b"\xde\xad\xbe\xef".repeat(16 * 1024), false), (vec![b'x'; 65_536], true), (huge_record, true)]
    {
        let server = with_handshake(bytes, again).await;
        let fact = probe(&server).await;
        assert_eq!(fact.state, AddressState::Ok);
        assert!(matches!(fact.tls, TlsFact::Failed { .. }), "{fact:?}");
        server.finish().await;
    }
}

#[tokio::test]
async fn a_server_with_an_older_tls_has_no_common_protocol() {
    let alert = vec![0x15, 3, 1, 0, 2, 2, 70];
    let server = with_handshake(alert, false).await;
    let fact = probe(&server).await;
    let TlsFact::Failed { detail } = fact.tls else { panic!("{fact:?}") };
    assert!(detail.starts_with("no common protocol"), "{detail}");
    server.finish().await;
}

#[tokio::test]
async fn a_handshake_without_answer_ends_at_the_deadline() {
    let server = with_handshake(Vec::new(), false).await;
    let fact = probe_until(&server, Duration::from_millis(500)).await;
    assert_eq!(fact.state, AddressState::Ok);
    assert!(matches!(&fact.tls, TlsFact::Failed { detail } if detail.contains("TLS handshake")), "{fact:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_refused_starttls_leaves_the_server_ok() {
    let server = Server::start(|mut peer| async move {
        peer.say(GREETING).await;
        peer.answer(&[OFFERS_TLS, "454 4.7.0 not now\r\n", "221 bye\r\n"]).await;
        peer.listen().await;
    })
    .await;
    let fact = probe(&server).await;
    assert_eq!(fact.state, AddressState::Ok);
    assert!(matches!(&fact.tls, TlsFact::Failed { detail } if detail.contains("454 4.7.0")), "{fact:?}");
    server.finish().await;
}

#[tokio::test]
async fn replies_injected_before_the_handshake_are_never_believed() {
    let (acceptor, _) = self_signed(&["mx.example"]);
    let server = Server::start(move |mut peer| {
        let acceptor = acceptor.clone();
        async move {
            peer.say(GREETING).await;
            peer.answer(&[OFFERS_TLS, "220 go\r\n250-evil\r\n250 EVIL\r\n"]).await;
            let mut peer = peer.encrypt(&acceptor).await.unwrap();
            peer.answer(&["250-mx.example\r\n250 GOOD\r\n", "221 bye\r\n"]).await;
            peer.listen().await;
        }
    })
    .await;
    let fact = probe(&server).await;
    assert_eq!((fact.state, fact.capabilities), (AddressState::Ok, vec!["GOOD".to_owned()]));
    assert!(fact.transcript.iter().any(|line| line.text.contains("in the clear after STARTTLS")));
    server.finish().await;
}

#[tokio::test]
async fn an_address_that_many_domains_share_is_probed_once() {
    let server = Server::start(polite_without_tls).await;
    let prober = Arc::new(prober_with(Duration::from_secs(300)));
    let probes = (0..20).map(|index| {
        let (prober, target) = (Arc::clone(&prober), target(&server, &format!("mx.domain{index}.example")));
        tokio::spawn(async move { prober.probe(&target, within(Duration::from_secs(20))).await })
    });
    let mut times = Vec::new();
    let mut remembered = 0;
    for (index, probe) in probes.collect::<Vec<_>>().into_iter().enumerate() {
        let (at, _, fact) = probe.await.unwrap();
        assert_eq!((fact.state, fact.host), (AddressState::Ok, format!("mx.domain{index}.example")));
        remembered += usize::from(fact.from_cache);
        times.push(at);
    }
    assert_eq!(remembered, 19);
    assert!(times.iter().all(|at| *at == times[0]), "a remembered observation keeps its own time");
    assert_eq!(server.finish().await.connections, 1);
}

#[tokio::test]
async fn a_remembered_certificate_is_judged_anew_for_each_host() {
    let (acceptor, _) = self_signed(&["mx.one.example", "*.two.example"]);
    let server = Server::start(move |mut peer| {
        let acceptor = acceptor.clone();
        async move {
            peer.say(GREETING).await;
            peer.answer(&[OFFERS_TLS, "220 go\r\n"]).await;
            let Some(mut peer) = peer.encrypt(&acceptor).await else { return };
            peer.answer(&["250 mx\r\n", "221 bye\r\n"]).await;
            peer.listen().await;
        }
    })
    .await;
    let prober = prober_with(Duration::from_secs(300));
    let mut seen = Vec::new();
    let hosts = ["mx.one.example", "mx.two.example", "mx.three.example", "mx.three.example"];
    for host in hosts {
        let (_, _, fact) = prober.probe(&target(&server, host), within(Duration::from_secs(20))).await;
        let TlsFact::Established { certificate, .. } = fact.tls else { panic!("{fact:?}") };
        seen.push((fact.from_cache, certificate.name_matches));
    }
    // The third name might have had a certificate of its own (SNI), so the server is asked again.
    assert_eq!(seen, [(false, true), (true, true), (false, false), (true, false)]);
    for index in 0..10 {
        prober.probe(&target(&server, &format!("mx.{index}.example")), within(Duration::from_secs(20))).await;
    }
    assert_eq!(server.finish().await.connections, 4, "but not for every name");
}

#[tokio::test]
async fn a_provider_that_refuses_again_and_again_is_left_alone() {
    let prober = prober_with(Duration::ZERO);
    let server = Server::start(|mut peer| async move {
        peer.say("554 5.7.1 blocked\r\n").await;
        peer.answer(&["221 bye\r\n"]).await;
        peer.listen().await;
    })
    .await;
    let mut states = Vec::new();
    for index in 0..5 {
        let target = target(&server, &format!("mx{index}.example.com"));
        states.push(prober.probe(&target, within(Duration::from_secs(20))).await.2.state);
    }
    let refused = AddressState::Greeting5xx;
    assert_eq!(states, [refused, refused, refused, AddressState::NotProbed, AddressState::NotProbed]);
    assert_eq!(server.finish().await.connections, 3);
}

#[tokio::test]
async fn a_probe_that_finds_no_place_before_its_deadline_is_not_made() {
    let server = Server::start(Peer::listen).await;
    let prober = Arc::new(prober_with(Duration::ZERO));
    let both = [Duration::from_millis(800), Duration::from_millis(300)].map(|deadline| {
        let (prober, target) = (Arc::clone(&prober), target(&server, "mx.example"));
        tokio::spawn(async move { prober.probe(&target, within(deadline)).await.2 })
    });
    let [first, second] = both;
    let states = [first.await.unwrap().state, second.await.unwrap().state];
    assert!(states.contains(&AddressState::GreetingTimeout), "{states:?}");
    assert!(states.contains(&AddressState::NotProbed), "{states:?}");
    assert_eq!(server.finish().await.connections, 1);
}
