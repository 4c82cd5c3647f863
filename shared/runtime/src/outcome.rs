use std::time::Duration;

use boxoffice_domain::ports::{ProviderError, SendError, StoreError};
use boxoffice_messages::MissingField;

/// What became of a message: the answer of its handler.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Handled: acknowledge.
    Done,
    /// It was handled before: acknowledge.
    Duplicate,
    /// It could not be handled now: deliver it again.
    Retry {
        /// The shortest delay; `None` leaves it to the retry policy.
        after: Option<Duration>,
        /// Why, for the log and, when the attempts are used up, for the dead letter.
        because: String,
    },
    /// It can never work: to the dead letters at once, without using up the retries.
    Poison {
        /// Why, for the operator.
        because: String,
    },
}

#[expect(clippy::needless_pass_by_value, reason = "a handler passes the error it has, and is done with it")]
impl Outcome {
    /// Deliver again, after the delay of the retry policy.
    pub fn retry(because: impl ToString) -> Self {
        Self::Retry { after: None, because: because.to_string() }
    }

    /// Deliver again, after `after` at the earliest.
    pub fn retry_after(after: Duration, because: impl ToString) -> Self {
        Self::Retry { after: Some(after), because: because.to_string() }
    }

    /// It can never work.
    pub fn poison(because: impl ToString) -> Self {
        Self::Poison { because: because.to_string() }
    }

    /// The label of the outcome in metrics and logs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Duplicate => "duplicate",
            Self::Retry { .. } => "retry",
            Self::Poison { .. } => "poison",
        }
    }
}

/// Lets a handler use `?`: a store that is unavailable, or whose record changed in the meantime, is a retry; a request that
/// can never succeed is poison.
impl From<StoreError> for Outcome {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Conflict(_) => Self::retry(error),
            StoreError::Invalid(_) => Self::poison(error),
        }
    }
}

/// A message that the bus will never accept makes the handled message poison; anything else is a retry.
impl From<SendError> for Outcome {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Rejected(_) => Self::poison(error),
            SendError::Unavailable(_) | SendError::OutcomeUnknown(_) => Self::retry(error),
        }
    }
}

/// A notice that the provider refuses for good is poison; one that it cannot accept now is a retry, after the time that it
/// asks for.
impl From<ProviderError> for Outcome {
    fn from(error: ProviderError) -> Self {
        let because = error.to_string();
        match error {
            ProviderError::Refused(_) => Self::Poison { because },
            ProviderError::TryLater { after, .. } => Self::Retry { after, because },
        }
    }
}

/// A message without a field that its handler needs is poison.
impl From<MissingField> for Outcome {
    fn from(missing: MissingField) -> Self {
        Self::poison(missing)
    }
}

/// Lets a handler be written with `?`: both sides of the result are the outcome.
impl From<Result<Self, Self>> for Outcome {
    fn from(result: Result<Self, Self>) -> Self {
        match result {
            Ok(outcome) | Err(outcome) => outcome,
        }
    }
}
