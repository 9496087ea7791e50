//! Forgetting a person: the address is replaced by a keyed hash, by which it is still recognised.

use abprall_mail::{EmailAddress, SuppressionKey};
use aws_lc_rs::{hmac, rand};
use jiff::Timestamp;

use super::SqlStore;
use super::book::Book;
use crate::audit::AuditEntry;
use crate::database::{Connection, OptionalRow, params};
use crate::{AuditAction, Erased, ErasureKey, StoreError};

/// What stands before the keyed hash in the place of an address. No address looks like this: it has no `@`.
const PREFIX: &str = "erased:";

/// Whether the stored text is what is left of somebody who was forgotten.
pub(crate) fn is_erased(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Whether the stored text is what is left of this address.
pub(super) fn is_erased_form_of(
    connection: &Connection,
    text: &str,
    key: &SuppressionKey,
) -> Result<bool, StoreError> {
    if !is_erased(text) {
        return Ok(false);
    }
    Ok(match secret(connection)? {
        Some(secret) => text == erased_form(&secret, key.as_str())?,
        None => false,
    })
}

pub(super) fn erase(
    store: &mut SqlStore,
    address: &EmailAddress,
    at: Timestamp,
) -> Result<Erased, StoreError> {
    let Some(number) = store.find_address(address)? else { return Ok(Erased::default()) };
    let stopped = super::check::check(store, &crate::Question::about(address.clone()), at)?;
    let key = address.suppression_key();
    let erased = store.write(|book| {
        let reports = replace(book, number, key.as_str())?;
        let form: String =
            book.connection
                .query_row("SELECT text FROM address WHERE id = ?1", [number], |row| row.get(0))?;
        if key.as_str() != address.as_str() {
            forget_in_audit(book, address.as_str(), &form)?;
        }
        book.audit(AuditAction::Erased, &AuditEntry { subject: Some(&form), ..AuditEntry::default() }, at)?;
        // Another one each time: what keeps mail elsewhere sees by it that there is something to look for.
        book.connection.execute(
            "INSERT INTO setting (name, value) SELECT 'note:erased', CAST(max(id) AS TEXT) FROM audit WHERE 1 = 1
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [],
        )?;
        Ok(Erased { known: true, stopped: stopped.state != crate::State::Ok, reports })
    })?;
    // The old pages must not keep what was overwritten.
    store.connection.forget_old_pages();
    Ok(erased)
}

/// Puts the keyed hash in the place of an address, and empties the reports about it. Gives how many.
pub(super) fn replace(book: &Book<'_>, number: i64, key: &str) -> Result<u64, StoreError> {
    let secret = secret_or_new(book.connection)?;
    let form = erased_form(&secret, key)?;
    book.connection.execute("UPDATE address SET text = ?1 WHERE id = ?2", params![form, number])?;
    forget_in_audit(book, key, &form)?;
    empty_reports(book, number)
}

/// The log goes on to say that something was done, but not to whom.
fn forget_in_audit(book: &Book<'_>, address: &str, form: &str) -> Result<(), StoreError> {
    book.connection
        .execute("UPDATE audit SET subject = ?1, detail = NULL WHERE subject = ?2", params![form, address])?;
    Ok(())
}

fn empty_reports(book: &Book<'_>, address: i64) -> Result<u64, StoreError> {
    // Without their words nobody will ever understand them: they leave the review desk.
    book.connection.execute(
        "UPDATE review_cluster SET reports = max(reports - gone.n, 0)
         FROM (SELECT cluster, count(*) AS n FROM report WHERE cluster IS NOT NULL AND id IN (
                 SELECT report FROM decision WHERE decision.address = ?1 AND report IS NOT NULL
                 UNION SELECT id FROM report WHERE failed_address = ?1) GROUP BY cluster) AS gone
         WHERE review_cluster.id = gone.cluster",
        [address],
    )?;
    let emptied = book.connection.execute(
        "UPDATE report SET diagnostic = NULL, prose = NULL, message_id = NULL, subject = NULL, queue_id = NULL, because = '[]',
             contradictions = '[]', cluster = NULL
         WHERE id IN (SELECT report FROM decision WHERE decision.address = ?1 AND report IS NOT NULL
             UNION SELECT id FROM report WHERE failed_address = ?1)",
        [address],
    )?;
    super::review::drop_empty_clusters(book)?;
    book.connection.execute("UPDATE decision SET note = NULL WHERE address = ?1", [address])?;
    // A target that refused it may have named it.
    book.connection
        .execute("UPDATE sync_item SET last_error = NULL WHERE kind = 0 AND subject = ?1", [address])?;
    Ok(emptied)
}

pub(super) fn export_key(store: &mut SqlStore) -> Result<ErasureKey, StoreError> {
    let seed = format!("{:016x}", store.seed);
    store.write(|book| Ok(ErasureKey { seed: seed.clone(), secret: secret_or_new(book.connection)? }))
}

pub(super) fn import_key(store: &mut SqlStore, key: &ErasureKey) -> Result<(), StoreError> {
    let is_hex = |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hex(&key.secret, 64) || !is_hex(&key.seed, 16) {
        return Err(StoreError::Key("it is no key of Abprall"));
    }
    let seed = u64::from_str_radix(&key.seed, 16).map_err(|_| StoreError::Key("it is no key of Abprall"))?;
    let same = store.seed == seed;
    store.write(|book| {
        let is_empty: bool = book
            .connection
            .query_row("SELECT NOT EXISTS (SELECT 1 FROM address)", [], |row| row.get(0))?;
        let known = secret(book.connection)?;
        if same && known.as_deref() == Some(&*key.secret) {
            return Ok(());
        }
        if !is_empty {
            return Err(StoreError::Key("this store knows addresses already; only an empty one can take a key over"));
        }
        for (name, value) in [("erasure_secret", &key.secret), ("address_hash_seed", &key.seed)] {
            book.connection.execute(
                "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                params![name, value],
            )?;
        }
        Ok(())
    })?;
    store.seed = seed;
    Ok(())
}

fn erased_form(secret: &str, address: &str) -> Result<String, StoreError> {
    let bytes = bytes_of(secret).ok_or_else(|| StoreError::UnknownWord {
        what: "the setting erasure_secret as",
        value: "a text that is no key".to_owned(),
    })?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
    let tag = hmac::sign(&key, format!("abprall erased 1\0{address}").as_bytes());
    Ok(format!("{PREFIX}{}", hex(tag.as_ref())))
}

fn secret(connection: &Connection) -> Result<Option<String>, StoreError> {
    connection
        .prepare_cached("SELECT value FROM setting WHERE name = 'erasure_secret'")?
        .query_row([], |row| row.get(0))
        .optional()
}

fn secret_or_new(connection: &Connection) -> Result<String, StoreError> {
    if let Some(secret) = secret(connection)? {
        return Ok(secret);
    }
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|_| StoreError::Key("the system gives no random numbers"))?;
    let secret = hex(&bytes);
    connection
        .execute("INSERT INTO setting (name, value) VALUES ('erasure_secret', ?1)", [secret.as_str()])?;
    Ok(secret)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    digits.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}
