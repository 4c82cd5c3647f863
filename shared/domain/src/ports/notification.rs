use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::{Contact, OrderNo, UserId};

/// What a provider is asked to deliver. Its `Debug` hides the address.
#[derive(Clone, PartialEq, Eq)]
pub struct Notice {
    /// The same for every try of one (order, event, channel): providers that know idempotency keys drop repeats.
    pub idempotency_key: String,
    /// Telephone number, e-mail address or device token.
    pub to: String,
    /// The template's name.
    pub template: String,
    /// Title or subject.
    pub title: String,
    /// Text.
    pub content: String,
}

impl std::fmt::Debug for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notice")
            .field("idempotency_key", &self.idempotency_key)
            .field("template", &self.template)
            .finish_non_exhaustive()
    }
}

/// Why a provider did not deliver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It will never deliver this: an address that cannot exist, a refused request.
    #[error("the provider rejected the notification: {0}")]
    Refused(String),
    /// Temporarily unavailable: try again, after this long if the provider said so.
    #[error("the provider is temporarily unavailable: {because}")]
    TryLater {
        /// What it said.
        because: String,
        /// How long it asked us to wait.
        after: Option<Duration>,
    },
}

/// Delivers notices on one channel.
#[async_trait]
pub trait NotificationProvider: Send + Sync {
    /// Hands the notice to the provider; returns once it took it.
    async fn deliver(&self, notice: &Notice) -> Result<(), ProviderError>;
}

/// The addresses of buyers whose order carries none.
#[async_trait]
pub trait UserDirectory: Send + Sync {
    /// The addresses of a buyer; `None` when it does not know the buyer.
    async fn contact(&self, user_id: UserId) -> Result<Option<Contact>, StoreError>;
}

/// An event that needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alert {
    /// Money was taken for an order that cannot be honoured.
    RefundDue {
        /// The order.
        order_no: OrderNo,
        /// Why it cannot be honoured.
        because: String,
    },
    /// A message could not be handled.
    DeadLetter {
        /// The group that could not handle it.
        group: String,
        /// The letter's id.
        id: String,
        /// Why.
        error: String,
    },
    /// The stock cache differed from the ledger and was repaired.
    StockDrift {
        /// The ticket and what was found.
        text: String,
    },
}

/// Raises alerts. Never fails: an alert that cannot be delivered is still in the log.
#[async_trait]
pub trait Alerts: Send + Sync {
    /// Raises one alert.
    async fn raise(&self, alert: Alert);
}
