/// Why a provider cannot be built from its settings. No variant shows a secret or a whole URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The URL of a webhook cannot be used.
    #[error("a webhook needs a URL such as https://gateway.example/send: {0}")]
    WebhookUrl(String),
    /// The URL of the mail server cannot be used.
    #[error(
        "the mail server needs a URL such as smtp://user:password@host:587?tls=required or smtps://user:password@host: {0}"
    )]
    SmtpUrl(String),
    /// The sender of e-mail is not a valid address.
    #[error("the sender of e-mail must be an address such as Tickets <tickets@venue.example>: {0}")]
    Sender(String),
    /// A limit of zero would let nothing through.
    #[error("{0} must be more than zero")]
    Zero(&'static str),
    /// The HTTP client could not be built.
    #[error("cannot build the HTTP client: {0}")]
    Client(String),
    /// The file for notifications cannot be written.
    #[error("cannot write notifications to {path}: {reason}")]
    Log {
        /// The file.
        path: String,
        /// What the operating system said.
        reason: String,
    },
}
