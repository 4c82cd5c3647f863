//! `order-api` as a program of its own: the HTTP API without the functions.

use std::process::ExitCode;

use boxoffice_host::Host;

fn main() -> ExitCode {
    boxoffice_host::run("order-api", async |host: &Host| {
        let router = order_api::router_for(&host.ports, Some(host.telemetry.clone()));
        boxoffice_host::serve_http("LISTEN", host.settings.listen, router, host).await
    })
}
