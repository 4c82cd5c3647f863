//! The durable stock of one ticket tier: counters, one record per order, and how changes fold into them.
//!
//! `Deducted -> Confirmed` and `Deducted -> RolledBack`. A confirmation that arrives first counts as deduct and
//! confirm; a rollback that arrives first leaves a tombstone, so that the late deduction does nothing. The
//! result is the same in whatever order, and however often, the changes arrive.

use std::collections::HashMap;
use std::hash::BuildHasher;

use crate::{OrderNo, TicketId};

/// What a ticket tier has. `locked + sold <= total` always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Seats in the tier.
    pub total: u32,
    /// Seats reserved by orders that are not paid yet.
    pub locked: u32,
    /// Seats paid for.
    pub sold: u32,
}

impl Counters {
    /// Seats that nobody holds.
    pub const fn available(self) -> u32 {
        self.total.saturating_sub(self.locked).saturating_sub(self.sold)
    }
}

/// What happened to the seats of one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LedgerState {
    /// Counted in `locked`.
    Deducted,
    /// Counted in `sold`.
    Confirmed,
    /// Counted nowhere: given back, or a tombstone for a deduction that comes late.
    RolledBack,
}

/// The record of one order and ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The order.
    pub order_no: OrderNo,
    /// Its number of seats.
    pub quantity: u32,
    /// What happened to them.
    pub state: LedgerState,
}

/// What is asked of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LedgerOperation {
    /// Lock seats.
    Deduct,
    /// Locked seats are sold.
    Confirm,
    /// Give locked seats back.
    Rollback,
}

/// One change asked of the ledger of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerChange {
    /// The order.
    pub order_no: OrderNo,
    /// Its number of seats, at least 1.
    pub quantity: u32,
    /// What to do.
    pub operation: LedgerOperation,
}

/// What the ledger did with one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerOutcome {
    /// The change was made.
    Applied,
    /// Nothing to do: this change, or a later one of the same order, was made before.
    AlreadyApplied,
    /// A rollback without a deduction left a tombstone.
    Tombstoned,
    /// A deduction or first confirmation found too few seats; nothing changed.
    Insufficient {
        /// Seats that were available.
        available: u32,
    },
    /// A confirmation of seats that were given back; nothing changed.
    RolledBackBefore,
    /// A rollback of seats that are sold; nothing changed.
    SoldBefore,
    /// The order has a record with another number of seats; nothing changed.
    QuantityDiffers {
        /// The number on record.
        recorded: u32,
    },
    /// No stock was ever loaded for this ticket; nothing changed.
    UnknownTicket(TicketId),
}

/// What a batch comes to: the counters and the records to write, and an answer for each change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// The counters after the batch.
    pub counters: Counters,
    /// Records that are new or changed, each once, in the order of their first change.
    pub changed: Vec<LedgerEntry>,
    /// One answer per change, in the order of the changes.
    pub outcomes: Vec<LedgerOutcome>,
}

/// Folds `changes` into `counters`, given the records on file of the orders they name.
///
/// A refused change falls out of the batch and leaves its neighbours alone.
pub fn fold<S: BuildHasher>(
    counters: Counters,
    on_file: &HashMap<OrderNo, LedgerEntry, S>,
    changes: &[LedgerChange],
) -> Folded {
    let mut counters = counters;
    let mut records: Vec<LedgerEntry> = Vec::new();
    let mut position: HashMap<&OrderNo, usize> = HashMap::new();
    let mut outcomes = Vec::with_capacity(changes.len());
    for change in changes {
        let known = position.get(&change.order_no).copied();
        let current = match known {
            Some(index) => records.get(index),
            None => on_file.get(&change.order_no),
        };
        let (outcome, next) = step(&mut counters, current, change);
        outcomes.push(outcome);
        if let Some(entry) = next {
            if let Some(slot) = known.and_then(|index| records.get_mut(index)) {
                *slot = entry;
            } else {
                position.insert(&change.order_no, records.len());
                records.push(entry);
            }
        }
    }
    Folded { counters, changed: records, outcomes }
}

fn step(
    counters: &mut Counters,
    current: Option<&LedgerEntry>,
    change: &LedgerChange,
) -> (LedgerOutcome, Option<LedgerEntry>) {
    use LedgerOperation::{Confirm, Deduct, Rollback};
    use LedgerState::{Confirmed, Deducted, RolledBack};

    let record =
        |state| Some(LedgerEntry { order_no: change.order_no.clone(), quantity: change.quantity, state });
    let Some(entry) = current else {
        return match change.operation {
            Rollback => (LedgerOutcome::Tombstoned, record(RolledBack)),
            Deduct | Confirm if counters.available() < change.quantity => {
                (LedgerOutcome::Insufficient { available: counters.available() }, None)
            }
            Deduct => {
                counters.locked += change.quantity;
                (LedgerOutcome::Applied, record(Deducted))
            }
            Confirm => {
                counters.sold += change.quantity;
                (LedgerOutcome::Applied, record(Confirmed))
            }
        };
    };
    if entry.quantity != change.quantity {
        return (LedgerOutcome::QuantityDiffers { recorded: entry.quantity }, None);
    }
    match (entry.state, change.operation) {
        (Deducted | Confirmed | RolledBack, Deduct) | (Confirmed, Confirm) | (RolledBack, Rollback) => {
            (LedgerOutcome::AlreadyApplied, None)
        }
        (Deducted, Confirm) => {
            counters.locked = counters.locked.saturating_sub(entry.quantity);
            counters.sold += entry.quantity;
            (LedgerOutcome::Applied, record(Confirmed))
        }
        (Deducted, Rollback) => {
            counters.locked = counters.locked.saturating_sub(entry.quantity);
            (LedgerOutcome::Applied, record(RolledBack))
        }
        (RolledBack, Confirm) => (LedgerOutcome::RolledBackBefore, None),
        (Confirmed, Rollback) => (LedgerOutcome::SoldBefore, None),
    }
}
