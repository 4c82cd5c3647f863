mod rocketmq;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use boxoffice_domain::{BusinessRules, FunctionSettings, IdempotencySettings};
use boxoffice_embedded::Durability;
use boxoffice_http::HttpLimits;
use boxoffice_runtime::config::{BackendUrl, ConfigError, ConfigErrors, Origin, Secret, Setting, Settings};
use boxoffice_runtime::telemetry::LogFormat;
use boxoffice_runtime::{ConsumerSettings, RetryPolicy};

/// The shortest time to pay that is accepted.
const SHORTEST_TO_PAY: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_TO_PAY: Duration = Duration::from_secs(7 * 24 * 3600);
/// The longest on RocketMQ: a broker refuses longer delays (`timerMaxDelaySec`, unless that was changed).
const LONGEST_TO_PAY_ON_ROCKETMQ: Duration = Duration::from_secs(3 * 24 * 3600);

/// Bus and stores of who sets nothing.
const DEFAULT_FILE: &str = "embedded:boxoffice.db";

const AN_ADDRESS: &str = "an IP address and a port, such as 127.0.0.1:8080";

/// Where messages go.
#[derive(Debug, Clone)]
pub enum BusSettings {
    /// Into the file of the stores.
    Embedded,
    /// To a RocketMQ cluster.
    #[cfg(feature = "rocketmq")]
    RocketMq(Box<boxoffice_rocketmq::RocketMqSettings>),
}

/// Where shows and prices come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogueSource {
    /// A file that a person edits.
    File(PathBuf),
    /// The text of such a file.
    Text(&'static str),
}

/// One channel's provider.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Where notices go.
    pub url: BackendUrl,
    /// What signs them, on a webhook.
    pub secret: Option<Secret>,
    /// How many of a hundred tries fail on purpose, for demonstrations.
    pub failing_percent: u8,
}

/// Every setting of a function or of the all-in-one program.
#[derive(Debug, Clone)]
pub struct HostSettings {
    /// Where messages go.
    pub bus: BusSettings,
    /// The file that holds the stores, and an embedded bus.
    pub database: PathBuf,
    /// What an acknowledged write survives.
    pub durability: Durability,
    /// Shows and prices; `None` where the setting is absent.
    pub catalogue: Option<CatalogueSource>,
    /// The buyers' addresses, where there is a file of them.
    pub user_directory: Option<PathBuf>,
    /// Zone, time to pay, quantity.
    pub rules: BusinessRules,
    /// Where the public API listens.
    pub listen: SocketAddr,
    /// What the public API takes.
    pub api: HttpLimits,
    /// Where a function's own program tells of its health.
    pub health_listen: SocketAddr,
    /// Where the admin API listens.
    pub admin_listen: SocketAddr,
    /// What an operator must show; a new one is made at each start where it is absent.
    pub admin_token: Option<Secret>,
    /// Text messages.
    pub sms: ProviderSettings,
    /// E-mail.
    pub email: ProviderSettings,
    /// The sender of e-mail.
    pub email_from: String,
    /// Push notifications.
    pub push: ProviderSettings,
    /// Where alerts are posted as well.
    pub alert_webhook: Option<BackendUrl>,
    /// What signs alerts.
    pub alert_secret: Option<Secret>,
    /// How functions are fed.
    pub consumer: ConsumerSettings,
    /// Threads for the network and timers; absent where it is left to the program.
    pub threads: Option<usize>,
    /// How long one worker may take to deliver a notification before another takes over.
    pub idempotency_lease: Duration,
    /// How long a notification provider's effect is remembered.
    pub idempotency_keep: Duration,
    /// How old a mark must be before the relay sends it.
    pub relay_interval: Duration,
    /// How often stock is compared.
    pub reconcile_interval: Duration,
    /// The form of log lines.
    pub log_format: LogFormat,
    /// Which log lines, as `tracing` filters.
    pub log_filter: String,
    described: Vec<Setting>,
}

