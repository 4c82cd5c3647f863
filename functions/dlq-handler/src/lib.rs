//! Records dead letters and raises an alert.
