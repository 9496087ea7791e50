use super::reply::Reply;

/// What a server offers in its reply to EHLO (RFC 5321 §4.1.1.1): keywords in capitals, with their parameters.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Capabilities(Vec<String>);

impl Capabilities {
    /// Reads the lines after the first, which is only a greeting. Lines that begin with no keyword are left out.
    pub fn of(reply: &Reply) -> Self {
        Self(reply.lines().skip(1).filter_map(capability).collect())
    }

    /// Whether a keyword is offered, whatever its parameters.
    pub fn offers(&self, keyword: &str) -> bool {
        self.0
            .iter()
            .any(|line| line.split(' ').next().is_some_and(|word| word.eq_ignore_ascii_case(keyword)))
    }

    /// In the order of the server, such as `SIZE 10240000`.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether nothing is offered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One line: `ehlo-keyword *( SP ehlo-param )`. Old servers write `AUTH=LOGIN`; it is the keyword AUTH.
fn capability(line: &str) -> Option<String> {
    let line = line.trim();
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let parameters = match rest.chars().next() {
        None => "",
        Some(c) if c == '=' || c.is_whitespace() => rest[c.len_utf8()..].trim(),
        Some(_) => return None,
    };
    if keyword.is_empty() || keyword.starts_with('-') {
        return None;
    }
    let keyword = keyword.to_ascii_uppercase();
    Some(if parameters.is_empty() { keyword } else { format!("{keyword} {parameters}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::ReplyReader;

    fn capabilities(bytes: &[u8]) -> Capabilities {
        let (_, reply) = ReplyReader::default().read(bytes);
        Capabilities::of(&reply.unwrap().unwrap())
    }

    #[test]
    fn keywords_are_read_from_the_second_line_on() {
        let found = capabilities(
            b"250-STARTTLS says hello\r\n250-size 1000\r\n250-AUTH=PLAIN LOGIN\r\n250-%%\r\n250 8BITMIME\r\n",
        );
        assert_eq!(found.iter().collect::<Vec<_>>(), ["SIZE 1000", "AUTH PLAIN LOGIN", "8BITMIME"]);
        assert!(found.offers("size") && !found.offers("STARTTLS"));
    }

    #[test]
    fn starttls_is_offered_in_any_case() {
        assert!(capabilities(b"250-mx\n250 StartTLS\n").offers("STARTTLS"));
    }
}
