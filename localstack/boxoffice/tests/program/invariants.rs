//! `boxoffice verify` on a store in which one thing is wrong: it says which invariant is broken, and no other.

use std::io::Write as _;
use std::sync::LazyLock;

use serde_json::json;

use crate::support::{Ended, Place};

/// A sale at rest: one order is paid, one cancelled, one may still be paid; two buyers were told.
struct Sold {
    database: Vec<u8>,
    notifications: Vec<u8>,
    paid: String,
    cancelled: String,
    waiting: String,
}

static SOLD: LazyLock<Sold> = LazyLock::new(|| {
    let place = Place::new(&[]);
    let server = place.serve();
    let [paid, cancelled, waiting] = [(1, 2), (2, 1), (3, 2)].map(|(user, quantity)| {
        let order = server.order(user, quantity);
        server.reaches(&order, "AwaitingPayment");
        order
    });
    assert_eq!(server.post(&format!("/orders/{paid}/pay"), &[], &json!({"payType": 1})).0, 200);
    assert_eq!(server.post(&format!("/orders/{cancelled}/cancel"), &[], &json!({})).0, 200);
    place.all_invariants_hold();
    assert_eq!(server.stop(), Some(0));
    Sold {
        database: std::fs::read(place.database()).unwrap(),
        notifications: std::fs::read(place.path("notifications.log")).unwrap(),
        paid,
        cancelled,
        waiting,
    }
});

/// A copy of the sale, for one test to break.
fn sold() -> Place {
    let place = Place::new(&[]);
    std::fs::write(place.database(), &SOLD.database).unwrap();
    std::fs::write(place.path("notifications.log"), &SOLD.notifications).unwrap();
    place
}

fn change(place: &Place, sql: &str) {
    let file = rusqlite::Connection::open(place.database()).unwrap();
    file.execute_batch(sql).unwrap();
}

/// Keeps a dead letter of a group about an order.
fn bury(place: &Place, group: &str, order_no: &str) {
    let file = rusqlite::Connection::open(place.database()).unwrap();
    let letters: i64 = file.query_row("SELECT count(*) FROM dead_letters", [], |row| row.get(0)).unwrap();
    file.execute(
        "INSERT INTO dead_letters (id, stored_at, topic, tag, group_name, message_id, key, attempts, error, sys_flag, \
         properties, generation, sent_at, body) \
         VALUES (?1, 1, 'ORDER_TOPIC', 'ORDER_PAID', ?2, 'm', ?3, 16, 'away', 0, NULL, 0, NULL, x'7b7d')",
        (format!("letter-{letters}"), group, order_no),
    )
    .unwrap();
}

/// The verdict on each invariant, in their order: yes, NO or open.
fn verdicts(verified: &Ended) -> Vec<(String, String)> {
    let rows = verified.stdout.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (name, verdict) = (words.next()?, words.next()?);
        let is_row = name.len() == 2 && name.starts_with('I');
        is_row.then(|| (name.to_owned(), verdict.to_owned()))
    });
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), 8, "{}{}", verified.stdout, verified.stderr);
    rows
}

/// Everything holds, and the exit status says so.
fn says_yes(place: &Place) {
    let verified = place.run(&["verify"]);
    assert!(verdicts(&verified).iter().all(|(_, verdict)| verdict == "yes"), "{}", verified.stdout);
    assert_eq!(verified.status, Some(0), "{}", verified.stdout);
}

/// These invariants are broken and the others hold, and the exit status says so.
fn says_no(place: &Place, broken: &[&str]) {
    let verified = place.run(&["verify"]);
    for (name, verdict) in verdicts(&verified) {
        let expected = if broken.contains(&name.as_str()) { "NO" } else { "yes" };
        assert_eq!(verdict, expected, "{name}:\n{}", verified.stdout);
    }
    assert_eq!(verified.status, Some(1), "{}", verified.stdout);
}

/// The seats of the paid order are gone from ledger, counters and stock cache, and no refund is recorded.
fn lose_the_seats_of_the_paid_order(place: &Place) {
    change(
        place,
        &format!(
            "UPDATE ledger SET state = 2 WHERE order_no = '{0}'; UPDATE tickets SET sold = sold - 2 WHERE sold > 0; \
             UPDATE reservations SET held = 0 WHERE order_no = '{0}'; \
             UPDATE stock_cache SET available = available + 2, held = held - 2 WHERE held > 0;",
            SOLD.paid
        ),
    );
}

