//! Prices an order, reserves its seats and asks for payment.
//!
//! Run again after a crash at any point it ends in the same place: the reservation is idempotent per order, the
//! order moves along its arrows only, and what is sent is sent again.

mod request;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use boxoffice_domain::ports::{
    Bus, Catalogue, Clock, Created, MarkedMessage, OrderStore, Outbox, Outgoing, Ports, ReserveAnswer,
    Stepped, StockCache,
};
use boxoffice_domain::{BusinessRules, FunctionSettings, Order, OrderState, OrderStep, StepOutcome};
use boxoffice_flow::{MessageWriter, SeatsReserved, deliver_unsent};
use boxoffice_messages::{OrderEventMessage, StockOperation, group, tag, topic};
use boxoffice_runtime::{Context, Engine, Handler, Outcome, Subscription};

use request::Request;

/// The name of the function.
pub const NAME: &str = "order-process";

const NO_SUCH_TICKET: &str = "票档不存在或已下架 / this ticket is not on sale";
const OTHER_SHOW: &str = "票档与演出场次不符 / this ticket belongs to another show or session";
const SOLD_OUT: &str = "余票不足 / sold out";
const OVER_LIMIT: &str = "超过每人限购数量 / over the limit of tickets for one buyer";

/// The function, ready to be fed by a transport.
pub fn function(ports: &Ports, settings: &FunctionSettings) -> Engine<OrderProcess> {
    Engine::new(NAME, OrderProcess::new(ports, settings))
}

/// Handles ORDER_CREATED.
pub struct OrderProcess {
    /// Prices.
    pub catalogue: Arc<dyn Catalogue>,
    /// The stock cache that buyers race for.
    pub stock_cache: Arc<dyn StockCache>,
    /// Orders.
    pub orders: Arc<dyn OrderStore>,
    /// Sends what the order store does not send itself.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Zone and payment window.
    pub rules: BusinessRules,
}

#[async_trait]
impl Handler for OrderProcess {
    type Message = OrderEventMessage;

    fn subscription(&self) -> Subscription {
        Subscription::new(group::ORDER_PROCESS, topic::ORDER, &[tag::ORDER_CREATED])
    }

    async fn handle(&self, message: OrderEventMessage, context: &Context) -> Outcome {
        self.process(&message, context).await.into()
    }
}

impl OrderProcess {
    /// Takes what it needs of the ports and settings.
    pub fn new(ports: &Ports, settings: &FunctionSettings) -> Self {
        Self {
            catalogue: ports.catalogue.clone(),
            stock_cache: ports.stock_cache.clone(),
            orders: ports.orders.clone(),
            bus: ports.bus.clone(),
            clock: ports.clock.clone(),
            rules: settings.rules.clone(),
        }
    }

    async fn process(&self, message: &OrderEventMessage, context: &Context) -> Result<Outcome, Outcome> {
        let now = self.clock.now();
        let request = Request::read(message, now, &self.rules)?;
        let writer = MessageWriter::new(now, &self.rules.zone).in_trace_of(context);

        let Some(tier) = self.catalogue.tier(request.ticket_id).await? else {
            return self.give_up(&request, NO_SUCH_TICKET, &writer).await;
        };
        if (tier.show_id, tier.session_id) != (request.show_id, request.session_id) {
            return self.give_up(&request, OTHER_SHOW, &writer).await;
        }
        let total_amount = tier.price.checked_mul(request.quantity.into());
        let total_amount = total_amount.ok_or_else(|| Outcome::poison("the total amount is too large"))?;
        match self.stock_cache.reserve(&request.reservation(tier.per_user_limit)).await? {
            ReserveAnswer::Reserved | ReserveAnswer::AlreadyReserved => {
                let order =
                    Order { total_amount: Some(total_amount), ..request.order(OrderState::AwaitingPayment) };
                self.ask_for_payment(order, &writer).await
            }
            ReserveAnswer::SoldOut { .. } => self.give_up(&request, SOLD_OUT, &writer).await,
            ReserveAnswer::OverLimit { .. } => self.give_up(&request, OVER_LIMIT, &writer).await,
            ReserveAnswer::RolledBack => self.leave_cancelled(&request).await,
            ReserveAnswer::NotLoaded => {
                Err(Outcome::retry(format!("no stock is loaded for ticket {}", request.ticket_id)))
            }
        }
    }

