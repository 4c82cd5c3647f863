//! `stock-management` as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    boxoffice_host::run_function(stock_management::NAME, stock_management::function)
}
