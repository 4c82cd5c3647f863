use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::ports::{Bus, DeadLetter, MessageId, Outgoing, Redeliver, SendError};
use boxoffice_runtime::{DEAD_LETTER_NO_GROUP, DEAD_LETTER_PREFIX};

use crate::Embedded;
use crate::columns::properties_text;
use crate::message::{QueuedMessage, message_name};

#[async_trait]
impl Bus for Embedded {
    fn longest_delay(&self) -> Option<Duration> {
        None
    }

    async fn send(&self, message: Outgoing) -> Result<MessageId, SendError> {
        let parcel = QueuedMessage::new(&message)?;
        let id = self.writer()?.write(move |tx| tx.send(&parcel)).await?;
        Ok(MessageId(message_name(id)))
    }

    /// One commit for all messages that are valid.
    async fn send_all(&self, messages: Vec<Outgoing>) -> Vec<Result<MessageId, SendError>> {
        let mut answers: Vec<Result<MessageId, SendError>> = Vec::with_capacity(messages.len());
        let mut parcels = Vec::with_capacity(messages.len());
        for message in &messages {
            match QueuedMessage::new(message) {
                Ok(parcel) => {
                    parcels.push(parcel);
                    answers.push(Ok(MessageId(String::new())));
                }
                Err(error) => answers.push(Err(error)),
            }
        }
        if parcels.is_empty() {
            return answers;
        }
        let work = move |tx: &mut crate::tx::Tx<'_>| -> rusqlite::Result<Vec<i64>> {
            parcels.iter().map(|parcel| tx.send(parcel)).collect()
        };
        let sent = match self.writer() {
            Ok(writer) => writer.write(work).await.map_err(SendError::from),
            Err(closed) => Err(closed.into()),
        };
        match sent {
            Ok(ids) => {
                for (answer, id) in answers.iter_mut().filter(|answer| answer.is_ok()).zip(ids) {
                    *answer = Ok(MessageId(message_name(id)));
                }
            }
            Err(error) => {
                for answer in answers.iter_mut().filter(|answer| answer.is_ok()) {
                    *answer = Err(error.clone());
                }
            }
        }
        answers
    }
}

/// Removes the letter and sends the message in one commit.
#[async_trait]
impl Redeliver for Embedded {
    async fn redeliver(&self, letter: &DeadLetter) -> Result<(), SendError> {
        let given: Vec<_> = letter
            .properties
            .iter()
            .filter(|(name, _)| !name.starts_with(DEAD_LETTER_PREFIX))
            .cloned()
            .collect();
        let parcel = QueuedMessage {
            topic: letter.topic.as_str().into(),
            tag: letter.tag.as_deref().map(Into::into),
            key: letter.key.as_deref().map(Into::into),
            due: None,
            sys_flag: letter.sys_flag,
            properties: properties_text(&given),
            body: letter.body.clone(),
        };
        let (id, group, generation) = (letter.id.clone(), letter.group.clone(), letter.generation + 1);
        let found = self
            .writer()?
            .write(move |tx| {
                let found = if group == DEAD_LETTER_NO_GROUP {
                    tx.send(&parcel)?;
                    true
                } else {
                    tx.send_to(&group, &parcel, generation)?
                };
                if found {
                    tx.execute("DELETE FROM dead_letters WHERE id = ?1", [&id])?;
                }
                Ok(found)
            })
            .await?;
        if found {
            Ok(())
        } else {
            Err(SendError::Rejected(format!("there is no consumer group {}", letter.group)))
        }
    }
}
