//! Where the lab's bounces failed, who spoke, and what kind of cause they claim, held against how each case was built
//! (`truth` in `corpus/expected.ndjson`, `lab/drive/cases.py`, `lab/zones`).

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use abprall_bounce::{Classifier, Issuer, Kind, Report, read};
use abprall_mail::{Confidence, Domain, Language, Verdict};
use abprall_route::{
    AddressState, CauseFamily, Claim, Diagnosis, Exchanger, FailingHop, HopEnd, HopSide, HostAddress,
    HostLookup, Observations, OurHosts, TlsFact, Vantage, hold_against,
};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn file(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("the file is part of the repository")
}

/// The lab's DNS as its zone files say, and its machines.
struct Lab {
    mx: BTreeMap<String, Vec<(u16, String)>>,
    addresses: BTreeMap<String, Vec<IpAddr>>,
    hosts: String,
}

impl Lab {
    fn read() -> Self {
        let mut lab = Self { mx: BTreeMap::new(), addresses: BTreeMap::new(), hosts: file("lab/hosts.tab") };
        let mut aliases = Vec::new();
        for (path, origin) in [("lab/zones/test.zone", "test"), ("lab/zones/lab.test.zone", "lab.test")] {
            for line in file(path).lines() {
                let words: Vec<&str> =
                    line.split(';').next().unwrap_or_default().split_whitespace().collect();
                let name = |label: &str| format!("{label}.{origin}");
                match words.as_slice() {
                    [owner, "MX", preference, host] => {
                        let host = if *host == "." { (*host).to_owned() } else { name(host) };
                        let preference = preference.parse().expect("a number");
                        lab.mx.entry(name(owner)).or_default().push((preference, host));
                    }
                    [owner, "A" | "AAAA", address] => {
                        let address = address.parse().expect("an address");
                        lab.addresses.entry(name(owner)).or_default().push(address);
                    }
                    [owner, "CNAME", target] => aliases.push((name(owner), name(target))),
                    _ => {}
                }
            }
        }
        for (alias, target) in aliases {
            // Some aliases lead to a name without an address, or in a circle.
            if let Some(addresses) = lab.addresses.get(&target).cloned() {
                lab.addresses.insert(alias, addresses);
            }
        }
        lab
    }

    /// The machine behind a name or an address: `lab/hosts.tab` gives some several addresses.
    fn machine(&self, host: &str) -> String {
        let address = host.parse().ok().or_else(|| self.addresses.get(host).map(|all| all[0]));
        let Some(IpAddr::V4(address)) = address else { return host.to_owned() };
        if !address.to_string().starts_with("10.77.0.") {
            return host.to_owned();
        }
        let octet = address.octets()[3].to_string();
        let mut rows = self.hosts.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let row = rows.find(|row| row.get(3).is_some_and(|octets| octets.split(',').any(|one| one == octet)));
        row.map_or_else(|| host.to_owned(), |row| row[0].to_owned())
    }

    /// What a look at the domain shows, by how the lab is built.
    fn diagnosis(&self, domain: &Domain) -> Diagnosis {
        let implicit = || self.addresses.contains_key(domain.as_str()).then(|| vec![(0, domain.to_string())]);
        let mut mx = self.mx.get(domain.as_str()).cloned().or_else(implicit).unwrap_or_default();
        mx.sort();
        let exchanger = |(preference, host): (u16, String)| {
            let addresses = self.addresses.get(&host).cloned().unwrap_or_default();
            let state = state_by_design(&host);
            let address = |ip| HostAddress {
                ip,
                state,
                detail: None,
                greeting: None,
                tls: TlsFact::default(),
                excluded: false,
            };
            let dns = match host.as_str() {
                "." => HostLookup::Null,
                _ if addresses.is_empty() => HostLookup::Nxdomain,
                _ => HostLookup::Ok,
            };
            Exchanger {
                preference,
                host,
                implicit: false,
                dns,
                addresses: addresses.into_iter().map(address).collect(),
            }
        };
        Diagnosis {
            domain: domain.clone(),
            checked_at: jiff::Timestamp::UNIX_EPOCH,
            took_ms: 0,
            vantage: Vantage {
                resolver: "10.77.0.3:53".to_owned(),
                ok: true,
                ipv4: true,
                ipv6: true,
                tested: true,
                detail: None,
            },
            verdict: Verdict::Unknown,
            confidence: Confidence::Low,
            findings: Vec::new(),
            mx: mx.into_iter().map(exchanger).collect(),
            alternatives: Vec::new(),
            senders: Vec::new(),
            causes: Vec::new(),
            look_again_at: None,
            observations: Observations::default(),
        }
    }
}

