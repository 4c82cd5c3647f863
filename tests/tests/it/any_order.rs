//! Sales on the fakes in which messages come late, twice and in any order, handlers run at the same time and die in the
//! middle, and buyers pay, cancel or walk away meanwhile. What must hold, holds.
//!
//! A seed decides everything, so a sale that fails can be watched again: `BOXOFFICE_TEST_SEED` is the first of the fresh
//! seeds.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use boxoffice::functions::consumers;
use boxoffice_domain::ports::{Clock as _, OrderStore as _, Outgoing, StockCache as _, StockLedger as _};
use boxoffice_domain::testing::World;
use boxoffice_domain::{Contact, LedgerState, OrderNo, OrderState, SessionId, ShowId, UserId};
use boxoffice_flow::MessageWriter;
use boxoffice_messages::{ROUTES, Route};
use boxoffice_runtime::{BatchLimits, Delivery, Function, Outcome, Settle, Settled, Sweeper};
use boxoffice_tests::size::short_or_long;
use jiff::Timestamp;
use order_api::{ApiError, CallContext, NewOrder, OrderService};
use tokio::task::JoinHandle;

/// How many sales are made of the same seeds each time.
const SAME: (u64, u64) = (200, 2_000);
/// How many are made of seeds that were never used before.
const FRESH: (u64, u64) = (200, 2_000);
/// What is done in each before all comes to rest.
const STEPS: u32 = 300;
/// How many rounds it may take until all is at rest.
const ROUNDS: u32 = 400;
const SEATS: u32 = 8;
const BUYERS: u64 = 14;
const PAYMENT_WINDOW: Duration = Duration::from_secs(30);

/// A message in the queue of one group.
#[derive(Clone)]
struct Waiting {
    route: &'static Route,
    delivery: Delivery,
    due: Timestamp,
}

/// What a task came to.
enum End {
    Handled(Vec<Option<Outcome>>),
    Ordered(OrderNo),
    Paid(OrderNo, Result<(), ApiError>),
    Other,
}

struct Running {
    task: JoinHandle<End>,
    /// What it handles: all of it comes again if the task dies.
    batch: Vec<Waiting>,
}

struct Sale {
    seed: u64,
    random: u64,
    world: World,
    functions: BTreeMap<&'static str, Arc<dyn Function>>,
    service: Arc<OrderService>,
    relay: Arc<dyn Sweeper>,
    queue: Vec<Waiting>,
    running: Vec<Running>,
    orders: Vec<OrderNo>,
    /// Buyers whose payment was accepted, and those who were too late.
    paid: HashSet<OrderNo>,
    too_late: HashSet<OrderNo>,
    killed: u32,
    /// The function that is away, and until when.
    away: (&'static str, Timestamp),
}

#[derive(Default)]
struct Answers(Mutex<BTreeMap<usize, Option<Outcome>>>);

#[async_trait]
impl Settle for Answers {
    async fn settle(&self, settled: Vec<Settled>) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.extend(settled.into_iter().map(|settled| (settled.index, settled.outcome)));
    }
}

impl Sale {
    fn new(seed: u64) -> Self {
        // Every other sale has a store that sends in its own commit.
        let mut world = if seed.is_multiple_of(2) { World::new() } else { World::in_one_file() };
        world.rules.payment_window = PAYMENT_WINDOW;
        world.on_sale(SEATS);
        if seed.is_multiple_of(3) {
            // A timeout has to be sent again until its order expires.
            world.bus.delay_at_most(PAYMENT_WINDOW / 3, world.clock.clone());
        }
        world.crash.take_turns(seed);
        let (ports, settings) = (world.ports(), world.settings());
        let functions = consumers(&ports, &settings);
        Self {
            seed,
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            functions: functions.into_iter().map(|function| (function.name(), function)).collect(),
            service: Arc::new(OrderService::new(&ports, &settings)),
            relay: Arc::new(outbox_relay::sweeper(&ports, &settings, Duration::from_secs(2))),
            world,
            queue: Vec::new(),
            running: Vec::new(),
            orders: Vec::new(),
            paid: HashSet::new(),
            too_late: HashSet::new(),
            killed: 0,
            away: ("", Timestamp::UNIX_EPOCH),
        }
    }

    /// Whether the stock cache loses its memory now and then in this sale, as a Redis does that is restarted.
    fn forgets(&self) -> bool {
        self.seed % 5 == 4
    }

    /// The next number below `below` (xorshift64*).
    fn draw(&mut self, below: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
    }

    fn one_of(&mut self, count: usize) -> usize {
        usize::try_from(self.draw(count as u64)).unwrap()
    }

