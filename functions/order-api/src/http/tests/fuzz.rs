//! Nothing that a client sends can panic the API, or get anything but an answer that it documents.

use proptest::prelude::*;

use super::*;

const DOCUMENTED: [u16; 12] = [200, 201, 400, 404, 405, 409, 413, 415, 422, 431, 503, 301];

fn run<F: Future>(work: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

/// JSON that is nearly an order: each field may be good, wrong, huge or missing.
fn nearly_an_order() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("1".to_owned()),
        Just("9527".to_owned()),
        Just("300111".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:e}")),
        "[0-9]{1,40}",
        "\"[^\"\\\\]{0,20}\"",
        "\"\\\\u[0-9a-fA-F]{0,4}\"",
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("[[{}]]".to_owned()),
    ];
    let name = prop_oneof![
        Just("userId".to_owned()),
        Just("showId".to_owned()),
        Just("sessionId".to_owned()),
        Just("ticketId".to_owned()),
        Just("quantity".to_owned()),
        Just("phone".to_owned()),
        Just("email".to_owned()),
        Just("deviceToken".to_owned()),
        Just("payType".to_owned()),
        Just("reason".to_owned()),
        "[a-z]{0,6}",
    ];
    let field = (name, value).prop_map(|(name, value)| format!("\"{name}\":{value}"));
    proptest::collection::vec(field, 0..9).prop_map(|fields| format!("{{{}}}", fields.join(",")))
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        nearly_an_order().prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..200),
        "\\PC{0,60}".prop_map(String::into_bytes),
        (nearly_an_order(), 0_usize..200).prop_map(|(text, cut)| text
            .into_bytes()
            .into_iter()
            .take(cut)
            .collect()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_body_gets_a_documented_answer(body in body(), key in proptest::option::of("[ -~]{0,40}")) {
        let (world, router) = api();
        world.order("A1", boxoffice_domain::OrderState::AwaitingPayment);
        for path in ["/orders", "/orders/A1/pay", "/orders/A1/cancel"] {
            let mut request = Request::post(path).header("content-type", "application/json");
            if let Some(key) = &key {
                request = request.header("idempotency-key", key);
            }
            let answer = run(send(&router, request.body(Body::from(body.clone())).unwrap()));
            prop_assert!(DOCUMENTED.contains(&answer.status.as_u16()), "{path}: {} {}", answer.status, answer.text);
            answer.json();
        }
    }

    #[test]
    fn any_path_and_query_get_a_documented_answer(
        part in proptest::collection::vec(any::<u8>(), 1..80),
        pairs in proptest::collection::vec(("userId|limit|cursor|[a-z]{1,5}", proptest::collection::vec(any::<u8>(), 0..30)), 0..5),
        number in any::<i64>(),
    ) {
        let (_world, router) = api();
        let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        for path in [
            format!("/orders/{}", encoded(&part)),
            format!("/tickets/{}/stock", encoded(&part)),
            format!("/tickets/{number}/stock"),
            format!("/orders?{}", query.join("&")),
            format!("/orders?userId=1&limit={number}"),
        ] {
            let answer = run(get(&router, &path));
            prop_assert!(DOCUMENTED.contains(&answer.status.as_u16()), "{path}: {} {}", answer.status, answer.text);
        }
    }
}
