use jiff::Timestamp;

use super::SqlStore;
use super::book::Book;
use super::column::{time, word};
use crate::audit::AuditEntry;
use crate::database::{OptionalRow, params};
use crate::{ApiKey, AuditAction, KeyScope, NewApiKey, StoreError};

pub(super) fn create(book: &Book<'_>, key: &NewApiKey, at: Timestamp) -> Result<(), StoreError> {
    let taken = book
        .connection
        .prepare_cached("SELECT 1 FROM api_key WHERE name = ?1 AND revoked_at IS NULL")?
        .query_row([key.name.as_str()], |_| Ok(()))
        .optional()?;
    if taken.is_some() {
        return Err(StoreError::Exists { what: "key", name: key.name.clone() });
    }
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let scopes = scopes.join(" ");
    book.connection.execute(
        "INSERT INTO api_key (name, token, secret, scopes, tenant, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            key.name,
            key.token,
            key.secret,
            scopes,
            key.tenant,
            at.as_microsecond(),
            key.expires_at.map(Timestamp::as_microsecond)
        ],
    )?;
    let entry = AuditEntry {
        subject: Some(&key.name),
        tenant: key.tenant.as_deref(),
        detail: Some(&scopes),
        ..AuditEntry::default()
    };
    book.audit(AuditAction::KeyCreated, &entry, at)
}

/// All that were ever made, oldest first.
pub(super) fn keys(store: &SqlStore) -> Result<Vec<ApiKey>, StoreError> {
    let mut statement = store.connection.prepare_cached(
        "SELECT id, name, token, secret, scopes, tenant, created_at, expires_at, revoked_at FROM api_key ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        let scopes: String = row.get(4)?;
        let scopes = scopes.split_whitespace().map(|scope| word("the scope", scope));
        keys.push(ApiKey {
            id: row.get(0)?,
            name: row.get(1)?,
            token: row.get(2)?,
            secret: row.get(3)?,
            scopes: scopes.collect::<Result<Vec<KeyScope>, _>>()?,
            tenant: row.get(5)?,
            created_at: time(row.get(6)?)?,
            expires_at: row.get::<Option<i64>>(7)?.map(time).transpose()?,
            revoked_at: row.get::<Option<i64>>(8)?.map(time).transpose()?,
        });
    }
    Ok(keys)
}

/// Gives whether there was such a key.
pub(super) fn revoke(book: &Book<'_>, name: &str, at: Timestamp) -> Result<bool, StoreError> {
    let revoked = book.connection.execute(
        "UPDATE api_key SET revoked_at = ?2 WHERE name = ?1 AND revoked_at IS NULL",
        params![name, at.as_microsecond()],
    )?;
    if revoked > 0 {
        let entry = AuditEntry { subject: Some(name), ..AuditEntry::default() };
        book.audit(AuditAction::KeyRevoked, &entry, at)?;
    }
    Ok(revoked > 0)
}
