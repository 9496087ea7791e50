//! Mail comes in by SMTP and LMTP. What is acknowledged is on the disk.
//!
//! - `session`: one connection. - `message`: a message on its way in, and the memory for it. - `certificate`: for STARTTLS.
//! - `rate`: how much one client may do.

mod certificate;
mod message;
mod rate;
mod session;

use std::sync::Arc;
use std::time::Instant;

use abprall_wire::smtp::server::{Recipient, RecipientAnswer, ServerConfig};

pub(in crate::serve) use certificate::Certificate;
use rate::Rates;

use crate::serve::changing::Changing;
use crate::serve::keeper::Keeper;
use crate::serve::limits::{DRAIN, MAIL_KIB_MAX, MESSAGE_BYTES_MAX};
use crate::serve::listen::Socket;
use crate::serve::memory::Memory;
use crate::serve::settings::MailSettings;
use crate::serve::stop::Stop;

/// What all sessions of a listener share.
pub(in crate::serve) struct MailServer {
    config: Arc<ServerConfig>,
    settings: Changing<MailSettings>,
    certificate: Option<Certificate>,
    rates: Arc<Rates>,
    memory: Memory,
    began: Instant,
}

pub(in crate::serve) fn mail_server(settings: &MailSettings) -> anyhow::Result<MailServer> {
    let mut config = ServerConfig::new(settings.name.clone(), settings.protocol);
    config.limits.message_bytes = MESSAGE_BYTES_MAX;
    config.tls = settings.tls;
    Ok(MailServer {
        config: Arc::new(config),
        certificate: settings.certificate.as_ref().map(Certificate::read).transpose()?,
        rates: Arc::new(Rates::new(settings.rate)),
        memory: Memory::new(MAIL_KIB_MAX),
        settings: Changing::new(settings.clone()),
        began: Instant::now(),
    })
}

/// Takes mail at a socket until the server is to end; sessions that run then may finish their message.
pub(in crate::serve) async fn serve(
    socket: Socket,
    server: Arc<MailServer>,
    keeper: Keeper,
    mut stop: Stop,
) -> anyhow::Result<()> {
    let mut sessions = tokio::task::JoinSet::new();
    while let Some(connection) = socket.accept(&mut stop).await {
        while sessions.try_join_next().is_some() {}
        sessions.spawn(session::session(connection, Arc::clone(&server), keeper.clone(), stop.clone()));
    }
    let all = async { while sessions.join_next().await.is_some() {} };
    // Who is not done then hears nothing, and sends again.
    let _ = tokio::time::timeout(DRAIN, all).await;
    Ok(())
}

impl MailServer {
    /// Takes the mail of other recipients from now on. What the listener calls itself stays.
    pub(in crate::serve) fn change(&self, settings: &MailSettings) {
        self.settings.set(settings.clone());
    }

    fn judge(&self, recipient: &Recipient) -> RecipientAnswer {
        let settings = self.settings.get();
        let Ok(address) = recipient.address() else { return RecipientAnswer::NotOurs };
        let key = address.suppression_key();
        if settings.domains.iter().any(|domain| domain.as_str() == address.domain_part())
            || settings.addresses.iter().any(|ours| is_for(ours.suppression_key().as_str(), key.as_str()))
        {
            return RecipientAnswer::Accepted;
        }
        let ours = settings.addresses.iter().any(|ours| ours.domain_part() == address.domain_part());
        if ours { RecipientAnswer::Unknown } else { RecipientAnswer::NotOurs }
    }
}

/// `bounces+TOKEN@…` is for `bounces@…`.
fn is_for(ours: &str, address: &str) -> bool {
    if ours == address {
        return true;
    }
    let (Some((ours, our_domain)), Some((local, domain))) = (ours.rsplit_once('@'), address.rsplit_once('@'))
    else {
        return false;
    };
    our_domain == domain && local.strip_prefix(ours).is_some_and(|rest| rest.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_takes_its_extensions() {
        assert!(is_for("bounces@x.example", "bounces@x.example"));
        assert!(is_for("bounces@x.example", "bounces+abc@x.example"));
        assert!(!is_for("bounces@x.example", "bouncesabc@x.example"));
        assert!(!is_for("bounces@x.example", "bounces+abc@y.example"));
    }
}
