//! A name server and a broker of a test's own: the real Apache ones, without Docker.

use std::fs;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to start: it shares two cores with every other test.
const BOOT: Duration = Duration::from_secs(90);
/// Delay levels in seconds, so that a whole way to the dead letters takes a few.
pub const DELAY_LEVELS: [u64; 18] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 60, 120, 300, 600, 3_600, 7_200];

/// A process that is killed when its owner goes, however that ends.
struct Server {
    child: Child,
    /// The watcher kills the server when this pipe closes, which it also does when the owner is killed.
    _pipe: Option<ChildStdin>,
    watcher: Child,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn().expect("a server can be started");
        let pid = child.id();
        let mut watcher = Command::new("sh")
            .args([
                "-c",
                &format!("cat >/dev/null; grep -q rocketmq /proc/{pid}/cmdline 2>/dev/null && kill -9 {pid}"),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell can be started");
        let pipe = watcher.stdin.take();
        Self { child, _pipe: pipe, watcher }
    }

    fn kill(mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn terminate(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(told.is_ok_and(|status| status.success()), "the server had ended by itself");
        let begun = Instant::now();
        while self.child.try_wait().expect("the server can be waited for").is_none() {
            assert!(begun.elapsed() < BOOT, "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self._pipe.take();
        let _ = self.watcher.wait();
    }
}

/// One name server and one broker, which the test may stop, kill and start again.
pub struct Cluster {
    folder: TempDir,
    name_server_port: u16,
    broker_port: u16,
    settings: Vec<String>,
    name_server: Mutex<Option<Server>>,
    broker: Mutex<Option<Server>>,
}

impl Cluster {
    /// Starts both, with short delay levels.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts both; `settings` are lines of the broker's configuration.
    pub fn start_with(settings: &[&str]) -> Self {
        let cluster = Self::prepare(settings);
        cluster.start_name_server();
        cluster.start_broker();
        cluster
    }

    /// Chooses ports and a folder, and starts nothing yet.
    pub fn prepare(settings: &[&str]) -> Self {
        fetch();
        let folder = repository().join(".local/test-servers");
        fs::create_dir_all(&folder).expect("the folder of servers can be made");
        let folder = TempDir::new_in(folder).expect("a folder can be made");
        let levels: Vec<String> = DELAY_LEVELS.iter().map(|seconds| format!("{seconds}s")).collect();
        let mut all =
            vec![format!("messageDelayLevel={}", levels.join(" ")), "timerPrecisionMs=100".to_owned()];
        all.extend(settings.iter().map(|line| (*line).to_owned()));
        Self {
            folder,
            name_server_port: free_port(&[]),
            broker_port: free_port(&[-2, 1]),
            settings: all,
            name_server: Mutex::default(),
            broker: Mutex::default(),
        }
    }

    /// What a client connects to.
    pub fn name_servers(&self) -> String {
        SocketAddr::from(([127, 0, 0, 1], self.name_server_port)).to_string()
    }

    /// The setting that makes a program use this cluster.
    pub fn bus(&self) -> String {
        format!("rocketmq://{}", self.name_servers())
    }

    /// `ROCKETMQ_DELAY_LEVELS` of programs that use this cluster.
    pub fn delay_levels() -> Vec<Duration> {
        DELAY_LEVELS.iter().map(|seconds| Duration::from_secs(*seconds)).collect()
    }

    /// The home folder of the broker, with its `conf`.
    pub fn broker_home(&self) -> PathBuf {
        self.folder.path().join("broker/home")
    }

    /// Starts the name server, and waits until it listens.
    pub fn start_name_server(&self) {
        let folder = self.folder.path().join("name-server");
        let port = self.name_server_port.to_string();
        let server = Server::start(script(&["namesrv", &text(&folder), &port]));
        *lock(&self.name_server) = Some(server);
        wait_for_boot(&folder.join("namesrv.log"), &self.name_server);
    }

    /// Starts the broker, on what it kept, and waits until it listens.
    pub fn start_broker(&self) {
        let folder = self.folder.path().join("broker");
        let (port, name_servers) = (self.broker_port.to_string(), self.name_servers());
        let mut arguments = vec!["broker".to_owned(), text(&folder), port, name_servers];
        arguments.extend(self.settings.iter().cloned());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let server = Server::start(script(&arguments));
        *lock(&self.broker) = Some(server);
        wait_for_boot(&folder.join("broker.log"), &self.broker);
    }

    /// Ends the broker as `kill -9` does.
    pub fn kill_broker(&self) {
        lock(&self.broker).take().expect("a running broker").kill();
    }

    /// Stops the broker as an operator does.
    pub fn stop_broker(&self) {
        lock(&self.broker).take().expect("a running broker").terminate();
    }

    /// Ends the name server as `kill -9` does.
    pub fn kill_name_server(&self) {
        lock(&self.name_server).take().expect("a running name server").kill();
    }
}

/// The folder of the whole project.
pub fn repository() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    folder.canonicalize().expect("the tests stand in the project")
}

fn script(arguments: &[&str]) -> Command {
    let mut command = Command::new(repository().join("localstack/rocketmq/rocketmq.sh"));
    command.args(arguments);
    command
}

fn fetch() {
    let fetched = script(&["fetch"]).status().expect("the script of the local stack can be run");
    assert!(fetched.success(), "the servers could not be fetched");
}

/// A port of this machine that is free, together with those that far from it.
fn free_port(neighbours: &[i32]) -> u16 {
    for _ in 0..1_000 {
        let Ok(listener) = TcpListener::bind("127.0.0.1:0") else { continue };
        let port = listener.local_addr().expect("it has an address").port();
        let free = |offset: &i32| {
            let Ok(port) = u16::try_from(i32::from(port) + offset) else { return false };
            TcpListener::bind(("127.0.0.1", port)).is_ok()
        };
        if neighbours.iter().all(free) {
            return port;
        }
    }
    panic!("no port is free");
}

fn wait_for_boot(log: &Path, server: &Mutex<Option<Server>>) {
    let begun = Instant::now();
    let mut text = String::new();
    loop {
        text.clear();
        if let Ok(mut file) = fs::File::open(log) {
            // Half a character at the end is read again at the next look.
            let _ = file.read_to_string(&mut text);
        }
        if text.contains("boot success") {
            return;
        }
        let ended = lock(server)
            .as_mut()
            .is_none_or(|server| server.child.try_wait().is_ok_and(|status| status.is_some()));
        assert!(!ended, "the server ended instead of starting: {text}");
        assert!(begun.elapsed() < BOOT, "the server did not start in time: {text}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path of characters").to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
