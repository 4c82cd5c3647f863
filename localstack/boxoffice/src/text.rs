//! Texts for people.

/// "1 ticket", "2 tickets".
pub fn counted(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// The beginning of a text, with an ellipsis where it is longer than `most` characters.
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_has_no_plural() {
        assert_eq!(counted(0, "dead letter"), "0 dead letters");
        assert_eq!(counted(1, "dead letter"), "1 dead letter");
        assert_eq!(counted(12, "ticket"), "12 tickets");
    }

    #[test]
    fn a_text_that_was_cut_shows_it() {
        assert_eq!(shortened("Bücher", 6), "Bücher");
        assert_eq!(shortened("Bücherei", 6), "Büche…");
    }
}
