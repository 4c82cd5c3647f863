//! `order-timeout` as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    boxoffice_host::run_function(order_timeout::NAME, order_timeout::function)
}
