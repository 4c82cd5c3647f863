//! Processes that outlive no test.

use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A process that is killed when its owner goes, however that ends.
pub struct Server {
    child: Child,
    /// The watcher kills the server when this pipe closes, which it also does when the owner is killed.
    pipe: Option<ChildStdin>,
    watcher: Child,
}

impl Server {
    /// Starts it; `word` stands in its command line, so that the watcher never kills another process.
    pub fn start(mut command: Command, word: &str) -> Self {
        let child = command.stdin(Stdio::null()).spawn().expect("a server can be started");
        let pid = child.id();
        let mut watcher = Command::new("sh")
            .args([
                "-c",
                &format!("cat >/dev/null; grep -q {word} /proc/{pid}/cmdline 2>/dev/null && kill -9 {pid}"),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell can be started");
        let pipe = watcher.stdin.take();
        Self { child, pipe, watcher }
    }

    /// What it prints, where its command asked for that.
    pub fn output(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("a pipe, taken once")
    }

    /// How it ended, where it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the server can be waited for")
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        loop {
            match self.ended() {
                None if begun.elapsed() < patience => std::thread::sleep(Duration::from_millis(5)),
                ended => return ended,
            }
        }
    }

    /// Stops it and waits until it has ended; `None` if it does not end in time.
    pub fn terminate(&mut self, patience: Duration) -> Option<ExitStatus> {
        if self.ended().is_none() {
            let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
            assert!(told.is_ok_and(|status| status.success()), "the server cannot be signalled");
        }
        self.wait(patience)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.pipe.take();
        let _ = self.watcher.wait();
    }
}
