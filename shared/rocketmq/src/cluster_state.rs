//! Watches whether the cluster can be reached.
//!
//! Works around rocketmq-client-rust 1.0.0: when a broker becomes unavailable, the library opens a circuit breaker for 30 s,
//! however soon the broker is back. So the brokers are watched here. Each time one comes back a new epoch begins, and
//! producers and consumers of an older epoch are replaced. No upstream issue was found. To see whether this is still
//! needed, let [`Watch::newer_than`] never return and run
//! `rocketmq_faults::sending_works_again_soon_after_a_broker_outage_and_nothing_is_lost`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use boxoffice_runtime::Readiness;
use futures_util::future::join_all;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::admin::Admin;
use crate::client::Client;
use crate::errors::AdminError;

/// The pause between two checks of a cluster that is up.
const PAUSE_WHEN_WELL: Duration = Duration::from_secs(2);
/// The pause between two checks of a cluster that cannot be reached.
const PAUSE_WHEN_AWAY: Duration = Duration::from_millis(250);
/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(1);
/// How long a new connection has to stay open. A port forwarder such as Docker accepts connections for a broker that is
/// down and closes them at once; a broker sends nothing before it is asked.
const STAYING: Duration = Duration::from_millis(20);
/// After how many checks an outage is logged again.
const CHECKS_PER_WARNING: u32 = 120;

/// Before the first epoch.
const NO_EPOCH: u64 = 0;

/// What is known of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ClusterState {
    /// It was not checked yet.
    Unknown { because: String },
    /// It cannot be reached.
    Away { because: String },
    /// It responds. The number grows each time it, or one of its brokers, comes back.
    Up { epoch: u64 },
}

impl ClusterState {
    fn is_known(&self) -> bool {
        !matches!(self, Self::Unknown { .. })
    }

    /// The epoch, or why there is none.
    fn epoch(&self) -> Result<u64, String> {
        match self {
            Self::Up { epoch } => Ok(*epoch),
            Self::Unknown { because } | Self::Away { because } => Err(because.clone()),
        }
    }
}

