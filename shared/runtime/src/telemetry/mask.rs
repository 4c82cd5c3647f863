//! Masks addresses in logs, leaving enough to recognise a known one.

/// A telephone number, masked up to its last four digits: `+8613812345678` becomes `***5678`.
///
/// A number with fewer than eight characters is masked completely.
pub fn phone(number: &str) -> String {
    keep_last(number, 4)
}

/// An e-mail address, masked up to the first letter of its local part and its domain: `b***@example.com`.
///
/// A text without `@` is masked completely.
pub fn email(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => {
            let first: String = local.chars().take(1).collect();
            format!("{first}***@{domain}")
        }
        None => "***".to_owned(),
    }
}

/// A device token or key, masked up to its last four characters.
pub fn token(token: &str) -> String {
    keep_last(token, 4)
}

/// A URL without its user name and password: `redis://***@host:6379`.
pub fn url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority_end].rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => url.to_owned(),
    }
}

/// Free text, such as a provider's answer, with every e-mail address, telephone number and device token masked.
///
/// A telephone number is a word of 10 to 15 digits, or of 7 to 15 digits after a `+`; a token is a word of at least 64
/// letters, digits, `_`, `-` and `:`. Order numbers are neither.
pub fn text(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for piece in text.split_inclusive(is_separator) {
        let word = piece.trim_end_matches(is_separator);
        if word.contains('@') {
            masked.push_str(&email(word));
        } else if is_phone(word) {
            masked.push_str(&phone(word));
        } else if is_token(word) {
            masked.push_str(&token(word));
        } else {
            masked.push_str(word);
        }
        masked.push_str(&piece[word.len()..]);
    }
    masked
}

fn keep_last(text: &str, kept: usize) -> String {
    let length = text.chars().count();
    let shown: String =
        if length < 2 * kept { String::new() } else { text.chars().skip(length - kept).collect() };
    format!("***{shown}")
}

fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, ',' | ';' | '"' | '\'' | '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | '=' | '/')
}

fn is_phone(word: &str) -> bool {
    let word = word.trim_end_matches(['.', ':', '!', '?']);
    let (digits, least) = word.strip_prefix('+').map_or((word, 10), |rest| (rest, 7));
    (least..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_token(word: &str) -> bool {
    word.len() >= 64
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_keeps_four_digits() {
        assert_eq!(phone("+8613812345678"), "***5678");
        assert_eq!(phone("12345"), "***");
        assert_eq!(phone(""), "***");
    }

    #[test]
    fn an_email_address_keeps_one_letter_and_the_domain() {
        assert_eq!(email("bob@example.com"), "b***@example.com");
        assert_eq!(email("@example.com"), "***@example.com");
        assert_eq!(email("no address"), "***");
    }

    #[test]
    fn a_token_keeps_four_characters() {
        assert_eq!(token("abcdefghijkl"), "***ijkl");
        assert_eq!(token("abc"), "***");
    }

    #[test]
    fn a_url_loses_its_password_and_nothing_else() {
        assert_eq!(url("redis://user:p@ss@host:6379/0"), "redis://***@host:6379/0");
        assert_eq!(url("rocketmq://127.0.0.1:9876"), "rocketmq://127.0.0.1:9876");
        assert_eq!(url("embedded:a@b.db"), "embedded:a@b.db");
        assert_eq!(url("https://host/path@2"), "https://host/path@2");
    }

    #[test]
    fn addresses_inside_a_text_are_masked_and_order_numbers_are_not() {
        let token = "a1".repeat(40);
        assert_eq!(
            text(&format!("550 <bob@example.com>: no user; call 13812345678, or +4912345678. {token}")),
            "550 <b***@example.com>: no user; call ***5678, or ***678. ***a1a1"
        );
        let harmless = "order T2026112210153012300112345678 of ticket 42: 3 left";
        assert_eq!(text(harmless), harmless);
    }
}
