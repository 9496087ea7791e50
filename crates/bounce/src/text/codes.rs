//! Quick looks for reply codes and status codes, to choose between lines. The reading proper is [`crate::reply`]'s.

use abprall_mail::EnhancedStatus;

/// Whether a line starts as an SMTP reply of a failure does: `550 …`, `550-…`, `421: …`.
pub(super) fn starts_with_reply(line: &str) -> bool {
    let bytes = line.as_bytes();
    bytes.len() >= 3
        && matches!(bytes[0], b'4' | b'5')
        && matches!(bytes[1], b'0'..=b'7')
        && bytes[2].is_ascii_digit()
        && bytes.get(3).is_none_or(|b| matches!(b, b' ' | b'-' | b':' | b',' | b'\t'))
}

/// Whether a failure's reply code stands somewhere in the line, as a word of its own.
pub(super) fn has_reply_code(line: &str) -> bool {
    let bytes = line.as_bytes();
    words_of_digits(bytes).any(|(start, end)| {
        end - start == 3
            && matches!(bytes[start], b'4' | b'5')
            && matches!(bytes[start + 1], b'0'..=b'7')
            && !matches!(bytes.get(end), Some(b'.')) // part of an address: 192.0.550.1 or a size
            && !matches!(start.checked_sub(1).map(|at| bytes[at]), Some(b'.' | b'/' | b'=' | b'_'))
    })
}

/// The first enhanced status code of a failure in the line.
pub(super) fn status_in(line: &str) -> Option<EnhancedStatus> {
    let bytes = line.as_bytes();
    words_of_digits(bytes).find_map(|(start, end)| {
        let fits = end - start == 1 && matches!(bytes[start], b'4' | b'5') && bytes.get(end) == Some(&b'.');
        let alone = start == 0 || !matches!(bytes[start - 1], b'.' | b'/' | b'-' | b'v');
        if fits && alone {
            EnhancedStatus::at_start_of(&bytes[start..]).map(|(status, _)| status)
        } else {
            None
        }
    })
}

/// Runs of digits that no letter precedes.
fn words_of_digits(bytes: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let start = at;
            if !bytes[at].is_ascii_digit() {
                at += 1;
                continue;
            }
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            let letter_before = start > 0 && bytes[start - 1].is_ascii_alphabetic();
            let letter_after = bytes.get(at).is_some_and(u8::is_ascii_alphabetic);
            if !letter_before && !letter_after {
                return Some((start, at));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_told_from_other_numbers() {
        assert!(starts_with_reply("550 no"));
        assert!(starts_with_reply("550-no"));
        assert!(starts_with_reply("421"));
        assert!(!starts_with_reply("5501 no"));
        assert!(!starts_with_reply("250 ok"));
        assert!(has_reply_code("said: 550 no"));
        assert!(!has_reply_code("192.0.2.550"));
        assert!(!has_reply_code("550KB"));
    }

    #[test]
    fn a_status_is_told_from_an_address() {
        assert_eq!(status_in("no mailbox (#5.1.1)").unwrap().to_string(), "5.1.1");
        assert_eq!(status_in("192.5.1.1 refused"), None);
        assert_eq!(status_in("10.5.1.1"), None);
        assert_eq!(status_in("Exim 4.96"), None);
    }
}
