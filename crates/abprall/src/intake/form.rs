//! What an input is, where the user says so.

use std::str::FromStr;

use abprall_bounce::log::LogFormat;
use abprall_bounce::webhook::Provider;

/// The form of an input.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// Messages and mailboxes.
    Mail,
    /// A log of this kind.
    Log(LogFormat),
    /// The body of a webhook of this service.
    Webhook(Provider),
}

impl FromStr for Form {
    type Err = UnknownForm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "mail" {
            return Ok(Self::Mail);
        }
        let log = text.parse().map(Self::Log);
        log.or_else(|_| text.parse().map(Self::Webhook)).map_err(|_| UnknownForm(text.to_owned()))
    }
}

/// A form that nobody knows.
#[derive(Debug, thiserror::Error)]
#[error("no form is called “{0}”; see --help for those that are known")]
pub(crate) struct UnknownForm(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_known_by_the_names_in_the_help() {
        assert_eq!("mail".parse::<Form>().unwrap(), Form::Mail);
        assert_eq!("postfix-log".parse::<Form>().unwrap(), Form::Log(LogFormat::PostfixLog));
        assert_eq!("powermta-csv".parse::<Form>().unwrap(), Form::Log(LogFormat::PowermtaCsv));
        assert_eq!("kumomta".parse::<Form>().unwrap(), Form::Webhook(Provider::Kumomta));
        assert!("fax".parse::<Form>().is_err());
    }
}
