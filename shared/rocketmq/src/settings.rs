use std::path::PathBuf;
use std::time::Duration;

use boxoffice_runtime::Secret;

/// The delays of the levels of a broker that was not told otherwise (`messageDelayLevel`), from level 1.
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

/// Where a consumer group begins that has never consumed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FirstOffset {
    /// At the oldest message the broker keeps: nothing is missed.
    #[default]
    First,
    /// After the newest message: what was sent before is skipped.
    Last,
}

/// Who we are to a broker with access control.
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

/// How to reach a RocketMQ cluster, and how to behave there.
#[derive(Debug, Clone)]
pub struct RocketMqSettings {
    /// Name servers as `host:port`, several separated by `;`.
    pub name_servers: String,
    /// The account, where the broker asks for one.
    pub credentials: Option<Credentials>,
    /// Encryption, where the broker asks for it.
    pub tls: Option<Tls>,
    /// How long one send may take, with all its tries.
    pub send_time_out: Duration,
    /// Further tries after a failed one, within one send.
    pub send_retries: u32,
    /// Where a group begins that has never consumed.
    pub first_offset: FirstOffset,
    /// Put before every topic and group at the broker, so that several installations may share one; Java services
    /// know the names without it.
    pub prefix: String,
    /// Part of this process's name at the broker, so that operators recognise it; one is made up without it.
    pub instance: Option<String>,
    /// Read and write queues of topics that are created here.
    pub queues: u32,
    /// The largest body that is sent, in bytes; the broker's own limit is 4 MiB unless it was told otherwise.
    pub max_message_bytes: usize,
    /// The broker's delay levels, from level 1 (`messageDelayLevel`).
    pub delay_levels: Vec<Duration>,
}

impl RocketMqSettings {
    /// The defaults for these name servers.
    pub fn new(name_servers: impl Into<String>) -> Self {
        Self {
            name_servers: name_servers.into(),
            credentials: None,
            tls: None,
            send_time_out: Duration::from_secs(3),
            send_retries: 2,
            first_offset: FirstOffset::First,
            prefix: String::new(),
            instance: None,
            queues: 4,
            max_message_bytes: 4 * 1024 * 1024,
            delay_levels: DEFAULT_DELAY_LEVELS.to_vec(),
        }
    }
}
