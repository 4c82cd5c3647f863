//! SIGTERM while a program has many slow messages: what is under way is finished, the rest goes back at once and costs
//! no attempt.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use boxoffice_domain::ports::{Bus, Outgoing};
use boxoffice_embedded::{Embedded, Options};
use boxoffice_messages::{group, tag, topic};
use boxoffice_runtime::Subscription;
use boxoffice_tests::http::{free_address, request};
use boxoffice_tests::rocketmq::Cluster;
use boxoffice_tests::server::Server;
use boxoffice_tests::until;
use serde_json::Value;
use tempfile::TempDir;

use crate::clusters::SHARED;
use crate::machine;
use crate::programs::{CATALOGUE, program};
use crate::rocketmq::patient;

/// Messages that one program takes at once.
const MESSAGES: usize = 200;
/// How long the gateway takes for one at first. One of each batch is under way at a time, so handling all of them would
/// take half a minute or more; the gateway must answer in 5 s.
const SLOW: Duration = Duration::from_secs(1);
/// `DRAIN_TIMEOUT`, and the lease of a batch: neither may be what ends the work.
const LONG: &str = "1h";
/// How long a program may take to end, on a busy machine.
const ENDING: Duration = Duration::from_secs(120);

/// A gateway for text messages.
struct Gateway {
    address: SocketAddr,
    requests: Arc<Mutex<Requests>>,
}

/// What a gateway was asked, and how it answers.
struct Requests {
    /// How long a request takes.
    takes: Duration,
    /// Whether the first request about each message is told to come again.
    refuses_first: bool,
    /// The idempotency keys of requests that were told to come again.
    refused: Vec<String>,
    /// The same of requests that were taken.
    taken: Vec<String>,
}

impl Gateway {
    /// A gateway that takes every message, slowly. It runs as long as this process.
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Requests { takes: SLOW, refuses_first: false, refused: Vec::new(), taken: Vec::new() };
        let requests = Arc::new(Mutex::new(requests));
        let shared = requests.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = shared.clone();
                // It ends with an error when the program that opened it has ended.
                thread::spawn(move || answer_all(&connection, &shared));
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        lock(&self.requests)
    }
}

fn lock(requests: &Mutex<Requests>) -> MutexGuard<'_, Requests> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers the requests of one connection until it is closed.
fn answer_all(connection: &TcpStream, requests: &Mutex<Requests>) -> io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(connection), connection);
    while let Some(key) = read_request(&mut reader)? {
        let (status, takes) = {
            let mut requests = lock(requests);
            if requests.refuses_first && !requests.refused.contains(&key) {
                requests.refused.push(key);
                ("503 Service Unavailable", requests.takes)
            } else {
                requests.taken.push(key);
                ("200 OK", requests.takes)
            }
        };
        thread::sleep(takes);
        write!(writer, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")?;
    }
    Ok(())
}

