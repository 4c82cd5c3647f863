//! The service behind HTTP.

mod answer;
mod body;
mod guard;
mod handlers;
mod health;
mod openapi;
mod problem;
mod query;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use boxoffice_domain::FunctionSettings;
use boxoffice_domain::ports::Ports;
use boxoffice_http::{HealthPages, HttpLimits};
use boxoffice_runtime::Transport;
use boxoffice_runtime::telemetry::Telemetry;

use crate::OrderService;
use guard::{Edge, RouteEdge};

pub use health::{BusReadiness, StoreReadiness};
pub use openapi::openapi_json;

/// How the router treats requests, and what the operator's pages show.
#[derive(Debug, Clone, Default)]
pub struct RouterSettings {
    /// How much it takes at once.
    pub limits: HttpLimits,
    /// The operator's pages.
    pub pages: HealthPages,
}

/// What every handler sees.
#[derive(Clone)]
struct Api {
    service: Arc<OrderService>,
    limits: HttpLimits,
    pages: HealthPages,
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

/// The HTTP API of a program: ready while the order store answers, with the state of the bus beside it, and with the
/// metrics of this process if it records any.
pub fn router_for(
    ports: &Ports,
    functions: &FunctionSettings,
    transport: &Arc<dyn Transport>,
    telemetry: Option<Telemetry>,
    limits: HttpLimits,
) -> Router {
    let store = Arc::new(StoreReadiness(Arc::clone(&ports.orders)));
    let bus = Arc::new(BusReadiness(Arc::clone(transport)));
    let pages = HealthPages::new(vec![bus, store], telemetry);
    router(Arc::new(OrderService::new(ports, functions)), RouterSettings { limits, pages })
}

/// The HTTP API. Metrics go to the recorder that is installed when this is called.
pub fn router(service: Arc<OrderService>, settings: RouterSettings) -> Router {
    let routes = Routes { edge: Arc::new(Edge::new(&settings.limits, service.create.ids.as_ref())) };
    let body_limit = settings.limits.max_body_bytes;
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
        .with_state(Api { service, limits: settings.limits, pages: settings.pages })
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
    route.route_layer(from_fn_with_state(Arc::new(edge), guard::guard))
}

#[cfg(test)]
mod tests;
