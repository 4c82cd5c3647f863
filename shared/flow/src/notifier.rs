use std::sync::Arc;

use boxoffice_domain::IdempotencySettings;
use boxoffice_domain::ports::{IdempotencyKey, Notice, NotificationProvider, Ports};
use boxoffice_messages::NotificationMessage;
use boxoffice_runtime::{Context, Guarded, IdempotencyGuard, Outcome};

use crate::reading;

/// What the sms, email and push functions share: one notification reaches its provider once per order, event and
/// channel.
#[derive(Clone)]
pub struct ChannelNotifier {
    /// The function's name: the scope of the idempotency keys.
    pub function: &'static str,
    /// Records what was delivered.
    pub guard: IdempotencyGuard,
    /// Delivers.
    pub provider: Arc<dyn NotificationProvider>,
}

impl ChannelNotifier {
    /// The notifier of a function, which delivers through `provider` and remembers it in the store of these ports.
    pub fn new(
        function: &'static str,
        ports: &Ports,
        settings: IdempotencySettings,
        provider: &Arc<dyn NotificationProvider>,
    ) -> Self {
        Self { function, guard: IdempotencyGuard::new(ports, settings), provider: Arc::clone(provider) }
    }

    /// Delivers a notification to an address, unless that was done before.
    ///
    /// Needs `orderNo`, `template` and `content`; without one of them it is poison, as is what the provider refuses
    /// permanently. A temporary failure is a retry, after the time that the provider asked for.
    pub async fn deliver(&self, message: &NotificationMessage, to: &str, context: &Context) -> Outcome {
        self.guarded(message, to, context).await.into()
    }

    async fn guarded(
        &self,
        message: &NotificationMessage,
        to: &str,
        context: &Context,
    ) -> Result<Outcome, Outcome> {
        let order_no = reading::order_no(message.require_order_no())?;
        let template = message.require_template()?;
        let what = format!("{order_no}/{template}");
        let notice = Notice {
            // Without the generation: a provider that accepted the first attempt also drops the repeat of a redrive.
            idempotency_key: format!("{}/{what}", self.function),
            to: to.to_owned(),
            template: template.to_owned(),
            title: message.title.clone().unwrap_or_default(),
            content: message.require_content()?.to_owned(),
        };
        let key = IdempotencyKey::new(self.function, &what, context.generation());
        // Order, event and channel name the notification; a repeat with another text or address is still a repeat.
        let guarded: Guarded<Outcome> = self
            .guard
            .run(&key, what.as_bytes(), None, |turn| {
                let provider = Arc::clone(&self.provider);
                async move {
                    if turn.taken_over {
                        tracing::warn!(
                            key = notice.idempotency_key,
                            "delivering again: an earlier attempt never finished"
                        );
                    }
                    provider.deliver(&notice).await.map(|()| None).map_err(Outcome::from)
                }
            })
            .await;
        Ok(guarded.into())
    }
}

#[cfg(test)]
mod tests;
