use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use boxoffice_domain::ports::{Clock, Notice, NotificationProvider, ProviderError};
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::Error;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::SetupError;
use crate::reason::{tidy, with_causes};
use crate::signature::hex;

/// Responses about our own login, not the recipient: an operator fixes that, and the e-mail is still wanted.
const LOGIN_REFUSED: [u16; 4] = [530, 534, 535, 538];

/// Which mail server takes the e-mail, and from whom it comes.
#[derive(Clone)]
pub struct SmtpSettings {
    /// `smtps://user:password@host` (TLS from the first byte), `smtp://user:password@host:587?tls=required`
    /// (STARTTLS), or `smtp://host` (plain text, for a server on this machine).
    pub url: String,
    /// The sender: `tickets@venue.example` or `Venue Tickets <tickets@venue.example>`.
    pub from: String,
    /// The longest one try may take, from waiting for a free connection to the server's final answer.
    pub timeout: Duration,
    /// The most connections open at once. Each carries one e-mail.
    pub max_connections: usize,
}

impl SmtpSettings {
    /// A timeout of 10 s and 8 connections.
    pub fn new(url: impl Into<String>, from: impl Into<String>) -> Self {
        Self { url: url.into(), from: from.into(), timeout: Duration::from_secs(10), max_connections: 8 }
    }
}

/// Sends notices as plain-text e-mail.
///
/// The `Message-ID` is made from the idempotency key, so that every repeat of one notice carries the same one and can
/// be dropped on the way.
///
/// An invalid address and a permanent response (5xx) are `Refused`. A transient response (4xx), a timeout, an
/// unreachable server and a rejected login are `TryLater`.
pub struct SmtpProvider {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
    max_connections: usize,
    connections: Semaphore,
    clock: Arc<dyn Clock>,
}

impl SmtpProvider {
    /// A provider that opens no connection before the first e-mail. Fails when URL or sender cannot be used, or a limit
    /// is zero.
    pub fn new(settings: SmtpSettings, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let SmtpSettings { url, from, timeout, max_connections } = settings;
        if timeout.is_zero() {
            return Err(SetupError::Zero("the timeout of the mail server"));
        }
        if max_connections == 0 {
            return Err(SetupError::Zero("the number of connections to the mail server"));
        }
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&url)
            .map_err(|error| SetupError::SmtpUrl(with_causes(&error)))?;
        let from = from.parse::<Mailbox>().map_err(|error| SetupError::Sender(error.to_string()))?;
        Ok(Self {
            transport: builder.timeout(Some(timeout)).build(),
            from,
            timeout,
            max_connections,
            connections: Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)),
            clock,
        })
    }

    fn message(&self, notice: &Notice) -> Result<Message, ProviderError> {
        let to: Address = notice.to.trim().parse().map_err(|error| {
            ProviderError::Refused(format!("the recipient is not a valid e-mail address: {error}"))
        })?;
        // A line break in a subject would let its author add a header.
        let subject = notice.title.replace(char::is_control, " ");
        let name = hex(&Sha256::digest(&notice.idempotency_key)[..16]);
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(SystemTime::from(self.clock.now()))
            .message_id(Some(format!("<{name}@{}>", self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(notice.content.clone())
            .map_err(|error| ProviderError::Refused(tidy(&with_causes(&error), &notice.to)))
    }
}

impl fmt::Debug for SmtpProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpProvider").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

#[async_trait]
impl NotificationProvider for SmtpProvider {
    async fn deliver(&self, notice: &Notice) -> Result<(), ProviderError> {
        let message = self.message(notice)?;
        let deadline = Instant::now() + self.timeout;
        let Ok(Ok(_connection)) = timeout_at(deadline, self.connections.acquire()).await else {
            return Err(later(format!("all {} connections are busy", self.max_connections)));
        };
        match timeout_at(deadline, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(judge(&error, &notice.to)),
            Err(_) => Err(later(format!("no response within {:?}", self.timeout))),
        }
    }
}

fn judge(error: &Error, address: &str) -> ProviderError {
    let because = tidy(&with_causes(error), address);
    let code = error.status().map(u16::from);
    let refused = error.is_permanent() && !code.is_some_and(|code| LOGIN_REFUSED.contains(&code));
    // A server without SMTPUTF8 can never accept an address in a script other than Latin.
    let unwritable = error.is_client() && !address.is_ascii();
    if refused || unwritable { ProviderError::Refused(because) } else { later(because) }
}

fn later(because: String) -> ProviderError {
    ProviderError::TryLater { because, after: None }
}
