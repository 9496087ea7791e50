//! Against NSD and Unbound (Debian packages `nsd`, `unbound`), where they are on the machine.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use abprall_route::observe::dns::{DnsClient, DnsServer, Question};
use abprall_route::{DnsFact, DnsTransport, NetworkGuard, Rcode, RecordData, RecordType, ServerRole};
use tokio::time::Instant;

/// A server process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It is gone already, or is ended here: both are fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that is free for UDP and for TCP: these servers want both.
fn free_port() -> u16 {
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = udp.local_addr().unwrap();
        if TcpListener::bind(address).is_ok() {
            return address.port();
        }
    }
}

fn start(program: &str, configuration: &Path) -> Option<Running> {
    let folders = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin";
    let path = std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.exists());
    let Some(path) = path else {
        eprintln!("skipped: {program} is not on this machine");
        return None;
    };
    let child = Command::new(path)
        .args(["-d", "-c"])
        .arg(configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Some(Running(child))
}

fn write(path: &Path, text: &str) {
    std::fs::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn start_nsd(folder: &Path, port: u16) -> Option<Running> {
    let long = format!("\"{}\" ", "x".repeat(250)).repeat(16);
    write(
        &folder.join("d.test.zone"),
        &format!(
            "$TTL 300\n$ORIGIN d.test.\n@ SOA ns.d.test. admin.d.test. 42 60 60 60 120\n@ NS ns.d.test.\nns A 127.0.0.1\n\
             @ MX 10 mx\n@ MX 20 mx2.other.test.\nmx A 192.0.2.1\nmx AAAA 2001:db8::1\nalias CNAME hop\nhop CNAME @\n\
             long TXT {long}\n_25._tcp.mx TLSA 3 1 1 {}\nsub NS ns.sub\nns.sub A 192.0.2.53\n",
            "ab".repeat(32),
        ),
    );
    let at = folder.display();
    write(
        &folder.join("nsd.conf"),
        &format!(
            "server:\n ip-address: 127.0.0.1@{port}\n username: \"\"\n zonesdir: \"{at}\"\n database: \"\"\n pidfile: \"{at}/nsd.pid\"\n \
             xfrdfile: \"{at}/xfrd\"\n zonelistfile: \"{at}/zones\"\n xfrdir: \"{at}\"\n logfile: \"{at}/nsd.log\"\n\
             remote-control:\n control-enable: no\nzone:\n name: d.test\n zonefile: d.test.zone\n"
        ),
    );
    start("nsd", &folder.join("nsd.conf"))
}

fn start_unbound(folder: &Path, port: u16, authority: u16) -> Option<Running> {
    let at = folder.display();
    write(
        &folder.join("unbound.conf"),
        &format!(
            "server:\n interface: 127.0.0.1@{port}\n username: \"\"\n chroot: \"\"\n directory: \"{at}\"\n pidfile: \"\"\n use-syslog: no\n \
             logfile: \"{at}/unbound.log\"\n do-not-query-localhost: no\n ede: yes\n module-config: iterator\n local-zone: test. nodefault\n\
             remote-control:\n control-enable: no\n\
             stub-zone:\n name: d.test\n stub-addr: 127.0.0.1@{authority}\n\
             stub-zone:\n name: lame.test\n stub-addr: 127.0.0.1@{authority}\n"
        ),
    );
    start("unbound", &folder.join("unbound.conf"))
}

struct Asker {
    client: DnsClient,
    server: DnsServer,
}

impl Asker {
    fn new(port: u16, role: ServerRole) -> Self {
        let guard = NetworkGuard::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { client: DnsClient::new(Arc::new(guard)), server: DnsServer { address, name: None, role } }
    }

    /// Asks until the server is up.
    async fn ready(self, name: &str) -> Self {
        let end = Instant::now() + Duration::from_secs(20);
        while self.ask(name, RecordType::Soa).await.answer().is_none() {
            assert!(Instant::now() < end, "{} does not start", self.server.address);
            tokio::task::yield_now().await;
        }
        self
    }

    async fn ask(&self, name: &str, record_type: RecordType) -> DnsFact {
        let question = Question::new(name, record_type);
        self.client.ask(&question, &self.server, Instant::now() + Duration::from_secs(5)).await
    }
}

#[tokio::test]
async fn nsd_and_unbound_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let (nsd_port, unbound_port) = (free_port(), free_port());
    let Some(_nsd) = start_nsd(folder.path(), nsd_port) else { return };
    let nsd = Asker::new(nsd_port, ServerRole::Authority).ready("d.test").await;

    let fact = nsd.ask("d.test", RecordType::Mx).await;
    let answer = fact.answer().unwrap();
    assert!(answer.aa && answer.edns && !answer.ra, "{answer:?}");
    assert_eq!(answer.records.len(), 2);

    let fact = nsd.ask("gone.d.test", RecordType::A).await;
    let answer = fact.answer().unwrap();
    assert_eq!((answer.rcode, answer.soa.as_ref().unwrap().negative_ttl_s), (Rcode::NxDomain, 120));

    let fact = nsd.ask("long.d.test", RecordType::Txt).await;
    let answer = fact.answer().unwrap();
    assert_eq!(answer.transport, DnsTransport::Tcp);
    let RecordData::Txt { text } = &answer.records[0].data else { panic!("{answer:?}") };
    assert_eq!(text.len(), 4000);

    let fact = nsd.ask("host.sub.d.test", RecordType::Mx).await;
    let answer = fact.answer().unwrap();
    assert!(answer.is_referral());
    assert_eq!(answer.referral[0].zone, "sub.d.test");
    assert_eq!(answer.referral[0].glue, ["192.0.2.53".parse::<std::net::IpAddr>().unwrap()]);

    let fact = nsd.ask("_25._tcp.mx.d.test", RecordType::Tlsa).await;
    let expected = RecordData::Tlsa { usage: 3, selector: 1, matching: 1, data: "ab".repeat(32) };
    assert_eq!(fact.answer().unwrap().records[0].data, expected);
    assert_eq!(nsd.ask("stranger.test", RecordType::Mx).await.answer().unwrap().rcode, Rcode::Refused);

    let Some(_unbound) = start_unbound(folder.path(), unbound_port, nsd_port) else { return };
    let unbound = Asker::new(unbound_port, ServerRole::Resolver).ready("d.test").await;
    let fact = unbound.ask("alias.d.test", RecordType::Mx).await;
    let answer = fact.answer().unwrap();
    assert!(answer.ra && !answer.aa);
    assert_eq!(answer.aliases, ["hop.d.test", "d.test"]);
    assert_eq!(answer.records.len(), 2);

    let fact = unbound.ask("d.lame.test", RecordType::Mx).await;
    assert_eq!(fact.answer().unwrap().rcode, Rcode::ServFail);
}
