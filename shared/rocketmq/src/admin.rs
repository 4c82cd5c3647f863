//! Reads and changes topics and groups of the cluster.

use std::time::Duration;

use cheetah_string::CheetahString;
use jiff::Timestamp;
use rocketmq_client_rust::{
    ClientError, ClientResult, ConsumerAdmin, DefaultMQAdminExt, MQAdminReadExt, TopicAdmin,
};
use rocketmq_model::message::MessageQueue;
use rocketmq_model::topic::TopicConfig;
use rocketmq_protocol::protocol::admin::consume_stats::ConsumeStats;
use rocketmq_protocol::protocol::route::route_data_view::BrokerData;
use rocketmq_protocol::protocol::subscription::subscription_group_config::SubscriptionGroupConfig;
use tokio::time::timeout;

use crate::boxed::{Boxed, boxed};
use crate::client::Client;
use crate::errors::{AdminError, code, code_of};

/// How long one request may take.
const ANSWERING: Duration = Duration::from_secs(3);
/// May be consumed.
pub(crate) const READ: u32 = 4;
/// Whoever writes may also read.
pub(crate) const READ_AND_WRITE: u32 = 6;
/// The number of a broker that takes writes.
const MASTER: u64 = 0;

/// A broker that takes writes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Master {
    pub(crate) name: CheetahString,
    pub(crate) address: CheetahString,
}

/// What one broker has of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) broker: CheetahString,
    pub(crate) read_queues: u32,
    pub(crate) write_queues: u32,
    pub(crate) permission: u32,
    pub(crate) system_flag: u32,
}

/// A connection for administration. Its errors are written for an operator.
pub(crate) struct Admin {
    inner: DefaultMQAdminExt,
}

impl Admin {
    pub(crate) async fn start(client: &Client) -> Result<Self, AdminError> {
        let mut inner =
            DefaultMQAdminExt::with_rpc_hook_and_timeout(client.runtime.clone(), client.hook(), ANSWERING);
        *inner.client_config_mut() = client.config();
        answered(boxed(MQAdminReadExt::start(&mut inner)), "start").await?;
        Ok(Self { inner })
    }

    pub(crate) async fn stop(mut self) {
        // A connection that does not end in time is dropped.
        let _ = timeout(ANSWERING, boxed(MQAdminReadExt::shutdown(&mut self.inner))).await;
    }

    /// The brokers that take writes, as the name servers know them.
    pub(crate) async fn masters(&self) -> Result<Vec<Master>, AdminError> {
        let info = answered(boxed(self.inner.examine_broker_cluster_info()), "the brokers").await?;
        let brokers = info.broker_addr_table.unwrap_or_default();
        let master = |(name, broker): (&CheetahString, &BrokerData)| {
            let address = broker.broker_addrs().get(&MASTER).cloned()?;
            Some(Master { name: name.clone(), address })
        };
        let mut masters: Vec<Master> = brokers.iter().filter_map(master).collect();
        masters.sort();
        Ok(masters)
    }

    /// Where a topic is, as the name servers know it; empty when it is nowhere. Needs no rights.
    pub(crate) async fn topic(&self, topic: &str) -> Result<Vec<Part>, AdminError> {
        let asked = MQAdminReadExt::examine_topic_route_info(&self.inner, topic.into());
        let route = match within(boxed(asked), topic).await? {
            Ok(route) => route,
            Err(error) if is_unknown_topic(&error) => None,
            Err(error) => return Err(AdminError::new(topic, &error)),
        };
        let parts = route.into_iter().flat_map(|route| route.queue_datas).map(|queues| Part {
            broker: queues.broker_name,
            read_queues: queues.read_queue_nums,
            write_queues: queues.write_queue_nums,
            permission: queues.perm,
            system_flag: queues.topic_sys_flag,
        });
        Ok(parts.collect())
    }

    /// Whether the name servers know a topic.
    pub(crate) async fn topic_exists(&self, topic: &str) -> Result<bool, AdminError> {
        Ok(!self.topic(topic).await?.is_empty())
    }

