use boxoffice_domain::ports::{Alert, SendError, StoreError};
use boxoffice_domain::testing::Moment;
use boxoffice_messages::{OrderEventMessage, Payload};

use super::*;

#[tokio::test]
async fn seats_are_locked_then_sold_or_given_back() {
    let world = World::new();
    world.on_sale(10);
    reserve(&world, "T2").await;
    assert_eq!(handle(&world, [deduct("T1"), deduct("T2")]).await, [Outcome::Done, Outcome::Done]);
    assert_eq!(counters(&world), (4, 0));
    assert_eq!(handle(&world, [confirm("T1"), rollback("T2")]).await, [Outcome::Done, Outcome::Done]);
    assert_eq!(counters(&world), (0, 2));
    assert_eq!(available(&world), 10, "the reservation of T2 is free again");
}

#[tokio::test]
async fn a_change_that_was_made_before_is_a_duplicate() {
    let world = World::new();
    world.on_sale(10);
    handle(&world, [deduct("T1"), rollback("T2")]).await;
    let again = handle(&world, [deduct("T1"), rollback("T2"), deduct("T2")]).await;
    assert_eq!(again, [Outcome::Duplicate, Outcome::Duplicate, Outcome::Duplicate]);
    assert_eq!(counters(&world), (2, 0));
}

#[tokio::test]
async fn a_late_rollback_leaves_a_tombstone_in_both_stocks() {
    let world = World::new();
    world.on_sale(10);
    assert_eq!(handle(&world, [rollback("T1")]).await, [Outcome::Done]);
    assert_eq!(handle(&world, [deduct("T1")]).await, [Outcome::Duplicate]);
    assert_eq!(counters(&world), (0, 0));
    assert!(!world.stock_cache.holds(World::TICKET, &World::order_no("T1")));
}

#[tokio::test]
async fn a_batch_costs_one_write_for_each_ticket() {
    let world = World::new();
    world.on_sale(100);
    world.ledger.put(TicketId(2), 100);
    let other = StockEventMessage { ticket_id: Some(2), ..deduct("T9") };
    let mut batch: Vec<_> = (0..31).map(|number| deduct(&format!("T1{number}"))).collect();
    batch.insert(7, other);
    assert!(handle(&world, batch).await.iter().all(|outcome| *outcome == Outcome::Done));
    assert_eq!(world.ledger.batches(), [(TicketId(2), 1), (World::TICKET, 31)]);
}

/// A ledger applies a large batch in parts, between which the process may die.
#[tokio::test]
async fn a_large_batch_that_was_cut_between_its_parts_is_applied_again() {
    for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
        let world = World::new();
        world.on_sale(600);
        let batch = || (0..250).map(|number| deduct(&format!("T{number:03}")));
        world.crash.at(1, moment);
        let outcomes = handle(&world, batch()).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Retry { .. })));
        world.crash.restart();
        let applied = if moment == Moment::BeforeEffect { 100 } else { 200 };
        assert_eq!(counters(&world), (2 * applied, 0));
        let outcomes = handle(&world, batch()).await;
        let duplicates = outcomes.iter().take_while(|outcome| **outcome == Outcome::Duplicate).count();
        assert_eq!((duplicates, outcomes.len()), (applied as usize, 250));
        assert_eq!(counters(&world), (500, 0));
    }
}

