//! What was to be reached, and whether it was. A share is the median of the shares of the rounds, each of two runs
//! that were close in time.

use std::fmt::Display;

use boxoffice::table;

use crate::comparison::{Drained, Measured, Side, Steady, Who};
use crate::report::median;

/// Our consumer, and what it is compared with.
struct Pair<'a> {
    ours: Option<&'a Measured>,
    java: Option<&'a Measured>,
    bare: Option<&'a Measured>,
}

/// One aim: what is measured, the bound in words, and the answer for a pair.
struct Aim {
    what: &'static str,
    bound: &'static str,
    of: fn(&Pair<'_>) -> Option<String>,
}

const AIMS: [Aim; 7] = [
    Aim {
        what: "CPU while draining, of Java's",
        bound: "at most 33 %",
        of: |pair| Some(at_most(33.4, drained_share(pair.ours, pair.java, |drained| drained.cpu)?)),
    },
    Aim {
        what: "CPU at the rate, of Java's",
        bound: "at most 33 %",
        of: |pair| Some(at_most(33.4, steady_share(pair.ours, pair.java, |steady| steady.cpu)?)),
    },
    Aim {
        what: "peak memory, of Java's",
        bound: "at most 10 %",
        of: |pair| Some(at_most(10.0, 100.0 * pair.ours?.peak_mib()? / pair.java?.peak_mib()?)),
    },
    Aim {
        what: "start to first message handled",
        bound: "under 1 s",
        of: |pair| {
            let first = pair.ours?.drained(|drained| drained.first_ms)?;
            Some(verdict(format_args!("{first:.0} ms"), first < 1_000.0))
        },
    },
    Aim {
        what: "messages/s, of the empty listener's",
        bound: "at least 80 %",
        of: |pair| {
            let share = drained_share(pair.ours, pair.bare, |drained| drained.per_second)?;
            Some(verdict(format_args!("{share:.0} %"), share >= 80.0))
        },
    },
    Aim {
        what: "messages/s, of Java's",
        bound: "",
        of: |pair| {
            Some(format!("{:.0} %", drained_share(pair.ours, pair.java, |drained| drained.per_second)?))
        },
    },
    Aim {
        what: "p99 from sent to handled, at the rate",
        bound: "under 10 ms",
        of: |pair| {
            let p99 = pair.ours?.steady(|steady| steady.p99_ms)?;
            Some(verdict(format_args!("{p99:.2} ms"), p99 < 10.0))
        },
    },
];

/// A row for each aim.
pub fn table(measured: &[Measured]) -> impl Display + use<> {
    let find = |who, batch| measured.iter().find(|one| one.side == Side { who, batch });
    let pair = |ours, others| Pair {
        ours: find(Who::Boxoffice, ours),
        java: find(Who::Java, others),
        bare: find(Who::Bare, others),
    };
    let headings = ["aim", "", "batches of 32", "batches of 1", "of 32 beside Java's own 1"];
    let mut table = table::new(&headings);
    for aim in &AIMS {
        let of = |ours, others| (aim.of)(&pair(ours, others)).unwrap_or_default();
        table.add_row([aim.what.to_owned(), aim.bound.to_owned(), of(32, 32), of(1, 1), of(32, 1)]);
    }
    table
}

fn verdict(figure: impl Display, met: bool) -> String {
    format!("{figure}, {}", if met { "met" } else { "MISSED" })
}

fn at_most(bound: f64, share: f64) -> String {
    verdict(format_args!("{share:.0} %"), share <= bound)
}

fn drained_share(
    one: Option<&Measured>,
    other: Option<&Measured>,
    figure: impl Fn(&Drained) -> f64,
) -> Option<f64> {
    share(&one?.drained, &other?.drained, figure)
}

fn steady_share(
    one: Option<&Measured>,
    other: Option<&Measured>,
    figure: impl Fn(&Steady) -> f64,
) -> Option<f64> {
    share(&one?.steady, &other?.steady, figure)
}

/// In percent.
fn share<T>(ones: &[T], others: &[T], figure: impl Fn(&T) -> f64) -> Option<f64> {
    median(ones.iter().zip(others).map(|(one, other)| 100.0 * figure(one) / figure(other)).collect())
}
