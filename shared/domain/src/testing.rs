//! Fakes of every port, and a clock that a test moves by hand.