/// How the lab's hosts answer on port 25 (lab/hosts.tab, lab/roles).
fn state_by_design(host: &str) -> AddressState {
    match host.trim_end_matches(".lab.test") {
        "dest-dead" => AddressState::Timeout,
        "dest-refuse" => AddressState::Refused,
        "dest-tarpit" => AddressState::GreetingTimeout,
        "b421" => AddressState::Greeting4xx,
        "b554" => AddressState::Greeting5xx,
        "unroutable" | "v6nobody" => AddressState::Unreachable,
        "localhost" => AddressState::Forbidden,
        _ => AddressState::Ok,
    }
}

struct Case {
    file: String,
    truth: Value,
    /// The report as people read it: everything before the returned headers.
    notice: String,
    report: Report,
    claim: Claim,
    /// With the DNS as it is in the lab, as `abprall route bounce.eml` sees it.
    with_dns: FailingHop,
}

impl Case {
    fn is_of(&self, mta: &str) -> bool {
        self.truth["mta"] == mta
    }

    fn case(&self) -> &str {
        self.truth["case"].as_str().expect("each case has a name")
    }

    /// The cause of this recipient.
    fn cause(&self) -> &str {
        let recipient = self.report.recipient.as_ref().map(ToString::to_string).unwrap_or_default();
        let own = self.truth["recipient_truth"].as_object().and_then(|all| {
            let found = all.iter().find(|(address, _)| address.eq_ignore_ascii_case(&recipient))?;
            found.1["cause"].as_str()
        });
        own.or(self.truth["cause"].as_str()).expect("each case has a cause")
    }

    /// The host at which this recipient failed; `None` where it was the DNS.
    fn failed_host(&self) -> Option<&str> {
        if self.cause() == "null-mx" { None } else { self.truth["failed_host"].as_str() }
    }

    /// The MTA tells no cause: a warning or final notice that only says that time is over (lab/README.md §5.3, §5.4).
    fn hides_the_cause(&self) -> bool {
        let has = |words: &str| self.notice.contains(words);
        let quotes = has("Diagnostic-Code") || has("SMTP error") || has("Delay reason");
        let exim = has("created automatically by mail delivery software") && !quotes;
        let silent = ["retry timeout exceeded", "failing for a long time", "has not yet been delivered"];
        has("Envelope expired")
            || has("Tried all MXs")
            || (exim && (silent.iter().any(|words| has(words)) || self.case() == "self"))
            || (self.is_of("courier") && !has("Diagnostic-Code") && !has("<<<"))
            || (self.is_of("sendmail") && has("... Deferred\n"))
    }
}

/// Failed and delayed reports about mail that was really sent.
fn cases(lab: &Lab) -> Vec<Case> {
    let classifier = Classifier::built_in();
    let mut cases = Vec::new();
    for line in file("corpus/expected.ndjson").lines() {
        let row: Value = serde_json::from_str(line).expect("each line is JSON");
        if row["truth"]["mta"] == "lookalike" {
            continue;
        }
        let name = row["file"].as_str().expect("each line names its file").to_owned();
        let message = fs::read(root().join("corpus/mail").join(&name)).expect("each file is there");
        let text = String::from_utf8_lossy(&message).replace("\r\n", "\n");
        let notice = &text[text.find("\n\n").unwrap_or_default()..];
        let returned = ["text/rfc822-headers", "message/rfc822", "message/global\n", "Below this line"];
        let end = returned.iter().filter_map(|mark| notice.find(mark)).min().unwrap_or(notice.len());
        for report in read(&message).reports {
            if !matches!(report.kind, Kind::Failed | Kind::Delayed) {
                continue;
            }
            let claim = Claim::of(&report, &classifier.classify(&report), &OurHosts::default());
            let mut diagnosis = claim.domain.as_ref().map(|domain| lab.diagnosis(domain));
            let with_dns = hold_against(&claim, diagnosis.as_mut(), Language::En).failing;
            cases.push(Case {
                file: name.clone(),
                truth: row["truth"].clone(),
                notice: notice[..end].to_owned(),
                report,
                claim,
                with_dns,
            });
        }
    }
    assert!(cases.len() > 350, "only {} reports", cases.len());
    cases
}

fn hold(what: &str, share: f64, all: usize, misses: &[String]) {
    let reached = 1.0 - misses.len() as f64 / all as f64;
    let text = format!("{what}: {:.2} % of {all}\n{}\n", 100.0 * reached, misses.join("\n"));
    show(&text);
    assert!(reached >= share, "{text}");
}

