use std::fmt;

/// One thing wrong in a catalogue file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: usize,
    /// Which show, session and tier; empty where the file is not TOML at all.
    pub place: String,
    /// What was found and what is allowed.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.what)
    }
}

/// Why a catalogue cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// The file could not be read as text.
    #[error("cannot read the catalogue {origin}: {reason}")]
    Unreadable {
        /// The file's path.
        origin: String,
        /// What the operating system said.
        reason: String,
    },
    /// The text is not a valid catalogue. All problems are named, in the order of the file.
    #[error("the catalogue {origin} cannot be used:{}", listed(problems))]
    Invalid {
        /// The file's path, or what the caller called the text.
        origin: String,
        /// What is wrong; never empty.
        problems: Vec<Problem>,
    },
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().fold(String::new(), |text, problem| text + "\n  " + &problem.to_string())
}
