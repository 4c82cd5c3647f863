use std::sync::Mutex;

use async_trait::async_trait;

use super::{Crash, Faults, fault_switches, locked};
use crate::ports::{Bus, MessageId, Outgoing, SendError};

/// A bus that only records what was sent.
#[derive(Debug)]
pub struct FakeBus {
    pub(super) faults: Faults<SendError>,
    sent: Mutex<Vec<Outgoing>>,
}

impl Default for FakeBus {
    fn default() -> Self {
        Self::new(&Crash::default())
    }
}

impl FakeBus {
    /// Nothing sent yet; dies with `crash`.
    pub fn new(crash: &Crash) -> Self {
        let dead = || SendError::OutcomeUnknown("the process died".to_owned());
        Self { faults: Faults::new(crash.clone(), dead), sent: Mutex::default() }
    }

    /// Everything sent so far, oldest first.
    pub fn sent(&self) -> Vec<Outgoing> {
        locked(&self.sent).clone()
    }

    /// What was sent with this tag, oldest first.
    pub fn sent_with(&self, tag: &str) -> Vec<Outgoing> {
        let sent = locked(&self.sent);
        sent.iter().filter(|message| message.tag.as_deref() == Some(tag)).cloned().collect()
    }

    /// The tags of everything sent so far, oldest first; an untagged message counts as the empty tag.
    pub fn tags(&self) -> Vec<String> {
        locked(&self.sent).iter().map(|message| message.tag.as_deref().unwrap_or("").to_owned()).collect()
    }

    /// Empties the record and gives what was in it, oldest first.
    pub fn take(&self) -> Vec<Outgoing> {
        std::mem::take(&mut *locked(&self.sent))
    }

    /// Records a message without faults; for a store that sends in its own commit.
    pub(super) fn accept(&self, message: Outgoing) -> MessageId {
        let mut sent = locked(&self.sent);
        sent.push(message);
        MessageId(format!("m{}", sent.len()))
    }
}

#[async_trait]
impl Bus for FakeBus {
    async fn send(&self, message: Outgoing) -> Result<MessageId, SendError> {
        self.faults.call(|| Ok(self.accept(message))).await
    }
}

fault_switches!(FakeBus, SendError);
