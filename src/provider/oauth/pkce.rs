//! What ties a code to the process that asked for it (RFC 7636).

use zeroize::Zeroizing;

use crate::hash::{Sha256, random_id};
use crate::secret::Secret;

/// What ties a code typed here to the page that showed it.
pub struct Verifier(Secret);

impl Verifier {
    /// A new one, which nobody can guess.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new() -> std::io::Result<Self> {
        let text = Zeroizing::new(random_id()? + &random_id()?);
        Ok(Verifier(Secret::new(&text)))
    }

    /// What the page is told of it.
    pub(super) fn challenge(&self) -> String {
        base64url(Sha256::of(self.0.expose().as_bytes()).as_bytes())
    }

    /// Itself, for the exchange.
    pub(super) fn secret(&self) -> &str {
        self.0.expose()
    }
}

/// Base 64 for addresses, without padding (RFC 4648 §5).
pub fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..=chunk.len() {
            let sextet = bits >> (18 - 6 * index) & 63;
            text.push(char::from(ALPHABET[sextet as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        let verifier = Verifier(Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert_eq!(
            verifier.challenge(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        assert_eq!(Verifier::new().unwrap().0.expose().len(), 64);
    }

    #[test]
    fn base_64_has_all_lengths() {
        for (bytes, text) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v")] {
            assert_eq!(base64url(bytes.as_bytes()), text);
        }
    }
}
