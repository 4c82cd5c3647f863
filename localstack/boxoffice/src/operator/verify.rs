//! Checks what must always hold (I1 to I8 of the specification) from the stores.
//!
//! Some invariants hold at every instant, some only once nothing is waiting: those are judged when the system is idle,
//! and reported as open otherwise.
//!
//! It reads every order, ledger record and reservation once, page by page, without holding up a writer, and remembers
//! only what is wrong with them. Of each notification in a log provider's file it remembers 16 bytes.

mod census;
mod invariants;
mod letters;
mod messages;
mod notifications;
mod orders;
mod stock;

use boxoffice_domain::ports::Ports;
use serde::{Deserialize, Serialize};

use super::OperatorError;
use super::audit::Audit;
use census::Census;

/// Records read at a time.
const PAGE: u32 = 1_000;

/// One invariant and what the stores say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invariant {
    /// I1 to I8.
    pub name: String,
    /// What must hold, in a few words.
    pub statement: String,
    /// Whether it does; none while it cannot be judged.
    pub holds: Option<bool>,
    /// The figures it was judged from.
    pub figures: String,
}

/// All invariants, and the figures of the sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Whether nothing was due, in flight or marked while it was checked.
    pub quiet: bool,
    /// The invariants in their order.
    pub invariants: Vec<Invariant>,
    /// Orders on file.
    pub orders: u64,
    /// Orders that are Paid.
    pub paid: u64,
    /// Those of them whose seats were gone, so that the money goes back: the stock cache had promised too much.
    pub paid_then_refunded: u64,
    /// Orders that are Cancelled.
    pub cancelled: u64,
    /// Orders that wait for their payment, within their time.
    pub awaiting_payment: u64,
    /// Seats locked, over all tickets.
    pub locked: u64,
    /// Seats sold, over all tickets.
    pub sold: u64,
    /// Seats in all.
    pub total: u64,
    /// Dead letters kept.
    pub dead_letters: u64,
    /// Those of them that are notifications.
    pub undelivered_notifications: u64,
    /// Notifications delivered, repeats included, when the log provider's file was read.
    pub deliveries: Option<u64>,
    /// How many of them were repeats.
    pub repeated_deliveries: Option<u64>,
}

impl Verification {
    /// Notifications delivered, each counted once; 0 where there is no file.
    pub fn notified(&self) -> u64 {
        self.deliveries.unwrap_or(0).saturating_sub(self.repeated_deliveries.unwrap_or(0))
    }

    /// True when an invariant is violated.
    pub fn is_broken(&self) -> bool {
        self.invariants.iter().any(|invariant| invariant.holds == Some(false))
    }
}

/// Reads the stores and judges.
pub(super) async fn verify(ports: &Ports, audit: &Audit) -> Result<Verification, OperatorError> {
    let census = Census::take(ports, audit).await?;
    let delivered = census.notifications.delivered;
    Ok(Verification {
        quiet: census.quiet,
        invariants: invariants::judge(&census),
        orders: census.orders.count,
        paid: census.orders.paid,
        paid_then_refunded: census.orders.paid_then_refunded,
        cancelled: census.orders.cancelled,
        awaiting_payment: census.orders.awaiting_payment,
        locked: census.stock.locked,
        sold: census.stock.sold,
        total: census.stock.total,
        dead_letters: census.dead_letters.values().sum(),
        undelivered_notifications: census.undelivered_notifications(),
        deliveries: delivered.map(|delivered| delivered.count),
        repeated_deliveries: delivered.map(|delivered| delivered.repeated),
    })
}