impl HostSettings {
    /// Reads the environment, and a TOML file if one is given.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigErrors> {
        Self::read(Settings::load(file))
    }

    /// Reads given settings, for programs that set up functions themselves.
    pub fn read(mut settings: Settings) -> Result<Self, ConfigErrors> {
        let s = &mut settings;
        // It names the file, so it is read before there are settings.
        s.also_known(["BOXOFFICE_CONFIG"]);
        let bus = s.backend(
            "BUS",
            DEFAULT_FILE,
            &["embedded", "rocketmq"],
            "the bus: embedded is a file, its path after the colon; rocketmq names its name servers, such as \
             rocketmq://127.0.0.1:9876, several separated by ;",
        );
        let in_file = bus.scheme() == "embedded";
        let store = s.backend(
            "STORE",
            &if in_file { bus.expose() } else { DEFAULT_FILE.to_owned() },
            &["embedded"],
            "orders, ledger, dead letters; the file of BUS where that is embedded",
        );
        let stock = s.backend(
            "STOCK",
            &store.expose(),
            &["embedded"],
            "the stock that buyers race for; the file of STORE",
        );
        let cluster = rocketmq::read(s, &bus);
        let durability = s.parsed(
            "DURABILITY",
            DurabilityName(Durability::PowerLoss),
            "power-loss or process-crash",
            "what an acknowledged write survives; process-crash is faster and may lose the last moments when the \
             machine loses power",
            DurabilityName::parse,
        );
        let catalogue = s.optional_text(
            "CATALOGUE",
            "the file of shows, sessions and ticket tiers; without it catalogue.toml of the working directory, and for \
             boxoffice a small one of its own",
        );
        let user_directory = s.optional_text(
            "USER_DIRECTORY",
            "a TOML file with the addresses of buyers whose orders carry none",
        );
        let rules = rules(s, if in_file { LONGEST_TO_PAY } else { LONGEST_TO_PAY_ON_ROCKETMQ });
        let address = |text: &str| text.parse::<SocketAddr>().ok();
        let listen = s.parsed(
            "LISTEN",
            SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            AN_ADDRESS,
            "where the API listens",
            address,
        );
        let api = api(s);
        let health_listen = s.parsed(
            "HEALTH_LISTEN",
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            AN_ADDRESS,
            "where a function's own program answers /healthz, /readyz and /metrics; port 0 takes a free one, which its \
             log tells",
            address,
        );
        let admin_listen = s.parsed(
            "ADMIN_LISTEN",
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            AN_ADDRESS,
            "where the admin API listens; port 0 takes a free one, which operators find by the file beside the database",
            address,
        );
        let admin_token =
            s.secret("ADMIN_TOKEN", "what an operator must show; without it a new one is made at each start");
        let provider = |s: &mut Settings, name: &str, schemes: &[&str], what: &str| ProviderSettings {
            url: s.backend(
                &format!("{name}_PROVIDER"),
                "log:notifications.log",
                schemes,
                &format!("{what}; log writes what would have been sent into a file"),
            ),
            secret: if schemes.contains(&"https") {
                s.secret(&format!("{name}_SECRET"), &format!("signs the requests of {name}_PROVIDER"))
            } else {
                None
            },
            failing_percent: s.integer(
                &format!("{name}_FAILING_PERCENT"),
                0,
                0..=100,
                "tries that fail on purpose, for demonstrations",
            ),
        };
        let sms = provider(s, "SMS", &["log", "http", "https"], "who sends text messages");
        let email = provider(s, "EMAIL", &["log", "smtp", "smtps"], "who sends e-mail");
        let email_from =
            s.text("EMAIL_FROM", "Boxoffice <tickets@localhost.localdomain>", "the sender of e-mail");
        let push = provider(s, "PUSH", &["log", "http", "https"], "who sends push notifications");
        let alert_webhook = s.web_address("ALERT_WEBHOOK", "where alerts are posted, besides the log");
        let alert_secret = s.secret("ALERT_SECRET", "signs alerts");
        let consumer = consumer(s, in_file);
        let threads = s.integer(
            "THREADS",
            0,
            0..=1_024,
            "threads for the network and timers; 0 is 1 for a function on RocketMQ, whose batches have WORKERS threads of \
             their own, and one for each core otherwise",
        );
        let minute = Duration::from_secs(60);
        let second = Duration::from_secs(1);
        let idempotency_lease = s.duration(
            "IDEMPOTENCY_LEASE",
            minute,
            second..=60 * minute,
            "how long one notification may take; past it its worker is taken for dead, and another delivers it",
        );
        let idempotency_keep = s.duration(
            "IDEMPOTENCY_KEEP",
            7 * 24 * 60 * minute,
            minute..=366 * 24 * 60 * minute,
            "how long a done effect and an Idempotency-Key are remembered",
        );
        let relay_interval = s.duration(
            "RELAY_INTERVAL",
            5 * second,
            second / 10..=60 * minute,
            "how often the outbox relay looks",
        );
        let reconcile_interval = s.duration(
            "RECONCILE_INTERVAL",
            minute,
            second / 10..=24 * 60 * minute,
            "how often every ticket's stock cache is compared with the ledger",
        );
        let json = s.parsed(
            "LOG_FORMAT",
            "compact".to_owned(),
            "compact or json",
            "the form of log lines",
            |text| text.parse::<LogFormat>().is_ok().then(|| text.to_owned()),
        );
        let log_format = json.parse().unwrap_or_default();
        let log_filter = s.text("LOG", "info", "which log lines: a level, or target=level pairs with commas");
        let mut wrong = not_in_one_file(in_file.then_some(&bus), &store, &stock);
        let bus = cluster.unwrap_or_else(|error| {
            wrong.push(error);
            BusSettings::Embedded
        });
        let described = match settings.finish() {
            Ok(described) if wrong.is_empty() => described,
            Ok(_) => return Err(ConfigErrors { errors: wrong }),
            Err(mut errors) => {
                errors.errors.extend(wrong);
                return Err(errors);
            }
        };
        Ok(Self {
            bus,
            database: PathBuf::from(store.rest()),
            durability: durability.0,
            catalogue: catalogue.map(|path| CatalogueSource::File(path.into())),
            user_directory: user_directory.map(PathBuf::from),
            rules,
            listen,
            api,
            health_listen,
            admin_listen,
            admin_token,
            sms,
            email,
            email_from,
            push,
            alert_webhook,
            alert_secret,
            consumer,
            threads: Some(threads).filter(|threads| *threads > 0),
            idempotency_lease,
            idempotency_keep,
            relay_interval,
            reconcile_interval,
            log_format,
            log_filter,
            described,
        })
    }

    /// The file where log providers write what they delivered, when all of them write into the same one.
    pub fn deliveries(&self) -> Option<PathBuf> {
        let path = |provider: &ProviderSettings| {
            (provider.url.scheme() == "log" && provider.url.rest() != "-")
                .then(|| PathBuf::from(provider.url.rest()))
        };
        let sms = path(&self.sms)?;
        [&self.email, &self.push].into_iter().all(|other| path(other).as_ref() == Some(&sms)).then_some(sms)
    }

    /// What functions are told besides their ports.
    pub fn functions(&self) -> FunctionSettings {
        let idempotency = IdempotencySettings { lease: self.idempotency_lease, keep: self.idempotency_keep };
        FunctionSettings { rules: self.rules.clone(), idempotency }
    }

    /// The settings that make another program use the same broker; empty where the bus is a file.
    pub fn bus_variables(&self) -> Vec<(&'static str, String)> {
        match &self.bus {
            BusSettings::Embedded => Vec::new(),
            #[cfg(feature = "rocketmq")]
            BusSettings::RocketMq(cluster) => rocketmq::variables(cluster),
        }
    }

    /// Every setting with its default and meaning, in the order they are read.
    pub fn described(&self) -> &[Setting] {
        &self.described
    }
}

