//! Sends one text message per order and event.

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use boxoffice_domain::FunctionSettings;
use boxoffice_domain::ports::Ports;
use boxoffice_flow::ChannelNotifier;
use boxoffice_messages::{NotificationMessage, group, tag, topic};
use boxoffice_runtime::{Context, Engine, Handler, Outcome, Subscription};

/// The name of the function, and the scope of its idempotency keys.
pub const NAME: &str = "sms-notification";
/// The shortest and longest telephone number, in digits with the country code.
const DIGITS: std::ops::RangeInclusive<usize> = 5..=20;

/// The function, ready to be fed by a transport.
pub fn function(ports: &Ports, settings: &FunctionSettings) -> Engine<SmsNotification> {
    Engine::new(NAME, SmsNotification::new(ports, settings))
}

/// Handles SMS messages.
pub struct SmsNotification {
    /// Delivers each notification once.
    pub notifier: ChannelNotifier,
}

#[async_trait]
impl Handler for SmsNotification {
    type Message = NotificationMessage;

    fn subscription(&self) -> Subscription {
        Subscription::new(group::SMS_NOTIFICATION, topic::NOTIFICATION, &[tag::SMS])
    }

    async fn handle(&self, message: NotificationMessage, context: &Context) -> Outcome {
        match message.require_phone() {
            Ok(phone) if is_plausible(phone) => self.notifier.deliver(&message, phone, context).await,
            // The address itself stays out of logs and dead letters' reasons.
            Ok(_) => Outcome::poison("phone is not a valid phone number"),
            Err(missing) => missing.into(),
        }
    }
}

impl SmsNotification {
    /// Takes what it needs of the ports and settings.
    pub fn new(ports: &Ports, settings: &FunctionSettings) -> Self {
        Self { notifier: ChannelNotifier::new(NAME, ports, settings.idempotency, &ports.sms) }
    }
}

/// Digits, with the marks people put between them. Only what can never work is refused here; the provider knows
/// better.
fn is_plausible(phone: &str) -> bool {
    let digits = phone.chars().filter(char::is_ascii_digit).count();
    DIGITS.contains(&digits) && phone.chars().all(|c| c.is_ascii_digit() || "+-() ".contains(c))
}
