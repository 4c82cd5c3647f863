//! `dlq-handler` as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    boxoffice_host::run_function(dlq_handler::NAME, dlq_handler::function)
}
