//! What an operator does, against a running server and on the file itself.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use boxoffice_tests::until;
use serde_json::json;

use crate::support::{Place, Server, request_to};

/// A gateway for text messages that rejects them until the test lets it accept; keeps the idempotency keys it accepted.
struct Gateway {
    address: String,
    works: Arc<AtomicU32>,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Gateway {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/sms", listener.local_addr().unwrap());
        let (works, taken) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (answers, keys) = (Arc::clone(&works), Arc::clone(&taken));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                let mut chunk = [0; 4096];
                while !complete(&request) {
                    match stream.read(&mut chunk) {
                        Ok(0) | Err(_) => break,
                        Ok(count) => request.extend(&chunk[..count]),
                    }
                }
                let text = String::from_utf8_lossy(&request).into_owned();
                let status = if answers.load(Ordering::SeqCst) == 1 { "200 OK" } else { "400 Bad Request" };
                if status.starts_with("200") {
                    let key = text.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).unwrap();
                    keys.lock().unwrap().push(key.to_owned());
                }
                let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        });
        Self { address, works, taken }
    }
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// A paid order, whose buyer is to be notified.
fn paid(server: &Server<'_>) -> String {
    let order = server.order(7, 1);
    server.reaches(&order, "AwaitingPayment");
    assert_eq!(server.post(&format!("/orders/{order}/pay"), &[], &json!({"payType": 1})).0, 200);
    order
}

fn letters(place: &Place) -> Vec<serde_json::Value> {
    place.json(&["dlq", "list"])["letters"].as_array().unwrap().clone()
}

/// Waits until nothing is due or in flight; no invariant is broken then. I6 stays open: a gateway keeps no file.
fn everything_is_handled(place: &Place) {
    let verification = until("everything is handled", || {
        let answer = place.json(&["verify"]);
        (answer["quiet"] == true).then_some(answer)
    });
    for invariant in verification["invariants"].as_array().unwrap() {
        let open = invariant["name"] == "I6";
        assert_eq!(invariant["holds"], if open { json!(null) } else { json!(true) }, "{invariant:#}");
    }
}

#[test]
fn a_refused_text_message_is_redriven_once_the_gateway_works_and_reaches_it_once() {
    let gateway = Gateway::start();
    let place = Place::new(&[("SMS_PROVIDER", &gateway.address), ("SMS_SECRET", "s3cret")]);
    let server = place.serve();
    let order = paid(&server);
    let letter = until("the dead letter is kept", || letters(&place).into_iter().next());
    let id = letter["id"].as_str().unwrap();
    assert_eq!(
        (letter["group"].as_str(), letter["key"].as_str()),
        (Some("sms-notification-consumer-group"), Some(&*order))
    );
    let shown = place.run(&["dlq", "show", id]);
    assert!(shown.stdout.contains(&order) && shown.stdout.contains("400"), "{}", shown.stdout);

    let unsaid = place.run(&["dlq", "redrive"]);
    assert_eq!(unsaid.status, Some(1));
    assert!(unsaid.stderr.contains("--all"), "{}", unsaid.stderr);
    let dry = place.run(&["dlq", "redrive", "--key", &order, "--dry-run"]);
    assert!(dry.stdout.contains("would redrive 1"), "{}", dry.stdout);
    assert_eq!(letters(&place).len(), 1);

    gateway.works.store(1, Ordering::SeqCst);
    let redriven =
        place.run(&["dlq", "redrive", "--group", "sms-notification-consumer-group", "--rate", "5"]);
    assert_eq!(redriven.status, Some(0), "{}", redriven.stderr);
    until("the gateway has it", || (!gateway.taken.lock().unwrap().is_empty()).then_some(()));
    everything_is_handled(&place);
    assert_eq!(gateway.taken.lock().unwrap().len(), 1);
    assert!(letters(&place).is_empty());
    assert!(!place.log().contains("8613800138000"), "an address is in the log");
}

#[test]
fn a_dead_letter_is_discarded_also_when_no_server_runs() {
    let gateway = Gateway::start();
    let place = Place::new(&[("SMS_PROVIDER", &gateway.address), ("SMS_SECRET", "s3cret")]);
    let server = place.serve();
    paid(&server);
    until("the dead letter is kept", || letters(&place).into_iter().next());
    assert_eq!(server.stop(), Some(0));
    assert_eq!(letters(&place).len(), 1);
    let discarded = place.run(&["dlq", "discard", "--all"]);
    assert!(discarded.stdout.contains("discarded 1"), "{}{}", discarded.stdout, discarded.stderr);
    assert!(letters(&place).is_empty());
    assert_eq!(place.run(&["dlq", "show", "nonsense"]).status, Some(1));
}

