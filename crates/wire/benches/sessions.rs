//! What a session costs without sockets, on one core: answers a second to Postfix, and messages through an SMTP session.
//!
//! `cargo bench -p abprall-wire --bench sessions`.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use abprall_wire::milter::{MilterAnswer, MilterSession, Steps};
use abprall_wire::postfix::{
    Access, PolicyAnswer, PolicyReader, SocketmapAnswer, SocketmapReader, TcpTableAnswer, TcpTableReader,
};
use abprall_wire::smtp::HelloName;
use abprall_wire::smtp::server::{
    MessageAnswer, Protocol, RecipientAnswer, ServerAction, ServerConfig, ServerLimits, ServerSession,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// What a read of a socket gives at most.
const READ: usize = 16 * 1024;
const REQUESTS: usize = 1_000;
const NOW: Duration = Duration::ZERO;

/// A request of Postfix 3.7, as the lab saw it.
const POLICY: &str = "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=10.77.0.9\n\
client_name=tester.lab.test\nclient_port=34930\nreverse_client_name=tester.lab.test\nserver_address=10.77.0.22\nserver_port=25\n\
helo_name=tester.lab.test\nsender=b+camp=42@bounces.test\nrecipient=suppressed@ok.test\nrecipient_count=0\nqueue_id=8FDA0875A\n\
instance=165.6b04c3d4.8e24d.0\nsize=0\netrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\n\
ccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol=\nencryption_cipher=\nencryption_keysize=0\n\
policy_context=\n\n";

/// Reads requests and answers each; gives the bytes of all answers.
macro_rules! answer_all {
    ($reader:expr, $bytes:expr, $answer:expr) => {{
        let mut reader = $reader;
        let (mut out, mut answers) = (Vec::new(), 0);
        for mut piece in $bytes.chunks(READ) {
            while !piece.is_empty() {
                let (taken, request) = reader.read(piece);
                piece = &piece[taken..];
                if let Some(request) = request {
                    black_box(request.unwrap());
                    $answer.write(&mut out);
                    answers += 1;
                }
            }
            black_box(&out);
            out.clear();
        }
        assert_eq!(answers, REQUESTS);
    }};
}

fn gates(criterion: &mut Criterion) {
    let refuse =
        || Access::Refuse { status: "5.1.1".parse().unwrap(), text: "suppressed: hard bounce".into() };
    let mut group = criterion.benchmark_group("gate");
    group.throughput(Throughput::Elements(REQUESTS as u64));
    let policy = POLICY.repeat(REQUESTS).into_bytes();
    group.bench_function("policy", |bencher| {
        bencher.iter(|| answer_all!(PolicyReader::default(), policy, PolicyAnswer(refuse())));
    });
    let socketmap = "27:suppress suppressed@ok.test,".repeat(REQUESTS).into_bytes();
    group.bench_function("socketmap", |bencher| {
        bencher.iter(|| {
            answer_all!(SocketmapReader::default(), socketmap, SocketmapAnswer::Found(refuse().to_string()));
        });
    });
    let tcp_table = "get suppressed@ok.test\n".repeat(REQUESTS).into_bytes();
    group.bench_function("tcp_table", |bencher| {
        bencher.iter(|| {
            answer_all!(TcpTableReader::default(), tcp_table, TcpTableAnswer::Found(refuse().to_string()));
        });
    });
    let hello = b"\0\0\0\rO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff";
    let milter = b"\0\0\0BDR{rcpt_addr}\0user@ok.test\0{rcpt_host}\0ok.test\0{rcpt_mailer}\0smtp\0\0\0\0\x1fR<user@ok.test>\0NOTIFY=FAILURE\0"
        .repeat(REQUESTS);
    group.bench_function("milter", |bencher| {
        bencher.iter(|| {
            let mut session = MilterSession::new(Steps::Envelope);
            let (mut out, mut answers) = (Vec::new(), 0);
            session.read(hello, &mut out);
            for mut piece in milter.chunks(READ) {
                while !piece.is_empty() {
                    let (taken, event) = session.read(piece, &mut out);
                    piece = &piece[taken..];
                    black_box(event);
                    if session.awaits_answer() {
                        session.answer(&MilterAnswer::Continue, &mut out).unwrap();
                        answers += 1;
                    }
                }
                out.clear();
            }
            assert_eq!(answers, REQUESTS);
        });
    });
    group.finish();
}

/// A session in which a client sends all messages in one connection; gives the bytes of their bodies.
fn serve(config: &Arc<ServerConfig>, bytes: &[u8]) -> usize {
    let mut session = ServerSession::new(Arc::clone(config), NOW);
    let mut body = 0;
    for mut piece in bytes.chunks(READ) {
        while !piece.is_empty() {
            piece = &piece[session.receive(piece, NOW)..];
            while let Some(action) = session.next_action() {
                match action {
                    ServerAction::Judge(_) => session.answer_recipient(&RecipientAnswer::Accepted, NOW),
                    ServerAction::Body(bytes) => body += black_box(bytes).len(),
                    ServerAction::Complete { .. } => {
                        session.answer_message(&[MessageAnswer::Stored("stored".into())], NOW);
                    }
                    other @ (ServerAction::Send(_) | ServerAction::Begin(_)) => drop(black_box(other)),
                    other @ (ServerAction::StartTls | ServerAction::Discard(_) | ServerAction::Close) => {
                        panic!("{other:?}")
                    }
                }
            }
        }
    }
    body
}

fn messages(criterion: &mut Criterion) {
    let name = HelloName::parse("in.example").unwrap();
    let limits = ServerLimits { message_bytes: 1 << 30, ..ServerLimits::default() };
    let config = Arc::new(ServerConfig { limits, ..ServerConfig::new(name, Protocol::Smtp) });
    let line = "This is the mail system at host mx.example. I am sorry to have to inform you\r\n";
    let envelope = "MAIL FROM:<> SIZE=4000\r\nRCPT TO:<b+0123456789abcdef@ours.test>\r\n";

    let mut group = criterion.benchmark_group("smtp");
    let small = format!("{envelope}DATA\r\n{}.\r\n", line.repeat(50));
    let many = format!("EHLO a\r\n{}", small.repeat(REQUESTS)).into_bytes();
    group.throughput(Throughput::Elements(REQUESTS as u64));
    group.bench_function("messages of 4 KB", |bencher| bencher.iter(|| serve(&config, &many)));

    let body = line.repeat(200_000);
    group.throughput(Throughput::Bytes(body.len() as u64));
    let lines = format!("EHLO a\r\n{envelope}DATA\r\n{body}.\r\n").into_bytes();
    group.bench_function("one message by DATA", |bencher| {
        bencher.iter(|| assert_eq!(serve(&config, &lines), body.len()));
    });
    let envelope = envelope.replace(" SIZE=4000", "");
    let chunk = format!("EHLO a\r\n{envelope}BDAT {} LAST\r\n{body}", body.len()).into_bytes();
    group.bench_function("one message by BDAT", |bencher| {
        bencher.iter(|| assert_eq!(serve(&config, &chunk), body.len()));
    });
    group.finish();
}

criterion_group!(benches, gates, messages);
criterion_main!(benches);
