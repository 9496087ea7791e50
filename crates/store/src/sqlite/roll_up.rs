//! The sums that a summary reads.

use abprall_policy::Outcome;
use rusqlite::params;

use super::book::Book;
use crate::StoreError;
use crate::plan::RollUps;

pub(super) fn write(book: &Book<'_>, sums: &RollUps) -> Result<(), StoreError> {
    let mut add = book.connection.prepare_cached(
        "INSERT INTO day_reason (day, kind, reason, bounce_type, outcome, reports) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET reports = reports + excluded.reports",
    )?;
    let mut clean = book.connection.prepare_cached(
        "DELETE FROM day_reason WHERE day = ?1 AND kind = ?2 AND reason = ?3 AND bounce_type = ?4 AND outcome = ?5
             AND reports <= 0",
    )?;
    for ((day, kind, reason, bounce_type, outcome), reports) in &sums.day_reasons {
        let (kind, reason) = (kind.as_str(), reason.as_str());
        let (bounce_type, outcome) = (bounce_type.as_str(), Outcome::as_str(*outcome));
        add.execute(params![day, kind, reason, bounce_type, outcome, reports])?;
        if *reports < 0 {
            clean.execute(params![day, kind, reason, bounce_type, outcome])?;
        }
    }
    for (of, add, clean) in [
        (
            &sums.domain_days,
            "INSERT INTO domain_day (domain, day, reason, failures) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET failures = failures + excluded.failures",
            "DELETE FROM domain_day WHERE domain = ?1 AND day = ?2 AND reason = ?3 AND failures <= 0",
        ),
        (
            &sums.host_days,
            "INSERT INTO host_day (host, day, reason, failures) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET failures = failures + excluded.failures",
            "DELETE FROM host_day WHERE host = ?1 AND day = ?2 AND reason = ?3 AND failures <= 0",
        ),
    ] {
        let mut add = book.connection.prepare_cached(add)?;
        let mut clean = book.connection.prepare_cached(clean)?;
        for ((subject, day, reason), failures) in of {
            add.execute(params![subject, day, reason.as_str(), failures])?;
            if *failures < 0 {
                clean.execute(params![subject, day, reason.as_str()])?;
            }
        }
    }
    host_domains(book, sums)
}

/// A host counts the domains that are new to it.
fn host_domains(book: &Book<'_>, sums: &RollUps) -> Result<(), StoreError> {
    let mut later = book
        .connection
        .prepare_cached("UPDATE host_domain SET day = max(day, ?3) WHERE host = ?1 AND domain = ?2")?;
    let mut add =
        book.connection.prepare_cached("INSERT INTO host_domain (host, domain, day) VALUES (?1, ?2, ?3)")?;
    let mut count = book.connection.prepare_cached(
        "INSERT INTO host_state (host, ip, domains) VALUES (?1, '', 1) ON CONFLICT DO UPDATE SET domains = domains + 1",
    )?;
    for ((host, domain), day) in &sums.host_domains {
        if later.execute(params![host, domain, day])? == 0 {
            add.execute(params![host, domain, day])?;
            count.execute([host])?;
        }
    }
    Ok(())
}
