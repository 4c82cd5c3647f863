//! Releases the stock of a cancelled order and notifies the buyer.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use boxoffice_domain::ports::{Bus, Clock, OrderStore, Outbox, Ports, Stepped, UserDirectory};
use boxoffice_domain::{
    BusinessRules, FunctionSettings, Order, OrderNo, OrderState, OrderStep, TicketId, UserId,
};
use boxoffice_flow::{BuyerText, MessageWriter, SeatsReserved, ext_key, reading};
use boxoffice_messages::{OrderEventMessage, StockOperation, group, tag, topic};
use boxoffice_runtime::{Context, Engine, Handler, Outcome, Subscription};

/// The name of the function.
pub const NAME: &str = "order-cancelled";

const NO_REMARK: &str = "订单已取消 / the order was cancelled";

/// The function, ready to be fed by a transport.
pub fn function(ports: &Ports, settings: &FunctionSettings) -> Engine<OrderCancelled> {
    Engine::new(NAME, OrderCancelled::new(ports, settings))
}

/// Handles ORDER_CANCELLED.
pub struct OrderCancelled {
    /// Orders.
    pub orders: Arc<dyn OrderStore>,
    /// Takes the rollback and the notifications.
    pub bus: Arc<dyn Bus>,
    /// The addresses of buyers whose order carries none.
    pub user_directory: Option<Arc<dyn UserDirectory>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The zone of date-times in messages.
    pub rules: BusinessRules,
}

#[async_trait]
impl Handler for OrderCancelled {
    type Message = OrderEventMessage;

    fn subscription(&self) -> Subscription {
        Subscription::new(group::ORDER_CANCELLED, topic::ORDER, &[tag::ORDER_CANCELLED])
    }

    async fn handle(&self, message: OrderEventMessage, context: &Context) -> Outcome {
        self.cancelled(&message, context).await.into()
    }
}

impl OrderCancelled {
    /// Takes what it needs of the ports and settings.
    pub fn new(ports: &Ports, settings: &FunctionSettings) -> Self {
        Self {
            orders: ports.orders.clone(),
            bus: ports.bus.clone(),
            user_directory: ports.user_directory.clone(),
            clock: ports.clock.clone(),
            rules: settings.rules.clone(),
        }
    }

    async fn cancelled(&self, message: &OrderEventMessage, context: &Context) -> Result<Outcome, Outcome> {
        let order_no = reading::order_no(message.require_order_no())?;
        let order = self.orders.get(&order_no).await?;
        let remark = self.cancel(order.as_ref(), message).await?;

        let writer = MessageWriter::new(self.clock.now(), &self.rules.zone).in_trace_of(context);
        let mut messages = Vec::new();
        if stock_was_reserved(order.as_ref(), message) {
            let (ticket_id, quantity) = seats(order.as_ref(), message)?;
            messages.push(writer.stock_change(StockOperation::Rollback, &order_no, ticket_id, quantity));
        }
        let user_id = order.as_ref().map(|order| order.user_id).or(message.user_id.map(UserId));
        let (ext_data, user_directory) = (message.ext_data.as_ref(), self.user_directory.as_deref());
        let contact = reading::buyer_contact(order.as_ref(), ext_data, user_id, user_directory).await?;
        messages.extend(writer.notifications(&order_no, user_id, contact, &buyer_text(&order_no, &remark)));
        for answer in self.bus.send_all(messages).await {
            answer?;
        }
        Ok(Outcome::Done)
    }

    /// Makes sure that an order in the store is cancelled; returns the reason, in words for the buyer.
    async fn cancel(&self, order: Option<&Order>, message: &OrderEventMessage) -> Result<String, Outcome> {
        let said = reading::ext_text(message.ext_data.as_ref(), ext_key::REMARK);
        let remark = said.unwrap_or_else(|| NO_REMARK.to_owned());
        let Some(order) = order else { return Ok(remark) };
        if order.state == OrderState::Cancelled {
            return Ok(order.remark.clone().unwrap_or(remark));
        }
        let step = OrderStep::Cancel { remark: remark.clone(), at: self.clock.now() };
        match self.orders.step(&order.order_no, step, Outbox::none()).await? {
            Stepped::Taken { .. } => Ok(remark),
            Stepped::Refused { state } => {
                Err(Outcome::poison(format!("the order is {state} and can no longer be cancelled")))
            }
            Stepped::Unknown => Err(Outcome::retry("the order disappeared while it was being handled")),
        }
    }
}

/// An order with an amount has awaited payment, so its seats were reserved whatever the message says: two
/// deliveries of its creation may have ended differently.
fn stock_was_reserved(order: Option<&Order>, message: &OrderEventMessage) -> bool {
    SeatsReserved::read(message.ext_data.as_ref()) == SeatsReserved::Maybe
        || order.is_some_and(|order| order.total_amount.is_some())
}

fn seats(order: Option<&Order>, message: &OrderEventMessage) -> Result<(TicketId, u32), Outcome> {
    match order {
        Some(order) => Ok((order.ticket_id, order.quantity)),
        None => Ok((TicketId(message.require_ticket_id()?), reading::quantity(message.require_quantity())?)),
    }
}

fn buyer_text(order_no: &OrderNo, remark: &str) -> BuyerText {
    BuyerText {
        template: tag::ORDER_CANCELLED,
        title: "订单已取消 / Order cancelled".to_owned(),
        content: format!("您的订单 {order_no} 已取消。Your order {order_no} is cancelled. ({remark})"),
    }
}
