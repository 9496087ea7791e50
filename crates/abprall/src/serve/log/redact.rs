//! Takes out of a line what must not be in a log.

use std::borrow::Cow;

use super::Addresses;
use crate::terminal::plain;

/// What is taken out.
pub(super) struct Filter {
    addresses: Addresses,
    /// Longest first: one may be a part of another.
    secrets: Vec<String>,
}

/// Shorter ones would mask half of every line, and protect nothing.
const SECRET_BYTES_MIN: usize = 4;

impl Filter {
    pub(super) fn new(addresses: Addresses, secrets: &[String]) -> Self {
        // As they are, and as a line writes them that escapes.
        let forms = |secret: &String| [secret.clone(), secret.escape_debug().to_string(), json_form(secret)];
        let long = |secret: &&String| secret.len() >= SECRET_BYTES_MIN;
        let mut secrets: Vec<_> = secrets.iter().filter(long).flat_map(forms).collect();
        secrets.sort();
        secrets.dedup();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { addresses, secrets }
    }

    /// The line as it may be written: one line, whatever a server on the other side has said.
    pub(super) fn apply(&self, line: &str) -> String {
        let mut line = Cow::Borrowed(line.trim_end_matches('\n'));
        for secret in &self.secrets {
            if line.contains(secret.as_str()) {
                line = Cow::Owned(line.replace(secret.as_str(), "********"));
            }
        }
        let line = match self.addresses {
            Addresses::Domain if line.contains('@') => Cow::Owned(without_addresses(&line, Shown::Domain)),
            Addresses::Redacted if line.contains('@') => Cow::Owned(without_addresses(&line, Shown::Nothing)),
            Addresses::Domain | Addresses::Redacted | Addresses::Full => line,
        };
        plain(&line) + "\n"
    }
}

fn json_form(secret: &str) -> String {
    let quoted = serde_json::Value::from(secret).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Shown {
    Nothing,
    Domain,
}

/// Whatever stands around an `@` goes: in doubt too much. A quoted local part may hold blanks, which a log line has already escaped: what
/// is in front of the quotation mark stays.
fn without_addresses(line: &str, shown: Shown) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('@') {
        let (before, behind) = (&rest[..at], &rest[at + 1..]);
        let mut local_begins = match before.strip_suffix('"') {
            Some(quoted) => quoted.rfind('"').unwrap_or(0),
            None => before
                .char_indices()
                .rev()
                .take_while(|(_, char)| is_local(*char))
                .last()
                .map_or(at, |(index, _)| index),
        };
        local_begins += escaped_bytes(before, local_begins);
        let domain_ends = behind
            .char_indices()
            .find(|(_, char)| !(char.is_alphanumeric() || matches!(char, '.' | '-' | '[' | ']' | ':' | '_')))
            .map_or(behind.len(), |(index, _)| index);
        // A full stop or a colon that ends a sentence is none of the domain.
        let domain = behind[..domain_ends].trim_end_matches(['.', ':']);
        out.push_str(&before[..local_begins]);
        match shown {
            Shown::Nothing => out.push_str("<address>"),
            Shown::Domain => {
                out.push_str("<address>@");
                out.push_str(domain);
            }
        }
        rest = &behind[domain.len()..];
    }
    out.push_str(rest);
    out
}

/// How much of a word belongs to a backslash in front of it: a line of JSON has to stay one.
fn escaped_bytes(before: &str, begins: usize) -> usize {
    let backslashes = before[..begins].bytes().rev().take_while(|byte| *byte == b'\\').count();
    if backslashes % 2 == 0 {
        return 0;
    }
    let wanted = if before[begins..].starts_with('u') { 5 } else { 1 };
    before[begins..].char_indices().nth(wanted).map_or(before.len() - begins, |(index, _)| index)
}

/// RFC 5322 §3.2.3 `atext`, full stops, and whatever is not ASCII (RFC 6531).
fn is_local(char: char) -> bool {
    char.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(char) || !char.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_local_part_is_left_in_any_form() {
        let filter = Filter::new(Addresses::Redacted, &[]);
        let domain = Filter::new(Addresses::Domain, &[]);
        for (line, redacted, with_domain) in [
            ("to <anna.b+x@example.org>: gone", "to <<address>>: gone", "to <<address>@example.org>: gone"),
            ("rcpt=a@b.example.", "<address>.", "<address>@b.example."),
            ("\"odd one\"@example.org", "<address>", "<address>@example.org"),
            ("jürgen@münchen.example a@b", "<address> <address>", "<address>@münchen.example <address>@b"),
            ("a@[192.0.2.1] x", "<address> x", "<address>@[192.0.2.1] x"),
            ("nothing here", "nothing here", "nothing here"),
            ("said: a\n2026 INFO b\u{1b}[2J\n", "said: a 2026 INFO b [2J", "said: a 2026 INFO b [2J"),
            (r"x\na@b \u0001c@d", r"x\n<address> \u0001<address>", r"x\n<address>@b \u0001<address>@d"),
            (r#"x \"y z\"@d"#, r#"x \"<address>"#, r#"x \"<address>@d"#),
            ("@@", "<address><address>", "<address>@<address>@"),
        ] {
            assert_eq!(filter.apply(line), format!("{redacted}\n"));
            assert_eq!(domain.apply(line), format!("{with_domain}\n"));
        }
        assert_eq!(Filter::new(Addresses::Full, &[]).apply("a@b.example"), "a@b.example\n");
    }

    #[test]
    fn secrets_of_the_settings_are_masked_the_longer_one_first() {
        let filter =
            Filter::new(Addresses::Full, &["hunter2".to_owned(), "hunter2-long".to_owned(), "x".to_owned()]);
        assert_eq!(filter.apply("p=hunter2-long q=hunter2 x"), "p=******** q=******** x\n");
    }
}
