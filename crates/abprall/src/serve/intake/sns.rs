//! Amazon SNS: certificates are taken from where Amazon has them, subscriptions are confirmed for topics that we want.

mod certificates;

use std::net::IpAddr;
use std::sync::Arc;

use abprall_bounce::webhook::signature::{SignatureError, sns};
use abprall_bounce::webhook::sns::{Envelope, Purpose};
use abprall_route::observe::{Observer, ObserverConfig, PlainHttp, Response};
use anyhow::Context;
use ipnet::IpNet;
use jiff::Timestamp;

use certificates::{Certificates, NoCertificate};

use crate::serve::limits::{SNS_BYTES_MAX, SNS_WAIT_MAX};
use crate::serve::settings::SnsSettings;

/// What checks the posts of one hook.
pub(super) struct Sns {
    settings: SnsSettings,
    observer: Observer,
    certificates: Certificates,
}

/// What to do with a post.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Post {
    /// It has an event in it.
    Events,
    /// It was about the subscription itself: all is done.
    Done,
}

/// Why a post is not taken.
#[derive(Debug)]
pub(super) enum SnsError {
    /// It is not what it should be: nobody may know more.
    NotGenuine(SignatureError),
    /// A topic that is not configured.
    OtherTopic,
    /// Amazon does not answer us: SNS has to post it again.
    Later(String),
}

impl Sns {
    pub(super) async fn new(settings: SnsSettings) -> anyhow::Result<Self> {
        let mut allowed_networks = settings.allow_network.clone();
        if settings.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://")) {
            // The settings let only loopback addresses be named so.
            let loopback: [IpNet; 2] = [
                IpNet::new_assert([127, 0, 0, 0].into(), 8),
                IpNet::new_assert(std::net::Ipv6Addr::LOCALHOST.into(), 128),
            ];
            allowed_networks.extend(loopback);
        }
        let config = ObserverConfig { allowed_networks, canaries: Vec::new(), ..ObserverConfig::default() };
        let observer = Observer::new(config).await.context("cannot ask Amazon for certificates")?;
        Ok(Self { settings, observer, certificates: Certificates::new() })
    }

    /// Checks an envelope that this client posts; confirms a subscription.
    pub(super) async fn check(&self, envelope: &Envelope, client: Option<IpAddr>) -> Result<Post, SnsError> {
        // Before anything is fetched for a stranger.
        if !self.settings.topics.contains(&envelope.topic_arn)
            && (self.settings.signed || !self.settings.topics.is_empty())
        {
            return Err(SnsError::OtherTopic);
        }
        if self.settings.signed {
            let url = sns::certificate_url(envelope).map_err(SnsError::NotGenuine)?;
            let certificate = self.certificate(url, client).await?;
            sns::check(envelope, &certificate, Timestamp::now()).map_err(SnsError::NotGenuine)?;
        }
        match envelope.purpose {
            Purpose::Notification => Ok(Post::Events),
            Purpose::SubscriptionConfirmation => self.confirm(envelope).await.map(|()| Post::Done),
            Purpose::UnsubscribeConfirmation => {
                tracing::warn!(
                    "the subscription to {} has ended: no events come from it",
                    envelope.topic_arn
                );
                Ok(Post::Done)
            }
        }
    }

    async fn confirm(&self, envelope: &Envelope) -> Result<(), SnsError> {
        // Without a signature, or for a topic that nobody named, nothing is called.
        if !self.settings.signed {
            tracing::warn!("a subscription to {} waits: confirm it in Amazon's console", envelope.topic_arn);
            return Ok(());
        }
        let url = sns::subscribe_url(envelope).map_err(SnsError::NotGenuine)?;
        let answer = self.get(url).await?;
        if answer.status != 200 {
            return Err(SnsError::Later(format!("Amazon answers {} to the confirmation", answer.status)));
        }
        tracing::info!("subscribed to {}", envelope.topic_arn);
        Ok(())
    }

    async fn certificate(&self, url: &str, client: Option<IpAddr>) -> Result<Arc<[u8]>, SnsError> {
        let fetch = async || match self.get(url).await {
            Ok(answer) if answer.status == 200 => Ok(answer.body),
            Ok(answer) => Err(format!("Amazon answers {} when asked for its certificate", answer.status)),
            Err(SnsError::Later(why)) => Err(why),
            Err(SnsError::NotGenuine(_) | SnsError::OtherTopic) => Err("it could not be fetched".to_owned()),
        };
        let known = self.certificates.get(url, client, fetch).await;
        known.map_err(|NoCertificate(why)| SnsError::Later(why))
    }

    /// Fetches a URL that is known to be SNS's own, or the same at the place that stands in for it. No redirect is followed.
    async fn get(&self, url: &str) -> Result<Response, SnsError> {
        let (url, plain) = match &self.settings.endpoint {
            Some(endpoint) => {
                let path = url.strip_prefix("https://").and_then(|rest| rest.split_once('/'));
                let path = path.map_or("", |(_, path)| path);
                (format!("{endpoint}/{path}"), PlainHttp::ToLoopback)
            }
            None => (url.to_owned(), PlainHttp::Never),
        };
        let deadline = tokio::time::Instant::now() + SNS_WAIT_MAX;
        let fetched = self.observer.https().get_over(plain, &url, "*/*", SNS_BYTES_MAX, deadline).await;
        fetched.map_err(|error| SnsError::Later(error.to_string()))
    }
}
