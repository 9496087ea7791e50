use proptest::collection::vec;
use proptest::prelude::*;

use std::mem;

use super::*;
use crate::limits::{POP3_CAPABILITIES_MAX, POP3_UNIQUE_ID_BYTES_MAX};
use crate::pop3::Secret;

const SECOND: Duration = Duration::from_secs(1);

fn secret(text: &str) -> Secret {
    Secret::parse(text).unwrap()
}

fn password() -> Credentials {
    Credentials::Password { user: secret("user"), password: secret("pass") }
}

fn client(credentials: Credentials, tls: Pop3Tls) -> Pop3Client {
    let limits = Pop3Limits { messages: 3, message_bytes: 100 };
    Pop3Client::new(credentials, tls, limits, Pop3Timeouts::default(), Duration::ZERO)
}

fn actions(client: &mut Pop3Client) -> Vec<Pop3Action> {
    std::iter::from_fn(|| client.next_action()).collect()
}

/// What is sent, in a row.
fn sent(actions: &[Pop3Action]) -> String {
    let texts = actions.iter().filter_map(|action| match action {
        Pop3Action::Send(bytes) => Some(std::str::from_utf8(bytes).unwrap()),
        Pop3Action::StartTls => Some("(tls)"),
        Pop3Action::Listed(_)
        | Pop3Action::Body(_)
        | Pop3Action::Retrieved { .. }
        | Pop3Action::NotRetrieved { .. }
        | Pop3Action::Marked { .. }
        | Pop3Action::NotMarked { .. }
        | Pop3Action::Deleted
        | Pop3Action::Failed(_)
        | Pop3Action::Close => None,
    });
    texts.collect::<String>().replace("\r\n", "|")
}

fn say(client: &mut Pop3Client, text: &str) -> Vec<Pop3Action> {
    client.receive(text.as_bytes(), SECOND);
    actions(client)
}

/// A client that is logged in at a mailbox of two messages.
fn ready() -> Pop3Client {
    let mut client = client(password(), Pop3Tls::Immediate);
    say(
        &mut client,
        "+OK\r\n+OK\r\n.\r\n+OK\r\n+OK\r\n+OK\r\n1 10\r\n2 20\r\n.\r\n+OK\r\n1 a\r\n2 b\r\n.\r\n",
    );
    assert!(client.is_ready());
    client
}

#[test]
fn a_mailbox_is_listed_fetched_and_emptied() {
    let mut client = client(password(), Pop3Tls::Immediate);
    assert_eq!(sent(&say(&mut client, "+OK Dovecot ready.\r\n")), "CAPA|");
    assert_eq!(sent(&say(&mut client, "+OK\r\nUIDL\r\nSASL PLAIN\r\n.\r\n")), "USER user|");
    assert_eq!(client.capabilities(), ["UIDL", "SASL PLAIN"]);
    assert_eq!(sent(&say(&mut client, "+OK\r\n")), "PASS pass|");
    assert_eq!(sent(&say(&mut client, "+OK Logged in.\r\n")), "LIST|");
    assert_eq!(sent(&say(&mut client, "+OK 2 messages:\r\n1 10\r\n2 2000\r\n.\r\n")), "UIDL|");
    let listed = say(&mut client, "+OK\r\n1 000a\r\n2 b c\r\n.\r\n");
    let message = |number, bytes, id: &str| Pop3Message { number, bytes, unique_id: Some(id.into()) };
    assert_eq!(listed, [Pop3Action::Listed(vec![message(1, 10, "000a"), message(2, 2000, "b c")])]);

    client.retrieve(1, SECOND).unwrap();
    assert_eq!(client.delete(1, SECOND), Err(NotReady));
    assert_eq!(sent(&actions(&mut client)), "RETR 1|");
    let fetched = say(&mut client, "+OK 10 octets\r\na\r\n..b\r\n.\r\n");
    assert_eq!(
        fetched,
        [Pop3Action::Body(b"a\r\n.b\r\n".to_vec()), Pop3Action::Retrieved { number: 1, bytes: 7 }]
    );
    client.delete(1, SECOND).unwrap();
    assert_eq!(say(&mut client, "+OK Marked\r\n")[1..], [Pop3Action::Marked { number: 1 }]);
    client.retrieve(9, SECOND).unwrap();
    let reply = "no such message".to_owned();
    assert_eq!(
        say(&mut client, "-ERR no such message\r\n")[1..],
        [Pop3Action::NotRetrieved { number: 9, reply }]
    );
    client.quit(SECOND).unwrap();
    assert_eq!(say(&mut client, "+OK bye\r\n")[1..], [Pop3Action::Deleted, Pop3Action::Close]);
    assert_eq!(client.quit(SECOND), Err(NotReady));
}

