//! `boxoffice verify` says no when one of the invariants is broken in the store, and nothing unrelated excuses it.

use std::collections::BTreeSet;
use std::fs;

use boxoffice_tests::until;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Place, order_body};

/// A store in which everything holds: an order that was paid, and one that was cancelled.
struct Sound {
    place: Place,
    paid: String,
    cancelled: String,
}

impl Sound {
    fn new() -> Self {
        let place = Place::new(&[]);
        let server = place.serve();
        let (paid, cancelled) = (server.order(1, 2), server.order(2, 1));
        for order in [&paid, &cancelled] {
            server.reaches(order, "AwaitingPayment");
        }
        assert_eq!(server.post(&format!("/orders/{paid}/pay"), &[], &json!({"payType": 1})).0, 200);
        assert_eq!(server.post(&format!("/orders/{cancelled}/cancel"), &[], &json!({})).0, 200);
        let key = [("Idempotency-Key", "a-request-of-order-api")];
        let third = server.post("/orders", &key, &order_body(3, 1)).1["orderNo"].as_str().unwrap().to_owned();
        server.reaches(&third, "AwaitingPayment");
        until("both buyers are told", || {
            let told = fs::read_to_string(place.path("notifications.log")).unwrap_or_default();
            (told.lines().count() == 2).then_some(())
        });
        place.all_invariants_hold();
        assert_eq!(server.stop(), Some(0));
        for file in ["boxoffice.db", "notifications.log"] {
            fs::copy(place.path(file), place.path(&format!("{file}.sound"))).unwrap();
        }
        Self { place, paid, cancelled }
    }

    /// The store as it was, with these changes.
    fn with(&self, changes: &[String]) -> &Self {
        for file in ["boxoffice.db", "notifications.log"] {
            fs::copy(self.place.path(&format!("{file}.sound")), self.place.path(file)).unwrap();
        }
        for left in ["boxoffice.db-wal", "boxoffice.db-shm"] {
            let _ = fs::remove_file(self.place.path(left));
        }
        let file = Connection::open(self.place.database()).unwrap();
        // What the file itself would refuse is what verify has to find.
        file.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
        for change in changes {
            assert!(file.execute(change, []).unwrap() > 0, "nothing was changed by {change}");
        }
        self
    }

