//! The tables.

use boxoffice::table;

use crate::aims;
use crate::figures::{Measured, Sent};

fn shown(figure: Option<f64>, digits: usize, unit: &str) -> String {
    figure.map(|figure| format!("{figure:.digits$}{unit}")).unwrap_or_default()
}

fn lowest(figures: &[f64]) -> Option<f64> {
    figures.first().copied()
}

/// From the lowest to the highest.
fn range(figures: &[f64]) -> String {
    match figures {
        [] => String::new(),
        [only] => format!("{only:.2} ms"),
        [lowest, .., highest] => format!("{lowest:.2} to {highest:.2} ms"),
    }
}

/// The producer, the consumers, and what the consumers were to reach.
pub fn print(sent: &Sent, measured: &[Measured], messages: usize, rate: usize) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "\nBoxoffice on RocketMQ, {cores} cores for broker, producer and consumer together. The best round of each \
         consumer;\np99 of every round. The bare client has a listener that does nothing; Java runs with -Xmx512m.\n"
    );
    println!(
        "Boxoffice sends, 64 at once: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, {:.2} CPU s per 100,000, {:.0} MiB\n",
        sent.per_second, sent.p50_ms, sent.p99_ms, sent.cpu, sent.peak_mib
    );
    let headings = [
        "consumer".to_owned(),
        format!("draining {messages}"),
        "CPU per 100,000".to_owned(),
        "start to first".to_owned(),
        format!("p50 at {rate}/s"),
        "p99".to_owned(),
        "CPU per 100,000".to_owned(),
        "peak memory".to_owned(),
    ];
    let mut table = table::new(&headings.each_ref().map(String::as_str));
    for one in measured {
        table.add_row([
            one.side.to_string(),
            shown(one.drained(|drained| drained.per_second).last().copied(), 0, "/s"),
            shown(lowest(&one.drained(|drained| drained.cpu)), 2, " s"),
            shown(lowest(&one.drained(|drained| drained.first_ms)), 0, " ms"),
            shown(lowest(&one.steady(|steady| steady.p50_ms)), 2, " ms"),
            range(&one.steady(|steady| steady.p99_ms)),
            shown(lowest(&one.steady(|steady| steady.cpu)), 1, " s"),
            shown(one.peak_mib(), 0, " MiB"),
        ]);
    }
    println!("{table}\n\n{}", aims::table(measured));
}
