//! The bus and every store in one SQLite file.
//!
//! [`Embedded`] implements every port of `boxoffice_domain::ports` that keeps something, the bus, and the
//! [`Transport`](boxoffice_runtime::Transport) that feeds functions. One thread writes: it commits what has gathered,
//! so many small writes share one commit. See the README of this crate.

mod audit;
mod bus;
mod columns;
mod consumer;
mod dead_letters;
mod figures;
mod files;
mod group;
mod horizon;
mod idempotency;
mod message;
mod message_counts;
mod open;
mod options;
mod orders;
mod outbox;
mod queues;
mod readers;
mod routing;
mod settings;
mod settling;
mod statistics;
mod stock_cache;
mod stock_ledger;
mod tx;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use boxoffice_domain::ports::StoreError;
use boxoffice_runtime::Subscription;
use boxoffice_runtime::telemetry::SendCounters;

pub use figures::Figures;
pub use files::Files;
pub use message::MAX_BODY_BYTES;
pub use open::OpenError;
pub use options::{Access, Durability, Options, OutboxMode};
pub use queues::GroupQueue;
pub use settings::{ADVICE, EmbeddedSettings, SCHEME};

use group::GroupState;
use horizon::Horizon;
use readers::Readers;
use routing::SharedRouting;
use writer::{WriteError, Writer, WriterFigures};

/// An open file: the bus and every store. Clones share it.
///
/// Only one process at a time may have a file open, unless all of them open it as [`Access::Shared`]. Dropping the last
/// clone closes the file after the queued writes; [`Embedded::close`] does the same and reports whether that succeeded.
#[derive(Clone)]
pub struct Embedded {
    inner: Arc<Inner>,
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

struct Inner {
    /// Taken when the last clone goes, which ends the writer.
    writer: Option<Writer>,
    thread: Mutex<Option<JoinHandle<()>>>,
    readers: Readers,
    routing: Arc<SharedRouting>,
    horizon: Arc<Horizon>,
    figures: Arc<WriterFigures>,
    outbox: OutboxMode,
    /// Created at the first use, when the metrics recorder is installed.
    send_counters: OnceLock<SendCounters>,
    path: std::path::PathBuf,
    first_id: i64,
}

impl Embedded {
    /// Opens the file at `path`, or creates it. Blocks for a moment; needs no async runtime.
    ///
    /// Messages that were in flight when the last program on this file died are delivered again, with one attempt
    /// more.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let outbox = options.outbox;
        let opened = open::open(path.as_ref(), options)?;
        Ok(Self {
            inner: Arc::new(Inner {
                writer: Some(opened.writer),
                thread: Mutex::new(Some(opened.thread)),
                readers: opened.readers,
                routing: opened.routing,
                horizon: opened.horizon,
                figures: opened.figures,
                outbox,
                send_counters: OnceLock::new(),
                path: opened.path,
                first_id: opened.first_id,
            }),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Registers a consumer group with its subscription, which replaces an earlier one. From then on messages wait for the
    /// group, whether it runs or not.
    pub async fn subscribe(&self, subscription: &Subscription) -> Result<(), StoreError> {
        self.join_group(subscription).await?;
        Ok(())
    }

    /// Wakes every idle consumer to check the clock. Only needed with a clock given in [`Options::clock`].
    pub fn wake(&self) {
        for group in self.inner.routing.groups() {
            group.wake_all();
        }
    }

    /// Writes what is queued, folds the log into the file and closes it. Every later call fails because the file is
    /// closed. Stop the consumers first: what they still have in flight is redelivered at the next opening.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.inner.readers.close();
        let closed = self.writer()?.close().await;
        let thread = self.inner.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It has answered, so it is about to end.
            let _ = thread.join();
        }
        // So that idle consumers notice the end.
        self.wake();
        Ok(closed?)
    }

    async fn join_group(&self, subscription: &Subscription) -> Result<Arc<GroupState>, StoreError> {
        let topics = routing::topics_of(subscription);
        if self.inner.routing.has(subscription.group, &topics)
            && let Some(group) = self.inner.routing.group(subscription.group)
        {
            return Ok(group);
        }
        let name = subscription.group;
        let wanted = topics.clone();
        let id =
            self.writer()?.write(move |tx| open::write_subscription(tx.connection, name, &wanted)).await?;
        Ok(self.inner.routing.set(id, name, &topics))
    }

    /// Whether the file was closed.
    fn is_closed(&self) -> bool {
        self.inner.writer.as_ref().is_none_or(Writer::is_closed)
    }

    fn send_counters(&self) -> &SendCounters {
        self.inner.send_counters.get_or_init(|| SendCounters::new(boxoffice_messages::destinations()))
    }

    fn writer(&self) -> Result<&Writer, WriteError> {
        self.inner.writer.as_ref().ok_or(WriteError::Closed)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.writer.take();
        self.readers.close();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // No caller can be waiting any more, so this takes as long as one commit.
            let _ = thread.join();
        }
    }
}
