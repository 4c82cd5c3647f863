//! The API and every function in one process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use boxoffice_domain::FunctionSettings;
use boxoffice_domain::ports::Ports;
use boxoffice_host::{Backends, Background, HostError, HostSettings, open};
use boxoffice_http::{listen, serve};
use boxoffice_runtime::telemetry::Telemetry;
use boxoffice_runtime::{Shutdown, run_sweeper};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::admin::{self, AdminEndpoint};
use crate::functions;
use crate::new_stock::load_new_stock;
use crate::operator::Operations;

/// Everything that runs, until [`Server::stop`].
pub struct Server {
    /// Where the public API listens.
    pub api: SocketAddr,
    /// Where the admin API listens.
    pub admin: SocketAddr,
    /// How many tiers had their stock loaded for the first time.
    pub new_stock: usize,
    /// Begins the stop.
    pub shutdown: Shutdown,
    settings: HostSettings,
    backends: Backends,
    tasks: JoinSet<Result<(), HostError>>,
}

impl Server {
    /// Opens the backends, binds both addresses and starts every function.
    pub async fn start(
        settings: HostSettings,
        telemetry: Option<Telemetry>,
        shutdown: Shutdown,
    ) -> Result<Self, HostError> {
        Self::start_on(settings, telemetry, shutdown, async |settings| open(settings).await).await
    }

    /// As [`Server::start`], on the backends that `open` gives.
    pub async fn start_on(
        settings: HostSettings,
        telemetry: Option<Telemetry>,
        shutdown: Shutdown,
        open: impl AsyncFnOnce(&HostSettings) -> Result<Backends, HostError>,
    ) -> Result<Self, HostError> {
        // Addresses first: a port in use is the most common mistake, and leaves nothing behind.
        let api_listener = listen("LISTEN", settings.listen).await?;
        let admin_listener = listen("ADMIN_LISTEN", settings.admin.listen).await?;
        let (api, admin) = (api_listener.local_addr()?, admin_listener.local_addr()?);
        let mut backends = open(&settings).await?;
        let ports = backends.ports.clone();
        let new_stock = load_new_stock(&ports).await?;

        let token = settings
            .admin
            .token
            .as_ref()
            .map_or_else(|| ports.ids.unique(), |token| token.expose().to_owned());
        let operations = Arc::new(Operations::new(&backends, settings.providers.deliveries()));
        let admin_router = admin::router(operations, &token);
        let endpoint = AdminEndpoint {
            address: admin,
            token,
            pid: std::process::id(),
            api,
            payment_window_seconds: settings.rules.payment_window.as_secs(),
        };
        endpoint.write(&settings.admin.file).map_err(|error| HostError::File {
            path: settings.admin.file.clone(),
            because: error.to_string(),
        })?;

        let mut tasks = JoinSet::new();
        let functions = &backends.functions;
        let api_router =
            order_api::router_for(&ports, functions, &backends.transport, telemetry.clone(), settings.api);
        let drain = settings.consumer.drain;
        tasks.spawn(serving(api_listener, api_router, shutdown.clone(), drain));
        tasks.spawn(serving(admin_listener, admin_router, shutdown.clone(), drain));
        start_functions(&mut tasks, &settings, &backends, &ports, &shutdown);
        let subscriptions = functions::subscriptions(&ports, functions);
        let background = Background::new(&mut backends, telemetry).measuring(subscriptions);
        let running = background.run(drain, shutdown.clone());
        tasks.spawn(async move {
            running.await;
            Ok(())
        });
        Ok(Self { api, admin, new_stock, shutdown, settings, backends, tasks })
    }

    /// The ports, for callers in the same process.
    pub fn ports(&self) -> &Ports {
        &self.backends.ports
    }

    /// The settings of functions, for callers in the same process.
    pub fn functions(&self) -> &FunctionSettings {
        &self.backends.functions
    }

    /// Runs until the stop begins or a part cannot go on, then drains every part and closes the backends.
    pub async fn run(mut self) -> Result<(), HostError> {
        let mut failed = None;
        while let Some(ended) = self.tasks.join_next().await {
            let result = ended.unwrap_or_else(|error| Err(std::io::Error::other(error).into()));
            if let Err(error) = result {
                failed.get_or_insert(error);
            }
            // Whichever part ended, and however: a server with a part missing looks healthy and is not.
            self.shutdown.begin();
        }
        let closed = self.backends.close().await;
        // If it stays, it only costs the next operator command a failed connection.
        if let Err(error) = AdminEndpoint::remove(&self.settings.admin.file) {
            tracing::warn!(%error, "ADMIN_FILE could not be removed");
        }
        match failed {
            Some(error) => Err(error),
            None => closed,
        }
    }

    /// Stops and waits until everything is drained and closed.
    pub async fn stop(self) -> Result<(), HostError> {
        self.shutdown.begin();
        self.run().await
    }
}

async fn serving(
    listener: TcpListener,
    router: Router,
    shutdown: Shutdown,
    drain: Duration,
) -> Result<(), HostError> {
    Ok(serve(listener, router, shutdown, drain).await?)
}

fn start_functions(
    tasks: &mut JoinSet<Result<(), HostError>>,
    settings: &HostSettings,
    backends: &Backends,
    ports: &Ports,
    shutdown: &Shutdown,
) {
    for function in functions::consumers(ports, &backends.functions) {
        let transport = Arc::clone(&backends.transport);
        let (consumer, shutdown) = (settings.consumer.clone(), shutdown.clone());
        tasks.spawn(async move { Ok(transport.run(function, consumer, shutdown).await?) });
    }
    for sweeper in functions::sweepers(settings, ports) {
        let (drain, shutdown) = (settings.consumer.drain, shutdown.clone());
        tasks.spawn(async move {
            run_sweeper(sweeper, drain, shutdown).await;
            Ok(())
        });
    }
}
