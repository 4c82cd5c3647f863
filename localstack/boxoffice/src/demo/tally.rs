use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};

/// What is counted while buyers buy.
pub(super) struct Tally {
    create: Mutex<Histogram<u64>>,
    process: Mutex<Histogram<u64>>,
    pay: Mutex<Histogram<u64>>,
    orders: Mutex<HashSet<String>>,
    illegal_moves: AtomicU64,
    repeated_numbers: AtomicU64,
}

impl Tally {
    pub(super) fn new() -> Result<Self, CreationError> {
        // Microseconds up to an hour, three digits of precision.
        let histogram = || Histogram::new_with_bounds(1, 3_600_000_000, 3).map(Mutex::new);
        Ok(Self {
            create: histogram()?,
            process: histogram()?,
            pay: histogram()?,
            orders: Mutex::default(),
            illegal_moves: AtomicU64::new(0),
            repeated_numbers: AtomicU64::new(0),
        })
    }

    pub(super) fn accepted(&self, took: Duration, order_no: &str) {
        record(&self.create, took);
        let new = self.orders.lock().unwrap_or_else(PoisonError::into_inner).insert(order_no.to_owned());
        self.repeated_numbers.fetch_add(u64::from(!new), Ordering::Relaxed);
    }

    pub(super) fn processed(&self, took: Duration) {
        record(&self.process, took);
    }

    pub(super) fn paid(&self, took: Duration) {
        record(&self.pay, took);
    }

    pub(super) fn moved(&self, from: &str, to: &str) {
        let legal = matches!(
            (from, to),
            ("Created", "Created" | "AwaitingPayment" | "Cancelled")
                | ("AwaitingPayment", "AwaitingPayment" | "Paid" | "Cancelled")
        );
        self.illegal_moves.fetch_add(u64::from(!legal), Ordering::Relaxed);
    }

    /// Orders that were accepted.
    pub(super) fn orders(&self) -> u64 {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// Moves along no arrow.
    pub(super) fn illegal_moves(&self) -> u64 {
        self.illegal_moves.load(Ordering::Relaxed)
    }

    /// Order numbers that were given twice.
    pub(super) fn repeated_numbers(&self) -> u64 {
        self.repeated_numbers.load(Ordering::Relaxed)
    }

    /// From a request to its accepted order.
    pub(super) fn create(&self) -> Latency {
        Latency::of(&self.create)
    }

    /// From an accepted order to reserved seats or sold out.
    pub(super) fn process(&self) -> Latency {
        Latency::of(&self.process)
    }

    /// From a payment to its answer.
    pub(super) fn pay(&self) -> Latency {
        Latency::of(&self.pay)
    }
}

fn record(histogram: &Mutex<Histogram<u64>>, took: Duration) {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    histogram.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(micros);
}

/// Percentiles of one kind of request, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Latency {
    pub(super) count: u64,
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Latency {
    fn of(histogram: &Mutex<Histogram<u64>>) -> Self {
        let histogram = histogram.lock().unwrap_or_else(PoisonError::into_inner);
        let millis = |micros: u64| Duration::from_micros(micros).as_secs_f64() * 1_000.0;
        Self {
            count: histogram.len(),
            p50: millis(histogram.value_at_quantile(0.50)),
            p90: millis(histogram.value_at_quantile(0.90)),
            p99: millis(histogram.value_at_quantile(0.99)),
            max: millis(histogram.max()),
        }
    }
}
