//! Sends what a crash or an outage left unsent.
