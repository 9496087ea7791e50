//! Every limit of this crate, with its reason.

use std::time::Duration;

/// Longest DNS answer that is read, in bytes: what the length field of DNS over TCP can say (RFC 7766 §8).
pub const DNS_ANSWER_BYTES_MAX: usize = 65_535;

/// What we say that we take over UDP, in bytes: passes every usual path without fragments (DNS Flag Day 2020).
pub const DNS_UDP_PAYLOAD_BYTES: u16 = 1232;

/// Most records of one answer that are kept. Nobody has more mail exchangers on purpose.
pub const DNS_RECORDS_MAX: usize = 1000;

/// Longest chain of aliases that is followed. Unbound follows 11, BIND 16.
pub const DNS_ALIASES_MAX: usize = 16;

/// Longest text of one TXT record that is kept, in bytes. A record of MTA-STS, TLSRPT or DMARC is far shorter.
pub const DNS_TXT_BYTES_MAX: usize = 4096;

/// Most name servers of one referral that are kept. The root has 13, the largest zones about 20.
pub const DNS_REFERRAL_SERVERS_MAX: usize = 32;

/// Most glue addresses of one name server that are kept.
pub const DNS_GLUE_MAX: usize = 16;

/// Most extended errors of one answer that are kept (RFC 8914 lets a server send several).
pub const DNS_EXTENDED_ERRORS_MAX: usize = 8;

/// Longest text of an extended error that is kept, in bytes.
pub const DNS_EXTENDED_ERROR_BYTES_MAX: usize = 512;

/// Most packets that are no answer to our question which one question takes; then whoever sends them is not listened to any more.
pub const DNS_STRAY_PACKETS_MAX: u32 = 64;

/// Most messages read from one TCP connection while waiting for our answer.
pub const DNS_TCP_MESSAGES_MAX: u32 = 8;

/// Shortest and longest wait before a question is sent again. The actual wait is a fifth of the time that is left.
pub const DNS_RESEND_MIN: Duration = Duration::from_millis(200);
/// See [`DNS_RESEND_MIN`].
pub const DNS_RESEND_MAX: Duration = Duration::from_secs(2);

/// How long an answer without EDNS waits for a late one with EDNS, so that a slow resolver is not taken for one without EDNS.
pub const DNS_PLAIN_ANSWER_GRACE: Duration = Duration::from_millis(150);

/// UDP sockets that the questions of a bulk run share. More gave nothing on two cores.
pub const SHARED_SOCKETS: usize = 16;

/// Most questions in flight on one shared socket: keeps a free id quick to find among 65,536.
pub const SHARED_SOCKET_IN_FLIGHT_MAX: usize = 16_384;

/// Most resolvers taken from resolv.conf: `MAXNS` of the C library.
pub const SYSTEM_RESOLVERS_MAX: usize = 3;

/// Longest one lookup of a host may take. A recursor can be silent for over 100 s.
pub const LOOKUP_TIME_MAX: Duration = Duration::from_secs(8);

/// Most different MX hosts of one domain whose addresses are looked up. Real mail servers stop at far fewer (Postfix: 5 addresses).
pub const EXCHANGERS_LOOKED_UP_MAX: usize = 64;

/// Most addresses of one MX host that are taken.
pub const EXCHANGER_ADDRESSES_MAX: usize = 32;

/// Most lookups that a bulk run remembers: about 2,000 MX hosts serve most domains; 65,536 entries take some 40 MB.
pub const LOOKUPS_REMEMBERED_MAX: usize = 65_536;

/// Longest an address of an MX host is remembered within a run, whatever its TTL.
pub const REMEMBERED_TIME_MAX: Duration = Duration::from_secs(3600);

/// Longest a negative answer is remembered (RFC 2308 §5 finds one to three hours sensible; a look should not be older).
pub const REMEMBERED_NEGATIVE_TIME_MAX: Duration = Duration::from_secs(900);

/// How long a failure is remembered: at most five minutes by RFC 2308 §7, at least one second by RFC 9520 §3.2.
pub const REMEMBERED_FAILURE_TIME: Duration = Duration::from_secs(30);

/// Deepest delegation that the walk follows from the root. The longest real chains have five cuts.
pub const WALK_CUTS_MAX: usize = 10;

/// Most servers of one parent zone that the walk asks until one is of use.
pub const WALK_PARENT_TRIES_MAX: usize = 3;

/// Most name servers of a zone that the walk asks directly.
pub const WALK_SERVERS_MAX: usize = 16;

/// Most addresses of one name server that the walk asks.
pub const WALK_ADDRESSES_MAX: usize = 4;

