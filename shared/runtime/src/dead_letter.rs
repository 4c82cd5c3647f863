//! User properties that a transport puts on a dead letter, so that the function that keeps dead letters knows where the
//! message came from and why it failed. Values are text; a property that does not apply is left out.

/// The prefix of every name here: a redrive removes these properties before it sends the message again.
pub const DEAD_LETTER_PREFIX: &str = "dead-letter-";
/// Why the last try failed, in words for the operator.
pub const DEAD_LETTER_REASON: &str = "dead-letter-reason";
/// The consumer group that could not handle the message, or [`DEAD_LETTER_NO_GROUP`].
pub const DEAD_LETTER_GROUP: &str = "dead-letter-group";
/// The topic the message was sent to.
pub const DEAD_LETTER_TOPIC: &str = "dead-letter-topic";
/// The tag it was sent with; absent for an untagged message.
pub const DEAD_LETTER_TAG: &str = "dead-letter-tag";
/// The id that the message had on the bus before it became a dead letter.
pub const DEAD_LETTER_MESSAGE_ID: &str = "dead-letter-message-id";
/// The number of deliveries: a decimal number.
pub const DEAD_LETTER_ATTEMPTS: &str = "dead-letter-attempts";
/// The redrive that failed: a decimal number, 0 for a first delivery.
pub const DEAD_LETTER_GENERATION: &str = "dead-letter-generation";
/// The value of [`DEAD_LETTER_GROUP`] for a message that no consumer group takes.
pub const DEAD_LETTER_NO_GROUP: &str = "-";
