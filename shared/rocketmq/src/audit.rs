//! What the brokers can count for an operator.

use boxoffice_domain::ports::{AuditedGroup, GroupAccount};
use tokio::time::timeout;

use crate::admin::{Admin, Master};
use crate::client::Client;
use crate::lag::{ANSWERING, Backlog, backlog};

/// The account of each group. Offsets trail by a few seconds. A broker keeps positions in queues: it does not know
/// which messages before a position were handled and which were sent back, nor what a consumer has right now, and it
/// hides what it delivers later.
pub(crate) async fn of(client: &Client, groups: &[AuditedGroup]) -> Result<Vec<GroupAccount>, String> {
    let admin = Admin::start(client).await?;
    let accounts = timeout(ANSWERING, of_groups(&admin, client, groups)).await;
    admin.stop().await;
    accounts.unwrap_or_else(|_| Err("the brokers take too long to answer".to_owned()))
}

async fn of_groups(
    admin: &Admin,
    client: &Client,
    groups: &[AuditedGroup],
) -> Result<Vec<GroupAccount>, String> {
    let masters = admin.masters().await?;
    let mut accounts = Vec::with_capacity(groups.len());
    for group in groups {
        let Backlog { waiting, stored, oldest } = backlog(admin, &masters, client, group).await?;
        accounts.push(GroupAccount {
            group: group.name.clone(),
            waiting,
            delayed: None,
            in_flight: None,
            oldest,
            sent: Some(stored),
            done: None,
            dead: dead_letters(admin, &masters, client, &group.name).await,
        });
    }
    Ok(accounts)
}

/// Messages that were ever put in the group's dead-letter topic; `None` where that is not known.
async fn dead_letters(admin: &Admin, masters: &[Master], client: &Client, group: &str) -> Option<u64> {
    let topic = client.names.dead_letter_topic(group);
    let parts = admin.topic(&topic).await.ok()?;
    let mut dead = 0;
    // The broker makes the topic for the first of them.
    for part in parts {
        let master = masters.iter().find(|master| master.name == part.broker)?;
        dead += admin.stored(master, &topic).await.ok()?;
    }
    Some(dead)
}
