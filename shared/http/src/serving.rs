use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use boxoffice_runtime::Shutdown;
use tokio::net::TcpListener;

/// A server cannot listen on an address. Choose another one, or stop what listens there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot listen on {address} ({setting}): {because}")]
pub struct ListenError {
    /// The setting that names the address.
    pub setting: &'static str,
    /// The address.
    pub address: SocketAddr,
    /// What the system said, and what to do.
    pub because: String,
}

/// Binds the address of a setting.
pub async fn listen(setting: &'static str, address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|error| {
        let because = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("another program listens there; stop it, or set {setting} to another address")
            }
            _ => error.to_string(),
        };
        ListenError { setting, address, because }
    })
}

/// Answers requests until `shutdown` begins, then finishes those in progress for at most `drain_timeout`: clients that
/// keep their connection open must not hold up a stop.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: Shutdown,
    drain_timeout: Duration,
) -> std::io::Result<()> {
    let stop = shutdown.clone();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move { stop.begun().await });
    let out_of_time = async {
        shutdown.begun().await;
        tokio::time::sleep(drain_timeout).await;
    };
    tokio::select! {
        result = serving.into_future() => result,
        () = out_of_time => Ok(()),
    }
}
