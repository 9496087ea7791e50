use jiff::Timestamp;

use super::SqlStore;
use super::book::Book;
use super::column::{time, word};
use crate::audit::AuditEntry;
use crate::database::params;
use crate::page::cut_to_page;
use crate::{AuditAction, AuditRecord, Cursor, Page, Rows, StoreError};

impl Book<'_> {
    /// Writes down who does this, together with what is done.
    pub(super) fn audit(
        &self,
        action: AuditAction,
        entry: &AuditEntry<'_>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let action: &'static str = action.into();
        self.connection.execute(
            "INSERT INTO audit (at, actor, action, subject, tenant, list, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                at.as_microsecond(),
                self.actor,
                action,
                entry.subject,
                entry.tenant,
                entry.list,
                entry.detail
            ],
        )?;
        Ok(())
    }
}

/// Newest first.
pub(super) fn records(store: &SqlStore, page: Page) -> Result<Rows<AuditRecord>, StoreError> {
    let mut statement = store.connection.prepare_cached(
        "SELECT id, at, actor, action, subject, tenant, list, detail FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let before = page.after.map_or(i64::MAX, |cursor| cursor.id);
    let mut rows = statement.query(params![before, i64::from(page.rows) + 1])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let record = AuditRecord {
            id: row.get(0)?,
            at: time(row.get(1)?)?,
            actor: row.get(2)?,
            action: word("the action", &row.get::<String>(3)?)?,
            subject: row.get(4)?,
            tenant: row.get(5)?,
            list: row.get(6)?,
            detail: row.get(7)?,
        };
        found.push((Cursor { key: 0, id: record.id }, record));
    }
    Ok(cut_to_page(found, page))
}
