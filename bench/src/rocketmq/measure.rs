//! One run: events that warm up, then events that count. The same figures, by the same rules, as the Java program's.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use crate::process;

/// The user property with the time at which a message was sent: milliseconds since 1970, with a fraction.
pub const SENT_AT: &str = "sentAt";

/// A moment and the CPU time used until then.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    at_ms: f64,
    cpu: Duration,
}

impl Mark {
    fn now() -> Self {
        Self { at_ms: now_ms(), cpu: process::cpu() }
    }
}

/// Counts events and keeps their latencies.
pub struct Measure {
    warmup: usize,
    /// The bits of the latencies in milliseconds; not a number where it is not known.
    latencies: Vec<AtomicU64>,
    seen: AtomicUsize,
    finished: AtomicUsize,
    first: Mutex<Mark>,
    last: Mutex<Mark>,
    done: Notify,
}

impl Measure {
    pub fn new(count: usize, warmup: usize) -> Self {
        let unknown = || AtomicU64::new(f64::NAN.to_bits());
        Self {
            warmup,
            latencies: std::iter::repeat_with(unknown).take(count.max(1)).collect(),
            seen: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
            first: Mutex::default(),
            last: Mutex::default(),
            done: Notify::new(),
        }
    }

    /// Notes one event. The very first prints a line.
    pub fn record(&self, latency_ms: Option<f64>) {
        let number = self.seen.fetch_add(1, Ordering::Relaxed);
        if number == 0 {
            print(&json!({ "first": true, "sinceStartMs": since_start_ms() }));
        }
        let Some(counted) = number.checked_sub(self.warmup) else { return };
        let Some(latency) = self.latencies.get(counted) else { return };
        if counted == 0 {
            *self.first.lock().unwrap_or_else(PoisonError::into_inner) = Mark::now();
        }
        if let Some(known) = latency_ms {
            latency.store(known.to_bits(), Ordering::Relaxed);
        }
        // The last to be written ends the run, so that no latency is read before it is there.
        if self.finished.fetch_add(1, Ordering::AcqRel) + 1 == self.latencies.len() {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Mark::now();
            self.done.notify_one();
        }
    }

    /// Returns once every event that counts has come.
    pub async fn done(&self) {
        self.done.notified().await;
    }

    /// The last line; `cpu_name` names the CPU time from the first to the last event that counts.
    pub fn result(&self, cpu_name: &str) -> Map<String, Value> {
        let first = *self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let count = self.latencies.len();
        let mut line = Map::new();
        let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
        put("done", true.into());
        put("count", count.into());
        put("warmup", self.warmup.into());
        put("firstMs", first.at_ms.round().into());
        put("lastMs", last.at_ms.round().into());
        // From the first to the last are n - 1 intervals.
        let per_second = as_float(count - 1) * 1_000.0 / (last.at_ms - first.at_ms);
        put("perSecond", rounded(per_second).into());
        put("cpuSeconds", rounded(process::cpu().as_secs_f64()).into());
        put(cpu_name, rounded(last.cpu.saturating_sub(first.cpu).as_secs_f64()).into());
        put("peakMemoryBytes", process::peak_memory().into());
        let bits = self.latencies.iter().map(|bits| f64::from_bits(bits.load(Ordering::Relaxed)));
        let mut known: Vec<f64> = bits.filter(|latency| !latency.is_nan()).collect();
        known.sort_by(f64::total_cmp);
        if let Some(longest) = known.last() {
            put("p50Ms", rounded(rank(&known, 50)).into());
            put("p99Ms", rounded(rank(&known, 99)).into());
            put("maxMs", rounded(*longest).into());
        }
        line
    }
}

/// The smallest value that at least this part of all values does not exceed.
fn rank(sorted: &[f64], percent: usize) -> f64 {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "a count of messages")]
pub fn as_float(count: usize) -> f64 {
    count as f64
}

/// Milliseconds since 1970, with their fraction.
pub fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1_000.0
}

/// How long ago a message was sent, if it says so.
pub fn latency_ms(sent_at: Option<&str>) -> Option<f64> {
    sent_at.and_then(|text| text.parse::<f64>().ok()).map(|sent_at| now_ms() - sent_at)
}

/// Milliseconds since this process was started, to 10.
pub fn since_start_ms() -> Option<f64> {
    let up: f64 = std::fs::read_to_string("/proc/uptime").ok()?.split_whitespace().next()?.parse().ok()?;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in brackets, may hold spaces: fields are counted after it.
    let ticks: f64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    Some(((up - ticks / 100.0) * 1_000.0).round())
}

/// Prints one line.
pub fn print(line: &Value) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_warms_up_is_not_counted() {
        let measure = Measure::new(100, 10);
        for number in 0..10 {
            measure.record(Some(f64::from(1_000 + number)));
        }
        for number in 1..=100 {
            measure.record(Some(f64::from(number)));
        }
        measure.done().await;
        let line = Value::from(measure.result("cpu"));
        assert_eq!(
            (&line["p50Ms"], &line["p99Ms"], &line["maxMs"]),
            (&json!(50.0), &json!(99.0), &json!(100.0))
        );
        assert_eq!((&line["count"], &line["warmup"]), (&json!(100), &json!(10)));
    }
}