#[tokio::test]
async fn one_bad_message_falls_out_of_the_batch() {
    let world = World::new();
    world.on_sale(10);
    let nameless = StockEventMessage { order_no: None, ..deduct("T2") };
    let of_nothing = StockEventMessage { ticket_id: None, ..deduct("T3") };
    let what = StockEventMessage { operation: None, ..deduct("T4") };
    let negative = StockEventMessage { quantity: Some(-1), ..deduct("T5") };
    let outcomes = handle(&world, [deduct("T1"), nameless, of_nothing, what, negative, deduct("T6")]).await;
    let expected = [
        Outcome::Done,
        Outcome::poison("StockEventMessage has no orderNo"),
        Outcome::poison("StockEventMessage has no ticketId"),
        Outcome::poison("StockEventMessage has no operation"),
        Outcome::poison("quantity must be at least 1, found -1"),
        Outcome::Done,
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(counters(&world), (4, 0));
}

#[tokio::test]
async fn a_batch_that_the_ledger_cannot_take_is_applied_one_by_one() {
    let world = World::new();
    world.on_sale(10);
    world.ledger.fail_next(2, StoreError::Invalid("too large".to_owned()));
    let outcomes = handle(&world, [deduct("T1"), deduct("T2")]).await;
    assert_eq!(outcomes, [Outcome::poison("the store rejected the request: too large"), Outcome::Done]);
}

#[tokio::test]
async fn a_ledger_that_is_away_is_a_retry_for_its_ticket_only() {
    let world = World::new();
    world.on_sale(10);
    world.ledger.fail_next(1, StoreError::Unavailable("away".to_owned()));
    let other = StockEventMessage { ticket_id: Some(1), ..deduct("T9") };
    let outcomes = handle(&world, [deduct("T1"), other, deduct("T2")]).await;
    assert!(
        matches!(&outcomes[1], Outcome::Retry { because, .. } if because.contains("away")),
        "{outcomes:?}"
    );
    assert_eq!((&outcomes[0], &outcomes[2]), (&Outcome::Done, &Outcome::Done));
}

#[tokio::test]
async fn stock_that_was_never_loaded_is_waited_for() {
    let world = World::new();
    let expected = Outcome::retry("no stock was loaded for ticket 300111");
    assert_eq!(handle(&world, [deduct("T1")]).await, [expected]);
}

#[tokio::test]
async fn contradictions_are_poison() {
    let world = World::new();
    world.on_sale(10);
    handle(&world, [confirm("T1"), deduct("T2")]).await;
    let other_quantity = StockEventMessage { quantity: Some(3), ..confirm("T2") };
    let expected = [
        Outcome::poison("the seats of this order are sold and cannot be released"),
        Outcome::poison("quantity is 3, but the ledger has 2 for this order"),
    ];
    assert_eq!(handle(&world, [rollback("T1"), other_quantity]).await, expected);
    assert_eq!(counters(&world), (2, 2));
}

#[tokio::test]
async fn a_refused_deduction_cancels_the_order_whose_rollback_frees_its_reservation() {
    let world = World::new();
    world.on_sale(10);
    world.ledger.put(World::TICKET, 1);
    let order = world.order("T1", OrderState::AwaitingPayment);
    reserve(&world, "T1").await;
    assert_eq!(handle(&world, [deduct("T1")]).await, [Outcome::Done]);
    assert_eq!(world.orders.state(&order.order_no), Some(OrderState::Cancelled));
    assert_eq!(world.bus.tags(), ["ORDER_CANCELLED"]);
    assert_eq!(handle(&world, [deduct("T1")]).await, [Outcome::Duplicate]);
    assert_eq!(world.bus.tags(), ["ORDER_CANCELLED"]);
    assert_eq!(handle(&world, [rollback("T1")]).await, [Outcome::Done]);
    assert!(!world.stock_cache.holds(World::TICKET, &order.order_no));
}

#[tokio::test]
async fn a_refused_deduction_of_a_paid_order_records_a_refund() {
    let world = World::new();
    world.on_sale(1);
    let order = world.order("T1", OrderState::Paid);
    assert_eq!(handle(&world, [deduct("T1")]).await, [Outcome::Done]);
    let order = world.orders.snapshot(&order.order_no).unwrap();
    assert_eq!(order.state, OrderState::Paid);
    assert_eq!(order.refund_due.unwrap().because, "it was paid, but ticket 300111 was sold out");
    assert_eq!(world.alerts.raised().len(), 1);
    assert_eq!(handle(&world, [deduct("T1")]).await, [Outcome::Duplicate]);
    assert_eq!(world.alerts.raised().len(), 1);
}

/// The seats that come free later are for others: the money goes back.
#[tokio::test]
async fn an_order_that_gets_its_money_back_gets_no_seats_afterwards() {
    let world = World::new();
    world.on_sale(3);
    for number in ["T1", "T2"] {
        world.order(number, OrderState::Paid);
    }
    handle(&world, [deduct("T0"), deduct("T1"), confirm("T2")]).await;
    for number in ["T1", "T2"] {
        let order = world.orders.snapshot(&World::order_no(number)).unwrap();
        assert!(order.refund_due.is_some(), "{number} has no refund");
        assert!(!world.stock_cache.holds(World::TICKET, &order.order_no));
    }
    let late = handle(&world, [rollback("T0"), confirm("T1"), deduct("T2"), confirm("T2")]).await;
    assert_eq!(late, [Outcome::Done, Outcome::Duplicate, Outcome::Duplicate, Outcome::Duplicate]);
    assert_eq!(counters(&world), (0, 0));
    assert_eq!(world.alerts.raised().len(), 2);
}

#[tokio::test]
async fn a_refused_deduction_of_an_unknown_order_is_told_to_whoever_keeps_it() {
    let world = World::new();
    world.on_sale(1);
    assert_eq!(handle(&world, [deduct("J1")]).await, [Outcome::Done]);
    let sent = world.bus.sent_with("ORDER_CANCELLED");
    let event = OrderEventMessage::decode(&sent[0].body).unwrap();
    assert_eq!((event.order_no.as_deref(), event.ticket_id), (Some("J1"), Some(World::TICKET.0)));
    assert_eq!((event.quantity, event.status), (Some(2), Some(2)));
}

#[tokio::test]
async fn money_for_seats_that_are_gone_becomes_a_refund_and_an_alert() {
    let world = World::new();
    world.on_sale(1);
    // Too few seats for a paid order; seats given back before, of a paid and of a cancelled order.
    for (number, state) in [("T1", OrderState::Paid), ("T2", OrderState::Paid), ("T3", OrderState::Cancelled)]
    {
        world.order(number, state);
    }
    handle(&world, [rollback("T2"), rollback("T3")]).await;
    let outcomes = handle(&world, [confirm("T1"), confirm("T2"), confirm("T3")]).await;
    assert_eq!(outcomes, [Outcome::Done, Outcome::Done, Outcome::Done]);
    for number in ["T1", "T2", "T3"] {
        let order = world.orders.snapshot(&World::order_no(number)).unwrap();
        assert!(order.refund_due.is_some(), "{number} has no refund");
    }
    assert_eq!(world.alerts.raised().len(), 3);
    assert_eq!(counters(&world), (0, 0));
    let again = handle(&world, [confirm("T1"), confirm("T2"), confirm("T3")]).await;
    assert_eq!(again, [Outcome::Duplicate, Outcome::Duplicate, Outcome::Duplicate]);
    assert_eq!(world.alerts.raised().len(), 3);
}

#[tokio::test]
async fn a_debt_for_an_order_that_is_not_ours_is_kept_as_a_dead_letter() {
    let world = World::new();
    world.on_sale(1);
    let outcomes = handle(&world, [confirm("J1")]).await;
    let expected = "refund due: it was paid, but ticket 300111 had only 1 seat(s) left, \
                    and the order is not in this store";
    assert_eq!(outcomes, [Outcome::poison(expected)]);
}

#[tokio::test]
async fn a_confirmation_of_an_order_that_cannot_be_paid_yet_is_retried() {
    let world = World::new();
    world.on_sale(1);
    world.order("T1", OrderState::Created);
    let expected = Outcome::retry("the order is still Created: it cannot be paid yet");
    assert_eq!(handle(&world, [confirm("T1")]).await, [expected]);
}

#[tokio::test]
async fn an_announcement_that_was_not_sent_stays_marked() {
    let world = World::new();
    world.on_sale(10);
    world.ledger.put(World::TICKET, 1);
    world.order("T1", OrderState::AwaitingPayment);
    world.bus.fail_next(1, SendError::Unavailable("away".to_owned()));
    assert!(matches!(handle(&world, [deduct("T1")]).await[..], [Outcome::Retry { .. }]));
    assert_eq!(world.orders.marked().len(), 1);
    assert_eq!(handle(&world, [deduct("T1")]).await, [Outcome::Duplicate]);
    assert_eq!(world.orders.marked().len(), 1);
}

#[tokio::test]
async fn wherever_a_refused_confirmation_is_cut_the_refund_is_recorded_and_the_alert_raised() {
    let mut cuts = 0;
    for call in 0.. {
        for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
            let world = World::new();
            world.on_sale(1);
            let order = world.order("T1", OrderState::Paid);
            world.crash.at(call, moment);
            handle(&world, [confirm("T1")]).await;
            if !world.crash.happened() {
                assert_eq!(cuts, 12, "apply, step, give up, record, alert, release: before and after");
                return;
            }
            cuts += 1;
            world.crash.restart();
            let outcome = redelivered(&world, confirm("T1")).await;
            assert!(
                matches!(outcome, Outcome::Done | Outcome::Duplicate),
                "cut {call} {moment:?}: {outcome:?}"
            );
            assert!(world.orders.snapshot(&order.order_no).unwrap().refund_due.is_some());
            let alerts = world.alerts.raised();
            assert!(
                alerts.iter().any(|alert| matches!(alert, Alert::RefundDue { .. })),
                "cut {call} {moment:?}"
            );
        }
    }
}
