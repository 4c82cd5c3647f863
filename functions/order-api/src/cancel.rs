use std::sync::Arc;

use boxoffice_domain::ports::{Clock, Ports};
use boxoffice_domain::{FunctionSettings, OrderNo, OrderState, OrderStep};
use boxoffice_flow::{MessageWriter, SeatsReserved};
use jiff::tz::TimeZone;

use crate::requests::REASON_MAX;
use crate::time::now_in_milliseconds;
use crate::{ApiError, CallContext, OrderChanged, OrderChanges};

/// The remark of an order that was cancelled without a reason.
const NO_REASON: &str = "cancelled by the buyer";

/// Cancels orders.
pub struct CancelOrder {
    /// Finds the order, saves the cancellation and sends its message.
    pub changes: OrderChanges,
    /// Tells when the order is cancelled.
    pub clock: Arc<dyn Clock>,
    /// The zone of date-times in messages.
    pub zone: TimeZone,
}

impl CancelOrder {
    /// Cancels orders on these ports.
    pub fn new(ports: &Ports, settings: &FunctionSettings) -> Self {
        let (clock, zone) = (ports.clock.clone(), settings.rules.zone.clone());
        Self { changes: OrderChanges::new(ports), clock, zone }
    }

    /// Cancels an order that is not paid, and sends ORDER_CANCELLED so that its seats are given back. Cancelling
    /// twice is one cancellation. `reason` becomes the remark that the buyer reads.
    pub async fn run(
        &self,
        order_no: &OrderNo,
        reason: Option<&str>,
        call: &CallContext,
    ) -> Result<OrderChanged, ApiError> {
        let reason = reason.map(str::trim).filter(|text| !text.is_empty());
        if reason.is_some_and(|text| text.chars().count() > REASON_MAX || text.contains(char::is_control)) {
            let detail = format!("must be at most {REASON_MAX} characters without control characters");
            return Err(ApiError::field("reason", detail));
        }
        let order = self.changes.find(order_no).await?;
        match order.state {
            OrderState::Cancelled => return Ok(OrderChanged::new(order.order_no, OrderState::Cancelled)),
            OrderState::Paid => return Err(ApiError::AlreadyPaid(order.order_no)),
            OrderState::Created | OrderState::AwaitingPayment => {}
        }
        let at = now_in_milliseconds(&*self.clock);
        let remark = reason.unwrap_or(NO_REASON);
        let writer = MessageWriter::new(at, &self.zone).in_trace(call.traceparent.as_deref());
        // Seats of a Created order may be reserved at this moment.
        let message = writer.order_cancelled(&order, remark, SeatsReserved::Maybe);
        let step = OrderStep::Cancel { remark: remark.to_owned(), at };
        match self.changes.step(order_no, &step, message).await? {
            Some(_) => Ok(OrderChanged::new(order.order_no, OrderState::Cancelled)),
            None => Err(ApiError::AlreadyPaid(order.order_no)),
        }
    }
}

#[cfg(test)]
#[path = "cancel_tests.rs"]
mod tests;
