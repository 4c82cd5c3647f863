//! Sales on a file that is thrown away afterwards.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use boxoffice_backend::SharedBus;
use boxoffice_host::{CatalogueSource, HostError, HostSettings, QUIET_TARGETS};
use boxoffice_runtime::config::Settings;
use boxoffice_runtime::{Shutdown, telemetry};
use tempfile::TempDir;
use tokio::sync::watch;

use super::plan::Plan;
use super::programs::{Programs, free_address};
use super::sale::run;
use super::sale_operator::Office;
use crate::DEMO_CATALOGUE;
use crate::admin::AdminClient;
use crate::functions::FUNCTIONS;
use crate::operator_access::Reach;
use crate::serve::Server;

/// A time to pay whose end can be watched.
const PAYMENT_WINDOW: Duration = Duration::from_secs(8);

/// How long a notification waits whose worker was killed.
const LEASE_OF_THE_KILLED: Duration = Duration::from_secs(15);

/// A folder, and settings for a sale in it: a short time to pay and a flaky text-message provider.
pub struct Scratch {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
    on_a_broker: bool,
}

impl Scratch {
    /// The bus is the one of `settings`, unless that is a file; there the sale has topics and groups of its own.
    pub fn new(settings: &HostSettings) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = |name: &str| folder.path().join(name).display().to_string();
        let database = format!("embedded:{}", file("boxoffice.db"));
        let catalogue = file("catalogue.toml");
        std::fs::write(&catalogue, DEMO_CATALOGUE)?;
        let log = format!("log:{}", file("notifications.log"));
        let mut variables = vec![
            ("STORE", database.clone()),
            ("CATALOGUE", catalogue),
            ("PAYMENT_WINDOW", format!("{}s", PAYMENT_WINDOW.as_secs())),
            ("SMS_PROVIDER", log.clone()),
            ("SMS_FAILING_PERCENT", "20".to_owned()),
            ("EMAIL_PROVIDER", log.clone()),
            ("PUSH_PROVIDER", log),
        ];
        let shared = settings.backends.shared_bus.as_ref();
        let on_a_broker = shared.is_some();
        if let Some(SharedBus { variables: bus, prefix }) = shared {
            variables.extend(bus.iter().cloned());
            variables.push((*prefix, format!("demo-{}-", jiff::Timestamp::now().as_millisecond())));
        } else {
            variables.push(("BUS", database));
        }
        Ok(Self { folder, variables, on_a_broker })
    }

    /// Leaves the folder where it is, for somebody to look into; where that is.
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn settings(&self) -> anyhow::Result<HostSettings> {
        let variables = self.variables.iter().cloned();
        let mut settings =
            HostSettings::read(Settings::from_parts(variables, "")).map_err(HostError::from)?;
        settings.catalogue = Some(CatalogueSource::Text(DEMO_CATALOGUE));
        Ok(settings)
    }
}

/// Makes a sale on a server in this process.
pub async fn on_server(plan: Plan, http: reqwest::Client, scratch: &mut Scratch) -> anyhow::Result<bool> {
    println!(
        "No server is running, so the sale starts its own on a temporary file, with {PAYMENT_WINDOW:?} to pay and a \
         text-message provider that fails every fifth time"
    );
    scratch.variables.push(("LISTEN", "127.0.0.1:0".to_owned()));
    let settings = scratch.settings()?;
    let admin_file = settings.admin.file.clone();
    let telemetry = telemetry::init(settings.log_format, "error", QUIET_TARGETS).map_err(HostError::from)?;
    let server = Server::start(settings, Some(telemetry), Shutdown::new()).await?;
    let stop = server.shutdown.clone();
    let running = tokio::spawn(server.run());
    let admin =
        AdminClient::locate(&admin_file, http.clone())?.context("the server did not publish its address")?;
    let good = run(plan, http, Office::of_server(admin), || {}).await;
    stop.begin();
    running.await??;
    Ok(good?)
}

/// Makes a sale on one process for each function, and kills each in turn if `kill`.
pub async fn on_programs(
    plan: Plan,
    http: reqwest::Client,
    scratch: &mut Scratch,
    kill: bool,
) -> anyhow::Result<bool> {
    anyhow::ensure!(
        scratch.on_a_broker,
        "functions in processes of their own need a broker: set BUS, such as rocketmq://127.0.0.1:9876"
    );
    let api: SocketAddr = free_address()?;
    scratch.variables.push(("LISTEN", api.to_string()));
    if kill {
        scratch.variables.push(("IDEMPOTENCY_LEASE", format!("{}s", LEASE_OF_THE_KILLED.as_secs())));
    }
    let settings = scratch.settings()?;
    telemetry::init(settings.log_format, "error", QUIET_TARGETS).map_err(HostError::from)?;
    println!(
        "The sale uses {} processes, the broker and a temporary file, with {PAYMENT_WINDOW:?} to pay and a \
         text-message provider that fails every fifth time{}",
        FUNCTIONS.len(),
        if kill { "; each process is killed in turn" } else { "" }
    );
    let mut programs = Programs::start(scratch.path(), scratch.variables.clone(), http.clone()).await?;
    let office = Office::of_programs(Reach::open(&settings).await?, api, PAYMENT_WINDOW);
    let (stop, stopped) = watch::channel(false);
    let killing = async { if kill { programs.kill_in_turn(stopped).await } else { Ok(0) } };
    let selling = async {
        let rush_is_over = || {
            // If the receiver is gone, nothing is lost.
            let _ = stop.send(true);
        };
        run(plan, http, office, rush_is_over).await
    };
    let (good, killed) = tokio::join!(selling, killing);
    let (good, killed) = (good?, killed?);
    if kill {
        println!("{killed} processes were killed and started again during the sale.");
    }
    let badly = programs.stop().await?;
    anyhow::ensure!(badly.is_empty(), "these did not stop cleanly: {}", badly.join(", "));
    Ok(good)
}
