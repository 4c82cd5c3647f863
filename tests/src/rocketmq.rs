//! A name server and a broker of a test's own: the real Apache ones, without Docker.

use std::fs;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::server::Server;

/// How long a server may take to start: it shares two cores with every other test.
const BOOT: Duration = Duration::from_secs(90);
/// Delay levels in seconds, so that a whole way to the dead letters takes a few.
pub const DELAY_LEVELS: [u64; 18] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 60, 120, 300, 600, 3_600, 7_200];

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
        let folder = folder_of_this_process();
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

    /// Chooses ports and a folder for one more broker, of the name server of this cluster, and starts nothing yet.
    #[must_use]
    pub fn one_more_broker(&self, name: &str) -> Self {
        let named = format!("brokerName={name}");
        let mut more = Self::prepare(&[&named]);
        more.name_server_port = self.name_server_port;
        more
    }

    /// What a client connects to.
    pub fn name_servers(&self) -> String {
        SocketAddr::from(([127, 0, 0, 1], self.name_server_port)).to_string()
    }

    /// Whether the broker has stored a message of a topic whose name ends like this. It makes a folder for each queue
    /// that is asked for, but a file only for one that has had messages.
    pub fn has_messages_of(&self, topic: &str) -> bool {
        let entries =
            |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        entries(self.folder.path().join("broker/store/consumequeue"))
            .filter(|queues| queues.to_string_lossy().ends_with(topic))
            .flat_map(entries)
            .flat_map(entries)
            .next()
            .is_some()
    }

    /// The setting that makes a program use this cluster.
    pub fn bus(&self) -> String {
        format!("rocketmq://{}", self.name_servers())
    }

    /// `ROCKETMQ_DELAY_LEVELS` of programs that use this cluster.
    pub fn delay_levels() -> Vec<Duration> {
        DELAY_LEVELS.iter().map(|seconds| Duration::from_secs(*seconds)).collect()
    }

    /// Where the broker listens.
    pub fn broker(&self) -> String {
        SocketAddr::from(([127, 0, 0, 1], self.broker_port)).to_string()
    }

    /// The home folder of the name server, with its `conf`.
    pub fn name_server_home(&self) -> PathBuf {
        self.folder.path().join("name-server/home")
    }

    /// The home folder of the broker, with its `conf`.
    pub fn broker_home(&self) -> PathBuf {
        self.folder.path().join("broker/home")
    }

    /// Starts the name server, and waits until it listens.
    pub fn start_name_server(&self) {
        let folder = self.folder.path().join("name-server");
        let port = self.name_server_port.to_string();
        let _ = fs::remove_file(folder.join("namesrv.log"));
        let server = Server::start(script(&["namesrv", &text(&folder), &port]), "rocketmq");
        *lock(&self.name_server) = Some(server);
        wait_for("boot success", &folder.join("namesrv.log"), &self.name_server);
    }

    /// Starts the broker, on what it kept, and waits until it listens.
    pub fn start_broker(&self) {
        let folder = self.folder.path().join("broker");
        let (port, name_servers) = (self.broker_port.to_string(), self.name_servers());
        let mut arguments = vec!["broker".to_owned(), text(&folder), port, name_servers];
        arguments.extend(self.settings.iter().cloned());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        // An old line in it would look like a start that went well.
        let log = folder.join("broker.log");
        let _ = fs::remove_file(&log);
        let server = Server::start(script(&arguments), "rocketmq");
        *lock(&self.broker) = Some(server);
        // A broker that wants signed or encrypted requests is registered by itself, some seconds later.
        let guarded = self.settings.iter().any(|line| line == "aclEnable=true");
        let sign = if guarded { "boot success" } else { "the broker is registered" };
        wait_for(sign, &log, &self.broker);
    }

    /// Ends the broker as `kill -9` does.
    pub fn kill_broker(&self) {
        drop(lock(&self.broker).take().expect("a running broker"));
    }

    /// Stops the broker as an operator does.
    pub fn stop_broker(&self) {
        let mut broker = lock(&self.broker).take().expect("a running broker");
        assert!(broker.ended().is_none(), "the broker had ended by itself");
        assert!(broker.terminate(BOOT).is_some(), "the broker does not end");
    }

    /// Ends the name server as `kill -9` does.
    pub fn kill_name_server(&self) {
        drop(lock(&self.name_server).take().expect("a running name server"));
    }

    /// Ends every server that runs, as `kill -9` does.
    pub fn kill_what_runs(&self) {
        drop(lock(&self.broker).take());
        drop(lock(&self.name_server).take());
    }

    /// Starts what does not run.
    pub fn start_what_is_missing(&self) {
        let runs = |server: &Mutex<Option<Server>>| {
            lock(server).as_mut().is_some_and(|server| server.ended().is_none())
        };
        if !runs(&self.name_server) {
            self.start_name_server();
        }
        if !runs(&self.broker) {
            self.start_broker();
        }
    }
}

impl Drop for Cluster {
    /// What a failed test leaves is kept until the next run of tests, for whoever looks for the fault.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
        }
    }
}

/// A folder for one cluster. A cluster that lives as long as its process is never dropped, so what processes left that
/// have ended is removed here.
fn folder_of_this_process() -> TempDir {
    let all = repository().join(".local/test-servers");
    fs::create_dir_all(&all).expect("the folder of servers can be made");
    for folder in fs::read_dir(&all).expect("it can be read").flatten() {
        let name = folder.file_name().to_string_lossy().into_owned();
        let owner = name.split_once('-').map_or(name.as_str(), |(owner, _)| owner);
        if !Path::new("/proc").join(owner).exists() {
            // Another process may do the same.
            let _ = fs::remove_dir_all(folder.path());
        }
    }
    let prefix = format!("{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir_in(all).expect("a folder can be made")
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

/// Downloads the servers where they are missing; asked once in a process.
fn fetch() {
    static FETCHED: Once = Once::new();
    FETCHED.call_once(|| {
        let fetched = script(&["fetch"]).status().expect("the script of the local stack can be run");
        assert!(fetched.success(), "the servers could not be fetched");
    });
}

/// A port of this machine that is free, together with those that far from it. It lies below the ports that outgoing
/// connections get, of which one might take it while its server restarts.
fn free_port(neighbours: &[i32]) -> u16 {
    let mut random = RandomState::new().build_hasher().finish();
    for _ in 0..1_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let port = 10_000 + i32::try_from((random >> 33) % 20_000).expect("a small number");
        let free = |offset: &i32| {
            u16::try_from(port + offset).is_ok_and(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        };
        if neighbours.iter().chain([&0]).all(free) {
            return u16::try_from(port).expect("a port");
        }
    }
    panic!("no port is free");
}

fn wait_for(sign: &str, log: &Path, server: &Mutex<Option<Server>>) {
    let begun = Instant::now();
    let mut text = String::new();
    loop {
        text.clear();
        if let Ok(mut file) = fs::File::open(log) {
            // Half a character at the end is read again at the next look.
            let _ = file.read_to_string(&mut text);
        }
        if text.contains(sign) {
            return;
        }
        let ended = lock(server).as_mut().is_none_or(|server| server.ended().is_some());
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
