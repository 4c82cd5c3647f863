use std::fmt::{self, Write as _};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::SetupError;

/// The secret that a webhook's receiver shares with us. Its `Debug` hides it.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Takes the shared secret, which must not be empty.
    pub fn new(secret: &str) -> Result<Self, SetupError> {
        if secret.is_empty() {
            return Err(SetupError::Zero("the length of a signing secret"));
        }
        let mac = Hmac::new_from_slice(secret.as_bytes());
        mac.map(Self).map_err(|error| SetupError::Client(error.to_string()))
    }

    /// The value of `X-Boxoffice-Signature`: `v1=` and the lower-case hex HMAC-SHA256 of `<timestamp>.<body>`.
    /// `timestamp` is the value of `X-Boxoffice-Timestamp`, in seconds since 1970.
    pub fn sign(&self, timestamp: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(timestamp.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        format!("v1={}", hex(&mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::SigningKey;

    #[test]
    fn a_signature_covers_timestamp_and_body() {
        let key = SigningKey::new("secret").unwrap();
        let signature = key.sign(1_700_000_000, b"{\"a\":1}");
        assert_eq!(signature, EXPECTED);
        assert_ne!(signature, key.sign(1_700_000_001, b"{\"a\":1}"));
        assert_ne!(signature, key.sign(1_700_000_000, b"{\"a\":2}"));
        assert_ne!(signature, SigningKey::new("Secret").unwrap().sign(1_700_000_000, b"{\"a\":1}"));
    }

    #[test]
    fn a_key_is_neither_empty_nor_shown() {
        assert!(SigningKey::new("").is_err());
        assert_eq!(format!("{:?}", SigningKey::new("hunter2").unwrap()), "SigningKey(***)");
    }

    /// Computed with another implementation: `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret`.
    const EXPECTED: &str = "v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686";
}
