use boxoffice_domain::ports::{Created, Outbox, StoreError, Tier};
use boxoffice_domain::{Order, OrderNo, OrderState};
use jiff::Timestamp;

use crate::repeats::Repeatable;
use crate::requests::order_number;
use crate::{ApiError, CallContext, InvalidField, NewOrder, OrderAccepted, OrderService, events};

/// How many order numbers are tried when another process took the first ones.
const NUMBER_TRIES: u32 = 3;

impl OrderService {
    /// Accepts an order: saves it together with the mark of its ORDER_CREATED message, in one write, then sends the
    /// message. A failed send leaves the mark to outbox-relay; the order is accepted all the same.
    ///
    /// With an idempotency key a repeat gets the first answer, also after a crash in between: the order number is
    /// chosen with the first claim of the key.
    pub async fn create(&self, request: &NewOrder, call: &CallContext) -> Result<OrderAccepted, ApiError> {
        call.check()?;
        request.check(self.rules.max_quantity)?;
        let now = self.now();
        let Some(key) = &call.idempotency_key else {
            self.check_ticket(request).await?;
            return self.save_under_a_free_number(request, now, call).await;
        };
        let repeatable = Repeatable { operation: "create", user_id: request.user_id, key };
        let first_number = self.ids.order_no(now);
        let data = Some(first_number.as_str().to_owned());
        self.once(repeatable, request, data, |turn| async move {
            self.check_ticket(request).await?;
            let order_no = turn.data.map_or(Ok(first_number), order_number)?;
            self.save(order_no, request, now, call).await
        })
        .await
    }

    async fn save_under_a_free_number(
        &self,
        request: &NewOrder,
        now: Timestamp,
        call: &CallContext,
    ) -> Result<OrderAccepted, ApiError> {
        let mut tries = 1;
        loop {
            match self.save(self.ids.order_no(now), request, now, call).await {
                Err(ApiError::Store(StoreError::Conflict(_))) if tries < NUMBER_TRIES => tries += 1,
                answer => return answer,
            }
        }
    }

    /// Saves the order under this number and sends its message. The same order saved before gives the same answer;
    /// [`StoreError::Conflict`] when another order has the number.
    async fn save(
        &self,
        order_no: OrderNo,
        request: &NewOrder,
        now: Timestamp,
        call: &CallContext,
    ) -> Result<OrderAccepted, ApiError> {
        let order = Order {
            order_no,
            user_id: request.user_id,
            show_id: request.show_id,
            session_id: request.session_id,
            ticket_id: request.ticket_id,
            quantity: u32::try_from(request.quantity).unwrap_or(u32::MAX),
            total_amount: None,
            state: OrderState::Created,
            contact: request.reachable(),
            pay_type: None,
            remark: None,
            created_at: now,
            paid_at: None,
            expires_at: now.checked_add(self.rules.payment_window).unwrap_or(Timestamp::MAX),
            refund_due: None,
        };
        let message = events::created(&order, &self.rules, call.traceparent.as_deref());
        match self.orders.create(&order, Outbox::remembered(vec![message])).await? {
            Created::New { unsent } => {
                self.deliver(unsent).await;
                Ok(self.accepted(order.order_no, order.expires_at))
            }
            Created::Existing(existing) if is_same(&existing, &order) => {
                Ok(self.accepted(existing.order_no, existing.expires_at))
            }
            Created::Existing(_) => {
                let because = format!("order number {} is taken by another order", order.order_no);
                Err(StoreError::Conflict(because).into())
            }
        }
    }

    fn accepted(&self, order_no: OrderNo, expires_at: Timestamp) -> OrderAccepted {
        // A repeat tells where the order stood when it was accepted, not where it stands now.
        let state = OrderState::Created;
        let expire_time = self.rules.zone.to_datetime(expires_at);
        OrderAccepted { order_no, status: state.wire_code(), state, expire_time }
    }

    /// Refuses what the catalogue is sure to refuse later. A catalogue that does not answer holds up no sale:
    /// order-process asks it again.
    async fn check_ticket(&self, request: &NewOrder) -> Result<(), ApiError> {
        let asking = self.catalogue.tier(request.ticket_id);
        match tokio::time::timeout(self.limits.catalogue_time_out, asking).await {
            Ok(Ok(Some(tier))) => check_tier(request, &tier),
            Ok(Ok(None)) => {
                Err(ApiError::field("ticketId", format!("names no ticket on sale: {}", request.ticket_id)))
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "order-process will check the ticket");
                Ok(())
            }
            Err(_) => {
                tracing::warn!("the catalogue did not answer in time; order-process will check the ticket");
                Ok(())
            }
        }
    }
}

fn check_tier(request: &NewOrder, tier: &Tier) -> Result<(), ApiError> {
    let mut invalid = Vec::new();
    if request.show_id != tier.show_id {
        let detail = format!("is not the show of ticket {}: {}", tier.ticket_id, request.show_id);
        invalid.push(InvalidField::new("showId", detail));
    }
    if request.session_id != tier.session_id {
        let detail = format!("is not the session of ticket {}: {}", tier.ticket_id, request.session_id);
        invalid.push(InvalidField::new("sessionId", detail));
    }
    if let Some(limit) = tier.per_user_limit
        && request.quantity > i64::from(limit)
    {
        let detail = format!("must be at most {limit}, the limit per buyer, found {}", request.quantity);
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
