//! Conformance, end-to-end and chaos tests.
