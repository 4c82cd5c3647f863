//! Makes what a consumer group needs before it starts: a topic that appears later is only noticed at the client
//! library's next tick, 20 to 40 seconds on.

use boxoffice_messages::dead_letter_topic;
use boxoffice_runtime::Subscription;

use crate::admin::Admin;
use crate::client::Client;
use crate::settling::{DEAD_LETTER_TOPIC_PREFIX, RETRY_PREFIX};

/// Whether a group can start.
pub(crate) enum Prepared {
    /// Everything is there.
    Ready,
    /// Not now.
    TryAgain(String),
    /// Never, unless somebody changes the broker or the settings.
    Refused(String),
}

/// Creates the topics of a group where they are missing: those it reads, and its topics of redeliveries and dead
/// letters.
pub(crate) async fn prepare(client: &Client, subscription: &Subscription, max_attempts: u32) -> Prepared {
    let admin = match Admin::start(client).await {
        Ok(admin) => admin,
        Err(because) => return Prepared::TryAgain(because),
    };
    let prepared = create(&admin, client.settings.queues, subscription, max_attempts).await;
    admin.stop().await;
    match prepared {
        Ok(()) => Prepared::Ready,
        Err(because) if because.contains("permit") || because.contains("credentials") => {
            Prepared::Refused(format!("{}: {because}", subscription.group))
        }
        Err(because) => Prepared::TryAgain(because),
    }
}

async fn create(
    admin: &Admin,
    queues: u32,
    subscription: &Subscription,
    max_attempts: u32,
) -> Result<(), String> {
    let group = subscription.group;
    let masters = admin.masters().await?;
    let mut wanted: Vec<(String, u32)> = subscription
        .topics
        .iter()
        .map(|filter| {
            let queues = if filter.topic.starts_with(DEAD_LETTER_TOPIC_PREFIX) { 1 } else { queues };
            (filter.topic.to_string(), queues)
        })
        .collect();
    wanted.push((format!("{RETRY_PREFIX}{group}"), 1));
    wanted.push((dead_letter_topic(group), 1));
    for (topic, queues) in wanted {
        if !admin.topic_exists(&topic).await? {
            for master in &masters {
                admin.create_topic(master, &topic, queues).await?;
            }
        }
    }
    let _ = max_attempts;
    Ok(())
}
