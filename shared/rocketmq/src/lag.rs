//! What waits for a group at the brokers.

use std::time::Duration;

use boxoffice_runtime::{GroupLag, Subscription};
use tokio::time::timeout;

use crate::admin::{Admin, Master};
use crate::client::Client;

/// How long the brokers may take to tell it of all groups.
const ANSWERING: Duration = Duration::from_secs(20);

/// What waits for each group, redeliveries that are due included. Offsets trail by a few seconds, and redeliveries that
/// are not due yet are not seen.
pub(crate) async fn of(client: &Client, subscriptions: &[Subscription]) -> Result<Vec<GroupLag>, String> {
    let admin = Admin::start(client).await?;
    let lags = timeout(ANSWERING, of_groups(&admin, client, subscriptions)).await;
    admin.stop().await;
    lags.unwrap_or_else(|_| Err("the brokers take too long to tell what waits".to_owned()))
}

async fn of_groups(
    admin: &Admin,
    client: &Client,
    subscriptions: &[Subscription],
) -> Result<Vec<GroupLag>, String> {
    let masters = admin.masters().await?;
    let mut lags = Vec::with_capacity(subscriptions.len());
    for subscription in subscriptions {
        lags.push(of_group(admin, &masters, client, subscription).await?);
    }
    Ok(lags)
}

async fn of_group(
    admin: &Admin,
    masters: &[Master],
    client: &Client,
    subscription: &Subscription,
) -> Result<GroupLag, String> {
    let group = client.names.group(subscription.group);
    let topics = subscription.topics.iter().map(|filter| client.names.topic(&filter.topic));
    let (mut waiting, mut oldest) = (0, None);
    for topic in topics.chain([client.names.retry_topic(subscription.group)]) {
        if !admin.topic_exists(&topic).await? {
            continue;
        }
        let stats = admin.consume_stats(&group, &topic).await?;
        for (queue, offsets) in &stats.offset_table {
            let next = offsets.get_consumer_offset().max(0);
            let Ok(behind @ 1..) = u64::try_from(offsets.get_broker_offset().saturating_sub(next)) else {
                continue;
            };
            waiting += behind;
            let Some(master) = masters.iter().find(|master| master.name == *queue.broker_name()) else {
                continue;
            };
            // The time that comes with the offsets is that of the last message that was handled. Who may not read
            // the topic still learns how much waits.
            let since = admin.stored_at(master, queue, next).await.ok().flatten();
            oldest = [oldest, since].into_iter().flatten().min();
        }
    }
    Ok(GroupLag { group: subscription.group.to_owned(), waiting, delayed: None, in_flight: None, oldest })
}
