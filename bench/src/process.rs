//! What the operating system says of this process.

use std::fs;
use std::time::Duration;

/// Clock ticks a second, as Linux reports CPU time on every architecture.
const TICKS: u64 = 100;

/// CPU time used so far, user and system, to 10 ms; zero where the system does not report it.
pub fn cpu() -> Duration {
    let Ok(stat) = fs::read_to_string("/proc/self/stat") else { return Duration::ZERO };
    // The name of the program, in brackets, may hold spaces: fields are counted after it.
    let Some((_, fields)) = stat.rsplit_once(')') else { return Duration::ZERO };
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1_000 / TICKS)
}

/// The most memory this process ever held, in bytes; zero where the system does not report it.
pub fn peak_memory() -> u64 {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return 0 };
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
        * 1_024
}
