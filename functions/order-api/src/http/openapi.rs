//! The description of the API at /openapi.json.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::{OpenApi, ToSchema};

use super::{handlers, health, problem};

/// An order that a buyer asks for
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes the body, which is read field by field")]
pub(crate) struct CreateOrder {
    /// The buyer
    #[schema(minimum = 1, example = 42)]
    user_id: i64,
    /// The show
    #[schema(minimum = 1, example = 1)]
    show_id: i64,
    /// The performance
    #[schema(minimum = 1, example = 11)]
    session_id: i64,
    /// The ticket tier
    #[schema(minimum = 1, example = 111)]
    ticket_id: i64,
    /// Number of tickets; the operator sets the most in one order, and a tier may have a limit per buyer
    #[schema(minimum = 1, example = 2)]
    quantity: i32,
    /// Where text messages go
    #[schema(max_length = 32, example = "+86 13800138000")]
    phone: Option<String>,
    /// Where e-mail goes
    #[schema(max_length = 254, example = "li.na@example.com")]
    email: Option<String>,
    /// Where push messages go
    #[schema(max_length = 1024)]
    device_token: Option<String>,
}

/// A payment
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes the body, which is read field by field")]
pub(crate) struct PayOrder {
    /// 1 Alipay, 2 WeChat Pay, 3 bank card
    #[schema(minimum = 1, maximum = 3, example = 1)]
    pay_type: i32,
}

/// A cancellation
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes the body, which is read field by field")]
pub(crate) struct CancelOrder {
    /// Why, in words for the buyer
    #[schema(max_length = 200, example = "I cannot come")]
    reason: Option<String>,
}

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
        (name = "operations", description = "For operators and their machines")
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
