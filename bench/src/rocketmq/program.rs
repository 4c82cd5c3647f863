//! A process that prints JSON lines.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use boxoffice_tests::server::Server;
use serde_json::Value;

/// How long it may take to stop.
const ENDING: Duration = Duration::from_secs(30);
/// The first word of the lines that are waited for.
const TELLS: [&str; 3] = ["ready", "first", "done"];

/// A running process; killed when it is dropped.
pub struct Program {
    server: Server,
    started: Instant,
    lines: Receiver<(Instant, Value)>,
    /// The lines that it printed, and when, since its start.
    told: HashMap<&'static str, (Duration, Value)>,
    log: File,
}

impl Program {
    /// Starts it; `word` stands in its command line.
    pub fn start(mut command: Command, word: &str) -> anyhow::Result<Self> {
        let log = tempfile::tempfile()?;
        command.stdout(Stdio::piped()).stderr(log.try_clone()?);
        let started = Instant::now();
        let mut server = Server::start(command, word);
        let output = BufReader::new(server.output());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines() {
                let Ok(line) = line else { return };
                let line = (Instant::now(), serde_json::from_str(&line).unwrap_or_default());
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { server, started, lines, told: HashMap::new(), log })
    }

    /// Waits for a line with this key; returns it with the time from the start until it came.
    pub fn until(&mut self, what: &str, patience: Duration) -> anyhow::Result<(Duration, Value)> {
        let begun = Instant::now();
        loop {
            if let Some(told) = self.told.get(what) {
                return Ok(told.clone());
            }
            match self.lines.recv_timeout(patience.saturating_sub(begun.elapsed())) {
                Ok((at, line)) => {
                    if let Some(tells) = TELLS.iter().find(|tells| line[**tells] == true) {
                        self.told.entry(tells).or_insert((at.duration_since(self.started), line));
                    }
                }
                Err(RecvTimeoutError::Timeout) => bail!("{what:?} did not appear in time\n{}", self.logged()),
                Err(RecvTimeoutError::Disconnected) => bail!("it ended before {what:?}\n{}", self.logged()),
            }
        }
    }

    /// Stops it and waits until it has ended.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let status = self.server.terminate(ENDING);
        self.ended(status)
    }

    /// Waits until it has ended by itself.
    pub fn wait(mut self) -> anyhow::Result<()> {
        let status = self.server.wait(ENDING);
        self.ended(status)
    }

    fn ended(&mut self, status: Option<ExitStatus>) -> anyhow::Result<()> {
        let status = status.context("it did not stop in time")?;
        if !status.success() {
            bail!("it failed: {status}\n{}", self.logged());
        }
        Ok(())
    }

    fn logged(&mut self) -> String {
        let mut log = String::new();
        // Only half of it is better than nothing.
        let _ = self.log.rewind();
        let _ = self.log.read_to_string(&mut log);
        log
    }
}