/// Most questions of one walk: stops delegations that lead in circles.
pub const WALK_QUESTIONS_MAX: u32 = 160;

/// How deep the walk goes to find a name server's own address: zones may name servers in each other.
pub const WALK_DEPTH_MAX: u32 = 2;

/// Longest that one question of the walk may take.
pub const WALK_QUESTION_TIME_MAX: Duration = Duration::from_secs(3);

/// Longest life of an MTA-STS policy, in seconds (RFC 8461 §3.2): a year.
pub const MTA_STS_MAX_AGE_S: u64 = 31_557_600;

/// Most MX patterns of an MTA-STS policy that we keep. Real ones have a handful; no domain has more MX records in use.
pub const MTA_STS_PATTERNS_MAX: usize = 200;

/// Largest MTA-STS policy that we read, in bytes (RFC 8461 §3.3 suggests 64 kilobytes).
pub const MTA_STS_POLICY_BYTES_MAX: usize = 64 * 1024;

/// How long fetching an MTA-STS policy may take (RFC 8461 §3.3 suggests a minute; a person waits for us).
pub const MTA_STS_FETCH: Duration = Duration::from_secs(10);

/// How long one address of an HTTPS server may take to accept a connection, so that a dead one leaves time for the next.
pub const HTTPS_CONNECT: Duration = Duration::from_secs(3);

/// Most addresses of an HTTPS server that are tried.
pub const HTTPS_ADDRESSES_MAX: usize = 4;

/// Largest head of an HTTPS response, in bytes; servers are known to refuse requests with 8 KiB, and to answer with less.
pub const HTTPS_HEAD_BYTES_MAX: usize = 32 * 1024;

/// Most header fields of an HTTPS response.
pub const HTTPS_FIELDS_MAX: usize = 100;

/// Most hops of a traced path. Paths in the Internet are rarely longer than 30.
pub const TRACE_HOPS_MAX: u8 = 32;

/// How often a path is followed: routers answer only some of the time.
pub const TRACE_ROUNDS: usize = 3;

/// How long one round of following a path may take.
pub const TRACE_ROUND: Duration = Duration::from_secs(2);

/// How long canary answers are used again while the domains look fine.
pub const CANARY_KEPT: Duration = Duration::from_secs(60);

/// How old canary answers may be at most when the lookup of a domain failed: older ones say nothing about that moment.
pub const CANARY_KEPT_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// How long canary mail servers may take to show that our way out on port 25 is open.
pub const CANARY_PROBE: Duration = Duration::from_secs(10);

/// What is left of a survey's time for putting it together, at most; a tenth of a very short one.
pub const SURVEY_RESERVE: Duration = Duration::from_millis(200);

/// How far a batch may run ahead of its slowest domain, in entries: bounds what is remembered to continue it.
pub const BATCH_AHEAD_MAX: u64 = 1 << 18;

/// How many domains of a list a batch remembers to leave out repetitions, 8 bytes each.
pub const BATCH_REPETITIONS: usize = 1 << 20;

/// Longest line of a list, in bytes: room for an address with a comment. The rest of a longer one is ignored.
pub const BATCH_LINE_BYTES_MAX: usize = 4096;

/// Longest line of an output that is continued, in bytes: a diagnosis with all facts of the largest route.
pub const BATCH_OUTPUT_LINE_BYTES_MAX: u64 = 64 << 20;

/// How many entries of a list are read ahead.
pub const BATCH_QUEUE: usize = 4096;

/// How long a result may wait to be written: what a kill can lose, and is then looked at once more.
pub const BATCH_WRITE_EVERY: Duration = Duration::from_millis(200);

/// Longest name of a certificate that is kept, in bytes (a DNS name has at most 253).
pub const CERTIFICATE_NAME_BYTES_MAX: usize = 256;

/// Most names of a certificate that are kept. Large providers show about 100; all are compared, whatever is kept.
pub const CERTIFICATE_NAMES_MAX: usize = 100;

/// How long a connection attempt may take: Postfix waits 30 s, but a server that needs more than 10 s is of no use to a survey of 30 s.
pub const CONNECT_MAX: Duration = Duration::from_secs(10);

/// After this time without an answer, a connection attempt no longer keeps others of its network and provider from being tried: a domain whose
/// eight addresses are all silent is then seen within 20 s, instead of 40 s.
pub const CONNECT_STALLS_AFTER: Duration = Duration::from_secs(2);

/// Most connections to one address at a time. Many servers allow few, and some take more for an attack.
pub const CONNECTIONS_PER_ADDRESS_MAX: u32 = 1;

/// Most connections to one network (/24, /48) at a time, and to one provider.
pub const CONNECTIONS_PER_NEIGHBOURHOOD_MAX: u32 = 2;

