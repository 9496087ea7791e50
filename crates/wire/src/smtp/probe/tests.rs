use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn client() -> ProbeClient {
    let name = HelloName::parse("probe.example.org").unwrap();
    ProbeClient::new(name, Timeouts::default(), 60 * SECOND, Duration::ZERO)
}

/// What is sent until nothing more is to be done.
fn said(client: &mut ProbeClient) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(action) = client.next_action() {
        all.push(match action {
            Action::Send(command) => command.to_string(),
            Action::StartTls => "(tls)".to_owned(),
            Action::Close => "(close)".to_owned(),
        });
    }
    all
}

/// Hears one reply after the other; gives what is said after each.
fn talk(client: &mut ProbeClient, replies: &[&str]) -> Vec<String> {
    replies
        .iter()
        .flat_map(|reply| {
            client.receive(reply.as_bytes(), SECOND);
            said(client)
        })
        .collect()
}

#[test]
fn a_good_server_is_asked_for_its_capabilities_and_left() {
    let mut client = client();
    let said = talk(
        &mut client,
        &["220 mx.example ESMTP\r\n", "250-mx.example\r\n250 SIZE 1000\r\n", "221 bye\r\n"],
    );
    assert_eq!(said, ["EHLO probe.example.org", "QUIT", "(close)"]);
    let heard = client.into_conversation();
    assert_eq!(heard.end, Some(End::Done));
    assert_eq!(heard.starttls, StartTlsOutcome::NotOffered);
    assert_eq!(heard.capabilities.iter().collect::<Vec<_>>(), ["SIZE 1000"]);
    assert_eq!(heard.greeting_at, Some(SECOND));
}

#[test]
fn nothing_is_said_before_the_last_line_of_the_greeting() {
    let mut client = client();
    assert!(talk(&mut client, &["220-wait\r\n", "220-wait\r\n", "220 mx.exam"]).is_empty());
    assert_eq!(talk(&mut client, &["ple\r\n"]), ["EHLO probe.example.org"]);
}

#[test]
fn a_server_that_knows_no_ehlo_is_greeted_with_helo() {
    let mut client = client();
    let said = talk(&mut client, &["220 old\r\n", "500 what?\r\n", "250 hello\r\n", "221 bye\r\n"]);
    assert_eq!(said, ["EHLO probe.example.org", "HELO probe.example.org", "QUIT", "(close)"]);
    assert_eq!(client.conversation().hello.as_ref().unwrap().code, 250);
}

#[test]
fn a_server_that_defers_ehlo_is_left() {
    let mut client = client();
    let said = talk(&mut client, &["220 mx\r\n", "421 too busy\r\n"]);
    assert_eq!(said, ["EHLO probe.example.org", "QUIT"]);
    assert_eq!(client.conversation().starttls, StartTlsOutcome::NotReached);
}

#[test]
fn a_greeting_that_refuses_is_kept_and_no_ehlo_is_said() {
    for greeting in ["421 later\r\n", "554 no\r\n", "521 no mail here\r\n", "354 what\r\n"] {
        let mut client = client();
        assert_eq!(talk(&mut client, &[greeting]), ["QUIT"]);
        client.closed(SECOND);
        assert_eq!(client.conversation().end, Some(End::Done));
    }
}

#[test]
fn capabilities_from_before_tls_are_forgotten() {
    let mut client = client();
    let said =
        talk(&mut client, &["220 mx\r\n", "250-mx\r\n250-AUTH LOGIN\r\n250 STARTTLS\r\n", "220 go\r\n"]);
    assert_eq!(said, ["EHLO probe.example.org", "STARTTLS", "(tls)"]);
    client.tls_established("TLSv1.3", SECOND);
    let after = talk(&mut client, &["250-mx\r\n250 SIZE\r\n", "221 bye\r\n"]);
    assert_eq!(after, ["EHLO probe.example.org", "QUIT", "(close)"]);
    let heard = client.into_conversation();
    assert_eq!(heard.starttls, StartTlsOutcome::Established);
    assert_eq!(heard.capabilities.iter().collect::<Vec<_>>(), ["SIZE"]);
}

#[test]
fn replies_injected_before_the_handshake_are_not_read() {
    let mut client = client();
    talk(
        &mut client,
        &["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n250-evil\r\n250 EVIL\r\n", "250 x\r\n"],
    );
    client.tls_established("TLSv1.3", SECOND);
    talk(&mut client, &["250-mx\r\n250 GOOD\r\n"]);
    let heard = client.into_conversation();
    assert_eq!(heard.discarded_bytes, "250-evil\r\n250 EVIL\r\n250 x\r\n".len());
    assert_eq!(heard.capabilities.iter().collect::<Vec<_>>(), ["GOOD"]);
}

