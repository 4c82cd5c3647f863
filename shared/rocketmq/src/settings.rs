use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use boxoffice_backend::{BusAdvice, SharedBus};
use boxoffice_runtime::Secret;
use boxoffice_runtime::config::{BackendUrl, Settings, parse_duration, write_duration};

/// The scheme of URLs that name a cluster: `rocketmq://HOST:PORT`, several name servers separated by `;`.
pub const SCHEME: &str = "rocketmq";

/// What a cluster recommends to its consumers: as many batches as a consumer that is written in Java handles, each on a
/// thread of the client library's that is made on demand, and one thread for the network. A second one mostly wakes the
/// first and costs a third more CPU.
pub const ADVICE: BusAdvice = BusAdvice { workers: 20, threads: Some(1) };

/// The setting that gives a program topics and groups of its own.
const PREFIX: &str = "ROCKETMQ_PREFIX";

/// The delay levels of a broker with default settings (`messageDelayLevel`), from level 1.
pub const DEFAULT_DELAY_LEVELS: [Duration; 18] = {
    let seconds = [1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1_200, 1_800, 3_600, 7_200];
    let mut levels = [Duration::ZERO; 18];
    let mut level = 0;
    while level < levels.len() {
        levels[level] = Duration::from_secs(seconds[level]);
        level += 1;
    }
    levels
};

/// Where a new consumer group starts reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FirstOffset {
    /// At the oldest message on the broker: nothing is missed.
    #[default]
    First,
    /// After the newest message: earlier ones are skipped.
    Last,
}

impl FirstOffset {
    fn from_name(name: &str) -> Option<Self> {
        [Self::First, Self::Last].into_iter().find(|known| known.to_string() == name)
    }
}

impl fmt::Display for FirstOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "first",
            Self::Last => "last",
        })
    }
}

/// The account on a broker with access control.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account.
    pub access_key: String,
    /// What signs each request.
    pub secret_key: Secret,
}

/// How connections are encrypted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The file of the authority that signed the servers' certificates; without one the system's authorities are
    /// trusted.
    pub trusted: Option<PathBuf>,
}

/// How to reach a RocketMQ cluster, and how to behave there. What the settings mean is written where they are read.
#[derive(Debug, Clone)]
pub struct RocketMqSettings {
    /// `BUS`: name servers as `host:port`, several separated by `;`.
    pub name_servers: String,
    /// `ROCKETMQ_ACCESS_KEY` and `ROCKETMQ_SECRET_KEY`.
    pub credentials: Option<Credentials>,
    /// `ROCKETMQ_TLS` and `ROCKETMQ_TLS_CA`.
    pub tls: Option<Tls>,
    /// `ROCKETMQ_SEND_TIMEOUT`.
    pub send_timeout: Duration,
    /// `ROCKETMQ_SEND_RETRIES`.
    pub send_retries: u32,
    /// `ROCKETMQ_FIRST_OFFSET`.
    pub first_offset: FirstOffset,
    /// `ROCKETMQ_PREFIX`.
    pub prefix: String,
    /// `ROCKETMQ_INSTANCE`.
    pub instance: Option<String>,
    /// `ROCKETMQ_QUEUES`: of each topic, for reading and writing.
    pub queues: u32,
    /// `ROCKETMQ_MAX_MESSAGE`, in bytes.
    pub max_message_bytes: usize,
    /// `ROCKETMQ_DELAY_LEVELS`, from level 1.
    pub delay_levels: Vec<Duration>,
}

impl RocketMqSettings {
    /// The defaults for these name servers.
    pub fn new(name_servers: impl Into<String>) -> Self {
        Self {
            name_servers: name_servers.into(),
            credentials: None,
            tls: None,
            send_timeout: Duration::from_secs(3),
            send_retries: 2,
            first_offset: FirstOffset::First,
            prefix: String::new(),
            instance: None,
            queues: 4,
            max_message_bytes: 4 * 1024 * 1024,
            delay_levels: DEFAULT_DELAY_LEVELS.to_vec(),
        }
    }

