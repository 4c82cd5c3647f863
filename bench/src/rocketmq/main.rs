//! RocketMQ as the bus, beside a Java consumer that does the same work and beside the bare client library: each a
//! process of its own, one after another, on one broker that is started for the purpose.

// The types of the client library nest deeply.
#![recursion_limit = "512"]

mod aims;
mod bare;
mod comparison;
mod consume;
mod figures;
mod measure;
#[path = "../process.rs"]
mod process;
mod program;
mod reading;
mod report;
mod send;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What to measure; without a subcommand everything.
#[derive(Debug, Parser)]
#[command(name = "boxoffice-bench-rocketmq", version)]
struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    comparison: comparison::Args,
}

/// One process of the comparison. Each prints JSON lines, as the Java program does.
#[derive(Debug, Subcommand)]
enum Part {
    /// Our consumer: decodes, checks the order number, acknowledges.
    Consume(consume::Args),
    /// A consumer of the bare client library whose listener does nothing.
    Bare(bare::Args),
    /// Our producer.
    Send(send::Args),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.part {
        None => comparison::run(&args.comparison),
        Some(part) => alone(part),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("boxoffice-bench-rocketmq: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn alone(part: &Part) -> anyhow::Result<()> {
    // A function on RocketMQ has one thread for the network, and the bare client is cheaper with one as well.
    let threads = match part {
        Part::Consume(_) | Part::Bare(_) => Some(1),
        Part::Send(_) => None,
    };
    boxoffice_host::runtime(threads)?.block_on(async {
        match part {
            Part::Consume(args) => consume::run(args).await,
            Part::Bare(args) => bare::run(args).await,
            Part::Send(args) => send::run(args).await,
        }
    })
}
