//! What is measured of the producer and of each consumer.

use std::fmt;

/// Who consumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Boxoffice,
    Java,
    Bare,
}

impl Who {
    pub fn name(self) -> &'static str {
        match self {
            Self::Boxoffice => "boxoffice",
            Self::Java => "java",
            Self::Bare => "bare",
        }
    }
}

/// A consumer, and how many messages each call of its listener gets at most; each makes 20 calls at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    pub who: Who,
    pub batch: usize,
}

/// One consumer emptied the topic.
#[derive(Debug, Clone, Copy)]
pub struct Drained {
    pub per_second: f64,
    /// CPU seconds for 100,000 messages.
    pub cpu: f64,
    pub first_ms: f64,
    pub peak_mib: f64,
}

/// One consumer under the load at a rate.
#[derive(Debug, Clone, Copy)]
pub struct Steady {
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// CPU seconds for 100,000 messages.
    pub cpu: f64,
    pub peak_mib: f64,
}

/// All of one consumer, a figure a round.
#[derive(Debug)]
pub struct Measured {
    pub side: Side,
    pub drained: Vec<Drained>,
    pub steady: Vec<Steady>,
}

/// The producer, filling the topic.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    pub per_second: f64,
    pub cpu: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub peak_mib: f64,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.who {
            Who::Boxoffice => "Boxoffice",
            Who::Java => "Java",
            Who::Bare => "bare client",
        };
        write!(f, "{who}, batches of {}", self.batch)
    }
}

impl Measured {
    /// A figure of each drain, the lowest first.
    pub fn drained(&self, figure: impl Fn(&Drained) -> f64) -> Vec<f64> {
        sorted(self.drained.iter().map(figure))
    }

    /// A figure of each load at a rate, the lowest first.
    pub fn steady(&self, figure: impl Fn(&Steady) -> f64) -> Vec<f64> {
        sorted(self.steady.iter().map(figure))
    }

    /// The most memory that it ever held.
    pub fn peak_mib(&self) -> Option<f64> {
        let drained = self.drained.iter().map(|drained| drained.peak_mib);
        drained.chain(self.steady.iter().map(|steady| steady.peak_mib)).reduce(f64::max)
    }
}

fn sorted(figures: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures
}

/// The middle one, or what lies between the two in the middle.
pub fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let upper = *figures.get(figures.len() / 2)?;
    if figures.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*figures.get(figures.len() / 2 - 1)?, upper))
}
