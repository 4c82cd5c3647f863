use boxoffice_domain::ports::{Outbox, Stepped};
use boxoffice_domain::{OrderNo, OrderState, OrderStep};

use crate::requests::REASON_MAX;
use crate::{ApiError, CallContext, OrderMoved, OrderService, events};

/// The remark of an order that was cancelled without a reason.
const NO_REASON: &str = "cancelled by the buyer";

impl OrderService {
    /// Cancels an order that is not paid, and sends ORDER_CANCELLED so that its seats are given back. Cancelling
    /// twice is one cancellation. `reason` becomes the remark that the buyer reads.
    pub async fn cancel(
        &self,
        order_no: &OrderNo,
        reason: Option<&str>,
        call: &CallContext,
    ) -> Result<OrderMoved, ApiError> {
        let reason = reason.map(str::trim).filter(|text| !text.is_empty());
        if reason.is_some_and(|text| text.chars().count() > REASON_MAX || text.contains(char::is_control)) {
            let detail = format!("must be at most {REASON_MAX} characters without control characters");
            return Err(ApiError::field("reason", detail));
        }
        let order = self.find(order_no).await?;
        match order.state {
            OrderState::Cancelled => return Ok(OrderMoved::new(order.order_no, OrderState::Cancelled)),
            OrderState::Paid => return Err(ApiError::AlreadyPaid(order.order_no)),
            OrderState::Created | OrderState::AwaitingPayment => {}
        }
        let at = self.now();
        let remark = reason.unwrap_or(NO_REASON);
        let message = events::cancelled(&order, remark, at, &self.rules, call.traceparent.as_deref());
        let step = OrderStep::Cancel { remark: remark.to_owned(), at };
        match self.step(order_no, &step, &Outbox::remembered(vec![message])).await? {
            Stepped::Taken { unsent, .. } => {
                self.deliver(unsent).await;
                Ok(OrderMoved::new(order.order_no, OrderState::Cancelled))
            }
            Stepped::Refused { .. } => Err(ApiError::AlreadyPaid(order.order_no)),
            Stepped::Unknown => Err(ApiError::UnknownOrder(order.order_no)),
        }
    }
}

#[cfg(test)]
#[path = "cancel_tests.rs"]
mod tests;
