//! What a message in the file is: its content, its place in a queue, its name, and why it is given up.

use std::sync::Arc;

use boxoffice_domain::ports::{Outgoing, SendError};

use crate::columns::{nanos, properties_text};

/// The largest body accepted, in bytes: RocketMQ's own limit.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// A message as a row stores it, prepared on the caller's thread so that the writer only binds it.
#[derive(Debug, Clone)]
pub(crate) struct QueuedMessage {
    pub(crate) topic: Arc<str>,
    pub(crate) tag: Option<Arc<str>>,
    pub(crate) key: Option<Arc<str>>,
    /// Not before; `None` is now.
    pub(crate) due: Option<i64>,
    pub(crate) sys_flag: i32,
    pub(crate) properties: Option<String>,
    pub(crate) body: bytes::Bytes,
}

impl QueuedMessage {
    pub(crate) fn new(message: &Outgoing) -> Result<Self, SendError> {
        if message.topic.is_empty() {
            return Err(SendError::Rejected("the topic is empty".to_owned()));
        }
        if message.body.len() > MAX_BODY_BYTES {
            return Err(SendError::Rejected(format!(
                "the body has {} bytes, the maximum is {MAX_BODY_BYTES}",
                message.body.len()
            )));
        }
        Ok(Self {
            topic: Arc::from(&*message.topic),
            tag: message.tag.as_deref().map(Arc::from),
            key: message.key.as_deref().map(Arc::from),
            due: message.deliver_at.map(nanos),
            sys_flag: message.sys_flag,
            properties: properties_text(&message.properties),
            body: message.body.clone(),
        })
    }
}

/// Why and after how many attempts a message is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GivenUp {
    pub(crate) because: String,
    pub(crate) attempts: u32,
}

/// The position of a message in the queue of its group. It changes whenever the message is put back, so a worker that is
/// too late finds nothing under its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) due: i64,
    pub(crate) id: i64,
}

impl Key {
    pub(crate) const FIRST: Self = Self { due: i64::MIN, id: i64::MIN };
}

/// The bus' id of a message.
pub(crate) fn message_name(id: i64) -> String {
    format!("{id:016x}")
}
