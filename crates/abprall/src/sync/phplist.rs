//! phpList has no interface for this: its tables are changed as its own "blacklist" does. The reason bears our name, and only what bears
//! it is taken back.

use super::sql::{Placeholders, SqlPlace, SqlSettings, Template};
use super::target::Holds;

/// The statements for tables with these prefixes; `None` where a prefix is none.
pub(super) fn statements(place: SqlPlace, prefix: &str, user_prefix: &str) -> Option<SqlSettings> {
    let is_prefix = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_prefix(prefix) || !is_prefix(user_prefix) {
        return None;
    }
    let (users, listed, data) = (
        format!("{user_prefix}user"),
        format!("{prefix}user_blacklist"),
        format!("{prefix}user_blacklist_data"),
    );
    let ours = |email: &str| {
        format!(
            "EXISTS (SELECT 1 FROM {data} AS d WHERE d.email = {email} AND d.name = 'reason' AND d.data LIKE 'abprall: %')"
        )
    };
    let read = |statements: &[String]| -> Option<Vec<Template>> {
        statements.iter().map(|text| Template::parse(text, Placeholders::Question).ok()).collect()
    };
    Some(SqlSettings {
        place,
        stop: read(&[
            format!(
                "INSERT INTO {data} (email, name, data) SELECT :email, 'reason', concat('abprall: ', coalesce(:reason, '')) FROM DUAL
                 WHERE NOT EXISTS (SELECT 1 FROM {listed} AS l WHERE l.email = :email)
                 ON DUPLICATE KEY UPDATE name = VALUES(name), data = VALUES(data)"
            ),
            format!("INSERT IGNORE INTO {listed} (email, added) VALUES (:email, now())"),
            format!("UPDATE {users} SET blacklisted = 1 WHERE email = :email"),
        ])?,
        release: read(&[
            format!("UPDATE {users} SET blacklisted = 0 WHERE email = :email AND {}", ours(":email")),
            format!("DELETE FROM {listed} WHERE email = :email AND {}", ours(":email")),
            format!("DELETE FROM {data} WHERE email = :email AND name = 'reason' AND data LIKE 'abprall: %'"),
        ])?,
        domain_stop: Vec::new(),
        domain_release: Vec::new(),
        verify: Some(format!("SELECT u.email, IF(u.blacklisted = 0, 0, IF({}, 1, 2)) FROM {users} AS u", ours("u.email"))),
        holds: Holds::Members,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_prefix_that_is_none_is_refused() {
        let place = || SqlPlace::parse("mysql://u@127.0.0.1/d", Path::new("")).unwrap();
        assert!(statements(place(), "phplist_", "phplist_user_").is_some());
        assert!(statements(place(), "x; DROP TABLE y", "phplist_user_").is_none());
    }
}
