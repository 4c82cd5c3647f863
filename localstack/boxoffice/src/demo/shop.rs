use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde::Deserialize;
use serde_json::json;

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause before a request is made again.
const PAUSE: Duration = Duration::from_millis(100);

/// Why a buyer gave up.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum ShopError {
    /// The shop was not reachable until the sale's deadline.
    #[error("the API did not respond in time; last: {0}")]
    GaveUp(String),
    /// The shop refused the request.
    #[error("the API responded {status}: {detail}")]
    Refused {
        /// The status code.
        status: u16,
        /// The problem's detail.
        detail: String,
    },
}

/// An order as its buyer sees it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SeenOrder {
    pub(super) order_no: String,
    pub(super) state: String,
}

/// The stock as anybody sees it.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct SeenStock {
    pub(super) available: u32,
    pub(super) locked: u32,
    pub(super) sold: u32,
}

/// What a buyer asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) user_id: i64,
    pub(super) show_id: i64,
    pub(super) session_id: i64,
    pub(super) ticket_id: i64,
    pub(super) quantity: u32,
}

/// The public API, as a patient client uses it: every request is made again until it is answered or the deadline
/// has passed, with the same idempotency key.
#[derive(Clone)]
pub(super) struct Shop {
    base: String,
    http: reqwest::Client,
    deadline: Instant,
}

impl Shop {
    pub(super) fn new(base: String, http: reqwest::Client, deadline: Instant) -> Self {
        Self { base, http, deadline }
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Orders; the answer, and how long the answered request took.
    pub(super) async fn order(&self, wish: Wish, key: &str) -> Result<(SeenOrder, Duration), ShopError> {
        let body = json!({
            "userId": wish.user_id,
            "showId": wish.show_id,
            "sessionId": wish.session_id,
            "ticketId": wish.ticket_id,
            "quantity": wish.quantity,
            "phone": format!("+86138{:08}", wish.user_id % 100_000_000),
            "email": format!("buyer{}@example.com", wish.user_id),
        });
        let url = format!("{}/orders", self.base);
        self.patiently(|| self.http.post(&url).header("Idempotency-Key", key).json(&body)).await
    }

    pub(super) async fn pay(&self, order_no: &str) -> Result<(SeenOrder, Duration), ShopError> {
        let url = format!("{}/orders/{order_no}/pay", self.base);
        let key = format!("pay-{order_no}");
        let body = json!({"payType": 1});
        self.patiently(|| self.http.post(&url).header("Idempotency-Key", &key).json(&body)).await
    }

    pub(super) async fn look(&self, order_no: &str) -> Result<SeenOrder, ShopError> {
        let url = format!("{}/orders/{order_no}", self.base);
        Ok(self.patiently(|| self.http.get(&url)).await?.0)
    }

    pub(super) async fn stock(&self, ticket_id: i64) -> Result<SeenStock, ShopError> {
        let url = format!("{}/tickets/{ticket_id}/stock", self.base);
        Ok(self.patiently(|| self.http.get(&url)).await?.0)
    }

    async fn patiently<T: for<'a> Deserialize<'a>>(
        &self,
        request: impl Fn() -> reqwest::RequestBuilder,
    ) -> Result<(T, Duration), ShopError> {
        loop {
            let begun = Instant::now();
            let last = match request().timeout(REQUEST_TIMEOUT).send().await {
                Ok(response) => {
                    let status = response.status();
                    let come_again = response.headers().contains_key(RETRY_AFTER);
                    match response.bytes().await {
                        Ok(body) if status.is_success() => match serde_json::from_slice(&body) {
                            Ok(answer) => return Ok((answer, begun.elapsed())),
                            Err(error) => error.to_string(),
                        },
                        Ok(body) if come_again || may_pass(status) => format!("{status} {}", detail(&body)),
                        Ok(body) => {
                            return Err(ShopError::Refused {
                                status: status.as_u16(),
                                detail: detail(&body),
                            });
                        }
                        Err(error) => error.to_string(),
                    }
                }
                Err(error) => error.to_string(),
            };
            if self.is_over() {
                return Err(ShopError::GaveUp(last));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Answers that another try may change. An answer with Retry-After says so itself, such as the 409 to a request whose
/// first try is still in progress, perhaps in a server that was killed.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
}

fn detail(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(default)]
        title: String,
        #[serde(default)]
        detail: String,
    }
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => format!("{}: {}", problem.title, problem.detail),
        Err(_) => String::from_utf8_lossy(body).chars().take(200).collect(),
    }
}
