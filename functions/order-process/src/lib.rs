//! Prices an order, reserves its seats and asks for payment.
