use std::time::Duration;

use boxoffice_domain::ports::Ports;
use boxoffice_runtime::Shutdown;

/// How often expired idempotency records are looked for.
const INTERVAL: Duration = Duration::from_secs(60);
/// The most of them deleted in one write.
const AT_ONCE: u32 = 1_000;
/// Between two writes while there is more, so that other writes get through.
const SHORT_PAUSE: Duration = Duration::from_millis(50);

/// Deletes idempotency records that are remembered longer than they have to be, until `shutdown` begins.
pub async fn forget_idempotency_records(ports: Ports, shutdown: Shutdown) {
    while !shutdown.has_begun() {
        let pause = match ports.idempotency.purge(ports.clock.now(), AT_ONCE).await {
            Ok(AT_ONCE) => SHORT_PAUSE,
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
