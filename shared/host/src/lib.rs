//! Reads the configuration, builds the ports and runs functions on the chosen transport.
