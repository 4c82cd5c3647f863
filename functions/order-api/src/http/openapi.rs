//! The description of the API at /openapi.json.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

use super::{handlers, health, problem};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Boxoffice orders",
        description = "Create, show, list, pay and cancel ticket orders. Date-times are local times without a zone."
    ),
    paths(
        handlers::create_order,
        handlers::list_orders,
        handlers::get_order,
        handlers::pay_order,
        handlers::cancel_order,
        handlers::ticket_stock,
        health::healthz,
        health::readyz,
        health::metrics,
        openapi
    ),
    components(schemas(problem::ProblemBody, problem::Position, crate::InvalidField)),
    tags(
        (name = "orders", description = "Orders of buyers"),
        (name = "stock", description = "Seats of tickets"),
        (name = "operations", description = "For operators and monitoring")
    )
)]
struct Document;

/// The OpenAPI 3.1 document as JSON.
pub fn openapi_json() -> &'static str {
    static JSON: OnceLock<String> = OnceLock::new();
    // The document is made of constants; a test holds that it can be written.
    JSON.get_or_init(|| Document::openapi().to_json().unwrap_or_default())
}

/// This document
#[utoipa::path(
    get, path = "/openapi.json", tag = "operations", operation_id = "openapi",
    responses((status = 200, description = "The OpenAPI 3.1 document", body = Object))
)]
pub(crate) async fn openapi() -> Response {
    let body = Bytes::from_static(openapi_json().as_bytes());
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}
