use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::{Crash, Faults, VirtualClock, fault_switches, locked};
use crate::ports::{Bus, Clock as _, MessageId, Outgoing, SendError};

/// A bus that only records what was sent.
#[derive(Debug)]
pub struct FakeBus {
    pub(super) faults: Faults<SendError>,
    sent: Mutex<Vec<Outgoing>>,
    longest_delay: Mutex<Option<(Duration, Arc<VirtualClock>)>>,
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
        Self {
            faults: Faults::new(crash.clone(), dead),
            sent: Mutex::default(),
            longest_delay: Mutex::default(),
        }
    }

    /// From now on records what a bus would do that holds messages back for at most `longest`: a later `deliver_at`
    /// becomes that instant.
    pub fn delay_at_most(&self, longest: Duration, clock: Arc<VirtualClock>) {
        *locked(&self.longest_delay) = Some((longest, clock));
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
    pub(super) fn accept(&self, mut message: Outgoing) -> MessageId {
        if let Some((longest, clock)) = &*locked(&self.longest_delay) {
            message.deliver_at = message.held_until(clock.now(), Some(*longest));
        }
        let mut sent = locked(&self.sent);
        sent.push(message);
        MessageId(format!("m{}", sent.len()))
    }
}

#[async_trait]
impl Bus for FakeBus {
    fn longest_delay(&self) -> Option<Duration> {
        locked(&self.longest_delay).as_ref().map(|(longest, _)| *longest)
    }

    async fn send(&self, message: Outgoing) -> Result<MessageId, SendError> {
        self.faults.call(|| Ok(self.accept(message))).await
    }
}

fault_switches!(FakeBus, SendError);
