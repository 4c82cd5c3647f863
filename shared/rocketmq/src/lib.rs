//! RocketMQ as the bus.
