use abprall_mail::Language;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, IntoStaticStr};

/// What to do after a claim was held against what we see.
#[derive(
    Clone, Copy, Debug, Display, EnumIter, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Advice {
    /// Send once more now.
    RetryNowOnce,
    /// Let the mail server try again by its schedule.
    RetryBySchedule,
    /// Set all bounces of the time aside, and read them again when our own side works.
    QuarantineAndReplay,
    /// Stop the whole domain.
    SuppressDomain,
    /// Stop the address, and tell the people who run the recipient's mail.
    HoldAddressAndContact,
    /// Hold the address until the domain was looked at again.
    HoldAndLookAgain,
    /// Try the other routes.
    RetryAlternates,
    /// Tell the people who run the relay.
    ContactRelayAdmin,
    /// Mend our own resolver.
    FixOwnResolver,
    /// Mend our own mail server.
    FixOwnConfiguration,
    /// Mend the sender or the message; the address is not to blame.
    FixSender,
    /// The address itself: the usual rules decide.
    DecideByAddress,
    /// Nothing failed.
    Nothing,
}

impl Advice {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// One or two sentences for a person.
    pub fn text(self, language: Language) -> &'static str {
        let (en, de) = self.texts();
        match language {
            Language::En => en,
            Language::De => de,
        }
    }

    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::RetryNowOnce => (
                "Send it once more now: seen from here, the route works.",
                "Jetzt noch einmal senden: Von hier aus gesehen funktioniert der Weg.",
            ),
            Self::RetryBySchedule => (
                "Let your mail server try again by its own schedule. The address stays on the list.",
                "Der Mailserver soll nach seinem Zeitplan weiter versuchen. Die Adresse bleibt auf der Liste.",
            ),
            Self::QuarantineAndReplay => (
                "Our own resolver or network is at fault. Set the bounces of this time aside, stop nobody for them, and read them again once it works.",
                "Unser eigener Resolver oder unser Netz ist gestört. Die Rückläufer dieser Zeit zurückstellen, niemanden ihretwegen sperren und sie nach der Reparatur noch einmal einlesen.",
            ),
            Self::SuppressDomain => (
                "Stop the whole domain: its DNS says clearly that no mail can reach it.",
                "Die ganze Domain sperren: Ihr DNS sagt eindeutig, dass dort keine Mail ankommt.",
            ),
            Self::HoldAddressAndContact => (
                "Hold the address and tell the administrators of the recipient's mail. The fault is on their side, and they may not know it.",
                "Die Adresse anhalten und die Mail-Administratoren des Empfängers benachrichtigen. Der Fehler liegt bei ihnen, und vielleicht wissen sie es nicht.",
            ),
            Self::HoldAndLookAgain => (
                "Hold the address and look at the domain again before anything is decided.",
                "Die Adresse anhalten und die Domain noch einmal prüfen, bevor etwas entschieden wird.",
            ),
            Self::RetryAlternates => (
                "Try the other routes of the domain, and keep trying by schedule. Nothing is permanent yet.",
                "Die anderen Wege der Domain versuchen und nach Zeitplan weiter senden. Noch ist nichts endgültig.",
            ),
            Self::ContactRelayAdmin => (
                "Tell the administrators of the server that failed on the way, or send by another route. The address is not to blame.",
                "Die Administratoren des Servers benachrichtigen, der unterwegs gescheitert ist, oder einen anderen Weg nehmen. Die Adresse kann nichts dafür.",
            ),
            Self::FixOwnResolver => (
                "Mend the DNS resolver of your own mail server, then send again. The address is not to blame.",
                "Den DNS-Resolver des eigenen Mailservers reparieren und dann noch einmal senden. Die Adresse kann nichts dafür.",
            ),
            Self::FixOwnConfiguration => (
                "Mend the configuration of your own mail server, then send again. The address is not to blame.",
                "Die Konfiguration des eigenen Mailservers berichtigen und dann noch einmal senden. Die Adresse kann nichts dafür.",
            ),
            Self::FixSender => (
                "Mend what the receiver refuses: the sender or the message. The route works.",
                "Beheben, was der Empfänger ablehnt: Absender oder Nachricht. Der Weg funktioniert.",
            ),
            Self::DecideByAddress => (
                "The route works; the answer is about the address itself.",
                "Der Weg funktioniert; die Antwort betrifft die Adresse selbst.",
            ),
            Self::Nothing => ("Nothing failed.", "Nichts ist gescheitert."),
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn every_advice_is_given_in_both_languages() {
        for advice in Advice::iter() {
            assert_ne!(advice.text(Language::En), advice.text(Language::De), "{advice}");
        }
    }
}
