//! What waits for a group at the brokers.

use std::time::Duration;

use boxoffice_domain::ports::AuditedGroup;
use boxoffice_runtime::{GroupLag, Subscription};
use jiff::Timestamp;
use tokio::time::timeout;

use crate::admin::{Admin, Master};
use crate::client::Client;

/// How long the brokers may take to answer for all groups.
pub(crate) const ANSWERING: Duration = Duration::from_secs(20);

/// What the brokers have for one group in all its queues, redeliveries included.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Backlog {
    /// Messages that the group has not acknowledged.
    pub(crate) waiting: u64,
    /// Messages ever stored in these queues, whatever their tag.
    pub(crate) stored: u64,
    /// When the oldest message was stored that waits.
    pub(crate) oldest: Option<Timestamp>,
}

/// What waits for each group, redeliveries that are due included. Offsets trail by a few seconds, and redeliveries that
/// are not due yet are not seen.
pub(crate) async fn of(client: &Client, subscriptions: &[Subscription]) -> Result<Vec<GroupLag>, String> {
    let admin = Admin::start(client).await?;
    let lags = timeout(ANSWERING, of_groups(&admin, client, subscriptions)).await;
    admin.stop().await;
    lags.unwrap_or_else(|_| Err("the brokers took too long to report what waits".to_owned()))
}

async fn of_groups(
    admin: &Admin,
    client: &Client,
    subscriptions: &[Subscription],
) -> Result<Vec<GroupLag>, String> {
    let masters = admin.masters().await?;
    let mut lags = Vec::with_capacity(subscriptions.len());
    for subscription in subscriptions {
        let Backlog { waiting, oldest, .. } = backlog(admin, &masters, client, &subscription.into()).await?;
        let group = subscription.group.to_owned();
        lags.push(GroupLag { group, waiting, delayed: None, in_flight: None, oldest });
    }
    Ok(lags)
}

/// What the brokers have for one group.
pub(crate) async fn backlog(
    admin: &Admin,
    masters: &[Master],
    client: &Client,
    group: &AuditedGroup,
) -> Result<Backlog, String> {
    let name = client.names.group(&group.name);
    let topics = group.topics.iter().map(|topic| client.names.topic(topic));
    let mut backlog = Backlog::default();
    for topic in topics.chain([client.names.retry_topic(&group.name)]) {
        if !admin.topic_exists(&topic).await? {
            continue;
        }
        let stats = admin.consume_stats(&name, &topic).await?;
        for (queue, offsets) in &stats.offset_table {
            let stored = u64::try_from(offsets.get_broker_offset()).unwrap_or(0);
            let next = offsets.get_consumer_offset().max(0);
            backlog.stored += stored;
            let behind = stored.saturating_sub(next.unsigned_abs());
            if behind == 0 {
                continue;
            }
            backlog.waiting += behind;
            let Some(master) = masters.iter().find(|master| master.name == *queue.broker_name()) else {
                continue;
            };
            // The time that comes with the offsets is that of the last message handled. An account that may not read
            // the topic still gets the number that waits.
            let since = admin.stored_at(master, queue, next).await.ok().flatten();
            backlog.oldest = [backlog.oldest, since].into_iter().flatten().min();
        }
    }
    Ok(backlog)
}
