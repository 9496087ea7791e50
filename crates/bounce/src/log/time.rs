//! Time stamps of logs: ISO 8601 in its many spellings, and syslog's without a year.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

/// A clock of another host may be ahead of ours by this much before its stamp is taken for last year's.
const AHEAD_SECONDS: i64 = 24 * 3600;

/// Reads `2026-11-25T09:42:17.123+01:00`, also with a space, `Z`, `+0100`, a space before the zone or without a zone; gives the rest of the
/// text behind it.
pub(super) fn iso<'a>(text: &'a str, zone: &TimeZone) -> Option<(Timestamp, &'a str)> {
    let bytes = text.as_bytes();
    let date = bytes.get(..10)?;
    if date[4] != b'-' || date[7] != b'-' || !matches!(bytes.get(10)?, b'T' | b' ' | b't') {
        return None;
    }
    let (year, month, day) = (number(&bytes[..4])?, number(&bytes[5..7])?, number(&bytes[8..10])?);
    let (clock, rest) = clock(text.get(11..)?)?;
    let civil = civil(i16::try_from(year).ok()?, month, day, clock)?;
    let (offset, rest) = offset(rest);
    let at = match offset {
        Some(offset) => offset.to_timestamp(civil).ok()?,
        None => zone.to_timestamp(civil).ok()?,
    };
    Some((at, rest))
}

/// Reads `Nov 25 09:42:17`, `Nov  5 09:42:17.123` and `Nov 25 2026 09:42:17`. Without a year it is the newest that is not ahead of `now`.
pub(super) fn traditional<'a>(
    text: &'a str,
    now: Timestamp,
    zone: &TimeZone,
) -> Option<(Timestamp, &'a str)> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = text.get(..3)?;
    let month = MONTHS.iter().position(|month| *month == name)? as i64 + 1;
    let rest = text.get(3..)?.strip_prefix(' ')?.trim_start_matches(' ');
    let end = rest.find(' ')?;
    let day = number(&rest.as_bytes()[..end])?;
    let rest = rest[end..].trim_start_matches(' ');
    let (year, rest) = match rest.as_bytes() {
        [a, b, c, d, b' ', ..] => (number(&[*a, *b, *c, *d]), rest.get(5..)?),
        _ => (None, rest),
    };
    let (clock, rest) = clock(rest)?;
    if let Some(year) = year {
        let at = zone.to_timestamp(civil(i16::try_from(year).ok()?, month, day, clock)?).ok()?;
        return Some((at, rest));
    }
    let this_year = zone.to_datetime(now).year();
    // The 29th of February is only in every fourth year, or eighth around 1900 and 2100.
    for year in (this_year - 8..=this_year.saturating_add(1)).rev() {
        let Some(civil) = civil(year, month, day, clock) else { continue };
        let Ok(at) = zone.to_timestamp(civil) else { continue };
        if at.as_second() <= now.as_second().saturating_add(AHEAD_SECONDS) {
            return Some((at, rest));
        }
    }
    None
}

/// Seconds since 1970, with or without a fraction; also milliseconds, as some senders of them write.
pub(crate) fn of_unix(number: f64) -> Option<Timestamp> {
    if !number.is_finite() || number <= 0.0 {
        return None;
    }
    // Seconds reach this number in the year 5138.
    let milliseconds = if number < 1e11 { number * 1000.0 } else { number };
    if milliseconds > 2.5e14 {
        return None;
    }
    // Within the range by the line above.
    Timestamp::from_millisecond(milliseconds.round() as i64).ok()
}

/// Unix seconds or an ISO time stamp, as text.
pub(crate) fn of_text(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return of_unix(number);
    }
    let (at, rest) = iso(text, &TimeZone::UTC)?;
    rest.trim().is_empty().then_some(at)
}

fn number(digits: &[u8]) -> Option<i64> {
    let is_number = !digits.is_empty() && digits.len() <= 9 && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// Hour, minute, second, nanosecond.
type Clock = (i64, i64, i64, i64);

/// `09:42:17` with an optional fraction.
fn clock(text: &str) -> Option<(Clock, &str)> {
    let bytes = text.as_bytes();
    let stamp = bytes.get(..8)?;
    if stamp[2] != b':' || stamp[5] != b':' {
        return None;
    }
    let (hour, minute, second) = (number(&stamp[..2])?, number(&stamp[3..5])?, number(&stamp[6..8])?);
    let mut rest = text.get(8..)?;
    let mut nanosecond = 0;
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            let kept = &fraction.as_bytes()[..digits.min(9)];
            nanosecond = number(kept)? * 10_i64.pow(9 - u32::try_from(kept.len()).ok()?);
            rest = &fraction[digits..];
        }
    }
    Some(((hour, minute, second, nanosecond), rest))
}

