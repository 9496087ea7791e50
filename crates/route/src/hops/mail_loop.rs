use std::collections::BTreeMap;

use abprall_bounce::Hop;
use serde::{Deserialize, Serialize};

use super::tls::stays_on_the_machine;
use crate::claim::bare;

/// Times that one server may take a message; a third time is a circle.
const VISITS_MAX: usize = 2;

/// A circle that the Received lines show.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct MailLoop {
    /// The servers that took the message more than once, in the order of their first time.
    pub hosts: Vec<String>,
    /// How often the most frequent one did.
    pub rounds: usize,
}

/// A circle: one server three times, or twice for the same recipient. Hops within a machine are not counted.
pub(super) fn find(oldest_first: &[&Hop]) -> Option<MailLoop> {
    let mut order: Vec<String> = Vec::new();
    let mut visits: BTreeMap<String, usize> = BTreeMap::new();
    let mut for_recipient: BTreeMap<(String, String), usize> = BTreeMap::new();
    for hop in oldest_first.iter().filter(|hop| !stays_on_the_machine(hop)) {
        let Some(by) = hop.by.as_deref().map(bare) else { continue };
        if let Some(recipient) = hop.recipient.as_deref() {
            *for_recipient.entry((by.clone(), recipient.to_ascii_lowercase())).or_default() += 1;
        }
        let count = visits.entry(by.clone()).or_default();
        *count += 1;
        if *count == 1 {
            order.push(by);
        }
    }
    let circles =
        visits.values().any(|count| *count > VISITS_MAX) || for_recipient.values().any(|count| *count > 1);
    circles.then(|| MailLoop {
        rounds: visits.values().copied().max().unwrap_or_default(),
        hosts: order.into_iter().filter(|host| visits.get(host).is_some_and(|count| *count > 1)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(from: &str, by: &str, recipient: Option<&str>) -> Hop {
        Hop {
            from: Some(from.to_owned()),
            by: Some(by.to_owned()),
            recipient: recipient.map(str::to_owned),
            ..Hop::default()
        }
    }

    fn rounds(hops: &[Hop]) -> Option<usize> {
        find(&hops.iter().collect::<Vec<_>>()).map(|circle| circle.rounds)
    }

    #[test]
    fn a_server_that_comes_again_for_the_same_recipient_is_a_loop() {
        let again = [hop("us", "a", Some("u@d")), hop("a", "b", Some("u@d")), hop("b", "a", Some("U@d"))];
        assert_eq!(rounds(&again), Some(2));
        let other = [hop("us", "a", Some("u@d")), hop("a", "b", Some("u@d")), hop("b", "a", Some("v@d"))];
        assert_eq!(rounds(&other), None);
    }

    #[test]
    fn a_server_that_comes_three_times_is_a_loop() {
        assert_eq!(rounds(&[hop("x", "a", None), hop("b", "a", None), hop("c", "a", None)]), Some(3));
        assert_eq!(rounds(&[hop("x", "a", None), hop("b", "a", None)]), None);
    }

    #[test]
    fn a_content_filter_on_the_same_machine_is_no_loop() {
        let filter =
            [hop("us", "a", Some("u@d")), hop("localhost", "a", Some("u@d")), hop("a", "a", Some("u@d"))];
        assert_eq!(rounds(&filter), None);
    }
}
