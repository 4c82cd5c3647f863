use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_http::{HealthPages, ReadinessCheck, listen, serve};
use boxoffice_runtime::{Readiness, Shutdown, Transport};

use crate::{Host, HostError};

/// Does `work` while the pages about this process's health are served.
pub(crate) async fn with_health_pages<T>(host: &Host, work: impl Future<Output = T>) -> Result<T, HostError> {
    let listener = listen("HEALTH_LISTEN", host.settings.health_listen).await?;
    tracing::info!(address = %listener.local_addr()?, "health endpoint listening");
    let bus = Arc::new(BusCheck(Arc::clone(&host.transport)));
    let pages = HealthPages::new(vec![bus], Some(host.telemetry.clone()));
    // Probes are answered while messages in flight are drained, and end with the work.
    let serving = serve(listener, pages.router(), Shutdown::new(), Duration::ZERO);
    tokio::select! {
        done = work => Ok(done),
        served = serving => Err(served.err().unwrap_or_else(|| std::io::Error::other("the server ended")).into()),
    }
}

/// The bus takes and delivers messages. Its reason is shown: only operators can reach these pages.
struct BusCheck(Arc<dyn Transport>);

#[async_trait]
impl ReadinessCheck for BusCheck {
    fn name(&self) -> &'static str {
        "bus"
    }

    async fn check(&self) -> Result<(), String> {
        match self.0.readiness() {
            Readiness::Ready => Ok(()),
            Readiness::NotReady { because } => Err(because),
        }
    }
}