#[test]
fn an_old_server_without_capa_and_uidl_is_used_too() {
    let mut client = client(password(), Pop3Tls::Never);
    say(&mut client, "+OK\r\n-ERR unknown\r\n+OK\r\n+OK\r\n+OK\r\n1 10\r\n.\r\n");
    let listed = say(&mut client, "-ERR unknown\r\n");
    assert_eq!(listed, [Pop3Action::Listed(vec![Pop3Message { number: 1, bytes: 10, unique_id: None }])]);
}

#[test]
fn no_password_is_said_before_tls() {
    let mut with = client(password(), Pop3Tls::StartTls);
    assert_eq!(sent(&say(&mut with, "+OK\r\n+OK\r\nSTLS\r\n.\r\n")), "CAPA|STLS|");
    assert_eq!(sent(&say(&mut with, "+OK go\r\n+OK injected\r\n.\r\n")), "(tls)");
    assert_eq!(with.discarded_bytes(), 17);
    with.tls_established(SECOND);
    assert_eq!(with.capabilities(), [""; 0]);
    assert_eq!(sent(&say(&mut with, "+OK\r\n.\r\n")), "CAPA|USER user|");

    for greeting in ["+OK\r\n+OK\r\nUIDL\r\n.\r\n", "+OK\r\n-ERR\r\n"] {
        let mut without = client(password(), Pop3Tls::StartTls);
        let actions = say(&mut without, greeting);
        assert_eq!(sent(&actions), "CAPA|");
        assert_eq!(actions[1..], [Pop3Action::Failed(Pop3Error::TlsNotOffered), Pop3Action::Close]);
    }
    let mut refused = client(password(), Pop3Tls::StartTls);
    let said = say(&mut refused, "+OK\r\n+OK\r\nSTLS\r\n.\r\n-ERR no\r\n+OK\r\n+OK\r\n");
    assert_eq!(sent(&said), "CAPA|STLS|");
    let mut failed = client(password(), Pop3Tls::StartTls);
    say(&mut failed, "+OK\r\n+OK\r\nSTLS\r\n.\r\n+OK\r\n");
    failed.tls_failed("certificate expired");
    let error = Pop3Error::TlsFailed("certificate expired".into());
    assert_eq!(actions(&mut failed), [Pop3Action::Failed(error), Pop3Action::Close]);
}

#[test]
fn a_token_is_said_when_the_server_asks_for_it() {
    let credentials = Credentials::XOauth2 { user: secret("u"), token: secret("t") };
    let mut good = client(credentials.clone(), Pop3Tls::Immediate);
    let said = sent(&say(&mut good, "+OK\r\n+OK\r\n.\r\n+ \r\n+OK\r\n"));
    assert_eq!(said, "CAPA|AUTH XOAUTH2|dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==|LIST|");

    let mut expired = client(credentials, Pop3Tls::Immediate);
    let actions =
        say(&mut expired, "+OK\r\n+OK\r\n.\r\n+ \r\n+ eyJzdGF0dXMiOiI0MDAifQ==\r\n-ERR [AUTH] expired\r\n");
    assert_eq!(sent(&actions), "CAPA|AUTH XOAUTH2|dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==||");
    let error = Pop3Error::Refused { step: Pop3Step::Login, reply: "[AUTH] expired".into() };
    assert_eq!(actions[actions.len() - 2..], [Pop3Action::Failed(error), Pop3Action::Close]);
}

