use std::sync::Arc;
use std::time::Duration;

use boxoffice_runtime::telemetry::LagGauges;
use boxoffice_runtime::{Shutdown, Subscription, Transport};

/// How often the lag is asked for: on a broker that costs a few requests.
const EVERY: Duration = Duration::from_secs(10);
/// How long one question may take.
const TIME_OUT: Duration = Duration::from_secs(30);

/// Keeps gauges of what waits for these groups, for whoever scales the functions, until `shutdown` begins.
pub async fn measure_lag(
    transport: Arc<dyn Transport>,
    subscriptions: Vec<Subscription>,
    shutdown: Shutdown,
) {
    let gauges = LagGauges;
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = shutdown.begun() => return,
        }
        let asked = tokio::select! {
            asked = tokio::time::timeout(TIME_OUT, transport.lag(&subscriptions)) => asked,
            () = shutdown.begun() => return,
        };
        // A bus that is away is told of elsewhere; the gauges keep what was seen last.
        if let Ok(Ok(lags)) = asked {
            gauges.set(&lags, jiff::Timestamp::now());
        }
    }
}