    /// Puts what was sent into the queue of each group that wants it, now and then twice.
    fn publish(&mut self) {
        for message in self.world.bus.take() {
            let tag = message.tag.as_deref().unwrap_or_default();
            let wanted: Vec<&'static Route> = ROUTES
                .iter()
                .filter(|route| route.topic == message.topic && route.tags.contains(&tag))
                .collect();
            for route in wanted {
                let due = message.deliver_at.unwrap_or_else(|| self.world.clock.now());
                self.queue.push(Waiting { route, delivery: delivery(&message), due });
                if self.draw(4) == 0 {
                    let due = due + Duration::from_secs(self.draw(2 * PAYMENT_WINDOW.as_secs()));
                    self.queue.push(Waiting { route, delivery: delivery(&message), due });
                }
            }
        }
    }

    fn spawn(&mut self, batch: Vec<Waiting>, work: impl Future<Output = End> + Send + 'static) {
        self.running.push(Running { task: tokio::spawn(work), batch });
    }

    /// Hands some of what is due to one function.
    fn deliver_some(&mut self) {
        let now = self.world.clock.now();
        let (away, until) = self.away;
        let here = |waiting: &Waiting| waiting.route.function != away || until <= now;
        let due = |waiting: &Waiting| waiting.due <= now && here(waiting);
        let due: Vec<usize> = (0..self.queue.len()).filter(|index| due(&self.queue[*index])).collect();
        if due.is_empty() {
            return;
        }
        let first = due[self.one_of(due.len())];
        let route = self.queue[first].route;
        let mut batch = vec![self.queue.swap_remove(first)];
        for _ in 0..self.draw(4) {
            let due = |waiting: &Waiting| waiting.due <= now && waiting.route.group == route.group;
            if let Some(next) = self.queue.iter().position(due) {
                batch.push(self.queue.swap_remove(next));
            }
        }
        let function = Arc::clone(&self.functions[route.function]);
        let deliveries = batch.iter().map(|waiting| waiting.delivery.clone()).collect();
        self.spawn(batch, async move {
            let answers = Answers::default();
            function.process(deliveries, BatchLimits::default(), &answers).await;
            End::Handled(
                answers.0.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect(),
            )
        });
    }

    /// One function is away for a while, and what is sent to it waits.
    fn send_away(&mut self) {
        let function = ROUTES[self.one_of(ROUTES.len())].function;
        let pause = Duration::from_secs(self.draw(20));
        self.away = (function, self.world.clock.now() + pause);
    }

    fn order(&mut self) {
        let user_id = UserId(i64::try_from(self.draw(BUYERS)).unwrap() + 1);
        let contact = Contact { phone: Some(format!("1380000{user_id}")), ..Contact::default() };
        let order = NewOrder {
            user_id,
            show_id: ShowId(3_001),
            session_id: SessionId(30_011),
            ticket_id: World::TICKET,
            quantity: i64::try_from(self.draw(3)).unwrap() + 1,
            contact,
        };
        let service = Arc::clone(&self.service);
        self.spawn(Vec::new(), async move {
            End::Ordered(service.create.run(&order, &CallContext::default()).await.unwrap().order_no)
        });
    }

    fn any_order(&mut self) -> Option<OrderNo> {
        if self.orders.is_empty() {
            return None;
        }
        let index = self.one_of(self.orders.len());
        Some(self.orders[index].clone())
    }

    fn pay(&mut self) {
        let Some(order_no) = self.any_order() else { return };
        let service = Arc::clone(&self.service);
        self.spawn(Vec::new(), async move {
            let answer = service.pay.run(&order_no, 1, &CallContext::default()).await;
            End::Paid(order_no, answer.map(|_| ()))
        });
    }

    fn cancel(&mut self) {
        let Some(order_no) = self.any_order() else { return };
        let service = Arc::clone(&self.service);
        self.spawn(Vec::new(), async move {
            // Refused, say because it is paid, is an answer too.
            let _ = service.cancel.run(&order_no, None, &CallContext::default()).await;
            End::Other
        });
    }

    fn relay(&mut self) {
        let relay = Arc::clone(&self.relay);
        self.spawn(Vec::new(), async move {
            relay.sweep().await.unwrap();
            End::Other
        });
    }

    fn reconcile(&mut self) {
        let writer = MessageWriter::new(self.world.clock.now(), &self.world.rules.zone);
        let message = writer.stock_sync(World::TICKET);
        let route = ROUTES.iter().find(|route| route.function == "stock-management").unwrap();
        self.queue.push(Waiting { route, delivery: delivery(&message), due: self.world.clock.now() });
    }

