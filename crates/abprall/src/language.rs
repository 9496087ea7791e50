use abprall_mail::Language;
use clap::ValueEnum;

/// The languages of the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Lang {
    /// English
    En,
    /// Deutsch
    De,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Language::En,
            Lang::De => Language::De,
        }
    }
}