#[test]
fn a_refused_starttls_and_a_failed_handshake_are_told_apart() {
    let upto = ["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n"];
    let mut refused = client();
    talk(&mut refused, &upto);
    assert_eq!(talk(&mut refused, &["454 not now\r\n"]), ["QUIT"]);
    assert!(matches!(&refused.conversation().starttls, StartTlsOutcome::Refused(reply) if reply.code == 454));

    let mut failed = client();
    talk(&mut failed, &upto);
    talk(&mut failed, &["220 go\r\n"]);
    failed.tls_failed("garbage", SECOND);
    assert_eq!(said(&mut failed), ["(close)"]);
    assert_eq!(failed.conversation().starttls, StartTlsOutcome::Failed { detail: "garbage".to_owned() });
}

#[test]
fn one_byte_at_a_time_does_not_move_the_deadline() {
    let mut client = client();
    assert_eq!(client.deadline(), Some(GREETING_MAX));
    for second in 1..30 {
        client.receive(b"x", second * SECOND);
        client.tick(second * SECOND);
        assert_eq!(client.deadline(), Some(GREETING_MAX));
    }
    client.tick(GREETING_MAX);
    assert_eq!(
        client.conversation().end,
        Some(End::TimedOut { waiting_for: Step::Greeting, waited: GREETING_MAX })
    );
    assert_eq!(client.conversation().unfinished.as_deref(), Some("x".repeat(29).as_str()));
    assert_eq!(client.deadline(), None);
}

#[test]
fn the_limit_of_the_whole_attempt_cuts_every_step() {
    let name = HelloName::parse("probe.example.org").unwrap();
    let mut client = ProbeClient::new(name, Timeouts::default(), 3 * SECOND, SECOND);
    assert_eq!(client.deadline(), Some(3 * SECOND));
    client.tick(3 * SECOND);
    assert_eq!(said(&mut client), ["(close)"]);
}

#[test]
fn a_close_is_named_by_what_was_waited_for() {
    let replies = ["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n"];
    for (count, step) in [(0, Step::Greeting), (1, Step::Ehlo), (2, Step::StartTls), (3, Step::Handshake)] {
        let mut client = client();
        talk(&mut client, &replies[..count]);
        client.closed(SECOND);
        assert_eq!(client.conversation().end, Some(End::Closed { waiting_for: step }));
    }
}

#[test]
fn a_server_that_talks_without_end_is_left() {
    let mut greeting = client();
    greeting.receive(&b"220-more\r\n".repeat(100_000), SECOND);
    assert!(matches!(greeting.conversation().end, Some(End::Broken { error: ReplyError::TooManyLines, .. })));

    let mut capabilities = client();
    talk(&mut capabilities, &["220 mx\r\n"]);
    capabilities.receive(&b"250-X-CAPABILITY\r\n".repeat(10_000), SECOND);
    assert!(matches!(
        capabilities.conversation().end,
        Some(End::Broken { waiting_for: Step::Ehlo, error: ReplyError::TooManyLines })
    ));
    assert!(capabilities.conversation().transcript.entries().len() < 100);
}

/// Lets a client hear all bytes in pieces of these sizes, first in the clear, then (if it comes to that) within TLS.
fn hear(clear: &[u8], within: &[u8], pieces: &[usize]) -> (Vec<String>, Conversation) {
    let mut client = client();
    let mut actions = Vec::new();
    for (bytes, encrypted) in [(clear, false), (within, true)] {
        if encrypted {
            client.tls_established("", SECOND);
        }
        let mut rest = bytes;
        let mut sizes = pieces.iter().copied().cycle();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(sizes.next().unwrap_or(rest.len()).clamp(1, rest.len()));
            client.receive(now, SECOND);
            actions.extend(said(&mut client));
            rest = later;
        }
    }
    client.closed(SECOND);
    actions.extend(said(&mut client));
    (actions, client.into_conversation())
}

/// Bytes that often look like SMTP.
fn speech() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(b"220 mx\r\n".to_vec()),
        Just(b"250-mx\r\n".to_vec()),
        Just(b"250-STARTTLS\r\n".to_vec()),
        Just(b"250 SIZE 1\n".to_vec()),
        Just(b"421 later\r\n".to_vec()),
        Just(b"500 no\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"2".to_vec()),
        Just(vec![b'x'; 5000]),
        vec(any::<u8>(), 0..20),
    ];
    vec(word, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn pieces_do_not_change_what_is_heard(
        clear in speech(), within in speech(), pieces in vec(1_usize..50, 1..20)
    ) {
        let whole = hear(&clear, &within, &[usize::MAX]);
        prop_assert_eq!(hear(&clear, &within, &pieces), whole);
    }

    #[test]
    fn any_bytes_end_in_an_outcome_and_only_harmless_commands_are_sent(bytes in speech(), within in speech()) {
        let (actions, heard) = hear(&bytes, &within, &[7]);
        prop_assert!(heard.end.is_some());
        prop_assert_eq!(actions.iter().filter(|a| *a == "(close)").count(), 1);
        for action in actions {
            let verb = action.split(' ').next().unwrap_or_default();
            prop_assert!(["EHLO", "HELO", "STARTTLS", "QUIT", "(tls)", "(close)"].contains(&verb), "{}", action);
        }
    }
}
