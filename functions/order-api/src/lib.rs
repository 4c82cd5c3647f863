//! The HTTP API: create, show, list, pay and cancel orders.
