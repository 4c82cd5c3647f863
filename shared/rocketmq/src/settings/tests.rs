use boxoffice_runtime::config::ConfigErrors;

use super::*;

fn read(variables: &[(&'static str, String)]) -> Result<RocketMqSettings, ConfigErrors> {
    let mut s = Settings::from_parts(variables.iter().cloned(), "");
    let bus = s.backend("BUS", "embedded:boxoffice.db", &["embedded", SCHEME], "");
    let settings = RocketMqSettings::read(&mut s, &bus);
    s.finish().map(|_| settings)
}

fn with(name: &'static str, value: &str) -> [(&'static str, String); 2] {
    [("BUS", "rocketmq://a:1;b:2".to_owned()), (name, value.to_owned())]
}

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
    let levels = DelayLevels::parse("1s 5s 10s 1m 2h").unwrap();
    assert_eq!(levels.to_string(), "1s 5s 10s 1m 2h");
    for bad in ["5s 1s", "", "5"] {
        assert!(DelayLevels::parse(bad).is_none(), "{bad}");
    }
}

#[test]
fn half_an_account_is_refused_unless_the_bus_is_another() {
    let refused = read(&with("ROCKETMQ_ACCESS_KEY", "us")).unwrap_err().to_string();
    assert!(refused.contains("ROCKETMQ_SECRET_KEY: missing; required: a value"), "{refused}");
    assert!(read(&[("ROCKETMQ_ACCESS_KEY", "us".to_owned())]).is_ok());
}

#[cfg(feature = "client")]
#[test]
fn another_program_that_is_told_the_settings_uses_the_cluster_in_the_same_way() {
    let mut told = with("ROCKETMQ_ACCESS_KEY", "us").to_vec();
    for (name, value) in [
        ("ROCKETMQ_SECRET_KEY", "hunter2"),
        ("ROCKETMQ_TLS", "true"),
        ("ROCKETMQ_TLS_CA", "ca.pem"),
        ("ROCKETMQ_FIRST_OFFSET", "last"),
        ("ROCKETMQ_DELAY_LEVELS", "1s 2s"),
        ("ROCKETMQ_INSTANCE", "one"),
        (PREFIX, "demo-"),
    ] {
        told.push((name, value.to_owned()));
    }
    let settings = read(&told).unwrap();
    let shared = settings.shared().variables;
    let again = read(&shared).unwrap();
    assert_eq!(format!("{again:?}"), format!("{settings:?}"));
    assert_eq!(
        again.credentials.map(|account| account.secret_key.expose().to_owned()),
        Some("hunter2".to_owned())
    );
}

#[cfg(not(feature = "client"))]
#[test]
fn a_program_without_the_client_library_says_how_to_get_one_with_it() {
    let refused = read(&with("ROCKETMQ_QUEUES", "8")).unwrap_err().to_string();
    assert!(refused.contains("make build-rocketmq"), "{refused}");
}
