//! The settings of a program. Each subject reads its own; what a setting means is written there, once.

mod backends;
mod business;
mod consumer;
mod providers;
mod servers;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use boxoffice_domain::{BusinessRules, FunctionSettings, IdempotencySettings};
use boxoffice_http::HttpLimits;
use boxoffice_runtime::ConsumerSettings;
use boxoffice_runtime::config::{ConfigErrors, Setting, Settings};
use boxoffice_runtime::telemetry::LogFormat;

pub use backends::BackendSettings;
pub use business::CatalogueSource;
pub use providers::{ChannelSettings, ProviderSettings};
pub use servers::AdminSettings;

/// Every setting of a function or of the all-in-one program.
#[derive(Debug, Clone)]
pub struct HostSettings {
    /// `BUS`, `STORE`, `STOCK`, and the settings of every adapter.
    pub backends: BackendSettings,
    /// `CATALOGUE`.
    pub catalogue: Option<CatalogueSource>,
    /// `USER_DIRECTORY`.
    pub user_directory: Option<PathBuf>,
    /// `ZONE`, `PAYMENT_WINDOW`, `MAX_QUANTITY`.
    pub rules: BusinessRules,
    /// `LISTEN`.
    pub listen: SocketAddr,
    /// `BODY_LIMIT`, `REQUEST_TIMEOUT`, `MAX_REQUESTS_IN_FLIGHT`.
    pub api: HttpLimits,
    /// `HEALTH_LISTEN`.
    pub health_listen: SocketAddr,
    /// The settings that begin with `ADMIN_`.
    pub admin: AdminSettings,
    /// The settings of notifications and alerts.
    pub providers: ProviderSettings,
    /// The settings of every consumer.
    pub consumer: ConsumerSettings,
    /// `RUNTIME_THREADS`; `None` where that is left to the program.
    pub threads: Option<usize>,
    /// `IDEMPOTENCY_LEASE`, `IDEMPOTENCY_KEEP`.
    pub idempotency: IdempotencySettings,
    /// `RELAY_INTERVAL`.
    pub relay_interval: Duration,
    /// `RECONCILE_INTERVAL`.
    pub reconcile_interval: Duration,
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `LOG_FILTER`.
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
        let backends = BackendSettings::read(s);
        // In the order in which they are read they are listed for people.
        let read = Self {
            catalogue: business::catalogue(s),
            user_directory: business::user_directory(s),
            rules: business::rules(s),
            listen: servers::listen(s),
            api: servers::limits(s),
            health_listen: servers::health_listen(s),
            admin: servers::admin(s, &backends),
            providers: ProviderSettings::read(s),
            consumer: consumer::consumer(s, backends.bus_advice),
            threads: consumer::threads(s),
            idempotency: consumer::idempotency(s),
            relay_interval: consumer::relay_interval(s),
            reconcile_interval: consumer::reconcile_interval(s),
            log_filter: s.text(
                "LOG_FILTER",
                "info",
                "log filter: a level, or comma-separated target=level pairs",
            ),
            log_format: s.parsed(
                "LOG_FORMAT",
                LogFormat::default(),
                "compact or json",
                "format of log lines",
                |text| text.parse().ok(),
            ),
            backends,
            described: Vec::new(),
        };
        Ok(Self { described: settings.finish()?, ..read })
    }

    /// The settings of functions.
    pub fn functions(&self) -> FunctionSettings {
        FunctionSettings { rules: self.rules.clone(), idempotency: self.idempotency }
    }

    /// Every setting with its default and meaning, in the order they are read.
    pub fn described(&self) -> &[Setting] {
        &self.described
    }
}

#[cfg(test)]
mod tests;
