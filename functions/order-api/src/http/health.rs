//! Pages for operators and monitoring.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use axum::response::Response;
use boxoffice_domain::OrderNo;
use boxoffice_domain::ports::OrderStore;
use boxoffice_http::{Health, HealthPages, ReadinessCheck, Ready};
use boxoffice_runtime::{Readiness, Transport};

use super::Api;
use super::problem::ProblemBody;

/// The bus accepts messages. Orders are accepted without it; their messages are sent once it is back.
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
                Err("cannot be reached; orders are accepted, and their messages are sent once it is back"
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
            "does not respond".to_owned()
        })
    }
}

/// Whether the process is alive
#[utoipa::path(
    get, path = "/healthz", tag = "operations", operation_id = "health",
    responses((status = 200, description = "It is alive", body = Health))
)]
pub(crate) async fn healthz() -> Response {
    HealthPages::alive()
}

/// Whether the process is ready to work
#[utoipa::path(
    get, path = "/readyz", tag = "operations", operation_id = "readiness",
    responses(
        (status = 200, description = "Every required part responds", body = Ready),
        (status = 503, description = "A required part does not respond", body = Ready),
    )
)]
pub(crate) async fn readyz(State(api): State<Api>) -> Response {
    api.pages.readiness().await
}

/// The metrics of this process, in Prometheus' text format
#[utoipa::path(
    get, path = "/metrics", tag = "operations", operation_id = "metrics",
    responses(
        (status = 200, description = "The metrics", body = String, content_type = "text/plain"),
        (status = 500, description = "Internal error", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn metrics(State(api): State<Api>) -> Response {
    api.pages.metrics()
}
