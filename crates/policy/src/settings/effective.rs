//! What holds in the end, key by key, with where it comes from; secrets are masked here, once for all.

use std::borrow::Cow;
use std::time::Duration;

/// A key that another source than the file says: the environment, or the command line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Override {
    /// The key with its tables: `gate.held`.
    pub key: String,
    /// Its value, without quotation marks; lists with commas between.
    pub value: String,
    /// Who says it, for people: `ABPRALL_GATE__HELD`.
    pub source: String,
}

/// Where a value comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Nobody says otherwise.
    Default,
    /// The file.
    File {
        /// The line, from 1.
        line: usize,
    },
    /// Another source, as it calls itself.
    Elsewhere(String),
}

/// One key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Setting {
    /// The table, empty for the top.
    pub table: String,
    /// The key in it.
    pub name: String,
    /// The value as TOML writes it, secrets masked; `None`: not set, and there is no default to show.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

impl Setting {
    /// The key with its tables.
    pub fn key(&self) -> String {
        if self.table.is_empty() { self.name.clone() } else { format!("{}.{}", self.table, self.name) }
    }
}

impl Setting {
    /// The texts of a list; none where it is something else.
    pub fn texts(&self) -> Vec<String> {
        let table =
            self.value.as_ref().and_then(|value| format!("list = {value}").parse::<toml::Table>().ok());
        let list = table.as_ref().and_then(|table| table.get("list")?.as_array());
        list.into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    }
}

/// All that holds.
#[derive(Clone, Default)]
pub struct Effective {
    settings: Vec<Setting>,
    absent: Vec<String>,
    secrets: Vec<String>,
    /// What the values are without a mask, for comparison.
    plain: Vec<(String, Option<String>, String)>,
    /// The texts of the key that is noted next.
    texts: String,
}

impl std::fmt::Debug for Effective {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Effective").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Effective {
    /// Key by key, in the order in which they were asked for.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// Tables that may be written, and are not.
    pub fn absent(&self) -> &[String] {
        &self.absent
    }

    /// The secrets themselves: for whoever has to keep them out of what is written elsewhere.
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// The keys that say something else in `other`, secrets included.
    pub fn differences(&self, other: &Effective) -> Vec<String> {
        let unlike = self.plain.iter().filter(|one| !other.plain.contains(one));
        let unlike = unlike.chain(other.plain.iter().filter(|one| !self.plain.contains(one)));
        let mut keys: Vec<String> = Vec::new();
        for (key, ..) in unlike {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        keys
    }

    pub(super) fn note(&mut self, table: &str, name: &str, value: Option<String>, origin: Origin) {
        let setting = Setting { table: table.to_owned(), name: name.to_owned(), value, origin };
        self.plain.push((setting.key(), setting.value.clone(), std::mem::take(&mut self.texts)));
        self.settings.push(setting);
    }

    pub(super) fn note_absent(&mut self, table: &str) {
        self.absent.push(table.to_owned());
    }

    pub(super) fn secrets_of<'t>(&mut self, name: &str, texts: impl IntoIterator<Item = &'t str>) {
        for text in texts {
            self.texts.push_str(text);
            self.texts.push('\0');
            self.secrets.extend(secrets_in(name, text).map(str::to_owned));
        }
    }
}

/// What stands for a secret.
const MASK: &str = "********";

/// A text as TOML writes it, without what is secret of it.
pub(super) fn quoted(name: &str, text: &str) -> String {
    let mut shown = Cow::Borrowed(text);
    for secret in secrets_in(name, text) {
        shown = Cow::Owned(shown.replace(secret, MASK));
    }
    toml::Value::String(shown.into_owned()).to_string()
}

/// The parts of a value that nobody may read: all of it, by the name of its key; else passwords and questions in it.
fn secrets_in<'t>(name: &str, text: &'t str) -> impl Iterator<Item = &'t str> {
    let is_file = [".pem", ".key", ".crt"].iter().any(|end| text.ends_with(end));
    let all = (is_secret(name) && !is_file).then_some(text);
    let parts = match all {
        Some(_) => [None, None, None],
        None => [password_of_url(text), query_of_url(text), password_of_pairs(text)],
    };
    all.into_iter().chain(parts.into_iter().flatten()).filter(|secret| !secret.is_empty())
}

/// Names that end so hold a secret. A name that ends in `_file` tells where one lies.
fn is_secret(name: &str) -> bool {
    let last = name.rsplit('_').next().unwrap_or(name);
    matches!(last, "password" | "passwd" | "secret" | "secrets" | "token" | "tokens" | "key" | "keys")
        && !matches!(name, "public_key" | "public_keys")
}

fn password_of_url(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password)
}

fn query_of_url(text: &str) -> Option<&str> {
    text.split_once("://")?.1.split_once('?').map(|(_, query)| query)
}

/// `host=… password=…`, as `libpq` reads it.
fn password_of_pairs(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("password=").filter(|(before, _)| !before.contains("://"))?;
    match rest.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next(),
        None => rest.split_whitespace().next(),
    }
}

/// The name of a table that an operator chose, as TOML writes it.
pub(super) fn table_key(name: &str) -> Cow<'_, str> {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.bytes().all(is_bare) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(toml::Value::String(name.to_owned()).to_string())
    }
}

/// As people write it: the largest unit that says it without a rest.
pub(super) fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    for (unit, length) in [("d", 86_400), ("h", 3_600), (" min", 60)] {
        if seconds >= length && seconds.is_multiple_of(length) {
            return format!("\"{}{unit}\"", seconds / length);
        }
    }
    if duration.subsec_nanos() == 0 { format!("\"{seconds}s\"") } else { format!("\"{duration:?}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown_and_what_is_none_is_shown_whole() {
        assert_eq!(quoted("password", "hunter2"), "\"********\"");
        assert_eq!(quoted("signing_secret", "x"), "\"********\"");
        assert_eq!(quoted("key", "/etc/ssl/key.pem"), "\"/etc/ssl/key.pem\"");
        assert_eq!(quoted("password_file", "/etc/x"), "\"/etc/x\"");
        assert_eq!(quoted("store", "postgres://u:p4ss@h/d"), "\"postgres://u:********@h/d\"");
        assert_eq!(
            quoted("store", "host=h password='a b' dbname=d"),
            "\"host=h password='********' dbname=d\""
        );
        assert_eq!(quoted("url", "https://h/hook?token=abc"), "\"https://h/hook?********\"");
        assert_eq!(quoted("url", "https://h/hook"), "\"https://h/hook\"");
    }

    #[test]
    fn lengths_of_time_are_written_as_they_are_read() {
        for (seconds, text) in [(90, "\"90s\""), (1_800, "\"30 min\""), (86_400, "\"1d\""), (7_200, "\"2h\"")]
        {
            assert_eq!(duration_text(Duration::from_secs(seconds)), text);
        }
    }
}
