//! Finds addresses in running text.

use abprall_mail::EmailAddress;

/// An address and where it stands, brackets included.
pub(crate) struct Found {
    pub address: EmailAddress,
    /// Where it starts, the opening bracket or quote included.
    pub start: usize,
    /// Where what follows starts.
    pub end: usize,
    /// Whether it stands in angle brackets.
    pub in_angles: bool,
}

/// Most `@` of a line that are tried: a line of signs alone must not take long.
const SIGNS_MAX: usize = 50;

/// The first address of a line.
pub(crate) fn first_in(text: &str) -> Option<Found> {
    memchr::memchr_iter(b'@', text.as_bytes()).take(SIGNS_MAX).find_map(|at| around(text, at))
}

/// Every address of a text, at most `count_max`.
pub(crate) fn all_in(text: &str, count_max: usize) -> Vec<EmailAddress> {
    let mut addresses = Vec::new();
    let mut rest = text;
    while addresses.len() < count_max
        && let Some(found) = first_in(rest)
    {
        addresses.push(found.address);
        rest = &rest[found.end..];
    }
    addresses
}

/// The address whose `@` stands at `at`.
fn around(text: &str, at: usize) -> Option<Found> {
    if let Some(found) = in_angles(text, at) {
        return Some(found);
    }
    let before = &text[..at];
    let start = if let Some(quoted) = before.strip_suffix('"') {
        quoted.rfind('"')?
    } else {
        let local = &before[before.trim_end_matches(is_local_char).len()..];
        at - local.trim_start_matches(['\'', '`', '=', '*', '|', '/', '{', '.']).len()
    };
    let after = &text[at + 1..];
    let domain_len = match after.strip_prefix('[') {
        Some(literal) => literal.find(']').filter(|len| *len <= 60)? + 2,
        None => {
            let name = &after[..after.len() - after.trim_start_matches(is_domain_char).len()];
            let name = name.trim_end_matches(['.', '-', '_']);
            if !name.contains('.') {
                return None;
            }
            name.len()
        }
    };
    let mut end = at + 1 + domain_len;
    let address = EmailAddress::parse(&text[start..end]).ok()?;
    let mut opening = start;
    for (open, close) in
        [('<', '>'), ('"', '"'), ('\'', '\''), ('(', ')'), ('[', ']'), ('«', '»'), ('“', '”'), ('„', '“')]
    {
        if text[..start].ends_with(open) && text[end..].starts_with(close) {
            opening = start - open.len_utf8();
            end += close.len_utf8();
            break;
        }
    }
    Some(Found { address, start: opening, end, in_angles: text[opening..].starts_with('<') })
}

/// `<…@…>`, with whatever a local part or a source route may hold.
fn in_angles(text: &str, at: usize) -> Option<Found> {
    let open = memchr::memrchr(b'<', &text.as_bytes()[..at])?;
    let close = at + memchr::memchr(b'>', &text.as_bytes()[at..])?;
    let inner = &text[open + 1..close];
    if inner.len() > 600 || inner.contains('>') {
        return None;
    }
    let inner = inner.trim();
    if inner.contains(char::is_whitespace) && !inner.starts_with('"') {
        return None;
    }
    let address = EmailAddress::parse_lenient(inner).ok()?;
    Some(Found { address, start: open, end: close + 1, in_angles: true })
}

/// Letters of scripts that put no spaces between words cannot belong to an address in running text.
fn is_local_char(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
    } else {
        c.is_alphanumeric() && c < '\u{2e80}'
    }
}

fn is_domain_char(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '.' | '-' | '_')
        || (!c.is_ascii() && c.is_alphanumeric() && c < '\u{2e80}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Option<(String, &str)> {
        first_in(text).map(|found| (found.address.to_string(), &text[found.end..]))
    }

    #[test]
    fn addresses_are_found_in_every_dress() {
        let same =
            |text, address: &str, rest| assert_eq!(first(text), Some((address.to_owned(), rest)), "{text}");
        same("<a@b.example>: no", "a@b.example", ": no");
        same("\"a@b.example\":", "a@b.example", ":");
        same("to 'a@b.example'.", "a@b.example", ".");
        same("宛先a@b.exampleです", "a@b.example", "です");
        same("mailto:a@b.example>", "a@b.example", ">");
        same("<\"a..b.\"@docomo.example>", "\"a..b.\"@docomo.example", "");
        same("a@[192.0.2.1] x", "a@[192.0.2.1]", " x");
        same("<@relay.example:a@b.example>", "a@b.example", "");
        same("δοκιμή@b.example.", "δοκιμή@b.example", ".");
    }

    #[test]
    fn what_is_no_address_is_passed_over() {
        assert_eq!(first("neko@ home, a@b"), None);
        assert_eq!(first("x @ y a@b.example").map(|f| f.0), Some("a@b.example".to_owned()));
        assert_eq!(first("@"), None);
        assert_eq!(first("\"@b.example"), None);
    }
}
