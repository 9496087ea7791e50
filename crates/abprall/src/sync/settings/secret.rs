use std::fmt;
use std::ops::Range;

use abprall_policy::settings::{Reader, Section};

use super::kind::Context;

/// What nobody may read by accident.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    pub(in crate::sync) fn new(text: String) -> Self {
        Self(text)
    }

    pub(in crate::sync) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A text that has to be there.
pub(super) fn wanted(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    name: &'static str,
) -> Option<String> {
    let found = section.text(reader, name).map(|(text, _)| text).filter(|text| !text.is_empty());
    if found.is_none() {
        let span = section.place(name);
        reader.problem(span, &section.key(name), "it is wanted".to_owned());
    }
    found
}

/// Something secret: in the settings themselves, or in a file of its own.
pub(super) fn secret(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    (name, file): (&'static str, &'static str),
    context: &Context<'_>,
) -> Option<(Secret, Range<usize>)> {
    let text = section.text(reader, name);
    let path = section.text(reader, file);
    match (text, path) {
        (Some((text, span)), None) => Some((Secret(text), span)),
        (None, Some((path, span))) => {
            let path = context.folder.join(path);
            match std::fs::read_to_string(&path) {
                Ok(text) => {
                    reader.keep_secret(text.trim());
                    Some((Secret(text.trim().to_owned()), span))
                }
                Err(error) => {
                    reader.problem(
                        span,
                        &section.key(file),
                        format!("cannot read {}: {error}", path.display()),
                    );
                    None
                }
            }
        }
        (Some(_), Some((_, span))) => {
            reader.problem(span, &section.key(file), format!("either this or `{name}`"));
            None
        }
        (None, None) => {
            reader.problem(
                0..0,
                &section.key(name),
                format!("it is wanted, or `{file}` with the path of a file that holds it"),
            );
            None
        }
    }
}
