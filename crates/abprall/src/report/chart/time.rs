//! Days put together to weeks and months where there are too many to be seen.

use abprall_mail::Language;
use jiff::ToSpan;
use jiff::civil::Date;

/// Columns that can be told apart on a sheet of paper.
const COLUMNS_MAX: i32 = 120;

/// A stretch of time that is one column.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) struct Bucket {
    pub(in super::super) first: Date,
    pub(in super::super) last: Date,
}

/// What a column stands for.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Width {
    Day,
    Week,
    Month,
    Year,
}

/// All stretches from the first to the last day without a gap, oldest first: days, or weeks from Monday, or months, or years.
pub(in super::super) fn buckets(first: Date, last: Date) -> Vec<Bucket> {
    let days = first.until(last).map_or(0, |span| span.get_days()) + 1;
    let width = match days {
        ..=COLUMNS_MAX => Width::Day,
        _ if days <= COLUMNS_MAX * 7 => Width::Week,
        _ if days <= COLUMNS_MAX * 30 => Width::Month,
        _ => Width::Year,
    };
    let mut buckets = Vec::new();
    let mut start = first;
    while start <= last {
        let next = match width {
            Width::Day => start.checked_add(1.day()),
            Width::Week => start.checked_add((7 - i64::from(start.weekday().to_monday_zero_offset())).days()),
            Width::Month => start.first_of_month().checked_add(1.month()),
            Width::Year => start.first_of_year().checked_add(1.year()),
        };
        // The end of the calendar is the end of the picture.
        let Ok(next) = next else { break };
        buckets.push(Bucket { first: start, last: next.checked_sub(1.day()).unwrap_or(start).min(last) });
        start = next;
    }
    buckets
}

impl Bucket {
    /// `24 Nov`, `24. Nov.`
    pub(in super::super) fn short(self, language: Language) -> String {
        day_and_month(self.first, language)
    }

    /// `2026-11-24`, or the first and the last day.
    pub(in super::super) fn full(self) -> String {
        if self.first == self.last {
            self.first.to_string()
        } else {
            format!("{} – {}", self.first, self.last)
        }
    }
}

fn day_and_month(day: Date, language: Language) -> String {
    const EN: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const DE: [&str; 12] =
        ["Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sep.", "Okt.", "Nov.", "Dez."];
    let month = usize::from(day.month().unsigned_abs()).saturating_sub(1) % 12;
    match language {
        Language::En => format!("{} {}", day.day(), EN[month]),
        Language::De => format!("{}. {}", day.day(), DE[month]),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_quarter_is_days_two_years_are_weeks_and_ten_are_months() {
        assert_eq!(buckets(date(2026, 8, 27), date(2026, 11, 24)).len(), 90);
        let weeks = buckets(date(2025, 1, 1), date(2026, 11, 24));
        assert_eq!((weeks[0].first, weeks[0].last), (date(2025, 1, 1), date(2025, 1, 5)));
        assert_eq!((weeks[1].first, weeks[1].last), (date(2025, 1, 6), date(2025, 1, 12)));
        assert_eq!(weeks.last().map(|week| week.last), Some(date(2026, 11, 24)));
        let months = buckets(date(2018, 2, 10), date(2026, 11, 24));
        assert_eq!((months[0].last, months[1].last), (date(2018, 2, 28), date(2018, 3, 31)));
    }

    #[test]
    fn the_whole_calendar_is_a_bounded_picture() {
        assert!(buckets(Date::MIN, Date::MAX).len() < 20_000);
        assert!(buckets(date(2026, 1, 2), date(2026, 1, 1)).is_empty());
    }

    #[test]
    fn labels_are_of_the_language() {
        let bucket = Bucket { first: date(2026, 3, 4), last: date(2026, 3, 4) };
        assert_eq!(bucket.short(Language::En), "4 Mar");
        assert_eq!(bucket.short(Language::De), "4. März");
        assert_eq!(bucket.full(), "2026-03-04");
    }
}
