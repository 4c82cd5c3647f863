//! `push-notification` as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    boxoffice_host::run_function(push_notification::NAME, push_notification::function)
}