    /// Reads the settings of a cluster. Where `bus` has another scheme they are known and checked one by one, so that
    /// several programs may share a configuration file, and mean nothing.
    pub fn read(s: &mut Settings, bus: &BackendUrl) -> Self {
        let defaults = Self::new(bus.rest().trim_start_matches('/'));
        let access_key = s.optional_text(
            "ROCKETMQ_ACCESS_KEY",
            "account on a broker with access control; together with ROCKETMQ_SECRET_KEY",
        );
        let secret_key =
            s.secret("ROCKETMQ_SECRET_KEY", "signs every request to a broker with access control");
        let encrypted =
            s.flag("ROCKETMQ_TLS", false, "whether connections to name servers and brokers are encrypted");
        let trusted = s.optional_text(
            "ROCKETMQ_TLS_CA",
            "PEM file of the CA that signed the servers' certificates; required with ROCKETMQ_TLS unless publicly \
             trusted",
        );
        let send_timeout = s.duration(
            "ROCKETMQ_SEND_TIMEOUT",
            defaults.send_timeout,
            Duration::from_millis(100)..=Duration::from_secs(60),
            "how long sending one message may take, retries included",
        );
        let send_retries = s.integer(
            "ROCKETMQ_SEND_RETRIES",
            defaults.send_retries,
            0..=10,
            "retries of a send that failed; what still fails is sent later by outbox-relay",
        );
        let first_offset = s.parsed(
            "ROCKETMQ_FIRST_OFFSET",
            defaults.first_offset,
            "first or last",
            "where a new consumer group starts reading: at the oldest message on the broker, or after the newest",
            FirstOffset::from_name,
        );
        let instance = s.optional_text(
            "ROCKETMQ_INSTANCE",
            "name of this process on the broker, for operators; generated if not set",
        );
        let queues = s.integer(
            "ROCKETMQ_QUEUES",
            defaults.queues,
            1..=256,
            "number of queues of topics that are created at start",
        );
        let max_message_bytes = s.integer(
            "ROCKETMQ_MAX_MESSAGE",
            defaults.max_message_bytes,
            1_024..=64 * 1024 * 1024,
            "largest message body that is sent, in bytes; must not exceed maxMessageSize of the broker",
        );
        let delay_levels = s.parsed(
            "ROCKETMQ_DELAY_LEVELS",
            DelayLevels(defaults.delay_levels.clone()),
            "durations separated by spaces, shortest first, such as 1s 5s 10s",
            "the delay levels of the broker, its messageDelayLevel",
            DelayLevels::parse,
        );
        let prefix = s.text(
            PREFIX,
            "",
            "prefix of every topic and group on the broker, so that several installations can share it; Java services \
             use the names without a prefix",
        );
        let credentials = if bus.scheme() == SCHEME {
            check_name_servers(s, &defaults.name_servers);
            pair(s, access_key, secret_key)
        } else {
            None
        };
        Self {
            credentials,
            tls: encrypted.then(|| Tls { trusted: trusted.map(PathBuf::from) }),
            send_timeout,
            send_retries,
            first_offset,
            prefix,
            instance,
            queues,
            max_message_bytes,
            delay_levels: delay_levels.0,
            ..defaults
        }
    }

    /// The settings with which another program uses the same cluster in the same way.
    pub fn shared(&self) -> SharedBus {
        let mut variables = vec![
            ("BUS", format!("{SCHEME}://{}", self.name_servers)),
            ("ROCKETMQ_SEND_TIMEOUT", write_duration(self.send_timeout)),
            ("ROCKETMQ_SEND_RETRIES", self.send_retries.to_string()),
            ("ROCKETMQ_FIRST_OFFSET", self.first_offset.to_string()),
            ("ROCKETMQ_QUEUES", self.queues.to_string()),
            ("ROCKETMQ_MAX_MESSAGE", self.max_message_bytes.to_string()),
            ("ROCKETMQ_DELAY_LEVELS", DelayLevels(self.delay_levels.clone()).to_string()),
            (PREFIX, self.prefix.clone()),
        ];
        if let Some(credentials) = &self.credentials {
            variables.push(("ROCKETMQ_ACCESS_KEY", credentials.access_key.clone()));
            variables.push(("ROCKETMQ_SECRET_KEY", credentials.secret_key.expose().to_owned()));
        }
        if let Some(tls) = &self.tls {
            variables.push(("ROCKETMQ_TLS", "true".to_owned()));
            let trusted = tls.trusted.iter().map(|path| ("ROCKETMQ_TLS_CA", path.display().to_string()));
            variables.extend(trusted);
        }
        variables.extend(self.instance.clone().map(|name| ("ROCKETMQ_INSTANCE", name)));
        SharedBus { variables, prefix: PREFIX }
    }
}

fn check_name_servers(s: &mut Settings, name_servers: &str) {
    if !cfg!(feature = "client") {
        s.refuse("BUS", WITHOUT_CLIENT);
    } else if !name_servers.split(';').all(is_host_and_port) {
        s.refuse("BUS", "rocketmq://host:port, several host:port separated by ;");
    }
}

/// What a program without the client library says of a cluster.
pub(crate) const WITHOUT_CLIENT: &str = "a bus of another kind, because this program was built without RocketMQ; \
    `make build-rocketmq` builds programs with it";

fn is_host_and_port(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    !host.is_empty() && !host.contains(['/', '@', ' ']) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn pair(s: &mut Settings, access_key: Option<String>, secret_key: Option<Secret>) -> Option<Credentials> {
    match (access_key, secret_key) {
        (Some(access_key), Some(secret_key)) => return Some(Credentials { access_key, secret_key }),
        (Some(_), None) => s.refuse("ROCKETMQ_SECRET_KEY", "a value, because ROCKETMQ_ACCESS_KEY is set"),
        (None, Some(_)) => s.refuse("ROCKETMQ_ACCESS_KEY", "a value, because ROCKETMQ_SECRET_KEY is set"),
        (None, None) => {}
    }
    None
}

/// Delay levels as a broker's configuration writes them.
struct DelayLevels(Vec<Duration>);

impl DelayLevels {
    fn parse(text: &str) -> Option<Self> {
        let levels: Vec<Duration> =
            text.split_whitespace().map(|level| parse_duration(level).ok()).collect::<Option<_>>()?;
        (!levels.is_empty() && levels.is_sorted()).then_some(Self(levels))
    }
}

impl fmt::Display for DelayLevels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let levels: Vec<String> = self.0.iter().copied().map(write_duration).collect();
        f.write_str(&levels.join(" "))
    }
}

#[cfg(test)]
mod tests;
