//! A secret that cannot be printed by accident.

use std::fmt;

use zeroize::Zeroizing;

/// A token, password or key. `Debug` and `Display` redact; there is no
/// `Serialize`; the memory is zeroed on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret, without the blanks around it.
    pub fn new(text: &str) -> Self {
        Secret(Zeroizing::new(text.trim().to_owned()))
    }

    /// The secret itself, for the one place that sends or stores it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_shows_itself() {
        let secret = Secret::new(" y0_token\n");
        assert_eq!(secret.expose(), "y0_token");
        assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
    }
}