#[test]
fn a_refused_login_says_why_without_the_password() {
    let mut client = client(password(), Pop3Tls::Never);
    let actions = say(&mut client, "+OK\r\n-ERR\r\n+OK\r\n-ERR [IN-USE] locked\x1b[2J\r\n");
    let Some(Pop3Action::Failed(error)) = actions.iter().rev().nth(1) else { panic!("{actions:?}") };
    assert_eq!(error.to_string(), "the POP3 server refuses (login): [IN-USE] locked\u{fffd}[2J");
    assert!(!format!("{client:?}").contains("pass\""));
}

#[test]
fn a_server_that_says_too_much_is_left() {
    let last = |client: &mut Pop3Client| actions(client).into_iter().rev().nth(1);
    let too_much = |waiting_for| Some(Pop3Action::Failed(Pop3Error::TooMuch { waiting_for }));

    let mut greeting = client(password(), Pop3Tls::Never);
    greeting.receive(&vec![b'+'; POP3_LINE_BYTES_MAX + 1], SECOND);
    assert_eq!(last(&mut greeting), too_much(Pop3Step::Greeting));

    let mut capabilities = client(password(), Pop3Tls::Never);
    let text = format!("+OK\r\n+OK\r\n{}", "X\r\n".repeat(POP3_CAPABILITIES_MAX + 1));
    capabilities.receive(text.as_bytes(), SECOND);
    assert_eq!(last(&mut capabilities), too_much(Pop3Step::Capabilities));

    let mut body = ready();
    body.retrieve(1, SECOND).unwrap();
    let text = format!("+OK\r\n{}", "123456789\r\n".repeat(100));
    body.receive(text.as_bytes(), SECOND);
    assert_eq!(last(&mut body), too_much(Pop3Step::Retrieve));
}

