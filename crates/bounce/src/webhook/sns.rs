//! The envelope of Amazon SNS around a message.

use serde::Deserialize;

use super::WebhookError;

/// What an SNS post is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub enum Purpose {
    /// A message of the topic.
    Notification,
    /// The topic asks whether we want its messages: get [`Envelope::subscribe_url`], after checking it.
    SubscriptionConfirmation,
    /// Somebody ended the subscription; the same URL would renew it.
    UnsubscribeConfirmation,
}

/// One SNS post (the fields of the HTTP notification format).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Envelope {
    /// What it is for.
    #[serde(rename = "Type")]
    pub purpose: Purpose,
    /// Unique, and the same when SNS posts it again.
    pub message_id: String,
    /// The topic's name; a receiver takes only the topics that it knows.
    pub topic_arn: String,
    /// The message itself: for SES a JSON text.
    pub message: String,
    /// Only in notifications that have one.
    pub subject: Option<String>,
    /// When it was made, as text, as it was signed.
    pub timestamp: String,
    /// Only in confirmations.
    pub token: Option<String>,
    /// Only in confirmations.
    #[serde(rename = "SubscribeURL")]
    pub subscribe_url: Option<String>,
    /// `1` (SHA-1) or `2` (SHA-256).
    pub signature_version: Option<String>,
    /// Base64.
    pub signature: Option<String>,
    /// Where the certificate is.
    #[serde(rename = "SigningCertURL")]
    pub signing_cert_url: Option<String>,
}

impl Envelope {
    /// Reads a post.
    ///
    /// # Errors
    /// When the body is no SNS envelope.
    pub fn parse(body: &[u8]) -> Result<Self, WebhookError> {
        serde_json::from_slice(body).map_err(WebhookError::NotJson)
    }
}
