//! Sends one text message per order and event.
