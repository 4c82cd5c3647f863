//! One signed POST: what text messages, push notifications and forwarded alerts have in common.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use boxoffice_domain::ports::{Clock, ProviderError};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::reason::{tidy, with_causes};
use crate::{SetupError, SigningKey};

/// The longest pause that a gateway can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// Enough of an error's body to read the reason.
const MAX_REASON_BYTES: usize = 1024;
const IDLE_CONNECTION: Duration = Duration::from_secs(30);

/// Where signed messages are posted, and how patiently.
#[derive(Clone)]
pub struct WebhookSettings {
    /// An http or https URL. Redirects are not followed.
    pub url: String,
    /// The secret shared with the receiver.
    pub key: SigningKey,
    /// The longest one try may take, waiting for a free connection included.
    pub timeout: Duration,
    /// The most requests under way at once.
    pub max_connections: usize,
}

impl WebhookSettings {
    /// A timeout of 5 s and 32 connections.
    pub fn new(url: impl Into<String>, key: SigningKey) -> Self {
        Self { url: url.into(), key, timeout: Duration::from_secs(5), max_connections: 32 }
    }
}

/// Posts signed JSON to one URL, over a bounded number of connections.
pub(crate) struct SignedPost {
    client: Client,
    url: Url,
    key: SigningKey,
    timeout: Duration,
    max_connections: usize,
    connections: Semaphore,
    clock: Arc<dyn Clock>,
}

impl SignedPost {
    pub(crate) fn new(settings: WebhookSettings, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let WebhookSettings { url, key, timeout, max_connections } = settings;
        if timeout.is_zero() {
            return Err(SetupError::Zero("the timeout of a webhook"));
        }
        if max_connections == 0 {
            return Err(SetupError::Zero("the number of connections of a webhook"));
        }
        let url = Url::parse(&url).map_err(|error| SetupError::WebhookUrl(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SetupError::WebhookUrl(format!("found the scheme {:?}", url.scheme())));
        }
        // A redirect would carry the signed message to a host that nobody configured.
        let mut builder = Client::builder()
            .user_agent(concat!("boxoffice/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(max_connections)
            .pool_idle_timeout(IDLE_CONNECTION)
            .connect_timeout(timeout);
        // A proxy from the environment cannot reach this machine's own loopback.
        if is_loopback(&url) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| SetupError::Client(with_causes(&error)))?;
        Ok(Self {
            client,
            url,
            key,
            timeout,
            max_connections,
            connections: Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)),
            clock,
        })
    }

    /// Host and port, for a person. The path may hold a token.
    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Posts `body`; `Ok` once the receiver answered 2xx. `address` is hidden in what errors quote.
    pub(crate) async fn send(
        &self,
        idempotency_key: &str,
        body: Vec<u8>,
        address: &str,
    ) -> Result<(), ProviderError> {
        let deadline = Instant::now() + self.timeout;
        let Ok(Ok(_connection)) = timeout_at(deadline, self.connections.acquire()).await else {
            return Err(later(format!("all {} connections are busy", self.max_connections)));
        };
        let timestamp = self.clock.now().as_second();
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", header_text(idempotency_key))
            .header("X-Boxoffice-Timestamp", timestamp)
            .header("X-Boxoffice-Signature", self.key.sign(timestamp, &body))
            .body(body);
        let response = match timeout_at(deadline, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(later(tidy(&with_causes(&error.without_url()), address))),
            Err(_) => return Err(later(format!("no response within {:?}", self.timeout))),
        };
        if response.status().is_success() {
            return Ok(());
        }
        Err(self.refusal(response, deadline, address).await)
    }

    async fn refusal(&self, mut response: Response, deadline: Instant, address: &str) -> ProviderError {
        let status = response.status();
        let after = retry_after(response.headers(), self.clock.now());
        let mut said = Vec::new();
        while said.len() < MAX_REASON_BYTES {
            let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await else { break };
            said.extend_from_slice(&chunk[..chunk.len().min(MAX_REASON_BYTES - said.len())]);
        }
        let because = tidy(&format!("HTTP {status}: {}", String::from_utf8_lossy(&said)), address);
        let may_pass = status.is_server_error()
            || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        if may_pass { ProviderError::TryLater { because, after } } else { ProviderError::Refused(because) }
    }
}

fn later(because: String) -> ProviderError {
    ProviderError::TryLater { because, after: None }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A header holds printable ASCII only, a business key may hold any letter: what does not fit is percent-encoded.
fn header_text(key: &str) -> String {
    key.bytes().fold(String::with_capacity(key.len()), |text, byte| match byte {
        b'%' => text + "%25",
        0x21..=0x7e => text + char::from(byte).encode_utf8(&mut [0; 4]),
        _ => format!("{text}%{byte:02X}"),
    })
}

/// How long the receiver asks us to wait: seconds or an HTTP date, at most an hour. `None` when it does not say, or
/// names a time in the past: then the ordinary backoff is kinder than an immediate retry.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let until = DateTimeParser::new().parse_timestamp(text).ok()?;
        let left: SignedDuration = until.duration_since(now);
        Duration::try_from(left).ok()?
    };
    (!wait.is_zero()).then_some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &str) -> Option<Duration> {
        let now: Timestamp = "2026-11-22T10:15:30Z".parse().unwrap();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
        retry_after(&headers, now)
    }

    #[test]
    fn a_retry_after_is_seconds_or_a_date_and_never_more_than_an_hour() {
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("3601"), Some(MAX_RETRY_AFTER));
        assert_eq!(asked("99999999999999999999999999"), Some(MAX_RETRY_AFTER));
        assert_eq!(asked("Sun, 22 Nov 2026 10:16:00 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(asked("Mon, 23 Nov 2026 10:16:00 GMT"), Some(MAX_RETRY_AFTER));
    }

    #[test]
    fn a_retry_after_that_names_no_time_to_come_leaves_the_ordinary_backoff() {
        for value in ["0", "", "soon", "-5", "1.5", "Sun, 22 Nov 2026 10:15:00 GMT"] {
            assert_eq!(asked(value), None, "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn two_keys_never_share_a_header() {
        assert_eq!(header_text("T1/ORDER_PAID/SMS"), "T1/ORDER_PAID/SMS");
        assert_eq!(header_text("单 1"), "%E5%8D%95%201");
        assert_eq!(header_text("%E5"), "%25E5");
    }

    #[test]
    fn only_this_machine_is_reached_without_the_proxy() {
        for (url, own) in [
            ("http://127.0.0.1:1/", true),
            ("http://[::1]/", true),
            ("http://localhost/", true),
            ("http://10.0.0.1/", false),
            ("https://gateway.example/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), own, "{url}");
        }
    }
}
