use std::sync::Arc;

use boxoffice_domain::ports::{Alert, Alerts, Clock, Ports};
use boxoffice_domain::{FunctionSettings, Order, OrderNo, OrderState, OrderStep, PayType, StepOutcome};
use boxoffice_flow::MessageWriter;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::idempotent::CallKey;
use crate::time::now_in_milliseconds;
use crate::{ApiError, CallContext, IdempotentCalls, OrderChanged, OrderChanges};

/// Takes payments.
pub struct PayOrder {
    /// Finds the order, saves the payment and sends its message.
    pub changes: OrderChanges,
    /// Gives a repeat with the same key the first answer.
    pub idempotent: IdempotentCalls,
    /// Alerts a person that a refund is due.
    pub alerts: Arc<dyn Alerts>,
    /// Tells when the order is paid.
    pub clock: Arc<dyn Clock>,
    /// The zone of date-times in messages.
    pub zone: TimeZone,
}

/// The result of a payment. Both are final, and every repeat gets the same.
#[derive(Serialize, Deserialize)]
enum Payment {
    Taken,
    TooLate,
}

impl PayOrder {
    /// Takes payments on these ports.
    pub fn new(ports: &Ports, settings: &FunctionSettings) -> Self {
        Self {
            changes: OrderChanges::new(ports),
            idempotent: IdempotentCalls::new(ports, settings),
            alerts: ports.alerts.clone(),
            clock: ports.clock.clone(),
            zone: settings.rules.zone.clone(),
        }
    }

    /// Takes a payment: AwaitingPayment becomes Paid, durable before this returns. Paying twice counts as one payment.
    ///
    /// A payment of a Cancelled order is recorded as a refund that is due, raises an alert and answers
    /// [`ApiError::PaidTooLate`]. An order past its expiry that nobody cancelled yet can still be paid.
    pub async fn run(
        &self,
        order_no: &OrderNo,
        pay_type: i64,
        call: &CallContext,
    ) -> Result<OrderChanged, ApiError> {
        call.check()?;
        let pay_type =
            PayType::try_from(pay_type).map_err(|error| ApiError::field("payType", error.to_string()))?;
        let order = self.changes.find(order_no).await?;
        let payment = match &call.idempotency_key {
            None => self.take(&order, pay_type, call).await?,
            Some(key) => {
                let key = CallKey { operation: "pay", user_id: order.user_id, key };
                let request = (order_no, pay_type.code());
                let order = &order;
                self.idempotent.once(key, &request, None, |_| self.take(order, pay_type, call)).await?
            }
        };
        match payment {
            Payment::Taken => Ok(OrderChanged::new(order.order_no, OrderState::Paid)),
            Payment::TooLate => Err(ApiError::PaidTooLate(order.order_no)),
        }
    }

    async fn take(&self, order: &Order, pay_type: PayType, call: &CallContext) -> Result<Payment, ApiError> {
        let order_no = &order.order_no;
        match order.state {
            OrderState::Created => return Err(ApiError::NotYetPayable(order_no.clone())),
            OrderState::Paid => return Ok(Payment::Taken),
            OrderState::AwaitingPayment | OrderState::Cancelled => {}
        }
        let at = now_in_milliseconds(&*self.clock);
        let writer = MessageWriter::new(at, &self.zone).in_trace(call.traceparent.as_deref());
        let step = OrderStep::Pay { pay_type: Some(pay_type), at };
        match self.changes.step(order_no, &step, writer.order_paid(order, pay_type)).await? {
            Some(StepOutcome::Moved | StepOutcome::AlreadyThere) => Ok(Payment::Taken),
            Some(StepOutcome::RefundRecorded { newly }) => {
                if newly {
                    let because = "the payment arrived after the order was cancelled".to_owned();
                    self.alerts.raise(Alert::RefundDue { order_no: order_no.clone(), because }).await;
                }
                Ok(Payment::TooLate)
            }
            // Only a Created order refuses to be paid, and an order never becomes Created again.
            None => Err(ApiError::NotYetPayable(order_no.clone())),
        }
    }
}

#[cfg(test)]
#[path = "pay_tests.rs"]
mod tests;
