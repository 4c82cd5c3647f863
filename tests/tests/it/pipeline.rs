//! Whole sales on the real broker, with every function in a process of its own.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use boxoffice_tests::rocketmq::Cluster;

use crate::programs::build;
use crate::rocketmq::SHARED;

/// How long a sale may take, in seconds; the test binary and its servers share two cores.
const TIME_LIMIT: &str = "240";

/// A sale of the demonstration, whose output is kept.
fn sale(cluster: &Cluster, how: &str) -> Command {
    let mut command = Command::new(build().join("boxoffice"));
    let levels: Vec<String> =
        Cluster::delay_levels().iter().map(|level| format!("{}s", level.as_secs())).collect();
    command
        .env_clear()
        .env("BUS", cluster.bus())
        .env("ROCKETMQ_DELAY_LEVELS", levels.join(" "))
        .args([
            "demo",
            how,
            "--buyers",
            "300",
            "--seats",
            "100",
            "--at-once",
            "64",
            "--time-limit",
            TIME_LIMIT,
        ])
        .stdin(Stdio::null());
    command
}

/// It ended well, and every invariant was judged.
fn ended_well(output: &std::process::Output) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    let held = (1..=8).filter(|number| {
        let row = out.lines().find(|line| line.trim_start().starts_with(&format!("I{number} ")));
        row.is_some_and(|row| row.split_whitespace().nth(1) == Some("yes"))
    });
    assert_eq!(held.count(), 8, "an invariant was not judged:\n{out}");
}

#[test]
fn a_sale_on_twelve_processes_keeps_every_invariant() {
    ended_well(&sale(&SHARED, "--programs").output().unwrap());
}

#[test]
fn a_sale_survives_the_kill_of_every_process_in_turn() {
    let output = sale(&SHARED, "--kill-programs").output().unwrap();
    ended_well(&output);
    let out = String::from_utf8_lossy(&output.stdout);
    let killed = out
        .lines()
        .find_map(|line| line.strip_suffix(" processes were killed and started again during the sale."));
    let killed: u32 = killed.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{out}"));
    assert!(killed >= 12, "only {killed} were killed");
}

#[test]
fn a_sale_survives_the_kill_of_the_broker() {
    let cluster = Arc::new(Cluster::start());
    let sale = sale(&cluster, "--programs").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // In the middle: the first orders are paid and their buyers are being told.
    let begun = Instant::now();
    while !cluster.has_messages_of("NOTIFICATION_TOPIC") {
        assert!(begun.elapsed() < Duration::from_secs(120), "the sale does not begin");
        std::thread::sleep(Duration::from_millis(50));
    }
    cluster.kill_broker();
    cluster.start_broker();
    ended_well(&sale.wait_with_output().unwrap());
}
