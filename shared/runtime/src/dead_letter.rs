//! User properties that a transport puts on a dead letter, so that the function that keeps dead letters knows where
//! the message came from and why it was given up. Values are text; a property that does not apply is left out.

/// What every name here starts with: a redrive strips these properties before it sends the message again.
pub const DEAD_LETTER_PREFIX: &str = "dead-letter-";
/// Why the last try failed, in words for the operator.
pub const DEAD_LETTER_REASON: &str = "dead-letter-reason";
/// The consumer group that could not handle the message, or [`DEAD_LETTER_NO_GROUP`].
pub const DEAD_LETTER_GROUP: &str = "dead-letter-group";
/// The topic the message was sent to.
pub const DEAD_LETTER_TOPIC: &str = "dead-letter-topic";
/// The tag it was sent with; absent for an untagged message.
pub const DEAD_LETTER_TAG: &str = "dead-letter-tag";
/// What the bus called the message before it became a dead letter.
pub const DEAD_LETTER_MESSAGE_ID: &str = "dead-letter-message-id";
/// How often it was tried: a decimal number.
pub const DEAD_LETTER_ATTEMPTS: &str = "dead-letter-attempts";
/// Which redrive had failed: a decimal number, 0 for a first delivery.
pub const DEAD_LETTER_GENERATION: &str = "dead-letter-generation";
/// The value of [`DEAD_LETTER_GROUP`] of a message that no consumer group takes.
pub const DEAD_LETTER_NO_GROUP: &str = "-";
