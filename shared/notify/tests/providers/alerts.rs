use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use boxoffice_domain::OrderNo;
use boxoffice_domain::ports::{Alert, Alerts};
use boxoffice_notify::{AlertWebhook, LogAlerts, SigningKey, WebhookSettings};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;

use crate::gateway::Gateway;
use crate::support::{NOW, clock, soon};

fn refund() -> Alert {
    let order_no = OrderNo::new("T1").unwrap();
    Alert::RefundDue { order_no, because: "paid after it was cancelled".to_owned() }
}

fn dead_letter(id: &str) -> Alert {
    Alert::DeadLetter { group: "g".to_owned(), id: id.to_owned(), error: "no orderNo".to_owned() }
}

fn drift() -> Alert {
    Alert::StockDrift { text: "ticket 300111: Redis 5, ledger 6".to_owned() }
}

fn webhook(gateway: &Gateway, path: &str) -> AlertWebhook {
    let receiver = WebhookSettings::new(gateway.url(path), SigningKey::new("s").unwrap());
    AlertWebhook { first_pause: Duration::from_millis(1), ..AlertWebhook::new(receiver) }
}

/// Collects what a subscriber writes.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Log and metrics of what `work` does, on this thread alone.
fn observed(work: impl Future<Output = ()>) -> (String, String) {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let recorder = PrometheusBuilder::new().build_recorder();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || {
        metrics::with_local_recorder(&recorder, || runtime.block_on(soon(work)));
    });
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    (log, recorder.handle().render())
}

#[test]
fn an_alert_is_an_error_in_the_log_and_a_count_by_kind() {
    let (log, metrics) = observed(async {
        let alerts = LogAlerts::new();
        for alert in [refund(), dead_letter("a"), dead_letter("b"), drift()] {
            alerts.raise(alert).await;
        }
    });
    assert_eq!(log.lines().filter(|line| line.contains("ERROR")).count(), 4, "{log}");
    for text in ["order_no=T1", "paid after it was cancelled", "id=\"b\"", "Redis 5, ledger 6"] {
        assert!(log.contains(text), "{text} is not in {log}");
    }
    for line in [
        "boxoffice_alerts{kind=\"refund_due\"} 1",
        "boxoffice_alerts{kind=\"dead_letter\"} 2",
        "boxoffice_alerts{kind=\"stock_drift\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[tokio::test]
async fn an_alert_is_forwarded_signed_and_without_waiting_for_the_receiver() {
    let mut gateway = Gateway::start().await;
    let (alerts, forwarder) = LogAlerts::with_webhook(webhook(&gateway, "/ok"), clock()).unwrap();
    // Nobody forwards yet, and still raising returns.
    for alert in [refund(), dead_letter("d1"), drift()] {
        soon(alerts.raise(alert)).await;
    }
    let running = tokio::spawn(forwarder.run(std::future::pending(), Duration::from_secs(1)));

    let first = gateway.next().await;
    let time = "2026-11-22T10:15:30Z";
    assert_eq!(
        first.json(),
        json!({"kind": "refund_due", "time": time, "orderNo": "T1", "text": "paid after it was cancelled"})
    );
    assert_eq!(first.headers["idempotency-key"], "alert/refund_due/T1");
    let expected = SigningKey::new("s").unwrap().sign(NOW, &first.body);
    assert_eq!(first.headers["x-boxoffice-signature"], expected);
    assert_eq!(
        gateway.next().await.json(),
        json!({"kind": "dead_letter", "time": time, "group": "g", "deadLetter": "d1", "text": "no orderNo"})
    );
    assert_eq!(
        gateway.next().await.json(),
        json!({"kind": "stock_drift", "time": time, "text": "ticket 300111: Redis 5, ledger 6"})
    );

    drop(alerts);
    soon(running).await.unwrap();
}

#[tokio::test]
async fn a_busy_receiver_is_asked_again() {
    let mut gateway = Gateway::start().await;
    let (alerts, forwarder) = LogAlerts::with_webhook(webhook(&gateway, "/busy-twice"), clock()).unwrap();
    alerts.raise(refund()).await;
    drop(alerts);
    soon(forwarder.run(std::future::pending(), Duration::from_secs(1))).await;
    for _ in 0..3 {
        assert_eq!(gateway.next().await.headers["idempotency-key"], "alert/refund_due/T1");
    }
    assert_eq!(gateway.unread(), 0, "it went on after the receiver had taken it");
}

#[test]
fn an_alert_that_the_receiver_never_takes_is_given_up_and_counted() {
    let (log, metrics) = observed(async {
        let gateway = Gateway::start().await;
        for path in ["/500", "/400"] {
            let settings = AlertWebhook { tries: 3, ..webhook(&gateway, path) };
            let (alerts, forwarder) = LogAlerts::with_webhook(settings, clock()).unwrap();
            alerts.raise(refund()).await;
            drop(alerts);
            forwarder.run(std::future::pending(), Duration::from_secs(1)).await;
        }
        assert_eq!(gateway.unread(), 3 + 1, "a refusal is not repeated, an overload is, three times");
    });
    assert!(metrics.contains("boxoffice_alerts_not_forwarded 2"), "{metrics}");
    assert!(log.contains("an alert was not forwarded"), "{log}");
}

#[test]
fn more_alerts_than_the_queue_holds_are_counted_and_stay_in_the_log() {
    let (log, metrics) = observed(async {
        let gateway = Gateway::start().await;
        let (alerts, _nobody_forwards) = LogAlerts::with_webhook(webhook(&gateway, "/ok"), clock()).unwrap();
        for number in 0..300 {
            alerts.raise(dead_letter(&format!("d{number}"))).await;
        }
    });
    assert!(metrics.contains("boxoffice_alerts{kind=\"dead_letter\"} 300"), "{metrics}");
    assert!(metrics.contains("boxoffice_alerts_not_forwarded 44"), "{metrics}");
    assert!(log.contains("id=\"d299\""));
}

#[test]
fn a_stop_forwards_what_is_queued_and_gives_up_after_the_grace() {
    let (_, metrics) = observed(async {
        let mut gateway = Gateway::start().await;
        let (alerts, forwarder) = LogAlerts::with_webhook(webhook(&gateway, "/ok"), clock()).unwrap();
        alerts.raise(dead_letter("d1")).await;
        alerts.raise(dead_letter("d2")).await;
        forwarder.run(std::future::ready(()), Duration::from_secs(10)).await;
        assert_eq!(gateway.next().await.json()["deadLetter"], "d1");
        assert_eq!(gateway.next().await.json()["deadLetter"], "d2");

        let (alerts, forwarder) = LogAlerts::with_webhook(webhook(&gateway, "/never"), clock()).unwrap();
        alerts.raise(dead_letter("d3")).await;
        alerts.raise(dead_letter("d4")).await;
        forwarder.run(std::future::ready(()), Duration::from_millis(50)).await;
        alerts.raise(dead_letter("d5")).await;
    });
    assert!(metrics.contains("boxoffice_alerts_not_forwarded 3"), "{metrics}");
}
