use std::time::Duration;

use boxoffice_domain::ports::StoreError;
use boxoffice_domain::{OrderNo, TicketId};
use serde::Serialize;
use utoipa::ToSchema;

/// One invalid field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvalidField {
    /// The field: its path in the JSON body, or the name of a path part, query parameter or header.
    #[schema(example = "quantity")]
    pub field: String,
    /// What is wrong with it and what is allowed.
    #[schema(example = "must be between 1 and 10, found 11")]
    pub detail: String,
}

impl InvalidField {
    /// Names a field and says what is allowed.
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}

/// Why the service did not do what was requested.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// Fields of the request are out of range or name something that does not exist; nothing changed.
    #[error("the request has invalid fields: {}", list(.0))]
    Invalid(Vec<InvalidField>),
    /// No order has this number.
    #[error("there is no order {0}")]
    UnknownOrder(OrderNo),
    /// No stock was ever loaded for this ticket.
    #[error("there is no ticket {0} on sale")]
    UnknownTicket(TicketId),
    /// The seats of the order are not reserved yet: try the payment again in a moment.
    #[error("order {0} is still being processed and cannot be paid yet")]
    NotYetPayable(OrderNo),
    /// The order is cancelled. The payment is on record as a refund that is due.
    #[error("order {0} is cancelled: if money was taken, a refund is due and is on record")]
    PaidTooLate(OrderNo),
    /// The order is paid, so it cannot be cancelled.
    #[error("order {0} is paid and cannot be cancelled")]
    AlreadyPaid(OrderNo),
    /// The idempotency key was used before for another request.
    #[error("this Idempotency-Key was used before for a different request")]
    KeyReused,
    /// The first request with this idempotency key is not finished.
    #[error("the first request with this Idempotency-Key is still in progress")]
    KeyInProgress {
        /// When its result is known at the latest, or another may take over.
        retry_after: Duration,
    },
    /// A store did not respond, or rejected a valid request. With an idempotency key it is safe to repeat.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ApiError {
    /// One invalid field.
    pub(crate) fn field(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![InvalidField::new(field, detail)])
    }
}

fn list(fields: &[InvalidField]) -> String {
    let texts: Vec<String> = fields.iter().map(|each| format!("{} {}", each.field, each.detail)).collect();
    texts.join("; ")
}
