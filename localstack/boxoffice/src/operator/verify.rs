//! Checks what must always hold (I1 to I8 of the specification) from the stores.
//!
//! Some invariants hold at every instant, some only once nothing is waiting: those are judged when the bus is quiet
//! and reported as open otherwise.

mod census;
mod deliveries;
mod letters;
mod messages;

use std::path::Path;

use boxoffice_domain::ports::{Ports, StoreAudit, StoreError};
use serde::{Deserialize, Serialize};

use super::bus_view::BusView;
use crate::wording::counted;
use census::Census;

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
    /// Whether nothing was due, in flight or marked when it was checked.
    pub quiet: bool,
    /// The invariants in their order.
    pub invariants: Vec<Invariant>,
    /// Orders on file.
    pub orders: u64,
    /// Orders that are Paid.
    pub paid: u64,
    /// Those of them whose seats were gone, so that the money goes back: the stock cache had promised too much.
    pub paid_for_nothing: u64,
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
    /// Notifications delivered, repeats included, when the log provider's file was read.
    pub deliveries: Option<u64>,
    /// How many of them were repeats.
    pub repeated_deliveries: Option<u64>,
}

impl Verification {
    /// Notifications delivered, each counted once; 0 where no file tells.
    pub fn notified(&self) -> u64 {
        self.deliveries.unwrap_or(0).saturating_sub(self.repeated_deliveries.unwrap_or(0))
    }

    /// True when an invariant is known not to hold.
    pub fn is_broken(&self) -> bool {
        self.invariants.iter().any(|invariant| invariant.holds == Some(false))
    }
}

/// Reads the stores and judges. `deliveries` is the file of the log provider, where there is one.
pub(super) async fn verify(
    ports: &Ports,
    bus: &BusView,
    audit: &dyn StoreAudit,
    deliveries: Option<&Path>,
) -> Result<Verification, StoreError> {
    let census = Census::take(ports, bus, audit, deliveries).await?;
    Ok(Verification {
        quiet: census.quiet,
        invariants: invariants(&census),
        orders: census.orders,
        paid: census.paid,
        paid_for_nothing: census.paid_for_nothing,
        cancelled: census.cancelled,
        awaiting_payment: census.awaiting_payment,
        locked: census.locked,
        sold: census.sold,
        total: census.total,
        dead_letters: census.dead_letters,
        deliveries: census.deliveries.as_ref().map(|deliveries| deliveries.count),
        repeated_deliveries: census.deliveries.as_ref().map(|deliveries| deliveries.repeated),
    })
}

fn invariants(census: &Census) -> Vec<Invariant> {
    let when_quiet = |holds: bool| census.quiet.then_some(holds);
    let invariant = |name: &str, statement: &str, holds: Option<bool>, figures: String| Invariant {
        name: name.to_owned(),
        statement: statement.to_owned(),
        holds,
        figures,
    };
    vec![
        invariant(
            "I1",
            "locked + sold never exceeds the seats, and is the sum of the ledger",
            Some(census.oversold_tickets == 0 && census.miscounted_tickets == 0),
            format!(
                "{}: {} locked + {} sold of {}; {} oversold, {} that differ from their records",
                counted(census.tickets, "ticket"),
                census.locked,
                census.sold,
                census.total,
                census.oversold_tickets,
                census.miscounted_tickets
            ),
        ),
        invariant(
            "I2",
            "the stock cache agrees with the ledger, every reservation has a live order",
            when_quiet(census.drifted_tickets == 0 && census.orphaned_reservations == 0),
            format!(
                "{} reservations; {} tickets differ, {} reservations without a live order",
                census.reservations, census.drifted_tickets, census.orphaned_reservations
            ),
        ),
        invariant(
            "I3",
            "every order is in a state that the arrows lead to",
            Some(census.impossible_orders == 0),
            format!(
                "{} orders; {} carry fields their state cannot have",
                census.orders, census.impossible_orders
            ),
        ),
        invariant(
            "I4",
            "every accepted order is Paid or Cancelled, or within its time to pay",
            when_quiet(census.stuck_orders == 0),
            format!(
                "{} paid, {} cancelled, {} may still pay, {} stuck",
                census.paid, census.cancelled, census.awaiting_payment, census.stuck_orders
            ),
        ),
        invariant(
            "I5",
            "every payment is an order that is Paid with its seats sold, or a recorded refund",
            when_quiet(census.payments_lost == 0),
            format!(
                "{} paid, {} refunds due, {} paid orders found their seats gone; {} have neither seats nor refund, {} of \
                 them without a dead letter",
                census.paid,
                census.refunds_due,
                census.paid_for_nothing,
                census.paid_without_seats,
                census.payments_lost
            ),
        ),
        match &census.deliveries {
            Some(deliveries) => invariant(
                "I6",
                "each notification reached the provider once",
                when_quiet(deliveries.unexplained == 0),
                format!(
                    "{} delivered, {} of them repeats, {} of which no crash explains; {} begun and not ended",
                    deliveries.count,
                    deliveries.repeated,
                    deliveries.unexplained,
                    census.unfinished_notifications
                ),
            ),
            None => invariant(
                "I6",
                "each notification reached the provider once",
                None,
                format!(
                    "the provider keeps no file that could tell; {} begun and not ended",
                    census.unfinished_notifications
                ),
            ),
        },
        invariant(
            "I7",
            "every message sent is handled, dead-lettered or waiting",
            census.messages.fates.as_ref().map_or(when_quiet(true), |fates| Some(fates.unaccounted == 0)),
            match &census.messages.fates {
                Some(fates) => format!(
                    "{} put in queues = {} handled + {} dead-lettered + {} waiting; {} unaccounted for",
                    census.messages.sent, fates.handled, fates.dead, fates.waiting, fates.unaccounted
                ),
                None => format!(
                    "the broker keeps a message until its group has acknowledged it: {} wait there, {} are marked as \
                     unsent here",
                    census.messages.due, census.marks
                ),
            },
        ),
        invariant(
            "I8",
            "redelivery and redrive count once: one sale on record per paid order",
            when_quiet(
                census.sales_lost == 0 && census.sales_unpaid == 0 && census.sales == census.sales_in_totals,
            ),
            format!(
                "{} sales recorded, {} in the totals; {} paid orders without a sale, {} of them without a dead letter; {} \
                 sales of orders that are not paid",
                census.sales,
                census.sales_in_totals,
                census.sales_missing,
                census.sales_lost,
                census.sales_unpaid
            ),
        ),
    ]
}
