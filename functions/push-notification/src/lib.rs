//! Sends one push notification per order and event.
