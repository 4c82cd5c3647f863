use tokio::time::Instant;

use crate::Shutdown;

/// The instant by which a batch must be answered: what is not started by then is handed back untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(pub Instant);

/// Until when messages of one batch may be started; the transport that hands over the batch sets it.
///
/// Once either limit is reached, a function starts nothing more of the batch: it finishes what runs and hands back
/// the rest untouched (see [`Settled::outcome`](crate::Settled::outcome)). The default has no limits.
#[derive(Debug, Clone, Default)]
pub struct BatchLimits {
    /// When the transport's hold on the messages gets short: half a lease, or the time a Lambda has left. `None` on a
    /// transport that waits for a batch as long as it takes.
    pub deadline: Option<Deadline>,
    /// The stop of the process that consumes. `None` where nobody announces one, as on Lambda.
    pub shutdown: Option<Shutdown>,
}

impl BatchLimits {
    /// Whether a limit is reached: nothing more may be started.
    pub fn are_reached(&self) -> bool {
        self.deadline.is_some_and(|Deadline(instant)| instant <= Instant::now())
            || self.shutdown.as_ref().is_some_and(Shutdown::has_begun)
    }

    /// Returns once a limit is reached; never where there are none.
    pub async fn reached(&self) {
        let past_deadline = async {
            match self.deadline {
                Some(Deadline(instant)) => tokio::time::sleep_until(instant).await,
                None => std::future::pending().await,
            }
        };
        let shut_down = async {
            match &self.shutdown {
                Some(shutdown) => shutdown.begun().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = past_deadline => {}
            () = shut_down => {}
        }
    }
}
