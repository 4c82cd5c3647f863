use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use boxoffice_runtime::telemetry::Telemetry;
use boxoffice_runtime::{Readiness, Transport};

/// What the pages tell of.
#[derive(Clone)]
struct Process {
    name: &'static str,
    transport: Arc<dyn Transport>,
    telemetry: Telemetry,
}

/// `GET /healthz`: 200 while the process lives. `GET /readyz`: 200 while its bus can be used, else 503 with the
/// reason. `GET /metrics`: Prometheus' text format.
pub(crate) fn router(name: &'static str, transport: Arc<dyn Transport>, telemetry: Telemetry) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Process { name, transport, telemetry })
}

async fn healthz(State(process): State<Process>) -> String {
    format!("{} is alive\n", process.name)
}

async fn readyz(State(process): State<Process>) -> Response {
    match process.transport.readiness() {
        Readiness::Ready => format!("{} is ready\n", process.name).into_response(),
        Readiness::NotReady { because } => {
            let text = format!("{} is not ready: {because}\n", process.name);
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

async fn metrics(State(process): State<Process>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], process.telemetry.render()).into_response()
}
