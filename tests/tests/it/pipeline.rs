//! Whole sales on the real broker, with every function in a process of its own.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use boxoffice::functions::FUNCTIONS;
use boxoffice_tests::http::{free_address, request};
use boxoffice_tests::rocketmq::Cluster;
use boxoffice_tests::until;

use crate::clusters::{Breakable, SHARED};
use crate::machine;
use crate::programs::{CATALOGUE, program};

/// How long a sale may take, in seconds; the test binary and its servers share two cores.
const TIME_LIMIT: &str = "240";
/// How long its first half may take.
const PATIENCE_WITH_A_SALE: Duration = Duration::from_secs(200);

/// A sale of the demonstration, whose output is kept. It has topics and groups of its own.
fn sale(cluster: &Cluster, how: &str) -> Command {
    let mut command = Command::new(program("boxoffice"));
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
fn a_sale_on_one_process_for_each_function_keeps_every_invariant() {
    let _machine = machine::alone();
    ended_well(&sale(&SHARED, "--programs").output().unwrap());
}

#[test]
fn a_sale_survives_the_kill_of_every_process_in_turn() {
    let _machine = machine::alone();
    let output = sale(&SHARED, "--kill-programs").output().unwrap();
    ended_well(&output);
    let out = String::from_utf8_lossy(&output.stdout);
    let killed = out
        .lines()
        .find_map(|line| line.strip_suffix(" processes were killed and started again during the sale."));
    let killed: usize = killed.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{out}"));
    assert!(killed >= FUNCTIONS.len(), "only {killed} were killed");
}

#[test]
fn a_sale_survives_the_kill_of_the_broker() {
    let _machine = machine::alone();
    let cluster = Breakable::running();
    let mut sale =
        sale(&cluster, "--programs").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // In the middle: the first orders are paid and their buyers are being notified.
    let begun = Instant::now();
    while !cluster.has_messages_of("NOTIFICATION_TOPIC") {
        if sale.try_wait().unwrap().is_some() || begun.elapsed() > PATIENCE_WITH_A_SALE {
            let _ = sale.kill();
            let output = sale.wait_with_output().unwrap();
            let (out, err) =
                (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            panic!("the sale did not come to its middle in {:?}:\n{out}\n{err}", begun.elapsed());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    cluster.kill_broker();
    cluster.start_broker();
    ended_well(&sale.wait_with_output().unwrap());
}

/// It waits, reports why it is not ready, logs that once and not a thousand times, and continues by itself.
#[test]
fn a_function_that_starts_before_its_broker_waits_and_is_not_ready() {
    let _machine = machine::shared();
    let cluster = Breakable::absent();
    let folder = tempfile::tempdir().unwrap();
    let health = free_address();
    let page = |path| request(health, "GET", path, "");
    std::fs::write(folder.path().join("catalogue.toml"), CATALOGUE).unwrap();
    let log = folder.path().join("log");
    let mut program = Command::new(program("order-process"))
        .env_clear()
        .env("BUS", cluster.bus())
        .env("HEALTH_LISTEN", health.to_string())
        .current_dir(folder.path())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let answer = until("its page", || page("/readyz"));
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(
        answer.body.contains(&cluster.name_servers()) && answer.body.contains("\"ready\":false"),
        "{answer:?}"
    );
    assert_eq!(page("/healthz").unwrap().status, 200);
    cluster.start_name_server();
    cluster.start_broker();
    until("it is ready", || page("/readyz").filter(|answer| answer.status == 200));
    let metrics = until("its lag", || {
        page("/metrics").filter(|answer| answer.body.contains("mq_waiting{consumer_group=\"order-process"))
    });
    assert_eq!(metrics.status, 200);
    assert!(Command::new("kill").args(["-TERM", &program.id().to_string()]).status().unwrap().success());
    let status = until("it ends", || program.try_wait().unwrap());
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(status.success(), "{status}\n{log}");
    let warnings = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).count();
    assert!((1..=5).contains(&warnings), "{warnings} warnings:\n{log}");
}
