use std::fmt;
use std::io::IsTerminal as _;
use std::str::FromStr;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::names;
use crate::Shutdown;

/// Upper bounds of the histogram buckets for durations, in seconds.
const DURATION_BUCKETS: [f64; 17] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0];

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Compact,
    /// One JSON object per line, for programs.
    Json,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Compact => "compact",
            Self::Json => "json",
        })
    }
}

/// The text is not a [`LogFormat`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log format must be compact or json")]
pub struct UnknownLogFormat;

impl FromStr for LogFormat {
    type Err = UnknownLogFormat;

    fn from_str(text: &str) -> Result<Self, UnknownLogFormat> {
        match text {
            "compact" => Ok(Self::Compact),
            "json" => Ok(Self::Json),
            _ => Err(UnknownLogFormat),
        }
    }
}

/// Why logs and metrics could not be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not of the form `info,order_process=debug`.
    #[error("the log filter {filter:?} cannot be read: {reason}")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Telemetry was already set up in this process.
    #[error("telemetry is already set up: {0}")]
    AlreadySetUp(String),
    /// The metrics recorder rejected its settings.
    #[error("the metrics recorder cannot be created: {0}")]
    Recorder(String),
}

/// The metrics of this process.
#[derive(Debug, Clone)]
pub struct Telemetry {
    prometheus: PrometheusHandle,
}

impl Telemetry {
    /// All metrics as Prometheus reads them (text format).
    pub fn render(&self) -> String {
        self.prometheus.render()
    }

    /// Folds recorded samples into their buckets four times a second until `shutdown` begins. Without it they accumulate
    /// until the next scrape.
    pub async fn keep_small(&self, shutdown: Shutdown) {
        const EVERY: Duration = Duration::from_millis(250);
        loop {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => self.prometheus.run_upkeep(),
                () = shutdown.begun() => return,
            }
        }
    }
}

/// Sends logs to standard error and installs the metrics recorder; once per process, first thing in `main`.
///
/// `filter` is a level, or `target=level` pairs: `info`, or `info,order_process=debug`. Targets that begin with one of
/// `loud` are silenced unless the filter names them: libraries that log what their callers report anyway.
pub fn init(format: LogFormat, filter: &str, loud: &[&str]) -> Result<Telemetry, TelemetryError> {
    let filter = without_loud(read_filter(filter)?, loud);
    let prometheus =
        recorder()?.install_recorder().map_err(|error| TelemetryError::AlreadySetUp(error.to_string()))?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        // Colours only on a terminal: in a file they are unreadable.
        .with_ansi(std::io::stderr().is_terminal());
    let registry = tracing_subscriber::registry().with(filter);
    let installed = match format {
        LogFormat::Compact => registry.with(lines.compact()).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    installed.map_err(|error| TelemetryError::AlreadySetUp(error.to_string()))?;
    Ok(Telemetry { prometheus })
}

fn read_filter(filter: &str) -> Result<Targets, TelemetryError> {
    let unreadable = |reason: String| TelemetryError::Filter { filter: filter.to_owned(), reason };
    // A word that is not a level would be taken for a target, so a misspelt level would silence everything.
    let lone = filter
        .split(',')
        .map(str::trim)
        .find(|part| !part.contains('=') && part.parse::<LevelFilter>().is_err());
    if let Some(word) = lone {
        return Err(unreadable(format!("{word:?} is neither a level nor target=level")));
    }
    filter.parse().map_err(|error: ParseError| unreadable(error.to_string()))
}

fn without_loud(filter: Targets, loud: &[&str]) -> Targets {
    let named: Vec<String> = filter.iter().map(|(target, _)| target.to_owned()).collect();
    let unnamed = loud.iter().filter(|loud| !named.iter().any(|named| named.starts_with(**loud)));
    filter.with_targets(unnamed.map(|loud| ((*loud).to_owned(), LevelFilter::OFF)))
}

fn recorder() -> Result<PrometheusBuilder, TelemetryError> {
    let mut builder = PrometheusBuilder::new();
    for name in [names::MESSAGE_CONSUMED, names::LAG, names::SWEEP_DURATION] {
        builder = builder
            .set_buckets_for_metric(Matcher::Full(name.to_owned()), &DURATION_BUCKETS)
            .map_err(|error| TelemetryError::Recorder(error.to_string()))?;
    }
    // Durations of other crates (HTTP requests) follow the same naming and get the same buckets.
    builder
        .set_buckets_for_metric(Matcher::Suffix("duration".to_owned()), &DURATION_BUCKETS)
        .map_err(|error| TelemetryError::Recorder(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rendered_as_buckets_in_seconds() {
        let recorder = recorder().unwrap().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!(names::LAG, "consumer_group" => "g").record(Duration::from_millis(3));
        });
        let text = handle.render();
        assert!(text.contains("mq_lag_bucket{consumer_group=\"g\",le=\"0.002\"} 0"), "{text}");
        assert!(text.contains("mq_lag_bucket{consumer_group=\"g\",le=\"0.005\"} 1"), "{text}");
    }

    #[test]
    fn an_unreadable_filter_is_quoted() {
        for unreadable in ["info,order_process=loud", "infoo"] {
            let error = read_filter(unreadable).unwrap_err();
            assert!(error.to_string().contains(&format!("{unreadable:?}")), "{error}");
        }
        assert!(read_filter("info,order_process=debug").is_ok());
    }

    #[test]
    fn a_loud_library_is_heard_only_by_who_names_it() {
        let heard = |filter: &str| {
            let targets = without_loud(read_filter(filter).unwrap(), &["loud"]);
            targets.would_enable("loud_library::module", &tracing::Level::ERROR)
        };
        assert!(!heard("info"));
        assert!(heard("info,loud_library=warn"));
        let targets = without_loud(read_filter("info").unwrap(), &["loud"]);
        assert!(targets.would_enable("boxoffice_loud", &tracing::Level::INFO));
    }

    #[test]
    fn log_formats_have_names() {
        assert_eq!("json".parse(), Ok(LogFormat::Json));
        assert_eq!("compact".parse(), Ok(LogFormat::Compact));
        assert_eq!("xml".parse::<LogFormat>(), Err(UnknownLogFormat));
    }
}
