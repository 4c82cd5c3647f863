//! `email-notification` as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    boxoffice_host::run_function("email-notification", email_notification::function)
}
