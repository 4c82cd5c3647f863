//! Judges the invariants I1 to I8 by what was counted.

use std::collections::HashSet;

use super::Invariant;
use super::census::Census;
use crate::text::counted;

/// The most order numbers that a row names.
const NAMED: usize = 3;

/// All invariants in their order.
pub(super) fn judge(census: &Census) -> Vec<Invariant> {
    vec![
        counters(census),
        stock_cache(census),
        states(census),
        ends(census),
        payments(census),
        notifications(census),
        messages(census),
        sales(census),
    ]
}

fn invariant(name: &str, statement: &str, holds: Option<bool>, figures: String) -> Invariant {
    Invariant { name: name.to_owned(), statement: statement.to_owned(), holds, figures }
}

fn counters(census: &Census) -> Invariant {
    let stock = &census.stock;
    let broken = stock.oversold > 0 || stock.miscounted > 0;
    let holds = if broken { Some(false) } else { (stock.changing == 0).then_some(true) };
    let changing = match stock.changing {
        0 => String::new(),
        tickets => format!("; {tickets} changed while they were read"),
    };
    let figures = format!(
        "{}: {} locked + {} sold of {} seats; {} oversold, {} differ from their records{changing}",
        counted(stock.tickets, "ticket"),
        stock.locked,
        stock.sold,
        stock.total,
        stock.oversold,
        stock.miscounted
    );
    invariant(
        "I1",
        "seats locked and sold never exceed the total, and match the ledger's records",
        holds,
        figures,
    )
}

fn stock_cache(census: &Census) -> Invariant {
    let stock = &census.stock;
    invariant(
        "I2",
        "the stock cache matches the ledger, and every reservation belongs to a live order",
        census.quiet.then_some(stock.drifted == 0 && stock.orphaned == 0),
        format!(
            "{}; {} differ from the ledger, {} belong to no live order",
            counted(stock.reservations, "reservation"),
            counted(stock.drifted, "ticket"),
            counted(stock.orphaned, "reservation"),
        ),
    )
}

fn states(census: &Census) -> Invariant {
    let orders = &census.orders;
    invariant(
        "I3",
        "orders only take the allowed steps from state to state",
        Some(orders.impossible == 0),
        format!(
            "{}; {} have fields that do not fit their state",
            counted(orders.count, "order"),
            orders.impossible
        ),
    )
}

fn ends(census: &Census) -> Invariant {
    let orders = &census.orders;
    invariant(
        "I4",
        "every accepted order is paid or cancelled, or still has time to pay",
        census.quiet.then_some(orders.stuck == 0),
        format!(
            "{} paid, {} cancelled, {} may still pay, {} stuck",
            orders.paid, orders.cancelled, orders.awaiting_payment, orders.stuck
        ),
    )
}

fn payments(census: &Census) -> Invariant {
    let orders = &census.orders;
    let lost = orders.payments_lost > 0 || !census.seats_missing.is_empty();
    invariant(
        "I5",
        "no payment is lost: each has its seats or a recorded refund",
        census.quiet.then_some(!lost),
        format!(
            "{} paid, {} due, {} paid and then refunded because the seats were gone; {} with neither seats nor refund{}, \
             {} wait in dead letters",
            counted(orders.paid, "order"),
            counted(orders.refunds_due, "refund"),
            orders.paid_then_refunded,
            orders.payments_lost + census.seats_missing.len() as u64,
            some_of(&census.seats_missing),
            orders.without_seats.len() - census.seats_missing.len(),
        ),
    )
}

fn notifications(census: &Census) -> Invariant {
    let statement = "each notification reached its provider once, or again only after a crash";
    let unfinished = census.notifications.unfinished;
    let Some(delivered) = census.notifications.delivered else {
        let figures = format!("the provider keeps no log to check; {unfinished} started and not finished");
        return invariant("I6", statement, None, figures);
    };
    // A repeat without a crash is wrong whenever it is seen.
    let holds = if delivered.unexcused > 0 { Some(false) } else { census.quiet.then_some(true) };
    let figures = format!(
        "{} delivered; {} repeated after a crash, {} repeated without one; {unfinished} started and not finished",
        delivered.count,
        delivered.repeated - delivered.unexcused,
        delivered.unexcused,
    );
    invariant("I6", statement, holds, figures)
}

fn messages(census: &Census) -> Invariant {
    let statement = "every message sent is handled, a dead letter, or still waiting";
    let marks = census.messages.marks.count;
    let Some(totals) = census.messages.totals() else {
        let figures = format!(
            "the broker keeps each message until its group acknowledges it: {} are due there, {marks} are still to be \
             sent from here",
            census.messages.due()
        );
        return invariant("I7", statement, census.quiet.then_some(true), figures);
    };
    let figures = format!(
        "{} sent: {} handled, {} dead letters, {} waiting; {} unaccounted for",
        totals.sent, totals.done, totals.dead, totals.waiting, totals.unaccounted
    );
    invariant("I7", statement, Some(totals.unaccounted == 0), figures)
}

fn sales(census: &Census) -> Invariant {
    let (orders, sales) = (&census.orders, census.sales);
    let once = sales.records == sales.in_totals && orders.sales_of_unpaid == 0;
    invariant(
        "I8",
        "each paid order counts as one sale, however often its message came",
        census.quiet.then_some(once && census.sales_missing.is_empty()),
        format!(
            "{}; {} recorded, {} in the totals, {} of unpaid orders; {} missing{}, {} wait in dead letters",
            counted(orders.paid, "paid order"),
            counted(sales.records, "sale"),
            sales.in_totals,
            orders.sales_of_unpaid,
            census.sales_missing.len(),
            some_of(&census.sales_missing),
            orders.without_sale.len() - census.sales_missing.len(),
        ),
    )
}

/// Names a few orders, for the person who has to look into it.
fn some_of(orders: &HashSet<String>) -> String {
    if orders.is_empty() {
        return String::new();
    }
    let mut names: Vec<&str> = orders.iter().map(String::as_str).collect();
    names.sort_unstable();
    let more = if names.len() > NAMED { ", …" } else { "" };
    names.truncate(NAMED);
    format!(" ({}{more})", names.join(", "))
}
