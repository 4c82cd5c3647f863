use boxoffice_domain::OrderState;
use boxoffice_domain::ports::StoreError;
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_with_the_place_where_it_breaks() {
    let (world, router) = api();
    for (body, line, column) in
        [("{\"userId\": 1,\n  oops}", 2, 3), ("", 1, 0), ("{\"userId\":", 1, 10), ("nonsense", 1, 2)]
    {
        for path in ["/orders", "/orders/A1/pay"] {
            let problem = post(&router, path, body).await.problem(400);
            assert_eq!(problem["position"], json!({"line": line, "column": column}), "{body:?}: {problem}");
        }
    }
    let problem = post(&router, "/orders", &b"{\"phone\":\n\"\xff\"}"[..]).await.problem(400);
    assert_eq!(problem["position"], json!({"line": 2, "column": 2}));
    for body in ["[1,2,3,4,5]", "7", "\"{}\"", "null"] {
        let problem = post(&router, "/orders", body).await.problem(400);
        assert_eq!(problem["detail"], "The body must be a JSON object.");
    }
    let twice = GOOD.replace('}', ",\"userId\":1}");
    let problem = post(&router, "/orders", twice).await.problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("duplicate field `userId`"), "{problem}");
    assert_eq!(world.crash.calls(), 0, "nobody was asked");
}

