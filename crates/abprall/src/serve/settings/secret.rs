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

/// A secret was named, but cannot be had; what is wrong with it was said already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said;

/// The secret, by whichever of its keys is there; `None` where none is.
pub(super) fn take(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    names: &Names,
    folder: &Path,
) -> Result<Option<Secret>, Said> {
    let value = section.text(reader, names.value);
    let file = section.text(reader, names.file);
    let variable = section.text(reader, names.variable);
    if [value.is_some(), file.is_some(), variable.is_some()].iter().filter(|given| **given).count() > 1 {
        let hint = format!("one of {}, {} and {} is enough", names.value, names.file, names.variable);
        reader.problem(0..0, &section.key(names.value), hint);
        return Err(Said);
    }
    let (text, span, name) = if let Some((text, span)) = value {
        (text, span, names.value)
    } else if let Some((path, span)) = file {
        match std::fs::read_to_string(folder.join(&path)) {
            Ok(text) => (text, span, names.file),
            Err(error) => {
                reader.problem(span, &section.key(names.file), format!("cannot read {path}: {error}"));
                return Err(Said);
            }
        }
    } else {
        let Some((variable, span)) = variable else { return Ok(None) };
        match std::env::var(&variable) {
            Ok(text) => (text, span, names.variable),
            Err(_) => {
                let hint = format!("there is no variable {variable} in the environment");
                reader.problem(span, &section.key(names.variable), hint);
                return Err(Said);
            }
        }
    };
    let text = text.trim();
    if text.is_empty() {
        reader.problem(span, &section.key(name), "is empty".to_owned());
        return Err(Said);
    }
    reader.keep_secret(text);
    Ok(Some(Secret(text.to_owned())))
}
