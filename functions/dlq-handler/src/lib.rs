//! Keeps dead letters of every consumer group and raises an alert for each.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use boxoffice_domain::FunctionSettings;
use boxoffice_domain::ports::{Alert, Alerts, Clock, DeadLetter, DeadLetterStore, Ports};
use boxoffice_messages::{DEAD_LETTER_TOPIC_PREFIX, ROUTES, dead_letter_topic, group};
use boxoffice_runtime::{
    Context, DEAD_LETTER_ATTEMPTS, DEAD_LETTER_GENERATION, DEAD_LETTER_GROUP, DEAD_LETTER_MESSAGE_ID,
    DEAD_LETTER_PREFIX, DEAD_LETTER_REASON, DEAD_LETTER_TAG, DEAD_LETTER_TOPIC, Delivery, Engine, Handler,
    Outcome, Subscription, TopicFilter, Undecoded,
};
use sha2::{Digest, Sha256};

/// The name of the function.
pub const NAME: &str = "dlq-handler";

/// The function, ready to be fed by a transport. It needs no settings, but is made as every other function is.
pub fn function(ports: &Ports, _settings: &FunctionSettings) -> Engine<DlqHandler> {
    function_also_for(ports, Vec::new())
}

/// The same function, which also keeps the dead letters of the groups `also`.
pub fn function_also_for(ports: &Ports, also: Vec<String>) -> Engine<DlqHandler> {
    Engine::new(NAME, DlqHandler { also, ..DlqHandler::new(ports) })
}

/// Handles the dead letters of every group, whatever their bodies are.
pub struct DlqHandler {
    /// Keeps the letters until an operator decides.
    pub dead_letters: Arc<dyn DeadLetterStore>,
    /// Alerts operators to each letter.
    pub alerts: Arc<dyn Alerts>,
    /// Dates the letters.
    pub clock: Arc<dyn Clock>,
    /// Groups besides our own whose dead letters it keeps.
    pub also: Vec<String>,
}

#[async_trait]
impl Handler for DlqHandler {
    type Message = Undecoded;

    fn subscription(&self) -> Subscription {
        let topic =
            |group: &str| TopicFilter { topic: Cow::Owned(dead_letter_topic(group)), tags: Vec::new() };
        let groups = ROUTES.iter().map(|route| route.group).chain(self.also.iter().map(String::as_str));
        Subscription { group: group::DLQ_HANDLER, topics: groups.map(topic).collect() }
    }

    async fn handle(&self, _: Undecoded, context: &Context) -> Outcome {
        let letter = self.letter(&context.delivery);
        match self.dead_letters.put(&letter).await {
            Ok(newly) => {
                // A redelivery raises the alert again, because the first attempt may have died before it.
                if newly || context.attempt() > 1 {
                    let DeadLetter { group, id, error, .. } = letter;
                    self.alerts.raise(Alert::DeadLetter { group, id, error }).await;
                }
                if newly { Outcome::Done } else { Outcome::Duplicate }
            }
            // Never poison: a dead letter has nowhere else to go.
            Err(error) => Outcome::retry(error),
        }
    }
}

impl DlqHandler {
    /// Takes the ports that it needs.
    pub fn new(ports: &Ports) -> Self {
        Self {
            dead_letters: ports.dead_letters.clone(),
            alerts: ports.alerts.clone(),
            clock: ports.clock.clone(),
            also: Vec::new(),
        }
    }

    /// The dead letter that a delivery describes. A broker that gives a message up by itself names only the group, in
    /// the topic.
    fn letter(&self, delivery: &Delivery) -> DeadLetter {
        let property = |name| delivery.property(name).map(str::to_owned);
        let number = |name| delivery.property(name).and_then(|text| text.parse::<u32>().ok());
        let group = property(DEAD_LETTER_GROUP).unwrap_or_else(|| {
            delivery.topic.strip_prefix(DEAD_LETTER_TOPIC_PREFIX).unwrap_or(&delivery.topic).to_owned()
        });
        let topic = property(DEAD_LETTER_TOPIC);
        let tag = match topic {
            // With the topic comes the tag; without a tag there was none.
            Some(_) => property(DEAD_LETTER_TAG),
            None => delivery.tag.as_deref().map(str::to_owned),
        };
        let topic = topic.unwrap_or_else(|| {
            let route = ROUTES.iter().find(|route| route.group == group);
            route.map_or(&*delivery.topic, |route| route.topic).to_owned()
        });
        let unsaid =
            || "all attempts were used up; the broker does not report why the last one failed".to_owned();
        let letter = DeadLetter {
            id: String::new(),
            topic,
            tag,
            group,
            message_id: property(DEAD_LETTER_MESSAGE_ID).unwrap_or_else(|| delivery.message_id.to_string()),
            key: delivery.key.as_deref().map(str::to_owned),
            attempts: number(DEAD_LETTER_ATTEMPTS).unwrap_or(delivery.attempt),
            error: property(DEAD_LETTER_REASON).unwrap_or_else(unsaid),
            body: delivery.body.clone(),
            sys_flag: delivery.sys_flag,
            properties: delivery
                .properties
                .iter()
                .filter(|(name, _)| !name.starts_with(DEAD_LETTER_PREFIX))
                .cloned()
                .collect(),
            generation: number(DEAD_LETTER_GENERATION).unwrap_or(delivery.generation),
            sent_at: delivery.sent_at,
            stored_at: self.clock.now(),
        };
        DeadLetter { id: id_of(&letter), ..letter }
    }
}

/// The id of a letter, the same whenever the letter is stored: function, redrive and a hash short enough to type.
///
/// Key, tag and body are part of the hash, because the messages of a RocketMQ batch share one message id.
fn id_of(letter: &DeadLetter) -> String {
    let mut hash = Sha256::new();
    let (tag, key) = (letter.tag.as_deref().unwrap_or(""), letter.key.as_deref().unwrap_or(""));
    for part in [&letter.group, &letter.message_id, &letter.topic, tag, key] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.update(letter.generation.to_be_bytes());
    hash.update(&letter.body);
    let route = ROUTES.iter().find(|route| route.group == letter.group);
    let mut id = format!("{}-{}-", route.map_or("unrouted", |route| route.function), letter.generation);
    for byte in hash.finalize().iter().take(6) {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}
