use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use boxoffice_domain::ports::{Clock, Notice, NotificationProvider, ProviderError};
use boxoffice_messages::Channel;
use serde::Serialize;

use crate::SetupError;
use crate::post::{SignedPost, WebhookSettings};

/// Hands notices to a gateway for text messages or push notifications, by a signed HTTP POST.
///
/// The body is JSON: `idempotencyKey`, `channel`, `to`, `template`, `title`, `content`. The headers are
/// `Idempotency-Key` (percent-encoded where it is not printable ASCII), `X-Boxoffice-Timestamp` (seconds since
/// 1970) and `X-Boxoffice-Signature` (see [`SigningKey::sign`](crate::SigningKey::sign)).
///
/// 2xx is delivered. 408, 429, 5xx, a timeout and an unreachable gateway are `TryLater`, after the pause of a
/// `Retry-After`, at most one hour. Everything else, redirects included, is `Refused`.
pub struct WebhookProvider {
    channel: Channel,
    post: SignedPost,
}

impl WebhookProvider {
    /// A provider for one channel. Fails when the URL is invalid or a limit is zero.
    pub fn new(
        channel: Channel,
        settings: WebhookSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        Ok(Self { channel, post: SignedPost::new(settings, clock)? })
    }
}

impl fmt::Debug for WebhookProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookProvider")
            .field("channel", &self.channel)
            .field("host", &self.post.host())
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    idempotency_key: &'a str,
    channel: &'static str,
    to: &'a str,
    template: &'a str,
    title: &'a str,
    content: &'a str,
}

#[async_trait]
impl NotificationProvider for WebhookProvider {
    async fn deliver(&self, notice: &Notice) -> Result<(), ProviderError> {
        let body = Body {
            idempotency_key: &notice.idempotency_key,
            channel: self.channel.as_str(),
            to: &notice.to,
            template: &notice.template,
            title: &notice.title,
            content: &notice.content,
        };
        let body = serde_json::to_vec(&body).map_err(|error| ProviderError::Refused(error.to_string()))?;
        self.post.send(&notice.idempotency_key, body, &notice.to).await
    }
}
