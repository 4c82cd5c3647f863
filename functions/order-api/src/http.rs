//! The service behind HTTP.

mod answer;
mod body;
mod edge;
mod handlers;
mod health;
mod openapi;
mod problem;
mod query;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use boxoffice_domain::FunctionSettings;
use boxoffice_domain::ports::Ports;
use boxoffice_runtime::telemetry::Telemetry;

use crate::OrderService;
use edge::{Edge, RouteEdge};

pub use health::{BusReadiness, ReadinessCheck, StoreReadiness};
pub use openapi::openapi_json;

/// How the router treats requests, and what the operator's pages show.
#[derive(Clone)]
pub struct RouterSettings {
    /// The largest body taken, in bytes; a larger one answers 413.
    pub body_limit: usize,
    /// How long a request may take, its body included; past it the answer is 503.
    pub request_time_out: Duration,
    /// The most requests worked on at once; one more answers 503 at once instead of waiting.
    pub in_flight_limit: usize,
    /// What must be there for this process to be ready.
    pub readiness: Vec<Arc<dyn ReadinessCheck>>,
    /// How long each of them may take to answer.
    pub readiness_time_out: Duration,
    /// Writes the metrics of this process in Prometheus' text format.
    pub render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

impl Default for RouterSettings {
    /// 64 KiB, 5 s, 4096 requests; ready without conditions, answers within 1 s; no metrics.
    fn default() -> Self {
        Self {
            body_limit: 64 * 1024,
            request_time_out: Duration::from_secs(5),
            in_flight_limit: 4096,
            readiness: Vec::new(),
            readiness_time_out: Duration::from_secs(1),
            render_metrics: Arc::new(String::new),
        }
    }
}

/// What every handler sees.
#[derive(Clone)]
struct Api {
    service: Arc<OrderService>,
    settings: Arc<RouterSettings>,
}

/// Every route: method and path. Orders and stock may be shed under load, the operator's pages never are.
#[cfg(test)]
const ROUTES: [(&str, &str); 10] = [
    ("POST", "/orders"),
    ("GET", "/orders"),
    ("GET", "/orders/{orderNo}"),
    ("POST", "/orders/{orderNo}/pay"),
    ("POST", "/orders/{orderNo}/cancel"),
    ("GET", "/tickets/{ticketId}/stock"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
];

/// The HTTP API on these ports, with the limits of `settings`: ready while the order store answers, with the metrics
/// of this process if it records any.
pub fn router_for(
    ports: &Ports,
    functions: &FunctionSettings,
    telemetry: Option<Telemetry>,
    mut settings: RouterSettings,
) -> Router {
    let store: Arc<dyn ReadinessCheck> = Arc::new(StoreReadiness(Arc::clone(&ports.orders)));
    let render_metrics = move || telemetry.as_ref().map_or_else(String::new, Telemetry::render);
    settings.readiness.push(store);
    settings.render_metrics = Arc::new(render_metrics);
    router(Arc::new(OrderService::new(ports, functions)), settings)
}

/// The HTTP API. Metrics go to the recorder that is installed when this is called.
pub fn router(service: Arc<OrderService>, settings: RouterSettings) -> Router {
    let routes = Routes { edge: Arc::new(Edge::new(&settings, service.create.ids.as_ref())) };
    let body_limit = settings.body_limit;
    Router::new()
        .route("/orders", routes.post("/orders", handlers::create_order))
        .route("/orders", routes.get("/orders", handlers::list_orders))
        .route("/orders/{orderNo}", routes.get("/orders/{orderNo}", handlers::get_order))
        .route("/orders/{orderNo}/pay", routes.post("/orders/{orderNo}/pay", handlers::pay_order))
        .route("/orders/{orderNo}/cancel", routes.post("/orders/{orderNo}/cancel", handlers::cancel_order))
        .route("/tickets/{ticketId}/stock", routes.get("/tickets/{ticketId}/stock", handlers::ticket_stock))
        .route("/healthz", routes.operators("/healthz", health::healthz))
        .route("/readyz", routes.operators("/readyz", health::readyz))
        .route("/metrics", routes.operators("/metrics", health::metrics))
        .route("/openapi.json", routes.operators("/openapi.json", openapi::openapi))
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(body_limit))
        .with_state(Api { service, settings: Arc::new(settings) })
}

/// Puts the edge in front of each route.
struct Routes {
    edge: Arc<Edge>,
}

impl Routes {
    fn get<H: Handler<T, Api>, T: 'static>(&self, path: &'static str, handler: H) -> MethodRouter<Api> {
        guarded(get(handler), RouteEdge::new(&self.edge, "GET", path, true))
    }

    fn post<H: Handler<T, Api>, T: 'static>(&self, path: &'static str, handler: H) -> MethodRouter<Api> {
        guarded(post(handler), RouteEdge::new(&self.edge, "POST", path, true))
    }

    fn operators<H: Handler<T, Api>, T: 'static>(&self, path: &'static str, handler: H) -> MethodRouter<Api> {
        guarded(get(handler), RouteEdge::new(&self.edge, "GET", path, false))
    }
}

fn guarded(route: MethodRouter<Api>, edge: RouteEdge) -> MethodRouter<Api> {
    route.route_layer(from_fn_with_state(Arc::new(edge), edge::guard))
}

#[cfg(test)]
mod tests;
