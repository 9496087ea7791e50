use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::limits::{
    POLICY_LINE_BYTES_MAX, SOCKETMAP_ANSWER_BYTES_MAX, SOCKETMAP_QUERY_BYTES_MAX, TCP_TABLE_LINE_BYTES_MAX,
};

/// Two requests of Postfix 3.7.11 in the lab.
const POLICY: &str = "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=10.77.0.9\n\
client_name=tester.lab.test\nclient_port=34930\nreverse_client_name=tester.lab.test\nserver_address=10.77.0.22\nserver_port=25\n\
helo_name=tester.lab.test\nsender=b+camp=42@bounces.test\nrecipient=δοκιμή@ok.test\nrecipient_count=0\nqueue_id=\n\
instance=165.6b04c3d4.8e24d.0\nsize=0\netrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\n\
ccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol=\nencryption_cipher=\nencryption_keysize=0\n\
policy_context=\n\n\
request=smtpd_access_policy\nprotocol_state=END-OF-MESSAGE\nprotocol_name=ESMTP\nclient_address=10.77.0.9\nclient_port=34942\n\
sender=b+camp=42@bounces.test\nrecipient=\nrecipient_count=2\nqueue_id=90B88875B\nsize=64\ntls_sni=new\n\n";

const SOCKETMAP: &str = "21:suppress user@ok.test,27:suppress suppressed@ok.test,11:transport *,";

const TCP_TABLE: &str = "get user@ok.test\nget a%20b%25@ok.test\nput a b\nget user+tag@ok.test\n";

/// All that a reader finds in bytes that come in pieces, until the first error.
fn hear<T, E>(
    bytes: &[u8],
    size: usize,
    mut read: impl FnMut(&[u8]) -> (usize, Option<Result<T, E>>),
) -> Vec<Result<T, E>> {
    let mut found = Vec::new();
    for mut piece in bytes.chunks(size) {
        while !piece.is_empty() {
            let (taken, event) = read(piece);
            assert!(taken > 0);
            piece = &piece[taken..];
            let broken = matches!(event, Some(Err(_)));
            found.extend(event);
            if broken {
                return found;
            }
        }
    }
    found
}

fn policy(bytes: &[u8], size: usize) -> Vec<Result<PolicyRequest, PolicyError>> {
    let mut reader = PolicyReader::default();
    hear(bytes, size, |piece| reader.read(piece))
}

fn socketmap(bytes: &[u8], size: usize) -> Vec<Result<SocketmapQuery, SocketmapError>> {
    let mut reader = SocketmapReader::default();
    hear(bytes, size, |piece| reader.read(piece))
}

fn tcp_table(bytes: &[u8], size: usize) -> Vec<Result<TcpTableRequest, TcpTableError>> {
    let mut reader = TcpTableReader::default();
    hear(bytes, size, |piece| reader.read(piece))
}

fn only_error<T: Debug, E>(mut found: Vec<Result<T, E>>) -> E {
    assert_eq!(found.len(), 1);
    found.remove(0).unwrap_err()
}

#[test]
fn policy_requests_of_a_real_postfix_are_understood() {
    let found: Vec<_> = policy(POLICY.as_bytes(), usize::MAX).into_iter().map(Result::unwrap).collect();
    let [first, second] = found.as_slice() else { panic!("{} requests", found.len()) };
    assert_eq!(first.protocol_state, ProtocolState::Rcpt);
    assert_eq!(first.client_address, Some("10.77.0.9".parse().unwrap()));
    assert_eq!((first.client_port, first.server_port), (34930, 25));
    assert_eq!(first.sender, "b+camp=42@bounces.test");
    assert_eq!(first.recipient, "δοκιμή@ok.test");
    assert_eq!(first.instance, "165.6b04c3d4.8e24d.0");
    assert_eq!(second.protocol_state, ProtocolState::EndOfMessage);
    assert_eq!((second.recipient.as_str(), second.recipient_count, second.size), ("", 2, 64));
    assert_eq!(second.helo_name, "");
}

