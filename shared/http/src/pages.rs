use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use boxoffice_runtime::telemetry::Telemetry;
use futures_util::future::join_all;
use serde::Serialize;
use utoipa::ToSchema;

/// How long one part may take to answer whether it is ready.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// One part that must respond for the process to be ready.
#[async_trait]
pub trait ReadinessCheck: Send + Sync {
    /// Its name in the answer, such as `store`.
    fn name(&self) -> &'static str;

    /// Asks it; the error says what is wrong, in words for whoever may see the page.
    async fn check(&self) -> Result<(), String>;

    /// Whether the process can do nothing useful without it.
    fn is_required(&self) -> bool {
        true
    }
}

/// Whether the process is alive.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `alive`.
    #[schema(value_type = String, example = "alive")]
    status: &'static str,
}

/// Whether the process is ready to work.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    /// True when every required part is ready.
    ready: bool,
    /// The parts.
    parts: Vec<Part>,
}

/// Whether one part that the process needs is there.
#[derive(Debug, Serialize, ToSchema)]
pub struct Part {
    /// Its name.
    #[schema(value_type = String, example = "store")]
    name: &'static str,
    /// Whether it is ready.
    ready: bool,
    /// Whether the process is ready only if this part is.
    required: bool,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// The pages about this process for operators and monitoring. Clones share everything.
#[derive(Clone)]
pub struct HealthPages {
    checks: Arc<[Arc<dyn ReadinessCheck>]>,
    render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

impl HealthPages {
    /// Ready while every required check passes; `telemetry` has the metrics, where the process records any.
    pub fn new(checks: Vec<Arc<dyn ReadinessCheck>>, telemetry: Option<Telemetry>) -> Self {
        Self::with_metrics(checks, move || telemetry.as_ref().map_or_else(String::new, Telemetry::render))
    }

    /// As [`HealthPages::new`], with metrics from elsewhere, in Prometheus' text format.
    pub fn with_metrics(
        checks: Vec<Arc<dyn ReadinessCheck>>,
        render_metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        Self { checks: checks.into(), render_metrics: Arc::new(render_metrics) }
    }

    /// A server with nothing but these pages, at `/healthz`, `/readyz` and `/metrics`.
    pub fn router(self) -> Router {
        let (ready, metrics) = (self.clone(), self);
        Router::new()
            .route("/healthz", get(async || Self::alive()))
            .route("/readyz", get(async move || ready.readiness().await))
            .route("/metrics", get(async move || metrics.metrics()))
    }

    /// `/healthz`: 200 with [`Health`] while the process is alive.
    pub fn alive() -> Response {
        Json(Health { status: "alive" }).into_response()
    }

    /// `/readyz`: 200 while every required part is ready, otherwise 503; both with [`Ready`]. The parts are asked at the
    /// same time, and each has a second to answer.
    pub async fn readiness(&self) -> Response {
        let parts = join_all(self.checks.iter().map(|check| ask(check.as_ref()))).await;
        let ready = parts.iter().all(|part| part.ready || !part.required);
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, Json(Ready { ready, parts })).into_response()
    }

    /// `/metrics`: the metrics of this process in Prometheus' text format.
    pub fn metrics(&self) -> Response {
        ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (self.render_metrics)())
            .into_response()
    }
}

impl Default for HealthPages {
    /// Always ready, without metrics.
    fn default() -> Self {
        Self::new(Vec::new(), None)
    }
}

impl fmt::Debug for HealthPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checks: Vec<_> = self.checks.iter().map(|check| check.name()).collect();
        f.debug_struct("HealthPages").field("checks", &checks).finish_non_exhaustive()
    }
}

async fn ask(check: &dyn ReadinessCheck) -> Part {
    let answer = tokio::time::timeout(CHECK_TIMEOUT, check.check()).await;
    let answer = answer.unwrap_or_else(|_| Err(format!("did not respond within {CHECK_TIMEOUT:?}")));
    Part { name: check.name(), ready: answer.is_ok(), required: check.is_required(), detail: answer.err() }
}