fn not_in_one_file(bus: Option<&BackendUrl>, store: &BackendUrl, stock: &BackendUrl) -> Vec<ConfigError> {
    let (authority, because) = match bus {
        Some(bus) => (bus, "embedded stores live in the file of BUS"),
        None => (store, "embedded stores live in one file"),
    };
    let others =
        [("STORE", store), ("STOCK", stock)].into_iter().filter(|(_, url)| url.rest() != authority.rest());
    others
        .map(|(name, url)| ConfigError::NotAllowed {
            name: name.to_owned(),
            origin: Origin::Environment,
            found: url.to_string(),
            allowed: format!("{authority}, because {because}"),
        })
        .collect()
}

fn rules(s: &mut Settings, longest_to_pay: Duration) -> BusinessRules {
    let defaults = BusinessRules::default();
    BusinessRules {
        zone: s.zone("ZONE", "Asia/Shanghai", "the zone of date-times that carry none"),
        payment_window: s.duration(
            "PAYMENT_WINDOW",
            defaults.payment_window,
            SHORTEST_TO_PAY..=longest_to_pay,
            "how long a buyer may take to pay; at most 3d on RocketMQ",
        ),
        max_quantity: s.integer(
            "MAX_QUANTITY",
            defaults.max_quantity,
            1..=1_000,
            "the most tickets in one order",
        ),
    }
}

