//! The address of an upload session, as it may be stored.
//!
//! Whoever knows such an address can write there for a week, without any token. So what leaves
//! the provider is encrypted, under a key that only the credential of the login gives, and tied
//! to the one upload that it belongs to. What cannot be opened again, because somebody logged in
//! anew, or because the row is damaged or of another upload, is no address: the upload is then
//! begun anew.

use std::fmt::Write as _;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;
use zeroize::Zeroizing;

use crate::provider::Session;
use crate::secret::Secret;

/// What the key is for: the same credential gives other keys for other things.
const PURPOSE: &[u8] = b"vertex-backup 1: address of an upload session";

/// What a sealed address begins with.
const FORM: &str = "sealed:1:";

/// Seals an address for a session; `None` when the system gives no random numbers.
pub(super) fn seal(root: &Secret, session: &Session, address: &Secret) -> Option<String> {
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).ok()?;
    let mut text = Zeroizing::new(address.expose().as_bytes().to_vec());
    let tag = key(root)?.seal_in_place_separate_tag(
        Nonce::assume_unique_for_key(nonce),
        belonging(session),
        &mut text,
    );
    let tag = tag.ok()?;
    let mut sealed = FORM.to_owned();
    for byte in nonce.iter().chain(&*text).chain(tag.as_ref()) {
        // Writing to a String cannot fail.
        let _ = write!(sealed, "{byte:02x}");
    }
    Some(sealed)
}

/// Opens what was sealed for a session with one of these credentials.
pub(super) fn open(roots: &[Secret], session: &Session) -> Option<Secret> {
    let digits = session.address.as_deref()?.strip_prefix(FORM)?;
    let sealed = bytes(digits)?;
    let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
    roots.iter().find_map(|root| {
        let mut text = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let key = key(root)?;
        let opened = key.open_in_place(nonce, belonging(session), &mut text);
        let address = str::from_utf8(opened.ok()?).ok()?;
        Some(Secret::address(address))
    })
}

fn key(root: &Secret) -> Option<LessSafeKey> {
    let root = Salt::new(HKDF_SHA256, b"").extract(root.expose().as_bytes());
    let purpose = [PURPOSE];
    let material = root.expand(&purpose, &CHACHA20_POLY1305).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(material)))
}

/// What an address belongs to; the nonce is new for each.
fn belonging(session: &Session) -> Aad<Vec<u8>> {
    let id = session.operation.as_deref();
    let upload = json!([session.handle, id, session.name, session.size]);
    Aad::from(upload.to_string().into_bytes())
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let pairs = digits.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| {
        let [high, low] = pair else { return None };
        u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(handle: &str) -> Session {
        Session {
            name: "db_backup.db".to_owned(),
            size: 7,
            handle: handle.to_owned(),
            operation: Some("id".to_owned()),
            address: None,
        }
    }

    #[test]
    fn s1_an_address_opens_for_its_login_and_its_upload_alone() {
        let [ours, theirs] = ["refresh-token-1", "refresh-token-2"].map(Secret::new);
        let address = Secret::address("https://host.test/upload?upload_id=ADPy");
        let mut stored = session("a");
        let sealed = seal(&ours, &stored, &address).unwrap();
        assert!(!sealed.contains("host.test") && sealed.is_ascii());
        assert_ne!(seal(&ours, &stored, &address).unwrap(), sealed);
        stored.address = Some(sealed.clone());
        let opened = open(&[theirs.clone(), ours.clone()], &stored).unwrap();
        assert_eq!(opened, address);
        assert!(open(&[theirs], &stored).is_none());

        let mut other = session("b");
        other.address = Some(sealed.clone());
        assert!(open(std::slice::from_ref(&ours), &other).is_none());
        let last = if sealed.ends_with('0') { "1" } else { "0" };
        let damaged = format!("{}{last}", &sealed[..sealed.len() - 1]);
        for wrong in [
            &damaged,
            &sealed[..sealed.len() - 2],
            &sealed[..sealed.len() - 1],
            FORM,
            "sealed:1:é",
            // As an earlier version stored it.
            "https://host.test/upload?upload_id=ADPy",
        ] {
            stored.address = Some(wrong.to_owned());
            assert!(
                open(std::slice::from_ref(&ours), &stored).is_none(),
                "{wrong}"
            );
        }
    }
}