#[tokio::test]
async fn wrong_types_are_refused_with_every_field() {
    let (_world, router) = api();
    let body = r#"{"userId":"9527","showId":3001.5,"sessionId":null,"ticketId":[1],"quantity":1e2,
                   "phone":13800138000,"email":{},"deviceToken":true}"#;
    let answer = post(&router, "/orders", body).await;
    let fields = ["userId", "showId", "sessionId", "ticketId", "quantity", "phone", "email", "deviceToken"];
    assert_eq!(answer.invalid_fields(), fields);
    let problem = answer.json();
    let details: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|each| each["detail"].as_str().unwrap()).collect();
    assert_eq!(details[0], "must be a whole number, found a string");
    assert_eq!(details[2], "is required: a whole number");
    assert_eq!(details[4], "must not have a fraction or an exponent");
    assert_eq!(details[5], "must be a string, found a number");
    assert_eq!(post(&router, "/orders", "{}").await.invalid_fields(), fields[..5]);
    assert_eq!(post(&router, "/orders/A1/pay", r#"{"payType":"1"}"#).await.invalid_fields(), ["payType"]);
    assert_eq!(post(&router, "/orders/A1/pay", "{}").await.invalid_fields(), ["payType"]);
    assert_eq!(post(&router, "/orders/A1/cancel", r#"{"reason":7}"#).await.invalid_fields(), ["reason"]);
}

#[tokio::test]
async fn numbers_out_of_range_are_refused_by_field() {
    let (world, router) = api();
    world.order("A1", OrderState::AwaitingPayment);
    for (from, to, field) in [
        ("\"userId\":9527", "\"userId\":9223372036854775808", "userId"),
        ("\"userId\":9527", "\"userId\":-99999999999999999999999999", "userId"),
        ("\"userId\":9527", "\"userId\":0", "userId"),
        ("\"quantity\":2", "\"quantity\":0", "quantity"),
        ("\"quantity\":2", "\"quantity\":-1", "quantity"),
        ("\"quantity\":2", "\"quantity\":5", "quantity"),
        ("\"quantity\":2", "\"quantity\":11", "quantity"),
        ("\"quantity\":2", "\"quantity\":4294967298", "quantity"),
        ("\"ticketId\":300111", "\"ticketId\":300112", "ticketId"),
        ("\"showId\":3001", "\"showId\":3002", "showId"),
    ] {
        let answer = post(&router, "/orders", GOOD.replace(from, to)).await;
        assert_eq!(answer.invalid_fields(), [field], "{to}");
    }
    for code in ["0", "4", "-1", "9223372036854775807"] {
        let answer = post(&router, "/orders/A1/pay", format!("{{\"payType\":{code}}}")).await;
        assert_eq!(answer.invalid_fields(), ["payType"]);
    }
    assert_eq!(world.orders.state(&World::order_no("A1")), Some(OrderState::AwaitingPayment));
    assert!(world.bus.sent().is_empty());
}

#[tokio::test]
async fn unknown_fields_are_ignored_whatever_they_hold() {
    let (_world, router) = api();
    let deep = "[".repeat(20_000) + &"]".repeat(20_000);
    let body = GOOD.replace('}', &format!(",\"newer\":{deep}}}"));
    assert_eq!(post(&router, "/orders", body).await.status, 201);
}

#[tokio::test]
async fn unknown_and_impossible_orders_are_named() {
    let (_world, router) = api();
    for answer in [
        get(&router, "/orders/nobodys").await,
        post(&router, "/orders/nobodys/pay", r#"{"payType":1}"#).await,
        post(&router, "/orders/nobodys/cancel", "").await,
        get(&router, "/orders/%27%3B--drop").await,
    ] {
        let problem = answer.problem(404);
        assert_eq!(problem["errors"][0]["field"], "orderNo");
    }
    for path in
        [format!("/orders/{}", "x".repeat(65)), "/orders/a%20b".to_owned(), "/orders/a%00b".to_owned()]
    {
        assert_eq!(get(&router, &path).await.invalid_fields(), ["orderNo"], "{path}");
    }
    get(&router, "/orders/%FF").await.problem(400);
}

#[tokio::test]
async fn queries_and_path_parts_that_are_no_numbers_in_range_are_named() {
    let (_world, router) = api();
    for (query, field) in [
        ("", "userId"),
        ("?userId=abc", "userId"),
        ("?userId=0", "userId"),
        ("?userId=9223372036854775808", "userId"),
        ("?userId=1&userId=2", "userId"),
        ("?userId=1&limit=0", "limit"),
        ("?userId=1&limit=101", "limit"),
        ("?userId=1&limit=ten", "limit"),
    ] {
        let answer = get(&router, &format!("/orders{query}")).await;
        assert_eq!(answer.invalid_fields(), [field], "{query}");
    }
    let endless = format!("/orders?userId=1&cursor={}", "c".repeat(2_000));
    assert_eq!(get(&router, &endless).await.invalid_fields(), ["cursor"]);
    assert_eq!(get(&router, "/orders?userId=1&newer=thing").await.status, 200);
    for path in ["/tickets/abc/stock", "/tickets/0/stock", "/tickets/99999999999999999999/stock"] {
        assert_eq!(get(&router, path).await.invalid_fields(), ["ticketId"], "{path}");
    }
}

#[tokio::test]
async fn a_cursor_that_the_store_does_not_know_is_named() {
    let (world, router) = api();
    world.orders.fail_next(1, StoreError::Invalid("no such cursor".to_owned()));
    assert_eq!(get(&router, "/orders?userId=1&cursor=x").await.invalid_fields(), ["cursor"]);
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_refused_whether_announced_or_not() {
    let (world, router) = api();
    let ten_megabytes = vec![b' '; 10 * 1024 * 1024];
    for path in ["/orders", "/orders/A1/pay", "/orders/A1/cancel"] {
        post(&router, path, ten_megabytes.clone()).await.problem(413);
    }
    let announced = 10 * 1024 * 1024;
    let answer = post_with(&router, "/orders", GOOD, &[("content-length", &announced.to_string())]).await;
    answer.problem(413);

    let chunks = (0..200).map(|_| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]));
    let streamed = Body::from_stream(futures_util::stream::iter(chunks));
    post(&router, "/orders", streamed).await.problem(413);
    assert_eq!(world.crash.calls(), 0);
}

#[tokio::test]
async fn a_body_at_the_limit_is_read_and_one_byte_more_is_not() {
    let (_world, service) = on_sale();
    let settings = limited(HttpLimits { max_body_bytes: GOOD.len(), ..HttpLimits::default() });
    let router = router(service, settings);
    assert_eq!(post(&router, "/orders", GOOD).await.status, 201);
    post(&router, "/orders", format!("{GOOD} ")).await.problem(413);
}

#[tokio::test]
async fn a_body_that_is_said_not_to_be_json_is_refused() {
    let (_world, router) = api();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "json"] {
        let request = Request::post("/orders").header("content-type", kind).body(Body::from(GOOD)).unwrap();
        send(&router, request).await.problem(415);
    }
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/vnd.boxoffice+json"] {
        let request = Request::post("/orders").header("content-type", kind).body(Body::from(GOOD)).unwrap();
        assert_eq!(send(&router, request).await.status, 201, "{kind}");
    }
    let silent = Request::post("/orders").body(Body::from(GOOD)).unwrap();
    assert_eq!(send(&router, silent).await.status, 201, "a missing content type is accepted");
}

#[tokio::test]
async fn an_idempotency_key_that_cannot_be_one_is_named() {
    let (_world, router) = api();
    let endless = "k".repeat(256);
    for key in ["", endless.as_str(), "schlüssel"] {
        let answer = post_with(&router, "/orders", GOOD, &[("idempotency-key", key)]).await;
        assert_eq!(answer.invalid_fields(), ["Idempotency-Key"]);
    }
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist_are_problems_too() {
    let (_world, router) = api();
    for path in ["/", "/order", "/orders/", "/orders/A1/refund", "/tickets/1"] {
        get(&router, path).await.problem(404);
    }
    let request = Request::delete("/orders").body(Body::empty()).unwrap();
    let answer = send(&router, request).await;
    answer.problem(405);
    let allowed = answer.header("allow").unwrap_or_default().to_owned();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed:?}");
    post(&router, "/healthz", "").await.problem(405);
}
