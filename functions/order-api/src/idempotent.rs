use std::time::Duration;

use boxoffice_domain::ports::{IdempotencyKey, Ports, StoreError};
use boxoffice_domain::{FunctionSettings, UserId};
use boxoffice_runtime::{Guarded, IdempotencyGuard, IdempotencySettings, Turn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ApiError;

/// How long a request may hold its idempotency key.
pub(crate) const KEY_LEASE: Duration = Duration::from_secs(10);

/// Gives a repeated call the first answer.
#[derive(Clone)]
pub struct IdempotentCalls {
    /// Remembers the first answer to each idempotency key. Its lease must be longer than a request may take.
    pub guard: IdempotencyGuard,
}

/// What an idempotency key stands for: the key alone is only unique for one buyer and one operation.
pub(crate) struct CallKey<'a> {
    /// The operation: the same key may be used once for each.
    pub operation: &'static str,
    /// The buyer: two buyers may choose the same key.
    pub user_id: UserId,
    /// The key that the caller chose.
    pub key: &'a str,
}

impl IdempotentCalls {
    /// Remembers answers in the store of these ports. A first request that dies holds its key for 10 s, longer than
    /// the router lets a request run.
    pub fn new(ports: &Ports, settings: &FunctionSettings) -> Self {
        let settings = IdempotencySettings { lease: KEY_LEASE, ..settings.idempotency };
        Self { guard: IdempotencyGuard::new(ports, settings) }
    }

    /// Runs `work` once per key; a repeat gets the first answer. `request` is what the answer depends on, `data` what
    /// a repeat of an unfinished first run must use again. Errors are not kept: a repeat runs again.
    pub(crate) async fn once<Answer, Working>(
        &self,
        call: CallKey<'_>,
        request: &impl Serialize,
        data: Option<String>,
        work: impl FnOnce(Turn) -> Working,
    ) -> Result<Answer, ApiError>
    where
        Answer: Serialize + DeserializeOwned,
        Working: Future<Output = Result<Answer, ApiError>>,
    {
        let CallKey { operation, user_id, key } = call;
        let key = IdempotencyKey::new(crate::NAME, &format!("{operation}/{user_id}/{key}"), 0);
        let payload = serde_json::to_vec(request).map_err(|error| unreadable(&error))?;
        let working = |turn| async {
            let answer = work(turn).await?;
            serde_json::to_string(&answer).map(Some).map_err(|error| unreadable(&error))
        };
        match self.guard.run(&key, &payload, data, working).await {
            Guarded::Ran { result } | Guarded::RanUnrecorded { result } | Guarded::Duplicate { result } => {
                serde_json::from_str(result.as_deref().unwrap_or_default())
                    .map_err(|error| unreadable(&error))
            }
            Guarded::InProgress { retry_after } => Err(ApiError::KeyInProgress { retry_after }),
            Guarded::PayloadDiffers => Err(ApiError::KeyReused),
            Guarded::Failed(error) => Err(error),
            Guarded::Unavailable(error) => Err(error.into()),
        }
    }
}

/// What this service wrote itself can always be read again, unless the record was damaged.
fn unreadable(error: &serde_json::Error) -> ApiError {
    ApiError::Store(StoreError::Invalid(format!("the recorded response cannot be read: {error}")))
}
