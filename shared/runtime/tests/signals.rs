//! What a process does when it receives signals to stop: at the first it finishes, at the second it exits at once.
//!
//! Its own binary without the test harness, because it sends signals to a copy of itself.

#![allow(clippy::unwrap_used, reason = "a test, though clippy knows it only as a program")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use boxoffice_runtime::Shutdown;
use boxoffice_runtime::shutdown::on_signals;

const CHILD: &str = "child";
/// Exit status of a child that nobody stopped in time.
const NOT_STOPPED: i32 = 3;

fn main() {
    if std::env::args().nth(1).as_deref() == Some(CHILD) {
        tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(child());
    } else {
        the_first_signal_begins_the_stop_and_the_second_exits_with_130();
    }
}

/// Reports when it listens and when it was asked to stop, and then never finishes.
async fn child() {
    let shutdown = Shutdown::new();
    on_signals(shutdown.clone()).unwrap();
    println!("listening");
    let stop = async {
        shutdown.begun().await;
        println!("stopping");
        std::future::pending::<()>().await;
    };
    let _ = tokio::time::timeout(Duration::from_secs(30), stop).await;
    std::process::exit(NOT_STOPPED);
}

fn the_first_signal_begins_the_stop_and_the_second_exits_with_130() {
    for (first, second) in [("-TERM", "-INT"), ("-INT", "-TERM")] {
        let mut child =
            Command::new(std::env::current_exe().unwrap()).arg(CHILD).stdout(Stdio::piped()).spawn().unwrap();
        let process = child.id().to_string();
        let tell = |signal: &str| {
            assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
        };
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "listening");
        tell(first);
        assert_eq!(lines.next().unwrap().unwrap(), "stopping");
        tell(second);
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }
    println!("the_first_signal_begins_the_stop_and_the_second_exits_with_130 ... ok");
}
