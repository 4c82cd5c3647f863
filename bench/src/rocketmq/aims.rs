//! The aims, and whether they were met. A share is the median of the shares of the rounds, each of two runs
//! that were close in time.

use std::fmt::Display;

use boxoffice::table;

use crate::figures::{Drained, Measured, Side, Steady, Who, median};

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
        of: |pair| under(1_000.0, &pair.ours?.drained(|drained| drained.first_ms)),
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
        of: |pair| under(10.0, &pair.ours?.steady(|steady| steady.p99_ms)),
    },
];

/// The batches of ours, and those of the Java program beside it.
const COLUMNS: [(usize, usize); 3] = [(32, 32), (32, 1), (1, 1)];

/// A row for each aim.
pub fn table(measured: &[Measured]) -> impl Display + use<> {
    let find = |who, batch| measured.iter().find(|one| one.side == Side { who, batch });
    let pairs = COLUMNS.map(|(batch, of_java)| Pair {
        ours: find(Who::Boxoffice, batch),
        java: find(Who::Java, of_java),
        bare: find(Who::Bare, batch),
    });
    let heading = |(batch, of_java)| {
        if of_java == batch {
            format!("batches of {batch}")
        } else {
            format!("of {batch}, Java of {of_java}")
        }
    };
    let mut headings = vec!["aim".to_owned(), String::new()];
    headings.extend(COLUMNS.map(heading));
    let mut table = table::new(&headings.iter().map(String::as_str).collect::<Vec<_>>());
    for aim in &AIMS {
        let mut row = vec![aim.what.to_owned(), aim.bound.to_owned()];
        row.extend(pairs.iter().map(|pair| (aim.of)(pair).unwrap_or_default()));
        table.add_row(row);
    }
    table
}

fn verdict(figure: impl Display, met: bool) -> String {
    format!("{figure}, {}", if met { "met" } else { "MISSED" })
}

/// Milliseconds of each round, the lowest first.
fn under(bound: f64, rounds: &[f64]) -> Option<String> {
    let (best, worst) = (rounds.first()?, rounds.last()?);
    let met = rounds.iter().filter(|figure| **figure < bound).count();
    Some(match met {
        0 => format!("{best:.1} ms at best, MISSED"),
        met if met == rounds.len() => format!("{worst:.1} ms at worst, met"),
        met => format!("{best:.1} to {worst:.1} ms, met in {met} of {}", rounds.len()),
    })
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
