use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use boxoffice_runtime::Shutdown;
use tokio::net::TcpListener;

use crate::{Host, HostError};

/// Binds an address; the error names the setting and says what to do.
pub async fn listen(setting: &'static str, address: SocketAddr) -> Result<TcpListener, HostError> {
    TcpListener::bind(address).await.map_err(|error| {
        let because = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("another program listens there; stop it, or set {setting} to another address")
            }
            _ => error.to_string(),
        };
        HostError::Listen { setting, address: address.to_string(), because }
    })
}

/// Answers requests until `shutdown` begins, then finishes those under way, for at most `drain`: clients that keep
/// their connection open must not hold up a stop for ever.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: Shutdown,
    drain: Duration,
) -> Result<(), HostError> {
    let stop = shutdown.clone();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move { stop.begun().await });
    let out_of_time = async {
        shutdown.begun().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        result = serving.into_future() => Ok(result?),
        () = out_of_time => Ok(()),
    }
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
    serve(listener, router, host.shutdown.clone(), host.settings.consumer.drain).await
}
