//! The offsets of a group at its brokers. A running consumer commits them several times a second without a confirmation: a
//! lost commit costs repeats after a crash. The last commit must be known before the next consumer asks.
//!
//! Works around rocketmq-client-rust 1.0.0: its shutdown sends the last offsets one way, too, so a consumer that starts at
//! the same moment may read older ones and handle messages twice. So they are written again with a confirmation. No upstream
//! issue was found. To see whether this is still needed, skip [`confirm`] and repeat the suite
//! `competing_consumers_handle_every_message_once` on RocketMQ.

use std::collections::HashMap;
use std::sync::Arc;

use rocketmq_client_rust::{
    ClientError, ClientResult, DefaultMQProducer, DefaultMQPushConsumer, OffsetStore, ReadOffsetType,
    RemoteBrokerOffsetStore,
};
use rocketmq_model::message::MessageQueue;

use crate::boxed::boxed;

/// How far a consumer is in each of its queues.
pub(crate) type Offsets = HashMap<MessageQueue, i64>;

/// Where a started consumer keeps its offsets, also after its end.
pub(crate) fn store_of(consumer: &DefaultMQPushConsumer) -> Option<Arc<OffsetStore>> {
    consumer.default_mq_push_consumer_impl()?.offset_store()
}

/// How far a consumer is in its queues of `topics`.
pub(crate) async fn read(store: &OffsetStore, topics: &[String]) -> Offsets {
    let mut offsets = Offsets::new();
    for topic in topics {
        offsets.extend(boxed(store.clone_offset_table(topic)).await);
    }
    offsets
}

/// Has the brokers know that `group` is as far as this. Whoever has taken over a queue may be further.
pub(crate) async fn confirm(
    producer: &DefaultMQProducer,
    group: &str,
    offsets: &Offsets,
) -> ClientResult<()> {
    let implementation = producer.default_mq_producer_impl().ok_or_else(ClientError::shutting_down)?;
    let connection = implementation.get_mq_client_factory()?;
    let brokers = OffsetStore::new_with_remote(RemoteBrokerOffsetStore::new(connection, group.into()));
    for (queue, offset) in offsets {
        if boxed(brokers.read_offset(queue, ReadOffsetType::ReadFromStore)).await < *offset {
            boxed(brokers.update_consume_offset_to_broker(queue, *offset, false)).await?;
        }
    }
    Ok(())
}