    /// Ends one task where it is, as the kill of its process does; its messages come again.
    fn kill(&mut self) {
        if self.running.is_empty() {
            return;
        }
        let victim = self.one_of(self.running.len());
        let Running { task, batch } = self.running.swap_remove(victim);
        if !task.is_finished() {
            self.killed += 1;
        }
        task.abort();
        self.again(batch, Duration::ZERO);
    }

    fn again(&mut self, batch: Vec<Waiting>, after: Duration) {
        let due = self.world.clock.now() + after;
        self.queue.extend(batch.into_iter().map(|mut waiting| {
            waiting.delivery.attempt += 1;
            Waiting { due, ..waiting }
        }));
    }

    /// Takes the answers of the tasks that have ended.
    async fn collect(&mut self) {
        let mut index = 0;
        while index < self.running.len() {
            if !self.running[index].task.is_finished() {
                index += 1;
                continue;
            }
            let Running { task, batch } = self.running.remove(index);
            match task.await.unwrap() {
                End::Handled(outcomes) => self.settle(batch, outcomes),
                End::Ordered(order_no) => self.orders.push(order_no),
                End::Paid(order_no, Ok(())) => drop(self.paid.insert(order_no)),
                End::Paid(order_no, Err(ApiError::PaidTooLate(_))) => drop(self.too_late.insert(order_no)),
                End::Paid(_, Err(ApiError::NotYetPayable(_))) | End::Other => {}
                End::Paid(order_no, Err(error)) => {
                    panic!("seed {}: payment of {order_no}: {error}", self.seed)
                }
            }
        }
    }

    fn settle(&mut self, batch: Vec<Waiting>, outcomes: Vec<Option<Outcome>>) {
        assert_eq!(batch.len(), outcomes.len(), "seed {}: a delivery was not answered", self.seed);
        for (waiting, outcome) in batch.into_iter().zip(outcomes) {
            match outcome {
                Some(Outcome::Done | Outcome::Duplicate) => {}
                Some(Outcome::Retry { after, .. }) => {
                    let after = after.unwrap_or_else(|| Duration::from_millis(self.draw(3_000)));
                    self.again(vec![waiting], after);
                }
                Some(Outcome::Poison { because }) => {
                    let Waiting { route, delivery, .. } = waiting;
                    panic!(
                        "seed {}: {} {:?} is a dead letter: {because}",
                        self.seed, route.function, delivery.key
                    );
                }
                None => self.queue.push(waiting),
            }
        }
    }

    /// Seats are never sold twice, at any moment.
    fn check_seats(&self) {
        let counters = self.world.ledger.snapshot(World::TICKET);
        assert!(counters.locked + counters.sold <= counters.total, "seed {}: {counters:?}", self.seed);
    }

    async fn rush(&mut self) {
        for _ in 0..STEPS {
            match self.draw(24) {
                0..=1 => self.order(),
                2..=4 => self.pay(),
                5..=6 => self.cancel(),
                7 => self.send_away(),
                8 => self.relay(),
                9 if self.seed.is_multiple_of(3) => self.reconcile(),
                10 => self.kill(),
                11 if self.forgets() && self.draw(4) == 0 => {
                    self.world.stock_cache.forget(World::TICKET, SEATS);
                }
                11..=15 => {
                    let pause = Duration::from_millis(self.draw(2_000));
                    self.world.clock.advance(pause);
                }
                _ => self.deliver_some(),
            }
            for _ in 0..self.draw(12) {
                tokio::task::yield_now().await;
            }
            self.collect().await;
            self.publish();
            self.check_seats();
        }
    }

    /// Goes on until nothing waits and nothing is marked, and every order has come to its end.
    async fn come_to_rest(&mut self) {
        let mut compared = false;
        for _ in 0..ROUNDS {
            while !self.running.is_empty() {
                tokio::task::yield_now().await;
                self.collect().await;
            }
            self.publish();
            self.check_seats();
            let open = self.world.orders.overdue(Timestamp::MAX, 1, None).await.unwrap().items.len();
            let marked = self.world.orders.marked().len();
            if self.queue.is_empty() && marked == 0 && open == 0 {
                // Once more at the end, as every minute.
                if compared || !self.forgets() {
                    return;
                }
                compared = true;
                self.reconcile();
            }
            self.world.clock.advance(Duration::from_secs(2));
            self.relay();
            for _ in 0..8 {
                self.deliver_some();
            }
        }
        let left: Vec<_> =
            self.queue.iter().map(|waiting| (waiting.route.function, &waiting.delivery.key)).collect();
        panic!("seed {}: not at rest: {left:?}, marked {:?}", self.seed, self.world.orders.marked());
    }

