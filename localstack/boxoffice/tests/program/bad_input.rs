//! Whatever a client or the person at the keyboard gets wrong: a clear answer, and nothing lost.

use boxoffice_tests::http::free_address;
use serde_json::{Value, json};

use crate::support::{Place, Server, order_body, write};

fn detail(answer: &Value) -> String {
    answer.to_string()
}

#[test]
fn every_wrong_request_is_told_what_is_wrong() {
    let place = Place::new(&[]);
    let server = place.serve();
    let post = |body: &[u8]| server.request("POST", "/orders", &[], body);
    let (status, answer) = post(b"{\"userId\": 1,");
    assert_eq!(status, 400, "{answer}");
    assert!(detail(&answer).contains("line 1"), "{answer}");
    for (field, value) in [
        ("userId", json!("x")),
        ("quantity", json!(0)),
        ("quantity", json!(11)),
        ("quantity", json!(9_223_372_036_854_775_807_i64)),
        ("ticketId", json!(-1)),
        ("ticketId", json!(424_242)),
        ("showId", json!(null)),
        ("phone", json!("not a number")),
    ] {
        let mut body = order_body(1, 1);
        body[field] = value;
        let (status, answer) = server.post("/orders", &[], &body);
        assert_eq!(status, 422, "{field}: {answer}");
        assert!(detail(&answer).contains(field), "{field} is not named: {answer}");
    }
    let beyond =
        br#"{"userId":99999999999999999999,"showId":3001,"sessionId":30011,"ticketId":300111,"quantity":1}"#;
    let (status, answer) = post(beyond);
    assert_eq!(status, 422, "{answer}");
    assert!(detail(&answer).contains("userId"), "{answer}");
    assert_eq!(server.get("/orders/T999").0, 404);
    assert_eq!(server.post("/orders/T999/pay", &[], &json!({"payType": 1})).0, 404);
    assert_eq!(server.post("/orders/T999/cancel", &[], &json!({})).0, 404);
    assert_eq!(server.get("/orders?userId=abc").0, 422);
    assert_eq!(server.get("/nowhere").0, 404);
    assert_eq!(server.request("DELETE", "/orders", &[], b"").0, 405);
    assert_eq!(post(&vec![b' '; 10 * 1024 * 1024]).0, 413);
    assert_eq!(server.get("/tickets/300111/stock").1["available"], 1000);
    place.all_invariants_hold();
}

#[test]
fn paying_twice_is_one_payment() {
    let place = Place::new(&[]);
    let server = place.serve();
    let order = server.order(1, 2);
    server.reaches(&order, "AwaitingPayment");
    let pay = || server.post(&format!("/orders/{order}/pay"), &[], &json!({"payType": 1}));
    let (first, second) = (pay(), pay());
    assert_eq!(first.0, 200, "{}", first.1);
    assert_eq!(first, second);
    assert_eq!(server.post(&format!("/orders/{order}/pay"), &[], &json!({"payType": 9})).0, 422);
    assert_eq!(server.post(&format!("/orders/{order}/cancel"), &[], &json!({})).0, 409);
    place.all_invariants_hold();
    assert_eq!(server.get("/tickets/300111/stock").1["sold"], 2);
}

#[test]
fn a_payment_after_the_cancellation_is_a_refund_until_somebody_settles_it() {
    let place = Place::new(&[]);
    let server = place.serve();
    let order = server.order(1, 2);
    server.reaches(&order, "AwaitingPayment");
    assert_eq!(server.post(&format!("/orders/{order}/cancel"), &[], &json!({"reason": "ill"})).0, 200);
    let (status, answer) = server.post(&format!("/orders/{order}/pay"), &[], &json!({"payType": 2}));
    assert_eq!(status, 409);
    assert!(detail(&answer).contains("refund"), "{answer}");
    assert!(place.run(&["refund", "list"]).stdout.contains(&order));
    assert!(place.log().contains("a refund is due"), "{}", place.log());
    let settled = place.run(&["refund", "settle", &order]);
    assert_eq!(settled.status, Some(0), "{}", settled.stderr);
    assert!(!place.run(&["refund", "list"]).stdout.contains(&order));
    assert_eq!(place.run(&["refund", "settle", &order]).status, Some(1));
    place.all_invariants_hold();
    assert_eq!(server.get("/tickets/300111/stock").1["available"], 1000);
}

