use std::fmt;
use std::str::FromStr;

use boxoffice_domain::ports::Ids;
use sha2::{Digest as _, Sha256};

/// The user property that carries the trace context.
pub const TRACEPARENT: &str = "traceparent";

/// A W3C trace context, version 00: the trace that a message belongs to, and the step of it that sent the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: u128,
    parent_id: u64,
    sampled: bool,
}

/// The text is not a trace context. It is then ignored, as the standard requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a traceparent: expected 00-<32 hex digits>-<16 hex digits>-<2 hex digits>, neither id all zeros"
)]
pub struct InvalidTraceParent;

impl TraceParent {
    /// The first step of a new trace.
    pub fn start(ids: &dyn Ids) -> Self {
        let random = Sha256::digest(ids.unique());
        let mut trace_id = [0; 16];
        trace_id.copy_from_slice(&random[..16]);
        // All zeros is forbidden by the standard.
        Self {
            trace_id: u128::from_be_bytes(trace_id).max(1),
            parent_id: step_id(&random[16..]),
            sampled: true,
        }
    }

    /// The next step of the same trace.
    #[must_use]
    pub fn child(self, ids: &dyn Ids) -> Self {
        Self { parent_id: step_id(&Sha256::digest(ids.unique())), ..self }
    }

    /// The trace, the same for every message of it.
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// Whether the trace is to be recorded, as decided by the service that began it.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.parent_id, u8::from(self.sampled))
    }
}

impl FromStr for TraceParent {
    type Err = InvalidTraceParent;

    /// Reads version 00, and of a later version what version 00 knows.
    fn from_str(text: &str) -> Result<Self, InvalidTraceParent> {
        let mut parts = text.split('-');
        let version = hex(parts.next(), 2)?;
        let trace_id = hex(parts.next(), 32)?;
        let parent_id = u64::try_from(hex(parts.next(), 16)?).map_err(|_| InvalidTraceParent)?;
        let flags = hex(parts.next(), 2)?;
        let goes_on = parts.next().is_some();
        if version == 0xff || (version == 0 && goes_on) || trace_id == 0 || parent_id == 0 {
            return Err(InvalidTraceParent);
        }
        Ok(Self { trace_id, parent_id, sampled: flags & 1 == 1 })
    }
}

/// The first eight bytes, but never zero.
fn step_id(random: &[u8]) -> u64 {
    random.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte)).max(1)
}

fn hex(part: Option<&str>, digits: usize) -> Result<u128, InvalidTraceParent> {
    let is_lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    match part {
        Some(part) if part.len() == digits && part.bytes().all(is_lower_hex) => {
            u128::from_str_radix(part, 16).map_err(|_| InvalidTraceParent)
        }
        _ => Err(InvalidTraceParent),
    }
}

#[cfg(test)]
mod tests {
    use boxoffice_domain::testing::SequentialIds;

    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_example_of_the_standard_reads_and_writes_back() {
        let parent: TraceParent = EXAMPLE.parse().unwrap();
        assert_eq!(parent.trace_id(), 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert!(parent.is_sampled());
        assert_eq!(parent.to_string(), EXAMPLE);
    }

    #[test]
    fn a_child_is_another_step_of_the_same_trace() {
        let ids = SequentialIds::default();
        let parent = TraceParent::start(&ids);
        let child = parent.child(&ids);
        assert_eq!(child.trace_id(), parent.trace_id());
        assert_ne!(child, parent);
        assert_ne!(TraceParent::start(&ids).trace_id(), parent.trace_id());
    }

    #[test]
    fn a_new_trace_reads_back() {
        let made = TraceParent::start(&SequentialIds::default());
        assert_eq!(made.to_string().parse(), Ok(made));
        assert!(made.is_sampled());
    }

    #[test]
    fn what_is_no_trace_context_is_refused() {
        for text in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(text.parse::<TraceParent>(), Err(InvalidTraceParent), "{text}");
        }
        assert!(
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more".parse::<TraceParent>().is_ok()
        );
    }
}
