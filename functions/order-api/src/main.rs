//! `order-api` as a program of its own: the HTTP API without the functions.

use std::process::ExitCode;

use boxoffice_host::Host;

fn main() -> ExitCode {
    boxoffice_host::run(order_api::NAME, async |host: &Host| {
        let (functions, limits) = (host.settings.functions(), host.settings.api);
        let telemetry = Some(host.telemetry.clone());
        let router = order_api::router_for(&host.ports, &functions, &host.transport, telemetry, limits);
        boxoffice_host::serve_http("LISTEN", host.settings.listen, router, host).await
    })
}
