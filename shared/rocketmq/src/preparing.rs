//! Makes what a consumer group needs before it starts: a topic that appears later is only noticed at the client
//! library's next tick, 20 to 40 seconds on.

use boxoffice_runtime::Subscription;

use crate::admin::Admin;
use crate::client::Client;
use crate::names::DEAD_LETTERS;

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
pub(crate) async fn prepare(client: &Client, subscription: &Subscription) -> Prepared {
    let admin = match Admin::start(client).await {
        Ok(admin) => admin,
        Err(because) => return Prepared::TryAgain(because),
    };
    let prepared = create(&admin, client, subscription).await;
    admin.stop().await;
    match prepared {
        Ok(()) => Prepared::Ready,
        Err(because) if because.contains("permit") || because.contains("credentials") => {
            Prepared::Refused(format!("{}: {because}", subscription.group))
        }
        Err(because) => Prepared::TryAgain(because),
    }
}

async fn create(admin: &Admin, client: &Client, subscription: &Subscription) -> Result<(), String> {
    let masters = admin.masters().await?;
    let mut wanted: Vec<(String, u32)> = subscription
        .topics
        .iter()
        .map(|filter| {
            let queues = if filter.topic.starts_with(DEAD_LETTERS) { 1 } else { client.settings.queues };
            (client.names.topic(&filter.topic), queues)
        })
        .collect();
    wanted.push((client.names.retry_topic(subscription.group), 1));
    wanted.push((client.names.dead_letter_topic(subscription.group), 1));
    for (topic, queues) in wanted {
        if !admin.topic_exists(&topic).await? {
            for master in &masters {
                admin.create_topic(master, &topic, queues).await?;
            }
        }
    }
    Ok(())
}
