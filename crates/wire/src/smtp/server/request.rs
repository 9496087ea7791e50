use super::envelope::{
    AddressEncoding, BodyType, Notify, Occasion, OriginalRecipient, Recipient, Returned, ReversePath,
};
use crate::limits::{HELLO_NAME_BYTES_MAX, PATH_BYTES_MAX};

/// A command of a client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Request {
    Hello(Hello, String),
    Mail(Mail),
    Rcpt(Recipient),
    Data,
    Bdat { bytes: u64, part: Part },
    Rset,
    Noop,
    Vrfy,
    Help,
    Quit,
    StartTls,
}

/// The word of a greeting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hello {
    Helo,
    Ehlo,
    Lhlo,
}

/// Which part of a message BDAT brings (RFC 3030).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    NotLast,
    Last,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Mail {
    pub(super) sender: ReversePath,
    pub(super) size: Option<u64>,
    pub(super) body: BodyType,
    pub(super) addresses: AddressEncoding,
    pub(super) returned: Option<Returned>,
    pub(super) envelope_id: Option<String>,
}

/// Why a line is no command that we follow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// The whole reply; the session goes on.
    Reply(&'static str),
    /// The whole reply; what follows cannot be understood, or is not meant for us.
    Leave(&'static str),
}

use Refusal::{Leave, Reply};

/// Reads a line up to and with CR, the LF being taken already.
pub(super) fn parse(line: &[u8]) -> Result<Request, Refusal> {
    let Some(line) = line.strip_suffix(b"\r") else {
        return Err(Leave("500 5.5.2 A line ends with CR LF, not with LF alone"));
    };
    if memchr::memchr2(b'\r', 0, line).is_some() {
        return Err(Leave("500 5.5.2 A command must not hold CR or NUL"));
    }
    let Ok(line) = std::str::from_utf8(line) else {
        return Err(Reply("500 5.5.2 A command is text in UTF-8"));
    };
    if line.chars().any(|c| c.is_control() && c != '\t') {
        return Err(Reply("500 5.5.2 A command must not hold control characters"));
    }
    let line = line.trim_ascii_end();
    let (verb, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let rest = rest.trim_ascii_start();
    let is = |name: &str| verb.eq_ignore_ascii_case(name);
    let without_argument = |request: Request| match rest {
        "" => Ok(request),
        _ => Err(Reply("501 5.5.4 This command has no argument")),
    };
    match verb.len() {
        4 if is("EHLO") => hello(Hello::Ehlo, rest),
        4 if is("HELO") => hello(Hello::Helo, rest),
        4 if is("LHLO") => hello(Hello::Lhlo, rest),
        4 if is("MAIL") => mail(rest),
        4 if is("RCPT") => rcpt(rest),
        4 if is("DATA") => without_argument(Request::Data),
        4 if is("BDAT") => bdat(rest),
        4 if is("RSET") => without_argument(Request::Rset),
        4 if is("NOOP") => Ok(Request::Noop),
        4 if is("VRFY") && rest.is_empty() => Err(Reply("501 5.5.4 VRFY whom?")),
        4 if is("VRFY") => Ok(Request::Vrfy),
        4 if is("HELP") => Ok(Request::Help),
        4 if is("QUIT") => without_argument(Request::Quit),
        8 if is("STARTTLS") => without_argument(Request::StartTls),
        4 if is("EXPN") || is("ETRN") || is("TURN") || is("AUTH") => {
            Err(Reply("502 5.5.1 Not implemented here"))
        }
        // A web browser that was made to speak to us says more than one line, some of which the attacker chose.
        _ if ["GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "PRI"]
            .iter()
            .any(|name| is(name)) =>
        {
            Err(Leave("500 5.5.1 This is a mail server"))
        }
        _ => Err(Reply("500 5.5.1 Command unknown")),
    }
}

fn hello(word: Hello, rest: &str) -> Result<Request, Refusal> {
    let name = rest.split_ascii_whitespace().next().unwrap_or_default();
    match name.len() {
        0 => Err(Reply("501 5.5.4 A name is missing")),
        1..=HELLO_NAME_BYTES_MAX => Ok(Request::Hello(word, name.to_owned())),
        _ => Err(Reply("501 5.5.4 The name is too long")),
    }
}

fn mail(rest: &str) -> Result<Request, Refusal> {
    const SYNTAX: Refusal = Reply("501 5.5.4 MAIL FROM:<address>");
    let (path, parameters) = path(after_word(rest, "FROM:").ok_or(SYNTAX)?).ok_or(SYNTAX)?;
    let sender = if path.is_empty() { ReversePath::Null } else { ReversePath::Mailbox(path.to_owned()) };
    let mut mail = Mail {
        sender,
        size: None,
        body: BodyType::SevenBit,
        addresses: AddressEncoding::Ascii,
        returned: None,
        envelope_id: None,
    };
    let mut seen = Seen::default();
    for parameter in parameters.split_ascii_whitespace() {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match seen.name(name, &["SIZE", "BODY", "SMTPUTF8", "RET", "ENVID"])? {
            "SIZE" => {
                let digits =
                    !value.is_empty() && value.len() <= 20 && value.bytes().all(|b| b.is_ascii_digit());
                // 20 digits may be more than fits: then it is more than we take, too.
                let size = digits.then(|| value.parse().unwrap_or(u64::MAX));
                mail.size = Some(size.ok_or(Reply("501 5.5.4 SIZE is a number of bytes"))?);
            }
            "BODY" if value.eq_ignore_ascii_case("7BIT") => mail.body = BodyType::SevenBit,
            "BODY" if value.eq_ignore_ascii_case("8BITMIME") => mail.body = BodyType::EightBit,
            "BODY" => return Err(Reply("501 5.5.4 BODY is 7BIT or 8BITMIME")),
            "SMTPUTF8" if parameter.contains('=') => return Err(Reply("501 5.5.4 SMTPUTF8 has no value")),
            "SMTPUTF8" => mail.addresses = AddressEncoding::Utf8,
            "RET" if value.eq_ignore_ascii_case("FULL") => mail.returned = Some(Returned::Full),
            "RET" if value.eq_ignore_ascii_case("HDRS") => mail.returned = Some(Returned::Headers),
            "RET" => return Err(Reply("501 5.5.4 RET is FULL or HDRS")),
            _ => {
                mail.envelope_id =
                    Some(xtext(value, 100).ok_or(Reply("501 5.5.4 ENVID is 1 to 100 characters of xtext"))?);
            }
        }
    }
    if mail.addresses == AddressEncoding::Ascii && !path.is_ascii() {
        return Err(Reply("553 5.6.7 This address needs SMTPUTF8"));
    }
    Ok(Request::Mail(mail))
}

fn rcpt(rest: &str) -> Result<Request, Refusal> {
    const SYNTAX: Refusal = Reply("501 5.5.4 RCPT TO:<address>");
    let (path, parameters) = path(after_word(rest, "TO:").ok_or(SYNTAX)?).ok_or(SYNTAX)?;
    if path.is_empty() {
        return Err(Reply("501 5.1.3 A recipient has an address"));
    }
    let mut recipient = Recipient { path: path.to_owned(), notify: None, original: None };
    let mut seen = Seen::default();
    for parameter in parameters.split_ascii_whitespace() {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match seen.name(name, &["NOTIFY", "ORCPT"])? {
            "NOTIFY" => {
                let words = Reply("501 5.5.4 NOTIFY is NEVER, or some of SUCCESS, FAILURE, DELAY");
                recipient.notify = Some(notify(value).ok_or(words)?);
            }
            _ => {
                recipient.original =
                    Some(original(value).ok_or(Reply("501 5.5.4 ORCPT is a kind, a semicolon and xtext"))?);
            }
        }
    }
    Ok(Request::Rcpt(recipient))
}

/// A length that cannot be understood leaves us without knowing where the next command is.
fn bdat(rest: &str) -> Result<Request, Refusal> {
    const SYNTAX: Refusal = Leave("501 5.5.4 BDAT needs a number of bytes");
    let mut words = rest.split_ascii_whitespace();
    let digits = words.next().filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())).ok_or(SYNTAX)?;
    let bytes = digits.parse().map_err(|_| SYNTAX)?;
    let part = match words.next() {
        None => Part::NotLast,
        Some(word) if word.eq_ignore_ascii_case("LAST") => Part::Last,
        Some(_) => return Err(SYNTAX),
    };
    if words.next().is_some() { Err(SYNTAX) } else { Ok(Request::Bdat { bytes, part }) }
}

fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let start = text.get(..word.len())?;
    start.eq_ignore_ascii_case(word).then(|| text[word.len()..].trim_ascii_start())
}

