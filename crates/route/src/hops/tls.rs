use abprall_bounce::Hop;
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr};

/// Whether a hop was encrypted, by its `with` clause (RFC 3848, RFC 6531 §4.3).
#[derive(
    Clone, Copy, Debug, Default, Display, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HopTls {
    /// ESMTPS, ESMTPSA, LMTPS and their kin.
    Encrypted,
    /// A network protocol without the S. Some servers never note TLS.
    Plain,
    /// It did not leave the machine.
    Local,
    /// The line does not say.
    #[default]
    Unknown,
}

impl HopTls {
    pub(super) fn of(hop: &Hop) -> Self {
        if stays_on_the_machine(hop) {
            return Self::Local;
        }
        let Some(with) = hop.with.as_deref() else { return Self::Unknown };
        match with.to_ascii_uppercase().as_str() {
            "ESMTPS" | "ESMTPSA" | "SMTPS" | "SMTPSA" | "ASMTPS" | "LMTPS" | "LMTPSA" | "UTF8SMTPS"
            | "UTF8SMTPSA" | "UTF8LMTPS" | "UTF8LMTPSA" | "HTTPS" => Self::Encrypted,
            "SMTP" | "ESMTP" | "ESMTPA" | "ASMTP" | "LMTP" | "LMTPA" | "UTF8SMTP" | "UTF8SMTPA"
            | "UTF8LMTP" | "UTF8LMTPA" | "HTTP" | "QMTP" | "QMQP" => Self::Plain,
            "LOCAL" | "STDIO" | "UUCP" => Self::Local,
            _ => Self::Unknown,
        }
    }
}

/// A hop within one machine, such as a content filter that hands the message back.
pub(super) fn stays_on_the_machine(hop: &Hop) -> bool {
    hop.from_ip.is_some_and(|ip| ip.is_loopback())
        || hop.from.as_deref().is_some_and(|from| from == "localhost" || Some(from) == hop.by.as_deref())
        || hop.with.as_deref().is_some_and(|with| with.eq_ignore_ascii_case("local"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_tells_whether_a_hop_was_encrypted() {
        for (with, tls) in [
            (Some("ESMTPS"), HopTls::Encrypted),
            (Some("esmtpsa"), HopTls::Encrypted),
            (Some("LMTPS"), HopTls::Encrypted),
            (Some("ESMTP"), HopTls::Plain),
            (Some("local"), HopTls::Local),
            (Some("MAPI"), HopTls::Unknown),
            (None, HopTls::Unknown),
        ] {
            assert_eq!(HopTls::of(&Hop { with: with.map(str::to_owned), ..Hop::default() }), tls, "{with:?}");
        }
    }
}
