//! Bus and stores in one SQLite file.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use boxoffice_domain::ports::{
    Bus, BusAudit, DeadLetterStore, IdempotencyStore, OrderStore, Redeliver, Statistics, StockCache,
    StockLedger,
};
use boxoffice_domain::testing::VirtualClock;
use boxoffice_embedded::{Embedded, Options, OutboxMode};
use boxoffice_runtime::{Subscription, Transport};
use boxoffice_tests::bus::{self, Backend};
use boxoffice_tests::stores::{self, audit::Audited, outbox::Marking};
use tempfile::TempDir;

/// A file of a test's own, which can be closed and opened again.
struct File {
    folder: TempDir,
    clock: Arc<VirtualClock>,
    open: Mutex<Option<Embedded>>,
}

impl File {
    fn new() -> Self {
        let file =
            Self { folder: tempfile::tempdir().unwrap(), clock: Arc::default(), open: Mutex::default() };
        file.open(Options::default());
        file
    }

    fn open(&self, options: Options) {
        let store = Embedded::open(self.folder.path().join("test.db"), options).unwrap();
        *self.open.lock().unwrap() = Some(store);
    }

    async fn close(&self) {
        let store = self.open.lock().unwrap().take().expect("an open file");
        store.close().await.unwrap();
    }

    fn store(&self) -> Arc<Embedded> {
        Arc::new(self.open.lock().unwrap().clone().expect("an open file"))
    }
}

#[async_trait]
impl Backend for File {
    fn bus(&self) -> Arc<dyn Bus> {
        self.store()
    }

    fn transport(&self) -> Arc<dyn Transport> {
        self.store()
    }

    fn redeliver(&self) -> Arc<dyn Redeliver> {
        self.store()
    }

    fn audit(&self) -> Arc<dyn BusAudit> {
        self.store()
    }

    async fn subscribe(&self, subscription: Subscription) {
        self.store().subscribe(&subscription).await.unwrap();
    }

    async fn restart(&self) {
        self.close().await;
        self.open(Options::default());
    }
}

macro_rules! bus_on_a_file {
    ($($module:ident::$suite:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $suite() {
                let file = File::new();
                bus::$module::$suite(&file).await;
                file.close().await;
            }
        )+
    };
}

every_bus_suite!(bus_on_a_file);

bus_on_a_file! {
    consumers::a_worker_slower_than_its_lease_is_fenced_off,
    dead_letters::a_message_to_nobody_is_a_dead_letter,
    restarts::a_restart_loses_nothing_and_keeps_delays_and_attempts,
    restarts::restarts_in_mid_traffic_lose_nothing,
}

fn orders(file: &File) -> Arc<dyn OrderStore> {
    file.store()
}

/// The same file, as if its bus were elsewhere.
fn marking(file: &File) -> Marking {
    drop(file.open.lock().unwrap().take());
    let clock = file.clock.clone();
    file.open(Options { outbox: OutboxMode::MarkForRelay, clock: Some(clock.clone()), ..Options::default() });
    Marking { store: file.store(), clock }
}

fn stock_cache(file: &File) -> Arc<dyn StockCache> {
    file.store()
}

fn ledger(file: &File) -> Arc<dyn StockLedger> {
    file.store()
}

fn idempotency(file: &File) -> Arc<dyn IdempotencyStore> {
    file.store()
}

fn dead_letters(file: &File) -> Arc<dyn DeadLetterStore> {
    file.store()
}

fn statistics(file: &File) -> Arc<dyn Statistics> {
    file.store()
}

fn audited(file: &File) -> Audited {
    let Marking { store: orders, clock } = marking(file);
    let store = file.store();
    Audited {
        audit: store.clone(),
        orders,
        ledger: store.clone(),
        idempotency: store.clone(),
        statistics: store,
        clock,
    }
}

macro_rules! stores_on_a_file {
    ($($port:ident: $module:ident::$suite:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $suite() {
                let file = File::new();
                stores::$module::$suite($port(&file)).await;
                file.close().await;
            }
        )+
    };
}

every_store_suite!(stores_on_a_file);

#[tokio::test]
async fn a_store_that_sends_leaves_nothing_to_the_caller() {
    let file = File::new();
    let store = file.store();
    let sent = async || store.queues().await.unwrap().iter().map(|queue| queue.queued).sum();
    stores::outbox::a_store_that_sends_leaves_nothing_to_the_caller(store.clone(), sent).await;
    file.close().await;
}
