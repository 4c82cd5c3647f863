//! What every producer, consumer and administrator of this process shares.
//!
//! Works around rocketmq-client-rust 1.0.0:
//! - It inflates bodies while it decodes a pulled batch. From the first body on that it cannot inflate (every LZ4 body of a
//!   Java client, since it expects LZ4 blocks and not frames) it drops the rest of the batch without a word, and the offset
//!   advances. So inflating is turned off. mxsm/rocketmq-rust pull request 8991 (August 2026) keeps the block format.
//!   Test: the suite `compressed_and_plain_bodies_mix_and_none_is_lost` on RocketMQ, with `set_decode_decompress_body(true)`.
//! - Listeners run on a blocking pool that is small by default; what finds no place there is sent back unhandled. No upstream
//!   issue was found. Test: the suite `ten_thousand_messages_of_eight_senders_are_handled_once_each` with the default policy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use boxoffice_runtime::TransportError;
use rocketmq_client_rust::{ClientConfig, ClientRuntime, ClientRuntimeConfig};
use rocketmq_observability::TelemetryHandle;
use rocketmq_runtime::{BlockingPoolPolicy, RuntimeContext};
use rocketmq_transport::api::RPCHook;

use crate::RocketMqSettings;
use crate::boxed::boxed;
use crate::names::Names;
use crate::request_hook::RequestHook;

/// Batches that all consumers of one process handle at the same time, at most: each holds a thread meanwhile.
const BATCHES_AT_ONCE: usize = 512;
/// Batches that may wait for one of these threads.
const WAITING_BATCHES: usize = 65_536;
/// How long a batch may wait for a thread, or hold one. Shorter would send messages back unhandled.
const NEVER_EXPIRES: Duration = Duration::from_secs(12 * 3600);
/// How often this process sends heartbeats, in milliseconds, the least that the library accepts. A broker that was
/// restarted delivers nothing to a group before its first heartbeat.
const HEARTBEAT: u32 = 10_000;
/// How long the client library may take to end its tasks.
const ENDING: Duration = Duration::from_secs(5);

/// Clients of this process so far. The broker would take two members with one name for one, even within one process.
static CLIENTS: AtomicU64 = AtomicU64::new(0);

/// The client library, set up once.
pub(crate) struct Client {
    pub(crate) settings: RocketMqSettings,
    pub(crate) names: Names,
    pub(crate) runtime: Arc<ClientRuntime>,
    context: RuntimeContext,
    hook: Arc<RequestHook>,
    process: String,
    made: AtomicU64,
}

impl Client {
    /// Must be called inside a Tokio runtime, which runs everything from then on.
    pub(crate) fn new(settings: RocketMqSettings) -> Result<Self, TransportError> {
        let refused = |error: &dyn std::fmt::Display| TransportError::Refused(error.to_string());
        if settings.tls.is_some() {
            // Several crypto providers are compiled in, and rustls panics unless one is chosen. If one is chosen already, that is fine.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        if let Some(file) = settings.tls.as_ref().and_then(|tls| tls.trusted.as_ref()) {
            // Without this check the library would fail at each connection without saying why.
            std::fs::read(file).map_err(|error| {
                TransportError::Refused(format!("ROCKETMQ_TLS_CA {}: {error}", file.display()))
            })?;
        }
        let policy = BlockingPoolPolicy {
            name: "rocketmq".to_owned(),
            max_concurrency: BATCHES_AT_ONCE,
            max_queue_depth: WAITING_BATCHES,
            queue_timeout: NEVER_EXPIRES,
            task_timeout: NEVER_EXPIRES,
            warn_after: NEVER_EXPIRES,
        };
        let context = RuntimeContext::try_from_current_with_blocking_policy("boxoffice", policy)
            .map_err(|error| refused(&error))?;
        let config = ClientRuntimeConfig { shutdown_timeout: ENDING, ..ClientRuntimeConfig::default() };
        let runtime =
            ClientRuntime::try_new(context.service_context("rocketmq"), config, TelemetryHandle::noop())
                .map_err(|error| refused(&error))?;
        let hook = Arc::new(RequestHook::new(settings.credentials.as_ref()));
        let number = CLIENTS.fetch_add(1, Ordering::Relaxed);
        let started = jiff::Timestamp::now().as_millisecond();
        let name = settings.instance.as_deref().unwrap_or("boxoffice");
        let process = format!("{name}-{}-{started}-{number}", std::process::id());
        let names = Names::new(settings.prefix.clone());
        Ok(Self { settings, names, runtime, context, hook, process, made: AtomicU64::new(0) })
    }

    /// A configuration with a name of its own at the broker, so that what uses it shares no connection with others.
    pub(crate) fn config(&self) -> ClientConfig {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let mut config = ClientConfig::new();
        config.set_namesrv_addr(self.settings.name_servers.as_str().into());
        config.set_instance_name(format!("{}-{number}", self.process).into());
        // The library drops messages that it cannot inflate, together with all that follow in their batch. Bodies are
        // inflated by `boxoffice_messages`.
        config.set_decode_decompress_body(false);
        config.set_vip_channel_enabled(false);
        config.set_heartbeat_broker_interval(HEARTBEAT);
        if let Some(tls) = &self.settings.tls {
            config.set_use_tls(true);
            config.set_tls_client_auth_server(true);
            if let Some(trusted) = &tls.trusted {
                config.set_tls_client_trust_cert_path(trusted.to_string_lossy());
            }
        }
        config
    }

    pub(crate) fn hook(&self) -> Arc<dyn RPCHook> {
        self.hook.clone()
    }

    /// Ends every task of the client library.
    pub(crate) async fn close(&self) {
        boxed(self.runtime.shutdown()).await;
        boxed(self.context.shutdown_tasks(ENDING)).await;
    }
}