/// The sale of the paid order was never recorded.
fn lose_the_sale_of_the_paid_order(place: &Place) {
    change(
        place,
        &format!(
            "DELETE FROM sales WHERE order_no = '{}'; UPDATE sales_totals SET orders = orders - 1;",
            SOLD.paid
        ),
    );
}

/// The text message to the buyer of the paid order is delivered once more.
fn repeat_the_message_to_the_payer(place: &Place) {
    let path = place.path("notifications.log");
    let log = std::fs::read_to_string(&path).unwrap();
    let line = log.lines().find(|line| line.contains(&SOLD.paid)).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    writeln!(file, "{line}").unwrap();
}

#[test]
fn a_sale_at_rest_keeps_every_invariant() {
    says_yes(&sold());
}

#[test]
fn i1_is_broken_when_the_counters_are_not_the_sum_of_the_records() {
    let place = sold();
    change(&place, &format!("UPDATE ledger SET quantity = 5 WHERE order_no = '{}'", SOLD.waiting));
    says_no(&place, &["I1"]);
}

#[test]
fn i2_is_broken_when_the_stock_cache_offers_a_seat_too_many() {
    let place = sold();
    change(&place, "UPDATE stock_cache SET available = available + 1 WHERE ticket_id = 300111");
    says_no(&place, &["I2"]);
}

#[test]
fn i2_is_broken_when_a_cancelled_order_holds_seats() {
    let place = sold();
    change(&place, &format!("UPDATE reservations SET held = 1 WHERE order_no = '{}'", SOLD.cancelled));
    says_no(&place, &["I2"]);
}

#[test]
fn i2_is_broken_when_the_stock_cache_lost_a_ticket() {
    let place = sold();
    change(&place, "DELETE FROM stock_cache WHERE ticket_id = 300111");
    says_no(&place, &["I2"]);
}

#[test]
fn i3_is_broken_when_a_paid_order_was_never_paid() {
    let place = sold();
    change(&place, &format!("UPDATE orders SET paid_at = NULL WHERE order_no = '{}'", SOLD.paid));
    says_no(&place, &["I3"]);
}

#[test]
fn i4_is_broken_when_an_order_is_left_after_its_time_to_pay() {
    let place = sold();
    change(&place, &format!("UPDATE orders SET expires_at = 1 WHERE order_no = '{}'", SOLD.waiting));
    says_no(&place, &["I4"]);
}

#[test]
fn i4_is_broken_when_an_order_is_never_processed() {
    let place = sold();
    let never = "INSERT INTO orders SELECT 'T0' AS order_no, user_id, show_id, session_id, ticket_id, quantity, \
                 NULL, 0, phone, email, device_token, NULL, NULL, created_at, NULL, expires_at, expires_at, NULL, NULL, \
                 NULL FROM orders WHERE order_no =";
    change(&place, &format!("{never} '{}'", SOLD.waiting));
    says_no(&place, &["I4"]);
}

#[test]
fn i5_is_broken_when_a_payment_has_neither_seats_nor_refund() {
    let place = sold();
    lose_the_seats_of_the_paid_order(&place);
    says_no(&place, &["I5"]);
    let refund =
        "UPDATE orders SET refund_since = 1, refund_because = 'the seats were gone' WHERE order_no =";
    change(&place, &format!("{refund} '{}'", SOLD.paid));
    says_yes(&place);
}

#[test]
fn i5_is_broken_when_the_payment_of_a_cancelled_order_is_not_to_be_refunded() {
    let place = sold();
    change(&place, &format!("UPDATE orders SET pay_type = 1 WHERE order_no = '{}'", SOLD.cancelled));
    says_no(&place, &["I5"]);
}

#[test]
fn i6_is_broken_when_a_buyer_is_told_twice() {
    let place = sold();
    repeat_the_message_to_the_payer(&place);
    says_no(&place, &["I6"]);
}

#[test]
fn i7_is_broken_when_a_message_disappears() {
    let place = sold();
    change(&place, "UPDATE groups SET queued = queued + 1 WHERE name = 'order-paid-consumer-group'");
    says_no(&place, &["I7"]);
}