/// Most connection attempts a second in all: far below what looks like a scan of ports.
pub const CONNECTS_PER_S_MAX: u32 = 50;

/// Connection attempts that may come at once before the rate counts, so that one domain with several servers does not wait.
pub const CONNECTS_BURST_MAX: u32 = 10;

/// Time between two probes of an address by a watch; the earlier answer stands until then.
pub const PROBE_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// Longest time that an address is left alone after it said 421 again and again.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// A provider that refused us by policy so often, one after the other, is left alone for the rest of the run.
pub const POLICY_REFUSALS_MAX: u8 = 3;

/// Most addresses and providers that politeness remembers; the oldest are forgotten.
pub const POLITENESS_ENTRIES_MAX: usize = 65_536;

/// Most addresses whose last probe is remembered.
pub const PROBES_REMEMBERED_MAX: usize = 65_536;

/// What remembered probes may weigh together, in bytes. A usual one weighs about 10 KiB, that of a hostile server up to 200 KiB.
pub const PROBES_REMEMBERED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most names under which one address is probed within the interval, when its certificate depends on the name (SNI).
pub const NAMES_PER_ADDRESS_MAX: usize = 4;

/// Findings of one diagnosis, worst first; the rest is left out. A zone with thousands of MX records fills no report.
pub const FINDINGS_MAX: usize = 200;
/// The particulars of one finding, in bytes: a reply or a list of addresses that a person reads in one line.
pub const FINDING_DETAIL_BYTES_MAX: usize = 300;
/// Addresses that Postfix tries for one message (`smtp_mx_address_limit`). Its limit of 2 sessions
/// (`smtp_mx_session_limit`) counts only sessions beyond EHLO, which a probe does not see.
pub const STANDARD_SENDER_ADDRESSES: usize = 5;
/// Two looks count as two points in time only when they are this far apart, in seconds, or one negative TTL.
pub const SECOND_LOOK_AFTER_S: i64 = 3600;
/// How long a resolver may keep a failure, in seconds (RFC 2308 §7: at most five minutes).
pub const FAILURE_KEPT_S: i64 = 300;
/// Longest negative TTL that is believed, in seconds (RFC 2308 §5 calls more than a day problematic).
pub const NEGATIVE_TTL_S_MAX: i64 = 86_400;
/// Canaries that must fail together before blindness is more than a suspicion.
pub const CANARIES_FOR_PROOF: usize = 3;

/// Observations that one finding about a bounce names at most: a person reads them.
pub const CLAIM_EVIDENCE_MAX: usize = 8;

/// Largest answer of an RDAP server that is read, in bytes. Registries answer with some 10 KiB, address registries with up to 100.
pub const RDAP_BYTES_MAX: usize = 512 * 1024;

/// Most redirects of one RDAP question: a redirect server, a registry, and its new address; more is a loop (RFC 7480 §5.2).
pub const RDAP_REDIRECTS_MAX: usize = 5;

/// How long one RDAP question may take, redirects included. Registries are slow, and a person waits.
pub const RDAP_FETCH: Duration = Duration::from_secs(10);

/// Most entities of one RDAP answer that are read. Real answers have about ten.
pub const RDAP_ENTITIES_MAX: usize = 64;

/// How deep RDAP entities are looked for in each other. The registrar's abuse contact is at depth 2.
pub const RDAP_ENTITY_DEPTH_MAX: usize = 4;

/// Longest name, status or other text from an RDAP answer that is kept, in bytes.
pub const RDAP_TEXT_BYTES_MAX: usize = 120;

/// Most statuses of a registration that are kept. EPP has 17 and the grace periods (RFC 5731, RFC 3915).
pub const RDAP_STATUSES_MAX: usize = 24;

/// How long everything but the surveys of other domains may take: the DNS and RDAP questions of a search for contacts.
pub const CONTACT_GATHER: Duration = Duration::from_secs(25);

/// Most operators (of mail servers, of name servers) whose usual addresses are listed.
pub const CONTACT_OPERATORS_MAX: usize = 3;

/// Most addresses of mail servers whose network is asked about.
pub const CONTACT_NETWORKS_MAX: usize = 2;

/// Most candidates that are kept, best first. Nobody writes to more.
pub const CONTACT_CANDIDATES_MAX: usize = 30;

/// Most other domains whose mail is looked at to see which candidates can be reached: each is a whole survey.
pub const CONTACT_DOMAINS_MAX: usize = 8;

/// Most report addresses (`rua`) of one record that are taken. Receivers need not send to more than two (RFC 7489 §6.2).
pub const REPORT_ADDRESSES_MAX: usize = 4;
