//! Reports as a large sender gets them: many to a few domains, few to many; each number gives always the same one.

use abprall_bounce::{Classification, Classifier, Kind, Report, read_line};
use abprall_mail::EmailAddress;
use abprall_store::{Audience, ContentId, Entry, Message};
use jiff::{SignedDuration, Timestamp};

/// Domains; the largest has about a twelfth of all mail.
const DOMAINS: u64 = 200_000;

/// Servers that speak for them.
const HOSTS: u64 = 5000;

/// What happens, with how many of a hundred reports.
const SORTS: [(u64, &str); 6] = [
    (45, "550 5.1.1 <x@x.example>: Recipient address rejected: User unknown"),
    (20, "452 4.2.2 <x@x.example>: Mailbox full"),
    (10, "550 5.4.3 <x@x.example>: Routing server failure"),
    (
        10,
        "554 5.7.1 <x@x.example>: Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
    ),
    (5, "559 5.9.9 <x@x.example>: the badger has taken box 17"),
    (10, ""),
];

pub struct Mail {
    sorts: Vec<(Report, Classification)>,
    /// Between two reports.
    gap: SignedDuration,
}

/// A report before it is a message.
pub struct Letter {
    pub number: u64,
    pub sort: usize,
    pub report: Report,
    pub seen_at: Timestamp,
    source: String,
}

impl Letter {
    /// As much of the mail as makes its identity.
    fn bytes(&self) -> String {
        format!("Date: {}\n\n{}", self.seen_at.strftime("%a, %d %b %Y %H:%M:%S +0000"), self.number)
    }
}

impl Mail {
    /// Reports that come evenly over a year.
    pub fn new(a_year: u64) -> Self {
        let classifier = Classifier::built_in();
        let sorts = SORTS.iter().map(|(_, reply)| {
            let report = match *reply {
                "" => Report { kind: Kind::Delivered, ..Report::default() },
                _ => Report { kind: Kind::Failed, ..read_line(reply) },
            };
            let judged = classifier.classify(&report);
            (report, judged)
        });
        let micros = 365 * 86_400_000_000 / a_year.max(1);
        Self { sorts: sorts.collect(), gap: SignedDuration::from_micros(micros.cast_signed()) }
    }

    pub fn seen_at(&self, number: u64) -> Timestamp {
        day_one() + self.gap * i32::try_from(number).unwrap()
    }

    pub fn report(&self, number: u64) -> Letter {
        let sort = sort_of(number);
        let (report, _) = &self.sorts[sort];
        let host = host_of(number);
        let report = Report {
            recipient: Some(EmailAddress::parse(&self.address_of(number)).unwrap()),
            message_id: Some(format!("{number}.{}@mail.sender.example", mix(number))),
            reporting_mta: Some("out.sender.example".to_owned()),
            remote_mta: Some(host_name(host)),
            ..report.clone()
        };
        let source = format!("bounces.mbox#{number}");
        Letter { number, sort, report, seen_at: self.seen_at(number), source }
    }

    pub fn message<'a>(&'a self, letter: &'a Letter) -> Message<'a> {
        Message {
            content: ContentId::of(letter.bytes().as_bytes()),
            source: &letter.source,
            seen_at: letter.seen_at,
            holds: None,
            audience: Audience::default(),
            entries: vec![Entry { report: &letter.report, judged: &self.sorts[letter.sort].1 }],
        }
    }

    pub fn judged(&self, sort: usize) -> &Classification {
        &self.sorts[sort].1
    }

    /// Two of five reports are about an address of which there was one before.
    pub fn address_of(&self, number: u64) -> String {
        let of = first_of(number);
        format!("user{of}@{}", domain(domain_of(of)))
    }
}

pub fn day_one() -> Timestamp {
    "2025-11-24T00:00:00Z".parse().unwrap()
}

/// The first report about the address of a report.
pub fn first_of(number: u64) -> u64 {
    if number % 5 < 3 || number < 100 {
        number
    } else {
        let before = mix(number) % number;
        before - before % 5
    }
}

/// As many mails for the first domain as for the second and third, as for the next four …
pub fn domain_of(number: u64) -> u64 {
    let part = mix(number ^ 0x5555) as f64 / u64::MAX as f64;
    ((DOMAINS as f64).powf(part) as u64 - 1).min(DOMAINS - 1)
}

pub fn domain(number: u64) -> String {
    format!("d{number}.example")
}

pub fn host_of(number: u64) -> u64 {
    domain_of(first_of(number)) % HOSTS
}

pub fn host_name(number: u64) -> String {
    format!("mx{number}.host.example")
}

pub fn sort_of(number: u64) -> usize {
    let mut part = mix(number ^ 0xaaaa) % 100;
    for (sort, (share, _)) in SORTS.iter().enumerate() {
        if part < *share {
            return sort;
        }
        part -= share;
    }
    0
}

/// A number that looks drawn (splitmix64).
pub fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
