//! TLS to a real PostgreSQL that wants it; skipped where none is installed (`ABPRALL_TEST_POSTGRES` is not set).
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

use abprall_store::{PostgresPlace, StoreError, open_store};
use tempfile::TempDir;

struct Server {
    folder: TempDir,
    port: u16,
}

impl Server {
    fn start() -> Option<Self> {
        if std::env::var_os("ABPRALL_TEST_POSTGRES").is_none() {
            eprintln!("skipped: ABPRALL_TEST_POSTGRES names no server");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder, port };
        server.run("start", &[]);
        server.run("tls", &[&port.to_string()]);
        Some(server)
    }

    fn run(&self, action: &str, more: &[&str]) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../lab/postgres.sh");
        let out = std::fs::File::create(self.folder.path().join(format!("{action}.out"))).unwrap();
        let mut command = Command::new(script);
        command.arg(action).arg(self.folder.path()).args(more).stdout(out);
        assert!(command.status().unwrap().success(), "{action}");
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// At `host`, with more of a connection string.
    fn place(&self, host: &str, more: &str) -> String {
        format!("host={host} port={} dbname=postgres connect_timeout=5 {more}", self.port)
    }

    fn ca(&self) -> String {
        format!("sslrootcert='{}'", self.file("ca.pem"))
    }

    /// Why the store cannot be opened.
    fn refusal(&self, host: &str, more: &str) -> String {
        let error = open_store(&self.place(host, more)).err().unwrap();
        assert!(matches!(error, StoreError::CannotOpen { .. }), "{error:?}");
        error.to_string()
    }

    /// The protocol of a connection, as the server sees it.
    fn protocol(&self, host: &str, more: &str) -> Option<String> {
        let mut client = PostgresPlace::parse(&self.place(host, more)).unwrap().connect().unwrap();
        let seen = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        client.query_one(seen, &[]).unwrap().get(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run("stop", &[]);
    }
}

#[test]
fn a_server_is_trusted_as_far_as_the_string_says() {
    let Some(server) = Server::start() else { return };
    let ca = server.ca();
    let tls = Some("TLSv1.3".to_owned());

    // Encrypted without being asked to, and at all events where it is wanted.
    assert_eq!(server.protocol("localhost", "user=abprall"), tls);
    assert_eq!(server.protocol("127.0.0.1", "user=abprall sslmode=require"), tls);
    assert_eq!(server.protocol(&server.folder.path().display().to_string(), "user=abprall"), None);
    assert!(server.refusal("localhost", "user=abprall sslmode=disable").contains("no encryption"));

    // Who it is: by its authority, and by its name.
    assert_eq!(server.protocol("localhost", &format!("user=abprall sslmode=verify-full {ca}")), tls);
    assert_eq!(server.protocol("127.0.0.1", &format!("user=abprall sslmode=verify-ca {ca}")), tls);
    let other_name = server.refusal("127.0.0.1", &format!("user=abprall sslmode=verify-full {ca}"));
    assert!(other_name.contains("not valid for name"), "{other_name}");
    for mode in ["verify-full", "verify-ca"] {
        let unknown = server.refusal("localhost", &format!("user=abprall sslmode={mode}"));
        assert!(unknown.contains("UnknownIssuer"), "{mode}: {unknown}");
    }
    let other_authority = format!("user=abprall sslmode=require sslrootcert='{}'", server.file("known.pem"));
    assert!(server.refusal("localhost", &other_authority).contains("invalid peer certificate"));

    // Who we are: a password that is bound to the connection, or a certificate.
    let password = format!("user=secret password=secret channel_binding=require sslmode=verify-full {ca}");
    assert_eq!(server.protocol("localhost", &password), tls);
    let certificate =
        format!("user=known sslcert='{}' sslkey='{}'", server.file("known.pem"), server.file("known.key"));
    assert_eq!(server.protocol("localhost", &format!("{certificate} sslmode=verify-full {ca}")), tls);
    assert!(server.refusal("localhost", "user=known sslmode=require").contains("certificate"));
    let missing = server.refusal("localhost", "user=known sslmode=require sslrootcert=/no/such/ca.pem");
    assert!(missing.contains("/no/such/ca.pem"), "{missing}");
}

#[test]
fn a_store_behind_tls_comes_back_after_its_server_was_gone() {
    let Some(server) = Server::start() else { return };
    let place = server.place("localhost", &format!("user=abprall sslmode=verify-full {}", server.ca()));
    let store = open_store(&place).unwrap();
    server.run("crash", &[]);
    assert!(store.api_keys().unwrap().is_empty());
}

#[test]
fn where_tls_is_only_preferred_a_server_whose_tls_fails_is_asked_without() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let mut request = [0; 8];
        let (mut first, _) = listener.accept().unwrap();
        first.read_exact(&mut request).unwrap();
        // It speaks TLS, says so, and then does not.
        first.write_all(b"Sno TLS").unwrap();
        drop(first);
        let (mut second, _) = listener.accept().unwrap();
        second.read_exact(&mut request).unwrap();
        request
    });
    let place = |more: &str| format!("host=localhost port={port} user=abprall {more}");
    assert!(PostgresPlace::parse(&place("")).unwrap().connect().is_err(), "it is no server");
    // Protocol 3.0, and no request for TLS.
    assert_eq!(server.join().unwrap()[4..], [0, 3, 0, 0]);
    assert!(PostgresPlace::parse(&place("sslmode=require")).unwrap().connect().is_err());
}
