//! Traces: what a collector is told of bounces, questions and deliveries; never of whom.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

mod common;

use common::server::{Lmtp, Server, bounce, free_ports, http};
use common::{abprall, run};

/// A collector that takes all, and gives the bodies that were posted.
fn collector() -> (u16, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // When the test is over, nobody listens.
            let Ok(body) = take(stream.unwrap()) else { continue };
            if tell.send(body).is_err() {
                return;
            }
        }
    });
    (port, told)
}

fn take(mut stream: TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        assert!(count > 0, "a post that ends too early");
        bytes.extend_from_slice(&buffer[..count]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let length: usize = length.parse().unwrap();
        if bytes.len() < end + 4 + length {
            continue;
        }
        assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        stream.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n",
        )?;
        return Ok(bytes.split_off(end + 4));
    }
}

fn settings([lmtp, web]: [u16; 2], collector: u16) -> String {
    format!(
        "store = \"abprall.db\"\n[http]\nlisten = [\"127.0.0.1:{web}\"]\n\
         [intake.lmtp]\nlisten = [\"127.0.0.1:{lmtp}\"]\nrecipients = [\"bounces@sender.example\"]\n\
         [telemetry]\notlp = \"http://127.0.0.1:{collector}\"\nservice = \"bounces-1\"\n\
         [log]\nlevel = \"debug\"\naddresses = \"full\"\n[keep]\nraw_mail = \"1d\"\n\
         [sync.list]\nkind = \"file\"\npath = \"told.ndjson\"\n"
    )
}

fn end(server: &mut Server) {
    let id = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn a_collector_is_told_how_long_each_part_took_and_of_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (port, told) = collector();
    let ports @ [lmtp, web] = free_ports();
    let mut server = Server::start(abprall(folder), folder, &settings(ports, port));
    let mut client = Lmtp::connect(lmtp);
    for number in 0..3 {
        assert!(
            client.send(&bounce(&format!("anna.secret{number}@gone.example"))).unwrap().starts_with("250 ")
        );
    }
    assert_eq!(http(web, "POST", "/v1/bounces", &bounce("anna.secret@http.example")).unwrap().0, 200);
    assert_eq!(http(web, "GET", "/v1/check/anna.secret0@gone.example", "").unwrap().0, 200);
    let since = std::time::Instant::now();
    while std::fs::read_to_string(folder.join("told.ndjson")).unwrap_or_default().lines().count() < 4 {
        assert!(since.elapsed() < Duration::from_secs(20), "the list is not told");
        std::thread::yield_now();
    }
    // What waits is told at the end.
    end(&mut server);
    let bodies: Vec<_> = told.try_iter().collect();
    let mut spans: BTreeMap<Vec<u8>, Span> = BTreeMap::new();
    for body in &bodies {
        let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        let clear = format!("{request:?}");
        for word in ["anna", "secret", "@", "User unknown", "MAILER-DAEMON", "Undelivered"] {
            assert!(!clear.contains(word), "{word}: {clear}");
        }
        for resource in request.resource_spans {
            let said = format!("{:?}", resource.resource.unwrap().attributes);
            assert!(said.contains("bounces-1") && said.contains(env!("CARGO_PKG_VERSION")), "{said}");
            let all = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.extend(all.map(|span| (span.span_id.clone(), span)));
        }
    }
    let of = |name: &str| spans.values().filter(|span| span.name == name).collect::<Vec<_>>();
    let parent = |span: &Span| spans.get(&span.parent_span_id).map(|parent| parent.name.clone());
    assert_eq!(of("intake").len(), 4);
    for (part, whole) in [
        ("read", "intake"),
        ("commit", "intake"),
        ("raw_mail", "write"),
        ("decide", "write"),
        ("index", "write"),
    ] {
        assert!(!of(part).is_empty(), "{part}");
        for span in of(part) {
            assert_eq!(parent(span).as_deref(), Some(whole), "{part}");
            assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        }
    }
    let linked: Vec<_> = of("write").iter().flat_map(|span| &span.links).map(|link| &link.span_id).collect();
    for commit in of("commit") {
        assert!(linked.contains(&&commit.span_id), "a batch names what it stores");
    }
    let said = |span: &Span| format!("{:?}", span.attributes);
    assert!(said(of("check")[0]).contains("suppressed"), "{}", said(of("check")[0]));
    assert!(of("sync").iter().any(|span| said(span).contains("\"told\"")), "{:?}", of("sync"));
    assert!(said(of("intake")[0]).contains("\"way\""));
    assert!(spans.values().all(|span| span.events.is_empty()), "lines of the log stay here");
}

#[test]
fn a_collector_that_is_gone_holds_nothing_up_and_is_complained_of() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [lmtp, web, nobody] = free_ports();
    std::fs::write(folder.join("abprall.toml"), settings([lmtp, web], nobody)).unwrap();
    let errors = std::fs::File::create(folder.join("errors")).unwrap();
    let said = || std::fs::read_to_string(folder.join("errors")).unwrap();
    let mut server = Server::of(abprall(folder).arg("serve").stderr(errors).spawn().unwrap());
    let since = std::time::Instant::now();
    while !said().contains("serving") {
        assert!(since.elapsed() < Duration::from_secs(20), "{}", said());
        std::thread::yield_now();
    }
    assert!(Lmtp::connect(lmtp).send(&bounce("anna@gone.example")).unwrap().starts_with("250 "));
    end(&mut server);
    assert!(said().contains("the collector of traces does not take them"), "{}", said());
    assert_eq!(run(folder, ["check", "anna@gone.example"]).status, 1);
}
