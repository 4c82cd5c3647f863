use std::time::Duration;

use boxoffice_domain::OrderState;
use serde_json::json;

use super::*;

#[tokio::test]
async fn an_order_is_accepted_shown_paid_and_listed() {
    let (world, router) = api();
    let created = post(&router, "/orders", GOOD).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.header("content-type"), Some("application/json"));
    assert_eq!(created.header("location"), Some("/orders/T00000001"));
    let expected =
        json!({"orderNo": "T00000001", "status": 0, "state": "Created", "expireTime": "2026-11-22T10:30:30"});
    assert_eq!(created.json(), expected);

    let early = post(&router, "/orders/T00000001/pay", r#"{"payType":1}"#).await;
    let problem = early.problem(409);
    assert_eq!((early.header("retry-after"), &problem["state"]), (Some("1"), &json!("Created")));
    assert_eq!(problem["orderStatus"], 0);

    world.order("T00000001", OrderState::AwaitingPayment);
    world.clock.advance(Duration::from_millis(1_500));
    let paid = post(&router, "/orders/T00000001/pay", r#"{"payType":1}"#).await;
    assert_eq!(paid.status, 200);
    assert_eq!(paid.json(), json!({"orderNo": "T00000001", "status": 1, "state": "Paid"}));

    let shown = get(&router, "/orders/T00000001").await;
    let expected = r#"{"orderNo":"T00000001","userId":9527,"showId":3001,"sessionId":30011,"ticketId":300111,"quantity":2,"totalAmount":760.00,"status":1,"eventTime":"2026-11-22T10:15:31.5","eventType":"PAID","extData":{},"state":"Paid","payType":1,"remark":null,"createTime":"2026-11-22T10:15:30","payTime":"2026-11-22T10:15:31.5","expireTime":"2026-11-22T10:30:30","refundDue":null}"#;
    assert_eq!(shown.text, expected, "money keeps its scale, times have no zone");

    let listed = get(&router, "/orders?userId=9527").await;
    assert_eq!(listed.json()["orders"], json!([shown.json()]));
    assert_eq!(listed.json()["nextCursor"], json!(null));
}

#[tokio::test]
async fn pages_follow_each_other_newest_first() {
    let (world, router) = api();
    for number in ["A1", "A2", "A3"] {
        world.order(number, OrderState::Created);
        world.clock.advance(Duration::from_secs(1));
    }
    let first = get(&router, "/orders?userId=9527&limit=2").await.json();
    let numbers = |page: &Value| -> Vec<String> {
        let orders = page["orders"].as_array().unwrap();
        orders.iter().map(|order| order["orderNo"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(numbers(&first), ["A3", "A2"]);
    let cursor = encoded(first["nextCursor"].as_str().unwrap().as_bytes());
    let second = get(&router, &format!("/orders?userId=9527&limit=2&cursor={cursor}")).await.json();
    assert_eq!(numbers(&second), ["A1"]);
    assert_eq!(second["nextCursor"], json!(null));
    assert_eq!(numbers(&get(&router, "/orders?userId=1").await.json()), Vec::<String>::new());
}

#[tokio::test]
async fn a_payment_after_the_cancellation_tells_of_the_refund_which_the_order_then_shows() {
    let (world, router) = api();
    world.order("A1", OrderState::AwaitingPayment);
    let cancelled = post(&router, "/orders/A1/cancel", r#"{"reason":"ill"}"#).await;
    assert_eq!(cancelled.json(), json!({"orderNo": "A1", "status": 2, "state": "Cancelled"}));

    for _ in 0..2 {
        let late = post(&router, "/orders/A1/pay", r#"{"payType":3}"#).await;
        let problem = late.problem(409);
        assert_eq!((&problem["state"], &problem["orderStatus"]), (&json!("Cancelled"), &json!(2)));
        assert!(problem["detail"].as_str().unwrap().contains("refund is due"), "{problem}");
        assert_eq!(late.header("retry-after"), None, "trying again will not help");
    }
    let shown = get(&router, "/orders/A1").await.json();
    assert_eq!((&shown["remark"], &shown["eventType"]), (&json!("ill"), &json!("CANCELLED")));
    assert_eq!(shown["refundDue"]["since"], "2026-11-22T10:15:30");
    assert_eq!(shown["refundDue"]["settledAt"], json!(null));
    assert_eq!(world.alerts.raised().len(), 1);
}

#[tokio::test]
async fn paying_and_cancelling_twice_answer_the_same_and_a_paid_order_is_not_cancelled() {
    let (world, router) = api();
    world.order("A1", OrderState::AwaitingPayment);
    let first = post(&router, "/orders/A1/pay", r#"{"payType":1}"#).await;
    let second = post(&router, "/orders/A1/pay", r#"{"payType":1}"#).await;
    assert_eq!((first.status.as_u16(), &first.text), (200, &second.text));
    assert_eq!(second.status, 200);
    assert_eq!(world.bus.tags(), ["ORDER_PAID"]);
    let refused = post(&router, "/orders/A1/cancel", "").await;
    assert_eq!(refused.problem(409)["state"], "Paid");

    world.order("A2", OrderState::AwaitingPayment);
    for body in ["", "{}", r#"{"reason":null}"#] {
        let cancelled = post(&router, "/orders/A2/cancel", body).await;
        assert_eq!(cancelled.json(), json!({"orderNo": "A2", "status": 2, "state": "Cancelled"}));
    }
}

#[tokio::test]
async fn a_repeat_with_the_idempotency_key_gets_the_first_answer_byte_for_byte() {
    let (world, router) = api();
    let key = [("Idempotency-Key", "k-1")];
    let first = post_with(&router, "/orders", GOOD, &key).await;
    world.order("T00000001", OrderState::AwaitingPayment);
    world.clock.advance(Duration::from_secs(30));
    let spaced = GOOD.replace(':', " : ");
    let repeat = post_with(&router, "/orders", spaced, &key).await;
    assert_eq!((first.status.as_u16(), &first.text), (201, &repeat.text));
    assert_eq!((repeat.status.as_u16(), repeat.header("location")), (201, first.header("location")));

    let other = GOOD.replace("\"quantity\":2", "\"quantity\":1");
    let refused = post_with(&router, "/orders", other, &key).await;
    assert_eq!(refused.invalid_fields(), ["Idempotency-Key"]);
}

#[tokio::test]
async fn while_the_first_request_runs_its_repeat_is_told_when_to_come_back() {
    let (world, router) = api();
    world.crash.at(1, boxoffice_domain::testing::Moment::BeforeEffect);
    let key = [("Idempotency-Key", "k-1")];
    let cut = post_with(&router, "/orders", GOOD, &key).await;
    assert_eq!(
        (cut.problem(503)["type"].as_str(), cut.header("retry-after")),
        (Some("urn:boxoffice:problem:unavailable"), Some("1"))
    );
    world.crash.restart();
    world.clock.advance(Duration::from_millis(500));
    let repeat = post_with(&router, "/orders", GOOD, &key).await;
    repeat.problem(409);
    assert_eq!(repeat.header("retry-after"), Some("10"), "9.5 s are left of the lease");
}

#[tokio::test]
async fn the_trace_of_a_request_travels_with_its_message_if_it_is_one() {
    let (world, router) = api();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (sent, carried) in [(trace, Some(trace)), ("no trace", None)] {
        post_with(&router, "/orders", GOOD, &[("traceparent", sent)]).await;
        let message = world.bus.take().remove(0);
        let found = message.properties.iter().find(|(name, _)| name == "traceparent");
        assert_eq!(found.map(|(_, value)| value.as_str()), carried);
    }
}

#[tokio::test]
async fn the_stock_of_a_ticket_is_shown_from_the_ledger() {
    let (_world, router) = api();
    let stock = get(&router, "/tickets/300111/stock").await;
    assert_eq!(stock.status, 200);
    assert_eq!(stock.text, r#"{"ticketId":300111,"total":100,"available":100,"locked":0,"sold":0}"#);
    let unknown = get(&router, "/tickets/5/stock").await;
    assert_eq!(unknown.problem(404)["errors"][0]["field"], "ticketId");
}
