use std::time::Duration;

/// How much an HTTP server takes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// The largest request body, in bytes; a larger one is answered with 413.
    pub max_body_bytes: usize,
    /// How long one request may take, its body included; after that it is answered with 503.
    pub request_timeout: Duration,
    /// The most requests that are handled at once; further ones are answered with 503 immediately.
    pub max_in_flight: usize,
}

impl Default for HttpLimits {
    /// 64 KiB, 5 s, 4096 requests.
    fn default() -> Self {
        Self { max_body_bytes: 64 * 1024, request_timeout: Duration::from_secs(5), max_in_flight: 4096 }
    }
}