    async fn check(&self) {
        let seed = self.seed;
        let counters = self.world.ledger.snapshot(World::TICKET);
        let cached = self.world.stock_cache.snapshot(World::TICKET).unwrap();
        let entries = self.world.ledger.entries(World::TICKET, 10_000, None).await.unwrap().items;
        let notices = self.world.provider.delivered();
        let told: HashSet<_> = notices.iter().map(|notice| &notice.idempotency_key).collect();
        let repeated = notices.len() - told.len();
        assert!(repeated <= self.killed as usize, "seed {seed}: {repeated} repeated, {} killed", self.killed);
        let mut sold = 0;
        for order_no in &self.orders {
            let order = self.world.orders.snapshot(order_no).unwrap();
            let buyer_was_told = told.iter().any(|key| key.contains(order_no.as_str()));
            assert!(buyer_was_told, "seed {seed}: the buyer of {order_no} was not notified");
            let entry = entries.iter().find(|entry| entry.order_no == *order_no).map(|entry| entry.state);
            match order.state {
                OrderState::Paid => {
                    let seated = entry == Some(LedgerState::Confirmed);
                    let refund = order.refund_due.is_some();
                    assert!(seated != refund, "seed {seed}: {entry:?} {order:?}");
                    // Seats are promised twice only by a stock that forgets.
                    assert!(!refund || self.forgets(), "seed {seed}: {order:?}");
                    assert!(self.world.statistics.sale(order_no).is_some(), "seed {seed}: {order:?}");
                    sold += if seated { order.quantity } else { 0 };
                }
                OrderState::Cancelled => {
                    assert!(
                        matches!(entry, None | Some(LedgerState::RolledBack)),
                        "seed {seed}: {entry:?} {order:?}"
                    );
                    assert_eq!(
                        order.refund_due.is_some(),
                        self.too_late.contains(order_no),
                        "seed {seed}: {order:?}"
                    );
                    assert!(!self.paid.contains(order_no), "seed {seed}: the payment of {order:?} is lost");
                }
                state => panic!("seed {seed}: {order_no} is {state}"),
            }
        }
        assert_eq!(counters.sold, sold, "seed {seed}: seats of orders that nobody knows of");
        assert_eq!(
            (counters.locked, cached.available),
            (0, counters.available()),
            "seed {seed}: {counters:?}"
        );
        assert_eq!(cached.held, counters.sold, "seed {seed}: reservations of live orders only");
        let reserved = self.world.stock_cache.reservations(World::TICKET, 10_000, None).await.unwrap().items;
        for reservation in reserved {
            let state = self.world.orders.state(&reservation.order_no);
            assert_eq!(state, Some(OrderState::Paid), "seed {seed}: {reservation:?}");
        }
    }
}

fn delivery(message: &Outgoing) -> Delivery {
    Delivery {
        topic: Arc::from(message.topic.as_ref()),
        tag: message.tag.as_deref().map(Arc::from),
        key: message.key.as_deref().map(Arc::from),
        message_id: Arc::from("simulated"),
        body: message.body.clone(),
        sys_flag: message.sys_flag,
        attempt: 1,
        generation: 0,
        sent_at: None,
        available_at: None,
        properties: message.properties.clone(),
    }
}

/// The first of the seeds that no run had before: random, or given. It is printed in any case, so that a run can be made
/// again.
fn fresh_seed() -> u64 {
    let given = std::env::var("BOXOFFICE_TEST_SEED").ok();
    let seed = given.map_or_else(
        || RandomState::new().hash_one(0) >> 24,
        |seed| seed.parse().expect("BOXOFFICE_TEST_SEED is a number"),
    );
    // Past the test harness, which shows what is printed only when a test fails.
    std::io::stderr().write_all(format!("any_order: BOXOFFICE_TEST_SEED={seed}\n").as_bytes()).unwrap();
    seed
}

#[test]
fn whatever_the_order_of_messages_no_seat_is_sold_twice_and_no_payment_is_lost() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (mut sales, mut orders, mut paid, mut late, mut killed) = (0, 0, 0, 0, 0);
    let fresh = fresh_seed();
    let seeds = (0..short_or_long(SAME.0, SAME.1)).chain(fresh..fresh + short_or_long(FRESH.0, FRESH.1));
    for seed in seeds {
        let mut sale = Sale::new(seed);
        runtime.block_on(async {
            sale.rush().await;
            sale.come_to_rest().await;
            sale.check().await;
        });
        sales += 1;
        orders += sale.orders.len();
        paid += sale.paid.len();
        late += sale.too_late.len();
        killed += sale.killed as usize;
    }
    // The sales had everything in them that they are meant to have.
    let enough = orders > 2 * sales && 4 * paid > sales && 20 * late > sales && 4 * killed > sales;
    assert!(enough, "{sales} sales: {orders} orders, {paid} paid, {late} too late, {killed} killed");
}
