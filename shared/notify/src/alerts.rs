use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::ports::{Alert, Alerts, Clock, ProviderError};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{sleep, timeout};

use crate::post::SignedPost;
use crate::{SetupError, WebhookSettings};

/// Alerts that wait for the webhook; more are only logged and counted.
const QUEUE: usize = 256;
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Raises alerts as an error in the log, and in the counter `boxoffice.alerts` with the label `kind`
/// (`refund_due`, `dead_letter`, `stock_drift`). With a webhook, also as a signed POST.
///
/// Raising never waits: what the webhook cannot accept in time is dropped from the queue, counted in
/// `boxoffice.alerts.not_forwarded`, and still in the log.
#[derive(Clone, Default)]
pub struct LogAlerts {
    forward: Option<Forward>,
}

#[derive(Clone)]
struct Forward {
    queue: Sender<Raised>,
    clock: Arc<dyn Clock>,
}

struct Raised {
    alert: Alert,
    at: Timestamp,
}

/// Where alerts are forwarded to.
#[derive(Clone)]
pub struct AlertWebhook {
    /// The receiver.
    pub webhook: WebhookSettings,
    /// How often one alert is tried, at least 1.
    pub tries: u32,
    /// The pause after the first failed try; it doubles with every further one, up to a minute.
    pub first_pause: Duration,
}

impl AlertWebhook {
    /// 5 tries, starting with a pause of 1 s.
    pub fn new(webhook: WebhookSettings) -> Self {
        Self { webhook, tries: 5, first_pause: Duration::from_secs(1) }
    }
}

impl LogAlerts {
    /// Alerts in log and metrics only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Alerts that are forwarded too, while somebody runs the [`AlertForwarder`]. Fails when the webhook's settings
    /// cannot be used.
    pub fn with_webhook(
        settings: AlertWebhook,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, AlertForwarder), SetupError> {
        let AlertWebhook { webhook, tries, first_pause } = settings;
        if tries == 0 {
            return Err(SetupError::Zero("the number of tries of an alert"));
        }
        let post = SignedPost::new(webhook, Arc::clone(&clock))?;
        let (sender, queue) = mpsc::channel(QUEUE);
        let forward = Some(Forward { queue: sender, clock });
        Ok((Self { forward }, AlertForwarder { queue, post, tries, first_pause }))
    }
}

#[async_trait]
impl Alerts for LogAlerts {
    async fn raise(&self, alert: Alert) {
        match &alert {
            Alert::RefundDue { order_no, because } => {
                tracing::error!(kind = kind(&alert), %order_no, because, "a refund is due");
            }
            Alert::DeadLetter { group, id, error } => {
                tracing::error!(kind = kind(&alert), group, id, error, "a message became a dead letter");
            }
            Alert::StockDrift { text } => {
                tracing::error!(kind = kind(&alert), text, "the stock cache differed from the ledger");
            }
        }
        metrics::counter!("boxoffice.alerts", "kind" => kind(&alert)).increment(1);
        if let Some(forward) = &self.forward
            && forward.queue.try_send(Raised { alert, at: forward.clock.now() }).is_err()
        {
            not_forwarded("the queue is full or closed");
        }
    }
}

/// Takes alerts from the queue of a [`LogAlerts`] to the webhook, one after the other.
pub struct AlertForwarder {
    queue: Receiver<Raised>,
    post: SignedPost,
    tries: u32,
    first_pause: Duration,
}

impl AlertForwarder {
    /// Forwards until `stop` is done, or every [`LogAlerts`] is dropped; then forwards what is queued, for at most
    /// `grace`. Alerts that are left are counted as not forwarded.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send, grace: Duration) {
        let mut current = None;
        tokio::select! {
            biased;
            () = stop => {}
            () = self.forward_all(&mut current) => return,
        }
        self.queue.close();
        if timeout(grace, self.forward_all(&mut current)).await.is_err() {
            for _ in 0..self.queue.len() + usize::from(current.is_some()) {
                not_forwarded("the process stops");
            }
        }
    }

    /// Ends when the queue is closed and empty. `current` holds the alert that is being sent, so that a forwarding that was
    /// interrupted starts with it again.
    async fn forward_all(&mut self, current: &mut Option<Raised>) {
        loop {
            if current.is_none() {
                *current = self.queue.recv().await;
            }
            let Some(raised) = current.as_ref() else { return };
            self.forward(raised).await;
            *current = None;
        }
    }

    async fn forward(&self, raised: &Raised) {
        let (key, body) = encode(raised);
        let mut pause = self.first_pause;
        for attempt in 1..=self.tries {
            match self.post.send(&key, body.clone(), "").await {
                Ok(()) => return,
                Err(ProviderError::TryLater { after, .. }) if attempt < self.tries => {
                    sleep(after.unwrap_or(pause).min(MAX_PAUSE)).await;
                    pause = pause.saturating_mul(2);
                }
                Err(error) => return not_forwarded(&error.to_string()),
            }
        }
    }
}

/// The idempotency key and the JSON body. A drift has no business key, so its time is used.
fn encode(Raised { alert, at }: &Raised) -> (String, Vec<u8>) {
    let kind = kind(alert);
    let (name, about) = match alert {
        Alert::RefundDue { order_no, because } => {
            (order_no.to_string(), About { order_no: Some(order_no.as_str()), ..About::new(because) })
        }
        Alert::DeadLetter { group, id, error } => {
            (id.clone(), About { group: Some(group), dead_letter: Some(id), ..About::new(error) })
        }
        Alert::StockDrift { text } => (at.as_millisecond().to_string(), About::new(text)),
    };
    let body = Body { kind, time: at.to_string(), about };
    // A struct of texts can always be written as JSON.
    (format!("alert/{kind}/{name}"), serde_json::to_vec(&body).unwrap_or_default())
}

#[derive(Serialize)]
struct Body<'a> {
    kind: &'static str,
    time: String,
    #[serde(flatten)]
    about: About<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    order_no: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter: Option<&'a str>,
    text: &'a str,
}

impl<'a> About<'a> {
    fn new(text: &'a str) -> Self {
        Self { order_no: None, group: None, dead_letter: None, text }
    }
}

fn kind(alert: &Alert) -> &'static str {
    match alert {
        Alert::RefundDue { .. } => "refund_due",
        Alert::DeadLetter { .. } => "dead_letter",
        Alert::StockDrift { .. } => "stock_drift",
    }
}

fn not_forwarded(because: &str) {
    metrics::counter!("boxoffice.alerts.not_forwarded").increment(1);
    tracing::warn!(because, "an alert was not forwarded");
}
