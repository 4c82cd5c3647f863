use boxoffice_runtime::config::{BackendUrl, ConfigError, Settings};

use super::BusSettings;

/// Reads what a RocketMQ bus needs to know. Without one, its settings are known but nothing is read.
#[cfg(feature = "rocketmq")]
pub(super) fn read(s: &mut Settings, bus: &BackendUrl) -> Result<BusSettings, ConfigError> {
    use std::path::PathBuf;
    use std::time::Duration;

    use boxoffice_rocketmq::{Credentials, FirstOffset, RocketMqSettings, Tls};

    let defaults = RocketMqSettings::new(bus.rest().trim_start_matches('/'));
    let access_key = s.optional_text(
        "ROCKETMQ_ACCESS_KEY",
        "the account at a broker with access control; with ROCKETMQ_SECRET_KEY",
    );
    let secret_key = s.secret("ROCKETMQ_SECRET_KEY", "signs every request to a broker with access control");
    let encrypted =
        s.flag("ROCKETMQ_TLS", false, "whether connections to name servers and brokers are encrypted");
    let trusted = s.optional_text(
        "ROCKETMQ_TLS_CA",
        "a PEM file with the authority that signed the certificates of the servers; needed with ROCKETMQ_TLS where \
         that is not a public one",
    );
    let send_time_out = s.duration(
        "ROCKETMQ_SEND_TIME_OUT",
        defaults.send_time_out,
        Duration::from_millis(100)..=Duration::from_secs(60),
        "how long sending one message to RocketMQ may take, further tries included",
    );
    let send_retries = s.integer(
        "ROCKETMQ_SEND_RETRIES",
        defaults.send_retries,
        0..=10,
        "further tries of a send that RocketMQ refused or that did not reach it; what still fails is sent later by \
         outbox-relay",
    );
    let first_offset = s.parsed(
        "ROCKETMQ_FIRST_OFFSET",
        Named(FirstOffset::First),
        "first or last",
        "where a consumer group begins that has never consumed: at the oldest message that RocketMQ keeps, or after \
         the newest",
        Named::parse,
    );
    let instance = s.optional_text(
        "ROCKETMQ_INSTANCE",
        "the name of this process at the broker; made up where it is absent",
    );
    let queues =
        s.integer("ROCKETMQ_QUEUES", defaults.queues, 1..=256, "queues of topics that are created at start");
    let max_message_bytes = s.integer(
        "ROCKETMQ_MAX_MESSAGE",
        defaults.max_message_bytes,
        1_024..=64 * 1024 * 1024,
        "the largest body that RocketMQ takes, in bytes: maxMessageSize of the broker",
    );
    let delay_levels = s.parsed(
        "ROCKETMQ_DELAY_LEVELS",
        Levels(defaults.delay_levels.clone()),
        "durations with spaces in between, shortest first, such as 1s 5s 10s",
        "the delays that RocketMQ knows: messageDelayLevel of the broker",
        Levels::parse,
    );
    let prefix = s.text(
        "ROCKETMQ_PREFIX",
        "",
        "put before every topic and group at the broker, so that several installations may share it; Java services \
         know the names without it",
    );
    if bus.scheme() == "embedded" {
        return Ok(BusSettings::Embedded);
    }
    let not_allowed = |name: &str, found: String, allowed: &str| ConfigError::NotAllowed {
        name: name.to_owned(),
        origin: boxoffice_runtime::config::Origin::Environment,
        found,
        allowed: allowed.to_owned(),
    };
    let addresses = defaults.name_servers.split(';');
    if addresses.clone().any(|address| !is_host_and_port(address)) {
        let allowed = "rocketmq://host:port, several host:port separated by ;";
        return Err(not_allowed("BUS", bus.to_string(), allowed));
    }
    let credentials = match (access_key, secret_key) {
        (Some(access_key), Some(secret_key)) => Some(Credentials { access_key, secret_key }),
        (None, None) => None,
        (Some(_), None) => {
            let allowed = "a value, because ROCKETMQ_ACCESS_KEY is set";
            return Err(not_allowed("ROCKETMQ_SECRET_KEY", "nothing".to_owned(), allowed));
        }
        (None, Some(_)) => {
            let allowed = "a value, because ROCKETMQ_SECRET_KEY is set";
            return Err(not_allowed("ROCKETMQ_ACCESS_KEY", "nothing".to_owned(), allowed));
        }
    };
    Ok(BusSettings::RocketMq(Box::new(RocketMqSettings {
        credentials,
        tls: encrypted.then(|| Tls { trusted: trusted.map(PathBuf::from) }),
        send_time_out,
        send_retries,
        first_offset: first_offset.0,
        prefix,
        instance,
        queues,
        max_message_bytes,
        delay_levels: delay_levels.0,
        ..defaults
    })))
}

