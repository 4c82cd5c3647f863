//! `order-paid` as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    boxoffice_host::run_function(order_paid::NAME, order_paid::function)
}
