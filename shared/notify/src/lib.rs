//! How buyers and operators are notified: providers for text messages, push and e-mail, alerts, and the file of users.
//!
//! Every provider implements [`NotificationProvider`](boxoffice_domain::ports::NotificationProvider):
//! - [`WebhookProvider`] for text messages and push: a signed POST to a gateway,
//! - [`SmtpProvider`] for e-mail,
//! - [`LogProvider`] for a laptop: writes what would have been sent where a person reads it,
//! - [`FlakyProvider`] around another one: fails now and then, for demos and tests.
//!
//! What a provider is asked to deliver carries an address of a person. No address appears in an error of this crate
//! or in a log event; the file of [`NotificationLog`] is the one place that shows it, because that is its purpose.

mod alerts;
mod delivery_log;
mod directory;
mod error;
mod flaky;
mod post;
mod reason;
mod signature;
mod smtp;
mod webhook;

pub use alerts::{AlertForwarder, AlertWebhook, LogAlerts};
pub use delivery_log::{
    Deliveries, Delivery, DeliveryLogError, LogProvider, NotificationLog, read_deliveries,
};
pub use directory::{DirectoryError, FileUserDirectory};
pub use error::SetupError;
pub use flaky::{DeliveryCounts, Flakiness, FlakyProvider};
pub use post::WebhookSettings;
pub use signature::SigningKey;
pub use smtp::{SmtpProvider, SmtpSettings};
pub use webhook::WebhookProvider;
