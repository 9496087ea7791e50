use abprall_mail::Domain;
use abprall_policy::Stop;
use jiff::Timestamp;

use super::SqlStore;
use super::book::kind_of;
use super::column::{time, word};
use crate::database::{OptionalRow, Row, params};
use crate::{Audience, Question, Scope, Standing, State, StoreError, Subject};

/// The columns of a stop as they are stored.
pub(super) type StopColumns = (String, String, i64, Option<i64>, i64);

/// The address's own stop comes before that of its domain, this one before that of its hosts, unless the wider one is harder.
pub(super) fn check(store: &SqlStore, question: &Question, at: Timestamp) -> Result<Standing, StoreError> {
    let address = &question.address;
    let subject = Subject::Address(address.clone());
    let number = store.find_address(address)?;
    let own = of_number(store, &subject, number, Scope::Address, &question.audience, at)?;
    let Some(domain) = store.find_domain(address.domain_part())? else { return Ok(own) };
    let whole = Domain::parse(address.domain_part()).ok().map(Subject::Domain).unwrap_or(subject);
    let mut hardest = own;
    let of_domain = of_number(store, &whole, Some(domain), Scope::Domain, &question.audience, at)?;
    // Who is on the way back is let through what the watch has stopped, not through what a person has.
    let is_let_through =
        of_domain.state != State::Ok && is_exempt(store, number)? && !is_of_a_person(store, &of_domain)?;
    let of_domain = (!is_let_through).then_some(of_domain);
    let of_hosts = of_mail_hosts(store, domain, &question.audience, at)?;
    for wider in [of_domain, of_hosts].into_iter().flatten() {
        if wider.state > hardest.state {
            hardest = Standing { address: hardest.address, ..wider };
        }
    }
    Ok(hardest)
}

pub(super) fn check_subject(
    store: &SqlStore,
    subject: &Subject,
    at: Timestamp,
) -> Result<Standing, StoreError> {
    match subject {
        Subject::Address(address) => check(store, &Question::about(address.clone()), at),
        Subject::Domain(_) | Subject::MxHost(_) => own_standing(store, subject, &Audience::default(), at),
    }
}

/// The stop of just this subject, without those of its domain and hosts: the hardest.
pub(super) fn own_standing(
    store: &SqlStore,
    subject: &Subject,
    audience: &Audience,
    at: Timestamp,
) -> Result<Standing, StoreError> {
    let (number, scope) = find(store, subject)?;
    of_number(store, subject, number, scope, audience, at)
}

/// The number and scope of a subject.
pub(super) fn find(store: &SqlStore, subject: &Subject) -> Result<(Option<i64>, Scope), StoreError> {
    Ok(match subject {
        Subject::Address(address) => (store.find_address(address)?, Scope::Address),
        Subject::Domain(domain) => (store.find_domain(domain.as_str())?, Scope::Domain),
        Subject::MxHost(host) => (store.find_host(host.as_str())?, Scope::MxHost),
    })
}

fn of_number(
    store: &SqlStore,
    subject: &Subject,
    number: Option<i64>,
    scope: Scope,
    audience: &Audience,
    at: Timestamp,
) -> Result<Standing, StoreError> {
    let ok = || Standing::ok(subject.to_string());
    let Some(number) = number else { return Ok(ok()) };
    // `+`: SQLite would else look whether an index of one kind fits the value, and plan anew for each.
    let mut statement = store.connection.prepare_cached(
        "SELECT stop, reason, since, until, decision FROM stop
         WHERE kind = +?1 AND subject = ?2 AND (until IS NULL OR until > ?3)
             AND (tenant = '' OR tenant = ?4) AND (list = '' OR list = ?5)",
    )?;
    let mut rows = statement.query(params![
        kind_of(scope),
        number,
        at.as_microsecond(),
        audience.tenant,
        audience.list
    ])?;
    let mut hardest: Option<(u8, Standing)> = None;
    while let Some(row) = rows.next()? {
        let columns = stop_columns(row, 0)?;
        let stop: Stop = word("the stop", &columns.0)?;
        let weight = stop.weight(word("the reason", &columns.1)?);
        if hardest.as_ref().is_none_or(|(least, _)| weight > *least) {
            hardest = Some((weight, standing(subject.to_string(), scope, columns)?));
        }
    }
    Ok(hardest.map_or_else(ok, |(_, standing)| standing))
}

/// A domain is stopped by its mail hosts where all of them are.
fn of_mail_hosts(
    store: &SqlStore,
    domain: i64,
    audience: &Audience,
    at: Timestamp,
) -> Result<Option<Standing>, StoreError> {
    // Nobody stops hosts in most houses: one look says so.
    let any = store
        .connection
        .prepare_cached("SELECT 1 FROM stop WHERE kind = 2 LIMIT 1")?
        .query_row([], |_| Ok(()))
        .optional()?;
    if any.is_none() {
        return Ok(None);
    }
    let hosts: Vec<String> = {
        let mut statement = store.connection.prepare_cached(
            "SELECT host.name FROM domain_mx JOIN host ON host.id = domain_mx.host WHERE domain = ?1",
        )?;
        statement.query_map([domain], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    let mut mildest: Option<Standing> = None;
    for host in hosts {
        let Ok(name) = Domain::parse(&host) else { return Ok(None) };
        let number = store.find_host(&host)?;
        let one = of_number(store, &Subject::MxHost(name), number, Scope::MxHost, audience, at)?;
        if one.state == State::Ok {
            return Ok(None);
        }
        mildest = match mildest {
            Some(known) if known.state <= one.state => Some(known),
            Some(_) | None => Some(one),
        };
    }
    Ok(mildest)
}

/// A person ordered it, by hand or by an import.
fn is_of_a_person(store: &SqlStore, standing: &Standing) -> Result<bool, StoreError> {
    let Some(decision) = standing.decision else { return Ok(false) };
    let rule: String = store
        .connection
        .prepare_cached("SELECT rule FROM decision WHERE id = ?1")?
        .query_row([decision], |row| row.get(0))?;
    Ok(rule == "operator" || rule == "import")
}

/// It is on its way back, though its domain is stopped.
fn is_exempt(store: &SqlStore, address: Option<i64>) -> Result<bool, StoreError> {
    let Some(address) = address else { return Ok(false) };
    let found = store
        .connection
        .prepare_cached("SELECT 1 FROM exemption WHERE address = ?1")?
        .query_row([address], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// `stop, reason, since, until, decision`, from the column `first` on.
pub(super) fn stop_columns(row: Row<'_>, first: usize) -> Result<StopColumns, StoreError> {
    Ok((row.get(first)?, row.get(first + 1)?, row.get(first + 2)?, row.get(first + 3)?, row.get(first + 4)?))
}

pub(super) fn standing(
    address: String,
    scope: Scope,
    (stop, reason, since, until, decision): StopColumns,
) -> Result<Standing, StoreError> {
    Ok(Standing {
        address,
        state: word::<Stop>("the stop", &stop)?.into(),
        scope: Some(scope),
        reason: Some(word("the reason", &reason)?),
        since: Some(time(since)?),
        until: until.map(time).transpose()?,
        decision: Some(decision),
    })
}
