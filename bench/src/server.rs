//! A whole server on a scratch file.

use std::path::Path;

use boxoffice::serve::Server;
use boxoffice_host::{CatalogueSource, HostSettings};
use boxoffice_runtime::Shutdown;
use boxoffice_runtime::config::Settings;
use tempfile::TempDir;

/// The show, the performance and the tier that the benchmark sells.
pub const TICKET: (i64, i64, i64) = (1, 11, 111);

const CATALOGUE: &str = r#"
[[show]]
id = 1
title = "Benchmark"
place = "Here"

[[show.session]]
id = 11
start = 2026-12-31T19:30:00

[[show.session.tier]]
ticket = 111
name = "Floor"
price = 380.00
total = 10000000
"#;

/// Starts a server; the folder is removed when it is dropped.
pub async fn start(durability: &str) -> anyhow::Result<(Server, TempDir)> {
    let folder = scratch()?;
    let file = |name: &str| folder.path().join(name).display().to_string();
    let log = format!("log:{}", file("notifications.log"));
    let variables = [
        ("BUS", format!("embedded:{}", file("boxoffice.db"))),
        ("DURABILITY", durability.to_owned()),
        ("LISTEN", "127.0.0.1:0".to_owned()),
        ("SMS_PROVIDER", log.clone()),
        ("EMAIL_PROVIDER", log.clone()),
        ("PUSH_PROVIDER", log),
    ];
    let mut settings = HostSettings::read(Settings::from_parts(variables, ""))?;
    settings.catalogue = Some(CatalogueSource::Text(CATALOGUE));
    Ok((Server::start(settings, None, Shutdown::new()).await?, folder))
}

/// A folder on the disk of the checkout: the system's temporary folder may be memory.
pub fn scratch() -> anyhow::Result<TempDir> {
    let parent = Path::new("target");
    std::fs::create_dir_all(parent)?;
    Ok(tempfile::tempdir_in(parent)?)
}
