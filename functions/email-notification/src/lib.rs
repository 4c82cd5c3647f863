//! Sends one e-mail per order and event.

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use boxoffice_domain::FunctionSettings;
use boxoffice_domain::ports::Ports;
use boxoffice_flow::ChannelNotifier;
use boxoffice_messages::{NotificationMessage, group, tag, topic};
use boxoffice_runtime::{Context, Engine, Handler, Outcome, Subscription};

/// The name of the function, and the scope of its idempotency keys.
pub const NAME: &str = "email-notification";
/// The longest address that mail servers take, in bytes.
const MAX_BYTES: usize = 254;

/// The function, ready to be fed by a transport.
pub fn function(ports: &Ports, settings: &FunctionSettings) -> Engine<EmailNotification> {
    Engine::new(NAME, EmailNotification::new(ports, settings))
}

/// Handles EMAIL messages.
pub struct EmailNotification {
    /// Delivers each notification once.
    pub notifier: ChannelNotifier,
}

#[async_trait]
impl Handler for EmailNotification {
    type Message = NotificationMessage;

    fn subscription(&self) -> Subscription {
        Subscription::new(group::EMAIL_NOTIFICATION, topic::NOTIFICATION, &[tag::EMAIL])
    }

    async fn handle(&self, message: NotificationMessage, context: &Context) -> Outcome {
        match message.require_email() {
            Ok(email) if is_plausible(email) => self.notifier.deliver(&message, email, context).await,
            // The address itself stays out of logs and dead letters' reasons.
            Ok(_) => Outcome::poison("email is not a valid e-mail address"),
            Err(missing) => missing.into(),
        }
    }
}

impl EmailNotification {
    /// Takes what it needs of the ports and settings.
    pub fn new(ports: &Ports, settings: &FunctionSettings) -> Self {
        Self { notifier: ChannelNotifier::new(NAME, ports, settings.idempotency, &ports.email) }
    }
}

/// Something before and after one `@`, without spaces. Only what can never work is refused here; the provider knows
/// better.
fn is_plausible(email: &str) -> bool {
    let parts = email.split_once('@');
    let whole = parts.is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !domain.starts_with('.')
    });
    whole && email.len() <= MAX_BYTES && !email.chars().any(|c| c.is_whitespace() || c.is_control())
}
