//! Every consumer in turn on the same messages, in several rounds, so that variations of the machine affect each.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use boxoffice_tests::rocketmq::{Cluster, repository};
use serde_json::Value;

use crate::figures::{Drained, Measured, Sent, Side, Steady, Who};
use crate::measure::as_float;
use crate::program::Program;
use crate::report;

/// How long a consumer may take until it is ready.
const STARTING: Duration = Duration::from_secs(60);
/// How much longer than its time a load may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The topic that is drained.
const DRAINED: &str = "BENCH_DRAINED";
/// The topic of the load at a rate.
const STEADY: &str = "BENCH_STEADY";
/// The tag of the messages that are there before.
const STORED: &str = "S";
/// Seconds at the rate before the seconds that are measured.
const SETTLING: usize = 2;

/// How much to measure.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Messages that each consumer drains.
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    /// Messages that each consumer handles first, which are not measured.
    #[arg(long, default_value_t = 10_000)]
    warmup: usize,
    /// How often each consumer drains them.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Messages a second when latency is measured.
    #[arg(long, default_value_t = 1_000)]
    rate: usize,
    /// Seconds at that rate.
    #[arg(long, default_value_t = 10)]
    seconds: usize,
    /// How often each consumer has that load; with 0 latency is not measured.
    #[arg(long, default_value_t = 2)]
    steady_rounds: usize,
    /// Only these: boxoffice, java, bare.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// In this order in odd rounds, the other way round in even ones.
const SIDES: [Side; 6] = [
    Side { who: Who::Boxoffice, batch: 32 },
    Side { who: Who::Java, batch: 1 },
    Side { who: Who::Bare, batch: 32 },
    Side { who: Who::Boxoffice, batch: 1 },
    Side { who: Who::Java, batch: 32 },
    Side { who: Who::Bare, batch: 1 },
];

/// A load of the producer.
struct Load<'a> {
    topic: &'a str,
    tag: &'a str,
    warmup: usize,
    count: usize,
    rate: Option<usize>,
}

/// What a consumer reads.
struct Reading<'a> {
    topic: &'a str,
    tag: &'a str,
    warmup: usize,
    count: usize,
    latencies: bool,
}

struct Comparison<'a> {
    args: &'a Args,
    cluster: Cluster,
    jar: PathBuf,
    /// This program.
    own: PathBuf,
    /// Consumers so far: each has a group of its own.
    consumers: usize,
}

/// Measures everything and prints the tables.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let begun = Instant::now();
    let wanted = |side: &Side| args.only.is_empty() || args.only.iter().any(|who| who == side.who.name());
    let sides: Vec<Side> = SIDES.into_iter().filter(wanted).collect();
    ensure!(!sides.is_empty(), "--only takes boxoffice, java and bare");
    let jar = repository().join(".local/interop-java/interop-java.jar");
    if sides.iter().any(|side| side.who == Who::Java) {
        say("the Java program is built, if it is not yet");
        let built = Command::new(repository().join("tests/interop-java/build.sh")).status()?;
        ensure!(built.success(), "the Java program could not be built");
    }
    say("a name server and a broker start");
    let own = std::env::current_exe()?;
    let mut comparison = Comparison { args, cluster: Cluster::start(), jar, own, consumers: 0 };
    let mut measured: Vec<Measured> =
        sides.iter().map(|side| Measured { side: *side, drained: Vec::new(), steady: Vec::new() }).collect();
    let stored = Load { topic: DRAINED, tag: STORED, warmup: args.warmup, count: args.messages, rate: None };
    let sent = Sent::of(&comparison.send(&stored)?)?;
    for round in 0..args.rounds {
        for index in order(round, measured.len()) {
            let Some(one) = measured.get_mut(index) else { continue };
            one.drained.push(comparison.drain(one.side)?);
        }
    }
    if args.steady_rounds > 0 {
        comparison.send(&Load {
            topic: STEADY,
            tag: STORED,
            warmup: 0,
            count: args.warmup.max(1),
            rate: None,
        })?;
    }
    for round in 0..args.steady_rounds {
        for index in order(round, measured.len()) {
            let Some(one) = measured.get_mut(index) else { continue };
            one.steady.push(comparison.steady(one.side)?);
        }
    }
    drop(comparison);
    report::print(&sent, &measured, args.messages, args.rate);
    println!("\n{} s altogether", begun.elapsed().as_secs());
    Ok(())
}

fn order(round: usize, count: usize) -> Vec<usize> {
    if round.is_multiple_of(2) { (0..count).collect() } else { (0..count).rev().collect() }
}

fn say(what: &str) {
    eprintln!("{} {what}", jiff::Zoned::now().strftime("%H:%M:%S"));
}

