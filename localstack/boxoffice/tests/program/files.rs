//! Bus, stores and stock cache in files of their own.

use serde_json::json;

use crate::support::Place;

#[test]
fn bus_store_and_stock_in_three_files_bring_an_order_from_creation_to_paid() {
    let place =
        Place::new(&[("BUS", "embedded:a.db"), ("STORE", "embedded:b.db"), ("STOCK", "embedded:c.db")]);
    let server = place.serve();
    let paid = server.order(1, 2);
    let cancelled = server.order(2, 1);
    for order in [&paid, &cancelled] {
        server.reaches(order, "AwaitingPayment");
    }
    assert_eq!(server.post(&format!("/orders/{paid}/pay"), &[], &json!({"payType": 1})).0, 200);
    assert_eq!(server.post(&format!("/orders/{cancelled}/cancel"), &[], &json!({})).0, 200);
    place.all_invariants_hold();
    let (status, stock) = server.get("/tickets/300111/stock");
    assert_eq!((status, &stock["available"], &stock["sold"]), (200, &json!(998), &json!(2)), "{stock}");
    assert_eq!(server.stop(), Some(0));
    for file in ["a.db", "b.db", "c.db"] {
        assert!(place.path(file).exists(), "{file}");
    }
    assert_eq!(
        place.json(&["order", "show", &paid])["state"],
        "Paid",
        "the stores are opened without a server"
    );
}

#[test]
fn one_file_under_two_names_is_one_file() {
    let place = Place::new(&[("BUS", "embedded:a.db"), ("STORE", "embedded:./a.db")]);
    let server = place.serve();
    let order = server.order(1, 1);
    server.reaches(&order, "AwaitingPayment");
    place.all_invariants_hold();
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_dead_letter_of_a_bus_in_another_file_is_gone_once_it_is_redriven() {
    let place = Place::new(&[("BUS", "embedded:a.db"), ("STORE", "embedded:b.db")]);
    let server = place.serve();
    let sent = place.run_with_input(
        &["send", "--topic", "ORDER_TOPIC", "--tag", "ORDER_CREATED", "-"],
        br#"{"eventType":"ORDER_CREATED"}"#,
    );
    assert_eq!(sent.status, Some(0), "{}", sent.stderr);
    let letters = || place.json(&["dlq", "list"])["letters"].as_array().unwrap().clone();
    let first = boxoffice_tests::until("the letter", || letters().first().cloned());
    let redriven = place.run(&["dlq", "redrive", "--all"]);
    assert_eq!(redriven.status, Some(0), "{}", redriven.stderr);
    // It is poison, so it comes back as another letter; the first must not stay beside it.
    boxoffice_tests::until("the letter of the redelivery", || {
        let letters = letters();
        (letters.len() == 1 && letters[0]["id"] != first["id"]).then_some(())
    });
    assert_eq!(server.stop(), Some(0));
}
