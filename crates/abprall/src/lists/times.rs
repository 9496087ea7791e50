use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

/// Seconds since 1970 above which a number means milliseconds: the year 5138 in seconds, 1973 in milliseconds.
const MILLISECONDS_FROM: f64 = 1e11;

/// Reads a time as lists write it: RFC 3339, RFC 2822, seconds or milliseconds since 1970, `2026-11-24 12:00:00`, a date. Without a
/// zone it is UTC.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(number) = text.parse::<f64>().ok().filter(|number| number.is_finite()) {
        let seconds = if number.abs() >= MILLISECONDS_FROM { number / 1000.0 } else { number };
        // Eight digits are a day: 20261124.
        if text.len() == 8
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(date) = text.parse::<Date>()
        {
            return at_utc(date.at(0, 0, 0, 0));
        }
        // Not more exact than a millisecond: a fraction of a float is not.
        return Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok();
    }
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| rfc2822::parse(text).ok().map(|zoned| zoned.timestamp()))
        .or_else(|| text.trim_end_matches(" UTC").parse::<DateTime>().ok().and_then(at_utc))
}

fn at_utc(civil: DateTime) -> Option<Timestamp> {
    civil.to_zoned_datetime(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_in_which_lists_write_a_time_mean_the_same() {
        for text in [
            "2026-11-24T12:30:05Z",
            "2026-11-24T13:30:05+01:00",
            "2026-11-24T12:30:05.0000000-00:00",
            "Tue, 24 Nov 2026 12:30:05 +0000",
            "Tue, 24 Nov 2026 12:30:05 GMT",
            "1795523405",
            "1795523405000",
            "1795523405.0",
            "2026-11-24 12:30:05",
            "2026-11-24 12:30:05 UTC",
        ] {
            assert_eq!(
                read(text).map(|at| at.to_string()).as_deref(),
                Some("2026-11-24T12:30:05Z"),
                "{text}"
            );
        }
        assert_eq!(read("2026-11-24").map(|at| at.to_string()).as_deref(), Some("2026-11-24T00:00:00Z"));
        for text in ["", "soon", "24.13.2026", "NaN", "1e300"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