    /// Those that verify says do not hold; it ends with 1 if there is one.
    fn broken(&self) -> BTreeSet<String> {
        let ended = self.place.run(&["verify", "--json"]);
        let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(answer["value"]["quiet"], true, "{answer:#}");
        let invariants = answer["value"]["invariants"].as_array().unwrap();
        let broken: BTreeSet<String> = invariants
            .iter()
            .filter(|invariant| invariant["holds"] == false)
            .map(|invariant| invariant["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(ended.status, Some(i32::from(!broken.is_empty())), "{answer:#}");
        broken
    }

    /// A dead letter of this group about this order.
    fn letter(group: &str, key: &str) -> String {
        format!(
            "INSERT INTO dead_letters (id, stored_at, topic, group_name, message_id, key, attempts, error, sys_flag, \
             generation, body) VALUES ('{group}/{key}', 1, 'T', '{group}', 'm', '{key}', 16, 'e', 0, 0, '')"
        )
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn each_invariant_that_is_broken_in_the_store_is_named() {
    let sound = Sound::new();
    let Sound { paid, cancelled, .. } = &sound;
    assert_eq!(sound.with(&[]).broken(), names(&[]));
    let cases = [
        (
            "I1",
            "more seats are sold than there are",
            "UPDATE tickets SET sold = total + 1 WHERE sold > 0".to_owned(),
        ),
        (
            "I1",
            "counters differ from the records",
            format!("UPDATE ledger SET quantity = 9 WHERE order_no = '{paid}'"),
        ),
        (
            "I2",
            "the stock cache has too few seats",
            "UPDATE stock_cache SET available = available - 1".to_owned(),
        ),
        (
            "I2",
            "a cancelled order holds seats",
            format!("UPDATE reservations SET held = 1 WHERE order_no = '{cancelled}'"),
        ),
        (
            "I3",
            "a paid order was never paid",
            format!("UPDATE orders SET paid_at = NULL WHERE order_no = '{paid}'"),
        ),
        (
            "I4",
            "an order waits for nothing",
            format!("UPDATE orders SET state = 0 WHERE order_no = '{cancelled}'"),
        ),
        ("I4", "an order expired", "UPDATE orders SET expires_at = 1 WHERE state = 1".to_owned()),
        ("I5", "a paid order has no seats", format!("UPDATE ledger SET state = 0 WHERE order_no = '{paid}'")),
        (
            "I7",
            "a message disappeared",
            "UPDATE groups SET queued = queued + 1 WHERE name LIKE 'order-paid%'".to_owned(),
        ),
        ("I8", "a sale is not on record", format!("DELETE FROM sales WHERE order_no = '{paid}'")),
        ("I8", "a sale is counted twice", "UPDATE sales_totals SET orders = orders + 1".to_owned()),
        (
            "I8",
            "an order that is not paid has a sale",
            format!("UPDATE sales SET order_no = '{cancelled}' WHERE order_no = '{paid}'"),
        ),
    ];
    for (name, what, change) in cases {
        let broken = sound.with(&[change]).broken();
        assert!(broken.contains(name), "{what}: {broken:?}");
    }

    let log = sound.with(&[]).place.path("notifications.log");
    let told = fs::read_to_string(&log).unwrap();
    fs::write(&log, format!("{told}{}\n", told.lines().next().unwrap())).unwrap();
    assert_eq!(sound.broken(), names(&["I6"]), "a buyer was told twice");
}

#[test]
fn only_what_owes_an_effect_excuses_that_it_is_missing() {
    let sound = Sound::new();
    let paid = &sound.paid;
    // Without its seats, and without its sale.
    let missing = || {
        vec![
            format!("UPDATE ledger SET state = 2 WHERE order_no = '{paid}'"),
            "UPDATE tickets SET sold = 0".to_owned(),
            format!("DELETE FROM sales WHERE order_no = '{paid}'"),
            "UPDATE sales_totals SET orders = 0".to_owned(),
        ]
    };
    let broken_with = |letters: &[String]| {
        let mut broken = sound.with(&[missing(), letters.to_vec()].concat()).broken();
        // The stock cache still holds the seats.
        broken.remove("I2");
        broken
    };
    assert_eq!(broken_with(&[]), names(&["I5", "I8"]));
    let unrelated = [
        Sound::letter("sms-notification-consumer-group", paid),
        Sound::letter("order-cancelled-consumer-group", paid),
        Sound::letter("order-paid-consumer-group", "another-order"),
        Sound::letter("stock-management-consumer-group", "another-order"),
    ];
    assert_eq!(broken_with(&unrelated), names(&["I5", "I8"]));
    assert_eq!(broken_with(&[Sound::letter("stock-management-consumer-group", paid)]), names(&["I8"]));
    assert_eq!(broken_with(&[Sound::letter("order-paid-consumer-group", paid)]), names(&[]));

    let told_twice = |change: &[String]| {
        let log = sound.with(change).place.path("notifications.log");
        let told = fs::read_to_string(&log).unwrap();
        let line = told.lines().find(|line| line.contains(paid.as_str())).unwrap();
        fs::write(&log, format!("{told}{line}\n")).unwrap();
        sound.broken()
    };
    let taken_over =
        |keys: &str| vec![format!("UPDATE idempotency SET taken_over = 1 WHERE key LIKE '{keys}'")];
    assert_eq!(told_twice(&taken_over("order-api%")), names(&["I6"]));
    assert_eq!(told_twice(&taken_over(&format!("sms-notification/{}/%", sound.cancelled))), names(&["I6"]));
    assert_eq!(told_twice(&taken_over(&format!("sms-notification/{paid}/%"))), names(&[]));
}
