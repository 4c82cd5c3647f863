//! `outbox-relay` as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    boxoffice_host::run_sweeper_function(outbox_relay::NAME, |settings, ports| {
        outbox_relay::sweeper(ports, &settings.functions(), settings.relay_interval)
    })
}
