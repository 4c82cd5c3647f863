//! A whole server on a scratch file.

use std::path::Path;

use boxoffice::serve::Server;
use boxoffice_embedded::{Embedded, Options};
use boxoffice_host::{CatalogueSource, HostSettings, open_with};
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

/// A server, its file, and the folder of it, which is removed when it is dropped.
pub struct Scratch {
    /// The server.
    pub server: Server,
    /// The bus and every store.
    pub file: Embedded,
    /// Where they are.
    pub folder: TempDir,
}

/// Starts a server on a file of its own.
pub async fn start(durability: &str) -> anyhow::Result<Scratch> {
    let folder = scratch()?;
    let path = folder.path().join("boxoffice.db");
    let log = format!("log:{}", folder.path().join("notifications.log").display());
    let variables = [
        ("BUS", format!("embedded:{}", path.display())),
        ("DURABILITY", durability.to_owned()),
        ("LISTEN", "127.0.0.1:0".to_owned()),
        ("SMS_PROVIDER", log.clone()),
        ("EMAIL_PROVIDER", log.clone()),
        ("PUSH_PROVIDER", log),
    ];
    let mut settings = HostSettings::read(Settings::from_parts(variables, ""))?;
    settings.catalogue = Some(CatalogueSource::Text(CATALOGUE));
    let options = Options { durability: settings.backends.embedded.durability, ..Options::default() };
    let file = Embedded::open(&path, options)?;
    let open = async |settings: &HostSettings| {
        open_with(settings, file.bus_parts(), file.store_parts(), file.stock_parts())
    };
    let server = Server::start_on(settings, None, Shutdown::new(), open).await?;
    Ok(Scratch { server, file, folder })
}

/// A folder on the disk of the checkout: the system's temporary folder may be memory.
pub fn scratch() -> anyhow::Result<TempDir> {
    let parent = Path::new("target");
    std::fs::create_dir_all(parent)?;
    Ok(tempfile::tempdir_in(parent)?)
}
