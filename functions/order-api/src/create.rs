use std::sync::Arc;
use std::time::Duration;

use boxoffice_domain::ports::{Catalogue, Clock, Ids, Ports, StoreError, Tier};
use boxoffice_domain::{BusinessRules, FunctionSettings, Order, OrderNo, OrderState};
use boxoffice_flow::MessageWriter;
use boxoffice_runtime::Turn;
use jiff::Timestamp;

use crate::idempotent::CallKey;
use crate::requests::order_number;
use crate::time::now_in_milliseconds;
use crate::{ApiError, CallContext, IdempotentCalls, InvalidField, NewOrder, OrderAccepted, OrderChanges};

/// How many order numbers are tried when another process took the first ones.
const NUMBER_TRIES: u32 = 3;
/// How long the catalogue may take to know a ticket.
const CATALOGUE_TIMEOUT: Duration = Duration::from_millis(300);

/// Accepts orders.
pub struct CreateOrder {
    /// Which tickets there are.
    pub catalogue: Arc<dyn Catalogue>,
    /// How long to wait for the catalogue. After that the order is accepted, and order-process checks the ticket.
    pub catalogue_timeout: Duration,
    /// Saves the order and sends its message.
    pub changes: OrderChanges,
    /// Gives a repeat with the same key the first answer.
    pub idempotent: IdempotentCalls,
    /// Tells when the order is made and expires.
    pub clock: Arc<dyn Clock>,
    /// Generates order numbers.
    pub ids: Arc<dyn Ids>,
    /// The zone, the payment window, the most tickets in one order.
    pub rules: BusinessRules,
}

/// An order about to be accepted: everything but its number.
struct Draft<'a> {
    request: &'a NewOrder,
    quantity: u32,
    now: Timestamp,
    writer: MessageWriter,
}

impl CreateOrder {
    /// Accepts orders on these ports, and waits 300 ms for the catalogue.
    pub fn new(ports: &Ports, settings: &FunctionSettings) -> Self {
        Self {
            catalogue: ports.catalogue.clone(),
            catalogue_timeout: CATALOGUE_TIMEOUT,
            changes: OrderChanges::new(ports),
            idempotent: IdempotentCalls::new(ports, settings),
            clock: ports.clock.clone(),
            ids: ports.ids.clone(),
            rules: settings.rules.clone(),
        }
    }

    /// Accepts an order: saves it together with the mark of its ORDER_CREATED message, in one write, then sends the
    /// message. A failed send leaves the mark to outbox-relay; the order is accepted all the same.
    ///
    /// With an idempotency key a repeat gets the first answer, also after a crash in between: the order number is
    /// chosen with the first claim of the key.
    pub async fn run(&self, request: &NewOrder, call: &CallContext) -> Result<OrderAccepted, ApiError> {
        call.check()?;
        let quantity = request.check(self.rules.max_quantity)?;
        let now = now_in_milliseconds(&*self.clock);
        let writer = MessageWriter::new(now, &self.rules.zone).in_trace(call.traceparent.as_deref());
        let draft = &Draft { request, quantity, now, writer };
        let Some(key) = &call.idempotency_key else {
            self.check_ticket(request).await?;
            return self.save_under_a_free_number(draft).await;
        };
        let key = CallKey { operation: "create", user_id: request.user_id, key };
        let first_number = self.ids.order_no(now);
        let data = Some(first_number.as_str().to_owned());
        let create = |turn: Turn| async move {
            self.check_ticket(request).await?;
            let order_no = turn.data.map_or(Ok(first_number), order_number)?;
            self.save(order_no, draft).await
        };
        self.idempotent.once(key, request, data, create).await
    }

