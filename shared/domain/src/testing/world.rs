use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;

use super::{
    Crash, FakeAlerts, FakeBus, FakeCatalogue, FakeDeadLetterStore, FakeIdempotencyStore, FakeOrderStore,
    FakeProvider, FakeRedeliver, FakeStatistics, FakeStockCache, FakeStockLedger, FakeUserDirectory,
    SequentialIds, VirtualClock,
};
use crate::ports::{Clock as _, Ports, Tier};
use crate::{
    BusinessRules, Contact, FunctionSettings, Order, OrderNo, OrderState, SessionId, ShowId, TicketId, UserId,
};

/// One fake of every port, all of which die together when [`World::crash`] says so.
pub struct World {
    /// Lets every fake die at one port call.
    pub crash: Crash,
    /// Stands still until moved.
    pub clock: Arc<VirtualClock>,
    /// Counts.
    pub ids: Arc<SequentialIds>,
    /// Records what was sent.
    pub bus: Arc<FakeBus>,
    /// Orders.
    pub orders: Arc<FakeOrderStore>,
    /// The stock cache.
    pub stock_cache: Arc<FakeStockCache>,
    /// The durable stock.
    pub ledger: Arc<FakeStockLedger>,
    /// Shows and prices.
    pub catalogue: Arc<FakeCatalogue>,
    /// A notification provider.
    pub provider: Arc<FakeProvider>,
    /// Addresses of buyers.
    pub user_directory: Arc<FakeUserDirectory>,
    /// Alerts raised.
    pub alerts: Arc<FakeAlerts>,
    /// Dead letters.
    pub dead_letters: Arc<FakeDeadLetterStore>,
    /// Letters delivered once more.
    pub redeliver: Arc<FakeRedeliver>,
    /// Idempotency records.
    pub idempotency: Arc<FakeIdempotencyStore>,
    /// Sales.
    pub statistics: Arc<FakeStatistics>,
    /// The default rules.
    pub rules: BusinessRules,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// Show 3001, session 30011, ticket 300111 at 380.00.
    pub const TICKET: TicketId = TicketId(300_111);

    /// Nothing in it, and an order store that leaves sending to the caller.
    pub fn new() -> Self {
        Self::built(false)
    }

    /// Nothing in it, and an order store that sends in its own commit.
    pub fn in_one_file() -> Self {
        Self::built(true)
    }

    fn built(in_one_file: bool) -> Self {
        let crash = Crash::default();
        let clock = Arc::new(VirtualClock::default());
        let bus = Arc::new(FakeBus::new(&crash));
        let orders = FakeOrderStore::new(clock.clone(), &crash);
        let orders = if in_one_file { orders.sending_through(bus.clone()) } else { orders };
        Self {
            clock,
            ids: Arc::default(),
            bus,
            orders: Arc::new(orders),
            stock_cache: Arc::new(FakeStockCache::new(&crash)),
            ledger: Arc::new(FakeStockLedger::new(&crash)),
            catalogue: Arc::new(FakeCatalogue::new(&crash)),
            provider: Arc::new(FakeProvider::new(&crash)),
            user_directory: Arc::new(FakeUserDirectory::new(&crash)),
            alerts: Arc::new(FakeAlerts::new(&crash)),
            dead_letters: Arc::new(FakeDeadLetterStore::new(&crash)),
            redeliver: Arc::new(FakeRedeliver::new(&crash)),
            idempotency: Arc::new(FakeIdempotencyStore::new(&crash)),
            statistics: Arc::new(FakeStatistics::new(&crash)),
            rules: BusinessRules::default(),
            crash,
        }
    }

    /// All of it as a function takes it; every channel has the same provider.
    pub fn ports(&self) -> Ports {
        Ports {
            orders: self.orders.clone(),
            stock_cache: self.stock_cache.clone(),
            ledger: self.ledger.clone(),
            catalogue: self.catalogue.clone(),
            bus: self.bus.clone(),
            dead_letters: self.dead_letters.clone(),
            redeliver: self.redeliver.clone(),
            idempotency: self.idempotency.clone(),
            statistics: self.statistics.clone(),
            alerts: self.alerts.clone(),
            user_directory: Some(self.user_directory.clone()),
            sms: self.provider.clone(),
            email: self.provider.clone(),
            push: self.provider.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        }
    }

    /// The settings of functions: [`World::rules`] and the default idempotency settings.
    pub fn settings(&self) -> FunctionSettings {
        FunctionSettings { rules: self.rules.clone(), ..FunctionSettings::default() }
    }

    /// Puts [`World::TICKET`] on sale: 380.00 each, at most 4 for each buyer, with `seats` loaded in ledger and
    /// stock cache.
    pub fn on_sale(&self, seats: u32) {
        self.catalogue.put(Tier {
            ticket_id: Self::TICKET,
            session_id: SessionId(30_011),
            show_id: ShowId(3_001),
            title: "Spring Concert, Stand A".to_owned(),
            price: Decimal::new(38_000, 2),
            total: seats,
            per_user_limit: Some(4),
        });
        self.stock_cache.put(Self::TICKET, seats);
        self.ledger.put(Self::TICKET, seats);
    }

    /// Saves an order of buyer 9527 for two tickets of [`World::TICKET`] in this state, created now, and gives
    /// it back. Its seats are neither reserved nor counted.
    pub fn order(&self, number: &str, state: OrderState) -> Order {
        let now = self.clock.now();
        let ever_reserved = matches!(state, OrderState::AwaitingPayment | OrderState::Paid);
        let order = Order {
            order_no: Self::order_no(number),
            user_id: UserId(9_527),
            show_id: ShowId(3_001),
            session_id: SessionId(30_011),
            ticket_id: Self::TICKET,
            quantity: 2,
            total_amount: ever_reserved.then(|| Decimal::new(76_000, 2)),
            state,
            contact: Contact::default(),
            pay_type: None,
            remark: (state == OrderState::Cancelled).then(|| "changed my mind".to_owned()),
            created_at: now,
            paid_at: (state == OrderState::Paid).then_some(now),
            expires_at: now.checked_add(self.rules.payment_window).unwrap_or(now),
            refund_due: None,
        };
        self.orders.put(order.clone());
        order
    }

    /// An order number out of a test's own text.
    pub fn order_no(text: &str) -> OrderNo {
        OrderNo::from_trusted(text.to_owned())
    }

    /// Moves the clock past the expiry of an order created now.
    pub fn let_orders_expire(&self) {
        self.clock.advance(self.rules.payment_window + Duration::from_secs(1));
    }
}
