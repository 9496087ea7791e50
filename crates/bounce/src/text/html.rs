//! HTML notices as plain lines: tags dropped, entities decoded, block elements end lines. No browser, no tree.

use std::borrow::Cow;

use memchr::memchr2;

use crate::limits;

/// Elements whose start or end breaks a line.
const BLOCKS: [&str; 20] = [
    "br",
    "p",
    "div",
    "tr",
    "li",
    "ul",
    "ol",
    "table",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "pre",
    "blockquote",
    "center",
    "dd",
    "dt",
];

/// Elements whose content nobody sees.
const HIDDEN: [&str; 4] = ["style", "script", "head", "title"];

/// The text that a reader of the HTML would see, roughly line by line.
pub(super) fn to_lines(html: &str) -> String {
    let html = start_of(html, limits::TEXT_BYTES_MAX);
    let mut text = String::with_capacity(html.len() / 2);
    let mut rest = html;
    let mut preformatted = false;
    while let Some(at) = memchr2(b'<', b'&', rest.as_bytes()) {
        push(&mut text, &rest[..at], preformatted);
        rest = &rest[at..];
        if rest.starts_with('&') {
            let (character, len) = entity(rest);
            text.push_str(&character);
            rest = &rest[len..];
            continue;
        }
        let Some(tag) = Tag::at_start_of(rest) else {
            text.push('<');
            rest = &rest[1..];
            continue;
        };
        rest = &rest[tag.len..];
        if !tag.closes && HIDDEN.iter().any(|name| tag.name.eq_ignore_ascii_case(name)) {
            rest = after_end_of(rest, tag.name);
            continue;
        }
        if tag.name.eq_ignore_ascii_case("pre") {
            preformatted = !tag.closes;
        }
        if BLOCKS.iter().any(|name| tag.name.eq_ignore_ascii_case(name)) {
            text.push('\n');
        } else if tag.name.eq_ignore_ascii_case("td") || tag.name.eq_ignore_ascii_case("th") {
            text.push(' ');
        }
    }
    push(&mut text, rest, preformatted);
    text
}

/// Text outside `<pre>` flows: its line ends are spaces.
fn push(text: &mut String, piece: &str, preformatted: bool) {
    if preformatted {
        text.push_str(piece);
        return;
    }
    let starts_line = text.is_empty() || text.ends_with('\n');
    let mut words = piece.split_ascii_whitespace();
    let Some(first) = words.next() else {
        if !piece.is_empty() && !starts_line && !text.ends_with(' ') {
            text.push(' ');
        }
        return;
    };
    if !starts_line && piece.starts_with(|c: char| c.is_ascii_whitespace()) && !text.ends_with(' ') {
        text.push(' ');
    }
    text.push_str(first);
    for word in words {
        text.push(' ');
        text.push_str(word);
    }
    if piece.ends_with(|c: char| c.is_ascii_whitespace()) {
        text.push(' ');
    }
}

struct Tag<'a> {
    name: &'a str,
    closes: bool,
    len: usize,
}

impl<'a> Tag<'a> {
    /// The tag that `text` starts with. `<user@example.com>` and `< 5` are none.
    fn at_start_of(text: &'a str) -> Option<Self> {
        if text.starts_with("<!--") {
            let len = text.find("-->").map_or(text.len(), |at| at + 3);
            return Some(Self { name: "", closes: false, len });
        }
        let inner = text.get(1..)?;
        let closes = inner.starts_with('/');
        let name = if closes { &inner[1..] } else { inner };
        let name_len =
            name.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'!' | b'?' | b':')).count();
        let after = name.as_bytes().get(name_len)?;
        if name_len == 0 || !(after.is_ascii_whitespace() || matches!(after, b'>' | b'/')) {
            return None;
        }
        let end = memchr::memchr(b'>', text.as_bytes())?;
        Some(Self { name: &name[..name_len], closes, len: end + 1 })
    }
}

/// What follows the end tag of a hidden element; everything counts as hidden when it never ends.
fn after_end_of<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'<', rest.as_bytes()) {
        rest = &rest[at..];
        match Tag::at_start_of(rest) {
            Some(tag) if tag.closes && tag.name.eq_ignore_ascii_case(name) => return &rest[tag.len..],
            Some(tag) => rest = &rest[tag.len..],
            None => rest = &rest[1..],
        }
    }
    ""
}

/// The character that an entity at the start of `text` stands for, and the bytes it takes.
fn entity(text: &str) -> (Cow<'static, str>, usize) {
    let name_len =
        text.bytes().skip(1).take(10).take_while(|b| b.is_ascii_alphanumeric() || *b == b'#').count();
    let name = &text[1..1 + name_len];
    let len = 1 + name_len + usize::from(text.as_bytes().get(1 + name_len) == Some(&b';'));
    let known = match name {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "apos" | "lsquo" | "rsquo" => "'",
        "nbsp" => " ",
        "ndash" | "mdash" => "-",
        "hellip" => "…",
        "auml" => "ä",
        "ouml" => "ö",
        "uuml" => "ü",
        "Auml" => "Ä",
        "Ouml" => "Ö",
        "Uuml" => "Ü",
        "szlig" => "ß",
        "eacute" => "é",
        "egrave" => "è",
        "ecirc" => "ê",
        "agrave" => "à",
        "aacute" => "á",
        "ccedil" => "ç",
        "ntilde" => "ñ",
        "oacute" => "ó",
        "iacute" => "í",
        "uacute" => "ú",
        "atilde" => "ã",
        "otilde" => "õ",
        "aring" => "å",
        "zwnj" | "shy" | "zwj" => "",
        _ => match numbered(name) {
            Some(character) => return (Cow::Owned(character.to_string()), len),
            None => return (Cow::Borrowed("&"), 1),
        },
    };
    (Cow::Borrowed(known), len)
}

fn numbered(name: &str) -> Option<char> {
    let digits = name.strip_prefix('#')?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    let character = char::from_u32(code)?;
    Some(if character == '\u{a0}' { ' ' } else { character })
}

/// At most `bytes_max` bytes from the start, cut between characters.
pub(super) fn start_of(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_end_lines_and_entities_are_decoded() {
        let html = "<html><head><title>x</title><style>p { a: b }</style></head><body><p>Your message to\r\n \
                    <a href='mailto:a@b.example'>a@b.example</a> couldn&#39;t be delivered.</p>550 &lt;a@b.example&gt;";
        assert_eq!(to_lines(html), "\nYour message to a@b.example couldn't be delivered.\n550 <a@b.example>");
    }

    #[test]
    fn an_address_in_angle_brackets_is_no_tag() {
        assert_eq!(to_lines("x <a@b.example> y<br>z"), "x <a@b.example> y\nz");
    }

    #[test]
    fn broken_html_is_read_to_its_end() {
        for html in ["<", "&", "&#", "<p", "<style>x", "<!-- x", "a<b", "&#x110000;", "</", "<é>", "&é"] {
            to_lines(html);
        }
        assert_eq!(to_lines("a &copy b"), "a &copy b");
    }
}
