//! The words that services use for why an address is on their list.

use super::row::key;

/// What such a word means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Word {
    /// The mailbox, or the domain, does not take mail for good.
    HardBounce,
    /// The address cannot exist.
    Invalid,
    /// The recipient called it unwanted.
    Complaint,
    /// The recipient, or somebody in charge, wants no more of it.
    Unsubscribe,
    /// A failure that passes.
    SoftBounce,
    /// Refused because of the sender or the message.
    Block,
    /// Nobody is stopped.
    Subscribed,
}

/// What a word of a list means; `None` when it is none that a list is known to use.
pub(crate) fn word(text: &str) -> Option<Word> {
    Some(match key(text).as_str() {
        "bounce" | "bounced" | "bounces" | "hardbounce" | "hardbounces" | "hard" | "cleaned"
        | "permanent" | "bouncerule" | "previousbounce" | "suppressbounce" | "hbounce"
        | "permanentfailure" | "failed" => Word::HardBounce,
        "invalid" | "invalidaddress" | "invalidemail" | "bademailaddress" => Word::Invalid,
        "complaint"
        | "complaints"
        | "complained"
        | "spam"
        | "spamcomplaint"
        | "spamreport"
        | "spamreports"
        | "abuse"
        | "contactflaggedasspam"
        | "previouscomplaint"
        | "spamnotification"
        | "junk"
        | "iflaggedthismessageasspam" => Word::Complaint,
        "unsubscribe"
        | "unsubscribed"
        | "unsubscribes"
        | "unsub"
        | "optout"
        | "optedout"
        | "manual"
        | "manualsuppression"
        | "manuallyadded"
        | "adminblocked"
        | "admin"
        | "blocklisted"
        | "blacklisted"
        | "blocklist"
        | "blacklist"
        | "listunsubscribe"
        | "unsubscribelink"
        | "unsubscriberule"
        | "unsubscribedviama"
        | "unsubscribedviaemail"
        | "unsubscribedviaapi"
        | "compliance"
        | "globalunsubscribe"
        | "groupunsubscribe"
        | "abgemeldet" => Word::Unsubscribe,
        "softbounce" | "soft" | "transient" | "deferred" | "temporary" => Word::SoftBounce,
        "block" | "blocks" => Word::Block,
        "subscribed" | "enabled" | "active" | "confirmed" | "unconfirmed" | "ok" => Word::Subscribed,
        _ => return None,
    })
}
