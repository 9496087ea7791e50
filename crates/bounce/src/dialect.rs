//! One small file for each generator that needs more than the shared reader of [`crate::text`].

use crate::text::finding::Finding;
use crate::text::notice::Notice;
use crate::{Generator, Kind};

mod exim;
mod fml;
mod google;
mod messaging_server;
mod microsoft;
mod named;
mod postfix_session;
mod qmail;
mod ses_notification;
mod zoho;

/// How one generator writes.
#[derive(Clone, Copy)]
pub(crate) struct Dialect {
    /// Its name.
    pub generator: Generator,
    /// Phrases by which it is known; ASCII letters match in either case.
    pub marks: &'static [(Place, &'static str)],
    /// Its reader; the shared one where there is none.
    pub read: Option<fn(&Notice<'_>) -> Vec<Finding>>,
    /// What it always reports, where it never reports anything else.
    pub kind: Option<Kind>,
}

/// Where a phrase counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// The header as it stands in the message, where any mail that came by that software has the phrase: it only names it.
    Head,
    /// The header, where only notices have the phrase.
    Sign,
    /// The subject, decoded.
    Subject,
    /// The text above the returned message.
    Text,
}

/// All dialects; the first that has a mark in a message is taken, so that the special ones stand before the general ones.
pub(crate) const DIALECTS: &[Dialect] = &[
    ses_notification::DIALECT,
    google::GROUPS,
    google::GMAIL,
    microsoft::DIALECT,
    postfix_session::DIALECT,
    fml::DIALECT,
    zoho::DIALECT,
    named::EZWEB,
    named::KDDI,
    named::DOCOMO,
    named::SOFTBANK,
    named::BIGLOBE,
    named::VERIZON,
    named::FACEBOOK,
    named::WORKMAIL,
    named::SENDGRID,
    named::POWERMTA,
    named::MOMENTUM,
    named::YANDEX,
    named::AOL,
    named::MAILRU,
    named::KUNDENSERVER,
    named::GMX,
    named::MXLOGIC,
    named::EZMLM,
    named::QMAIL_LDAP,
    named::YAHOO,
    qmail::DIALECT,
    exim::DIALECT,
    named::OPENSMTPD,
    named::DMA,
    named::NULLMAILER,
    named::COURIER,
    named::HARAKA,
    named::ACTIVE_HUNTER,
    named::M_FILTER,
    named::MAIL_FOUNDRY,
    named::DOMINO,
    named::NOTES,
    named::GROUPWISE,
    named::MAIL_MARSHAL,
    named::SURFCONTROL,
    named::MCAFEE,
    named::MIMECAST,
    named::MESSAGELABS,
    named::BARRACUDA,
    named::TREND_MICRO,
    named::SYMANTEC,
    named::IMAIL,
    named::MDAEMON,
    messaging_server::DIALECT,
    named::KERIO,
    named::COMMUNIGATE,
    named::AXIGEN,
    named::HMAILSERVER,
    named::SMARTERMAIL,
    named::MAILMAN,
    named::MAJORDOMO,
    named::AMAVIS,
    named::POSTFIX,
    named::X1,
    named::X3,
    named::X5,
    named::X6,
    named::X2,
    named::SENDMAIL,
];
