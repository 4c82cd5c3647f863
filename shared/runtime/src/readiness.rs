/// Whether a bus takes and delivers messages at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    Ready,
    /// It does not.
    NotReady {
        /// Why, for the operator.
        because: String,
    },
}