/// The settings that [`read`] makes these of.
#[cfg(feature = "rocketmq")]
pub(super) fn variables(cluster: &boxoffice_rocketmq::RocketMqSettings) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("BUS", format!("rocketmq://{}", cluster.name_servers)),
        ("ROCKETMQ_SEND_TIME_OUT", boxoffice_runtime::config::write_duration(cluster.send_time_out)),
        ("ROCKETMQ_SEND_RETRIES", cluster.send_retries.to_string()),
        ("ROCKETMQ_FIRST_OFFSET", Named(cluster.first_offset).to_string()),
        ("ROCKETMQ_QUEUES", cluster.queues.to_string()),
        ("ROCKETMQ_MAX_MESSAGE", cluster.max_message_bytes.to_string()),
        ("ROCKETMQ_DELAY_LEVELS", Levels(cluster.delay_levels.clone()).to_string()),
        ("ROCKETMQ_PREFIX", cluster.prefix.clone()),
    ];
    if let Some(credentials) = &cluster.credentials {
        variables.push(("ROCKETMQ_ACCESS_KEY", credentials.access_key.clone()));
        variables.push(("ROCKETMQ_SECRET_KEY", credentials.secret_key.expose().to_owned()));
    }
    if let Some(tls) = &cluster.tls {
        variables.push(("ROCKETMQ_TLS", "true".to_owned()));
        let trusted = tls.trusted.iter().map(|path| ("ROCKETMQ_TLS_CA", path.display().to_string()));
        variables.extend(trusted);
    }
    variables.extend(cluster.instance.clone().map(|name| ("ROCKETMQ_INSTANCE", name)));
    variables
}

/// A program without RocketMQ says so.
#[cfg(not(feature = "rocketmq"))]
pub(super) fn read(s: &mut Settings, bus: &BackendUrl) -> Result<BusSettings, ConfigError> {
    // They may stand in a file that other programs read as well.
    s.also_known([
        "ROCKETMQ_ACCESS_KEY",
        "ROCKETMQ_SECRET_KEY",
        "ROCKETMQ_TLS",
        "ROCKETMQ_TLS_CA",
        "ROCKETMQ_SEND_TIME_OUT",
        "ROCKETMQ_SEND_RETRIES",
        "ROCKETMQ_FIRST_OFFSET",
        "ROCKETMQ_INSTANCE",
        "ROCKETMQ_QUEUES",
        "ROCKETMQ_MAX_MESSAGE",
        "ROCKETMQ_DELAY_LEVELS",
        "ROCKETMQ_PREFIX",
    ]);
    if bus.scheme() == "embedded" {
        return Ok(BusSettings::Embedded);
    }
    Err(ConfigError::NotAllowed {
        name: "BUS".to_owned(),
        origin: boxoffice_runtime::config::Origin::Environment,
        found: bus.to_string(),
        allowed: "embedded:FILE, because this program was built without RocketMQ; `make build-rocketmq` builds programs \
                  that have it"
            .to_owned(),
    })
}

#[cfg(feature = "rocketmq")]
use values::{Levels, Named, is_host_and_port};

#[cfg(feature = "rocketmq")]
mod values {
    use std::fmt;
    use std::time::Duration;

    use boxoffice_rocketmq::FirstOffset;
    use boxoffice_runtime::config::{parse_duration, write_duration};

    pub(super) fn is_host_and_port(address: &str) -> bool {
        let Some((host, port)) = address.rsplit_once(':') else { return false };
        !host.is_empty() && !host.contains(['/', '@', ' ']) && port.parse::<u16>().is_ok_and(|port| port > 0)
    }

    pub(super) struct Named(pub(super) FirstOffset);

    impl Named {
        pub(super) fn parse(text: &str) -> Option<Self> {
            match text {
                "first" => Some(Self(FirstOffset::First)),
                "last" => Some(Self(FirstOffset::Last)),
                _ => None,
            }
        }
    }

    impl fmt::Display for Named {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(match self.0 {
                FirstOffset::First => "first",
                FirstOffset::Last => "last",
            })
        }
    }

    pub(super) struct Levels(pub(super) Vec<Duration>);

    impl Levels {
        pub(super) fn parse(text: &str) -> Option<Self> {
            let levels: Vec<Duration> =
                text.split_whitespace().map(|level| parse_duration(level).ok()).collect::<Option<_>>()?;
            (!levels.is_empty() && levels.is_sorted()).then_some(Self(levels))
        }
    }

    impl fmt::Display for Levels {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let levels: Vec<String> = self.0.iter().copied().map(write_duration).collect();
            f.write_str(&levels.join(" "))
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn name_servers_are_hosts_with_ports() {
            for good in ["127.0.0.1:9876", "mq.example:1", "[::1]:9876"] {
                assert!(is_host_and_port(good), "{good}");
            }
            for bad in ["", "host", "host:", ":9876", "host:0", "host:99999", "user@host:1", "a/b:1"] {
                assert!(!is_host_and_port(bad), "{bad}");
            }
        }

        #[test]
        fn delay_levels_are_read_as_the_broker_writes_them_and_never_fall() {
            let levels = Levels::parse("1s 5s 10s 1m 2h").unwrap();
            assert_eq!(levels.to_string(), "1s 5s 10s 1m 2h");
            assert!(
                Levels::parse("5s 1s").is_none()
                    && Levels::parse("").is_none()
                    && Levels::parse("5").is_none()
            );
        }
    }
}
