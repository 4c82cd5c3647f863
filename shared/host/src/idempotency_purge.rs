use std::sync::Arc;
use std::time::Duration;

use boxoffice_domain::ports::{Clock, IdempotencyStore};
use boxoffice_runtime::Shutdown;

/// The pause between two looks for expired idempotency records.
const INTERVAL: Duration = Duration::from_secs(60);
/// The most records deleted in one write.
const PER_WRITE: u32 = 1_000;
/// The pause between two writes while there are more, so that other writes get through.
const SHORT_PAUSE: Duration = Duration::from_millis(50);

/// Deletes expired idempotency records until `shutdown` begins.
pub(crate) async fn purge_idempotency(
    store: Arc<dyn IdempotencyStore>,
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
) {
    while !shutdown.has_begun() {
        let pause = match store.purge(clock.now(), PER_WRITE).await {
            Ok(PER_WRITE) => SHORT_PAUSE,
            Ok(_) => INTERVAL,
            Err(error) => {
                tracing::warn!(%error, "expired idempotency records could not be deleted; trying again later");
                INTERVAL
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.begun() => {}
        }
    }
}
