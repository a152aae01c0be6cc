//! SHA-256: the one digest everything is compared by.
//!
//! MD5 stands in where a provider has computed nothing else: it shows damage on
//! the way, which is all it is asked.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use md5::Digest as _;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A SHA-256 digest; prints as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest of bytes at hand.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        hasher.finish()
    }

    /// The digest of everything a reader gives, and how many bytes that was.
    pub fn of_reader(
        reader: &mut dyn Read,
        step: impl FnMut(u64) -> io::Result<()>,
    ) -> io::Result<(Self, u64)> {
        let mut hasher = Hasher::new();
        let total = hasher.feed(reader, step)?;
        Ok((hasher.finish(), total))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The text has not the hexadecimal digits of a digest.
#[derive(Debug)]
pub struct NotADigest;

impl fmt::Display for NotADigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a SHA-256 digest has 64 hexadecimal digits, an MD5 digest 32")
    }
}

impl std::error::Error for NotADigest {}

impl FromStr for Sha256 {
    type Err = NotADigest;

    /// Reads either case: providers and tools differ.
    fn from_str(text: &str) -> Result<Self, NotADigest> {
        from_hex(text).map(Sha256)
    }
}

fn from_hex<const N: usize>(text: &str) -> Result<[u8; N], NotADigest> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return Err(NotADigest);
    }
    let mut digest = [0; N];
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16).ok_or(NotADigest);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).map_err(|_| NotADigest)?;
    }
    Ok(digest)
}

/// An MD5 digest; prints as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Md5([u8; 16]);

impl Md5 {
    /// The digest of everything a reader gives.
    pub fn of_reader(reader: &mut dyn Read) -> io::Result<Self> {
        let mut hasher = md5::Md5::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(Md5(hasher.finalize().into())),
                Ok(count) => hasher.update(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Display for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Md5 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for Md5 {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        from_hex(text).map(Md5)
    }
}

/// A digest under way.
#[derive(Clone)]
pub struct Hasher(Context);

impl Hasher {
    /// Starts with no bytes.
    pub fn new() -> Self {
        Hasher(Context::new(&SHA256))
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds everything a reader gives; how many bytes that was. `step` sees the
    /// count of each block and may stop it.
    pub fn feed(
        &mut self,
        reader: &mut dyn Read,
        mut step: impl FnMut(u64) -> io::Result<()>,
    ) -> io::Result<u64> {
        let mut buffer = vec![0; 256 * 1024];
        let mut total = 0;
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => return Ok(total),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.update(&buffer[..count]);
            total += count as u64;
            step(count as u64)?;
        }
    }

    /// The digest of all bytes added.
    pub fn finish(self) -> Sha256 {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.0.finish().as_ref());
        Sha256(digest)
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

/// As many random bytes, in hexadecimal, as make a name unique: 128 bits.
pub fn random_id() -> io::Result<String> {
    let bytes: [u8; 16] = ring::rand::generate(&ring::rand::SystemRandom::new())
        .map_err(|_| io::Error::other("the system gives no random numbers"))?
        .expose();
    Ok(Sha256::of(&bytes).to_string()[..32].to_owned())
}

/// A random number from 0 up to 1, so that those who wait do not all come back at once.
#[must_use]
pub fn random() -> f64 {
    let bytes = ring::rand::generate::<[u8; 4]>(&ring::rand::SystemRandom::new());
    bytes.map_or(0.5, |bytes| {
        f64::from(u32::from_le_bytes(bytes.expose())) / (f64::from(u32::MAX) + 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answer_and_round_trip() {
        let digest = Sha256::of(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.to_uppercase().parse::<Sha256>().unwrap(), digest);
        assert!("ba78".parse::<Sha256>().is_err());
        assert!("zz".repeat(32).parse::<Sha256>().is_err());
        assert!("é".repeat(32).parse::<Sha256>().is_err());
    }

    #[test]
    fn a_reader_gives_the_same_digest() {
        let bytes = vec![7; 600_000];
        let (digest, count) = Sha256::of_reader(&mut bytes.as_slice(), |_| Ok(())).unwrap();
        assert_eq!((digest, count), (Sha256::of(&bytes), 600_000));
    }
}
