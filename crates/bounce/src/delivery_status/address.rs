use std::borrow::Cow;

use abprall_mail::EmailAddress;

/// An address with or without its type (`rfc822;`, `utf-8;`), in any of the escapes of RFC 6533 §3 and RFC 3461 §4.
pub(crate) fn parse_typed_address(text: &str) -> Option<EmailAddress> {
    let (kind, value) = match text.split_once(';') {
        Some((kind, value)) if !kind.contains(['@', '"', '<']) => (kind.trim(), value.trim()),
        _ => ("", text.trim()),
    };
    let value = unescape(value, kind.eq_ignore_ascii_case("utf-8"));
    parse(&value).or_else(|| {
        // `rfc822; Name <a@b.example>`, `rfc822;a@b.example (comment)`
        let inner = value.split_once('<').and_then(|(_, rest)| rest.split('>').next());
        inner.and_then(parse).or_else(|| value.split_whitespace().find_map(parse))
    })
}

fn parse(text: &str) -> Option<EmailAddress> {
    if !text.contains('@') {
        return None;
    }
    EmailAddress::parse_lenient(text).ok()
}

/// Undoes `\x{3B4}` always; xtext (`+CE`) wholly for `utf-8;`, and for others only where it stands for `+` and `=`, which a
/// person's address does not hold by chance.
fn unescape(text: &str, is_utf8_type: bool) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    if text.contains("\\x{") {
        text = Cow::Owned(without_unicode_escapes(&text));
    }
    if is_utf8_type && text.contains('+') {
        text = Cow::Owned(without_xtext(&text));
    } else if text.contains("+2B") || text.contains("+3D") {
        text = Cow::Owned(text.replace("+3D", "=").replace("+2B", "+"));
    }
    text
}

fn without_unicode_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x{") {
        out.push_str(before);
        let decoded = after.split_once('}').and_then(|(hex, tail)| {
            let c = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32)?;
            Some((c, tail))
        });
        match decoded {
            Some((c, tail)) => {
                out.push(c);
                rest = tail;
            }
            None => {
                out.push_str("\\x{");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn without_xtext(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex =
            bytes.get(at + 1..at + 3).filter(|h| h.iter().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')));
        match hex.and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) if bytes[at] == b'+' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}
