//! Messages that belong to a write of an order: sent in its commit, or left to the caller.

use std::borrow::Cow;

use boxoffice_domain::ports::{MarkId, MarkedMessage, Outbox, SendError, StoreError};

use boxoffice_runtime::telemetry::SendCounters;

use crate::message::QueuedMessage;
use crate::options::OutboxMode;
use crate::tx::Tx;

/// Topics and tags of what a commit sends by itself, to be counted once it is made.
#[derive(Debug)]
pub(crate) struct SentCounts {
    routes: Vec<(Cow<'static, str>, Option<Cow<'static, str>>)>,
    remembered: bool,
}

impl SentCounts {
    pub(crate) fn new(outbox: &Outbox, mode: OutboxMode) -> Self {
        let sends = mode == OutboxMode::SendInCommit;
        let messages = outbox.messages.iter().filter(|_| sends);
        let routes = messages.map(|message| (message.topic.clone(), message.tag.clone())).collect();
        Self { routes, remembered: outbox.remembered }
    }

    /// Counts the messages as sent; `again` as in [`PreparedOutbox::go`].
    pub(crate) fn count(&self, counters: &SendCounters, again: bool) {
        if again && self.remembered {
            return;
        }
        for (topic, tag) in &self.routes {
            counters.sent(topic, tag.as_deref());
        }
    }
}

/// An outbox made ready on the caller's thread.
#[derive(Debug)]
pub(crate) struct PreparedOutbox {
    outbox: Outbox,
    parcels: Vec<QueuedMessage>,
    mode: OutboxMode,
}

/// What a commit did with an outbox: the numbers of the marks it made.
pub(crate) type Marks = Vec<i64>;

impl PreparedOutbox {
    pub(crate) fn new(outbox: Outbox, mode: OutboxMode) -> Result<Self, StoreError> {
        let packed = outbox.messages.iter().map(QueuedMessage::new).collect::<Result<Vec<_>, SendError>>();
        let parcels = packed.map_err(|error| StoreError::Invalid(error.to_string()))?;
        Ok(Self { outbox, parcels, mode })
    }

    /// The step was taken. Sends or marks the messages. With `again` it had been taken before, so only repeatable messages
    /// are sent once more.
    pub(crate) fn go(&self, tx: &mut Tx<'_>, again: bool) -> rusqlite::Result<Marks> {
        if again && self.outbox.remembered {
            return Ok(Marks::new());
        }
        match self.mode {
            OutboxMode::SendInCommit => {
                for parcel in &self.parcels {
                    tx.send(parcel)?;
                }
                Ok(Marks::new())
            }
            OutboxMode::MarkForRelay if self.outbox.remembered => {
                self.parcels.iter().map(|parcel| tx.mark(parcel)).collect()
            }
            OutboxMode::MarkForRelay => Ok(Marks::new()),
        }
    }

    /// What the caller must send after [`PreparedOutbox::go`] made these marks.
    pub(crate) fn unsent(&self, marks: &Marks, again: bool) -> Vec<MarkedMessage> {
        if self.mode == OutboxMode::SendInCommit || (again && self.outbox.remembered) {
            return Vec::new();
        }
        let mark = |index: usize| marks.get(index).map(|mark| MarkId(mark.to_string()));
        let messages = self.outbox.messages.iter().enumerate();
        messages
            .map(|(index, message)| MarkedMessage { mark: mark(index), message: message.clone() })
            .collect()
    }
}
