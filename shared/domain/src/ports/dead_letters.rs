use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use super::{Page, SendError, StoreError};

/// A message that could not be handled, kept until an operator decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The id of this letter, made from group, message id and generation, so that storing it twice stores it once.
    pub id: String,
    /// The topic it was sent to.
    pub topic: String,
    /// The tag it was sent with.
    pub tag: Option<String>,
    /// The consumer group that could not handle it.
    pub group: String,
    /// What the bus called it.
    pub message_id: String,
    /// Its KEYS.
    pub key: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last try failed.
    pub error: String,
    /// The body as it was on the wire.
    pub body: Bytes,
    /// RocketMQ's system flag of the body (compression bits).
    pub sys_flag: i32,
    /// User properties.
    pub properties: Vec<(String, String)>,
    /// Which redrive this was: 0 for a first delivery.
    pub generation: u32,
    /// When the message was first sent, if known.
    pub sent_at: Option<Timestamp>,
    /// When it became a dead letter.
    pub stored_at: Timestamp,
}

/// Which dead letters are meant. An empty filter means all. A letter whose id is known is read with
/// [`DeadLetterStore::get`].
///
/// A store may keep its letters by group, so that a filter by group reads the letters of that group only. Topic, tag
/// and key need no index: the store looks at one letter after another, see [`DeadLetterStore::list`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Only of this consumer group.
    pub group: Option<String>,
    /// Only of this topic.
    pub topic: Option<String>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// Only with this key.
    pub key: Option<String>,
}

impl DeadLetterFilter {
    /// Whether a letter is meant.
    pub fn matches(&self, letter: &DeadLetter) -> bool {
        let same =
            |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        same(&self.group, Some(&letter.group))
            && same(&self.topic, Some(&letter.topic))
            && same(&self.tag, letter.tag.as_deref())
            && same(&self.key, letter.key.as_deref())
    }
}

/// Keeps dead letters.
#[async_trait]
pub trait DeadLetterStore: Send + Sync {
    /// Stores a letter. False when a letter of this id is there already.
    async fn put(&self, letter: &DeadLetter) -> Result<bool, StoreError>;

    /// Lists letters, oldest first. A page has at most `limit` letters, which is at least 1.
    ///
    /// A store looks at a bounded number of letters for one page. Where the filter leaves most of them out the page is
    /// short, or empty, with a `next`: a caller goes on until there is none.
    async fn list(
        &self,
        filter: &DeadLetterFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<DeadLetter>, StoreError>;

    /// One letter.
    async fn get(&self, id: &str) -> Result<Option<DeadLetter>, StoreError>;

    /// Removes a letter. False when it was not there.
    async fn remove(&self, id: &str) -> Result<bool, StoreError>;

    /// How many letters each group has; groups without letters are left out. Exact, and for operators: a store may
    /// read every letter for it, or keep a number for each group that changes together with the letters.
    async fn counts(&self) -> Result<BTreeMap<String, u64>, StoreError>;
}

/// Puts dead letters back in front of the consumer group that could not handle them.
#[async_trait]
pub trait Redeliver: Send + Sync {
    /// Delivers the message of a letter once more, to `letter.group` alone and not to the other groups of its topic,
    /// with generation `letter.generation + 1` and attempt 1. A letter that no group took is sent to its topic again.
    /// Returns once the message is durable.
    ///
    /// A backend that keeps its letters beside its bus removes the letter in the same step; on every other one the
    /// caller removes it afterwards.
    async fn redeliver(&self, letter: &DeadLetter) -> Result<(), SendError>;
}
