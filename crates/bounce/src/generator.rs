use std::fmt;

/// The software or service that wrote a report: `postfix`, `exim`, `exchange`, `qmail` …
///
/// An open list: each dialect names its own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Generator(&'static str);

impl Generator {
    /// A generator by its lower-case name.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
