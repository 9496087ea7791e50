//! The milter protocol, version 2 to 6, on the filter's side: enough for a gate that judges recipients.
//!
//! There is no standard; the protocol is that of Sendmail's libmilter, as a real Postfix 3.7 was seen to speak it. A packet is a length of
//! four bytes (big-endian, of all that follows), a command letter, and data. The mail server asks, the filter answers most questions with
//! one packet.
//!
//! The filter never changes a message, and cannot discard one: there is no word for it.

mod answer;
mod event;
mod packet;
mod session;

pub use answer::MilterAnswer;
pub use event::{MilterEvent, MilterPeer};
pub use session::{MilterError, MilterSession, NothingAsked, Steps};
