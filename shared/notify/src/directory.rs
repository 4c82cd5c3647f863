use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use async_trait::async_trait;
use boxoffice_domain::ports::{StoreError, UserDirectory};
use boxoffice_domain::{Contact, UserId};
use toml::de::{DeTable, DeValue};

const KEYS: [&str; 4] = ["id", "phone", "email", "deviceToken"];
/// Device tokens are the longest addresses; none in use comes near this.
const MAX_ADDRESS_BYTES: usize = 4096;

/// Why a file of users cannot be used. Names lines, never their content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The file could not be read as text.
    #[error("cannot read the users of {origin}: {reason}")]
    Unreadable {
        /// The file's path.
        origin: String,
        /// What the operating system said.
        reason: String,
    },
    /// The text is not a valid list of users.
    #[error("the users of {origin} cannot be used:\n  {}", problems.join("\n  "))]
    Invalid {
        /// The file's path, or what the caller called the text.
        origin: String,
        /// All problems, each with its line, in the order of the file; never empty.
        problems: Vec<String>,
    },
}

/// The addresses of buyers from a TOML file, read once at start:
///
/// ```toml
/// [[user]]
/// id = 10086
/// phone = "+8613800138000"
/// email = "lin@example.com"
/// deviceToken = "a1b2c3"
/// ```
///
/// A user needs an id and at least one address. A user that is not in the file is unknown, which is not an error.
#[derive(Debug, Clone, Default)]
pub struct FileUserDirectory {
    contacts: HashMap<UserId, Contact>,
}

impl FileUserDirectory {
    /// Reads a file. Fails with all problems at once.
    pub fn load(path: &Path) -> Result<Self, DirectoryError> {
        let origin = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&origin, &text),
            Err(error) => Err(DirectoryError::Unreadable { origin, reason: error.to_string() }),
        }
    }

    /// Reads a text; `origin` is what errors call it. Fails with all problems at once.
    pub fn parse(origin: &str, text: &str) -> Result<Self, DirectoryError> {
        let mut reader = Reader { text, problems: Vec::new(), users: HashMap::new() };
        let (document, syntax_errors) = DeTable::parse_recoverable(text);
        for error in &syntax_errors {
            reader.report(&error.span().unwrap_or(0..0), error.message());
        }
        if syntax_errors.is_empty() {
            reader.document(document.get_ref());
        }
        if reader.problems.is_empty() {
            let contacts = reader.users.into_iter().map(|(id, (contact, _))| (id, contact)).collect();
            return Ok(Self { contacts });
        }
        reader.problems.sort();
        let problems = reader.problems.into_iter().map(|(line, what)| format!("line {line}: {what}"));
        Err(DirectoryError::Invalid { origin: origin.to_owned(), problems: problems.collect() })
    }

    /// How many users the file names.
    pub fn len(&self) -> usize {
        self.contacts.len()
    }

    /// True when the file names nobody.
    pub fn is_empty(&self) -> bool {
        self.contacts.is_empty()
    }
}

#[async_trait]
impl UserDirectory for FileUserDirectory {
    async fn contact(&self, user_id: UserId) -> Result<Option<Contact>, StoreError> {
        Ok(self.contacts.get(&user_id).cloned())
    }
}

struct Reader<'t> {
    text: &'t str,
    problems: Vec<(usize, String)>,
    /// Each user with the line of the id.
    users: HashMap<UserId, (Contact, usize)>,
}