fn show(text: &str) {
    if std::env::var_os("ABPRALL_SHOW").is_some() {
        eprintln!("{text}");
    }
}

#[test]
fn the_failing_hop_is_the_host_that_failed() {
    let lab = Lab::read();
    let cases = cases(&lab);
    let mut misses = Vec::new();
    for case in &cases {
        let failing = &case.with_dns;
        let right = match (case.failed_host(), failing.host()) {
            (Some(failed), Some(host)) => lab.machine(&host) == lab.machine(failed),
            (Some(_), None) => false,
            (None, _) => failing.side == HopSide::DestinationDomain,
        };
        if !right {
            misses.push(format!("{} want {:?} have {failing:?}", case.file, case.failed_host()));
        }
    }
    hold("failing hop", 0.97, cases.len(), &misses);
}

/// The bounce alone tells a host, or whose exchanger or DNS it was, or nothing. It does not tell a wrong one.
#[test]
fn the_failing_hop_is_not_wrong_without_a_look_at_the_network() {
    let lab = Lab::read();
    let cases = cases(&lab);
    let (mut named, mut misses) = (0, Vec::new());
    for case in &cases {
        let failing = &case.claim.failing;
        let is_exchanger = |domain: &Domain, failed: &str| {
            let mut mx = lab.mx.get(domain.as_str()).into_iter().flatten();
            mx.any(|(_, host)| lab.machine(host) == lab.machine(failed))
        };
        let right = match (&failing.to, case.failed_host()) {
            (Some(HopEnd::Host(host)), Some(failed)) => lab.machine(host) == lab.machine(failed),
            (Some(HopEnd::Address(ip)), Some(failed)) => lab.machine(&ip.to_string()) == lab.machine(failed),
            (Some(HopEnd::ExchangerOf(domain)), Some(failed)) => is_exchanger(domain, failed),
            // Where it failed inside the server that had it, or at something behind that one.
            (None, Some(failed)) => {
                failing.from.as_deref().is_some_and(|from| lab.machine(from) == lab.machine(failed))
            }
            (Some(HopEnd::DnsOf(_)), Some(_)) => false,
            (Some(HopEnd::DnsOf(_)), None) => true,
            (_, None) => failing.side == HopSide::Unknown,
        };
        named += usize::from(failing.host().is_some());
        if !right {
            misses.push(format!("{} want {:?} have {failing:?}", case.file, case.failed_host()));
        }
    }
    show(&format!("a host is named in {named} of {}", cases.len()));
    hold("failing hop by the bounce alone", 0.97, cases.len(), &misses);
}

/// By construction: what a relay or the destination's own system reports failed behind the MX.
#[test]
fn the_side_of_the_failure_is_right() {
    let lab = Lab::read();
    let cases = cases(&lab);
    let mut misses = Vec::new();
    for case in &cases {
        let routing = matches!(
            case.cause(),
            "routing-server-failure" | "directory-server-failure" | "bad-destination-system"
        );
        let wanted: &[HopSide] = match case.case() {
            "chain-unknown" | "chain-full" | "chain-dead" | "forwarded" | "lmtp-unknown" | "lmtp-quota"
            | "router-queue" | "loop" | "sieve-reject" => &[HopSide::BehindMx],
            "self" => &[HopSide::OurSide],
            "mx-localhost" => &[HopSide::DestinationDomain],
            _ if case.failed_host().is_none() => &[HopSide::DestinationDomain],
            // A notice that hides the reply cannot tell what lies behind the MX.
            _ if routing && case.hides_the_cause() => &[HopSide::BehindMx, HopSide::DestinationMx],
            _ if routing => &[HopSide::BehindMx],
            _ => &[HopSide::DestinationMx],
        };
        if !wanted.contains(&case.with_dns.side) {
            misses.push(format!("{} want {wanted:?} have {:?}", case.file, case.with_dns));
        }
    }
    hold("side", 0.97, cases.len(), &misses);
}

