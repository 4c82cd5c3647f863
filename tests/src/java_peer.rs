//! A Java service beside us on the bus: the program in `tests/interop-java`.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::ops::Index;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::rocketmq::{Cluster, repository};
use crate::server::Server;
use crate::support::PATIENCE;

/// How long it may take to stop.
const ENDING: Duration = Duration::from_secs(20);
/// The same, when the test has failed already.
const ENDING_AFTER_A_FAILURE: Duration = Duration::from_secs(3);

/// The program, built once.
static JAR: LazyLock<PathBuf> = LazyLock::new(|| {
    let built = Command::new(repository().join("tests/interop-java/build.sh")).status();
    assert!(built.is_ok_and(|status| status.success()), "the Java program could not be built");
    repository().join(".local/interop-java/interop-java.jar")
});

/// One line that it printed: a JSON object.
#[derive(Debug, Clone)]
pub struct Line {
    /// As it was printed.
    pub text: String,
    value: Value,
}

impl Line {
    /// Whether it has this key, as in `{"ready":true}`.
    pub fn tells(&self, what: &str) -> bool {
        self[what] == true
    }

    /// The text of a field; empty for anything but a string.
    pub fn text_of(&self, field: &str) -> &str {
        self[field].as_str().unwrap_or_default()
    }
}

/// A field; null where there is none.
impl Index<&str> for Line {
    type Output = Value;

    fn index(&self, field: &str) -> &Value {
        &self.value[field]
    }
}

#[derive(Default)]
struct Output {
    lines: Vec<Line>,
    ended: bool,
}

/// The running program. It is stopped when it is dropped, and killed if it does not end.
pub struct JavaPeer {
    /// `None` once it is stopped.
    process: Option<Server>,
    output: Arc<Mutex<Output>>,
    reader: Option<JoinHandle<()>>,
    log: File,
}

impl JavaPeer {
    /// Starts it in one of its modes; `options` as in `--name=value`.
    pub fn start(cluster: &Cluster, mode: &str, options: &[&str]) -> Self {
        let log = tempfile::tempfile().expect("a file can be made");
        let mut command = Command::new("java");
        // The first two save a quarter of its start.
        command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-jar"]).arg(&*JAR);
        command.arg(mode).arg(format!("--namesrv={}", cluster.name_servers())).args(options);
        command.stdout(Stdio::piped()).stderr(log.try_clone().expect("a file has several handles"));
        let mut process = Server::start(command, "interop-java");
        let printed = BufReader::new(process.output());
        let output = Arc::<Mutex<Output>>::default();
        let read = output.clone();
        let reader = std::thread::spawn(move || {
            for line in printed.lines() {
                let Ok(text) = line else { break };
                // No test waits for a line that is not JSON, but it is shown when the test fails.
                let value = serde_json::from_str(&text).unwrap_or_default();
                lock(&read).lines.push(Line { text, value });
            }
            lock(&read).ended = true;
        });
        Self { process: Some(process), output, reader: Some(reader), log }
    }

    /// Every line so far.
    pub fn lines(&self) -> Vec<Line> {
        lock(&self.output).lines.clone()
    }

    /// Every line so far with this key, as in `{"ready":true}`.
    pub fn all(&self, what: &str) -> Vec<Line> {
        lock(&self.output).lines.iter().filter(|line| line.tells(what)).cloned().collect()
    }

    /// Waits until a condition holds; panics, saying what, when it does not in time or the program ends before.
    pub async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        loop {
            let ended = lock(&self.output).ended;
            if holds() {
                return;
            }
            assert!(!ended, "the Java program ended, so this will not come: {what}");
            assert!(begun.elapsed() < PATIENCE, "timed out waiting for: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for a line with this key, and returns it.
    pub async fn told(&self, what: &str) -> Line {
        self.until(&format!("a line with {what}"), || !self.all(what).is_empty()).await;
        self.all(what).remove(0)
    }

    /// Waits until it has ended by itself, and gives all lines.
    pub fn wait(mut self) -> Vec<Line> {
        let ended = self.process.as_mut().and_then(|process| process.wait(PATIENCE));
        assert!(ended.is_some_and(|status| status.success()), "it did not end well: {ended:?}");
        self.finish()
    }

    /// Stops it, waits until it has ended, and returns all lines.
    pub fn stop(mut self) -> Vec<Line> {
        let ended = self.process.as_mut().and_then(|process| process.terminate(ENDING));
        assert!(ended.is_some_and(|status| status.success()), "it did not end well: {ended:?}");
        self.finish()
    }

    fn finish(mut self) -> Vec<Line> {
        self.process.take();
        let reader = self.reader.take().map(JoinHandle::join);
        assert!(reader.is_none_or(|read| read.is_ok()), "its lines could not be read");
        self.lines()
    }
}

impl Drop for JavaPeer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            process.terminate(ENDING_AFTER_A_FAILURE);
        }
        if std::thread::panicking() {
            let mut log = String::new();
            // Nobody is left to report a failure to.
            let _ = self.log.rewind();
            let _ = self.log.read_to_string(&mut log);
            let lines = self.lines();
            eprintln!("The Java program printed {} lines, at last:", lines.len());
            for line in lines.iter().skip(lines.len().saturating_sub(40)) {
                eprintln!("{}", line.text.chars().take(400).collect::<String>());
            }
            eprintln!("and logged:\n{log}");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
