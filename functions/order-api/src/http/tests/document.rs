use std::collections::BTreeSet;

use super::*;

fn document() -> Value {
    serde_json::from_str(openapi_json()).expect("the document is JSON")
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_served() {
    let (_world, router) = api();
    let served = get(&router, "/openapi.json").await;
    assert_eq!(served.header("content-type"), Some("application/json"));
    assert_eq!(served.json(), document());
    assert!(document()["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[tokio::test]
async fn the_document_names_every_route_and_no_other() {
    let document = document();
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let expected: BTreeSet<_> =
        ROUTES.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(described, expected);

    let (_world, router) = api();
    for (method, path) in ROUTES {
        let request =
            Request::builder().method(method).uri(path.replace(['{', '}'], "")).body(Body::empty()).unwrap();
        let answer = send(&router, request).await;
        assert!(answer.header("x-request-id").is_some(), "{method} {path} is not routed: {}", answer.text);
    }
}

#[test]
fn every_reference_resolves_and_every_schema_is_used() {
    let document = document();
    let text = openapi_json();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        assert!(text.contains(&format!("\"#/components/schemas/{name}\"")), "{name} is used nowhere");
    }
    for reference in text.split("\"$ref\":\"").skip(1) {
        let path = reference.split('"').next().unwrap();
        assert!(document.pointer(path.trim_start_matches('#')).is_some(), "{path} leads nowhere");
    }
}

#[test]
fn every_call_on_orders_describes_its_errors_as_problems() {
    let document = document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, call) in methods.as_object().unwrap() {
            if call["tags"][0] == "operations" {
                continue;
            }
            let responses = call["responses"].as_object().unwrap();
            for status in ["422", "503"] {
                let schema = &responses[status]["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{method} {path} {status}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_answered_has_exactly_the_fields_that_are_described() {
    let (_world, router) = api();
    let accepted = post(&router, "/orders", GOOD).await.json();
    let shown = get(&router, "/orders/T00000001").await.json();
    let page = get(&router, "/orders?userId=9527").await.json();
    let stock = get(&router, "/tickets/300111/stock").await.json();
    let moved = post(&router, "/orders/T00000001/cancel", "").await.json();
    let document = document();
    for (schema, answer) in [
        ("OrderAccepted", accepted),
        ("OrderView", shown),
        ("OrderPage", page),
        ("StockView", stock),
        ("OrderChanged", moved),
    ] {
        let described: BTreeSet<&String> =
            document["components"]["schemas"][schema]["properties"].as_object().unwrap().keys().collect();
        let answered: BTreeSet<&String> = answer.as_object().unwrap().keys().collect();
        assert_eq!(answered, described, "{schema}");
    }
}
