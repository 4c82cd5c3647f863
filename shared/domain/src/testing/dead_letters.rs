use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::paging::page;
use super::{Crash, Faults, fault_switches, locked};
use crate::ports::{DeadLetter, DeadLetterFilter, DeadLetterStore, Page, Redeliver, SendError, StoreError};

/// Dead letters in memory, in the order in which they were stored. For one page of a listing it looks at as many letters
/// as the page may have, so that a filter makes pages short or empty.
#[derive(Debug)]
pub struct FakeDeadLetterStore {
    faults: Faults<StoreError>,
    letters: Mutex<Vec<DeadLetter>>,
}

impl Default for FakeDeadLetterStore {
    fn default() -> Self {
        Self::new(&Crash::default())
    }
}

impl FakeDeadLetterStore {
    /// Empty; dies with `crash`.
    pub fn new(crash: &Crash) -> Self {
        let dead = || StoreError::Unavailable("the process died".to_owned());
        Self { faults: Faults::new(crash.clone(), dead), letters: Mutex::default() }
    }

    /// Every letter, oldest first.
    pub fn all(&self) -> Vec<DeadLetter> {
        locked(&self.letters).clone()
    }
}

#[async_trait]
impl DeadLetterStore for FakeDeadLetterStore {
    async fn put(&self, letter: &DeadLetter) -> Result<bool, StoreError> {
        self.faults
            .call(|| {
                let mut letters = locked(&self.letters);
                let new = letters.iter().all(|stored| stored.id != letter.id);
                if new {
                    letters.push(letter.clone());
                }
                Ok(new)
            })
            .await
    }

    async fn list(
        &self,
        filter: &DeadLetterFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<DeadLetter>, StoreError> {
        self.faults
            .call(|| {
                let mut letters = locked(&self.letters).clone();
                letters.sort_by(|one, other| (one.stored_at, &one.id).cmp(&(other.stored_at, &other.id)));
                // A cursor names a letter, not a place, because letters may go between two pages.
                let key =
                    |letter: &DeadLetter| format!("{:030}/{}", letter.stored_at.as_nanosecond(), letter.id);
                let mut page = page(letters.into_iter().map(|letter| (key(&letter), letter)), limit, cursor);
                page.items.retain(|letter| filter.matches(letter));
                Ok(page)
            })
            .await
    }

    async fn get(&self, id: &str) -> Result<Option<DeadLetter>, StoreError> {
        self.faults.call(|| Ok(locked(&self.letters).iter().find(|letter| letter.id == id).cloned())).await
    }

    async fn remove(&self, id: &str) -> Result<bool, StoreError> {
        self.faults
            .call(|| {
                let mut letters = locked(&self.letters);
                let before = letters.len();
                letters.retain(|letter| letter.id != id);
                Ok(letters.len() < before)
            })
            .await
    }

    async fn counts(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        self.faults
            .call(|| {
                let mut counts = BTreeMap::new();
                for letter in &*locked(&self.letters) {
                    *counts.entry(letter.group.clone()).or_default() += 1;
                }
                Ok(counts)
            })
            .await
    }
}

fault_switches!(FakeDeadLetterStore, StoreError);

/// Only records which letters were delivered once more.
#[derive(Debug)]
pub struct FakeRedeliver {
    faults: Faults<SendError>,
    redelivered: Mutex<Vec<DeadLetter>>,
}

impl Default for FakeRedeliver {
    fn default() -> Self {
        Self::new(&Crash::default())
    }
}

impl FakeRedeliver {
    /// None yet; dies with `crash`.
    pub fn new(crash: &Crash) -> Self {
        let dead = || SendError::OutcomeUnknown("the process died".to_owned());
        Self { faults: Faults::new(crash.clone(), dead), redelivered: Mutex::default() }
    }

    /// The letters, oldest first.
    pub fn redelivered(&self) -> Vec<DeadLetter> {
        locked(&self.redelivered).clone()
    }
}

#[async_trait]
impl Redeliver for FakeRedeliver {
    async fn redeliver(&self, letter: &DeadLetter) -> Result<(), SendError> {
        self.faults
            .call(|| {
                locked(&self.redelivered).push(letter.clone());
                Ok(())
            })
            .await
    }
}

fault_switches!(FakeRedeliver, SendError);