#[test]
fn a_dead_letter_is_redriven_on_the_file_itself_and_delivered_once_by_the_next_server() {
    let gateway = Gateway::start();
    let place = Place::new(&[("SMS_PROVIDER", &gateway.address), ("SMS_SECRET", "s3cret")]);
    let server = place.serve();
    let order = paid(&server);
    until("the dead letter is kept", || letters(&place).into_iter().next());
    everything_is_handled(&place);
    assert_eq!(server.stop(), Some(0));

    let id = letters(&place)[0]["id"].as_str().unwrap().to_owned();
    let shown = place.json(&["dlq", "show", &id]);
    assert!(shown.to_string().contains(&order), "{shown}");
    let waiting = || {
        let groups = place.json(&["status"]);
        let counts = groups.as_array().unwrap().iter().map(|group| group["waiting"].as_u64().unwrap());
        counts.sum::<u64>()
    };
    assert_eq!(waiting(), 0);
    let dry = place.run(&["dlq", "redrive", "--id", &id, "--dry-run"]);
    assert!(dry.stdout.contains("would redrive 1"), "{}{}", dry.stdout, dry.stderr);
    assert_eq!((waiting(), letters(&place).len()), (0, 1));
    let redriven = place.run(&["dlq", "redrive", "--id", &id]);
    assert_eq!(redriven.status, Some(0), "{}", redriven.stderr);
    assert_eq!((waiting(), letters(&place).len()), (1, 0));
    // What is gone cannot be redriven a second time.
    place.run(&["dlq", "redrive", "--id", &id]);
    assert_eq!(waiting(), 1);

    gateway.works.store(1, Ordering::SeqCst);
    let server = place.serve();
    until("the gateway has it", || (!gateway.taken.lock().unwrap().is_empty()).then_some(()));
    everything_is_handled(&place);
    assert_eq!(gateway.taken.lock().unwrap().len(), 1);
    assert!(letters(&place).is_empty());
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn stock_and_refunds_are_kept_on_the_file_itself_when_no_server_runs() {
    let place = Place::new(&[]);
    let server = place.serve();
    let order = server.order(1, 2);
    server.reaches(&order, "AwaitingPayment");
    assert_eq!(server.post(&format!("/orders/{order}/cancel"), &[], &json!({})).0, 200);
    assert_eq!(server.post(&format!("/orders/{order}/pay"), &[], &json!({"payType": 2})).0, 409);
    place.all_invariants_hold();
    assert_eq!(server.stop(), Some(0));

    assert_eq!(place.json(&["refund", "list"])[0]["orderNo"], json!(order));
    assert_eq!(place.run(&["refund", "settle", &order]).status, Some(0));
    assert_eq!(place.json(&["refund", "list"]), json!([]));
    let loaded = place.run(&["stock", "load", "300111", "1100"]);
    assert_eq!(loaded.status, Some(0), "{}", loaded.stderr);
    assert_eq!(place.json(&["stock", "show", "300111"])[0]["total"], 1100);
    let unknown = place.run(&["stock", "show", "424242"]);
    assert_eq!(unknown.status, Some(1));
    assert!(unknown.stderr.contains("no stock was loaded for ticket 424242"), "{}", unknown.stderr);

    // The next server brings the stock cache up to what was loaded.
    let server = place.serve();
    until("buyers see the new seats", || {
        (place.json(&["stock", "show", "300111"])[0]["cacheAvailable"] == 1100).then_some(())
    });
    place.all_invariants_hold();
    let verified = place.run(&["verify"]);
    assert_eq!(verified.status, Some(0), "{}{}", verified.stdout, verified.stderr);
    assert!(!verified.stdout.contains("NO"), "{}", verified.stdout);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn stock_is_shown_loaded_and_repaired_after_a_drift() {
    let place = Place::new(&[]);
    let server = place.serve();
    server.reaches(&server.order(1, 3), "AwaitingPayment");
    let loaded = place.run(&["stock", "load", "300111", "1200"]);
    assert_eq!(loaded.status, Some(0), "{}", loaded.stderr);
    let too_few = place.run(&["stock", "load", "300111", "1"]);
    assert_eq!(too_few.status, Some(1), "{}", too_few.stdout);
    place.all_invariants_hold();
    assert_eq!(server.stop(), Some(0));

    let file = rusqlite::Connection::open(place.database()).unwrap();
    file.execute("UPDATE stock_cache SET available = 7 WHERE ticket_id = 300111", []).unwrap();
    drop(file);
    let verified = place.run(&["verify"]);
    assert_eq!(verified.status, Some(1), "{}", verified.stdout);
    assert!(verified.stdout.contains("NO"), "{}", verified.stdout);

    let server = place.serve();
    assert_eq!(place.run(&["stock", "sync", "300111"]).status, Some(0));
    let stock = || place.json(&["stock", "show", "300111"])[0].clone();
    until("the drift is repaired", || (stock()["cacheAvailable"] == 1197).then_some(()));
    assert_eq!((&stock()["total"], &stock()["locked"]), (&json!(1200), &json!(3)));
    place.all_invariants_hold();
    assert!(place.log().contains("differed from the ledger"), "no alert was raised: {}", place.log());
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn an_order_is_shown_to_people_and_to_programs() {
    let place = Place::new(&[]);
    let server = place.serve();
    let order = server.order(1, 2);
    server.reaches(&order, "AwaitingPayment");
    until("its seats are in the ledger", || {
        (place.json(&["order", "show", &order])["stock"] == "Deducted").then_some(())
    });
    let shown = place.run(&["order", "show", &order]);
    assert!(shown.stdout.contains("760.00") && shown.stdout.contains("AwaitingPayment"), "{}", shown.stdout);
    let unknown = place.run(&["order", "show", "T0"]);
    assert_eq!(unknown.status, Some(1));
    assert!(unknown.stderr.contains("order T0 does not exist"), "{}", unknown.stderr);
    assert_eq!(server.stop(), Some(0));
    assert_eq!(place.json(&["order", "show", &order])["state"], "AwaitingPayment");
}

#[test]
fn the_admin_api_wants_its_token_and_its_file_is_its_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new(&[("ADMIN_TOKEN", "let-me-in")]);
    let server = place.serve();
    let mut admin = server.api;
    let endpoint = boxoffice::admin::AdminEndpoint::read(&place.admin_file()).unwrap().unwrap();
    admin.set_port(endpoint.address.port());
    let ping = |token: &str| {
        let header = format!("Bearer {token}");
        request_to(admin, "POST", "/admin/commands", &[("authorization", &header)], br#"{"command":"ping"}"#)
            .0
    };
    assert_eq!(ping("wrong"), 401);
    assert_eq!(ping("let-me-in"), 200);
    let mode = std::fs::metadata(place.admin_file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