/// The remote one spoke exactly where it gave a reply by design and the notice quotes that reply.
#[test]
fn the_issuer_is_who_spoke() {
    let lab = Lab::read();
    let cases = cases(&lab);
    let mut misses = Vec::new();
    for case in &cases {
        let nobody_replied = case.case() == "router-queue"
            || matches!(
                case.cause(),
                "null-mx"
                    | "domain-does-not-exist"
                    | "domain-has-no-mail-host"
                    | "mx-name-does-not-exist"
                    | "mx-name-has-no-address"
                    | "mx-points-to-localhost"
                    | "mx-points-to-sender"
                    | "smtputf8-unsupported"
                    | "message-too-big"
                    | "recipient-refuses"
                    | "delivered-over-ipv6"
            );
        let design = case.truth["remote_reply_by_design"].as_str().unwrap_or_default();
        // Where the design is told in words: the last hop's reply to an unknown user, and the three of several recipients.
        let design = match case.case() {
            "forwarded" => "550 5.1.1",
            "multi-fail" | "multi-mixed" => "550 452",
            _ => design,
        };
        let is_code = |word: &&str| word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit());
        let quoted = design
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(is_code)
            .any(|code| [" ", "-"].iter().any(|next| case.notice.contains(&format!("{code}{next}"))));
        let wanted = if !nobody_replied && quoted { Issuer::Remote } else { Issuer::Reporting };
        if case.claim.issuer != wanted {
            misses.push(format!("{} want {wanted} have {:?}", case.file, case.report.diagnostic));
        }
    }
    hold("issuer", 0.98, cases.len(), &misses);
}

/// The family of each cause of `lab/drive/cases.py`.
fn families(cause: &str) -> &'static [CauseFamily] {
    match cause {
        "unknown-user"
        | "mailbox-disabled"
        | "mailbox-full"
        | "bad-address-syntax"
        | "mailbox-inactive"
        | "user-moved"
        | "forward-target-unknown"
        | "recipient-refuses" => &[CauseFamily::Recipient],
        "content-spam"
        | "policy-block"
        | "authentication-dmarc"
        | "authentication-required"
        | "tls-required"
        | "ip-blocklisted"
        | "ip-blocked-at-connect"
        | "content-virus"
        | "message-too-big"
        | "rate-limited"
        | "greylisted"
        | "too-many-connections"
        | "smtputf8-unsupported" => &[CauseFamily::Policy],
        "routing-server-failure" | "directory-server-failure" | "bad-destination-system" => {
            &[CauseFamily::RoutingBehindMx]
        }
        "remote-system" | "remote-disk-full" | "remote-shutdown" => &[CauseFamily::RemoteSystem],
        // "Please try again later": greylisting or trouble, by design unsaid.
        "unspecified-temporary" => &[CauseFamily::Policy, CauseFamily::RemoteSystem],
        "domain-takes-no-mail" | "null-mx" => &[CauseFamily::NoMailByIntent],
        "relay-denied-wrong-mx" => &[CauseFamily::RelayDenied],
        "mail-loop" | "mx-points-to-sender" | "mx-points-to-localhost" => &[CauseFamily::Loop],
        "connect-timeout"
        | "connection-refused"
        | "mx-unroutable-address"
        | "mx-ipv6-unreachable"
        | "delivered-over-ipv6" => &[CauseFamily::Connect],
        "no-greeting" => &[CauseFamily::Greeting],
        "domain-does-not-exist"
        | "domain-has-no-mail-host"
        | "mx-name-does-not-exist"
        | "mx-name-has-no-address" => &[CauseFamily::DnsNegative],
        "dns-servfail" | "dns-lame-delegation" | "dnssec-bogus" | "dns-timeout" => &[CauseFamily::DnsFailure],
        // One text, two claims: "User does not exist" with a 450, "Temporary failure" with a 550.
        "contradictory-text" => &[CauseFamily::Recipient, CauseFamily::RemoteSystem],
        other => panic!("no family for {other}"),
    }
}

#[test]
fn the_family_of_the_cause_is_right() {
    let lab = Lab::read();
    let cases = cases(&lab);
    let (mut hidden, mut misses) = (0, Vec::new());
    for case in &cases {
        let (family, wanted) = (case.claim.family, families(case.cause()));
        let hides = case.hides_the_cause();
        hidden += usize::from(hides);
        // Where the MTA tells no cause, to claim none is the right answer. Haraka's words name a family and no more.
        let unsaid = match family {
            CauseFamily::Expired | CauseFamily::Other => hides,
            CauseFamily::Connect => hides && case.is_of("haraka"),
            _ => false,
        };
        if !wanted.contains(&family) && !unsaid {
            misses.push(format!("{} want {wanted:?} have {family} {:?}", case.file, case.report.diagnostic));
        }
    }
    hold("cause family", 0.95, cases.len(), &misses);
    hold("cause family where one is told", 0.95, cases.len() - hidden, &misses);
}
