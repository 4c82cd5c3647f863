//! What every bus must do. The groups and topics are those of `boxoffice_messages`, and one more group named audit.

pub mod audit;
pub mod batches;
pub mod bodies;
pub mod consumers;
pub mod dead_letters;
pub mod restarts;
pub mod routing;
pub mod timing;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::ports::{Bus, BusAudit, DeadLetter, Outgoing, Redeliver};
use boxoffice_domain::testing::World;
use boxoffice_messages::{group, tag, topic};
use boxoffice_runtime::{ConsumerSettings, Function, Shutdown, Subscription, Transport};
use jiff::Timestamp;

use crate::running::Running;
use crate::support::{done, eventually, message, settings};

/// A fresh bus and the transport that reads it.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Sends.
    fn bus(&self) -> Arc<dyn Bus>;

    /// Feeds functions.
    fn transport(&self) -> Arc<dyn Transport>;

    /// Delivers dead letters once more.
    fn redeliver(&self) -> Arc<dyn Redeliver>;

    /// Counts for an operator.
    fn audit(&self) -> Arc<dyn BusAudit>;

    /// Makes a group known, so that it gets what is sent from now on.
    async fn subscribe(&self, subscription: Subscription);

    /// Stops the bus as an operator does, and starts it again on what it kept. No consumer runs meanwhile.
    async fn restart(&self);

    /// How consumers are fed: with retries as fast as this bus can.
    fn settings(&self) -> ConsumerSettings {
        settings()
    }

    /// Two times that are this far apart are different times to this bus.
    fn time_step(&self) -> Duration {
        Duration::from_millis(100)
    }

    /// A delay that a restart does not outlast, in whole seconds.
    fn longer_than_a_restart(&self) -> Duration {
        Duration::from_secs(2)
    }

    /// The most messages that are handled twice when a consumer joins a group that is at work.
    fn repeats_at_a_handover(&self) -> usize {
        0
    }

    /// The most messages that are handled twice when the bus is restarted a few times.
    fn repeats_after_restarts(&self) -> usize {
        0
    }

    /// Whether a message without a body can be sent.
    fn takes_empty_bodies(&self) -> bool {
        true
    }
}

impl dyn Backend + '_ {
    pub(crate) fn run(&self, function: Arc<dyn Function>) -> Running {
        self.run_with(function, self.settings(), &Shutdown::new())
    }

    pub(crate) fn run_with(
        &self,
        function: Arc<dyn Function>,
        settings: ConsumerSettings,
        shutdown: &Shutdown,
    ) -> Running {
        Running::start_until(self.transport(), function, settings, shutdown.clone())
    }

    pub(crate) async fn send(&self, message: Outgoing) {
        self.bus().send(message).await.expect("the bus takes the message");
    }

    pub(crate) async fn send_all(&self, messages: Vec<Outgoing>) {
        for sent in self.bus().send_all(messages).await {
            sent.expect("the bus takes the message");
        }
    }

    /// Runs the function that keeps dead letters.
    pub(crate) fn letters(&self) -> Letters {
        let world = World::new();
        let function = dlq_handler::function_also_for(&world.ports(), vec![audit().group.to_owned()]);
        let running = self.run(Arc::new(function));
        Letters { world, running }
    }

    /// Checks that nothing waits for a group any more, neither now nor as a retry: a message sent last is the only
    /// one that comes.
    pub(crate) async fn nothing_is_left(&self, subscription: Subscription) {
        let filter = &subscription.topics[0];
        let retries_are_over = Timestamp::now() + self.settings().retry.max_delay * 2;
        let last = Outgoing {
            topic: filter.topic.clone(),
            tag: filter.tags.first().cloned(),
            ..message(topic::ORDER, tag::ORDER_CREATED, "last")
        };
        let function = done(subscription);
        let running = self.run(function.clone());
        self.send(last.deliver_at(retries_are_over)).await;
        eventually("the last message comes", || function.keys().iter().any(|key| key == "last")).await;
        running.stop().await;
        assert_eq!(function.keys_as_they_came(), ["last"], "messages were left");
    }
}

/// The dead letters that came.
pub(crate) struct Letters {
    world: World,
    running: Running,
}

impl Letters {
    /// Waits for this many, then gives them, in the order of their keys.
    pub(crate) async fn wait_for(self, count: usize) -> Vec<DeadLetter> {
        eventually(&format!("{count} dead letters"), || self.world.dead_letters.all().len() >= count).await;
        self.running.stop().await;
        let mut letters = self.world.dead_letters.all();
        letters.sort_by(|one, other| one.key.cmp(&other.key));
        assert_eq!(letters.len(), count, "more dead letters than there may be: {letters:#?}");
        letters
    }
}

/// What order-process takes.
pub(crate) fn created() -> Subscription {
    Subscription::new(group::ORDER_PROCESS, topic::ORDER, &[tag::ORDER_CREATED])
}

/// A group that takes every message about orders.
pub(crate) fn audit() -> Subscription {
    Subscription::new("audit", topic::ORDER, &[])
}

/// A message that order-process takes, its body the key.
pub(crate) fn order(key: &str) -> Outgoing {
    message(topic::ORDER, tag::ORDER_CREATED, key)
}

/// A message that order-process takes, with a body that it can read.
pub(crate) fn order_event(key: &str) -> Outgoing {
    Outgoing { body: json(key).into(), ..order(key) }
}

/// The body of an event of an order.
pub(crate) fn json(order_no: &str) -> Vec<u8> {
    format!("{{\"orderNo\":\"{order_no}\",\"quantity\":1}}").into_bytes()
}