impl Comparison<'_> {
    /// A consumer that starts on a topic full of messages, and empties it.
    fn drain(&mut self, side: Side) -> anyhow::Result<Drained> {
        let (warmup, count) = (self.args.warmup, self.args.messages);
        let reading = Reading { topic: DRAINED, tag: STORED, warmup, count, latencies: false };
        let mut consumer = self.consumer(side, &reading)?;
        let (first, _) = consumer.until("first", STARTING)?;
        let (_, done) = consumer.until("done", PATIENCE)?;
        consumer.stop()?;
        let drained = Drained {
            per_second: number(&done, "perSecond")?,
            cpu: cpu(&done, "cpuSecondsWhileHandling")?,
            first_ms: first.as_secs_f64() * 1_000.0,
            peak_mib: peak(&done)?,
        };
        say(&format!("{side}: {drained:?}"));
        Ok(drained)
    }

    /// A consumer that is warm, under a load at a rate.
    fn steady(&mut self, side: Side) -> anyhow::Result<Steady> {
        let rate = self.args.rate;
        let (settling, count) = (SETTLING * rate, self.args.seconds.max(1) * rate);
        let own_tag = format!("L{}", self.consumers);
        let tag = format!("{STORED}||{own_tag}");
        let warmup = self.args.warmup.max(1) + settling;
        let reading = Reading { topic: STEADY, tag: &tag, warmup, count, latencies: true };
        let mut consumer = self.consumer(side, &reading)?;
        consumer.until("ready", STARTING)?;
        consumer.until("first", STARTING)?;
        self.send(&Load { topic: STEADY, tag: &own_tag, warmup: settling, count, rate: Some(rate) })?;
        let (_, done) = consumer.until("done", PATIENCE)?;
        consumer.stop()?;
        let steady = Steady {
            p50_ms: number(&done, "p50Ms")?,
            p99_ms: number(&done, "p99Ms")?,
            cpu: cpu(&done, "cpuSecondsWhileHandling")?,
            peak_mib: peak(&done)?,
        };
        say(&format!("{side}: {steady:?}"));
        Ok(steady)
    }

    fn consumer(&mut self, side: Side, reading: &Reading<'_>) -> anyhow::Result<Program> {
        self.consumers += 1;
        let (mut command, word) = match side.who {
            Who::Java => {
                let mut command = Command::new("java");
                command.args(["-Xmx512m", "-jar"]).arg(&self.jar).arg("bench-consume");
                (command, "interop-java")
            }
            Who::Boxoffice => (self.itself("consume"), "boxoffice-bench"),
            Who::Bare => (self.itself("bare"), "boxoffice-bench"),
        };
        command
            .arg(format!("--namesrv={}", self.cluster.name_servers()))
            .arg(format!("--topic={}", reading.topic))
            .arg(format!("--tag={}", reading.tag))
            .arg(format!("--group=bench-{}-group", self.consumers))
            .arg(format!("--warmup={}", reading.warmup))
            .arg(format!("--count={}", reading.count))
            .arg(format!("--batch={}", side.batch));
        if side.who == Who::Bare && reading.latencies {
            command.arg("--latencies");
        }
        Program::start(command, word)
    }

    fn send(&self, load: &Load<'_>) -> anyhow::Result<Value> {
        let mut command = self.itself("send");
        command
            .arg(format!("--namesrv={}", self.cluster.name_servers()))
            .arg(format!("--topic={}", load.topic))
            .arg(format!("--tag={}", load.tag))
            .arg(format!("--prefix={}", load.tag))
            .arg(format!("--warmup={}", load.warmup))
            .arg(format!("--count={}", load.count));
        let mut takes = PATIENCE;
        if let Some(rate) = load.rate {
            command.arg(format!("--rate={rate}"));
            takes += Duration::from_secs_f64(as_float(load.warmup + load.count) / as_float(rate.max(1)));
        }
        let mut sender = Program::start(command, "boxoffice-bench")?;
        let (_, done) = sender.until("done", takes)?;
        sender.wait()?;
        ensure!(number(&done, "failures")? == 0.0, "not every message was sent: {done}");
        say(&format!("sent: {done}"));
        Ok(done)
    }

    fn itself(&self, part: &str) -> Command {
        let mut command = Command::new(&self.own);
        command.arg(part);
        command
    }
}

impl Sent {
    fn of(done: &Value) -> anyhow::Result<Self> {
        Ok(Self {
            per_second: number(done, "perSecond")?,
            cpu: cpu(done, "cpuSecondsWhileSending")?,
            p50_ms: number(done, "p50Ms")?,
            p99_ms: number(done, "p99Ms")?,
            peak_mib: peak(done)?,
        })
    }
}

fn number(line: &Value, field: &str) -> anyhow::Result<f64> {
    line[field].as_f64().with_context(|| format!("no {field} in {line}"))
}

/// CPU seconds for 100,000 messages.
fn cpu(line: &Value, field: &str) -> anyhow::Result<f64> {
    Ok(number(line, field)? * 100_000.0 / number(line, "count")?)
}

fn peak(line: &Value) -> anyhow::Result<f64> {
    Ok(number(line, "peakMemoryBytes")? / (1_024.0 * 1_024.0))
}