/// The idempotency key of the next request; `None` where the connection ends.
fn read_request(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<String>> {
    let (mut key, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name.to_ascii_lowercase().as_str() {
            "idempotency-key" => value.clone_into(&mut key),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    io::copy(&mut reader.take(length), &mut io::sink())?;
    Ok(Some(key))
}

/// A folder with what sms-notification needs, and the gateway that it sends to.
struct Place {
    folder: TempDir,
    gateway: Gateway,
    /// The settings of the bus.
    bus: Vec<(&'static str, String)>,
}

impl Place {
    fn new(bus: Vec<(&'static str, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("catalogue.toml"), CATALOGUE).unwrap();
        Self { folder, gateway: Gateway::start(), bus }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        command.env_clear().envs(self.bus.iter().cloned());
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Starts sms-notification, whose log is called like this.
    fn start(&self, name: &str) -> Program {
        let (health, log) = (free_address(), self.path(name));
        let mut command = self.command("sms-notification");
        command
            .env("SMS_PROVIDER", format!("http://{}/", self.gateway.address))
            .env("SMS_SECRET", "a secret of this test")
            .env("HEALTH_LISTEN", health.to_string())
            .env("DRAIN_TIMEOUT", LONG)
            .env("MESSAGE_LEASE", LONG)
            .env("MAX_ATTEMPTS", "2")
            .stderr(fs::File::create(&log).unwrap());
        Program { server: Server::start(command, "sms-notification"), health, log }
    }

    /// How many messages wait for sms-notification. No program may run on the file.
    fn waiting(&self) -> Option<u64> {
        let output = self.command("boxoffice").args(["status", "--json"]).output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
        let of_the_group = |row: &&Value| row["group"] == group::SMS_NOTIFICATION;
        answer["value"].as_array()?.iter().find(of_the_group)?["waiting"].as_u64()
    }
}

/// A running sms-notification.
struct Program {
    server: Server,
    health: SocketAddr,
    log: PathBuf,
}

impl Program {
    /// Waits until there is an answer; the program must not end meanwhile.
    fn until<T>(&mut self, what: &str, mut ask: impl FnMut(&Self) -> Option<T>) -> T {
        until(what, || {
            let ended = self.server.ended();
            assert!(ended.is_none(), "the program ended ({ended:?}) before {what}:\n{}", self.log());
            ask(self)
        })
    }

    /// How many messages it was given so far, handled or not.
    fn claimed(&self) -> Option<usize> {
        let page = request(self.health, "GET", "/metrics", "")?.body;
        let count = page.lines().find_map(|line| line.strip_prefix("mq_lag_count{"))?;
        count.rsplit(' ').next()?.parse().ok()
    }

    /// SIGTERM; returns when it has ended, which it must do well.
    fn stop(mut self) {
        let status = self.server.terminate(ENDING);
        let ended_well = status.is_some_and(|status| status.success());
        assert!(ended_well, "the program ended with {status:?} (none: not in time):\n{}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

/// The text messages of the test, all of one key: those of one batch are handled one after the other.
fn texts() -> Vec<Outgoing> {
    let text = |order: String| {
        let body = serde_json::json!({
            "orderNo": order, "channel": "SMS", "phone": "+8613800138000",
            "template": "ORDER_PAID", "content": "Paid",
        });
        Outgoing::new(topic::NOTIFICATION, tag::SMS, "one key", body.to_string().into_bytes())
    };
    orders().into_iter().map(text).collect()
}

fn orders() -> Vec<String> {
    (0..MESSAGES).map(|number| format!("T{number:03}")).collect()
}

/// What sms-notification takes.
fn subscription() -> Subscription {
    Subscription::new(group::SMS_NOTIFICATION, topic::NOTIFICATION, &[tag::SMS])
}

async fn send(bus: &dyn Bus) {
    for sent in bus.send_all(texts()).await {
        sent.expect("the bus takes the message");
    }
}

/// [`texts`] wait on the bus of `place`.
fn a_stop_hands_back_what_was_not_started(place: &Place) {
    let mut first = place.start("first.log");
    first.until("all messages are claimed", |first| (first.claimed()? == MESSAGES).then_some(()));
    first.stop();
    let started = place.gateway.requests().taken.len();
    // Those under way at the stop were finished, so there is at least one; most were never started.
    assert!((1..=MESSAGES / 2).contains(&started), "{started} of {MESSAGES} were started");
    let untouched = MESSAGES - started;
    until("the others wait", || (place.waiting()? == untouched as u64).then_some(()));

    // A message that is told to come again at its second attempt is given up, and never taken. Every one is: so each had
    // both of its attempts left.
    {
        let mut requests = place.gateway.requests();
        (requests.takes, requests.refuses_first) = (Duration::ZERO, true);
    }
    let mut second = place.start("second.log");
    second.until("every message is taken", |_| {
        (place.gateway.requests().taken.len() >= MESSAGES).then_some(())
    });
    second.stop();
    let requests = place.gateway.requests();
    assert_eq!(requests.refused.len(), untouched, "the second program got other messages than were left");
    let mut taken = requests.taken.clone();
    taken.sort();
    let wanted: Vec<String> =
        orders().iter().map(|order| format!("sms-notification/{order}/ORDER_PAID")).collect();
    assert_eq!(taken, wanted, "each message is taken once");
    assert_eq!(place.waiting(), Some(0));
}

#[test]
fn a_stop_in_mid_batch_hands_the_rest_back_on_a_file() {
    let _machine = machine::shared();
    let place = Place::new(vec![("WORKERS", "1".to_owned()), ("BATCH_SIZE", MESSAGES.to_string())]);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Embedded::open(place.path("boxoffice.db"), Options::default()).unwrap();
        store.subscribe(&subscription()).await.unwrap();
        send(&store).await;
        store.close().await.unwrap();
    });
    a_stop_hands_back_what_was_not_started(&place);
}

#[test]
fn a_stop_in_mid_batch_hands_the_rest_back_on_rocketmq() {
    let _machine = machine::shared();
    let settings = patient(&SHARED);
    let levels: Vec<String> =
        Cluster::delay_levels().iter().map(|level| format!("{}s", level.as_secs())).collect();
    let place = Place::new(vec![
        ("BUS", SHARED.bus()),
        ("ROCKETMQ_PREFIX", settings.prefix.clone()),
        ("ROCKETMQ_DELAY_LEVELS", levels.join(" ")),
    ]);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let rocketmq = boxoffice_rocketmq::connect(settings).await.unwrap();
        rocketmq.reached().await;
        send(&*rocketmq).await;
        rocketmq.close().await.unwrap();
    });
    a_stop_hands_back_what_was_not_started(&place);
}
