//! Creates what a consumer group needs before it starts.
//!
//! Works around rocketmq-client-rust 1.0.0: a topic that appears after the start is noticed only at the library's next
//! tick, 20 to 40 s later. No upstream issue was found. To see whether this is still needed, create nothing and run the
//! suite `a_message_that_keeps_failing_is_a_dead_letter_in_the_end` on RocketMQ.

use std::time::Duration;

use boxoffice_runtime::Subscription;
use tokio::time::{Instant, sleep};

use crate::admin::{Admin, Master, Part, READ, READ_AND_WRITE};
use crate::client::Client;
use crate::errors::AdminError;
use crate::names::DEAD_LETTERS;

/// How long it may take until the name servers know a new topic.
const SPREADING: Duration = Duration::from_secs(3);
/// The pause between two checks whether they do.
const LOOKING: Duration = Duration::from_millis(20);

/// Whether a group can start.
pub(crate) enum Prepared {
    /// Everything is there.
    Ready,
    /// Not now.
    TryAgain(String),
    /// Never, unless somebody changes the broker or the settings.
    Refused(String),
}

/// Creates what a group lacks: the topics it reads, its topics of redeliveries and dead letters, and the group itself.
/// Where all of that exists an account without rights of administration will do.
pub(crate) async fn prepare(client: &Client, subscription: &Subscription) -> Prepared {
    let admin = match Admin::start(client).await {
        Ok(admin) => admin,
        Err(because) => return Prepared::TryAgain(because.into()),
    };
    let prepared = Preparing { admin: &admin, client }.all(subscription).await;
    admin.stop().await;
    match prepared {
        Ok(()) => Prepared::Ready,
        Err(error @ (AdminError::WrongCredentials(_) | AdminError::Forbidden(_))) => {
            Prepared::Refused(format!("{}: {error}", subscription.group))
        }
        Err(AdminError::Unavailable(because)) => Prepared::TryAgain(because),
    }
}

/// A topic that a group needs.
struct Wanted {
    topic: String,
    queues: u32,
    permission: u32,
    /// Whether the broker creates it by itself, though late.
    of_the_broker: bool,
}

struct Preparing<'a> {
    admin: &'a Admin,
    client: &'a Client,
}

impl Preparing<'_> {
    async fn all(&self, subscription: &Subscription) -> Result<(), AdminError> {
        let masters = self.admin.masters().await?;
        if masters.is_empty() {
            // A broker has just started: its topics are not known yet, which does not mean that it has none.
            let name_servers = &self.client.settings.name_servers;
            return Err(AdminError::Unavailable(format!("the name servers {name_servers} know no broker")));
        }
        let group = self.client.names.group(subscription.group);
        for master in &masters {
            // The first request to the broker: a wrong account shows here even when nothing has to be created.
            if !self.admin.group_exists(master, &group).await? {
                match self.admin.create_group(master, &group).await {
                    Ok(()) => tracing::info!(group, broker = %master.address, "created a consumer group"),
                    // There is no way to ask whether the broker creates it by itself.
                    Err(AdminError::Forbidden(because)) => tracing::warn!(
                        group,
                        because,
                        "the consumer group does not exist and the account may not create it; unless the broker \
                         creates it by itself (autoCreateSubscriptionGroup), nothing is consumed until an \
                         administrator creates it (mqadmin updateSubGroup)"
                    ),
                    Err(error) => return Err(error),
                }
            }
        }
        for wanted in self.wanted(subscription) {
            match self.topic(&masters, &wanted).await {
                Err(AdminError::Forbidden(because)) if wanted.of_the_broker => {
                    tracing::warn!(
                        topic = wanted.topic,
                        because,
                        "the account may not create or change this topic; the broker creates it when it needs it"
                    );
                }
                done => done?,
            }
        }
        Ok(())
    }

    fn wanted(&self, subscription: &Subscription) -> Vec<Wanted> {
        let names = &self.client.names;
        let mut wanted: Vec<Wanted> = subscription
            .topics
            .iter()
            .map(|filter| {
                let letters = filter.topic.starts_with(DEAD_LETTERS);
                Wanted {
                    topic: names.topic(&filter.topic),
                    queues: if letters { 1 } else { self.client.settings.queues },
                    // Older brokers created dead-letter topics without read permission.
                    permission: if letters { READ_AND_WRITE } else { READ },
                    of_the_broker: false,
                }
            })
            .collect();
        for topic in [names.retry_topic(subscription.group), names.dead_letter_topic(subscription.group)] {
            wanted.push(Wanted { topic, queues: 1, permission: READ_AND_WRITE, of_the_broker: true });
        }
        wanted
    }

    async fn topic(&self, masters: &[Master], wanted: &Wanted) -> Result<(), AdminError> {
        let topic = wanted.topic.as_str();
        let parts = self.admin.topic(topic).await?;
        if parts.is_empty() {
            for master in masters {
                let created = self.admin.create_topic(master, topic, wanted.queues).await;
                created.map_err(|error| needs(error, "the topic does not exist", "updateTopic"))?;
            }
            tracing::info!(topic, queues = wanted.queues, "created a topic");
            return self.until(topic, |parts| !parts.is_empty()).await;
        }
        let lacks = |part: &Part| part.permission & wanted.permission != wanted.permission;
        if !parts.iter().any(lacks) {
            return Ok(());
        }
        for part in parts.iter().filter(|part| lacks(part)) {
            // A part without a master is left as it is.
            let Some(master) = masters.iter().find(|master| master.name == part.broker) else { continue };
            let permission = part.permission | wanted.permission;
            let permitted = self.admin.permit(master, topic, part, permission).await;
            permitted.map_err(|error| {
                let lacking = format!("the topic has permission {} and needs {permission}", part.permission);
                needs(error, &lacking, "updateTopicPerm")
            })?;
            let before = part.permission;
            tracing::warn!(topic, broker = %master.address, before, permission, "changed the permission of a topic");
        }
        let repairable = |part: &Part| masters.iter().any(|master| master.name == part.broker);
        self.until(topic, |parts| !parts.iter().any(|part| lacks(part) && repairable(part))).await
    }

    /// Waits until the name servers know.
    async fn until(&self, topic: &str, holds: impl Fn(&[Part]) -> bool) -> Result<(), AdminError> {
        let begun = Instant::now();
        while !holds(&self.admin.topic(topic).await?) {
            if begun.elapsed() > SPREADING {
                let because = format!("{topic}: the change has not reached the name servers yet");
                return Err(AdminError::Unavailable(because));
            }
            sleep(LOOKING).await;
        }
        Ok(())
    }
}

/// Says what is missing when the account may not create it.
fn needs(error: AdminError, lacking: &str, command: &str) -> AdminError {
    match error {
        AdminError::Forbidden(because) => AdminError::Forbidden(format!(
            "{lacking}, and the account may not change that: ask an administrator to do so (mqadmin {command}), or make \
             the account an administrator; {because}"
        )),
        other => other,
    }
}
