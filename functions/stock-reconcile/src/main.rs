//! `stock-reconcile` as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    boxoffice_host::run_sweeper_function(stock_reconcile::NAME, |settings, ports| {
        stock_reconcile::sweeper(ports, &settings.functions(), settings.reconcile_interval)
    })
}
