use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::poll_immediate;

use crate::Outcome;

/// What an engine allows its handler.
#[derive(Debug, Clone)]
pub(super) struct HandlerLimits {
    /// Messages handled at the same time.
    pub(super) concurrency: usize,
    /// How long one call of the handler may take.
    pub(super) handler_timeout: Duration,
}

impl Default for HandlerLimits {
    fn default() -> Self {
        Self { concurrency: 64, handler_timeout: Duration::from_secs(30) }
    }
}

/// Why a call of a handler gave no answer.
pub(super) enum Failure {
    /// It panicked with this message.
    Panicked(String),
    /// It took too long.
    TookTooLong(Duration),
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Panicked(message) => Self::retry(format_args!("the handler panicked: {message}")),
            Failure::TookTooLong(limit) => {
                Self::retry(format_args!("the handler took longer than {limit:?}"))
            }
        }
    }
}

impl HandlerLimits {
    /// Runs one call of a handler within its timeout, and survives its panic.
    pub(super) async fn call<T>(&self, call: impl Future<Output = T>) -> Result<T, Failure> {
        // A handler shares nothing with the engine that a panic could leave half-changed. Its own state it must keep
        // consistent itself.
        let mut caught = pin!(AssertUnwindSafe(call).catch_unwind());
        // Most calls that never wait end here and need no timer.
        let answer = match poll_immediate(caught.as_mut()).await {
            Some(answer) => answer,
            None => match tokio::time::timeout(self.handler_timeout, caught).await {
                Ok(answer) => answer,
                Err(_) => return Err(Failure::TookTooLong(self.handler_timeout)),
            },
        };
        answer.map_err(|panic| Failure::Panicked(panic_text(panic.as_ref())))
    }
}

/// The message of a panic, if it has one.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
