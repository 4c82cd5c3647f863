//! RocketMQ as the bus, on the real Apache broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::ports::{Bus, BusAudit, Redeliver};
use boxoffice_rocketmq::{RocketMq, RocketMqSettings};
use boxoffice_runtime::telemetry;
use boxoffice_runtime::{ConsumerSettings, RetryPolicy, Subscription, Transport};
use boxoffice_tests::bus::{self, Backend};
use boxoffice_tests::rocketmq::Cluster;
use tokio::runtime::Runtime;

use crate::clusters::{Breakable, SHARED};
use crate::machine;

/// How long a broker may take to store a message: one that has just started on a busy machine takes seconds, and a suite
/// does not send what may be stored again.
const SENDING: Duration = Duration::from_secs(30);
/// How long one suite may take beside the others.
const PATIENCE: Duration = Duration::from_secs(400);

/// A name that no other test of this run uses.
fn prefix() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("t{}-", NUMBER.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn settings(cluster: &Cluster) -> RocketMqSettings {
    RocketMqSettings {
        prefix: prefix(),
        delay_levels: Cluster::delay_levels(),
        ..RocketMqSettings::new(cluster.name_servers())
    }
}

/// The same for who counts what comes: a send that is given up may have been stored, and made again is stored twice.
pub(crate) fn patient(cluster: &Cluster) -> RocketMqSettings {
    RocketMqSettings { send_timeout: SENDING, ..settings(cluster) }
}

/// Retries as short as a broker can make them: its shortest delay is a second.
pub(crate) fn consumer_settings() -> ConsumerSettings {
    let retry = RetryPolicy {
        max_attempts: 4,
        first_delay: Duration::from_millis(20),
        max_delay: Duration::from_secs(1),
    };
    ConsumerSettings { retry, ..boxoffice_tests::settings() }
}

struct OnABroker {
    cluster: Arc<Cluster>,
    rocketmq: Arc<dyn RocketMq>,
}

impl OnABroker {
    async fn new(cluster: &Arc<Cluster>) -> Self {
        let rocketmq = boxoffice_rocketmq::connect(patient(cluster)).await.unwrap();
        rocketmq.reached().await;
        Self { cluster: Arc::clone(cluster), rocketmq }
    }
}

#[async_trait]
impl Backend for OnABroker {
    fn bus(&self) -> Arc<dyn Bus> {
        self.rocketmq.clone()
    }

    fn transport(&self) -> Arc<dyn Transport> {
        self.rocketmq.clone()
    }

    fn redeliver(&self) -> Arc<dyn Redeliver> {
        self.rocketmq.clone()
    }

    fn audit(&self) -> Arc<dyn BusAudit> {
        self.rocketmq.clone()
    }

    async fn subscribe(&self, _: Subscription) {
        // A group that starts later begins at the oldest message.
    }

    async fn restart(&self) {
        // Killed, the broker would forget the offsets of the last seconds, and repeat what was handled.
        self.cluster.stop_broker();
        self.cluster.start_broker();
        self.rocketmq.reached().await;
    }

    fn settings(&self) -> ConsumerSettings {
        consumer_settings()
    }

    fn time_step(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn longer_than_a_restart(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn repeats_at_a_handover(&self) -> usize {
        // What both consumers have in their workers at that moment: the broker promises at least once.
        let settings = Backend::settings(self);
        2 * settings.workers * settings.batch
    }

    fn repeats_after_restarts(&self) -> usize {
        // A broker may stop before it has stored the last offsets of the group.
        200
    }

    fn takes_empty_bodies(&self) -> bool {
        false
    }
}

/// Runs a test while no sale runs.
pub(crate) fn on_a_runtime(test: impl Future<Output = ()>) {
    let _machine = machine::shared();
    block_on(test);
}

/// The same for a test that breaks the cluster which it is given.
pub(crate) fn on_a_breakable_cluster(
    cluster: impl FnOnce() -> Breakable,
    test: impl AsyncFnOnce(Arc<Cluster>),
) {
    let _machine = machine::shared();
    let cluster = cluster();
    block_on(test(Arc::clone(&cluster)));
}

/// On a runtime that does not wait for what a failed test left running.
fn block_on(test: impl Future<Output = ()>) {
    struct Background(Option<Runtime>);
    impl Drop for Background {
        fn drop(&mut self) {
            if let Some(runtime) = self.0.take() {
                runtime.shutdown_background();
            }
        }
    }
    log();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let runtime = Background(Some(runtime));
    let test = async { tokio::time::timeout(PATIENCE, test).await.expect("the test ends in time") };
    if let Some(runtime) = &runtime.0 {
        runtime.block_on(test);
    }
}

/// Shows what is logged, where `LOG_FILTER` says how much: for whoever looks for a fault.
fn log() {
    if let Ok(filter) = std::env::var("LOG_FILTER") {
        // All tests but one find it set up.
        let _ = telemetry::init(telemetry::LogFormat::Compact, &filter, &[]);
    }
}

macro_rules! bus_on_a_broker {
    ($($module:ident::$suite:ident),+ $(,)?) => {
        $(
            #[test]
            fn $suite() {
                on_a_runtime(async {
                    let broker = OnABroker::new(&SHARED).await;
                    bus::$module::$suite(&broker).await;
                    broker.rocketmq.close().await.unwrap();
                });
            }
        )+
    };
}

every_bus_suite!(bus_on_a_broker);

macro_rules! bus_on_a_broker_that_restarts {
    ($($module:ident::$suite:ident),+ $(,)?) => {
        $(
            #[test]
            fn $suite() {
                on_a_breakable_cluster(Breakable::running, async |cluster| {
                    let broker = OnABroker::new(&cluster).await;
                    bus::$module::$suite(&broker).await;
                    broker.rocketmq.close().await.unwrap();
                });
            }
        )+
    };
}

bus_on_a_broker_that_restarts! {
    restarts::a_restart_loses_nothing_and_keeps_delays_and_attempts,
    restarts::restarts_in_mid_traffic_lose_nothing,
}
