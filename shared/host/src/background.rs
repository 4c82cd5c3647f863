//! What every process does beside its work.

use std::sync::Arc;
use std::time::Duration;

use boxoffice_domain::ports::{Clock, IdempotencyStore};
use boxoffice_notify::AlertForwarder;
use boxoffice_runtime::telemetry::Telemetry;
use boxoffice_runtime::{Shutdown, Subscription, Transport};

use crate::Backends;
use crate::idempotency_purge::purge_idempotency;
use crate::lag::measure_lag;

/// The background tasks of a process: expired idempotency records are deleted, the backlog is measured, metrics are
/// folded, alerts are posted.
pub struct Background {
    idempotency: Arc<dyn IdempotencyStore>,
    clock: Arc<dyn Clock>,
    transport: Arc<dyn Transport>,
    subscriptions: Vec<Subscription>,
    telemetry: Option<Telemetry>,
    alert_forwarder: Option<AlertForwarder>,
}

impl Background {
    /// The tasks for a process that works with these backends, and takes their alert forwarder; `telemetry` has its
    /// metrics, if it records any.
    pub fn new(backends: &mut Backends, telemetry: Option<Telemetry>) -> Self {
        Self {
            idempotency: Arc::clone(&backends.ports.idempotency),
            clock: Arc::clone(&backends.ports.clock),
            transport: Arc::clone(&backends.transport),
            subscriptions: Vec::new(),
            telemetry,
            alert_forwarder: backends.alert_forwarder.take(),
        }
    }

    /// Measures the backlog of these subscriptions as well.
    #[must_use]
    pub fn measuring(mut self, subscriptions: Vec<Subscription>) -> Self {
        self.subscriptions = subscriptions;
        self
    }

    /// Runs until `shutdown` begins; alerts that still have to be posted then have `drain_timeout`.
    pub async fn run(self, drain_timeout: Duration, shutdown: Shutdown) {
        let Self { idempotency, clock, transport, subscriptions, telemetry, alert_forwarder } = self;
        let folding = async {
            if let Some(telemetry) = telemetry {
                telemetry.keep_small(shutdown.clone()).await;
            }
        };
        let posting = async {
            if let Some(forwarder) = alert_forwarder {
                forwarder.run(shutdown.begun(), drain_timeout).await;
            }
        };
        tokio::join!(
            purge_idempotency(idempotency, clock, shutdown.clone()),
            measure_lag(transport, subscriptions, shutdown.clone()),
            folding,
            posting,
        );
    }
}