    /// Refuses what the catalogue is sure to refuse later. A catalogue that does not answer holds up no sale:
    /// order-process asks it again.
    async fn check_ticket(&self, request: &NewOrder) -> Result<(), ApiError> {
        let asking = self.catalogue.tier(request.ticket_id);
        match tokio::time::timeout(self.catalogue_timeout, asking).await {
            Ok(Ok(Some(tier))) => check_tier(request, &tier),
            Ok(Ok(None)) => {
                Err(ApiError::field("ticketId", format!("is not on sale: {}", request.ticket_id)))
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the catalogue is unavailable; order-process will check the ticket");
                Ok(())
            }
            Err(_) => {
                tracing::warn!("the catalogue did not respond in time; order-process will check the ticket");
                Ok(())
            }
        }
    }

    async fn save_under_a_free_number(&self, draft: &Draft<'_>) -> Result<OrderAccepted, ApiError> {
        let mut tries = 1;
        loop {
            match self.save(self.ids.order_no(draft.now), draft).await {
                Err(ApiError::Store(StoreError::Conflict(_))) if tries < NUMBER_TRIES => tries += 1,
                answer => return answer,
            }
        }
    }

    /// Saves the order under this number and sends its message. The same order saved before gives the same answer;
    /// [`StoreError::Conflict`] when another order has the number.
    async fn save(&self, order_no: OrderNo, draft: &Draft<'_>) -> Result<OrderAccepted, ApiError> {
        let order = self.order(order_no, draft);
        let message = draft.writer.order_created(&order);
        match self.changes.create(&order, message).await? {
            None => Ok(self.accepted(order)),
            Some(existing) if is_same(&existing, &order) => Ok(self.accepted(existing)),
            Some(_) => {
                let because = format!("order number {} is taken by another order", order.order_no);
                Err(StoreError::Conflict(because).into())
            }
        }
    }

    fn order(&self, order_no: OrderNo, draft: &Draft<'_>) -> Order {
        let Draft { request, quantity, now, .. } = *draft;
        Order {
            order_no,
            user_id: request.user_id,
            show_id: request.show_id,
            session_id: request.session_id,
            ticket_id: request.ticket_id,
            quantity,
            total_amount: None,
            state: OrderState::Created,
            contact: request.reachable(),
            pay_type: None,
            remark: None,
            created_at: now,
            paid_at: None,
            expires_at: now.checked_add(self.rules.payment_window).unwrap_or(Timestamp::MAX),
            refund_due: None,
        }
    }

    fn accepted(&self, order: Order) -> OrderAccepted {
        // A repeat returns the state in which the order was accepted, not its current one.
        let state = OrderState::Created;
        let expire_time = self.rules.zone.to_datetime(order.expires_at);
        OrderAccepted { order_no: order.order_no, status: state.wire_code(), state, expire_time }
    }
}

fn check_tier(request: &NewOrder, tier: &Tier) -> Result<(), ApiError> {
    let mut invalid = Vec::new();
    if request.show_id != tier.show_id {
        let detail = format!("does not match ticket {}, found {}", tier.ticket_id, request.show_id);
        invalid.push(InvalidField::new("showId", detail));
    }
    if request.session_id != tier.session_id {
        let detail = format!("does not match ticket {}, found {}", tier.ticket_id, request.session_id);
        invalid.push(InvalidField::new("sessionId", detail));
    }
    if let Some(limit) = tier.per_user_limit
        && request.quantity > i64::from(limit)
    {
        let detail = format!("must not exceed {limit}, the limit per buyer, found {}", request.quantity);
        invalid.push(InvalidField::new("quantity", detail));
    }
    if invalid.is_empty() { Ok(()) } else { Err(ApiError::Invalid(invalid)) }
}

/// Whether an order found under the number of a new one is this very order, however far it came since.
fn is_same(found: &Order, new: &Order) -> bool {
    (found.user_id, found.show_id, found.session_id, found.ticket_id, found.quantity)
        == (new.user_id, new.show_id, new.session_id, new.ticket_id, new.quantity)
}

#[cfg(test)]
#[path = "create_tests.rs"]
mod tests;
