//! `order-timeout` as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    boxoffice_host::run_function("order-timeout", order_timeout::function)
}
