//! From `main` to the orderly stop of a function's own program.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use boxoffice_domain::FunctionSettings;
use boxoffice_domain::ports::Ports;
use boxoffice_http::{listen, serve};
use boxoffice_runtime::telemetry::{self, Telemetry};
use boxoffice_runtime::{Function, Shutdown, Sweeper, Transport, run_sweeper, shutdown};
use tokio::runtime::{Builder, Runtime};

use crate::backends::open;
use crate::health::with_health_pages;
use crate::{BackendSettings, Background, HostError, HostSettings, QUIET_TARGETS};

/// What a function's own program has at hand.
pub struct Host {
    /// The settings it was started with.
    pub settings: HostSettings,
    /// Every port.
    pub ports: Ports,
    /// Feeds functions.
    pub transport: Arc<dyn Transport>,
    /// Begins when the process is asked to stop.
    pub shutdown: Shutdown,
    /// The metrics of this process.
    pub telemetry: Telemetry,
}

/// Runs a consumer function until the process is asked to stop.
pub fn run_function<F: Function>(
    name: &'static str,
    build: impl FnOnce(&Ports, &FunctionSettings) -> F,
) -> ExitCode {
    run_with(name, threads_of_a_function, async |host: &Host, background: Background| {
        let function = Arc::new(build(&host.ports, &host.settings.functions()));
        let background = background.measuring(vec![function.subscription()]);
        let running = host.transport.run(function, host.settings.consumer.clone(), host.shutdown.clone());
        Ok(host.beside(background, with_health_pages(host, running)).await??)
    })
}

/// Runs a sweeper until the process is asked to stop.
pub fn run_sweeper_function<S: Sweeper>(
    name: &'static str,
    build: impl FnOnce(&HostSettings, &Ports) -> S,
) -> ExitCode {
    run_with(name, threads_of_a_function, async |host: &Host, background: Background| {
        let sweeper = Arc::new(build(&host.settings, &host.ports));
        let sweeping = run_sweeper(sweeper, host.settings.consumer.drain, host.shutdown.clone());
        host.beside(background, with_health_pages(host, sweeping)).await
    })
}

/// Reads the configuration (`BOXOFFICE_CONFIG` may name a TOML file), opens the backends, watches for signals, and runs
/// `work`. Errors go to standard error in words for the person who started the program.
pub fn run(name: &'static str, work: impl AsyncFnOnce(&Host) -> Result<(), HostError>) -> ExitCode {
    run_with(
        name,
        |_| None,
        async |host: &Host, background: Background| host.beside(background, work(host)).await,
    )
}

/// Serves `router` as the whole work of a function's own program.
pub async fn serve_http(
    setting: &'static str,
    address: SocketAddr,
    router: Router,
    host: &Host,
) -> Result<(), HostError> {
    let listener = listen(setting, address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    Ok(serve(listener, router, host.shutdown.clone(), host.settings.consumer.drain).await?)
}

impl Host {
    /// Does `work` while the background tasks run; then stops them and waits for their end.
    async fn beside<T>(&self, background: Background, work: impl Future<Output = T>) -> T {
        let running = tokio::spawn(background.run(self.settings.consumer.drain, self.shutdown.clone()));
        let done = work.await;
        self.shutdown.begin();
        if let Err(error) = running.await {
            tracing::error!(%error, "a background task failed");
        }
        done
    }
}

/// The number of threads of a function's own program: what suits its bus.
fn threads_of_a_function(settings: &HostSettings) -> Option<usize> {
    settings.backends.bus_advice.threads
}

fn run_with(
    name: &'static str,
    threads: impl FnOnce(&HostSettings) -> Option<usize>,
    work: impl AsyncFnOnce(&Host, Background) -> Result<(), HostError>,
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

/// Threads for blocking work, created on demand. On RocketMQ each batch in progress holds one, up to 512 of them, and
/// files and host names have to be read beside them.
const BLOCKING_THREADS: usize = 512 + 64;

/// The async runtime of a program, with this many threads for the network and timers, or one for each core.
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
    work: impl AsyncFnOnce(&Host, Background) -> Result<(), HostError>,
) -> Result<(), HostError> {
    let telemetry = telemetry::init(settings.log_format, &settings.log_filter, QUIET_TARGETS)?;
    runtime(threads)?.block_on(async {
        let mut backends = open(&settings).await?;
        let shutdown = Shutdown::new();
        shutdown::on_signals(shutdown.clone())?;
        let background = Background::new(&mut backends, Some(telemetry.clone()));
        let (ports, transport) = (backends.ports.clone(), Arc::clone(&backends.transport));
        let host = Host { settings, ports, transport, shutdown, telemetry };
        let BackendSettings { bus, store, stock, .. } = &host.settings.backends;
        tracing::info!(function = name, %bus, %store, %stock, "started");
        let result = work(&host, background).await;
        backends.close().await?;
        tracing::info!(function = name, "stopped");
        result
    })
}