    /// The seats are reserved: the order awaits payment, and its STOCK_DEDUCT and ORDER_TIMEOUT are sent. An order that a
    /// Java service created is saved here.
    async fn ask_for_payment(&self, order: Order, writer: &MessageWriter) -> Result<Outcome, Outcome> {
        let Some(total_amount) = order.total_amount else {
            return Err(Outcome::poison("the order has no price"));
        };
        // Marks are not needed: the message being handled is redelivered until both are sent.
        let outbox = || Outbox::repeatable(payment_messages(&order, writer));
        let step = OrderStep::AwaitPayment { total_amount };
        match self.orders.step(&order.order_no, step, outbox()).await? {
            Stepped::Taken { outcome, unsent } => {
                self.send(unsent).await?;
                Ok(if outcome == StepOutcome::Moved { Outcome::Done } else { Outcome::Duplicate })
            }
            Stepped::Refused { state: OrderState::Cancelled } => self.give_back(&order).await,
            Stepped::Refused { .. } => Ok(Outcome::Duplicate),
            Stepped::Unknown => self.take_in(&order, outbox()).await,
        }
    }

    /// Seats were reserved for an order that is cancelled. Once it awaited payment the ledger may count them, so they
    /// are only free after its rollback, which frees them here too: earlier, another buyer would be promised seats
    /// that the ledger still refuses.
    async fn give_back(&self, order: &Order) -> Result<Outcome, Outcome> {
        let known = self.orders.get(&order.order_no).await?;
        if known.is_none_or(|known| known.total_amount.is_none()) {
            self.stock_cache.release(order.ticket_id, &order.order_no).await?;
        }
        Ok(Outcome::Duplicate)
    }

    /// No seats for this order, so it is cancelled. An order that went further in an earlier delivery is left alone.
    async fn give_up(
        &self,
        request: &Request,
        remark: &str,
        writer: &MessageWriter,
    ) -> Result<Outcome, Outcome> {
        let order = request.order(OrderState::Cancelled);
        let outbox =
            || Outbox::remembered(vec![writer.order_cancelled(&order, remark, SeatsReserved::Never)]);
        match self.orders.get(&order.order_no).await? {
            None => {
                let order = Order { remark: Some(remark.to_owned()), ..order.clone() };
                self.take_in(&order, outbox()).await
            }
            Some(known) if known.state == OrderState::Created => {
                let step = OrderStep::Cancel { remark: remark.to_owned(), at: self.clock.now() };
                match self.orders.step(&order.order_no, step, outbox()).await? {
                    Stepped::Taken { outcome: StepOutcome::Moved, unsent } => {
                        self.send(unsent).await?;
                        Ok(Outcome::Done)
                    }
                    _ => Ok(Outcome::Duplicate),
                }
            }
            Some(_) => Ok(Outcome::Duplicate),
        }
    }

    /// The reservation was given back before, so the order was cancelled and that was announced: it only must not be
    /// left as Created.
    async fn leave_cancelled(&self, request: &Request) -> Result<Outcome, Outcome> {
        let remark = "订单已取消 / cancelled before it was processed".to_owned();
        let step = OrderStep::Cancel { remark, at: self.clock.now() };
        self.orders.step(&request.order_no, step, Outbox::none()).await?;
        Ok(Outcome::Duplicate)
    }

    async fn take_in(&self, order: &Order, outbox: Outbox) -> Result<Outcome, Outcome> {
        match self.orders.create(order, outbox).await? {
            Created::New { unsent } => {
                self.send(unsent).await?;
                Ok(Outcome::Done)
            }
            Created::Existing(_) => Err(Outcome::retry("the order was saved concurrently by another worker")),
        }
    }

    async fn send(&self, unsent: Vec<MarkedMessage>) -> Result<(), Outcome> {
        Ok(deliver_unsent(&*self.bus, &*self.orders, unsent).await?)
    }
}

fn payment_messages(order: &Order, writer: &MessageWriter) -> Vec<Outgoing> {
    vec![
        writer.stock_change(StockOperation::Deduct, &order.order_no, order.ticket_id, order.quantity),
        writer.order_timeout(order).deliver_at(order.expires_at),
    ]
}
