use abprall_mail::{EmailAddress, EnhancedStatus, Reason, ReplyCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

use crate::Generator;

/// What one recipient's failure, delay, delivery, complaint or automatic answer looks like after reading.
///
/// Only what the message says: nothing here is judged. `None` means that the message does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What the report tells.
    pub kind: Kind,
    /// The address that failed at the far end (Final-Recipient, RFC 3464 §2.3.2).
    pub recipient: Option<EmailAddress>,
    /// What we sent to: ORCPT / Original-Recipient (RFC 3464 §2.3.1), else the returned headers.
    pub original_recipient: Option<EmailAddress>,
    /// The sender of the original message: its Return-Path, else its From.
    pub sender: Option<String>,
    /// The original message's Message-ID, without angle brackets.
    pub message_id: Option<String>,
    /// The original message's subject, decoded.
    pub subject: Option<String>,
    /// The envelope id that we gave (ENVID, RFC 3464 §2.2.1).
    pub envelope_id: Option<String>,
    /// The queue id of the MTA that reports, where it says so.
    pub queue_id: Option<String>,
    /// The reply code of the reply that made the report.
    pub reply_code: Option<ReplyCode>,
    /// The enhanced status code: of the diagnostic when it has one, else the Status field.
    pub status: Option<EnhancedStatus>,
    /// Where `status` comes from.
    pub status_origin: Option<StatusOrigin>,
    /// The Status field as reported, kept beside `status` so that contradictions can be seen.
    pub reported_status: Option<EnhancedStatus>,
    /// The SMTP reply or reason text, unfolded, white space single.
    pub diagnostic: Option<String>,
    /// What the message's human part says about this recipient, where that is more than the diagnostic.
    pub prose: Option<String>,
    /// The MTA that wrote the report (RFC 3464 §2.2.2).
    pub reporting_mta: Option<String>,
    /// The MTA that the reporting one talked to (RFC 3464 §2.3.5), a host name or address.
    pub remote_mta: Option<String>,
    /// The MTA that handed the message to the reporting one (RFC 3464 §2.2.4).
    pub received_from_mta: Option<String>,
    /// The software that wrote the report.
    pub generator: Option<Generator>,
    /// Who spoke the diagnostic (RFC 3464 §2.3.6).
    pub issuer: Option<Issuer>,
    /// Where in the dialogue it happened.
    pub phase: Option<Phase>,
    /// When the reporting MTA took the message (RFC 3464 §2.2.5); else the date of the report.
    pub arrived_at: Option<Timestamp>,
    /// The last attempt (RFC 3464 §2.3.7).
    pub last_attempt_at: Option<Timestamp>,
    /// Until when the MTA will try (RFC 3464 §2.3.9).
    pub retry_until: Option<Timestamp>,
    /// The Received lines of the returned headers, newest first. Claims, not facts.
    pub hops: Vec<Hop>,
    /// How far the report can be believed.
    pub trust: Trust,
    /// What a provider or MTA calls it in its own taxonomy, where it does. The reply's words and codes outrank it.
    pub provider_class: Option<ProviderClass>,
}

/// The word of a provider's own taxonomy, and what we make of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderClass {
    /// The word as the provider writes it: `Permanent/General`, `bad-mailbox`, `Invalid Address`.
    pub word: String,
    /// What it means, where it means one thing.
    pub reason: Option<Reason>,
    /// How sure, 0 to 1.
    pub confidence: f32,
}

/// One Received line (RFC 5321 §4.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The name that the client gave, or the host that the server saw.
    pub from: Option<String>,
    /// The client's address, where the server noted it.
    pub from_ip: Option<std::net::IpAddr>,
    /// The host that wrote the line.
    pub by: Option<String>,
    /// The protocol (`with`): ESMTP, ESMTPS, LMTP …
    pub with: Option<String>,
    /// The queue id.
    pub id: Option<String>,
    /// The recipient (`for`).
    pub recipient: Option<String>,
    /// The time it noted.
    pub at: Option<Timestamp>,
}

macro_rules! word {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Display, EnumIter, EnumString, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize,
        )]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        #[strum(serialize_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// The word as every output and file of Abprall spells it.
            pub fn as_str(self) -> &'static str {
                self.into()
            }
        }
    };
}

word! {
    /// What a report tells.
    #[derive(Default)]
    Kind {
        /// Delivery failed; nobody will try again.
        #[default]
        Failed,
        /// Delivery is late; the MTA goes on trying.
        Delayed,
        /// The message was delivered.
        Delivered,
        /// The message went on to a system that sends no reports.
        Relayed,
        /// The message was delivered to a list and sent on.
        Expanded,
        /// The recipient complained (RFC 5965).
        Complaint,
        /// An automatic answer: vacation, out of office (RFC 3834).
        AutoReply,
        /// The recipient asks to be taken off.
        Unsubscribe,
        /// A filter wants the sender to prove something.
        Challenge,
        /// None of these.
        Other,
    }
}

word! {
    /// Where in the dialogue the failure happened.
    Phase {
        /// Looking up MX or addresses.
        Dns,
        /// Connecting.
        Connect,
        /// STARTTLS.
        Tls,
        /// The server's greeting.
        Greeting,
        /// EHLO or HELO.
        Ehlo,
        /// MAIL FROM.
        Mail,
        /// RCPT TO.
        Rcpt,
        /// The DATA command.
        Data,
        /// The final dot: the server has seen the whole message.
        EndOfData,
        /// In the reporting MTA's queue or its own processing.
        Queue,
        /// After the message had been accepted.
        AfterDelivery,
    }
}

word! {
    /// Who spoke the diagnostic (RFC 3464 §2.3.6).
    Issuer {
        /// The MTA that wrote the report.
        Reporting,
        /// The MTA that the reporting one talked to.
        Remote,
    }
}

word! {
    /// Where the enhanced status code of a report comes from.
    StatusOrigin {
        /// The Status field.
        Reported,
        /// The diagnostic text.
        Diagnostic,
        /// Neither: worked out from the reply code or the prose.
        Derived,
    }
}

word! {
    /// How far a report can be believed.
    #[derive(Default)]
    Trust {
        /// It came back to an address that we signed.
        Signed,
        /// It names a message that we sent.
        Matched,
        /// Its sender is authenticated.
        Authenticated,
        /// Nothing speaks for or against it.
        #[default]
        Unauthenticated,
        /// Something speaks against it.
        Suspicious,
    }
}
