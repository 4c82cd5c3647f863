//! `order-api` as a program of its own: the HTTP API without the functions.

use std::process::ExitCode;
use std::sync::Arc;

use boxoffice_host::Host;
use order_api::{BusReadiness, RouterSettings};

fn main() -> ExitCode {
    boxoffice_host::run(order_api::NAME, async |host: &Host| {
        let limits = &host.settings.api;
        let settings = RouterSettings {
            body_limit: limits.body_limit,
            request_time_out: limits.request_time_out,
            in_flight_limit: limits.in_flight_limit,
            readiness: vec![Arc::new(BusReadiness(host.transport.clone()))],
            ..RouterSettings::default()
        };
        let functions = host.settings.functions();
        let router = order_api::router_for(&host.ports, &functions, Some(host.telemetry.clone()), settings);
        boxoffice_host::serve_http("LISTEN", host.settings.listen, router, host).await
    })
}
