use boxoffice_runtime::config::settings_table;

use super::*;

fn read(variables: &[(&str, &str)]) -> Result<HostSettings, ConfigErrors> {
    HostSettings::read(Settings::from_parts(variables.iter().copied(), ""))
}

fn urls(settings: &HostSettings) -> [String; 3] {
    let BackendSettings { bus, store, stock, .. } = &settings.backends;
    [bus, store, stock].map(ToString::to_string)
}

#[test]
fn by_default_stores_are_in_the_file_of_the_bus() {
    let file = "embedded:a.db";
    assert_eq!(urls(&read(&[("BUS", file)]).unwrap()), [file; 3]);
    assert_eq!(urls(&read(&[]).unwrap()), ["embedded:boxoffice.db"; 3]);
}

#[test]
fn bus_store_and_stock_are_named_independently() {
    let variables = [("BUS", "embedded:a.db"), ("STORE", "embedded:b.db"), ("STOCK", "embedded:c.db")];
    assert_eq!(urls(&read(&variables).unwrap()), variables.map(|(_, url)| url));
    let settings = read(&variables[..2]).unwrap();
    assert_eq!(settings.backends.stock.to_string(), "embedded:b.db");
}

#[test]
fn operators_find_a_server_beside_its_stores_unless_told_otherwise() {
    let file = |variables: &[(&str, &str)]| read(variables).unwrap().admin.file;
    assert_eq!(file(&[]), Path::new("boxoffice.db.admin"));
    assert_eq!(file(&[("STORE", "embedded:data/b.db")]), Path::new("data/b.db.admin"));
    assert_eq!(file(&[("ADMIN_FILE", "run/admin")]), Path::new("run/admin"));
}

#[test]
fn the_settings_of_every_adapter_are_known_whatever_the_bus() {
    let settings = read(&[]).unwrap();
    for name in ["DURABILITY", "ROCKETMQ_SECRET_KEY", "ROCKETMQ_PREFIX"] {
        assert!(settings.described().iter().any(|setting| setting.name == name), "{name}");
    }
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let wrong = [("BUS", "kafka:9092"), ("STORE", "b.db"), ("WORKERS", "0"), ("ROCKETMQ_QUEUES", "none")];
    let errors = read(&wrong).unwrap_err();
    for (name, _) in wrong {
        assert!(errors.errors.iter().any(|error| error.to_string().starts_with(name)), "{name}: {errors}");
    }
}

#[test]
fn a_setting_is_found_by_a_part_of_its_name() {
    let file = "LEASE = \"1m\"\nDRAIN = \"20s\"\nBATCH = 1\nLOG = \"info\"\nTHREADS = 1\nREQUEST_TIME_OUT = \"5s\"\n";
    let none: [(&str, &str); 0] = [];
    let errors = HostSettings::read(Settings::from_parts(none, file)).unwrap_err().to_string();
    for name in
        ["MESSAGE_LEASE", "DRAIN_TIMEOUT", "BATCH_SIZE", "LOG_FILTER", "RUNTIME_THREADS", "REQUEST_TIMEOUT"]
    {
        assert!(errors.contains(&format!("did you mean {name}?")), "{name}: {errors}");
    }
}

#[cfg(feature = "rocketmq")]
#[test]
fn a_bus_recommends_how_many_workers_and_threads_there_are() {
    let on_a_cluster = read(&[("BUS", "rocketmq://127.0.0.1:9876")]).unwrap();
    assert_eq!((on_a_cluster.consumer.workers, on_a_cluster.backends.bus_advice.threads), (20, Some(1)));
    assert!(on_a_cluster.backends.shared_bus.is_some());
    let in_a_file = read(&[]).unwrap();
    assert_eq!((in_a_file.consumer.workers, in_a_file.backends.bus_advice.threads), (2, None));
    assert!(in_a_file.backends.shared_bus.is_none());
}

#[test]
fn the_readme_has_the_table_that_is_printed() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let table = settings_table(read(&[]).unwrap().described());
    let readme = std::fs::read_to_string(readme).unwrap();
    for row in table.lines() {
        assert!(
            readme.lines().any(|line| line == row),
            "README.md lacks what `boxoffice settings` prints: {row}"
        );
    }
    let rows = |text: &str| text.lines().filter(|line| line.starts_with("| `")).count();
    let section = readme.split("## Settings").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    assert_eq!(rows(section), rows(&table), "README.md has rows that `boxoffice settings` does not print");
}
