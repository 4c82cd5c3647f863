use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use boxoffice_runtime::telemetry::{self, Telemetry};
use boxoffice_runtime::{Function, Shutdown, Sweeper, Transport, run_sweeper, shutdown};

use boxoffice_domain::FunctionSettings;
use boxoffice_domain::ports::Ports;
use tokio::runtime::{Builder, Runtime};

use crate::forgetting::forget_idempotency_records;
use crate::http::{listen, serve};
use crate::lag::measure_lag;
use crate::ports::open;
use crate::{BusSettings, HostError, HostSettings, health};

/// What a function's own program has at hand.
pub struct Host {
    /// The settings it was started with.
    pub settings: HostSettings,
    /// Every port.
    pub ports: Ports,
    /// Feeds functions.
    pub transport: Arc<dyn Transport>,
    /// Begins when the process is told to stop.
    pub shutdown: Shutdown,
    /// The metrics of this process.
    pub telemetry: Telemetry,
}

/// Runs a consumer function until the process is told to stop.
pub fn run_function<F: Function>(
    name: &'static str,
    build: impl FnOnce(&Ports, &FunctionSettings) -> F,
) -> ExitCode {
    run_with(name, threads_of_a_function, async |host: &Host| {
        let function = Arc::new(build(&host.ports, &host.settings.functions()));
        let settings = host.settings.consumer.clone();
        let subscription = function.subscription();
        let running = host.transport.run(function, settings, host.shutdown.clone());
        let lag = measure_lag(host.transport.clone(), vec![subscription], host.shutdown.clone());
        let (ran, ()) = with_health(name, host, async {
            tokio::join!(
                async {
                    let ran = running.await;
                    // The rest of this process is nothing without it.
                    host.shutdown.begin();
                    ran
                },
                lag
            )
        })
        .await?;
        Ok(ran?)
    })
}

/// Does `work` while the pages about this process's health are served.
async fn with_health<T>(
    name: &'static str,
    host: &Host,
    work: impl Future<Output = T>,
) -> Result<T, HostError> {
    let listener = listen("HEALTH_LISTEN", host.settings.health_listen).await?;
    tracing::info!(address = %listener.local_addr()?, "tells of its health");
    let router = health::router(name, host.transport.clone(), host.telemetry.clone());
    // Probes are answered while messages in flight are drained, and end with the work.
    let serving = serve(listener, router, Shutdown::new(), Duration::ZERO);
    tokio::select! {
        done = work => Ok(done),
        served = serving => Err(served.err().unwrap_or_else(|| std::io::Error::other("the server ended").into())),
    }
}

/// Runs a sweeper until the process is told to stop.
pub fn run_sweeper_function<S: Sweeper>(
    name: &'static str,
    build: impl FnOnce(&HostSettings, &Ports) -> S,
) -> ExitCode {
    run_with(name, threads_of_a_function, async |host: &Host| {
        let sweeper = Arc::new(build(&host.settings, &host.ports));
        let sweeping = run_sweeper(sweeper, host.settings.consumer.drain, host.shutdown.clone());
        with_health(name, host, sweeping).await
    })
}

/// Reads the configuration (`BOXOFFICE_CONFIG` may name a TOML file), opens the ports, watches for signals, and runs
/// `work`. Errors go to standard error in words for the person who started the program.
pub fn run(name: &'static str, work: impl AsyncFnOnce(&Host) -> Result<(), HostError>) -> ExitCode {
    run_with(name, |_| None, work)
}

/// The number of threads for the network and timers that suits a function; `None` is one for each core. On RocketMQ
/// each batch has a thread of the client library's, and a second thread that waits for the network mostly wakes the first:
/// it costs a third more CPU.
fn threads_of_a_function(settings: &HostSettings) -> Option<usize> {
    match settings.bus {
        BusSettings::Embedded => None,
        #[cfg(feature = "rocketmq")]
        BusSettings::RocketMq(_) => Some(1),
    }
}

fn run_with(
    name: &'static str,
    threads: impl FnOnce(&HostSettings) -> Option<usize>,
    work: impl AsyncFnOnce(&Host) -> Result<(), HostError>,
) -> ExitCode {
    let file = std::env::var_os("BOXOFFICE_CONFIG").map(PathBuf::from);
    let result = HostSettings::load(file.as_deref()).map_err(HostError::from).and_then(|settings| {
        let threads = settings.threads.or_else(|| threads(&settings));
        start(name, settings, threads, work)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::from(error.exit_status())
        }
    }
}

/// Threads for work that blocks, which are made when they are needed. On RocketMQ each batch that is being handled holds
/// one, up to 512 of them, and files and names of servers have to be read beside them.
const BLOCKING_THREADS: usize = 512 + 64;

/// The runtime of a program, with this many threads for the network and timers, or one for each core.
pub fn runtime(threads: Option<usize>) -> std::io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads.max(1));
    }
    builder.max_blocking_threads(BLOCKING_THREADS).enable_all().build()
}

fn start(
    name: &'static str,
    settings: HostSettings,
    threads: Option<usize>,
    work: impl AsyncFnOnce(&Host) -> Result<(), HostError>,
) -> Result<(), HostError> {
    let telemetry = telemetry::init(settings.log_format, &settings.log_filter, crate::LOUD_LIBRARIES)?;
    runtime(threads)?.block_on(async {
        let mut opened = open(&settings).await?;
        let (ports, transport) = (opened.ports.clone(), opened.transport.clone());
        let shutdown = Shutdown::new();
        shutdown::on_signals(shutdown.clone())?;
        let drain = settings.consumer.drain;
        let host =
            Host { settings, ports, transport, shutdown: shutdown.clone(), telemetry: telemetry.clone() };
        tokio::spawn({
            let shutdown = shutdown.clone();
            async move { telemetry.keep_small(shutdown).await }
        });
        tokio::spawn(forget_idempotency_records(host.ports.clone(), shutdown.clone()));
        let forwarding = opened.alert_forwarder.take().map(|forwarder| {
            let shutdown = shutdown.clone();
            tokio::spawn(forwarder.run(async move { shutdown.begun().await }, drain))
        });
        tracing::info!(function = name, database = %host.settings.database.display(), "started");
        let result = work(&host).await;
        shutdown.begin();
        if let Some(forwarding) = forwarding {
            // A forwarder that panicked has nothing left to wait for.
            let _ = forwarding.await;
        }
        opened.close().await?;
        tracing::info!(function = name, "stopped");
        result
    })
}
