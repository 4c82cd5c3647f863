//! The HTTP servers: the public API, the pages about a function's health, and the admin API.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use boxoffice_http::HttpLimits;
use boxoffice_runtime::config::{Secret, Settings};

use super::BackendSettings;

/// Where a running server writes how operators reach it, if the stores are not in a file.
const ADMIN_FILE: &str = "boxoffice.admin";

/// The admin API of a server.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    /// `ADMIN_LISTEN`.
    pub listen: SocketAddr,
    /// `ADMIN_TOKEN`.
    pub token: Option<Secret>,
    /// `ADMIN_FILE`.
    pub file: PathBuf,
}

pub(super) fn listen(s: &mut Settings) -> SocketAddr {
    address(s, "LISTEN", 8080, "address of the public API")
}

pub(super) fn limits(s: &mut Settings) -> HttpLimits {
    let (defaults, second) = (HttpLimits::default(), Duration::from_secs(1));
    HttpLimits {
        max_body_bytes: s.integer(
            "BODY_LIMIT",
            defaults.max_body_bytes,
            1_024..=16 * 1024 * 1024,
            "largest request body, in bytes",
        ),
        request_timeout: s.duration(
            "REQUEST_TIMEOUT",
            defaults.request_timeout,
            second / 10..=600 * second,
            "how long one request may take",
        ),
        max_in_flight: s.integer(
            "MAX_REQUESTS_IN_FLIGHT",
            defaults.max_in_flight,
            1..=1_000_000,
            "maximum number of requests handled at once; further requests get 503 with Retry-After",
        ),
    }
}

pub(super) fn health_listen(s: &mut Settings) -> SocketAddr {
    address(
        s,
        "HEALTH_LISTEN",
        0,
        "address where a function's own program serves /healthz, /readyz and /metrics; port 0 picks a free port, which is \
         logged",
    )
}

pub(super) fn admin(s: &mut Settings, backends: &BackendSettings) -> AdminSettings {
    let file = backends.embedded.beside_store(".admin").unwrap_or_else(|| ADMIN_FILE.into());
    AdminSettings {
        listen: address(
            s,
            "ADMIN_LISTEN",
            0,
            "address of the admin API; port 0 picks a free port, which operators find in ADMIN_FILE",
        ),
        token: s.secret("ADMIN_TOKEN", "secret that the admin API requires; generated at each start if not set"),
        file: s
            .text(
                "ADMIN_FILE",
                &file.to_string_lossy(),
                "where a running server writes the address and the token of its admin API, for commands on the same \
                 machine; by default next to the file of STORE, if STORE names a file",
            )
            .into(),
    }
}

fn address(s: &mut Settings, name: &str, port: u16, meaning: &str) -> SocketAddr {
    s.parsed(
        name,
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        "an IP address and a port, such as 127.0.0.1:8080",
        meaning,
        |text| text.parse().ok(),
    )
}
