use super::row::Keys;

/// Whose format a list has.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Amazon SES: ListSuppressedDestinations (JSON), import jobs (CSV)
    Ses,
    /// SendGrid: bounces, blocks, spam reports, invalid emails, unsubscribes
    Sendgrid,
    /// Mailgun: bounces, complaints, unsubscribes
    Mailgun,
    /// Postmark: suppression dump
    Postmark,
    /// SparkPost: suppression list
    Sparkpost,
    /// Brevo: blocked contacts
    Brevo,
    /// Mailchimp: cleaned and unsubscribed contacts
    Mailchimp,
    /// listmonk: subscribers and blocklists
    Listmonk,
    /// Any table with a column of addresses; Abprall's own has also state, scope, reason, since, until, decision, tenant, list
    Csv,
    /// One address or domain a line
    Plain,
}

impl Format {
    /// The name that people know.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::Ses => "Amazon SES",
            Format::Sendgrid => "SendGrid",
            Format::Mailgun => "Mailgun",
            Format::Postmark => "Postmark",
            Format::Sparkpost => "SparkPost",
            Format::Brevo => "Brevo",
            Format::Mailchimp => "Mailchimp",
            Format::Listmonk => "listmonk",
            Format::Csv => "CSV",
            Format::Plain => "text",
        }
    }

    /// By the names of columns or keys; each service has some that nobody else uses.
    pub(crate) fn of_keys(keys: &Keys) -> Self {
        let has = |key: &str| keys.place(key).is_some();
        let any = |names: &[&str]| names.iter().any(|key| has(key));
        if has("address") && has("state") && has("reason") {
            Format::Csv
        } else if any(&["suppressionreason", "suppresssending"]) {
            Format::Postmark
        } else if has("emailaddress")
            && any(&[
                "leid",
                "euid",
                "cleantime",
                "unsubtime",
                "memberrating",
                "optintime",
                "cleancampaigntitle",
            ])
        {
            Format::Mailchimp
        } else if any(&["emailaddress", "email"])
            && any(&["lastupdatetime", "lastupdated", "lastupdatedtime"])
            || has("emailaddress") && has("reason")
        {
            Format::Ses
        } else if has("recipient")
            && any(&["type", "transactional", "nontransactional", "source", "description"])
        {
            Format::Sparkpost
        } else if has("address") && any(&["createdat", "code", "error", "tags"]) {
            Format::Mailgun
        } else if has("email") && any(&["blockedat", "senderemail", "blockedon"]) {
            Format::Brevo
        } else if has("email") && (any(&["attributes", "attribs"]) || has("uuid") && has("status")) {
            Format::Listmonk
        } else if has("email") && (has("created") || has("groupid")) {
            Format::Sendgrid
        } else {
            Format::Csv
        }
    }
}
