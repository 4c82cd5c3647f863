//! Sends one e-mail per order and event.
