use boxoffice_domain::ports::{Alert, Outbox, Stepped};
use boxoffice_domain::{Order, OrderNo, OrderState, OrderStep, PayType, StepOutcome};
use serde::{Deserialize, Serialize};

use crate::repeats::Repeatable;
use crate::{ApiError, CallContext, OrderMoved, OrderService, events};

/// What a payment came to. Both are final and are the answer to every repeat.
#[derive(Serialize, Deserialize)]
enum Payment {
    Taken,
    TooLate,
}

impl OrderService {
    /// Takes a payment: AwaitingPayment becomes Paid, durable before this answers. Paying twice is one payment.
    ///
    /// A payment of a Cancelled order is recorded as a refund that is due, raises an alert and answers
    /// [`ApiError::PaidTooLate`]. An order past its expiry that nobody cancelled yet can still be paid.
    pub async fn pay(
        &self,
        order_no: &OrderNo,
        pay_type: i64,
        call: &CallContext,
    ) -> Result<OrderMoved, ApiError> {
        call.check()?;
        let pay_type =
            PayType::try_from(pay_type).map_err(|error| ApiError::field("payType", error.to_string()))?;
        let order = self.find(order_no).await?;
        let payment = match &call.idempotency_key {
            None => self.take_payment(&order, pay_type, call).await?,
            Some(key) => {
                let repeatable = Repeatable { operation: "pay", user_id: order.user_id, key };
                let request = (order_no, pay_type.code());
                let order = &order;
                self.once(repeatable, &request, None, |_| self.take_payment(order, pay_type, call)).await?
            }
        };
        match payment {
            Payment::Taken => Ok(OrderMoved::new(order.order_no, OrderState::Paid)),
            Payment::TooLate => Err(ApiError::PaidTooLate(order.order_no)),
        }
    }

    async fn take_payment(
        &self,
        order: &Order,
        pay_type: PayType,
        call: &CallContext,
    ) -> Result<Payment, ApiError> {
        let order_no = &order.order_no;
        match order.state {
            OrderState::Created => return Err(ApiError::NotYetPayable(order_no.clone())),
            OrderState::Paid => return Ok(Payment::Taken),
            OrderState::AwaitingPayment | OrderState::Cancelled => {}
        }
        let at = self.now();
        let message = events::paid(order, pay_type, at, &self.rules, call.traceparent.as_deref());
        let step = OrderStep::Pay { pay_type: Some(pay_type), at };
        match self.step(order_no, &step, &Outbox::remembered(vec![message])).await? {
            Stepped::Taken { outcome: StepOutcome::RefundRecorded { newly }, unsent } => {
                self.deliver(unsent).await;
                if newly {
                    let because = "the payment arrived after the order was cancelled".to_owned();
                    self.alerts.raise(Alert::RefundDue { order_no: order_no.clone(), because }).await;
                }
                Ok(Payment::TooLate)
            }
            Stepped::Taken { outcome: StepOutcome::Moved | StepOutcome::AlreadyThere, unsent } => {
                self.deliver(unsent).await;
                Ok(Payment::Taken)
            }
            // Only a Created order refuses to be paid, and an order never becomes Created again.
            Stepped::Refused { .. } => Err(ApiError::NotYetPayable(order_no.clone())),
            Stepped::Unknown => Err(ApiError::UnknownOrder(order_no.clone())),
        }
    }
}

#[cfg(test)]
#[path = "pay_tests.rs"]
mod tests;
