use abprall_mail::Reason;
use jiff::Timestamp;

use crate::Stop;

/// A stop by what makes it weigh: one rule for those who record reports and those who try a policy on them.
#[derive(Clone, Copy, Debug)]
pub struct HardStop {
    /// How firmly.
    pub stop: Stop,
    /// Why.
    pub reason: Reason,
    /// When it ends by itself; `None`: never.
    pub until: Option<Timestamp>,
}

impl Stop {
    /// How much it weighs for this reason, from 0: a person's own wish outweighs a dead mailbox, that one a hold.
    pub fn weight(self, reason: Reason) -> u8 {
        match (self, reason) {
            (Stop::Suppression, Reason::Complaint | Reason::Unsubscribe) => 2,
            (Stop::Suppression, _) => 1,
            (Stop::Hold, _) => 0,
        }
    }
}

impl HardStop {
    /// Whether a stop that is there stays when another comes: it weighs more, or as much and does not end before.
    pub fn outweighs(&self, new: &HardStop) -> bool {
        let end = |stop: &HardStop| stop.until.unwrap_or(Timestamp::MAX);
        let (of_known, of_new) = (self.stop.weight(self.reason), new.stop.weight(new.reason));
        of_known > of_new || (of_known == of_new && end(self) >= end(new))
    }
}
