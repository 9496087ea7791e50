use jiff::Timestamp;
use mail_parser::DateTime;

/// A date as RFC 5322 §3.3 writes it, and as MTAs do: without a weekday, with a zone name in parentheses.
pub(crate) fn parse_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let date = DateTime::parse_rfc822(text).or_else(|| DateTime::parse_rfc3339(text))?;
    timestamp_of(&date)
}

/// A point in time; `None` for the impossible (`31 Feb`, year 0).
fn timestamp_of(date: &DateTime) -> Option<Timestamp> {
    if !date.is_valid() || date.year < 1970 {
        return None;
    }
    Timestamp::from_second(date.to_timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_points_in_time() {
        let at = parse_date("Thu, 29 Apr 2010 23:34:45 +0900 (JST)").unwrap();
        assert_eq!(at.to_string(), "2010-04-29T14:34:45Z");
        assert_eq!(parse_date("29 Apr 2010 14:34:45 GMT"), Some(at));
        assert_eq!(parse_date("yesterday"), None);
        assert_eq!(parse_date(""), None);
    }
}
