use std::fmt;
use std::sync::Arc;

use boxoffice_domain::ports::Clock;
use boxoffice_messages::ROUTES;
use boxoffice_runtime::Subscription;

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Loss of power: every commit waits until the disk has it (`synchronous=FULL`).
    #[default]
    PowerLoss,
    /// The end of the process, however sudden, but not of the machine: commits are in the hands of the operating
    /// system (`synchronous=NORMAL`). After a loss of power the file is sound but may lack the last commits. A commit
    /// costs no wait for the disk, so single writes are faster; under load, where many share a commit, little is won.
    ProcessCrash,
}

impl Durability {
    /// The value with this name, as `Display` writes it.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::PowerLoss, Self::ProcessCrash].into_iter().find(|known| known.to_string() == name)
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PowerLoss => "power-loss",
            Self::ProcessCrash => "process-crash",
        })
    }
}

/// Where the messages of an order's outbox go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutboxMode {
    /// The bus is this file: they are sent in the commit of the order, and none is ever left unsent.
    #[default]
    SendInCommit,
    /// The bus is elsewhere: messages to be remembered become marks, and the caller sends them.
    MarkForRelay,
}

/// Who may have a file open at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// This process and no other, so that workers may keep in memory which messages they have.
    #[default]
    Alone,
    /// Every process of this machine that opens it like this: the file holds the stores, and the bus is elsewhere.
    /// Their commits take turns.
    Shared,
}

/// How a file is opened.
#[derive(Clone)]
pub struct Options {
    /// What an acknowledged write survives.
    pub durability: Durability,
    /// Where outbox messages go.
    pub outbox: OutboxMode,
    /// Who may have it open at the same time.
    pub access: Access,
    /// The consumer groups and what they take. They are remembered in the file, so that a group that is not running
    /// gets its messages as well; a group that is listed here again takes what this list says.
    pub subscriptions: Vec<Subscription>,
    /// Tells when a message is due; `None` is the clock of the machine, made to never go back. A test that moves its
    /// own clock calls [`crate::Embedded::wake`] afterwards.
    pub clock: Option<Arc<dyn Clock>>,
}

impl Default for Options {
    /// Survives loss of power, sends in the commit, knows every route of `boxoffice_messages`.
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            outbox: OutboxMode::default(),
            access: Access::default(),
            subscriptions: ROUTES
                .iter()
                .map(|route| Subscription::new(route.group, route.topic, route.tags))
                .collect(),
            clock: None,
        }
    }
}

impl Options {
    /// Stores for a process whose bus is elsewhere: shared with other processes, outbox messages become marks.
    pub fn stores_only() -> Self {
        Self {
            outbox: OutboxMode::MarkForRelay,
            access: Access::Shared,
            subscriptions: Vec::new(),
            ..Self::default()
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("durability", &self.durability)
            .field("outbox", &self.outbox)
            .field("access", &self.access)
            .field("subscriptions", &self.subscriptions)
            .finish_non_exhaustive()
    }
}
