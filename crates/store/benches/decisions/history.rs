//! A history without deciding it: the rows that `record` would have written, as far as a later report or a page meets them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use abprall_policy::{Day, failure_keys};
use rusqlite::{Connection, params};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::mail::{Mail, domain, domain_of, first_of, host_name, host_of, mix, sort_of};

/// Reports between two commits.
const PIECE: u64 = 500_000;

/// What is done with each sort, and how it stops.
const OUTCOMES: [(&str, &str, Option<&str>); 6] = [
    ("suppress", "recipient-permanent", Some("suppression")),
    ("count", "transient", None),
    ("hold", "route-permanent", Some("hold")),
    ("alert", "our-side", None),
    ("review", "undetermined", None),
    ("reset", "delivered", None),
];

pub fn fill(path: &Path, mail: &Mail, from: u64, to: u64) {
    let mut connection = Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -2000000; PRAGMA foreign_keys = OFF; PRAGMA threads = 2;")
        .unwrap();
    // The first and largest part goes in without the indexes that grow at random places: sorting is faster.
    let is_new = from == 0;
    if is_new {
        connection
            .execute_batch("PRAGMA journal_mode = OFF; DROP INDEX address_hash; DROP INDEX decision_address;")
            .unwrap();
    }
    let seed: String = connection
        .query_row("SELECT value FROM setting WHERE name = 'address_hash_seed'", [], |row| row.get(0))
        .unwrap();
    let seed = u64::from_str_radix(&seed, 16).unwrap();
    let mut names = Names { seed, ..Names::load(&connection) };
    names.addresses.resize(to.div_ceil(5).try_into().unwrap(), 0);
    let mut begin = from;
    while begin < to {
        let end = (begin + PIECE).min(to);
        let transaction = connection.transaction().unwrap();
        piece(&transaction, mail, &mut names, begin, end);
        transaction.commit().unwrap();
        begin = end;
    }
    if is_new {
        connection
            .execute_batch(
                "CREATE INDEX address_hash ON address (hash);
                 CREATE INDEX decision_address ON decision (address) WHERE address IS NOT NULL;
                 PRAGMA journal_mode = WAL;",
            )
            .unwrap();
    }
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
}

/// Numbers of names, and addresses by the first report about them.
#[derive(Default)]
struct Names {
    seed: u64,
    domains: HashMap<u64, i64>,
    hosts: HashMap<u64, i64>,
    joined: HashSet<(i64, i64)>,
    /// Those that come again, of this filling: by a fifth of the number of the first report. 0: not of this filling.
    addresses: Vec<u32>,
    in_incident: HashSet<i64>,
}

impl Names {
    fn load(connection: &Connection) -> Self {
        let mut names = Self::default();
        let mut read =
            |sql: &str, of: fn(&mut Self) -> &mut HashMap<u64, i64>, prefix: &str, suffix: &str| {
                let mut statement = connection.prepare(sql).unwrap();
                let mut rows = statement.query([]).unwrap();
                while let Some(row) = rows.next().unwrap() {
                    let name: String = row.get(1).unwrap();
                    let number = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
                    if let Some(number) = number.and_then(|number| number.parse().ok()) {
                        of(&mut names).insert(number, row.get(0).unwrap());
                    }
                }
            };
        read("SELECT id, name FROM domain", |names| &mut names.domains, "d", ".example");
        read("SELECT id, name FROM host", |names| &mut names.hosts, "mx", ".host.example");
        let pairs = |sql: &str| -> HashSet<(i64, i64)> {
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            rows.map(Result::unwrap).collect()
        };
        names.joined = pairs("SELECT host, domain FROM host_domain");
        names.in_incident =
            pairs("SELECT domain, 0 FROM incident_domain").into_iter().map(|pair| pair.0).collect();
        names
    }
}

#[derive(Default)]
struct DomainSum {
    failures: i64,
    route: i64,
    addresses: i64,
    held: i64,
    suppressed: i64,
    last: i64,
    reason: &'static str,
}