#[test]
fn of_a_long_listing_the_start_is_kept() {
    let mut client = client(password(), Pop3Tls::Never);
    say(&mut client, "+OK\r\n-ERR\r\n+OK\r\n+OK\r\n+OK\r\n1 1\r\n2 1\r\n3 1\r\n4 1\r\n5 1\r\n.\r\n+OK\r\n");
    let long = "x".repeat(POP3_UNIQUE_ID_BYTES_MAX + 1);
    let listed = say(&mut client, &format!("3 c\r\n1 {long}\r\n2 b\r\n4 d\r\n.\r\n"));
    let ids: Vec<_> = match &listed[..] {
        [Pop3Action::Listed(messages)] => {
            messages.iter().map(|m| (m.number, m.unique_id.as_deref())).collect()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(ids, [(1, None), (2, Some("b")), (3, Some("c"))]);
}

#[test]
fn what_is_no_pop3_ends_the_conversation() {
    for (text, step) in [
        ("220 mx ESMTP\r\n", Pop3Step::Greeting),
        ("+OKAY\r\n", Pop3Step::Greeting),
        ("+OK\r\nwhat\r\n", Pop3Step::Capabilities),
        ("+OK\r\n-ERR\r\n+ \r\n", Pop3Step::Login),
        ("+OK\r\n-ERR\r\n+OK\r\n+OK\r\n+OK\r\n1 x\r\n", Pop3Step::List),
        ("+OK\r\n-ERR\r\n+OK\r\n+OK\r\n+OK\r\n-1 1\r\n", Pop3Step::List),
        ("+OK\r\n-ERR\r\n+OK\r\n+OK\r\n+OK\r\n.\r\n+OK\r\n1\r\n", Pop3Step::UniqueIds),
    ] {
        let mut client = client(password(), Pop3Tls::Never);
        let actions = say(&mut client, text);
        let Some(Pop3Action::Failed(Pop3Error::Broken { waiting_for, .. })) = actions.iter().rev().nth(1)
        else {
            panic!("{text:?}: {actions:?}")
        };
        assert_eq!(*waiting_for, step);
    }
}

#[test]
fn time_and_a_closed_connection_end_what_does_not_go_on() {
    let mut greeting = client(password(), Pop3Tls::Never);
    assert_eq!(greeting.deadline(), Some(30 * SECOND));
    greeting.tick(30 * SECOND);
    let error = Pop3Error::TimedOut { waiting_for: Pop3Step::Greeting };
    assert_eq!(actions(&mut greeting), [Pop3Action::Failed(error), Pop3Action::Close]);

    let mut body = ready();
    assert_eq!(body.deadline(), None);
    body.retrieve(1, SECOND).unwrap();
    say(&mut body, "+OK\r\na");
    assert_eq!(body.deadline(), Some(61 * SECOND));
    body.receive(b"b", 600 * SECOND);
    assert_eq!(body.deadline(), Some(601 * SECOND));
    body.closed();
    let error = Pop3Error::Closed { waiting_for: Pop3Step::Retrieve };
    assert_eq!(actions(&mut body)[1..], [Pop3Action::Failed(error), Pop3Action::Close]);
    assert_eq!(body.deadline(), None);
}

/// All that is done about bytes in pieces. Parts of a message are joined; those of one that did not come whole are left out.
fn hear(mut client: Pop3Client, bytes: &[u8], size: usize) -> Vec<Pop3Action> {
    let (mut done, mut body) = (Vec::new(), Vec::new());
    for piece in bytes.chunks(size) {
        client.receive(piece, SECOND);
        for action in actions(&mut client) {
            match action {
                Pop3Action::Body(part) => body.extend(part),
                Pop3Action::Retrieved { bytes, .. } => {
                    assert_eq!(bytes, body.len() as u64);
                    done.extend([Pop3Action::Body(mem::take(&mut body)), action]);
                }
                Pop3Action::Send(_)
                | Pop3Action::StartTls
                | Pop3Action::Listed(_)
                | Pop3Action::NotRetrieved { .. }
                | Pop3Action::Marked { .. }
                | Pop3Action::NotMarked { .. }
                | Pop3Action::Deleted
                | Pop3Action::Failed(_)
                | Pop3Action::Close => done.push(action),
            }
        }
    }
    done
}

fn bytes(pieces: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        12 => prop::sample::select(pieces).prop_map(|text| text.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn where_the_bytes_are_cut_changes_nothing(
        start in prop::sample::select(&["", "+OK\r\n+OK\r\n", "+OK\r\n-ERR\r\n+OK\r\n+OK\r\n+OK\r\n"][..]),
        rest in bytes(&["+OK\r\n", "+OK a\n", "-ERR no\r\n", "+ \r\n", ".\r\n", "STLS\r\n", "1 10\r\n", "2 20\r\n", "1 a\r\n", "\r", "+"]),
        size in 1usize..30,
        tls in prop_oneof![Just(Pop3Tls::StartTls), Just(Pop3Tls::Immediate)],
    ) {
        let bytes = [start.as_bytes(), &rest].concat();
        let whole = hear(client(password(), tls), &bytes, usize::MAX);
        prop_assert_eq!(hear(client(password(), tls), &bytes, size), whole);
    }

    #[test]
    fn where_a_message_is_cut_changes_nothing(
        rest in bytes(&["a\r\n", ".\r\n", "..\r\n", "\n", "\r", "\r\n", ".", "1234567890"]),
        size in 1usize..30,
    ) {
        let mut client = ready();
        client.retrieve(1, SECOND).unwrap();
        let bytes = [&b"+OK\r\n"[..], &rest].concat();
        let whole = hear(client.clone(), &bytes, usize::MAX);
        prop_assert_eq!(hear(client, &bytes, size), whole);
    }
}
