//! What happens when an order is paid: its stock is confirmed, the buyer is notified, the sale is counted.
//!
//! All of it is asynchronous, so a failure here is retried and cannot hurt the payment.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use boxoffice_domain::ports::{
    Alert, Alerts, Bus, Clock, OrderStore, Outbox, Outgoing, Ports, Sale, Statistics, Stepped, UserDirectory,
};
use boxoffice_domain::{
    BusinessRules, Decimal, FunctionSettings, Order, OrderNo, OrderState, OrderStep, PayType, ShowId,
    StepOutcome, TicketId, UserId,
};
use boxoffice_flow::{BuyerText, MessageWriter, ext_key, reading};
use boxoffice_messages::{OrderEventMessage, StockOperation, group, tag, topic};
use boxoffice_runtime::{Context, Engine, Handler, Outcome, Subscription};
use jiff::Timestamp;

/// The name of the function.
pub const NAME: &str = "order-paid";

/// The function, ready to be fed by a transport.
pub fn function(ports: &Ports, settings: &FunctionSettings) -> Engine<OrderPaid> {
    Engine::new(NAME, OrderPaid::new(ports, settings))
}

/// Handles ORDER_PAID.
pub struct OrderPaid {
    /// Orders.
    pub orders: Arc<dyn OrderStore>,
    /// Takes the confirmation and the notifications.
    pub bus: Arc<dyn Bus>,
    /// Counts sales.
    pub statistics: Arc<dyn Statistics>,
    /// The addresses of buyers whose order carries none.
    pub user_directory: Option<Arc<dyn UserDirectory>>,
    /// Alerts operators to a payment that cannot be honoured.
    pub alerts: Arc<dyn Alerts>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The zone of date-times in messages.
    pub rules: BusinessRules,
}

#[async_trait]
impl Handler for OrderPaid {
    type Message = OrderEventMessage;

    fn subscription(&self) -> Subscription {
        Subscription::new(group::ORDER_PAID, topic::ORDER, &[tag::ORDER_PAID])
    }

    async fn handle(&self, message: OrderEventMessage, context: &Context) -> Outcome {
        self.paid(&message, context).await.into()
    }
}

impl OrderPaid {
    /// Takes what it needs of the ports and settings.
    pub fn new(ports: &Ports, settings: &FunctionSettings) -> Self {
        Self {
            orders: ports.orders.clone(),
            bus: ports.bus.clone(),
            statistics: ports.statistics.clone(),
            user_directory: ports.user_directory.clone(),
            alerts: ports.alerts.clone(),
            clock: ports.clock.clone(),
            rules: settings.rules.clone(),
        }
    }

    async fn paid(&self, message: &OrderEventMessage, context: &Context) -> Result<Outcome, Outcome> {
        let order_no = reading::order_no(message.require_order_no())?;
        let order = self.orders.get(&order_no).await?;
        let paid_at = self.paid_at(message);
        if let Some(order) = order.as_ref().filter(|order| order.state != OrderState::Paid)
            && let Recorded::RefundDue(outcome) =
                self.record_payment(order, pay_type(message), paid_at, context).await?
        {
            return Ok(outcome);
        }

        let sale = sale(order_no, order.as_ref(), message, paid_at)?;
        let writer = MessageWriter::new(self.clock.now(), &self.rules.zone).in_trace_of(context);
        let confirmation =
            writer.stock_change(StockOperation::Confirm, &sale.order_no, sale.ticket_id, sale.quantity);
        let mut messages = vec![confirmation];
        messages.extend(self.notifications(&sale, order.as_ref(), message, &writer).await?);
        for answer in self.bus.send_all(messages).await {
            answer?;
        }
        let newly = self.statistics.record(&sale).await?;
        Ok(if newly { Outcome::Done } else { Outcome::Duplicate })
    }

    fn paid_at(&self, message: &OrderEventMessage) -> Timestamp {
        message.event_time.map_or_else(|| self.clock.now(), |time| time.to_timestamp(&self.rules.zone))
    }

    /// Records a payment that another system took, so that it is never lost.
    async fn record_payment(
        &self,
        order: &Order,
        pay_type: Option<PayType>,
        paid_at: Timestamp,
        context: &Context,
    ) -> Result<Recorded, Outcome> {
        let step = OrderStep::Pay { pay_type, at: paid_at };
        match self.orders.step(&order.order_no, step, Outbox::none()).await? {
            Stepped::Taken { outcome: StepOutcome::RefundRecorded { newly }, .. } => {
                // The first attempt may have died before it raised the alert.
                if newly || context.attempt() > 1 {
                    let because = "the payment arrived after the order was cancelled".to_owned();
                    self.alerts.raise(Alert::RefundDue { order_no: order.order_no.clone(), because }).await;
                }
                Ok(Recorded::RefundDue(if newly { Outcome::Done } else { Outcome::Duplicate }))
            }
            Stepped::Taken { .. } => Ok(Recorded::Paid),
            Stepped::Refused { state } => {
                Err(Outcome::retry(format!("the order is still {state}: its seats are not reserved yet")))
            }
            Stepped::Unknown => Err(Outcome::retry("the order disappeared while it was being handled")),
        }
    }

    async fn notifications(
        &self,
        sale: &Sale,
        order: Option<&Order>,
        message: &OrderEventMessage,
        writer: &MessageWriter,
    ) -> Result<Vec<Outgoing>, Outcome> {
        let user_id = order.map(|order| order.user_id).or(message.user_id.map(UserId));
        let user_directory = self.user_directory.as_deref();
        let contact =
            reading::buyer_contact(order, message.ext_data.as_ref(), user_id, user_directory).await?;
        let text = buyer_text(&sale.order_no, sale.quantity, sale.amount);
        Ok(writer.notifications(&sale.order_no, user_id, contact, &text))
    }
}

/// What became of a payment that the store had not recorded.
enum Recorded {
    Paid,
    RefundDue(Outcome),
}

fn pay_type(message: &OrderEventMessage) -> Option<PayType> {
    let code = message.ext_data.as_ref()?.get_i64(ext_key::PAY_TYPE)?;
    PayType::try_from(code).ok()
}

/// What was sold: as the order says, else as the message says.
fn sale(
    order_no: OrderNo,
    order: Option<&Order>,
    message: &OrderEventMessage,
    paid_at: Timestamp,
) -> Result<Sale, Outcome> {
    Ok(match order {
        Some(order) => Sale {
            order_no,
            show_id: Some(order.show_id),
            ticket_id: order.ticket_id,
            quantity: order.quantity,
            amount: order.total_amount,
            at: order.paid_at.unwrap_or(paid_at),
        },
        None => Sale {
            order_no,
            show_id: message.show_id.map(ShowId),
            ticket_id: TicketId(message.require_ticket_id()?),
            quantity: reading::quantity(message.require_quantity())?,
            amount: message.total_amount,
            at: paid_at,
        },
    })
}

fn buyer_text(order_no: &OrderNo, quantity: u32, amount: Option<Decimal>) -> BuyerText {
    let (amount_zh, amount_en) = match amount {
        Some(amount) => (format!(",金额 {amount} 元"), format!(", {amount} CNY")),
        None => (String::new(), String::new()),
    };
    BuyerText {
        template: tag::ORDER_PAID,
        title: "订单支付成功 / Order paid".to_owned(),
        content: format!(
            "您的订单 {order_no} 已支付成功,共 {quantity} 张票{amount_zh}。\
             Your order {order_no} is paid: {quantity} ticket(s){amount_en}."
        ),
    }
}
