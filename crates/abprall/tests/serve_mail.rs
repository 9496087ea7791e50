//! STARTTLS and the milter, as mail servers speak them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto};

mod common;

use common::server::{Server, bounce, connect, exchange, free_ports, policy_question};
use common::{abprall, example, run};

fn certificate(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["mx.sender.example".to_owned()]).unwrap();
    fs::write(folder.join("chain.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

fn mail_settings(smtp: u16, policy: u16, more: &str) -> String {
    format!(
        "[gate.policy]\nlisten = [\"127.0.0.1:{policy}\"]\n[intake.smtp]\nlisten = [\"127.0.0.1:{smtp}\"]\nname = \"mx.sender.example\"\n\
         recipients = [\"bounces@sender.example\"]\ncertificate = \"chain.pem\"\nkey = \"key.pem\"\n{more}"
    )
}

type Encrypted = StreamOwned<ClientConnection, TcpStream>;

fn encrypt(stream: TcpStream, folder: &Path) -> Encrypted {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(folder.join("chain.pem")).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("mx.sender.example").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

/// Greeting, EHLO, STARTTLS with what a client sends behind it in the clear.
fn start_tls(port: u16, behind: &str, folder: &Path) -> Encrypted {
    let mut stream = connect(port);
    exchange(&mut stream, "", "\n").unwrap();
    let offered = exchange(&mut stream, "EHLO mx.example\r\n", "250 CHUNKING\r\n").unwrap();
    assert!(offered.contains("250-STARTTLS\r\n"), "{offered}");
    let ready = exchange(&mut stream, &format!("STARTTLS\r\n{behind}"), "\n").unwrap();
    assert!(ready.starts_with("220 "), "{ready}");
    encrypt(stream, folder)
}

#[test]
fn a_bounce_comes_in_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let [smtp, policy] = free_ports();
    let _server = Server::start(abprall(folder.path()), folder.path(), &mail_settings(smtp, policy, ""));
    let mut tls = start_tls(smtp, "", folder.path());
    let hello = exchange(&mut tls, "EHLO mx.example\r\n", "250 CHUNKING\r\n").unwrap();
    assert!(!hello.contains("STARTTLS"), "within TLS it is not offered: {hello}");
    exchange(&mut tls, "MAIL FROM:<>\r\n", "\n").unwrap();
    exchange(&mut tls, "RCPT TO:<bounces@sender.example>\r\n", "\n").unwrap();
    exchange(&mut tls, "DATA\r\n", "\n").unwrap();
    let said = exchange(&mut tls, &format!("{}.\r\n", bounce("anna@gone.example")), "\n").unwrap();
    assert_eq!(said, "250 2.0.0 taken in\r\n");
    let refused = exchange(&mut connect(policy), &policy_question("anna@gone.example"), "\n\n").unwrap();
    assert!(refused.starts_with("action=550 "), "{refused}");
}

#[test]
fn what_is_said_in_the_clear_does_not_count_within_tls() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let [smtp, policy] = free_ports();
    let _server = Server::start(abprall(folder.path()), folder.path(), &mail_settings(smtp, policy, ""));
    let mut tls =
        start_tls(smtp, "EHLO injected.example\r\nMAIL FROM:<injected@evil.example>\r\n", folder.path());
    // Were the injected commands kept, their replies would come first.
    let said = exchange(&mut tls, "RCPT TO:<bounces@sender.example>\r\n", "\n").unwrap();
    assert!(said.starts_with("503 "), "{said}");
    let said = exchange(&mut tls, "NOOP\r\n", "\n").unwrap();
    assert!(said.starts_with("250 "), "{said}");
}

#[test]
fn where_tls_is_required_no_mail_comes_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let [smtp, policy] = free_ports();
    let settings = mail_settings(smtp, policy, "tls = \"required\"\n");
    let _server = Server::start(abprall(folder.path()), folder.path(), &settings);
    let mut stream = connect(smtp);
    exchange(&mut stream, "", "\n").unwrap();
    exchange(&mut stream, "EHLO mx.example\r\n", "250 CHUNKING\r\n").unwrap();
    let said = exchange(&mut stream, "MAIL FROM:<>\r\n", "\n").unwrap();
    assert!(said.starts_with("530 5.7.0 "), "{said}");
}

#[test]
fn a_renewed_certificate_is_used_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let [smtp, policy] = free_ports();
    let _server = Server::start(abprall(folder.path()), folder.path(), &mail_settings(smtp, policy, ""));
    certificate(folder.path());
    // Its file differs by its time: a renewal in the same tick of the clock does not happen in life.
    let file = fs::File::options().append(true).open(folder.path().join("chain.pem")).unwrap();
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(1)).unwrap();
    // The client trusts the new one only.
    let mut tls = start_tls(smtp, "", folder.path());
    assert!(exchange(&mut tls, "NOOP\r\n", "\n").unwrap().starts_with("250 "));
}

#[test]
fn a_certificate_that_is_of_no_use_is_told_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let key = rcgen::KeyPair::generate().unwrap();
    fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
    fs::write(folder.path().join("abprall.toml"), mail_settings(1, 2, "")).unwrap();
    let ran = run(folder.path(), ["serve", "--check"]);
    assert_eq!(ran.status, 2);
    assert!(
        ran.err.contains("intake.smtp.certificate") && ran.err.contains("do not belong together"),
        "{}",
        ran.err
    );
    fs::remove_file(folder.path().join("key.pem")).unwrap();
    let ran = run(folder.path(), ["serve", "--check"]);
    assert!(ran.err.contains("cannot read the key"), "{}", ran.err);
}

/// A milter packet: length, command, data.
fn packet(command: u8, data: &[u8]) -> Vec<u8> {
    let mut packet = u32::try_from(data.len() + 1).unwrap().to_be_bytes().to_vec();
    packet.push(command);
    packet.extend_from_slice(data);
    packet
}

fn reply(stream: &mut TcpStream) -> (u8, String) {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut data = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut data).unwrap();
    (data[0], String::from_utf8_lossy(&data[1..]).into_owned())
}

#[test]
fn a_milter_refuses_one_recipient_with_our_reason_and_lets_the_others_pass() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), [Path::new("process"), &example("bounces.mbox")]).status, 0);
    let [milter] = free_ports();
    let settings = format!("[gate.milter]\nlisten = [\"127.0.0.1:{milter}\"]\n");
    let _server = Server::start(abprall(folder.path()), folder.path(), &settings);
    let mut stream = connect(milter);
    // As Postfix 3.7 negotiates: version 6, all actions, all steps.
    stream.write_all(&packet(b'O', b"\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff")).unwrap();
    assert_eq!(reply(&mut stream).0, b'O');
    let mut ask = |command: u8, data: &[u8]| {
        stream.write_all(&packet(b'D', &[&[command][..], b"i\0A63C48773\0"].concat())).unwrap();
        stream.write_all(&packet(command, data)).unwrap();
        reply(&mut stream)
    };
    assert_eq!(ask(b'M', b"<news@sender.example>\0").0, b'c');
    assert_eq!(ask(b'R', b"<stranger@example.org>\0").0, b'c');
    let (command, text) = ask(b'R', b"<nobody@rej.test>\0NOTIFY=FAILURE\0");
    assert_eq!(command, b'y');
    assert!(text.starts_with("550 5.7.1 Recipient is on the suppression list of abprall"), "{text}");
    assert_eq!(ask(b'R', b"<another@example.org>\0").0, b'c');
}
