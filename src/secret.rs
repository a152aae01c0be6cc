//! A secret that cannot be printed by accident.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::redact::{Lasting, enter};

/// A token, password or key. `Debug` and `Display` redact; there is no
/// `Serialize`; the memory is zeroed on drop. While the process runs, whatever
/// it prints or stores is without it: see [`crate::redact`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret, without the blanks around it.
    pub fn new(text: &str) -> Self {
        let secret = Secret(Zeroizing::new(text.trim().to_owned()));
        enter(&secret.0, Lasting::Always);
        secret
    }

    /// Takes the address of a transfer: whoever knows it can read or write there.
    pub fn address(text: &str) -> Self {
        let secret = Secret(Zeroizing::new(text.to_owned()));
        enter(&secret.0, Lasting::Passing);
        secret
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

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Ok(Secret::new(&text))
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[test]
    fn never_shows_itself() {
        let secret = Secret::new(" y0_token\n");
        assert_eq!(secret.expose(), "y0_token");
        assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
    }

    /// Of a type that can be serialized there are two of these, and nobody knows which is meant.
    trait NotSerializable<Marker> {
        fn holds() {}
    }

    struct Otherwise;

    impl<T> NotSerializable<()> for T {}
    impl<T: Serialize> NotSerializable<Otherwise> for T {}

    #[test]
    fn s5_nobody_can_serialize_it() {
        // This does not compile any more once `Secret` can be serialized.
        <Secret as NotSerializable<_>>::holds();
    }

    #[test]
    fn s5_its_memory_is_zeroed() {
        // This does not compile any more once it is kept in something that is not.
        fn is_zeroed_on_drop(_: &impl zeroize::ZeroizeOnDrop) {}
        is_zeroed_on_drop(&Secret::new("memory").0);
    }
}
