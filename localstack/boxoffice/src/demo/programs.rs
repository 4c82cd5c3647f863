//! Every function as a process of its own, on one broker and one file of stores.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::watch;

use crate::functions::FUNCTIONS;

/// How long all of them may take until they consume.
const START: Duration = Duration::from_secs(60);
/// How long one may take to end.
const END: Duration = Duration::from_secs(40);
/// The pause between two kills.
const BETWEEN_KILLS: Duration = Duration::from_millis(300);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The running programs. Dropping them kills them.
pub struct Programs {
    folder: PathBuf,
    variables: Vec<(&'static str, String)>,
    running: Vec<Running>,
    http: reqwest::Client,
}

struct Running {
    name: &'static str,
    health: SocketAddr,
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Programs {
    /// Starts every program, with these settings and no others, its log in `folder`, and waits until all are ready.
    pub async fn start(
        folder: &Path,
        variables: Vec<(&'static str, String)>,
        http: reqwest::Client,
    ) -> anyhow::Result<Self> {
        let mut programs = Self { folder: folder.to_owned(), variables, running: Vec::new(), http };
        for name in FUNCTIONS.iter().map(|listed| listed.name) {
            let health = if name == order_api::NAME { programs.api()? } else { free_address()? };
            let child = programs.spawn(name, health)?;
            programs.running.push(Running { name, health, child });
        }
        let begun = Instant::now();
        for index in 0..programs.running.len() {
            programs.wait_until_ready(index, begun + START).await?;
        }
        Ok(programs)
    }

    fn api(&self) -> anyhow::Result<SocketAddr> {
        let listen =
            self.variables.iter().find(|(name, _)| *name == "LISTEN").context("LISTEN is not set")?;
        Ok(listen.1.parse()?)
    }

    fn spawn(&self, name: &str, health: SocketAddr) -> anyhow::Result<Child> {
        let folder = std::env::current_exe()?.parent().map(Path::to_owned).unwrap_or_default();
        let program = folder.join(name);
        let log = File::options().create(true).append(true).open(self.log(name))?;
        Command::new(&program)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (*name, value)))
            .env("HEALTH_LISTEN", health.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| {
                format!("{} cannot be started; `make build-rocketmq` builds every program", program.display())
            })
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    async fn wait_until_ready(&mut self, index: usize, deadline: Instant) -> anyhow::Result<()> {
        let log = self.log(self.running[index].name);
        let tell = || std::fs::read_to_string(&log).unwrap_or_default();
        loop {
            let Running { name, health, child } = &mut self.running[index];
            let asked =
                self.http.get(format!("http://{health}/readyz")).timeout(Duration::from_secs(2)).send();
            if asked.await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if let Some(status) = child.try_wait()? {
                anyhow::bail!("{name} exited while it was starting, {status}:\n{}", tell());
            }
            if Instant::now() >= deadline {
                anyhow::bail!("{name} was not ready in time:\n{}", tell());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Kills one program after the other as `kill -9` does and starts it again: every program once, and then on, round
    /// and round, until the stop; returns how many were killed.
    pub async fn kill_in_turn(&mut self, mut stop: watch::Receiver<bool>) -> anyhow::Result<u32> {
        let mut killed = 0;
        for round in 0.. {
            for index in 0..self.running.len() {
                tokio::select! {
                    () = tokio::time::sleep(BETWEEN_KILLS) => {}
                    _ = stop.wait_for(|stop| *stop), if round > 0 => return Ok(killed),
                }
                let (name, health) = (self.running[index].name, self.running[index].health);
                self.running[index].child.kill()?;
                self.running[index].child.wait()?;
                killed += 1;
                self.running[index].child = self.spawn(name, health)?;
                self.wait_until_ready(index, Instant::now() + START).await?;
            }
        }
        Ok(killed)
    }

    /// Tells every program to stop; the names of those that did not end well.
    pub async fn stop(mut self) -> anyhow::Result<Vec<String>> {
        for running in &self.running {
            let told = Command::new("kill").args(["-TERM", &running.child.id().to_string()]).status()?;
            anyhow::ensure!(told.success(), "{} had already exited by itself", running.name);
        }
        let mut badly = Vec::new();
        let deadline = Instant::now() + END;
        for running in &mut self.running {
            let status: ExitStatus = loop {
                match running.child.try_wait()? {
                    Some(status) => break status,
                    None if Instant::now() >= deadline => {
                        anyhow::bail!("{} did not stop in time", running.name)
                    }
                    None => tokio::time::sleep(LOOK_AGAIN).await,
                }
            };
            if !status.success() {
                badly.push(format!("{} ({status})", running.name));
            }
        }
        Ok(badly)
    }
}

/// An address of this machine that nobody listens on.
pub fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
