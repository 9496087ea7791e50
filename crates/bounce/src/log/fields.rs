//! `name=value` fields, as Postfix, Sendmail and OpenSMTPD write them.

/// The value of `name=` up to the next `, `; the first one in the text.
pub(super) fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = behind(text, name)?;
    Some(rest.find(", ").map_or(rest, |end| &rest[..end]).trim_end_matches(','))
}

/// What stands behind `name=` where that starts a field.
pub(super) fn behind<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut from = 0;
    while let Some(at) = text[from..].find(name) {
        let start = from + at;
        let is_field = start == 0 || matches!(text.as_bytes()[start - 1], b' ' | b',');
        let rest = &text[start + name.len()..];
        if is_field && let Some(value) = rest.strip_prefix('=') {
            return Some(value);
        }
        from = start + name.len();
    }
    None
}

/// Reads `<address>` at the start of a text; a quoted local part may hold `>`. Gives what follows.
pub(super) fn in_angles(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('<')?;
    let (mut quoted, mut escaped) = (false, false);
    let end = inner.bytes().position(|byte| {
        let ends = byte == b'>' && !quoted;
        if byte == b'"' && !escaped {
            quoted = !quoted;
        }
        escaped = byte == b'\\' && !escaped;
        ends
    });
    // A quote that never ends is a letter like others.
    let end = end.or_else(|| inner.find('>'))?;
    Some((&inner[..end], &inner[end + 1..]))
}

/// `name="value"` of OpenSMTPD, with `\"` inside; also without quotes, then up to the next space.
pub(super) fn quoted<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = behind(text, name)?;
    let Some(inner) = rest.strip_prefix('"') else { return rest.split(' ').next() };
    let mut escaped = false;
    let end = inner.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    Some(end.map_or(inner, |end| &inner[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_values_end_where_they_end() {
        assert_eq!(
            in_angles("<\"a>, status=sent\"@b.example>, x"),
            Some(("\"a>, status=sent\"@b.example", ", x"))
        );
        assert_eq!(in_angles("<\"a@b>, x"), Some(("\"a@b", ", x")));
        assert_eq!(in_angles("<a@b"), None);
        assert_eq!(value("orig_to=<x>, to=<y>, dsn=5.1.1", "to"), Some("<y>"));
        assert_eq!(quoted("stat=\"a \\\"b\\\" c\" x", "stat"), Some("a \\\"b\\\" c"));
        assert_eq!(quoted("result=Ok stat=Delivered", "result"), Some("Ok"));
    }
}
