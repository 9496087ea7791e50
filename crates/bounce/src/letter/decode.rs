use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

/// A Content-Transfer-Encoding (RFC 2045 §6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Encoding {
    /// 7bit, 8bit, binary, none or unknown.
    None,
    Base64,
    QuotedPrintable,
}

impl Encoding {
    pub fn of(text: &str) -> Self {
        let text = text.trim();
        if text.eq_ignore_ascii_case("base64") {
            Self::Base64
        } else if text.eq_ignore_ascii_case("quoted-printable") {
            Self::QuotedPrintable
        } else {
            Self::None
        }
    }
}

/// Undoes a transfer encoding; what cannot be decoded stays as it is.
pub(super) fn transfer(bytes: &[u8], encoding: Encoding) -> Cow<'_, [u8]> {
    let decoded = match encoding {
        Encoding::None => None,
        Encoding::Base64 => base64_decode(bytes).or_else(|| {
            // Gateways append advertisements in plain text to encoded parts: decode up to the first line that is none.
            let end = bytes
                .split_inclusive(|b| *b == b'\n')
                .take_while(|line| {
                    line.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=\r\n \t".contains(b))
                })
                .map(<[u8]>::len)
                .sum::<usize>();
            base64_decode(bytes.get(..end)?)
        }),
        Encoding::QuotedPrintable => quoted_printable_decode(bytes),
    };
    decoded.map_or(Cow::Borrowed(bytes), Cow::Owned)
}

/// The text without a copy, where it is UTF-8 already.
pub(super) fn borrowed<'a>(bytes: &'a [u8], charset: Option<&str>) -> Option<&'a str> {
    if has_own_ascii(charset) || memchr::memchr(0x1B, bytes).is_some() {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        // Cut within a character by a limit.
        Err(error) if error.error_len().is_none() && bytes.len() - error.valid_up_to() < 4 => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

/// Text in UTF-8, and whether something had to be replaced.
///
/// Labels are wrong more often than bytes: what is valid UTF-8 is UTF-8, ISO-2022 escapes speak for themselves, and the label
/// decides the rest.
pub(super) fn charset(bytes: &[u8], label: Option<&str>) -> (String, bool) {
    if let Some(text) = borrowed(bytes, label) {
        return (text.to_owned(), false);
    }
    if memchr::memmem::find(bytes, b"\x1B$").is_some() || memchr::memmem::find(bytes, b"\x1B(").is_some() {
        let korean = memchr::memmem::find(bytes, b"\x1B$)C").is_some();
        if let Some(decode) = charset_decoder(if korean { b"iso-2022-kr" } else { b"iso-2022-jp" }) {
            return (decode(bytes), false);
        }
    }
    let decode = label
        .filter(|l| !l.eq_ignore_ascii_case("utf-8") && !l.eq_ignore_ascii_case("us-ascii"))
        .and_then(|l| charset_decoder(l.as_bytes()));
    if let Some(decode) = decode {
        let text = decode(bytes);
        let bad = text.contains('\u{FFFD}');
        return (text, bad);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        Err(_) if label.is_some_and(|l| l.eq_ignore_ascii_case("utf-8")) => {
            (String::from_utf8_lossy(bytes).into_owned(), true)
        }
        // Unlabelled 8-bit text is Western European in nearly all reports, and this never loses a byte.
        Err(_) => {
            (charset_decoder(b"windows-1252").map_or_else(|| lossy(bytes), |decode| decode(bytes)), true)
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether ASCII bytes may mean something else than ASCII in this charset.
fn has_own_ascii(charset: Option<&str>) -> bool {
    charset.is_some_and(|c| {
        ["iso-2022", "utf-7", "utf-16", "utf-32", "hz-gb"]
            .iter()
            .any(|own| c.get(..own.len()).is_some_and(|start| start.eq_ignore_ascii_case(own)))
    })
}
