use std::sync::Arc;
use std::time::Duration;

use boxoffice_domain::ports::{
    Alerts, Bus, Catalogue, Clock, Ids, MarkedMessage, OrderStore, Outbox, Ports, SendError, Stepped,
    StockLedger, StoreError,
};
use boxoffice_domain::{BusinessRules, FunctionSettings, Order, OrderNo, OrderStep, TicketId};
use boxoffice_flow::deliver_unsent;
use boxoffice_runtime::telemetry::AtMostEvery;
use boxoffice_runtime::{IdempotencyGuard, IdempotencySettings};
use jiff::Timestamp;

use crate::requests::order_number;
use crate::{ApiError, ListOrders, OrderPage, OrderView, StockView};

/// How often a step is tried again when another writer was first.
const STEP_TRIES: u32 = 3;

/// In an outage every request has messages that the bus does not take.
static TELLING: AtMostEvery = AtMostEvery::new(Duration::from_secs(5));

/// How long a request may hold its idempotency key.
pub(crate) const KEY_LEASE: Duration = Duration::from_secs(10);

/// How long the service waits for others before it goes on without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceLimits {
    /// For the bus to acknowledge a message. Past it the mark stays, and outbox-relay sends the message again.
    pub send_time_out: Duration,
    /// For the catalogue to know a ticket. Past it the order is accepted, and order-process checks the ticket.
    pub catalogue_time_out: Duration,
}

impl Default for ServiceLimits {
    /// One second for the bus, 300 ms for the catalogue.
    fn default() -> Self {
        Self { send_time_out: Duration::from_secs(1), catalogue_time_out: Duration::from_millis(300) }
    }
}

/// Creates, shows, lists, pays and cancels orders, and shows the stock of a ticket. Knows no transport.
///
/// An error other than [`ApiError::Store`] means that nothing changed, but for [`ApiError::PaidTooLate`], which
/// puts a refund on record.
pub struct OrderService {
    /// Where the orders are.
    pub orders: Arc<dyn OrderStore>,
    /// The durable stock.
    pub ledger: Arc<dyn StockLedger>,
    /// Which tickets there are.
    pub catalogue: Arc<dyn Catalogue>,
    /// Takes the messages that the order store does not send itself.
    pub bus: Arc<dyn Bus>,
    /// Tells a person that a refund is due.
    pub alerts: Arc<dyn Alerts>,
    /// Remembers the first answer to each idempotency key. Its lease must be longer than a request may take.
    pub idempotency: IdempotencyGuard,
    /// Tells when orders are made and expire.
    pub clock: Arc<dyn Clock>,
    /// Makes order numbers.
    pub ids: Arc<dyn Ids>,
    /// The zone, the payment window, the most tickets in one order.
    pub rules: BusinessRules,
    /// How long to wait for others.
    pub limits: ServiceLimits,
}

impl OrderService {
    /// The service on these ports, with the limits of [`ServiceLimits::default`]. A first request that dies holds its
    /// idempotency key for 10 s, longer than the router lets a request run.
    pub fn new(ports: &Ports, settings: &FunctionSettings) -> Self {
        Self {
            orders: Arc::clone(&ports.orders),
            ledger: Arc::clone(&ports.ledger),
            catalogue: Arc::clone(&ports.catalogue),
            bus: Arc::clone(&ports.bus),
            alerts: Arc::clone(&ports.alerts),
            idempotency: IdempotencyGuard::new(
                ports,
                IdempotencySettings { lease: KEY_LEASE, ..settings.idempotency },
            ),
            clock: Arc::clone(&ports.clock),
            ids: Arc::clone(&ports.ids),
            rules: settings.rules.clone(),
            limits: ServiceLimits::default(),
        }
    }

    /// One order.
    pub async fn get(&self, order_no: &OrderNo) -> Result<OrderView, ApiError> {
        Ok(OrderView::new(self.find(order_no).await?, &self.rules.zone))
    }

    /// A page of a buyer's orders, newest first.
    pub async fn list(&self, request: &ListOrders) -> Result<OrderPage, ApiError> {
        let limit = request.check()?;
        let page = self.orders.list_by_user(request.user_id, limit, request.cursor.as_deref()).await;
        let page = page.map_err(|error| match error {
            // The only part of the request that the store still judges.
            StoreError::Invalid(because) if request.cursor.is_some() => ApiError::field("cursor", because),
            other => other.into(),
        })?;
        let orders = page.items.into_iter().map(|order| OrderView::new(order, &self.rules.zone)).collect();
        Ok(OrderPage { orders, next_cursor: page.next })
    }

    /// The durable stock of a ticket.
    pub async fn stock(&self, ticket_id: TicketId) -> Result<StockView, ApiError> {
        if ticket_id.0 < 1 {
            return Err(ApiError::field("ticketId", format!("must be at least 1, found {ticket_id}")));
        }
        let counters = self.ledger.counters(ticket_id).await?;
        counters.map(|found| StockView::new(ticket_id, found)).ok_or(ApiError::UnknownTicket(ticket_id))
    }

    /// Reads an order number that came as text.
    pub fn parse_order_no(text: impl Into<String>) -> Result<OrderNo, ApiError> {
        order_number(text.into())
    }

    pub(crate) async fn find(&self, order_no: &OrderNo) -> Result<Order, ApiError> {
        self.orders.get(order_no).await?.ok_or_else(|| ApiError::UnknownOrder(order_no.clone()))
    }

    /// Now, to the millisecond: what every store can keep exactly.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Takes a step with its outbox; a writer that was first makes it look again, a few times.
    pub(crate) async fn step(
        &self,
        order_no: &OrderNo,
        step: &OrderStep,
        outbox: &Outbox,
    ) -> Result<Stepped, StoreError> {
        let mut tries = 1;
        loop {
            match self.orders.step(order_no, step.clone(), outbox.clone()).await {
                Err(StoreError::Conflict(_)) if tries < STEP_TRIES => tries += 1,
                answer => return answer,
            }
        }
    }

    /// Sends what the store did not send itself. A failure is no failure of the request: the marks stay.
    pub(crate) async fn deliver(&self, unsent: Vec<MarkedMessage>) {
        if unsent.is_empty() {
            return;
        }
        let sending = deliver_unsent(self.bus.as_ref(), self.orders.as_ref(), unsent);
        let sent = tokio::time::timeout(self.limits.send_time_out, sending).await;
        let sent = sent.unwrap_or_else(|_| {
            let limit = self.limits.send_time_out;
            Err(SendError::OutcomeUnknown(format!("the bus did not answer within {limit:?}")))
        });
        if let Err(error) = sent
            && TELLING.is_due()
        {
            tracing::warn!(%error, "the bus did not take a message; outbox-relay will send it, and others like it");
        }
    }
}
