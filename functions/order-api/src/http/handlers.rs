//! One function per call: read, ask the service, answer.

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::Api;
use super::answer::json;
use super::body::JsonBody;
use super::problem::{Problem, ProblemBody};
use super::query::{self, Pairs, PathPart};
use crate::CallContext;

type Answer = Result<Response, Problem>;

/// Accept an order
///
/// The order is saved before the response is sent. Price and seats follow a moment later; see its state.
#[utoipa::path(
    post, path = "/orders", tag = "orders", operation_id = "createOrder",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats with this key get the first answer: 1 to 255 printable ASCII characters, scoped to the buyer"),
           ("traceparent" = Option<String>, Header, description = "W3C trace context, carried into the messages")),
    request_body(content = super::body::CreateOrderBody, description = "What the buyer wants"),
    responses(
        (status = 201, description = "Accepted", body = crate::OrderAccepted),
        (status = 400, description = "The body is not a JSON object", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The first request with this key is still in progress; see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Content-Type is not application/json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is invalid, or the key was used for another request", body = ProblemBody, content_type = "application/problem+json"),
        (status = 500, description = "Internal error", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Overload, a timeout, or the store is unavailable; see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create_order(State(api): State<Api>, call: CallContext, body: JsonBody) -> Answer {
    let accepted = api.service.create.run(&body.new_order()?, &call).await?;
    let mut response = json(StatusCode::CREATED, &accepted);
    if let Ok(location) = HeaderValue::try_from(format!("/orders/{}", accepted.order_no)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Show an order
#[utoipa::path(
    get, path = "/orders/{orderNo}", tag = "orders", operation_id = "getOrder",
    params(("orderNo" = String, Path, description = "The number of the order")),
    responses(
        (status = 200, description = "The order", body = crate::OrderView),
        (status = 404, description = "The order does not exist", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Not a valid order number", body = ProblemBody, content_type = "application/problem+json"),
        (status = 500, description = "Internal error", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Overload, a timeout, or the store is unavailable; see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_order(State(api): State<Api>, part: PathPart) -> Answer {
    let order = api.service.orders.get(&query::order_no(part)?).await?;
    Ok(json(StatusCode::OK, &order))
}

/// List a buyer's orders, newest first
#[utoipa::path(
    get, path = "/orders", tag = "orders", operation_id = "listOrders",
    params(("userId" = i64, Query, minimum = 1, description = "The buyer"),
           ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Orders on the page; default 20"),
           ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page")),
    responses(
        (status = 200, description = "One page", body = crate::OrderPage),
        (status = 400, description = "The query is malformed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A parameter is invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 500, description = "Internal error", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Overload, a timeout, or the store is unavailable; see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_orders(State(api): State<Api>, pairs: Pairs) -> Answer {
    let page = api.service.orders.list(&query::list_orders(pairs)?).await?;
    Ok(json(StatusCode::OK, &page))
}

/// Pay an order
///
/// The payment is durable before the response is sent. Paying twice counts as one payment.
#[utoipa::path(
    post, path = "/orders/{orderNo}/pay", tag = "orders", operation_id = "payOrder",
    params(("orderNo" = String, Path, description = "The number of the order"),
           ("Idempotency-Key" = Option<String>, Header, description = "Repeats with this key get the first answer: 1 to 255 printable ASCII characters, scoped to the buyer"),
           ("traceparent" = Option<String>, Header, description = "W3C trace context, carried into the messages")),
    request_body(content = super::body::PayOrderBody, description = "How the buyer paid"),
    responses(
        (status = 200, description = "Paid, by this request or an earlier one", body = crate::OrderChanged),
        (status = 400, description = "The body is not a JSON object", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The order does not exist", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Not payable yet (see Retry-After), or cancelled; if money was taken, a refund is on record", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Content-Type is not application/json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is invalid, or the key was used for another request", body = ProblemBody, content_type = "application/problem+json"),
        (status = 500, description = "Internal error", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Overload, a timeout, or the store is unavailable; see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn pay_order(
    State(api): State<Api>,
    part: PathPart,
    call: CallContext,
    body: JsonBody,
) -> Answer {
    let order_no = query::order_no(part)?;
    let paid = api.service.pay.run(&order_no, body.pay_type()?, &call).await?;
    Ok(json(StatusCode::OK, &paid))
}

/// Cancel an order
///
/// Cancelling twice counts as one cancellation. A paid order cannot be cancelled.
#[utoipa::path(
    post, path = "/orders/{orderNo}/cancel", tag = "orders", operation_id = "cancelOrder",
    params(("orderNo" = String, Path, description = "The number of the order"),
           ("traceparent" = Option<String>, Header, description = "W3C trace context, carried into the messages")),
    request_body(content = Option<super::body::CancelOrderBody>, description = "Why; optional"),
    responses(
        (status = 200, description = "Cancelled, by this request or an earlier one", body = crate::OrderChanged),
        (status = 400, description = "The body is not a JSON object", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The order does not exist", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The order is paid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Content-Type is not application/json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 500, description = "Internal error", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Overload, a timeout, or the store is unavailable; see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn cancel_order(
    State(api): State<Api>,
    part: PathPart,
    call: CallContext,
    body: JsonBody,
) -> Answer {
    let order_no = query::order_no(part)?;
    let reason = body.reason()?;
    let cancelled = api.service.cancel.run(&order_no, reason.as_deref(), &call).await?;
    Ok(json(StatusCode::OK, &cancelled))
}

/// Show the durable stock of a ticket
#[utoipa::path(
    get, path = "/tickets/{ticketId}/stock", tag = "stock", operation_id = "getStock",
    params(("ticketId" = i64, Path, minimum = 1, description = "The ticket tier")),
    responses(
        (status = 200, description = "Its seats", body = crate::StockView),
        (status = 404, description = "No stock was loaded for this ticket", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Not a valid ticket number", body = ProblemBody, content_type = "application/problem+json"),
        (status = 500, description = "Internal error", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Overload, a timeout, or the store is unavailable; see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn ticket_stock(State(api): State<Api>, part: PathPart) -> Answer {
    let stock = api.service.stock.get(query::ticket_id(part)?).await?;
    Ok(json(StatusCode::OK, &stock))
}