impl Reader<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().iter().take(span.start);
        before.filter(|byte| **byte == b'\n').count() + 1
    }

    fn report(&mut self, span: &Range<usize>, what: impl Into<String>) {
        self.problems.push((self.line(span), what.into()));
    }

    fn document(&mut self, root: &DeTable<'_>) {
        for (key, value) in root {
            let users = value.get_ref().as_array().filter(|_| key.get_ref() == "user");
            let Some(users) = users else {
                self.report(&key.span(), "only [[user]] is allowed here");
                continue;
            };
            for user in users {
                match user.get_ref().as_table() {
                    Some(table) => self.user(table, &user.span()),
                    None => self.report(&user.span(), "a user is a table, written [[user]]"),
                }
            }
        }
    }

    fn user(&mut self, table: &DeTable<'_>, whole: &Range<usize>) {
        let mut contact = Contact::default();
        let mut id = None;
        let problems_before = self.problems.len();
        for (key, value) in table {
            let slot = match key.get_ref().as_ref() {
                "id" => {
                    id = Some((integer(value.get_ref()), value.span()));
                    continue;
                }
                "phone" => &mut contact.phone,
                "email" => &mut contact.email,
                "deviceToken" => &mut contact.device_token,
                other => {
                    let what = format!("unknown key {other:?}; allowed: {}", KEYS.join(", "));
                    self.report(&key.span(), what);
                    continue;
                }
            };
            *slot = address(value.get_ref());
            if slot.is_none() {
                self.report(
                    &value.span(),
                    format!("{} must be a text in quotes, without spaces", key.get_ref()),
                );
            }
        }
        let sound = self.problems.len() == problems_before;
        match id {
            None => self.report(whole, "id is missing"),
            Some((None, span)) => self.report(&span, "id must be a whole number, at least 1"),
            Some((Some(_), span)) if sound && contact.is_empty() => {
                self.report(&span, "this user has no address: set phone, email or deviceToken");
            }
            Some((Some(id), span)) => self.add(UserId(id), contact, &span),
        }
    }

    fn add(&mut self, id: UserId, contact: Contact, span: &Range<usize>) {
        let line = self.line(span);
        if let Some((_, first)) = self.users.get(&id) {
            let what = format!("user {id} is defined twice, first on line {first}");
            self.report(span, what);
        } else {
            self.users.insert(id, (contact, line));
        }
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|id| *id > 0)
}

fn address(value: &DeValue<'_>) -> Option<String> {
    let text = value.as_str()?;
    let fits = !text.is_empty() && text.len() <= MAX_ADDRESS_BYTES;
    (fits && !text.chars().any(|c| c.is_whitespace() || c.is_control())).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_user_of_the_file_has_the_addresses_written_there() {
        let text = "[[user]]\nid = 1\nphone = \"+8613800138000\"\n\n[[user]]\nid = 2\nemail = \"b@example.com\"\ndeviceToken = \"t\"\n";
        let directory = FileUserDirectory::parse("users.toml", text).unwrap();
        assert_eq!(directory.len(), 2);
        let first = directory.contact(UserId(1)).await.unwrap().unwrap();
        assert_eq!(first.phone.as_deref(), Some("+8613800138000"));
        assert_eq!((first.email, first.device_token), (None, None));
        let second = directory.contact(UserId(2)).await.unwrap().unwrap();
        assert_eq!(second.email.as_deref(), Some("b@example.com"));
        assert_eq!(second.device_token.as_deref(), Some("t"));
        assert_eq!(directory.contact(UserId(3)).await, Ok(None));
    }

    #[test]
    fn every_problem_names_its_line_and_no_address() {
        let text = "users = 1\n[[user]]\nid = 1\nphone = 8613800138000\n[[user]]\nid = 0\nemail = \"x@secret.example\"\n\
                    [[user]]\nemail = \"y@secret.example\"\n[[user]]\nid = 4\n[[user]]\nid = 5\nphon = \"1\"\nemail = \"a b@secret.example\"\n\
                    [[user]]\nid = 4\nphone = \"1\"\n[[user]]\nid = 4\nphone = \"2\"\n";
        let Err(DirectoryError::Invalid { problems, .. }) = FileUserDirectory::parse("users.toml", text)
        else {
            panic!("it was accepted");
        };
        assert_eq!(
            problems,
            [
                "line 1: only [[user]] is allowed here",
                "line 4: phone must be a text in quotes, without spaces",
                "line 6: id must be a whole number, at least 1",
                "line 8: id is missing",
                "line 11: this user has no address: set phone, email or deviceToken",
                "line 14: unknown key \"phon\"; allowed: id, phone, email, deviceToken",
                "line 15: email must be a text in quotes, without spaces",
                "line 20: user 4 is defined twice, first on line 17",
            ]
        );
    }

    #[test]
    fn a_broken_file_is_refused_without_quoting_it() {
        let error =
            FileUserDirectory::parse("users.toml", "[[user]]\nid = 1\nphone = \"+861380\n").unwrap_err();
        assert!(error.to_string().contains("line 3: "), "{error}");
        assert!(!error.to_string().contains("861380"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = FileUserDirectory::load(Path::new("/nowhere/users.toml")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/users.toml"), "{error}");
    }
}
