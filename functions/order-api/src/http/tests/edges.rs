use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::Order;
use boxoffice_domain::ports::{Catalogue, StoreError, Tier};
use boxoffice_domain::{OrderState, TicketId};
use boxoffice_http::ReadinessCheck;
use serde_json::json;
use tokio::sync::Semaphore;

use super::*;
use crate::testing::service;

/// A catalogue that answers once it is let, or panics.
struct SlowCatalogue {
    asked: Semaphore,
    answer: Semaphore,
    panics: bool,
}

impl SlowCatalogue {
    fn new(panics: bool) -> Arc<Self> {
        Arc::new(Self { asked: Semaphore::new(0), answer: Semaphore::new(0), panics })
    }
}

#[async_trait]
impl Catalogue for SlowCatalogue {
    async fn tier(&self, _: TicketId) -> Result<Option<Tier>, StoreError> {
        assert!(!self.panics, "the catalogue panics");
        self.asked.add_permits(1);
        self.answer.acquire().await.unwrap().forget();
        Ok(None)
    }

    async fn tiers(&self) -> Result<Vec<Tier>, StoreError> {
        Ok(Vec::new())
    }
}

fn slow_api(catalogue: &Arc<SlowCatalogue>, settings: RouterSettings) -> Router {
    let mut service = service(&World::new());
    service.create.catalogue = catalogue.clone();
    service.create.catalogue_timeout = Duration::from_secs(3600);
    router(Arc::new(service), settings)
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_answered_with_503() {
    let router = slow_api(&SlowCatalogue::new(false), RouterSettings::default());
    let started = tokio::time::Instant::now();
    let answer = post(&router, "/orders", GOOD).await;
    assert_eq!(started.elapsed(), Duration::from_secs(5));
    let problem = answer.problem(503);
    assert!(problem["detail"].as_str().unwrap().contains("longer than 5s"), "{problem}");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_is_answered_with_503() {
    let (_world, router) = api();
    let never = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    post(&router, "/orders", never).await.problem(503);
}

#[tokio::test]
async fn one_request_too_many_is_refused_at_once_and_operators_still_get_in() {
    let catalogue = SlowCatalogue::new(false);
    let router = slow_api(&catalogue, limited(HttpLimits { max_in_flight: 1, ..HttpLimits::default() }));
    let working = tokio::spawn({
        let router = router.clone();
        async move { post(&router, "/orders", GOOD).await }
    });
    catalogue.asked.acquire().await.unwrap().forget();

    let refused = get(&router, "/orders/A1").await;
    refused.problem(503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(get(&router, "/healthz").await.status, 200);
    assert_eq!(get(&router, "/readyz").await.status, 200);

    catalogue.answer.add_permits(1);
    working.await.unwrap().problem(422);
    get(&router, "/orders/A1").await.problem(404);
}

#[tokio::test]
async fn a_panic_becomes_a_500_that_tells_nothing_but_where_to_look() {
    let router = slow_api(&SlowCatalogue::new(true), RouterSettings::default());
    let answer = post(&router, "/orders", GOOD).await;
    answer.problem(500);
    assert!(!answer.text.contains("catalogue"), "{}", answer.text);
    assert!(answer.header("x-request-id").is_some());
    assert_eq!(get(&router, "/healthz").await.status, 200);
}

#[tokio::test]
async fn a_store_that_is_away_is_a_503_that_does_not_show_what_is_behind() {
    let (world, router) = api();
    let secret = "sqlite at /var/lib/secret.db";
    for error in [StoreError::Unavailable(secret.to_owned()), StoreError::Conflict(secret.to_owned())] {
        world.orders.fail_next(1, error);
        let answer = get(&router, "/orders/A1").await;
        answer.problem(503);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(!answer.text.contains("secret"), "{}", answer.text);
    }
    world.orders.fail_next(1, StoreError::Invalid(secret.to_owned()));
    let answer = get(&router, "/orders/A1").await;
    answer.problem(500);
    assert!(!answer.text.contains("secret"), "{}", answer.text);
}

#[tokio::test]
async fn every_answer_carries_a_request_id_its_own_or_the_callers() {
    let (_world, router) = api();
    let first = get(&router, "/healthz").await;
    let second = get(&router, "/healthz").await;
    assert_ne!(first.header("x-request-id").unwrap(), second.header("x-request-id").unwrap());
    let named = post_with(&router, "/orders", "{", &[("x-request-id", "abc-1")]).await;
    assert_eq!(named.header("x-request-id"), Some("abc-1"));
    let endless = "x".repeat(65);
    let unnamed = post_with(&router, "/orders", "{", &[("x-request-id", &endless)]).await;
    assert_ne!(unnamed.header("x-request-id"), Some(endless.as_str()));
}

struct Answers(&'static str, Result<(), String>);

#[async_trait]
impl ReadinessCheck for Answers {
    fn name(&self) -> &'static str {
        self.0
    }
    async fn check(&self) -> Result<(), String> {
        self.1.clone()
    }
}

struct Silent;

#[async_trait]
impl ReadinessCheck for Silent {
    fn name(&self) -> &'static str {
        "bus"
    }
    async fn check(&self) -> Result<(), String> {
        std::future::pending().await
    }
}

fn with_readiness(readiness: Vec<Arc<dyn ReadinessCheck>>) -> Router {
    let (_world, service) = on_sale();
    router(service, RouterSettings { pages: HealthPages::new(readiness, None), ..RouterSettings::default() })
}

#[tokio::test(start_paused = true)]
async fn the_process_is_ready_when_every_part_answers_within_a_second() {
    let world = World::new();
    let router = with_readiness(vec![Arc::new(StoreReadiness(world.orders.clone()))]);
    let ready = get(&router, "/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), ready.json()),
        (200, json!({"ready": true, "parts": [{"name": "store", "ready": true, "required": true}]}))
    );

    world.orders.fail_next(1, StoreError::Unavailable("away".to_owned()));
    let away = get(&router, "/readyz").await;
    assert_eq!(away.status, 503);
    assert_eq!(
        away.json()["parts"],
        json!([{"name": "store", "ready": false, "required": true, "detail": "does not respond"}])
    );

    let started = tokio::time::Instant::now();
    let mixed = with_readiness(vec![Arc::new(Silent), Arc::new(Answers("cache", Ok(()))), Arc::new(Silent)]);
    let silent = get(&mixed, "/readyz").await;
    assert_eq!(started.elapsed(), Duration::from_secs(1), "the parts are asked side by side");
    assert_eq!(silent.status, 503);
    assert_eq!(
        silent.json()["parts"][0],
        json!({"name": "bus", "ready": false, "required": true, "detail": "did not respond within 1s"})
    );
    assert_eq!(silent.json()["parts"][1], json!({"name": "cache", "ready": true, "required": true}));
}

#[tokio::test]
async fn health_and_metrics_are_shown() {
    let (_world, service) = on_sale();
    let pages = HealthPages::with_metrics(Vec::new(), || "orders_total 1\n".to_owned());
    let settings = RouterSettings { pages, ..RouterSettings::default() };
    let router = router(service, settings);
    assert_eq!(get(&router, "/healthz").await.json(), json!({"status": "alive"}));
    let metrics = get(&router, "/metrics").await;
    assert_eq!((metrics.status.as_u16(), metrics.text.as_str()), (200, "orders_total 1\n"));
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
}

#[tokio::test]
async fn addresses_of_the_buyer_are_never_shown() {
    let (world, router) = api();
    let mut order: Order = world.order("A1", OrderState::Created);
    order.contact.phone = Some("13800138000".to_owned());
    order.contact.email = Some("li.na@example.com".to_owned());
    world.orders.put(order);
    for path in ["/orders/A1", "/orders?userId=9527"] {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.text.contains("13800138000") && !answer.text.contains("li.na"), "{}", answer.text);
    }
}

#[tokio::test]
async fn answers_are_counted_by_route_and_status() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let shown = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let (_world, router) = api();
    post(&router, "/orders", GOOD).await;
    post(&router, "/orders", "{").await;
    post(&router, "/orders", "{").await;
    let text = shown.render();
    for (status, count) in [("201", 1), ("400", 2)] {
        let line = format!(r#"{{method="POST",route="/orders",status="{status}"}} {count}"#);
        assert!(text.contains(&line), "{line} is not in {text}");
    }
    assert!(text.contains(r#"http_server_duration_count{method="POST",route="/orders"} 3"#), "{text}");
}