    pub(crate) async fn create_topic(
        &self,
        master: &Master,
        topic: &str,
        queues: u32,
    ) -> Result<(), AdminError> {
        let config = TopicConfig::with_perm(topic, queues, queues, READ_AND_WRITE);
        let told = TopicAdmin::create_and_update_topic_config(&self.inner, master.address.clone(), config);
        answered(boxed(told), topic).await
    }

    /// Changes nothing of a topic but its permission.
    pub(crate) async fn permit(
        &self,
        master: &Master,
        topic: &str,
        part: &Part,
        permission: u32,
    ) -> Result<(), AdminError> {
        let (read, write) = (part.read_queues.max(1), part.write_queues.max(1));
        let config = TopicConfig::with_sys_flag(topic, read, write, permission, part.system_flag);
        let told = TopicAdmin::create_and_update_topic_config(&self.inner, master.address.clone(), config);
        answered(boxed(told), topic).await
    }

    /// Whether a broker knows a consumer group. Needs no rights, but an account that is accepted.
    pub(crate) async fn group_exists(&self, master: &Master, group: &str) -> Result<bool, AdminError> {
        let asked = ConsumerAdmin::examine_subscription_group_config(
            &*self.inner,
            master.address.clone(),
            group.into(),
        );
        match within(boxed(asked), group).await? {
            Ok(_) => Ok(true),
            Err(error) if code_of(&error) == Some(code::GROUP_NOT_EXIST) => Ok(false),
            Err(error) => Err(AdminError::new(group, &error)),
        }
    }

    pub(crate) async fn create_group(&self, master: &Master, group: &str) -> Result<(), AdminError> {
        let config = SubscriptionGroupConfig::new(group.into());
        let told = ConsumerAdmin::create_and_update_subscription_group_config(
            &*self.inner,
            master.address.clone(),
            config,
        );
        answered(boxed(told), group).await
    }

    /// How far a group is in a topic.
    pub(crate) async fn consume_stats(&self, group: &str, topic: &str) -> Result<ConsumeStats, AdminError> {
        let asked = MQAdminReadExt::examine_consume_stats(
            &self.inner,
            group.into(),
            Some(topic.into()),
            None,
            None,
            None,
        );
        answered(boxed(asked), group).await
    }

    /// How many messages a broker ever stored in a topic.
    pub(crate) async fn stored(&self, master: &Master, topic: &str) -> Result<u64, AdminError> {
        let asked = TopicAdmin::examine_topic_stats(&self.inner, topic.into(), Some(master.address.clone()));
        let stats = answered(Box::pin(asked), topic).await?;
        let offsets = stats.into_offset_table().into_values();
        Ok(offsets.map(|offset| u64::try_from(offset.get_max_offset()).unwrap_or(0)).sum())
    }

    /// When the message of a queue at `offset` was stored; `None` where there is none, or its body cannot be inflated.
    pub(crate) async fn stored_at(
        &self,
        master: &Master,
        queue: &MessageQueue,
        offset: i64,
    ) -> Result<Option<Timestamp>, AdminError> {
        let millis = u64::try_from(ANSWERING.as_millis()).unwrap_or(u64::MAX);
        let asked = self.inner.pull_message_from_queue(&master.address, queue, "*", offset, 1, millis);
        let found = answered(boxed(asked), queue.topic()).await?;
        let message = found.msg_found_list().and_then(|messages| messages.first());
        Ok(message.and_then(|message| Timestamp::from_millisecond(message.store_timestamp()).ok()))
    }
}

/// A request on its way.
type Asked<'a, T> = Boxed<'a, ClientResult<T>>;

fn is_unknown_topic(error: &ClientError) -> bool {
    error.is(&rocketmq_error::ROUTE_TOPIC_NOT_FOUND) || code_of(error) == Some(code::TOPIC_NOT_EXIST)
}

async fn answered<T>(asked: Asked<'_, T>, what: &str) -> Result<T, AdminError> {
    within(asked, what).await?.map_err(|error| AdminError::new(what, &error))
}

/// The response, unless it takes much longer than the library allows a request.
async fn within<T>(asked: Asked<'_, T>, what: &str) -> Result<ClientResult<T>, AdminError> {
    let late = |_| AdminError::Unavailable(format!("{what}: no response in time"));
    timeout(ANSWERING * 2, asked).await.map_err(late)
}
