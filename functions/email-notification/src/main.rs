//! `email-notification` as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    boxoffice_host::run_function(email_notification::NAME, email_notification::function)
}
