//! `order-cancelled` as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    boxoffice_host::run_function(order_cancelled::NAME, order_cancelled::function)
}
