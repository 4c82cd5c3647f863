//! The tables.

use boxoffice::table;
use hdrhistogram::Histogram;

use crate::load::{OverHttp, Pipeline};

/// The row operations of one order from created to awaiting payment, its stock record included.
const ROWS_PER_ORDER: f64 = 11.0;

/// Everything measured in one run.
pub struct Measured {
    /// Rows a second, raw.
    pub rows: f64,
    /// Requests a second, raw.
    pub empty: f64,
    /// The pipeline.
    pub pipeline: Pipeline,
    /// HTTP at a fixed rate.
    pub http: OverHttp,
    /// HTTP as fast as it goes.
    pub http_most: OverHttp,
}

fn millis(histogram: &Histogram<u64>, quantile: f64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a latency is shown to a hundredth of a millisecond")]
    let millis = histogram.value_at_quantile(quantile) as f64 / 1_000.0;
    format!("{millis:.2} ms")
}

/// The pipeline alone.
pub fn pipeline(measured: &Pipeline) {
    println!(
        "{:.0} orders/s accepted, {:.0} orders/s brought to AwaitingPayment, backlog {}, {:.2} CPU s per 10,000 orders, peak {} MiB, create p50 {} p99 {}",
        measured.accepted,
        measured.reserved,
        measured.backlog,
        measured.cpu.as_secs_f64(),
        measured.peak_memory_mib,
        millis(&measured.create, 0.5),
        millis(&measured.create, 0.99)
    );
    println!(
        "writer: {:.0} commits/s of {:.0} writes, at work {:.0} % of the time",
        measured.commits,
        measured.writes_per_commit,
        100.0 * measured.writer_busy
    );
}

/// Everything, beside the raw limits of the same run.
pub fn print(measured: &Measured, durability: &str) {
    let Measured { rows, empty, pipeline, http, http_most } = measured;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "\nBoxoffice, embedded, durability {durability}, {cores} cores, load and server in one process\n"
    );
    let mut table = table::new(&["what", "figure", "of the raw limit"]);
    let ratio = |figure: f64, limit: f64| format!("{:.0} %", 100.0 * figure / limit.max(f64::EPSILON));
    for [what, figure, share] in [
        ["raw: rows of 300 bytes in commits of 256".to_owned(), format!("{rows:.0} rows/s"), String::new()],
        ["raw: empty axum handler".to_owned(), format!("{empty:.0} requests/s"), String::new()],
        [
            "orders accepted, in-process".to_owned(),
            format!("{:.0} orders/s", pipeline.accepted),
            String::new(),
        ],
        [
            "orders brought to AwaitingPayment".to_owned(),
            format!("{:.0} orders/s", pipeline.reserved),
            format!(
                "{} of its {ROWS_PER_ORDER} row operations",
                ratio(pipeline.reserved * ROWS_PER_ORDER, *rows)
            ),
        ],
        [
            "accepted and waiting when the load ended".to_owned(),
            format!("{} orders", pipeline.backlog),
            String::new(),
        ],
        [
            "create in-process, at that load".to_owned(),
            format!("p50 {}, p99 {}", millis(&pipeline.create, 0.5), millis(&pipeline.create, 0.99)),
            String::new(),
        ],
        [
            "CPU for 10,000 orders, callers included".to_owned(),
            format!("{:.2} s", pipeline.cpu.as_secs_f64()),
            String::new(),
        ],
        [
            "the writer at that load".to_owned(),
            format!("{:.0} commits/s of {:.0} writes", pipeline.commits, pipeline.writes_per_commit),
            format!("at work {:.0} % of the time", 100.0 * pipeline.writer_busy),
        ],
        [
            "peak memory after that load".to_owned(),
            format!("{} MiB", pipeline.peak_memory_mib),
            String::new(),
        ],
        [
            format!("create over HTTP at {:.0} orders/s", http.rate),
            format!(
                "p50 {}, p99 {}, {} failed",
                millis(&http.latency, 0.5),
                millis(&http.latency, 0.99),
                http.failed
            ),
            String::new(),
        ],
        [
            "create over HTTP, as fast as it goes".to_owned(),
            format!(
                "{:.0} orders/s, p99 {}, {} failed",
                http_most.rate,
                millis(&http_most.latency, 0.99),
                http_most.failed
            ),
            ratio(http_most.rate, *empty),
        ],
    ] {
        table.add_row([what, figure, share]);
    }
    println!("{table}");
}
