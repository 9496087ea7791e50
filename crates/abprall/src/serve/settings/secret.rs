//! Secrets: in the file of settings, in a file of their own, or in the environment.

use std::fmt;
use std::path::Path;

use abprall_policy::settings::{Reader, Section};

/// What nobody may read in a log.
#[derive(Clone, Eq, PartialEq)]
pub(in crate::serve) struct Secret(String);

impl Secret {
    pub(in crate::serve) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The keys that may give a secret: its value, a file, a variable of the environment.
pub(super) struct Names {
    pub(super) value: &'static str,
    pub(super) file: &'static str,
    pub(super) variable: &'static str,
}

/// The secret, by whichever of its keys is there.
pub(super) fn take(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    names: &Names,
    folder: &Path,
) -> Option<Secret> {
    let value = section.text(reader, names.value);
    let file = section.text(reader, names.file);
    let variable = section.text(reader, names.variable);
    if [value.is_some(), file.is_some(), variable.is_some()].iter().filter(|given| **given).count() > 1 {
        let hint = format!("one of {}, {} and {} is enough", names.value, names.file, names.variable);
        reader.problem(0..0, &section.key(names.value), hint);
        return None;
    }
    let (text, span, name) = if let Some((text, span)) = value {
        (text, span, names.value)
    } else if let Some((path, span)) = file {
        match std::fs::read_to_string(folder.join(&path)) {
            Ok(text) => (text, span, names.file),
            Err(error) => {
                reader.problem(span, &section.key(names.file), format!("cannot read {path}: {error}"));
                return None;
            }
        }
    } else {
        let (variable, span) = variable?;
        match std::env::var(&variable) {
            Ok(text) => (text, span, names.variable),
            Err(_) => {
                let hint = format!("there is no variable {variable} in the environment");
                reader.problem(span, &section.key(names.variable), hint);
                return None;
            }
        }
    };
    let text = text.trim();
    if text.is_empty() {
        reader.problem(span, &section.key(name), "is empty".to_owned());
        return None;
    }
    reader.keep_secret(text);
    Some(Secret(text.to_owned()))
}