#[test]
fn what_is_no_policy_request_is_said_to_be_none() {
    assert_eq!(only_error(policy(b"\n", 99)), PolicyError::NotAPolicyRequest);
    assert_eq!(only_error(policy(b"recipient=a@b\n\n", 99)), PolicyError::NotAPolicyRequest);
    assert_eq!(only_error(policy(b"request=other\n", 99)), PolicyError::NotAPolicyRequest);
    let line = "GET / HTTP/1.1 ".to_owned();
    assert_eq!(only_error(policy(b"GET / HTTP/1.1\r\n", 99)), PolicyError::NotAnAttribute { line });
    assert_eq!(only_error(policy(b"size=-1\n", 99)), PolicyError::BadNumber { name: "size".into() });
    assert_eq!(only_error(policy(&vec![b'a'; POLICY_LINE_BYTES_MAX + 1], 999)), PolicyError::LineTooLong);
    let endless = "a=b\n".repeat(20_000);
    assert_eq!(only_error(policy(endless.as_bytes(), 999)), PolicyError::TooLong);
}

#[test]
fn policy_answers_are_actions_of_one_line() {
    let mut out = Vec::new();
    let status = "5.1.1".parse().unwrap();
    PolicyAnswer(Access::Refuse { status, text: "suppressed\n\naction=DUNNO".into() }).write(&mut out);
    assert_eq!(out, b"action=550 5.1.1 suppressed  action=DUNNO\n\n");
}

#[test]
fn socketmap_queries_of_a_real_postfix_are_understood() {
    let found: Vec<_> = socketmap(SOCKETMAP.as_bytes(), 5).into_iter().map(Result::unwrap).collect();
    let found: Vec<_> = found.iter().map(|query| (query.map.as_str(), query.key.as_str())).collect();
    assert_eq!(found, [("suppress", "user@ok.test"), ("suppress", "suppressed@ok.test"), ("transport", "*")]);
    let quoted = socketmap(b"15:gate \"a b\"@c.de,", 99).remove(0).unwrap();
    assert_eq!(quoted.key, "\"a b\"@c.de");
}

#[test]
fn what_is_no_netstring_is_said_to_be_none() {
    assert_eq!(only_error(socketmap(b"abc", 99)), SocketmapError::NoLength);
    assert_eq!(only_error(socketmap(b":a,", 99)), SocketmapError::NoLength);
    assert_eq!(only_error(socketmap(b"3 abc", 99)), SocketmapError::NoLength);
    assert_eq!(only_error(socketmap(b"03:abc,", 99)), SocketmapError::LeadingZero);
    assert_eq!(only_error(socketmap(b"3:a bc,", 99)), SocketmapError::NoComma);
    assert_eq!(only_error(socketmap(b"3:abc,", 99)), SocketmapError::NoKey);
    assert_eq!(only_error(socketmap(b"0:,", 99)), SocketmapError::NoKey);
    assert_eq!(only_error(socketmap(b"10001:", 99)), SocketmapError::TooLong);
    assert_eq!(only_error(socketmap(b"99999999999999999999999999:", 99)), SocketmapError::TooLong);
    let longest = format!("10000:a {},", "b".repeat(SOCKETMAP_QUERY_BYTES_MAX - 2));
    assert!(socketmap(longest.as_bytes(), 999)[0].is_ok());
}

