//! What holds, key by key.

use std::io::{self, Write};
use std::path::Path;

use abprall_policy::settings::{Effective, Origin, Setting};
use serde::Serialize;

/// As a file that could be used as it is, but for the masked secrets.
pub(super) fn toml(out: &mut impl Write, file: &Path, effective: &Effective) -> io::Result<()> {
    writeln!(out, "# What holds: {}, the environment, the command line.", file.display())?;
    for table in tables(effective) {
        if !table.is_empty() {
            writeln!(out, "\n{}", header(table))?;
        }
        for setting in effective.settings().iter().filter(|setting| setting.table == table) {
            match &setting.value {
                Some(value) => writeln!(out, "{} = {value}  # {}", setting.name, origin(setting))?,
                None => writeln!(out, "# {} is not set", setting.name)?,
            }
        }
    }
    for table in effective.absent() {
        writeln!(out, "\n# [{table}] is not set")?;
    }
    Ok(())
}

/// Tables in the order in which they appear, each once: TOML allows no table to be begun twice.
fn tables(effective: &Effective) -> Vec<&str> {
    let mut tables = vec![""];
    for setting in effective.settings() {
        if !tables.contains(&setting.table.as_str()) {
            tables.push(&setting.table);
        }
    }
    tables
}

/// `a.b[2]` is the third `[[a.b]]`.
fn header(table: &str) -> String {
    match table.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')) {
        Some((name, _)) => format!("[[{name}]]"),
        None => format!("[{table}]"),
    }
}

fn origin(setting: &Setting) -> String {
    match &setting.origin {
        Origin::Default => "default".to_owned(),
        Origin::File { line } => format!("line {line}"),
        Origin::Elsewhere(source) => source.clone(),
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    file: String,
    settings: Vec<Row<'a>>,
    /// Tables that may be written, and are not.
    not_set: &'a [String],
}

#[derive(Serialize)]
struct Row<'a> {
    key: String,
    value: Option<toml::Value>,
    from: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

/// As one JSON object.
pub(super) fn json(out: &mut impl Write, file: &Path, effective: &Effective) -> io::Result<()> {
    let rows = effective.settings().iter().map(|setting| Row {
        key: setting.key(),
        value: setting.value.as_deref().and_then(value_of),
        from: match &setting.origin {
            Origin::Default => "default",
            Origin::File { .. } => "file",
            Origin::Elsewhere(source) => source,
        },
        line: match setting.origin {
            Origin::File { line } => Some(line),
            Origin::Default | Origin::Elsewhere(_) => None,
        },
    });
    let shown =
        Shown { file: file.display().to_string(), settings: rows.collect(), not_set: effective.absent() };
    serde_json::to_writer_pretty(&mut *out, &shown)?;
    writeln!(out)
}

fn value_of(literal: &str) -> Option<toml::Value> {
    let table: toml::Table = format!("value = {literal}").parse().ok()?;
    table.get("value").cloned()
}
