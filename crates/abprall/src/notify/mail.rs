//! By mail, through a relay.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use jiff::Timestamp;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{SmtpTransport, Transport};

use super::settings::{Encryption, MailSettings};
use super::words::Message;

/// A relay that takes longer is away.
const WAIT: Duration = Duration::from_secs(30);

pub(super) fn send(settings: &MailSettings, message: &Message, now: Timestamp) -> anyhow::Result<()> {
    let mut mail = lettre::Message::builder()
        .from(settings.from.clone())
        .subject(format!("[abprall] {}", message.subject))
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_second().unsigned_abs()))
        .message_id(Some(format!("<{}@{}>", message.id, settings.from.email.domain())))
        .header(ContentType::TEXT_PLAIN);
    for recipient in &settings.to {
        mail = mail.to(recipient.clone());
    }
    // RFC 3834 §5: no vacation notice answers it, and none of our own readers takes it for a person's.
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    let mail = mail
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .body(message.text.clone())
        .context("cannot write the mail")?;
    let parameters = || TlsParameters::new(settings.host.clone()).context("cannot set TLS up");
    let mut transport = SmtpTransport::builder_dangerous(&settings.host)
        .port(settings.port)
        .timeout(Some(WAIT))
        .tls(match settings.encryption {
            Encryption::None => Tls::None,
            Encryption::Offered => Tls::Opportunistic(parameters()?),
            Encryption::StartTls => Tls::Required(parameters()?),
            Encryption::Tls => Tls::Wrapper(parameters()?),
        });
    if let Some((user, password)) = &settings.login {
        transport = transport.credentials(Credentials::new(user.clone(), password.clone()));
    }
    transport
        .build()
        .send(&mail)
        .with_context(|| format!("the relay {}:{} did not take the mail", settings.host, settings.port))?;
    Ok(())
}
