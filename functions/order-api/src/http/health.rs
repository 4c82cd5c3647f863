//! Pages for operators and their machines.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use boxoffice_domain::OrderNo;
use boxoffice_domain::ports::OrderStore;
use boxoffice_runtime::{Readiness, Transport};
use futures_util::future::join_all;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::answer::json;
use super::problem::ProblemBody;

/// One thing that must answer for the process to be ready.
#[async_trait]
pub trait ReadinessCheck: Send + Sync {
    /// What it is called in the answer, such as `store`.
    fn name(&self) -> &'static str;

    /// Asks it; the error says what is wrong, in words that may be shown to anybody.
    async fn check(&self) -> Result<(), String>;

    /// Whether the process can do nothing useful without it.
    fn is_required(&self) -> bool {
        true
    }
}

/// The bus takes messages. Orders are accepted without it: their messages are sent once it is back.
pub struct BusReadiness(pub Arc<dyn Transport>);

#[async_trait]
impl ReadinessCheck for BusReadiness {
    fn name(&self) -> &'static str {
        "bus"
    }

    async fn check(&self) -> Result<(), String> {
        match self.0.readiness() {
            Readiness::Ready => Ok(()),
            Readiness::NotReady { because } => {
                tracing::debug!(because, "the bus is not ready");
                Err("cannot be reached; orders are accepted, and their messages sent once it is back"
                    .to_owned())
            }
        }
    }

    fn is_required(&self) -> bool {
        false
    }
}

/// The order store answers a read.
pub struct StoreReadiness(pub Arc<dyn OrderStore>);

#[async_trait]
impl ReadinessCheck for StoreReadiness {
    fn name(&self) -> &'static str {
        "store"
    }

    async fn check(&self) -> Result<(), String> {
        let nobodys = OrderNo::new("readiness-check").map_err(|error| error.to_string())?;
        self.0.get(&nobodys).await.map(drop).map_err(|error| {
            tracing::warn!(%error, "the order store is not ready");
            "does not answer".to_owned()
        })
    }
}

/// Whether the process lives.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `alive`.
    #[schema(value_type = String, example = "alive")]
    status: &'static str,
}

/// Whether the process can do its work.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ready {
    /// True when every required part is.
    ready: bool,
    /// The parts.
    parts: Vec<Part>,
}

/// Whether one part of what the process needs is there.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Part {
    /// Which.
    #[schema(value_type = String, example = "store")]
    name: &'static str,
    /// Whether it answered in time.
    ready: bool,
    /// Whether the process is not ready without it.
    required: bool,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Whether the process lives
#[utoipa::path(
    get, path = "/healthz", tag = "operations", operation_id = "health",
    responses((status = 200, description = "It lives", body = Health))
)]
pub(crate) async fn healthz() -> Response {
    json(StatusCode::OK, &Health { status: "alive" })
}

/// Whether the process can do its work
#[utoipa::path(
    get, path = "/readyz", tag = "operations", operation_id = "readiness",
    responses(
        (status = 200, description = "Every required part answers", body = Ready),
        (status = 503, description = "A required part does not answer", body = Ready),
    )
)]
pub(crate) async fn readyz(State(api): State<Api>) -> Response {
    let limit = api.settings.readiness_time_out;
    let parts = join_all(api.settings.readiness.iter().map(|part| ask(part.as_ref(), limit))).await;
    let ready = parts.iter().all(|part| part.ready || !part.required);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &Ready { ready, parts })
}

async fn ask(part: &dyn ReadinessCheck, limit: Duration) -> Part {
    let answer = tokio::time::timeout(limit, part.check()).await;
    let answer = answer.unwrap_or_else(|_| Err(format!("did not answer within {limit:?}")));
    Part { name: part.name(), ready: answer.is_ok(), required: part.is_required(), detail: answer.err() }
}

/// The metrics of this process, in Prometheus' text format
#[utoipa::path(
    get, path = "/metrics", tag = "operations", operation_id = "metrics",
    responses(
        (status = 200, description = "The metrics", body = String, content_type = "text/plain"),
        (status = 500, description = "A fault of the service", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn metrics(State(api): State<Api>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, kind)], (api.settings.render_metrics)()).into_response()
}
