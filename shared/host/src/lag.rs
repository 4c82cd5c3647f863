use std::sync::Arc;
use std::time::Duration;

use boxoffice_runtime::telemetry::LagGauges;
use boxoffice_runtime::{Shutdown, Subscription, Transport};

/// The pause between two questions: on a broker each costs a few requests.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Keeps gauges of the backlog of these subscriptions, for whoever scales the functions, until `shutdown` begins.
pub(crate) async fn measure_lag(
    transport: Arc<dyn Transport>,
    subscriptions: Vec<Subscription>,
    shutdown: Shutdown,
) {
    let gauges = LagGauges;
    while !subscriptions.is_empty() {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = shutdown.begun() => return,
        }
        let asked = tokio::select! {
            asked = tokio::time::timeout(TIMEOUT, transport.lag(&subscriptions)) => asked,
            () = shutdown.begun() => return,
        };
        // An outage of the bus is logged elsewhere; the gauges keep the last known values.
        if let Ok(Ok(lags)) = asked {
            gauges.set(&lags, jiff::Timestamp::now());
        }
    }
}