fn civil(year: i16, month: i64, day: i64, (hour, minute, second, nanosecond): Clock) -> Option<DateTime> {
    // A leap second is the last of its minute.
    let second = second.min(59);
    let small = |number: i64| i8::try_from(number).ok();
    DateTime::new(
        year,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        i32::try_from(nanosecond).ok()?,
    )
    .ok()
}

/// `Z`, `+01:00`, `+0100`, `+01`, also behind a space; nothing when there is none.
fn offset(text: &str) -> (Option<Offset>, &str) {
    if let Some(rest) = text.strip_prefix(['Z', 'z']) {
        return (Some(Offset::UTC), rest);
    }
    let zone = text.strip_prefix(' ').unwrap_or(text);
    let sign = match zone.bytes().next() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return (None, text),
    };
    let digits = &zone.as_bytes()[1..];
    let Some(hours) = digits.get(..2).and_then(number) else { return (None, text) };
    let (minutes, length) = match digits.get(2) {
        Some(b':') => (digits.get(3..5).and_then(number), 6),
        Some(_) => (digits.get(2..4).and_then(number), 5),
        None => (None, 3),
    };
    let (minutes, length) = minutes.map_or((0, 3), |minutes| (minutes, length));
    let seconds = sign * (hours * 3600 + minutes * 60);
    match i32::try_from(seconds).ok().and_then(|seconds| Offset::from_seconds(seconds).ok()) {
        Some(offset) => (Some(offset), &zone[length..]),
        None => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2027-01-02T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn iso_times_are_read_in_every_spelling() {
        for (text, expected, rest) in [
            ("2026-11-25T09:42:17+01:00 x", "2026-11-25T08:42:17Z", " x"),
            ("2026-11-25T09:42:17.5+0100 x", "2026-11-25T08:42:17.5Z", " x"),
            ("2026-11-25T09:42:17.123456Z", "2026-11-25T09:42:17.123456Z", ""),
            ("2026-11-25 09:42:17 1xVd3O", "2026-11-25T09:42:17Z", " 1xVd3O"),
            ("2026-11-25 09:42:17 -0500 [12] 1x", "2026-11-25T14:42:17Z", " [12] 1x"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z", ""),
        ] {
            let (at, behind) = iso(text, &TimeZone::UTC).unwrap();
            assert_eq!((at.to_string().as_str(), behind), (expected, rest), "{text}");
        }
    }

    #[test]
    fn a_stamp_without_a_year_is_the_newest_that_is_not_ahead() {
        for (text, expected) in [
            ("Dec 31 23:59:59 h", "2026-12-31T23:59:59Z"),
            ("Jan  2 11:00:00 h", "2027-01-02T11:00:00Z"),
            // Another host's clock is ahead by hours.
            ("Jan  3 11:00:00 h", "2027-01-03T11:00:00Z"),
            ("Jan  4 11:00:00 h", "2026-01-04T11:00:00Z"),
            ("Feb 29 11:00:00 h", "2024-02-29T11:00:00Z"),
            ("Nov 25 2019 11:00:00 h", "2019-11-25T11:00:00Z"),
        ] {
            let (at, rest) = traditional(text, now(), &TimeZone::UTC).unwrap();
            assert_eq!((at.to_string().as_str(), rest), (expected, " h"), "{text}");
        }
        assert_eq!(traditional("Feb 30 11:00:00 h", now(), &TimeZone::UTC), None);
    }

    #[test]
    fn the_zone_of_the_host_counts_where_the_stamp_has_none() {
        let zone = TimeZone::fixed(Offset::constant(2));
        let (at, _) = traditional("Nov 25 09:42:17 h", now(), &zone).unwrap();
        assert_eq!(at.to_string(), "2026-11-25T07:42:17Z");
    }

    #[test]
    fn seconds_and_milliseconds_are_told_apart() {
        assert_eq!(of_unix(1_520_363_423.0), of_unix(1_520_363_423_000.0));
        assert_eq!(of_text("1464824548").unwrap().as_second(), 1_464_824_548);
        assert_eq!(of_unix(f64::NAN), None);
        assert_eq!(of_unix(1e300), None);
    }
}
