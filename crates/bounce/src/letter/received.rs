use std::net::IpAddr;

use super::date::parse_date;
use crate::Hop;

/// Longest Received field looked at, in bytes.
const RECEIVED_BYTES_MAX: usize = 2000;

/// Reads one Received field (RFC 5321 §4.4) that is unfolded; `None` when it is no such thing.
pub(crate) fn parse_received(value: &str) -> Option<Hop> {
    let value = value.get(..value.len().min(RECEIVED_BYTES_MAX)).unwrap_or_default();
    let (clauses, date) = value.rsplit_once(';').unwrap_or((value, ""));
    let mut hop = Hop { at: parse_date(date), ..Hop::default() };
    let mut clause = Clause::None;
    for token in tokens(clauses) {
        match token {
            Token::Comment(text) => {
                if clause == Clause::From && hop.from_ip.is_none() {
                    hop.from_ip = text.split([' ', '=', '@']).find_map(parse_ip);
                }
            }
            Token::Word(word) => {
                if let Some(next) = Clause::of(word) {
                    clause = next;
                    continue;
                }
                let slot = match clause {
                    Clause::From => {
                        hop.from_ip = hop.from_ip.or_else(|| parse_ip(word));
                        &mut hop.from
                    }
                    Clause::By => &mut hop.by,
                    Clause::With => &mut hop.with,
                    Clause::Id => &mut hop.id,
                    Clause::For => &mut hop.recipient,
                    Clause::None => continue,
                };
                if slot.is_none() {
                    *slot = cleaned(clause, word);
                }
            }
        }
    }
    (hop != Hop::default()).then_some(hop)
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Clause {
    None,
    From,
    By,
    With,
    Id,
    For,
}

impl Clause {
    fn of(word: &str) -> Option<Self> {
        [
            ("from", Self::From),
            ("by", Self::By),
            ("with", Self::With),
            ("id", Self::Id),
            ("for", Self::For),
            ("via", Self::None),
        ]
        .into_iter()
        .find_map(|(name, clause)| word.eq_ignore_ascii_case(name).then_some(clause))
    }
}

enum Token<'a> {
    Word(&'a str),
    /// What stands in parentheses, which may hold others.
    Comment(&'a str),
}

fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ';', ',', ')']);
        if rest.is_empty() {
            return None;
        }
        if !rest.starts_with('(') {
            let end = rest.find([' ', '\t', '(', ';']).unwrap_or(rest.len());
            let word = &rest[..end];
            rest = &rest[end..];
            return Some(Token::Word(word));
        }
        let mut depth = 0;
        let end = rest.bytes().position(|byte| {
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let end = end.unwrap_or(rest.len());
        let comment = &rest[1..end];
        rest = &rest[end..];
        Some(Token::Comment(comment))
    })
}

fn parse_ip(text: &str) -> Option<IpAddr> {
    let text = match text.split_once('[') {
        Some((_, inner)) => inner.split(']').next()?,
        None => text.trim_matches(['(', ')']),
    };
    if !text.starts_with(|c: char| c.is_ascii_hexdigit() || c == ':' || c == 'I' || c == 'i') {
        return None;
    }
    let text = text.get(..5).filter(|tag| tag.eq_ignore_ascii_case("ipv6:")).map_or(text, |_| &text[5..]);
    let text = text.split(['%', ' ']).next()?;
    let address = text.parse().or_else(|_| text.rsplit_once(':').map_or("", |(host, _)| host).parse());
    // Courier writes IPv4 as ::ffff:192.0.2.1.
    address.ok().map(|address: IpAddr| address.to_canonical())
}

fn cleaned(clause: Clause, word: &str) -> Option<String> {
    let word = match clause {
        Clause::For => word.trim_matches(['<', '>']),
        Clause::From | Clause::By => word.trim_matches(['[', ']']).trim_end_matches('.'),
        Clause::With | Clause::Id | Clause::None => word.trim_matches(['<', '>']),
    };
    let word =
        if matches!(clause, Clause::From | Clause::By) { word.to_lowercase() } else { word.to_owned() };
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hop_says_who_gave_what_to_whom_and_when() {
        let hop = parse_received(
            "from a.example (b.example [192.0.2.1]) by mx.example (Postfix) with ESMTP id 4AB for <u@c.example>; \
             Thu, 29 Apr 2010 23:34:45 +0900",
        )
        .unwrap();
        assert_eq!(hop.from.as_deref(), Some("a.example"));
        assert_eq!(hop.from_ip, "192.0.2.1".parse().ok());
        assert_eq!(hop.by.as_deref(), Some("mx.example"));
        assert_eq!(hop.with.as_deref(), Some("ESMTP"));
        assert_eq!(hop.id.as_deref(), Some("4AB"));
        assert_eq!(hop.recipient.as_deref(), Some("u@c.example"));
        assert!(hop.at.is_some());
        assert_eq!(parse_received("nonsense"), None);
    }

    #[test]
    fn addresses_are_found_where_servers_note_them() {
        for value in [
            "from [192.0.2.1] (helo=x.example) by y.example; x",
            "from unknown (HELO x.example) (192.0.2.1) by y.example with SMTP",
            "from x.example (x.example [::ffff:192.0.2.1]) by y.example",
            "from x.example ([192.0.2.1]:4711) by y.example with esmtps (TLS1.2) (Exim 4.96)",
            "from x (x [192.0.2.1] (may be forged)) by y.example",
        ] {
            let hop = parse_received(value).unwrap();
            assert_eq!(hop.from_ip, "192.0.2.1".parse().ok(), "{value}");
            assert_eq!(hop.by.as_deref(), Some("y.example"), "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[ -~é()\\[\\];]{0,80}") {
            parse_received(&text);
        }
    }
}