/// The latest state of the cluster, kept current by a task.
pub(crate) struct Watch {
    state: watch::Receiver<ClusterState>,
    look: Arc<Notify>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Watch {
    pub(crate) fn start(client: Arc<Client>) -> Self {
        let because = format!("the name servers {} have not responded yet", client.settings.name_servers);
        let (sender, state) = watch::channel(ClusterState::Unknown { because });
        let look = Arc::new(Notify::new());
        let watcher = Watcher {
            client,
            sender,
            look: look.clone(),
            brokers: BTreeSet::new(),
            up: BTreeSet::new(),
            epoch: NO_EPOCH,
        };
        Self { state, look, task: Mutex::new(Some(tokio::spawn(watcher.run()))) }
    }

    /// The present epoch, or why there is none; a process that has just started waits up to `patience` for the first
    /// check.
    pub(crate) async fn epoch(&self, patience: Duration) -> Result<u64, String> {
        if !self.state.borrow().is_known() {
            // Too late, or the watch is stopped: it stays unknown.
            let _ = timeout(patience, self.state.clone().wait_for(ClusterState::is_known)).await;
        }
        self.state.borrow().epoch()
    }

    pub(crate) fn readiness(&self) -> Readiness {
        match self.state.borrow().epoch() {
            Ok(_) => Readiness::Ready,
            Err(because) => Readiness::NotReady { because },
        }
    }

    /// Checks at once, because something failed.
    pub(crate) fn look(&self) {
        self.look.notify_one();
    }

    /// The epoch, once the cluster is up.
    pub(crate) async fn up(&self) -> u64 {
        self.newer_than(NO_EPOCH).await
    }

    /// Returns once the cluster is up in another epoch than this; never after [`Watch::stop`].
    pub(crate) async fn newer_than(&self, epoch: u64) -> u64 {
        let mut state = self.state.clone();
        let newer = |state: &ClusterState| matches!(state, ClusterState::Up { epoch: now } if *now != epoch);
        let found = match state.wait_for(newer).await.as_deref() {
            Ok(ClusterState::Up { epoch }) => Some(*epoch),
            _ => None,
        };
        match found {
            Some(epoch) => epoch,
            None => std::future::pending().await,
        }
    }

    pub(crate) fn stop(&self) {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

struct Watcher {
    client: Arc<Client>,
    sender: watch::Sender<ClusterState>,
    look: Arc<Notify>,
    /// The brokers that the name servers reported, including those that are down while others are up.
    brokers: BTreeSet<String>,
    /// Those that can be used: they respond, and the name servers know them.
    up: BTreeSet<String>,
    epoch: u64,
}

impl Watcher {
    async fn run(mut self) {
        let mut away = 0_u32;
        loop {
            let looked = Instant::now();
            let found = self.find().await;
            let pause = match found {
                Ok(up) => {
                    if !up.is_subset(&self.up) {
                        self.epoch += 1;
                        let epoch = self.epoch;
                        tracing::info!(brokers = ?up, "RocketMQ can be reached");
                        self.sender.send_replace(ClusterState::Up { epoch });
                    }
                    self.up = up;
                    away = 0;
                    PAUSE_WHEN_WELL
                }
                Err(because) => {
                    self.up.clear();
                    if away.is_multiple_of(CHECKS_PER_WARNING) {
                        tracing::warn!(because, "RocketMQ cannot be reached; waiting for it");
                    }
                    away += 1;
                    self.sender.send_replace(ClusterState::Away { because });
                    PAUSE_WHEN_AWAY
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                // One check, however many ask for it at once.
                () = self.look.notified() => sleep_until(looked + PAUSE_WHEN_AWAY).await,
            }
        }
    }

    /// The brokers that can be used. A broker that was usable before only has to respond, since the name servers may be
    /// down. One that comes back must be known to the name servers again, because new clients ask them.
    async fn find(&mut self) -> Result<BTreeSet<String>, String> {
        let answering = self.answering().await;
        if !answering.is_empty() && answering.is_subset(&self.up) {
            return Ok(answering);
        }
        let known = self.brokers.clone();
        match self.find_anew().await {
            Ok(up) => {
                // The name servers forget a broker that is down for a while; here it is still waited for.
                if !answering.is_empty() {
                    self.brokers.extend(known);
                }
                Ok(up)
            }
            Err(_) if !answering.is_disjoint(&self.up) => Ok(&answering & &self.up),
            Err(because) => Err(because),
        }
    }

    async fn find_anew(&mut self) -> Result<BTreeSet<String>, String> {
        let name_servers = &self.client.settings.name_servers;
        let mut answers = false;
        for address in name_servers.split(';') {
            answers |= connects(address).await;
        }
        if !answers {
            return Err(format!("none of the name servers {name_servers} responds"));
        }
        self.brokers = self.ask_name_servers().await.map_err(|because| {
            let hint = if self.client.settings.tls.is_some() {
                "they may not speak TLS, or their certificate is not signed by the CA in ROCKETMQ_TLS_CA"
            } else {
                "they may require TLS, see ROCKETMQ_TLS"
            };
            format!("the name servers {name_servers} accept connections but give no usable response; {hint}; {because}")
        })?;
        if self.brokers.is_empty() {
            return Err(format!(
                "the name servers {name_servers} know no broker; no broker is up, or none has registered yet"
            ));
        }
        let answering = self.answering().await;
        if answering.is_empty() {
            return Err(format!("none of the brokers {:?} responds", self.brokers));
        }
        Ok(answering)
    }

    async fn answering(&self) -> BTreeSet<String> {
        let asked =
            self.brokers.iter().map(|broker| async move { connects(broker).await.then(|| broker.clone()) });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn ask_name_servers(&self) -> Result<BTreeSet<String>, AdminError> {
        // A new one each time: one that failed would keep failing for a while.
        let admin = Admin::start(&self.client).await?;
        let masters = admin.masters().await;
        admin.stop().await;
        Ok(masters?.into_iter().map(|master| master.address.to_string()).collect())
    }
}

/// Whether a server accepts connections at an address and keeps them open.
async fn connects(address: &str) -> bool {
    let Ok(Ok(mut connection)) = timeout(CONNECTING, TcpStream::connect(address)).await else { return false };
    let closed = timeout(STAYING, connection.read_u8()).await;
    closed.is_err()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_server_that_closes_connections_at_once_counts_as_down() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        assert!(connects(&address).await, "nobody closes it");
        let closing = tokio::spawn(async move {
            loop {
                drop(listener.accept().await.unwrap());
            }
        });
        // The first one waits in the listener's queue still, and is closed with the others.
        assert!(!connects(&address).await, "it is closed at once");
        closing.abort();
        assert!(closing.await.is_err());
        assert!(!connects(&address).await, "nobody listens");
    }
}
