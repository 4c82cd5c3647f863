//! Reads path parts, query parameters and headers.

use std::convert::Infallible;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use boxoffice_domain::{OrderNo, TicketId, UserId};

use super::problem::{Problem, shortened};
use crate::requests::order_number;
use crate::{CallContext, InvalidField, ListOrders};
use boxoffice_runtime::{TRACEPARENT, TraceParent};

/// The part of the path between its slashes, percent-decoded.
pub(crate) type PathPart = Result<Path<String>, PathRejection>;
/// The query, pair by pair.
pub(crate) type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

pub(crate) fn order_no(part: PathPart) -> Result<OrderNo, Problem> {
    let Path(text) = part.map_err(|_| Problem::malformed("The path is not valid UTF-8."))?;
    Ok(order_number(text)?)
}

pub(crate) fn ticket_id(part: PathPart) -> Result<TicketId, Problem> {
    let Path(text) = part.map_err(|_| Problem::malformed("The path is not valid UTF-8."))?;
    whole("ticketId", &text).map(TicketId).map_err(|field| Problem::invalid(vec![field]))
}

pub(crate) fn list_orders(pairs: Pairs) -> Result<ListOrders, Problem> {
    let Query(pairs) = pairs.map_err(|_| Problem::malformed("The query is malformed."))?;
    let (mut user_id, mut limit, mut cursor) = (None, None, None);
    let mut invalid = Vec::new();
    for (name, value) in pairs {
        let slot = match name.as_str() {
            "userId" => &mut user_id,
            "limit" => &mut limit,
            "cursor" => &mut cursor,
            // An older server may meet a newer client.
            _ => continue,
        };
        if slot.replace(value).is_some() {
            invalid.push(InvalidField::new(name, "must be given only once"));
        }
    }
    let mut number = |name: &'static str, text: Option<&String>| match whole(name, text?) {
        Ok(number) => Some(number),
        Err(field) => {
            invalid.push(field);
            None
        }
    };
    let user = number("userId", user_id.as_ref());
    let limit = number("limit", limit.as_ref());
    if user_id.is_none() {
        invalid.push(InvalidField::new("userId", "is required: a whole number"));
    }
    match user {
        Some(user) if invalid.is_empty() => Ok(ListOrders { user_id: UserId(user), limit, cursor }),
        _ => Err(Problem::invalid(invalid)),
    }
}

fn whole(field: &'static str, text: &str) -> Result<i64, InvalidField> {
    let detail = || format!("must be a whole number that fits in 64 bits, found {:?}", shortened(text));
    text.parse().map_err(|_| InvalidField::new(field, detail()))
}

/// The headers that say something about the call.
impl<S: Sync> FromRequestParts<S> for CallContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = |name| parts.headers.get(name);
        // A key that is not ASCII becomes an empty one, which the service rejects by name.
        let idempotency_key =
            header("idempotency-key").map(|value| value.to_str().unwrap_or_default().to_owned());
        let traceparent = header(TRACEPARENT)
            .and_then(|value| value.to_str().ok())
            .filter(|text| text.parse::<TraceParent>().is_ok())
            .map(str::to_owned);
        Ok(Self { idempotency_key, traceparent })
    }
}
