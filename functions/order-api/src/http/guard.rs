//! What every route passes through: load shedding, timeout, catching of panics, request ids and metrics.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use boxoffice_domain::ports::Ids;
use boxoffice_http::HttpLimits;
use futures_util::FutureExt;
use metrics::{Counter, Histogram};
use tokio::sync::Semaphore;
use tracing::Instrument;

use super::problem::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id taken from a caller, in bytes.
const REQUEST_ID_MAX: usize = 64;

/// What all routes share.
pub(crate) struct Edge {
    free: Semaphore,
    timeout: Duration,
    /// Makes the ids of this process unlike those of any other.
    prefix: String,
    count: AtomicU64,
}

impl Edge {
    pub(crate) fn new(limits: &HttpLimits, ids: &dyn Ids) -> Self {
        Self {
            free: Semaphore::new(limits.max_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            timeout: limits.request_timeout,
            prefix: ids.unique(),
            count: AtomicU64::new(0),
        }
    }

    /// The caller's id of the request if it sent a plain one, else an id of our own.
    fn request_id(&self, request: &Request) -> HeaderValue {
        let plain = |value: &&HeaderValue| {
            (1..=REQUEST_ID_MAX).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
        };
        request.headers().get(REQUEST_ID).filter(plain).cloned().unwrap_or_else(|| {
            let count = self.count.fetch_add(1, Ordering::Relaxed);
            // Both parts are plain ASCII, so the header takes them.
            HeaderValue::try_from(format!("{}-{count}", self.prefix))
                .unwrap_or_else(|_| HeaderValue::from(count))
        })
    }
}

/// One route and its metrics.
pub(crate) struct RouteEdge {
    edge: Arc<Edge>,
    method: &'static str,
    path: &'static str,
    /// Whether it may be rejected under load.
    may_be_shed: bool,
    duration: Histogram,
    /// By status, made when first needed.
    answers: [OnceLock<Counter>; STATUSES.len()],
}

/// The statuses that this API responds with; any other is counted as the last.
const STATUSES: [u16; 13] = [200, 201, 304, 400, 404, 405, 409, 413, 415, 422, 503, 431, 500];

impl RouteEdge {
    pub(crate) fn new(edge: &Arc<Edge>, method: &'static str, path: &'static str, may_be_shed: bool) -> Self {
        Self {
            edge: edge.clone(),
            method,
            path,
            may_be_shed,
            duration: metrics::histogram!("http.server.duration", "method" => method, "route" => path),
            answers: std::array::from_fn(|_| OnceLock::new()),
        }
    }

    fn count(&self, status: StatusCode) {
        let known = STATUSES.iter().position(|each| *each == status.as_u16());
        let place = known.unwrap_or(STATUSES.len() - 1);
        if let (Some(counter), Some(status)) = (self.answers.get(place), STATUSES.get(place)) {
            let make = || {
                let status = status.to_string();
                metrics::counter!("http.server.requests", "method" => self.method, "route" => self.path, "status" => status)
            };
            counter.get_or_init(make).increment(1);
        }
    }

    async fn answer(&self, request: Request, next: Next) -> Response {
        let _place = match self.edge.free.try_acquire() {
            Ok(place) => Some(place),
            Err(_) if self.may_be_shed => {
                let detail = "Too many requests are in progress. Repeat the request a little later.";
                return Problem::unavailable(detail).into_response();
            }
            Err(_) => None,
        };
        let working = AssertUnwindSafe(next.run(request)).catch_unwind();
        match tokio::time::timeout(self.edge.timeout, working).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => {
                tracing::error!("a handler panicked");
                Problem::internal().into_response()
            }
            Err(_) => {
                let detail = format!(
                    "The request took longer than {:?} and its outcome is unknown. It is safe to repeat with the \
                     same Idempotency-Key.",
                    self.edge.timeout
                );
                Problem::unavailable(detail).into_response()
            }
        }
    }
}

/// Guards one route.
pub(crate) async fn guard(State(route): State<Arc<RouteEdge>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = route.edge.request_id(&request);
    let span = tracing::debug_span!(
        "request",
        method = route.method,
        route = route.path,
        id = request_id.to_str().unwrap_or_default()
    );
    let mut response = route.answer(request, next).instrument(span.clone()).await;

    let (status, took) = (response.status(), started.elapsed());
    route.duration.record(took);
    route.count(status);
    span.in_scope(|| {
        if status.is_server_error() {
            let id = request_id.to_str().unwrap_or_default();
            tracing::warn!(
                id,
                method = route.method,
                route = route.path,
                status = status.as_u16(),
                ?took,
                "request failed"
            );
        } else {
            tracing::debug!(status = status.as_u16(), ?took, "answered");
        }
    });
    response.headers_mut().insert(REQUEST_ID, request_id);
    response
}
