//! Bytes with their hashes, and the alphabet that tokens are written in.

use std::sync::Arc;

use md5::{Digest as _, Md5};
use vertex_backup::hash::Sha256;

/// The bytes of a file and their hashes.
#[derive(Clone)]
pub struct Content {
    pub bytes: Arc<[u8]>,
    pub md5: String,
    pub sha256: String,
}

impl Content {
    pub fn new(bytes: &[u8]) -> Self {
        let md5: [u8; 16] = Md5::digest(bytes).into();
        Content {
            bytes: bytes.into(),
            md5: format!("{:032x}", u128::from_be_bytes(md5)),
            sha256: Sha256::of(bytes).to_string(),
        }
    }

    /// A bit of the bytes flipped; the hashes are those of what is stored now.
    pub fn corrupted(&self) -> Self {
        let mut bytes = self.bytes.to_vec();
        bytes[0] ^= 1;
        Content::new(&bytes)
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base64 for addresses, without padding.
pub fn base64url(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut three = [0; 3];
        three[..group.len()].copy_from_slice(group);
        let [high, middle, low] = three.map(usize::from);
        let bits = high << 16 | middle << 8 | low;
        for digit in 0..=group.len() {
            text.push(char::from(ALPHABET[bits >> (18 - 6 * digit) & 63]));
        }
    }
    text
}

/// The challenge that belongs to a verifier (RFC 7636, S256).
pub fn challenge_of(verifier: &str) -> String {
    base64url(ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes()).as_ref())
}

/// The bytes of base64 in either alphabet; padding and line breaks are passed over.
pub fn unbase64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_usize, 0);
    for character in text.bytes() {
        let digit = match character {
            b'=' | b'\n' | b'\r' => continue,
            b'+' => 62,
            b'/' => 63,
            other => ALPHABET.iter().position(|known| *known == other)?,
        };
        (bits, count) = (bits << 6 | digit, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}