fn api(s: &mut Settings) -> HttpLimits {
    let second = Duration::from_secs(1);
    HttpLimits {
        max_body_bytes: s.integer(
            "BODY_LIMIT",
            64 * 1024,
            1_024..=16 * 1024 * 1024,
            "the largest request body, in bytes",
        ),
        request_timeout: s.duration(
            "REQUEST_TIME_OUT",
            5 * second,
            second / 10..=600 * second,
            "how long one request may take",
        ),
        max_in_flight: s.integer(
            "REQUESTS_IN_FLIGHT",
            4_096,
            1..=1_000_000,
            "the most requests worked on at once; one more is told to come again",
        ),
    }
}

/// Batches that one function handles at the same time on RocketMQ unless `WORKERS` says otherwise: as many as a member
/// that is written in Java does. Each has a thread of the client library's, which is made when it is needed.
pub const WORKERS_ON_ROCKETMQ: usize = 20;

fn consumer(s: &mut Settings, bus_in_file: bool) -> ConsumerSettings {
    let defaults = ConsumerSettings::default();
    let second = Duration::from_secs(1);
    let hour = Duration::from_secs(3600);
    ConsumerSettings {
        workers: s.integer(
            "WORKERS",
            if bus_in_file { defaults.workers } else { WORKERS_ON_ROCKETMQ },
            1..=64,
            "batches that one function handles at the same time; 20 on RocketMQ unless set",
        ),
        batch: s.integer("BATCH", defaults.batch, 1..=1_024, "the most messages in one batch"),
        lease: s.duration(
            "LEASE",
            defaults.lease,
            second..=12 * hour,
            "how long a message may be worked on before another worker may have it",
        ),
        retry: RetryPolicy {
            max_attempts: s.integer(
                "MAX_ATTEMPTS",
                defaults.retry.max_attempts,
                1..=1_000,
                "deliveries before a message is a dead letter",
            ),
            first_delay: s.duration(
                "RETRY_FIRST_DELAY",
                defaults.retry.first_delay,
                Duration::from_millis(1)..=hour,
                "the pause after the first failed delivery; it doubles with each further one",
            ),
            max_delay: s.duration(
                "RETRY_MAX_DELAY",
                defaults.retry.max_delay,
                Duration::from_millis(1)..=24 * hour,
                "the longest pause between two deliveries",
            ),
        },
        drain: s.duration(
            "DRAIN",
            defaults.drain,
            Duration::from_millis(100)..=hour,
            "how long a stop waits for what is in flight",
        ),
    }
}

struct DurabilityName(Durability);

impl DurabilityName {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "power-loss" => Some(Self(Durability::PowerLoss)),
            "process-crash" => Some(Self(Durability::ProcessCrash)),
            _ => None,
        }
    }
}

impl fmt::Display for DurabilityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Durability::PowerLoss => "power-loss",
            Durability::ProcessCrash => "process-crash",
        })
    }
}
