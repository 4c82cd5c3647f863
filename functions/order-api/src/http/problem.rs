//! Errors as `application/problem+json` (RFC 9457).

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use boxoffice_domain::OrderState;
use boxoffice_domain::ports::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{ApiError, InvalidField};

/// Where the body stops being valid JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Position {
    /// The line, from 1.
    #[schema(example = 1)]
    pub line: usize,
    /// The column, from 1, in bytes.
    #[schema(example = 17)]
    pub column: usize,
}

/// Why a request failed, as a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem(Box<ProblemBody>);

/// Why a request failed
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// The kind of problem, for programs.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "urn:boxoffice:problem:invalid-fields")]
    kind: &'static str,
    /// The kind of problem in a few words; the phrase of the HTTP status where the kind says no more.
    #[schema(value_type = String, example = "Unprocessable Entity")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// What is wrong this time, and what to do.
    detail: String,
    /// Each invalid field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<InvalidField>,
    /// Where the body stops being valid JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    /// The state of the order that prevents the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "Cancelled")]
    state: Option<OrderState>,
    /// The wire code of that state.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_status: Option<i32>,
    #[serde(skip)]
    retry_after: Option<Duration>,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self(Box::new(ProblemBody {
            kind,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            position: None,
            state: None,
            order_status: None,
            retry_after: None,
        }))
    }

    /// The body or the query is malformed.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "urn:boxoffice:problem:malformed", "Bad Request", detail)
    }

    /// The body is not valid JSON from this position on.
    pub(crate) fn malformed_json(detail: impl Into<String>, line: usize, column: usize) -> Self {
        let mut problem = Self::malformed(detail);
        problem.0.position = Some(Position { line, column });
        problem
    }

    /// Every invalid field.
    pub(crate) fn invalid(errors: Vec<InvalidField>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{} {}", one.field, one.detail),
            several => format!("{} fields are invalid, see errors", several.len()),
        };
        let kind = "urn:boxoffice:problem:invalid-fields";
        let title = "Unprocessable Entity";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, title, detail).about(errors)
    }

    /// The service is temporarily unavailable.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        let kind = "urn:boxoffice:problem:unavailable";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, "Service Unavailable", detail)
            .retry_after(Duration::from_secs(1))
    }

    /// An internal error.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "urn:boxoffice:problem:internal",
            "Internal Server Error",
            "The request failed. The log has the cause under the x-request-id of this response.",
        )
    }

    fn conflict(kind: &'static str, title: &'static str, error: &ApiError) -> Self {
        Self::new(StatusCode::CONFLICT, kind, title, error.to_string())
    }

    fn not_found(error: &ApiError) -> Self {
        let kind = "urn:boxoffice:problem:not-found";
        Self::new(StatusCode::NOT_FOUND, kind, "Not Found", error.to_string())
    }

    fn about(mut self, errors: Vec<InvalidField>) -> Self {
        self.0.errors = errors;
        self
    }

    fn in_state(mut self, state: OrderState) -> Self {
        self.0.state = Some(state);
        self.0.order_status = Some(state.wire_code());
        self
    }

    fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Invalid(fields) => Self::invalid(fields),
            ApiError::UnknownOrder(_) => {
                Self::not_found(&error).about(vec![InvalidField::new("orderNo", "does not exist")])
            }
            ApiError::UnknownTicket(_) => {
                Self::not_found(&error).about(vec![InvalidField::new("ticketId", "is not on sale")])
            }
            ApiError::NotYetPayable(_) => Self::conflict(
                "urn:boxoffice:problem:not-yet-payable",
                "The order cannot be paid yet",
                &error,
            )
            .in_state(OrderState::Created)
            .retry_after(Duration::from_secs(1)),
            ApiError::PaidTooLate(_) => {
                Self::conflict("urn:boxoffice:problem:refund-due", "The order is cancelled", &error)
                    .in_state(OrderState::Cancelled)
            }
            ApiError::AlreadyPaid(_) => {
                Self::conflict("urn:boxoffice:problem:already-paid", "The order is paid", &error)
                    .in_state(OrderState::Paid)
            }
            ApiError::KeyReused => Self::invalid(vec![InvalidField::new(
                "Idempotency-Key",
                "was used before for a different request",
            )]),
            ApiError::KeyInProgress { retry_after } => {
                let kind = "urn:boxoffice:problem:in-progress";
                Self::conflict(kind, "The first request is still in progress", &error)
                    .retry_after(retry_after)
            }
            ApiError::Store(StoreError::Unavailable(because) | StoreError::Conflict(because)) => {
                // Details of the store belong in the log, not in the response.
                tracing::warn!(because, "a store is unavailable");
                Self::unavailable("The order store is unavailable. Repeat the request a little later.")
            }
            ApiError::Store(StoreError::Invalid(because)) => {
                tracing::error!(because, "a store rejected a valid request");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = self.0.retry_after {
            // Whole seconds, rounded up: the header knows no fractions.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

/// A path that does not exist.
pub(crate) async fn no_such_path(uri: Uri) -> Problem {
    let detail = format!("{} does not exist; see /openapi.json.", shortened(uri.path()));
    let kind = "urn:boxoffice:problem:not-found";
    Problem::new(StatusCode::NOT_FOUND, kind, "Not Found", detail)
}

/// A path that exists, requested with a method that it does not support.
pub(crate) async fn no_such_method(method: Method, uri: Uri) -> Problem {
    let detail = format!(
        "{} does not support {}; see the Allow header.",
        shortened(uri.path()),
        shortened(method.as_str())
    );
    let kind = "urn:boxoffice:problem:method-not-allowed";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, kind, "Method Not Allowed", detail)
}

/// Enough of a caller's text to recognise it.
pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 100;
    let mut short: String = text.chars().take(MOST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
