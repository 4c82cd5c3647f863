//! Cancels an order that was not paid in time.