/// Takes `<path>` apart: what is between the brackets without a source route (RFC 5321 appendix C), and the parameters behind it.
fn path(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('<')?;
    let (mut quoted, mut end) = (false, None);
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => quoted = !quoted,
            // What is behind a backslash is no quote and no bracket. The byte may be the first of several: the others mean nothing here.
            b'\\' if quoted => _ = bytes.next()?,
            b'>' if !quoted => {
                end = Some(at);
                break;
            }
            b' ' | b'\t' | b'<' if !quoted => return None,
            _ => {}
        }
    }
    let end = end?;
    let (path, parameters) = (&text[..end], &text[end + 1..]);
    if !parameters.is_empty() && !parameters.starts_with([' ', '\t']) {
        return None;
    }
    let path = match path.strip_prefix('@') {
        Some(route) => route.split_once(':').filter(|(_, path)| !path.is_empty())?.1,
        None => path,
    };
    (path.len() <= PATH_BYTES_MAX).then_some((path, parameters))
}

fn notify(value: &str) -> Option<Notify> {
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(Notify::Never);
    }
    let mut occasions = Vec::new();
    for word in value.split(',') {
        let occasion = match word {
            _ if word.eq_ignore_ascii_case("SUCCESS") => Occasion::Success,
            _ if word.eq_ignore_ascii_case("FAILURE") => Occasion::Failure,
            _ if word.eq_ignore_ascii_case("DELAY") => Occasion::Delay,
            _ => return None,
        };
        if occasions.contains(&occasion) {
            return None;
        }
        occasions.push(occasion);
    }
    Some(Notify::On(occasions))
}

