use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use boxoffice_domain::ports::{DeadLetter, Outgoing};
use boxoffice_domain::testing::VirtualClock;
use boxoffice_domain::{Contact, Order, OrderNo, OrderState, SessionId, ShowId, TicketId, UserId};
use boxoffice_embedded::{Embedded, GroupQueue, Options};
use boxoffice_messages::{group, tag, topic};
use boxoffice_runtime::{
    BatchLimits, ConsumerSettings, Delivery, Function, Outcome, RetryPolicy, Settle, Settled, Shutdown,
    Subscription, Transport, TransportError,
};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// Longer than anything here takes; only a test that fails waits so long.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A folder for one test and the file in it.
pub struct Place {
    pub folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("boxoffice.db")
    }

    pub fn open(&self) -> Embedded {
        Embedded::open(self.file(), Options::default()).unwrap()
    }

    pub fn open_at(&self, clock: &Arc<VirtualClock>) -> Embedded {
        let options = Options { clock: Some(clock.clone()), ..Options::default() };
        Embedded::open(self.file(), options).unwrap()
    }
}

/// What the disk would hold if the program were killed now: the file and its log as they are.
pub fn crash_image(store: &Embedded, to: &Path) {
    let log = |path: &Path| {
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        PathBuf::from(name)
    };
    std::fs::copy(store.path(), to).unwrap();
    std::fs::copy(log(store.path()), log(to)).unwrap();
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "timed out waiting for: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

type Script = dyn Fn(&Delivery) -> Option<Outcome> + Send + Sync;

/// A function that records what it gets and answers as the test says; `None` never answers.
pub struct Scripted {
    subscription: Subscription,
    script: Box<Script>,
    seen: Mutex<Vec<Delivery>>,
}

impl Scripted {
    pub fn new(
        subscription: Subscription,
        script: impl Fn(&Delivery) -> Option<Outcome> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { subscription, script: Box::new(script), seen: Mutex::default() })
    }

    /// Handles everything that order-process gets.
    pub fn done() -> Arc<Self> {
        Self::new(created(), |_| Some(Outcome::Done))
    }

    pub fn seen(&self) -> Vec<Delivery> {
        self.seen.lock().unwrap().clone()
    }

    pub fn keys(&self) -> Vec<String> {
        self.seen().iter().map(|delivery| delivery.key.as_deref().unwrap_or_default().to_owned()).collect()
    }

    pub async fn has_seen(&self, count: usize) {
        until(&format!("{count} deliveries"), || self.seen.lock().unwrap().len() >= count).await;
    }
}

#[async_trait]
impl Function for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn subscription(&self) -> Subscription {
        self.subscription.clone()
    }

    async fn process(&self, batch: Vec<Delivery>, _: BatchLimits, settle: &dyn Settle) {
        let mut settled = Vec::new();
        let mut silent = false;
        for (index, delivery) in batch.into_iter().enumerate() {
            match (self.script)(&delivery) {
                Some(outcome) => settled.push(Settled { index, outcome: Some(outcome) }),
                None => silent = true,
            }
            self.seen.lock().unwrap().push(delivery);
        }
        settle.settle(settled).await;
        if silent {
            std::future::pending::<()>().await;
        }
    }
}

/// A running consumer.
pub struct Running {
    pub shutdown: Shutdown,
    task: JoinHandle<Result<(), TransportError>>,
}

impl Running {
    pub async fn stop(self) -> Result<(), TransportError> {
        self.shutdown.begin();
        tokio::time::timeout(PATIENCE, self.task).await.expect("the consumer stops").unwrap()
    }

    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// How it ended by itself.
    pub async fn ended(self) -> Result<(), TransportError> {
        self.task.await.unwrap()
    }

    /// Ends it as a crash of the program would: nothing is drained.
    pub async fn abort(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

pub fn run(store: &Embedded, function: Arc<dyn Function>, settings: ConsumerSettings) -> Running {
    let shutdown = Shutdown::new();
    let (store, signal) = (store.clone(), shutdown.clone());
    let task = tokio::spawn(async move { store.run(function, settings, signal).await });
    Running { shutdown, task }
}

/// Settings that retry at once, three times.
pub fn quick() -> ConsumerSettings {
    ConsumerSettings {
        retry: RetryPolicy { max_attempts: 3, first_delay: Duration::ZERO, max_delay: Duration::ZERO },
        drain: Duration::from_millis(50),
        ..ConsumerSettings::default()
    }
}

pub fn created() -> Subscription {
    Subscription::new(group::ORDER_PROCESS, topic::ORDER, &[tag::ORDER_CREATED])
}

/// An ORDER_CREATED message about the order `key`.
pub fn message(key: &str) -> Outgoing {
    Outgoing::new(topic::ORDER, tag::ORDER_CREATED, key, format!("{{\"orderNo\":\"{key}\"}}").into_bytes())
}

pub async fn queue_of(store: &Embedded, group: &str) -> GroupQueue {
    let queues = store.queues().await.unwrap();
    queues.into_iter().find(|queue| queue.group == group).expect("a known group")
}

/// Waits until a group has nothing left, not even an answer to write.
pub async fn drained(store: &Embedded, group: &str) {
    let begun = Instant::now();
    while queue_of(store, group).await.total() > 0 {
        assert!(begun.elapsed() < PATIENCE, "{group} is never drained: {:?}", queue_of(store, group).await);
    }
}

pub fn no(text: &str) -> OrderNo {
    OrderNo::new(text).unwrap()
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::new(1_795_313_730 + second, 123_456_789).unwrap()
}

pub fn order(order_no: &str) -> Order {
    Order {
        order_no: no(order_no),
        user_id: UserId(1001),
        show_id: ShowId(1),
        session_id: SessionId(2),
        ticket_id: TicketId(3),
        quantity: 2,
        total_amount: None,
        state: OrderState::Created,
        contact: Contact {
            phone: Some("13800138000".to_owned()),
            email: None,
            device_token: Some("token".to_owned()),
        },
        pay_type: None,
        remark: None,
        created_at: at(0),
        paid_at: None,
        expires_at: at(900),
        refund_due: None,
    }
}

pub fn letter(id: &str, group: &str) -> DeadLetter {
    DeadLetter {
        id: id.to_owned(),
        topic: topic::STOCK.to_owned(),
        tag: Some(tag::STOCK_DEDUCT.to_owned()),
        group: group.to_owned(),
        message_id: "00ff".to_owned(),
        key: Some("T1".to_owned()),
        attempts: 16,
        error: "away".to_owned(),
        body: b"{\"a\":1}".as_slice().into(),
        sys_flag: 1,
        properties: vec![("traceparent".to_owned(), "00-1".to_owned())],
        generation: 2,
        sent_at: Some(at(1)),
        stored_at: at(2),
    }
}
