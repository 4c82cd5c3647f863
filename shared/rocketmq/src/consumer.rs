//! Feeds a function with the messages of its consumer group.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use boxoffice_runtime::{ConsumerSettings, Function, Shutdown, TransportError};
use tokio::time::sleep;

use crate::cluster::Cluster;
use crate::provisioning::{Prepared, prepare};
use crate::push_consumer::Member;

/// The pause before preparations or a start that failed are tried again.
const PAUSE: Duration = Duration::from_secs(1);

impl Cluster {
    /// Runs `function` until `shutdown` begins. Whenever the cluster is back after an outage, the consumer is
    /// restarted, because the client library's own recovery takes half a minute.
    pub(crate) async fn consume(
        &self,
        function: Arc<dyn Function>,
        settings: ConsumerSettings,
        shutdown: Shutdown,
    ) -> Result<(), TransportError> {
        let subscription = function.subscription();
        let group = subscription.group;
        loop {
            let starting = Starting::new(&self.starting);
            let epoch = tokio::select! {
                epoch = self.watch.up() => epoch,
                () = shutdown.begun() => return Ok(()),
            };
            let prepared = tokio::select! {
                prepared = prepare(&self.client, &subscription) => prepared,
                () = shutdown.begun() => return Ok(()),
            };
            match prepared {
                Prepared::Ready => {}
                Prepared::TryAgain(because) => {
                    tracing::warn!(group, because, "not ready to consume; retrying");
                    sleep(PAUSE).await;
                    continue;
                }
                Prepared::Refused(because) => return Err(TransportError::Refused(because)),
            }
            // Never cancelled half-way: the library would leave running what it had started by then.
            let mut member = match Member::start(self, epoch, &function, &settings, &shutdown).await {
                Ok(member) => member,
                Err(because) => {
                    tracing::warn!(group, because, "the consumer did not start; retrying");
                    sleep(PAUSE).await;
                    continue;
                }
            };
            let consuming = async {
                member.rebalance_now().await;
                drop(starting);
                tracing::info!(group, "consuming");
                member.commit_offsets().await;
            };
            tokio::select! {
                newer = self.watch.newer_than(epoch) => {
                    tracing::info!(group, epoch = newer, "RocketMQ is back; restarting the consumer");
                }
                () = consuming => {}
                () = shutdown.begun() => {}
            }
            member.stop().await;
            if shutdown.has_begun() {
                return Ok(());
            }
        }
    }
}

/// Counts a consumer that does not consume yet.
struct Starting<'a>(&'a AtomicUsize);

impl<'a> Starting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
