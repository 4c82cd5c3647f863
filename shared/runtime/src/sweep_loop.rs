use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use metrics::{counter, gauge, histogram};
use tokio::time::Instant;

use crate::engine::panic_text;
use crate::telemetry::names;
use crate::{Shutdown, SweepReport, Sweeper};

/// Runs `sweeper` now, and again after each of its intervals, until `shutdown` begins.
///
/// An error or a panic of a sweep is logged and counted; the next sweep starts over. A sweep that runs when `shutdown`
/// begins has `drain` to finish; after that it is dropped, which must do no more harm than a crash.
pub async fn run_sweeper(sweeper: Arc<dyn Sweeper>, drain: Duration, shutdown: Shutdown) {
    while !shutdown.has_begun() {
        let out_of_time = async {
            shutdown.begun().await;
            tokio::time::sleep(drain).await;
        };
        tokio::select! {
            () = sweep(sweeper.as_ref()) => {}
            () = out_of_time => {
                tracing::warn!(sweeper = sweeper.name(), "a sweep did not finish before the stop");
                return;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(sweeper.interval()) => {}
            () = shutdown.begun() => {}
        }
    }
}

async fn sweep(sweeper: &dyn Sweeper) {
    let name = sweeper.name();
    let started = Instant::now();
    // Called inside the guarded block, because a sweeper may panic before it returns its future.
    let result = AssertUnwindSafe(async { sweeper.sweep().await }).catch_unwind().await;
    histogram!(names::SWEEP_DURATION, "sweeper" => name).record(started.elapsed());
    match result {
        Ok(Ok(report)) => note(name, report),
        Ok(Err(error)) => {
            counter!(names::SWEEP_FAILED, "sweeper" => name).increment(1);
            tracing::warn!(sweeper = name, %error, "a sweep ended early");
        }
        Err(panic) => {
            counter!(names::SWEEP_FAILED, "sweeper" => name).increment(1);
            tracing::error!(sweeper = name, message = panic_text(panic.as_ref()), "a sweep panicked");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge shows a size, not an exact number above 2^52")]
fn note(name: &'static str, report: SweepReport) {
    let SweepReport { examined, repaired, left } = report;
    counter!(names::SWEEP_REPAIRED, "sweeper" => name).increment(repaired);
    gauge!(names::SWEEP_LEFT, "sweeper" => name).set(left as f64);
    if left > 0 {
        tracing::warn!(
            sweeper = name,
            examined,
            repaired,
            left,
            "a sweep could not repair everything; the rest is left for the next one"
        );
    } else if repaired > 0 {
        tracing::info!(sweeper = name, examined, repaired, "a sweep repaired something");
    } else {
        tracing::debug!(sweeper = name, examined, "a sweep found nothing to do");
    }
}

#[cfg(test)]
mod tests;
