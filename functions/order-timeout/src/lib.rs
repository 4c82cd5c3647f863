//! Cancels an order that was not paid in time.
//!
//! A bus may hold a message back for less time than a buyer has to pay ([`Bus::longest_delay`]): a message that comes
//! before the order expires is sent again for the rest of the time.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::ports::{Bus, Clock, OrderStore, Outbox, Ports, Stepped};
use boxoffice_domain::{BusinessRules, FunctionSettings, Order, OrderStep, StepOutcome};
use boxoffice_flow::{MessageWriter, SeatsReserved, deliver_unsent, reading};
use boxoffice_messages::{OrderEventMessage, group, tag, topic};
use boxoffice_runtime::{Context, Engine, Handler, Outcome, Subscription};

/// The name of the function.
pub const NAME: &str = "order-timeout";

/// A message that comes sooner than this after it was sent was not held back.
const SHORTEST_HOLD: Duration = Duration::from_secs(60);

const REMARK: &str = "超时未支付 / not paid in time";

/// The function, ready to be fed by a transport.
pub fn function(ports: &Ports, settings: &FunctionSettings) -> Engine<OrderTimeout> {
    Engine::new(NAME, OrderTimeout::new(ports, settings))
}

/// Handles ORDER_TIMEOUT.
pub struct OrderTimeout {
    /// Orders.
    pub orders: Arc<dyn OrderStore>,
    /// Sends what the order store does not send itself.
    pub bus: Arc<dyn Bus>,
    /// Decides whether an order has expired.
    pub clock: Arc<dyn Clock>,
    /// The zone of date-times in messages.
    pub rules: BusinessRules,
}

#[async_trait]
impl Handler for OrderTimeout {
    type Message = OrderEventMessage;

    fn subscription(&self) -> Subscription {
        Subscription::new(group::ORDER_TIMEOUT, topic::ORDER, &[tag::ORDER_TIMEOUT])
    }

    async fn handle(&self, message: OrderEventMessage, context: &Context) -> Outcome {
        self.expire(&message, context).await.into()
    }
}

impl OrderTimeout {
    /// Takes what it needs of the ports and settings.
    pub fn new(ports: &Ports, settings: &FunctionSettings) -> Self {
        Self {
            orders: ports.orders.clone(),
            bus: ports.bus.clone(),
            clock: ports.clock.clone(),
            rules: settings.rules.clone(),
        }
    }

    async fn expire(&self, message: &OrderEventMessage, context: &Context) -> Result<Outcome, Outcome> {
        let order_no = reading::order_no(message.require_order_no())?;
        let Some(order) = self.orders.get(&order_no).await? else {
            // Only the order shows whether it was paid, so the system that stores it has to expire it.
            tracing::info!(%order_no, "the order is not in this store; its timeout is left to its owner");
            return Ok(Outcome::Done);
        };
        if order.state.is_final() {
            return Ok(Outcome::Duplicate);
        }
        if order.expires_at > self.clock.now() {
            return self.delay_again(&order, context).await;
        }
        self.cancel(&order, context).await
    }

    /// The message came early: it is sent again, to come when the order expires or as late as the bus can. If this
    /// delivery comes again it is sent once more, which does no harm; if the message gets lost the sweep of
    /// outbox-relay finds the order.
    async fn delay_again(&self, order: &Order, context: &Context) -> Result<Outcome, Outcome> {
        let now = self.clock.now();
        let held = context.delivery.sent_at.map(|sent_at| Duration::try_from(now.duration_since(sent_at)));
        if held.is_some_and(|held| held.unwrap_or_default() < SHORTEST_HOLD) {
            // The clock of the bus is ahead, so the next one would come at once too: a retry waits and is counted.
            let remaining = Duration::try_from(order.expires_at.duration_since(now)).unwrap_or_default();
            return Err(Outcome::retry_after(remaining, "the order has not expired yet"));
        }
        let writer = MessageWriter::new(now, &self.rules.zone).in_trace_of(context);
        let message = writer.order_timeout(order);
        self.bus.send(message.deliver_at(order.expires_at)).await?;
        Ok(Outcome::Done)
    }

    async fn cancel(&self, order: &Order, context: &Context) -> Result<Outcome, Outcome> {
        let now = self.clock.now();
        let writer = MessageWriter::new(now, &self.rules.zone).in_trace_of(context);
        // Seats of a Created order may be reserved at this moment.
        let outbox = Outbox::remembered(vec![writer.order_cancelled(order, REMARK, SeatsReserved::Maybe)]);
        let step = OrderStep::Cancel { remark: REMARK.to_owned(), at: now };
        match self.orders.step(&order.order_no, step, outbox).await? {
            Stepped::Taken { outcome: StepOutcome::Moved, unsent } => {
                deliver_unsent(&*self.bus, &*self.orders, unsent).await?;
                Ok(Outcome::Done)
            }
            // Paid or cancelled since it was read.
            Stepped::Taken { .. } | Stepped::Refused { .. } => Ok(Outcome::Duplicate),
            Stepped::Unknown => Err(Outcome::retry("the order disappeared while it was being handled")),
        }
    }
}