#[test]
fn a_repeated_request_gets_the_first_answer_and_makes_one_order() {
    let place = Place::new(&[]);
    let server = place.serve();
    let key = [("Idempotency-Key", "once")];
    let first = server.post("/orders", &key, &order_body(1, 1));
    assert_eq!(first.0, 201);
    assert_eq!(server.post("/orders", &key, &order_body(1, 1)), first);
    assert_eq!(server.post("/orders", &key, &order_body(1, 2)).0, 422);
    assert_eq!(server.get("/orders?userId=1").1["orders"].as_array().unwrap().len(), 1);
}

/// Starts a server that cannot start; checks how it ends and what it says.
fn refused(place: &Place, status: i32, words: &[&str]) {
    let ended = place.run(&["serve"]);
    assert_eq!(ended.status, Some(status), "{}{}", ended.stdout, ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "{word:?} is not said: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let place = Place::new(&[]);
    let garbage = "this is not a database, but somebody's letter ".repeat(500);
    write(&place.database(), &garbage);
    refused(&place, 1, &["boxoffice.db"]);
    assert_eq!(std::fs::read_to_string(place.database()).unwrap(), garbage);
}

#[test]
fn a_database_that_cannot_be_written_is_named() {
    let place = Place::new(&[]);
    std::fs::create_dir(place.database()).unwrap();
    refused(&place, 1, &["boxoffice.db"]);
    let place = Place::new(&[("BUS", "embedded:no/such/folder/boxoffice.db")]);
    refused(&place, 1, &["no/such/folder"]);
}

#[test]
fn a_damaged_database_is_told_from_a_sound_one() {
    let place = Place::new(&[]);
    let server = place.serve();
    server.order(1, 1);
    assert_eq!(server.stop(), Some(0));
    let mut bytes = std::fs::read(place.database()).unwrap();
    for byte in &mut bytes[8_192..24_576] {
        *byte = 0xA5;
    }
    std::fs::write(place.database(), bytes).unwrap();
    refused(&place, 1, &["boxoffice.db", "damaged"]);
}

#[test]
fn a_port_in_use_is_named_with_its_setting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new(&[("LISTEN", &address)]);
    refused(&place, 2, &["LISTEN", &address, "another program"]);
}

#[test]
fn a_second_server_on_the_same_file_is_refused_and_the_first_goes_on() {
    let place = Place::new(&[]);
    let server = place.serve();
    refused(&place, 1, &["boxoffice.db", "another"]);
    let order = server.order(1, 1);
    server.reaches(&order, "AwaitingPayment");
    place.all_invariants_hold();
}

#[test]
fn every_wrong_setting_is_reported_at_once() {
    let place = Place::new(&[
        ("WORKERS", "0"),
        ("PAYMENT_WINDOW", "soon"),
        ("STORE", "elsewhere.db"),
        ("BOXOFFICE_CONFG", "x"),
    ]);
    refused(
        &place,
        2,
        &["WORKERS", "PAYMENT_WINDOW", "STORE", "BOXOFFICE_CONFG", "did you mean BOXOFFICE_CONFIG"],
    );
    let place = Place::new(&[]);
    write(&place.path("settings.toml"), "PAYMENT_WINDOWS = \"15m\"\nBATCH_SIZE = 0\n");
    let ended = place.run(&["serve", "--config", "settings.toml"]);
    assert_eq!(ended.status, Some(2));
    for word in ["PAYMENT_WINDOWS", "did you mean PAYMENT_WINDOW", "BATCH_SIZE"] {
        assert!(ended.stderr.contains(word), "{}", ended.stderr);
    }
}

#[test]
fn a_wrong_catalogue_is_reported_with_its_line() {
    let place = Place::new(&[("CATALOGUE", "catalogue.toml"), ("LISTEN", &free_address().to_string())]);
    write(&place.path("catalogue.toml"), "[[show]]\nid = 1\ntitle = \"A\"\nplace = \"B\"\nprise = 3\n");
    refused(&place, 2, &["catalogue.toml", "line"]);
}

#[test]
fn nothing_is_lost_when_rubbish_and_orders_come_together() {
    let place = Place::new(&[]);
    let server: Server<'_> = place.serve();
    for user in 1..=20 {
        assert_eq!(server.request("POST", "/orders", &[], &[0xFF, 0xFE, 0x00]).0, 400);
        let order = server.order(user, 1);
        assert_eq!(server.request("POST", &format!("/orders/{order}/pay"), &[], b"[1,2").0, 400);
    }
    place.all_invariants_hold();
    assert_eq!(server.get("/tickets/300111/stock").1["locked"], 20);
}
