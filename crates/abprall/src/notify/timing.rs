//! When something is told: not at night, not too often, together where it can wait. Pure.

use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// When one way may tell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Timing {
    /// What happens within it is told together; `None`: each at once.
    pub(super) digest: Option<Duration>,
    /// Nobody is told anything between these.
    pub(super) quiet: Option<Quiet>,
    /// Messages an hour; what comes above that waits, and is told together.
    pub(super) at_most: u32,
}

/// A part of the day, over midnight too.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Quiet {
    from: Time,
    to: Time,
    zone: TimeZone,
}

impl Quiet {
    /// `22:00-07:00`
    pub(super) fn parse(text: &str, zone: TimeZone) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let time = |text: &str| {
            let (hour, minute) = text.trim().split_once(':')?;
            Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
        };
        let (from, to) = (time(from)?, time(to)?);
        (from != to).then_some(Self { from, to, zone })
    }

    fn is_on(&self, at: Timestamp) -> bool {
        let time = at.to_zoned_datetime(self.zone.clone()).time();
        if self.from < self.to {
            (self.from..self.to).contains(&time)
        } else {
            time >= self.from || time < self.to
        }
    }
}

impl Timing {
    /// Whether what waits since `first` is told now. `sent` are the times of the messages so far, the newest last.
    pub(super) fn is_due(&self, first: Timestamp, now: Timestamp, sent: &[Timestamp]) -> bool {
        if self.quiet.as_ref().is_some_and(|quiet| quiet.is_on(now)) {
            return false;
        }
        let wait = self.digest.and_then(|digest| SignedDuration::try_from(digest).ok());
        if wait.is_some_and(|wait| now.duration_since(first) < wait) {
            return false;
        }
        self.within_the_hour(now, sent).count() < self.at_most as usize
    }

    /// Those that still count.
    pub(super) fn within_the_hour<'a>(
        &self,
        now: Timestamp,
        sent: &'a [Timestamp],
    ) -> impl Iterator<Item = Timestamp> + 'a {
        sent.iter().copied().filter(move |at| now.duration_since(*at) < SignedDuration::from_hours(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn timing(digest: Option<u64>, quiet: Option<&str>) -> Timing {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let quiet = quiet.map(|text| Quiet::parse(text, zone).unwrap());
        Timing { digest: digest.map(Duration::from_secs), quiet, at_most: 2 }
    }

    #[test]
    fn at_night_nobody_is_told_in_the_zone_of_whoever_sleeps() {
        let night = timing(None, Some("22:00-07:00"));
        let first = at("2026-11-24T12:00:00Z");
        // Berlin is an hour ahead of UTC in winter, two in summer.
        for (now, due) in [
            ("2026-11-24T20:59:00Z", true),
            ("2026-11-24T21:00:00Z", false),
            ("2026-11-25T05:59:00Z", false),
            ("2026-11-25T06:00:00Z", true),
            ("2026-07-24T20:00:00Z", false),
        ] {
            assert_eq!(night.is_due(first, at(now), &[]), due, "{now}");
        }
        let siesta = timing(None, Some("13:00-15:00"));
        assert!(!siesta.is_due(first, at("2026-11-24T12:30:00Z"), &[]));
        assert!(siesta.is_due(first, at("2026-11-24T14:00:00Z"), &[]));
    }

    #[test]
    fn a_digest_waits_and_the_hour_has_its_limit() {
        let digest = timing(Some(600), None);
        let first = at("2026-11-24T12:00:00Z");
        assert!(!digest.is_due(first, at("2026-11-24T12:09:59Z"), &[]));
        assert!(digest.is_due(first, at("2026-11-24T12:10:00Z"), &[]));
        let sent = [at("2026-11-24T11:20:00Z"), at("2026-11-24T12:05:00Z")];
        assert!(!digest.is_due(first, at("2026-11-24T12:15:00Z"), &sent));
        assert!(digest.is_due(first, at("2026-11-24T12:20:00Z"), &sent));
    }

    #[test]
    fn a_part_of_the_day_is_two_times() {
        for text in ["22-7", "22:00", "25:00-07:00", "07:00-07:00", ""] {
            assert!(Quiet::parse(text, TimeZone::UTC).is_none(), "{text}");
        }
    }
}
