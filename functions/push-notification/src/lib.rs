//! Sends one push notification per order and event.

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use boxoffice_domain::FunctionSettings;
use boxoffice_domain::ports::Ports;
use boxoffice_flow::ChannelNotifier;
use boxoffice_messages::{NotificationMessage, group, tag, topic};
use boxoffice_runtime::{Context, Engine, Handler, Outcome, Subscription};

/// The name of the function, and the scope of its idempotency keys.
pub const NAME: &str = "push-notification";
/// The longest token accepted, in bytes; those of the known services have a few hundred.
const MAX_BYTES: usize = 4096;

/// The function, ready to be fed by a transport.
pub fn function(ports: &Ports, settings: &FunctionSettings) -> Engine<PushNotification> {
    Engine::new(NAME, PushNotification::new(ports, settings))
}

/// Handles PUSH messages.
pub struct PushNotification {
    /// Delivers each notification once.
    pub notifier: ChannelNotifier,
}

#[async_trait]
impl Handler for PushNotification {
    type Message = NotificationMessage;

    fn subscription(&self) -> Subscription {
        Subscription::new(group::PUSH_NOTIFICATION, topic::NOTIFICATION, &[tag::PUSH])
    }

    async fn handle(&self, message: NotificationMessage, context: &Context) -> Outcome {
        match message.require_device_token() {
            Ok(device_token) if is_plausible(device_token) => {
                self.notifier.deliver(&message, device_token, context).await
            }
            // The address itself stays out of logs and dead letters' reasons.
            Ok(_) => Outcome::poison("deviceToken is not a valid device token"),
            Err(missing) => missing.into(),
        }
    }
}

impl PushNotification {
    /// Takes what it needs of the ports and settings.
    pub fn new(ports: &Ports, settings: &FunctionSettings) -> Self {
        Self { notifier: ChannelNotifier::new(NAME, ports, settings.idempotency, &ports.push) }
    }
}

/// One word. Only what can never work is refused here; the provider knows better.
fn is_plausible(device_token: &str) -> bool {
    device_token.len() <= MAX_BYTES && !device_token.chars().any(|c| c.is_whitespace() || c.is_control())
}