#[expect(clippy::too_many_lines, reason = "one statement a table")]
fn piece(connection: &Connection, mail: &Mail, names: &mut Names, from: u64, to: u64) {
    let next = |table: &str| -> i64 {
        let sql = format!("SELECT coalesce(max(id), 0) + 1 FROM {table}");
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    let (first_message, first_report, first_decision) = (next("message"), next("report"), next("decision"));
    let mut address_id = next("address");
    let mut incident_id = next("incident");
    let mut insert_message = connection
        .prepare("INSERT INTO message (id, content, source, seen_at) VALUES (?1, ?2, ?3, ?4)")
        .unwrap();
    let mut insert_report = connection
        .prepare(
            "INSERT INTO report (id, message, position, address, host, happened_at, kind, reason, permanence, bounce_type, action,
                 confidence, diagnostic, message_id, because, contradictions, cluster)
             VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0.9, ?11, ?12, '[[\"rule\",\"text\"]]', '[]', ?13)",
        )
        .unwrap();
    let mut insert_decision = connection
        .prepare(
            "INSERT INTO decision (id, address, report, taken_at, outcome, reason, rule, policy, incident)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 2, ?8)",
        )
        .unwrap();
    let mut insert_failure = connection
        .prepare("INSERT OR IGNORE INTO failure (key, report, outcome) VALUES (?1, ?2, ?3)")
        .unwrap();
    let mut insert_address =
        connection.prepare("INSERT INTO address (id, hash, text, domain) VALUES (?1, ?2, ?3, ?4)").unwrap();
    let mut find_address = connection.prepare("SELECT id, text FROM address WHERE hash = ?1").unwrap();
    let mut insert_stop = connection
        .prepare(
            "INSERT INTO stop (kind, subject, domain, tenant, list, stop, reason, since, decision)
             VALUES (0, ?1, ?2, '', '', ?3, ?4, ?5, ?6)",
        )
        .unwrap();
    let mut find_stop =
        connection.prepare("SELECT 1 FROM stop WHERE kind = 0 AND subject = ?1 LIMIT 1").unwrap();
    let mut change =
        connection.prepare("INSERT INTO stop_change (fingerprint, added) VALUES (?1, 1)").unwrap();
    let mut deliver =
        connection.prepare("INSERT OR REPLACE INTO delivery (address, day) VALUES (?1, ?2)").unwrap();
    let mut strike = connection
        .prepare("INSERT OR IGNORE INTO strike (address, day, reason, decision) VALUES (?1, ?2, 'mailbox_full', ?3)")
        .unwrap();
    let mut sums: HashMap<i64, DomainSum> = HashMap::new();
    let mut host_sums: HashMap<i64, (i64, i64, &'static str)> = HashMap::new();
    let mut day_reasons: BTreeMap<(i64, usize), i64> = BTreeMap::new();
    let mut domain_days: BTreeMap<(i64, i64, usize), i64> = BTreeMap::new();
    let mut host_days: BTreeMap<(i64, i64, usize), i64> = BTreeMap::new();
    let (mut held, mut suppressed, mut waiting) = (0_i64, 0_i64, 0_i64);
    for number in from..to {
        let letter = mail.report(number);
        let place = (number - from).cast_signed();
        let (message_id, report_id, decision_id) =
            (first_message + place, first_report + place, first_decision + place);
        let (sort, at) = (sort_of(number), letter.seen_at.as_microsecond());
        let judged = mail.judged(sort);
        let reason: &'static str = judged.reason.as_str();
        let (outcome, rule, stops) = OUTCOMES[sort];
        let day = at.div_euclid(86_400_000_000);
        let domain_id = *names.domains.entry(domain_of(first_of(number))).or_insert_with_key(|name| {
            connection
                .prepare_cached("INSERT INTO domain (name) VALUES (?1)")
                .unwrap()
                .execute([domain(*name)])
                .unwrap();
            connection.last_insert_rowid()
        });
        let host_id = *names.hosts.entry(host_of(number)).or_insert_with_key(|name| {
            connection
                .prepare_cached("INSERT INTO host (name) VALUES (?1)")
                .unwrap()
                .execute([host_name(*name)])
                .unwrap();
            connection.last_insert_rowid()
        });
        let sum = sums.entry(domain_id).or_default();
        let text = mail.address_of(number);
        let hash = xxh3_64_with_seed(text.as_bytes(), names.seed).cast_signed();
        let first = first_of(number);
        let place = usize::try_from(first / 5).unwrap();
        let known = match names.addresses[place] {
            _ if first == number => None,
            0 => {
                find_address.query_map([hash], |row| row.get::<_, i64>(0)).unwrap().next().map(Result::unwrap)
            }
            address => Some(i64::from(address)),
        };
        let address = known.unwrap_or_else(|| {
            insert_address.execute(params![address_id, hash, text, domain_id]).unwrap();
            sum.addresses += 1;
            if first.is_multiple_of(5) {
                names.addresses[place] = u32::try_from(address_id).unwrap();
            }
            address_id += 1;
            address_id - 1
        });
        // As a content's key: the day, then what looks drawn.
        let mut content = [mix(number ^ 0x77).to_be_bytes(), mix(number ^ 0x99).to_be_bytes()].concat();
        content[..2].copy_from_slice(&u16::try_from(day).unwrap().to_be_bytes());
        insert_message.execute(params![message_id, content, format!("bounces.mbox#{number}"), at]).unwrap();
        let report = &letter.report;
        insert_report
            .execute(params![
                report_id,
                message_id,
                address,
                host_id,
                at,
                report.kind.as_str(),
                reason,
                judged.permanence.as_str(),
                judged.bounce_type.as_str(),
                judged.action.as_str(),
                report.diagnostic,
                report.message_id,
                (outcome == "review").then_some(1)
            ])
            .unwrap();
        waiting += i64::from(outcome == "review");
        let mut incident = None;
        if outcome == "hold" && names.in_incident.insert(domain_id) {
            incident = Some(incident_id);
            let key = format!("domain:{}", domain(domain_of(first_of(number))));
            // All but the latest ones are over.
            let closed = (number % 20 != 0).then_some(at);
            connection
                .prepare_cached(
                    "INSERT INTO incident (id, key, opened_at, closed_at, reason, domains, addresses) VALUES (?1, ?2, ?3, ?4, ?5, 1, 1)",
                )
                .unwrap()
                .execute(params![incident_id, key, at, closed, reason])
                .unwrap();
            connection
                .prepare_cached("INSERT INTO incident_domain (domain, incident) VALUES (?1, ?2)")
                .unwrap()
                .execute([domain_id, incident_id])
                .unwrap();
            connection
                .prepare_cached("INSERT INTO work (kind, domain, host, ip, claim, opened_at, due_at) VALUES ('recheck', ?1, 0, '', ?2, ?3, ?3)")
                .unwrap()
                .execute(params![domain_id, reason, at])
                .unwrap();
            incident_id += 1;
        }
        insert_decision
            .execute(params![decision_id, address, report_id, at, outcome, reason, rule, incident])
            .unwrap();
        for key in failure_keys(report, Day(day)) {
            let hash = xxh3_64_with_seed(key.as_bytes(), names.seed) & ((1 << 48) - 1);
            let key = ((day.div_euclid(4) & 0x7fff) << 48) | hash.cast_signed();
            insert_failure.execute(params![key, report_id, outcome]).unwrap();
        }
        if let Some(stop) = stops
            && !find_stop.exists([address]).unwrap()
        {
            insert_stop.execute(params![address, domain_id, stop, reason, at, decision_id]).unwrap();
            change.execute([hash]).unwrap();
            let is_hold = i64::from(stop == "hold");
            held += is_hold;
            suppressed += 1 - is_hold;
            sum.held += is_hold;
            sum.suppressed += 1 - is_hold;
        }
        match outcome {
            "reset" => drop(deliver.execute([address, day]).unwrap()),
            "count" => drop(strike.execute([address, day, decision_id]).unwrap()),
            _ => {}
        }
        *day_reasons.entry((day, sort)).or_default() += 1;
        if outcome != "reset" {
            sum.failures += 1;
            sum.route += i64::from(outcome == "hold");
            (sum.last, sum.reason) = (at, reason);
            let host_sum = host_sums.entry(host_id).or_default();
            *host_sum = (host_sum.0 + 1, at, reason);
            for day in [day, -1] {
                *domain_days.entry((domain_id, day, sort)).or_default() += 1;
                *host_days.entry((host_id, day, sort)).or_default() += 1;
            }
            if names.joined.insert((host_id, domain_id)) {
                connection
                    .prepare_cached("INSERT INTO host_domain (host, domain, day) VALUES (?1, ?2, ?3)")
                    .unwrap()
                    .execute([host_id, domain_id, day])
                    .unwrap();
                connection
                    .prepare_cached(
                        "INSERT INTO host_state (host, ip, domains) VALUES (?1, '', 1) ON CONFLICT DO UPDATE SET domains = domains + 1",
                    )
                    .unwrap()
                    .execute([host_id])
                    .unwrap();
            }
        }
    }
    let mut add = connection
        .prepare(
            "INSERT INTO domain_state (domain, failures, route_failures, addresses, held, suppressed, last_failure_at, last_reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT DO UPDATE SET failures = failures + ?2, route_failures = route_failures + ?3, addresses = addresses + ?4,
                 held = held + ?5, suppressed = suppressed + ?6, last_failure_at = ?7, last_reason = ?8",
        )
        .unwrap();
    for (domain, sum) in sums {
        let last = (sum.last > 0).then_some(sum.last);
        let reason = (sum.last > 0).then_some(sum.reason);
        add.execute(params![
            domain,
            sum.failures,
            sum.route,
            sum.addresses,
            sum.held,
            sum.suppressed,
            last,
            reason
        ])
        .unwrap();
    }
    let mut add = connection
        .prepare("UPDATE host_state SET failures = failures + ?2, last_failure_at = ?3, last_reason = ?4 WHERE host = ?1 AND ip = ''")
        .unwrap();
    for (host, (failures, last, reason)) in host_sums {
        add.execute(params![host, failures, last, reason]).unwrap();
    }
    for (sql, sums) in [
        (
            "INSERT INTO domain_day (domain, day, reason, failures) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET failures = failures + excluded.failures",
            domain_days,
        ),
        (
            "INSERT INTO host_day (host, day, reason, failures) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET failures = failures + excluded.failures",
            host_days,
        ),
    ] {
        let mut add = connection.prepare(sql).unwrap();
        for ((subject, day, sort), failures) in sums {
            add.execute(params![subject, day, mail.judged(sort).reason.as_str(), failures]).unwrap();
        }
    }
    let mut add = connection
        .prepare(
            "INSERT INTO day_reason (day, kind, reason, bounce_type, outcome, reports) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET reports = reports + excluded.reports",
        )
        .unwrap();
    for ((day, sort), reports) in day_reasons {
        let kind = if OUTCOMES[sort].0 == "reset" { "delivered" } else { "failed" };
        let judged = mail.judged(sort);
        add.execute(params![
            day,
            kind,
            judged.reason.as_str(),
            judged.bounce_type.as_str(),
            OUTCOMES[sort].0,
            reports
        ])
        .unwrap();
    }
    connection
        .execute(
            "INSERT INTO review_cluster (id, pattern, reports, first_at, last_at) VALUES (1, '559 5.9.9 <ADDRESS>: the badger has taken box N', ?1, 0, 0)
             ON CONFLICT DO UPDATE SET reports = reports + ?1",
            [waiting],
        )
        .unwrap();
    for (name, value) in [("held", held), ("suppressed", suppressed), ("messages", (to - from).cast_signed())]
    {
        connection
            .execute(
                "INSERT INTO total (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = value + excluded.value",
                params![name, value],
            )
            .unwrap();
    }
}
