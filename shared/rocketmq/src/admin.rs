//! Asks and tells the cluster about topics and groups.

use std::time::Duration;

use cheetah_string::CheetahString;
use rocketmq_client_rust::{DefaultMQAdminExt, MQAdminReadExt, TopicAdmin};
use rocketmq_model::topic::TopicConfig;
use rocketmq_protocol::protocol::admin::consume_stats::ConsumeStats;
use tokio::time::timeout;

use crate::client::Client;
use crate::errors::describe;

/// How long one request may take.
const ANSWERING: Duration = Duration::from_secs(3);
/// Whoever writes may also read.
const READ_AND_WRITE: u32 = 6;
/// The number of a broker that takes writes.
const MASTER: u64 = 0;

/// A connection for administration. Errors are in words for an operator.
pub(crate) struct Admin {
    inner: DefaultMQAdminExt,
}

impl Admin {
    pub(crate) async fn start(client: &Client) -> Result<Self, String> {
        let mut inner =
            DefaultMQAdminExt::with_rpc_hook_and_timeout(client.runtime.clone(), client.hook(), ANSWERING);
        *inner.client_config_mut() = client.config();
        answered("start", MQAdminReadExt::start(&mut inner)).await?;
        Ok(Self { inner })
    }

    pub(crate) async fn stop(mut self) {
        // A connection that does not end in time is dropped.
        let _ = timeout(ANSWERING, MQAdminReadExt::shutdown(&mut self.inner)).await;
    }

    /// The addresses of the brokers that take writes.
    pub(crate) async fn masters(&self) -> Result<Vec<CheetahString>, String> {
        let info = answered("the brokers", self.inner.examine_broker_cluster_info()).await?;
        let brokers = info.broker_addr_table.unwrap_or_default();
        let mut masters: Vec<CheetahString> =
            brokers.values().filter_map(|broker| broker.broker_addrs().get(&MASTER).cloned()).collect();
        masters.sort();
        Ok(masters)
    }

    /// Whether the name servers know a topic.
    pub(crate) async fn topic_exists(&self, topic: &str) -> Result<bool, String> {
        let asked =
            timeout(ANSWERING, MQAdminReadExt::examine_topic_route_info(&self.inner, topic.into())).await;
        match asked {
            Ok(Ok(route)) => Ok(route.is_some()),
            Ok(Err(error)) if is_unknown(&error) => Ok(false),
            Ok(Err(error)) => Err(format!("{topic}: {}", describe(&error))),
            Err(_) => Err(format!("{topic}: no answer in time")),
        }
    }

    pub(crate) async fn create_topic(&self, broker: &str, topic: &str, queues: u32) -> Result<(), String> {
        let config = TopicConfig::with_perm(topic, queues, queues, READ_AND_WRITE);
        answered(topic, TopicAdmin::create_and_update_topic_config(&self.inner, broker.into(), config)).await
    }

    /// How far a group is in a topic.
    pub(crate) async fn consume_stats(&self, group: &str, topic: &str) -> Result<ConsumeStats, String> {
        let asked = MQAdminReadExt::examine_consume_stats(
            &self.inner,
            group.into(),
            Some(topic.into()),
            None,
            None,
            None,
        );
        answered(group, asked).await
    }
}

fn is_unknown(error: &rocketmq_client_rust::ClientError) -> bool {
    const TOPIC_NOT_EXIST: i32 = 17;
    error.is(&rocketmq_error::ROUTE_TOPIC_NOT_FOUND) || error.broker_response_code() == Some(TOPIC_NOT_EXIST)
}

async fn answered<T>(
    what: &str,
    asked: impl Future<Output = rocketmq_client_rust::ClientResult<T>>,
) -> Result<T, String> {
    match timeout(ANSWERING * 2, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(format!("{what}: {}", describe(&error))),
        Err(_) => Err(format!("{what}: no answer in time")),
    }
}