#[test]
fn i7_is_broken_when_one_group_lost_what_another_handled_twice() {
    let place = sold();
    change(
        &place,
        "UPDATE groups SET handled = handled - 1 WHERE name = 'order-paid-consumer-group'; \
         UPDATE groups SET handled = handled + 1 WHERE name = 'order-process-consumer-group';",
    );
    says_no(&place, &["I7"]);
}

#[test]
fn i8_is_broken_when_a_sale_is_missing() {
    let place = sold();
    lose_the_sale_of_the_paid_order(&place);
    says_no(&place, &["I8"]);
}

#[test]
fn i8_is_broken_when_a_sale_is_counted_twice() {
    let place = sold();
    change(&place, "UPDATE sales_totals SET orders = orders + 1");
    says_no(&place, &["I8"]);
}

#[test]
fn i8_is_broken_when_an_order_that_was_not_paid_counts_as_a_sale() {
    let place = sold();
    change(
        &place,
        &format!(
            "UPDATE sales SET order_no = '{}' WHERE order_no = '{}'; UPDATE sales_totals SET orders = orders + 1; \
             INSERT INTO sales (order_no, ticket_id, quantity, at) VALUES ('{1}', 300111, 2, 1);",
            SOLD.waiting, SOLD.paid
        ),
    );
    says_no(&place, &["I8"]);
}

#[test]
fn dead_letters_of_others_do_not_excuse_a_lost_payment() {
    let place = sold();
    lose_the_seats_of_the_paid_order(&place);
    for group in ["sms-notification-consumer-group", "order-process-consumer-group"] {
        bury(&place, group, &SOLD.paid);
    }
    bury(&place, "order-paid-consumer-group", &SOLD.cancelled);
    bury(&place, "stock-management-consumer-group", &SOLD.waiting);
    says_no(&place, &["I5"]);
    bury(&place, "stock-management-consumer-group", &SOLD.paid);
    says_yes(&place);
}

#[test]
fn dead_letters_of_others_do_not_excuse_a_lost_sale() {
    let place = sold();
    lose_the_sale_of_the_paid_order(&place);
    for group in ["sms-notification-consumer-group", "stock-management-consumer-group"] {
        bury(&place, group, &SOLD.paid);
    }
    bury(&place, "order-paid-consumer-group", &SOLD.cancelled);
    says_no(&place, &["I8"]);
    bury(&place, "order-paid-consumer-group", &SOLD.paid);
    says_yes(&place);
}

#[test]
fn effects_of_others_that_were_taken_over_do_not_excuse_a_repeated_message() {
    let place = sold();
    repeat_the_message_to_the_payer(&place);
    let taken_over = |key: &str| {
        format!(
            "INSERT INTO idempotency (key, owner, payload_hash, state, taken_over, lease_until, expires_at) \
             VALUES ('{key}', 'o', 'h', 2, 3, 1, 9000000000000000000)"
        )
    };
    change(&place, &taken_over("order-api/create/1/first/0"));
    change(&place, &taken_over("sms-notification/T0/ORDER_PAID/0"));
    change(&place, &taken_over(&format!("email-notification/{}/ORDER_PAID/0", SOLD.paid)));
    says_no(&place, &["I6"]);
    let taken_over = "UPDATE idempotency SET taken_over = 1 WHERE key =";
    change(&place, &format!("{taken_over} 'sms-notification/{}/ORDER_PAID/0'", SOLD.paid));
    says_yes(&place);
}

#[test]
fn what_needs_an_idle_system_is_open_while_a_message_waits() {
    let place = sold();
    lose_the_sale_of_the_paid_order(&place);
    change(&place, "UPDATE messages SET due = 1");
    let verified = place.run(&["verify"]);
    let open: Vec<String> = verdicts(&verified)
        .into_iter()
        .filter(|(_, verdict)| verdict == "open")
        .map(|(name, _)| name)
        .collect();
    assert_eq!(open, ["I2", "I4", "I5", "I6", "I8"], "{}", verified.stdout);
    assert!(verified.stdout.contains("Run this again later"), "{}", verified.stdout);
    assert_eq!(verified.status, Some(0), "{}", verified.stdout);
}