#[test]
fn socketmap_answers_have_the_length_that_they_say() {
    let said = |answer: SocketmapAnswer| {
        let mut out = Vec::new();
        answer.write(&mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(said(SocketmapAnswer::Found("550 5.1.1 suppressed".into())), "23:OK 550 5.1.1 suppressed,");
    assert_eq!(said(SocketmapAnswer::Temporary("database is down".into())), "21:TEMP database is down,");
    assert_eq!(said(SocketmapAnswer::Timeout("ü".into())), "10:TIMEOUT ü,");
    assert_eq!(said(SocketmapAnswer::Permanent("no such map".into())), "16:PERM no such map,");
    let long = said(SocketmapAnswer::Found("ü".repeat(SOCKETMAP_ANSWER_BYTES_MAX)));
    assert!(long.len() <= SOCKETMAP_ANSWER_BYTES_MAX + "100000:,".len());
}

#[test]
fn tcp_table_requests_are_decoded() {
    let found: Vec<_> = tcp_table(TCP_TABLE.as_bytes(), 3).into_iter().map(Result::unwrap).collect();
    let get = |key: &str| TcpTableRequest::Get { key: key.into() };
    let put = TcpTableRequest::Put { key: "a".into(), value: "b".into() };
    assert_eq!(found, [get("user@ok.test"), get("a b%@ok.test"), put, get("user+tag@ok.test")]);
}

#[test]
fn what_is_no_tcp_table_request_is_said_to_be_none() {
    for bytes in
        ["\n", "get\n", "get \n", "get a b\n", "put a\n", "put a b c\n", "del a\n", "GET a\n", "get a\r\n"]
    {
        let error = only_error(tcp_table(bytes.as_bytes(), 99));
        assert_eq!(error, TcpTableError::NotARequest, "{bytes:?}");
        assert!(error.may_be_answered());
    }
    for bytes in ["get a%\n", "get a%2\n", "get a%g0\n", "get %+1\n"] {
        assert_eq!(only_error(tcp_table(bytes.as_bytes(), 99)), TcpTableError::BadEncoding, "{bytes:?}");
    }
    let error = only_error(tcp_table(&vec![b'a'; TCP_TABLE_LINE_BYTES_MAX], 999));
    assert_eq!(error, TcpTableError::TooLong);
    assert!(!error.may_be_answered());
}

#[test]
fn a_tcp_table_answer_fits_into_its_line() {
    for text in ["ü".repeat(5_000), "a".repeat(5_000), "\n".repeat(5_000)] {
        let mut out = b"before".to_vec();
        TcpTableAnswer::Temporary(text).write(&mut out);
        let line = &out[6..];
        assert!(
            (TCP_TABLE_LINE_BYTES_MAX - 4..=TCP_TABLE_LINE_BYTES_MAX).contains(&line.len()),
            "{}",
            line.len()
        );
        assert_eq!(line.iter().filter(|&&b| b == b'\n').count(), 1);
    }
    let mut out = Vec::new();
    TcpTableAnswer::NotFound.write(&mut out);
    assert_eq!(out, b"500 not%20found\n");
}

/// Bytes near to what the protocols speak, so that more than the first byte is read.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        any::<u8>().prop_map(|b| vec![b]),
        prop::sample::select(
            &[
                "request=smtpd_access_policy\n",
                "\n",
                "recipient=",
                "size=",
                "=",
                "3:a b,",
                "0:,",
                "12:",
                ",",
                "get ",
                "put ",
                "%",
                "%2",
                "%20",
                " ",
                "\r\n",
                "a@b.c",
            ][..]
        )
        .prop_map(|t| t.as_bytes().to_vec()),
    ];
    vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn where_the_bytes_are_cut_changes_nothing(size in 1usize..200) {
        prop_assert_eq!(policy(POLICY.as_bytes(), size), policy(POLICY.as_bytes(), usize::MAX));
        prop_assert_eq!(socketmap(SOCKETMAP.as_bytes(), size), socketmap(SOCKETMAP.as_bytes(), usize::MAX));
        prop_assert_eq!(tcp_table(TCP_TABLE.as_bytes(), size), tcp_table(TCP_TABLE.as_bytes(), usize::MAX));
    }

    #[test]
    fn any_bytes_are_read_alike_in_any_pieces(bytes in bytes(), size in 1usize..20) {
        prop_assert_eq!(policy(&bytes, size), policy(&bytes, usize::MAX));
        prop_assert_eq!(socketmap(&bytes, size), socketmap(&bytes, usize::MAX));
        prop_assert_eq!(tcp_table(&bytes, size), tcp_table(&bytes, usize::MAX));
    }

    #[test]
    fn every_key_comes_back_from_its_coding(key in "\\PC{1,40}") {
        let mut coded = Vec::new();
        TcpTableAnswer::Found(key.clone()).write(&mut coded);
        let request = [b"get ", &coded[4..]].concat();
        prop_assert_eq!(tcp_table(&request, 7), [Ok(TcpTableRequest::Get { key })]);
    }
}
