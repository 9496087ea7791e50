use super::SqlStore;
use super::column::{count, json_or_none, time, word, word_or_none};
use crate::database::ToValue;
use crate::page::cut_to_page;
use crate::{Cursor, HostFilter, HostSort, Page, Rows, StoreError, WatchedHost};

fn key_of(sort: HostSort) -> &'static str {
    match sort {
        HostSort::Failures => "s.failures",
        HostSort::LastFailure => "coalesce(s.last_failure_at, 0)",
        HostSort::Name => "0",
    }
}

pub(super) fn hosts(
    store: &SqlStore,
    filter: &HostFilter,
    sort: HostSort,
    page: Page,
) -> Result<Rows<WatchedHost>, StoreError> {
    let nothing = Rows { rows: Vec::new(), next: None };
    let number = |found: Option<i64>| found.unwrap_or(0);
    let host = match &filter.host {
        Some(name) => number(store.find_host(name)?),
        None => 0,
    };
    let domain = match &filter.domain {
        Some(name) => number(store.find_domain(name)?),
        None => 0,
    };
    if filter.host.is_some() && host == 0 || filter.domain.is_some() && domain == 0 {
        return Ok(nothing);
    }
    let key = key_of(sort);
    let mut sql = format!(
        "SELECT {key}, s.id, n.name, s.ip, s.failures, s.last_failure_at, s.last_reason, s.health, s.detail,
             (SELECT due_at FROM work WHERE kind = 'recheck_host' AND work.domain = 0 AND work.host = s.host AND work.ip = s.ip),
             (SELECT domains FROM host_state named WHERE named.host = s.host AND named.ip = ''),
             (SELECT count(*) FROM domain_mx WHERE domain_mx.host = s.host)
         FROM host_state s JOIN host n ON n.id = s.host WHERE ?1 = ?1"
    );
    let limit = i64::from(page.rows) + 1;
    let after = page.after.unwrap_or(Cursor { key: 0, id: 0 });
    let health = filter.health.map(abprall_policy::HealthState::as_str);
    let mut values: Vec<&dyn ToValue> = vec![&limit];
    if page.after.is_some() {
        values.extend([&after.key as &dyn ToValue, &after.id]);
        sql += &match sort {
            HostSort::Name => {
                " AND ?2 = ?2 AND (n.name, s.id) > (SELECT host.name, host_state.id FROM host_state
                 JOIN host ON host.id = host_state.host WHERE host_state.id = ?3)"
                    .to_owned()
            }
            HostSort::Failures | HostSort::LastFailure => {
                format!(" AND {key} <= ?2 AND ({key}, s.id) < (?2, ?3)")
            }
        };
    }
    if health.is_some() {
        values.push(&health);
        sql += &format!(" AND s.health_state = ?{}", values.len());
    }
    if filter.host.is_some() {
        values.push(&host);
        sql += &format!(" AND s.host = ?{}", values.len());
    }
    if filter.domain.is_some() {
        values.push(&domain);
        sql += &format!(" AND s.host IN (SELECT host FROM domain_mx WHERE domain = ?{})", values.len());
    }
    sql += &match sort {
        HostSort::Name => " ORDER BY n.name, s.id LIMIT ?1".to_owned(),
        HostSort::Failures | HostSort::LastFailure => format!(" ORDER BY {key} DESC, s.id DESC LIMIT ?1"),
    };
    let mut statement = store.connection.prepare_cached(&sql)?;
    let mut rows = statement.query(values.as_slice())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let ip: String = row.get(3)?;
        let watched = WatchedHost {
            host: row.get(2)?,
            ip: if ip.is_empty() { None } else { Some(word("the address", &ip)?) },
            failures: count(row.get(4)?),
            last_failure_at: row.get::<Option<i64>>(5)?.map(time).transpose()?,
            last_reason: word_or_none("the reason", row.get::<Option<String>>(6)?.as_deref())?,
            health: json_or_none("the health", row.get::<Option<String>>(7)?.as_deref())?,
            detail: row.get(8)?,
            next_look: row.get::<Option<i64>>(9)?.map(time).transpose()?,
            domains: count(row.get::<Option<i64>>(10)?.unwrap_or(0)),
            mx_of: count(row.get(11)?),
        };
        found.push((Cursor { key: row.get(0)?, id: row.get(1)? }, watched));
    }
    Ok(cut_to_page(found, page))
}
