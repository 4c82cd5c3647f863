//! What waits for a group at the brokers.

use boxoffice_runtime::{GroupLag, Subscription};
use jiff::Timestamp;

use crate::admin::Admin;
use crate::client::Client;

/// What waits for each group, redeliveries that are due included. Offsets trail by a few seconds, and redeliveries that
/// are not due yet are not seen.
pub(crate) async fn of(client: &Client, subscriptions: &[Subscription]) -> Result<Vec<GroupLag>, String> {
    let admin = Admin::start(client).await?;
    let mut lags = Vec::with_capacity(subscriptions.len());
    let mut failed = None;
    for subscription in subscriptions {
        match of_group(&admin, client, subscription).await {
            Ok(lag) => lags.push(lag),
            Err(because) => {
                failed = Some(because);
                break;
            }
        }
    }
    admin.stop().await;
    failed.map_or(Ok(lags), Err)
}

async fn of_group(admin: &Admin, client: &Client, subscription: &Subscription) -> Result<GroupLag, String> {
    let group = client.names.group(subscription.group);
    let topics = subscription.topics.iter().map(|filter| client.names.topic(&filter.topic));
    let (mut waiting, mut oldest) = (0, None);
    for topic in topics.chain([client.names.retry_topic(subscription.group)]) {
        if !admin.topic_exists(&topic).await? {
            continue;
        }
        let stats = admin.consume_stats(&group, &topic).await?;
        for offsets in stats.offset_table.values() {
            let behind = offsets.get_broker_offset().saturating_sub(offsets.get_consumer_offset().max(0));
            let Ok(behind @ 1..) = u64::try_from(behind) else { continue };
            waiting += behind;
            let since = Timestamp::from_millisecond(offsets.get_last_timestamp()).ok();
            let since = since.filter(|since| *since > Timestamp::UNIX_EPOCH);
            oldest = [oldest, since].into_iter().flatten().min();
        }
    }
    Ok(GroupLag { group: subscription.group.to_owned(), waiting, delayed: None, in_flight: None, oldest })
}
