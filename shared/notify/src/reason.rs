//! Shortens what a remote side said for an error text: one line without the buyer's address.

/// Longer reasons are cut: they are for a person who reads a list.
const MAX_CHARS: usize = 200;
/// An address this short would match by chance inside other words.
const MIN_ADDRESS_BYTES: usize = 4;

/// `said` on one line, at most 200 characters, with every occurrence of `address` hidden.
pub(crate) fn tidy(said: &str, address: &str) -> String {
    let hidden =
        if address.len() >= MIN_ADDRESS_BYTES { said.replace(address, "***") } else { said.to_owned() };
    let words: Vec<&str> = hidden.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX_CHARS {
        return line;
    }
    line.chars().take(MAX_CHARS).chain(['…']).collect()
}

/// An error with everything that caused it, because the outermost text alone often says only "error sending request".
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::tidy;

    #[test]
    fn a_reason_is_one_short_line_without_the_address() {
        assert_eq!(tidy("no\r\n  +8613800138000\u{0} here", "+8613800138000"), "no *** here");
        assert_eq!(tidy("a b", "a"), "a b");
        assert_eq!(tidy(&"字".repeat(500), "").chars().count(), 201);
    }
}
