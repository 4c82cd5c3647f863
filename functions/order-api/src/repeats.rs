use boxoffice_domain::UserId;
use boxoffice_domain::ports::{IdempotencyKey, StoreError};
use boxoffice_runtime::{Guarded, Turn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{ApiError, OrderService};

/// Who repeats what: the scope of an idempotency key.
pub(crate) struct Repeatable<'a> {
    /// The operation: the same key may be used once for each.
    pub operation: &'static str,
    /// The buyer: two buyers may choose the same key.
    pub user_id: UserId,
    /// The key that the caller chose.
    pub key: &'a str,
}

impl OrderService {
    /// Runs `work` once per key; a repeat gets the first answer. `request` is what the answer depends on, `data` what
    /// a repeat of an unfinished first run must use again. Errors are not kept: a repeat runs again.
    pub(crate) async fn once<Answer, Working>(
        &self,
        repeatable: Repeatable<'_>,
        request: &impl Serialize,
        data: Option<String>,
        work: impl FnOnce(Turn) -> Working,
    ) -> Result<Answer, ApiError>
    where
        Answer: Serialize + DeserializeOwned,
        Working: Future<Output = Result<Answer, ApiError>>,
    {
        let Repeatable { operation, user_id, key } = repeatable;
        let key = IdempotencyKey::new("order-api", &format!("{operation}/{user_id}/{key}"), 0);
        let payload = serde_json::to_vec(request).map_err(|error| unreadable(&error))?;
        let working = |turn| async {
            let answer = work(turn).await?;
            serde_json::to_string(&answer).map(Some).map_err(|error| unreadable(&error))
        };
        match self.idempotency.run(&key, &payload, data, working).await {
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
    ApiError::Store(StoreError::Invalid(format!("the recorded answer cannot be read: {error}")))
}
