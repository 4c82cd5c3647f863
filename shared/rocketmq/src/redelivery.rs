//! Redelivers a dead letter to its group alone, through the group's retry topic, which every member of a group reads
//! besides the topics it subscribed to.

use boxoffice_domain::ports::{DeadLetter, Outgoing, SendError};
use boxoffice_runtime::DEAD_LETTER_NO_GROUP;
use jiff::Timestamp;
use rocketmq_model::common::message::{MessageConst, MessageTrait};

use crate::client::Client;
use crate::message::{GENERATION, outgoing};
use crate::names::RETRY;
use crate::producer::Producer;

/// Sends a dead letter as its next generation.
pub(crate) async fn redeliver(
    client: &Client,
    producer: &Producer,
    letter: &DeadLetter,
) -> Result<(), SendError> {
    let to_a_group = letter.group != DEAD_LETTER_NO_GROUP;
    let topic = if to_a_group { format!("{RETRY}{}", letter.group) } else { letter.topic.clone() };
    let mut properties = letter.properties.clone();
    properties.push((GENERATION.to_owned(), letter.generation.saturating_add(1).to_string()));
    let message = Outgoing {
        topic: topic.clone().into(),
        tag: letter.tag.clone().map(Into::into),
        key: letter.key.clone(),
        body: letter.body.clone(),
        sys_flag: letter.sys_flag,
        deliver_at: None,
        properties,
    };
    let mut built = outgoing(&message, &client.names, client.settings.max_message_bytes, Timestamp::now())
        .map_err(|error| SendError::Rejected(format!("{topic}: {error}")))?;
    if to_a_group {
        // Consumers show the message under this topic.
        built.put_property(
            MessageConst::PROPERTY_RETRY_TOPIC.into(),
            client.names.topic(&letter.topic).into(),
        );
    }
    producer.send_built(built, &topic).await.map(|_| ())
}
