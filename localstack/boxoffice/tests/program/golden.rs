//! Every message that Java was seen to send goes through the program.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boxoffice_tests::until;
use serde_json::json;

use crate::support::Place;

/// The captured messages, beside the crate that reads them.
fn captured() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/messages/tests/golden");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 131, "a captured message is missing");
    files
}

/// What must stand in the reason of the dead letter that a case becomes; `None` where it is handled.
fn reason(case: &str) -> Option<&'static [&'static str]> {
    let probe = case.strip_prefix("probe__ORDER_TOPIC_ORDER_CREATED_");
    Some(match case {
        _ if case.ends_with("_all-null") => &["OrderEventMessage has no orderNo"],
        _ if case.ends_with("_payload-map") => &["OrderEventMessage has no orderNo"],
        _ if case.ends_with("_payload-bytes") => &["OrderEventMessage has no"],
        _ if case.ends_with("_not-json") => &["cannot be read", "byte 0"],
        _ if case.contains("_body-409") => &["cannot be read", "object"],
        // The same order was rolled back before: no program can decide which of the two is right.
        _ if case.ends_with("STOCK_SYNC_confirm") => &["refund due", "given back"],
        _ => match probe? {
            "missing-fields" | "bom" | "orderNo-as-number" => &["OrderEventMessage has no userId"],
            "int-as-float" | "long-as-string" => &["OrderEventMessage has no"],
            "trailing-garbage" => &["cannot be read", "byte"],
            "ext_list" => &["extData", "byte"],
            "date_2026-11-22T10.15.30.1234567891" => &["eventTime", "byte"],
            _ => return None,
        },
    })
}

#[test]
fn every_captured_java_message_is_handled_or_dead_lettered_with_its_reason() {
    let place = Place::new(&[("PAYMENT_WINDOW", "15m"), ("RETRY_FIRST_DELAY", "50ms")]);
    let server = place.serve();
    let mut sent: BTreeMap<String, String> = BTreeMap::new();
    for file in captured() {
        let case = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let ended = place.run(&["send", "--captured", file.to_str().unwrap()]);
        assert_eq!(ended.status, Some(0), "{case}: {}", ended.stderr);
        let id = ended.stdout.trim().rsplit(' ').next().unwrap().to_owned();
        sent.insert(id, case);
        // In their order: what follows from one message is done before the next comes.
        until("it is handled", || {
            let groups = place.json(&["status"]);
            let busy = |group: &serde_json::Value| group["waiting"] != 0 || group["inFlight"] != 0;
            (!groups.as_array().unwrap().iter().any(busy)).then_some(())
        });
    }
    let letters = place.json(&["dlq", "list", "--limit", "500"]);
    let mut dead: BTreeMap<String, String> = BTreeMap::new();
    for letter in letters["letters"].as_array().unwrap() {
        let id = letter["messageId"].as_str().unwrap();
        let case = sent.get(id).unwrap_or_else(|| panic!("a dead letter that nobody sent: {letter:#}"));
        let before = dead.insert(case.clone(), letter["error"].as_str().unwrap().to_owned());
        assert_eq!(before, None, "{case} became more than one dead letter");
    }
    for case in sent.values() {
        match (reason(case), dead.get(case)) {
            (None, None) => {}
            (Some(parts), Some(error)) => {
                for part in parts {
                    assert!(error.contains(part), "{case}: {error:?} does not say {part:?}");
                }
            }
            (wanted, found) => panic!("{case}: wanted {wanted:?}, found {found:?}"),
        }
    }
    // Java's orders were reserved by Java, in a stock cache that is not ours: the comparison finds their seats.
    assert_eq!(place.run(&["stock", "sync"]).status, Some(0));
    place.all_invariants_hold();
    // A message that is tried again and again would be among the delayed ones.
    for group in place.json(&["status"]).as_array().unwrap() {
        assert_eq!((&group["waiting"], &group["inFlight"]), (&json!(0), &json!(0)), "{group}");
        // Only an order that may still be paid waits for its time to run out.
        let may_expire = group["group"] == "order-timeout-consumer-group";
        assert!(may_expire || group["delayed"] == 0, "{group}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_compressed_body_is_sent_with_its_flag() {
    let place = Place::new(&[]);
    let server = place.serve();
    let compressed = captured().into_iter().map(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    });
    let is_compressed_order = |message: &serde_json::Value| {
        message["sysFlag"].as_i64().unwrap() & 1 == 1
            && message["tag"] == "ORDER_CREATED"
            && message["bodyText"].as_str().unwrap().contains("orderNo")
    };
    let message = compressed.into_iter().find(is_compressed_order).unwrap();
    let body = STANDARD.decode(message["wireBodyBase64"].as_str().unwrap()).unwrap();
    let payload: serde_json::Value = serde_json::from_str(message["bodyText"].as_str().unwrap()).unwrap();
    let order = payload["orderNo"].as_str().unwrap();
    let flag = message["sysFlag"].to_string();
    // Neither tag nor key is given: both are found in the inflated payload.
    let args = ["send", "--topic", "ORDER_TOPIC", "--sys-flag", &flag, "-"];
    let ended = place.run_with_input(&args, &body);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    until("the order is taken in", || (server.get(&format!("/orders/{order}")).0 == 200).then_some(()));
    place.all_invariants_hold();
    assert_eq!(place.json(&["dlq", "list"])["letters"], json!([]));

    // Without its flag nobody can read it, which the operator learns.
    let args = ["send", "--topic", "ORDER_TOPIC", "--tag", "ORDER_CREATED", "--key", "squeezed", "-"];
    assert_eq!(place.run_with_input(&args, &body).status, Some(0));
    let letter = until("the dead letter is kept", || {
        place.json(&["dlq", "list", "--key", "squeezed"])["letters"].get(0).cloned()
    });
    let error = letter["error"].as_str().unwrap();
    assert!(error.contains("cannot be read") && error.contains("at byte"), "{error}");
    place.all_invariants_hold();
}

#[test]
fn a_message_is_sent_from_standard_input_and_from_the_file_itself_when_no_server_runs() {
    let place = Place::new(&[]);
    let order = br#"{"orderNo":"T1","userId":1,"showId":3001,"sessionId":30011,"ticketId":300111,"quantity":1,"eventType":"CREATED"}"#;
    // No server runs, and neither tag nor key is given: both stand in the payload.
    let ended = place.run_with_input(&["send", "--topic", "ORDER_TOPIC", "-"], order);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("tag ORDER_CREATED"), "{}", ended.stdout);
    let untold = place.run_with_input(&["send", "--topic", "ORDER_TOPIC", "-"], b"{}");
    assert_eq!(untold.status, Some(1));
    assert!(untold.stderr.contains("--tag"), "{}", untold.stderr);

    let server = place.serve();
    server.reaches("T1", "AwaitingPayment");
    let file = place.path("order.json");
    std::fs::write(&file, String::from_utf8_lossy(order).replace("T1", "T2")).unwrap();
    let args = ["send", "--topic", "ORDER_TOPIC", "--tag", "ORDER_CREATED", "--key", "T2", "--sys-flag", "0"];
    let ended = place.run(&[&args[..], &[file.to_str().unwrap()]].concat());
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    server.reaches("T2", "AwaitingPayment");
    place.all_invariants_hold();
}
