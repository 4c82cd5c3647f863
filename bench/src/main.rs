//! Measures the embedded mode on this machine, and what the machine could do at best, in one run.

mod limits;
mod load;
mod process;
mod report;
mod server;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// How long and how hard to measure.
#[derive(Debug, Parser)]
#[command(name = "boxoffice-bench", version)]
struct Args {
    /// Seconds of sustained load.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Seconds that each raw limit is measured.
    #[arg(long, default_value_t = 5)]
    limit_seconds: u64,
    /// Callers that order in-process at the same time.
    #[arg(long, default_value_t = 256)]
    callers: usize,
    /// Orders a second over HTTP when latency is measured.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// What an acknowledged write survives: power-loss or process-crash.
    #[arg(long, default_value = "power-loss")]
    durability: String,
    /// Only the sustained load in-process, for a profiler.
    #[arg(long)]
    only_pipeline: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run(&args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("boxoffice-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> anyhow::Result<()> {
    let span = Duration::from_secs(args.seconds);
    let limit_span = Duration::from_secs(args.limit_seconds);
    if args.only_pipeline {
        let pipeline = load::pipeline(&args.durability, args.callers, span).await?;
        report::pipeline(&pipeline);
        return Ok(());
    }
    let rows = tokio::task::spawn_blocking({
        let durability = args.durability.clone();
        move || limits::row_writes(&durability, limit_span)
    })
    .await??;
    let empty = limits::empty_handler(limit_span).await?;
    let pipeline = load::pipeline(&args.durability, args.callers, span).await?;
    let http = load::http_at_rate(&args.durability, args.rate, span).await?;
    let http_most = load::http_at_most(&args.durability, limit_span).await?;
    report::print(&report::Measured { rows, empty, pipeline, http, http_most }, &args.durability);
    Ok(())
}