fn original(value: &str) -> Option<OriginalRecipient> {
    let (kind, address) = value.split_once(';')?;
    let is_atom =
        !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/+".contains(&b));
    let address = xtext(address, 500)?;
    is_atom.then(|| OriginalRecipient { kind: kind.to_owned(), address })
}

/// Undoes xtext (RFC 3461 §4): `+` and two hexadecimal digits in capitals. UTF-8 may stand as it is (RFC 6533 §3).
fn xtext(text: &str, bytes_max: usize) -> Option<String> {
    if text.is_empty() || text.len() > bytes_max {
        return None;
    }
    let digit = |byte: Option<u8>| match byte? {
        b @ b'0'..=b'9' => Some(b - b'0'),
        b @ b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    };
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => decoded.push(digit(bytes.next())? << 4 | digit(bytes.next())?),
            b'=' => return None,
            _ => decoded.push(byte),
        }
    }
    // A control character here would end up in logs and reports.
    String::from_utf8(decoded).ok().filter(|text| !text.chars().any(char::is_control))
}

/// Parameters that were said already.
#[derive(Default)]
struct Seen(Vec<&'static str>);

impl Seen {
    fn name(&mut self, name: &str, known: &[&'static str]) -> Result<&'static str, Refusal> {
        let Some(known) = known.iter().find(|known| known.eq_ignore_ascii_case(name)) else {
            return Err(Reply("555 5.5.4 A parameter that is not known here"));
        };
        if self.0.contains(known) {
            return Err(Reply("501 5.5.4 A parameter is said twice"));
        }
        self.0.push(known);
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Request, Refusal> {
        parse(format!("{line}\r").as_bytes())
    }

    fn sender(line: &str) -> Option<String> {
        match read(line) {
            Ok(Request::Mail(Mail { sender: ReversePath::Mailbox(path), .. })) => Some(path),
            Ok(Request::Mail(Mail { sender: ReversePath::Null, .. })) => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn every_kind_of_path_is_read() {
        for (line, path) in [
            ("MAIL FROM:<>", ""),
            ("mail from:<a@b.c>", "a@b.c"),
            ("MAIL FROM: <a@b.c>", "a@b.c"),
            ("MAIL FROM:<a@b.c> ", "a@b.c"),
            ("MAIL FROM:<@relay,@other:a@b.c>", "a@b.c"),
            ("MAIL FROM:<\"a> \\\"b\"@c.d> SIZE=1", "\"a> \\\"b\"@c.d"),
            ("MAIL FROM:<MAILER-DAEMON>", "MAILER-DAEMON"),
            ("MAIL FROM:<δ@ok.test> SMTPUTF8", "δ@ok.test"),
        ] {
            assert_eq!(sender(line).as_deref(), Some(path), "{line}");
        }
        for line in [
            "MAIL FROM:a@b.c",
            "MAIL FROM:<a@b.c",
            "MAIL FROM:<a b@c>",
            "MAIL FROM:<a@b.c>SIZE=1",
            "MAIL FROM:<<a@b.c>>",
            "MAIL FROM:<@relay>",
            "MAIL FROM:<\"a>",
            "MAIL FROM:<\"a\\",
            "MAIL",
            "MAIL FROM",
            "MAIL TO:<a@b.c>",
        ] {
            assert_eq!(read(line), Err(Reply("501 5.5.4 MAIL FROM:<address>")), "{line}");
        }
    }

    #[test]
    fn parameters_are_read_or_refused() {
        let Ok(Request::Mail(mail)) =
            read("MAIL FROM:<> SIZE=12 body=8bitmime SMTPUTF8 RET=HDRS ENVID=a+2Bb")
        else {
            panic!()
        };
        assert_eq!((mail.size, mail.body), (Some(12), BodyType::EightBit));
        assert_eq!(mail.addresses, AddressEncoding::Utf8);
        assert_eq!((mail.returned, mail.envelope_id.as_deref()), (Some(Returned::Headers), Some("a+b")));
        for parameter in [
            "SIZE=x",
            "SIZE=",
            "SIZE",
            "BODY=BINARYMIME",
            "SMTPUTF8=1",
            "RET=ALL",
            "ENVID=",
            "ENVID=a+2b",
            "ENVID=a+0A",
            "ENVID=a+F",
            "SIZE=1 SIZE=1",
            "AUTH=<>",
            "X",
        ] {
            assert!(matches!(read(&format!("MAIL FROM:<> {parameter}")), Err(Reply(_))), "{parameter}");
        }
        let Ok(Request::Rcpt(recipient)) = read("RCPT TO:<a@b> NOTIFY=SUCCESS,delay ORCPT=rfc822;c+3Dd@e")
        else {
            panic!()
        };
        assert_eq!(recipient.notify, Some(Notify::On(vec![Occasion::Success, Occasion::Delay])));
        let original = OriginalRecipient { kind: "rfc822".into(), address: "c=d@e".into() };
        assert_eq!(recipient.original, Some(original));
        for parameter in [
            "NOTIFY=NEVER,DELAY",
            "NOTIFY=",
            "NOTIFY=DELAY,DELAY",
            "ORCPT=a",
            "ORCPT=;a",
            "ORCPT=a b;c",
            "SIZE=1",
        ] {
            assert!(matches!(read(&format!("RCPT TO:<a@b> {parameter}")), Err(Reply(_))), "{parameter}");
        }
        assert_eq!(read("RCPT TO:<>"), Err(Reply("501 5.1.3 A recipient has an address")));
        assert_eq!(read("MAIL FROM:<δ@ok.test>"), Err(Reply("553 5.6.7 This address needs SMTPUTF8")));
    }

    #[test]
    fn a_chunk_has_a_length_or_ends_the_session() {
        assert_eq!(read("BDAT 5"), Ok(Request::Bdat { bytes: 5, part: Part::NotLast }));
        assert_eq!(read("bdat 0 last"), Ok(Request::Bdat { bytes: 0, part: Part::Last }));
        for line in [
            "BDAT",
            "BDAT x",
            "BDAT -1",
            "BDAT +1",
            "BDAT 1 FIRST",
            "BDAT 1 LAST 2",
            "BDAT 99999999999999999999999",
        ] {
            assert!(matches!(read(line), Err(Leave(_))), "{line}");
        }
    }

    #[test]
    fn lines_that_could_hide_a_second_one_end_the_session() {
        for line in
            [&b"NOOP"[..], b"NOOP a\rRSET\r", b"NOOP\0\r", b"", b"GET / HTTP/1.1\r", b"post / HTTP/1.1\r"]
        {
            assert!(matches!(parse(line), Err(Leave(_))), "{line:?}");
        }
        for line in [&b"\r"[..], b"NO\xffOP\r", b"NO\x1bOP\r", b"EXPN a\r", b"DATA x\r", b"EHLO\r", b"XYZ\r"]
        {
            assert!(matches!(parse(line), Err(Reply(_))), "{line:?}");
        }
    }
}
