use std::time::Duration;

use boxoffice_domain::ports::{NotificationProvider, ProviderError};
use boxoffice_messages::Channel;
use boxoffice_notify::{SetupError, SigningKey, WebhookProvider, WebhookSettings};
use serde_json::json;

use crate::gateway::Gateway;
use crate::support::{NOW, clock, notice, soon};

const PHONE: &str = "+8613800138000";

fn settings(url: String) -> WebhookSettings {
    WebhookSettings::new(url, SigningKey::new("shared secret").unwrap())
}

fn provider(url: String) -> WebhookProvider {
    WebhookProvider::new(Channel::Sms, settings(url), clock()).unwrap()
}

/// What a delivery to this path of a gateway ends with.
async fn delivery_to(path: &str) -> Result<(), ProviderError> {
    let gateway = Gateway::start().await;
    soon(provider(gateway.url(path)).deliver(&notice("T1/ORDER_PAID/SMS", PHONE))).await
}

#[tokio::test]
async fn a_delivered_notice_arrives_whole_and_signed() {
    let mut gateway = Gateway::start().await;
    let notice = notice("T1/ORDER_PAID/SMS", PHONE);
    assert_eq!(soon(provider(gateway.url("/ok")).deliver(&notice)).await, Ok(()));

    let request = gateway.next().await;
    assert_eq!(
        request.json(),
        json!({
            "idempotencyKey": "T1/ORDER_PAID/SMS",
            "channel": "SMS",
            "to": PHONE,
            "template": "ORDER_PAID",
            "title": notice.title,
            "content": notice.content,
        })
    );
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers["idempotency-key"], "T1/ORDER_PAID/SMS");
    assert_eq!(request.headers["x-boxoffice-timestamp"], NOW.to_string());
    let expected = SigningKey::new("shared secret").unwrap().sign(NOW, &request.body);
    assert_eq!(request.headers["x-boxoffice-signature"], expected);
}

#[tokio::test]
async fn a_refusal_is_for_good_and_an_overload_is_not() {
    for status in [400, 401, 403, 404, 409, 410, 413, 422] {
        let answer = delivery_to(&format!("/{status}")).await;
        let Err(ProviderError::Refused(because)) = answer else { panic!("{status}: {answer:?}") };
        assert!(because.contains(&format!("HTTP {status}")), "{because}");
    }
    for status in [408, 429, 500, 502, 503, 504] {
        let answer = delivery_to(&format!("/{status}")).await;
        let Err(ProviderError::TryLater { because, after: None }) = answer else {
            panic!("{status}: {answer:?}")
        };
        assert!(because.contains(&format!("HTTP {status}")), "{because}");
    }
}

#[tokio::test]
async fn the_pause_that_a_gateway_asks_for_is_passed_on() {
    assert_eq!(
        delivery_to("/wait-7").await,
        Err(ProviderError::TryLater {
            because: "HTTP 429 Too Many Requests: slow down".to_owned(),
            after: Some(Duration::from_secs(7)),
        })
    );
    let answer = delivery_to("/wait-until").await;
    assert!(
        matches!(&answer, Err(ProviderError::TryLater { after: Some(after), .. }) if *after == Duration::from_secs(60)),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let mut gateway = Gateway::start().await;
    let answer = soon(provider(gateway.url("/redirect")).deliver(&notice("k", PHONE))).await;
    assert!(matches!(&answer, Err(ProviderError::Refused(because)) if because.contains("307")), "{answer:?}");
    gateway.next().await;
    assert_eq!(gateway.unread(), 0, "the target of the redirect was asked");
}

#[tokio::test]
async fn a_gateway_that_never_answers_is_tried_later() {
    let gateway = Gateway::start().await;
    let patience = Duration::from_millis(50);
    let hasty = WebhookSettings { timeout: patience, ..settings(gateway.url("/never")) };
    let provider = WebhookProvider::new(Channel::Push, hasty, clock()).unwrap();
    let answer = soon(provider.deliver(&notice("k", "token"))).await;
    assert!(
        matches!(&answer, Err(ProviderError::TryLater { because, after: None }) if because == "no response within 50ms"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn more_notices_than_connections_wait_and_give_up_in_time() {
    let mut gateway = Gateway::start().await;
    let narrow = WebhookSettings {
        timeout: Duration::from_millis(200),
        max_connections: 1,
        ..settings(gateway.url("/never"))
    };
    let provider = WebhookProvider::new(Channel::Sms, narrow, clock()).unwrap();
    let (first, second) = (notice("1", PHONE), notice("2", PHONE));
    let answers = soon(async { tokio::join!(provider.deliver(&first), provider.deliver(&second)) }).await;
    let because = |answer: Result<(), ProviderError>| answer.unwrap_err().to_string();
    assert!(because(answers.0).contains("no response"));
    assert!(because(answers.1).contains("all 1 connections are busy"));
    gateway.next().await;
    assert_eq!(gateway.unread(), 0, "the second notice went out on a second connection");
}

#[tokio::test]
async fn a_gateway_that_is_not_there_is_tried_later() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/token-in-the-path", listener.local_addr().unwrap());
    drop(listener);
    let answer = soon(provider(url).deliver(&notice("k", PHONE))).await;
    let Err(ProviderError::TryLater { because, after: None }) = answer else { panic!("{answer:?}") };
    assert!(because.contains("refused"), "{because}");
    assert!(!because.contains("token-in-the-path"), "{because}");
}

#[tokio::test]
async fn a_reason_is_cut_short_and_hides_the_address() {
    let Err(ProviderError::Refused(because)) = delivery_to("/long").await else { panic!("not refused") };
    assert!(because.len() < 300, "{} bytes", because.len());

    let Err(ProviderError::Refused(because)) = delivery_to("/echo").await else { panic!("not refused") };
    assert!(because.contains("cannot reach {") && because.contains("\"to\":\"***\""), "{because}");
    assert!(!because.contains(PHONE), "{because}");
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_without_showing_the_url() {
    for url in ["", "gateway.example/send", "ftp://user:hunter2@gateway.example/", "http://"] {
        let error = WebhookProvider::new(Channel::Sms, settings(url.to_owned()), clock()).unwrap_err();
        assert!(matches!(error, SetupError::WebhookUrl(_)), "{url}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let url = || "https://gateway.example/hunter2".to_owned();
    let none = WebhookSettings { max_connections: 0, ..settings(url()) };
    assert!(WebhookProvider::new(Channel::Sms, none, clock()).is_err());
    let instant = WebhookSettings { timeout: Duration::ZERO, ..settings(url()) };
    assert!(WebhookProvider::new(Channel::Sms, instant, clock()).is_err());
    let shown = format!("{:?}", WebhookProvider::new(Channel::Sms, settings(url()), clock()).unwrap());
    assert!(shown.contains("gateway.example") && !shown.contains("hunter2"), "{shown}");
}
