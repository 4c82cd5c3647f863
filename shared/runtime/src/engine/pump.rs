use std::mem;
use std::pin::pin;
use std::sync::Arc;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};

use super::lanes::Lanes;
use crate::{BatchLimits, Delivery, Outcome, Settle, Settled};

/// Runs every message of a batch through `handle`, `concurrency` of them at the same time, and settles each exactly
/// once.
///
/// All on the caller's task. Answers that become ready together are settled together, while the rest goes on; the
/// answers that come in while they are being settled make the next group.
pub(super) async fn pump<Handling>(
    batch: &[Arc<Delivery>],
    concurrency: usize,
    limits: &BatchLimits,
    settle: &dyn Settle,
    handle: impl Fn(Arc<Delivery>) -> Handling,
) where
    Handling: Future<Output = Outcome>,
{
    let mut lanes = Lanes::of(batch);
    let mut running = FuturesUnordered::new();
    let mut answered = Vec::with_capacity(batch.len());
    let mut settling = None;
    let mut stop = pin!(limits.reached());
    let mut stopping = false;
    loop {
        stopping = stopping || limits.are_reached();
        if stopping {
            // What is running continues.
            answered.extend(lanes.take_all().map(|index| Settled { index, outcome: None }));
        }
        while running.len() < concurrency
            && let Some(index) = lanes.take()
        {
            let handling = handle(Arc::clone(&batch[index]));
            running.push(async move { (index, handling.await) });
        }
        if settling.is_none() && !answered.is_empty() {
            settling = Some(settle.settle(mem::take(&mut answered)));
        }
        if running.is_empty() && settling.is_none() {
            return;
        }
        tokio::select! {
            Some(first) = running.next() => {
                // Whatever else is ready goes into the same group.
                let others = std::iter::from_fn(|| running.next().now_or_never().flatten());
                for (index, outcome) in std::iter::once(first).chain(others) {
                    lanes.finished(index);
                    answered.push(Settled { index, outcome: Some(outcome) });
                }
            }
            () = async { if let Some(settling) = &mut settling { settling.await } }, if settling.is_some() => {
                settling = None;
            }
            () = &mut stop, if !stopping && !lanes.is_empty() => stopping = true,
        }
    }
}
