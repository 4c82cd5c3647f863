/// Whether a bus can accept and deliver messages at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// It cannot.
    NotReady {
        /// Why, for the operator.
        because: String,
    },
}
