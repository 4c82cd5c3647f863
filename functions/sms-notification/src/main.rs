//! `sms-notification` as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    boxoffice_host::run_function(sms_notification::NAME, sms_notification::function)
}
