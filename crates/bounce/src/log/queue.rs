//! What earlier lines said of a queue entry. Bounded by bytes: two generations, of which the older is forgotten when the younger is
//! full. What is used moves to the younger, so that what is forgotten is what nobody asked for longest.

use std::collections::HashMap;

use abprall_mail::EmailAddress;
use jiff::Timestamp;

use crate::attempt::cut;
use crate::{Report, limits};

/// Bytes that an entry takes besides its texts: the structure and its place in the map, rounded up.
const ENTRY_BYTES: usize = 256;

/// Bytes that a waiting recipient takes besides its texts.
const WAITING_BYTES: usize = size_of::<Report>();

/// Longest reason that is kept of a recipient that waits, in bytes.
const REASON_BYTES_MAX: usize = 512;

/// One message in a queue.
#[derive(Default)]
pub(super) struct Entry {
    /// The envelope sender, empty for a bounce.
    pub sender: Option<String>,
    pub message_id: Option<String>,
    pub arrived_at: Option<Timestamp>,
    /// The last delay of each recipient that is still in the queue.
    pub waiting: Vec<Report>,
}

impl Entry {
    /// A bounce of the MTA itself: what happens to it says nothing about a recipient of ours.
    pub fn is_bounce(&self) -> bool {
        self.sender.as_deref() == Some("")
    }

    /// Remembers a sender.
    pub fn sent_by(&mut self, sender: &str) {
        self.sender = Some(cut(sender, limits::LOG_NAME_BYTES_MAX).to_owned());
    }

    /// Takes a recipient out; gives its last delay.
    pub fn done(&mut self, recipient: Option<&EmailAddress>) -> Option<Report> {
        let at = self.waiting.iter().position(|report| report.recipient.as_ref() == recipient)?;
        Some(self.waiting.swap_remove(at))
    }

    /// Notes that a recipient waits, and why.
    pub fn waits(&mut self, report: &Report) {
        let last = self.done(report.recipient.as_ref());
        let mut kept = Report {
            diagnostic: report.diagnostic.as_deref().map(|words| cut(words, REASON_BYTES_MAX).to_owned()),
            ..report.clone()
        };
        // "Retry time not reached" tells nothing new: the reason is the one before.
        if is_only_waiting(&kept)
            && let Some(last) = last
        {
            kept = last;
        }
        if self.waiting.len() < limits::LOG_RECIPIENTS_MAX {
            self.waiting.push(kept);
        }
    }

    fn bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let waiting = self.waiting.iter().map(|report| WAITING_BYTES + length(&report.diagnostic) + 128);
        ENTRY_BYTES + length(&self.sender) + length(&self.message_id) + waiting.sum::<usize>()
    }
}

fn is_only_waiting(report: &Report) -> bool {
    report.diagnostic.as_deref().is_some_and(|words| {
        words.starts_with("retry time not reached") || words.starts_with("delivery temporarily suspended")
    })
}

/// All entries that are remembered.
pub(super) struct Queues {
    young: HashMap<String, Entry>,
    old: HashMap<String, Entry>,
    young_bytes: usize,
    old_bytes: usize,
    bytes_max: usize,
}

impl Queues {
    pub fn new(bytes_max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), young_bytes: 0, old_bytes: 0, bytes_max }
    }

    /// The bytes of both generations.
    pub fn bytes(&self) -> usize {
        self.young_bytes + self.old_bytes
    }

    /// The entry of a queue id, where one is remembered.
    pub fn get_mut(&mut self, queue_id: &str) -> Option<&mut Entry> {
        if !self.young.contains_key(queue_id) {
            let entry = self.old.remove(queue_id)?;
            self.old_bytes = self.old_bytes.saturating_sub(entry.bytes() + queue_id.len());
            self.put(queue_id, entry);
        }
        self.young.get_mut(queue_id)
    }

    /// Changes an entry, making it first where there is none, and keeps count of the bytes.
    pub fn change<T>(&mut self, queue_id: &str, change: impl FnOnce(&mut Entry) -> T) -> T {
        let queue_id = cut(queue_id, limits::LOG_NAME_BYTES_MAX);
        let mut entry = self.take(queue_id).unwrap_or_default();
        let changed = change(&mut entry);
        self.put(queue_id, entry);
        changed
    }

    /// Changes an entry that is remembered; does nothing where there is none.
    pub fn change_known<T>(&mut self, queue_id: &str, change: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let mut entry = self.take(queue_id)?;
        let changed = change(&mut entry);
        self.put(queue_id, entry);
        Some(changed)
    }

    /// Forgets an entry: the MTA is done with it.
    pub fn remove(&mut self, queue_id: &str) {
        self.take(queue_id);
    }

    fn take(&mut self, queue_id: &str) -> Option<Entry> {
        if let Some(entry) = self.young.remove(queue_id) {
            self.young_bytes = self.young_bytes.saturating_sub(entry.bytes() + queue_id.len());
            return Some(entry);
        }
        let entry = self.old.remove(queue_id)?;
        self.old_bytes = self.old_bytes.saturating_sub(entry.bytes() + queue_id.len());
        Some(entry)
    }

    fn put(&mut self, queue_id: &str, entry: Entry) {
        let bytes = entry.bytes() + queue_id.len();
        if self.young_bytes + bytes > self.bytes_max && !self.young.is_empty() {
            self.old = std::mem::take(&mut self.young);
            self.old_bytes = std::mem::take(&mut self.young_bytes);
        }
        self.young_bytes += bytes;
        self.young.insert(queue_id.to_owned(), entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_kept_and_the_rest_is_forgotten() {
        let mut queues = Queues::new(100 * 300);
        queues.change("loved", |entry| entry.sent_by("a@b.example"));
        for number in 0..10_000 {
            queues.change(&format!("{number}"), |entry| entry.sent_by("a@b.example"));
            assert!(queues.change_known("loved", |entry| entry.sender.is_some()).unwrap(), "after {number}");
            assert!(queues.bytes() <= 2 * 100 * 300 + 300);
        }
        assert!(queues.get_mut("1").is_none());
        assert!(queues.get_mut("9999").is_some());
    }

    #[test]
    fn the_count_of_bytes_comes_back_to_nothing() {
        let mut queues = Queues::new(1 << 20);
        let report = Report { diagnostic: Some("x".repeat(2000)), ..Report::default() };
        queues.change("a", |entry| entry.waits(&report));
        queues.change("a", |entry| entry.waits(&report));
        assert!(queues.bytes() > REASON_BYTES_MAX);
        queues.remove("a");
        assert_eq!(queues.bytes(), 0);
    }
}
