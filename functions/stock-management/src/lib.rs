//! Keeps the durable stock ledger and its counters.
