//! Which of the secrets in a file are protected, and making them so, or not.
//!
//! The application reads two of the keys in the provider file itself, and knows no other form of
//! them. In `config.json`, which it never reads, there are no such keys.

use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::protection::{Key, Protected, encrypted};
use crate::provider::ProviderKind;
use crate::secret::Secret;

/// A key under which there may be a secret.
pub struct SecretKey {
    /// Whose it is.
    pub kind: ProviderKind,
    name: &'static str,
    /// Whether the application reads it, too.
    is_shared: bool,
}

const fn key(kind: ProviderKind, name: &'static str, is_shared: bool) -> SecretKey {
    SecretKey {
        kind,
        name,
        is_shared,
    }
}

/// All that are written down, by us or for us.
const KEYS: [SecretKey; 6] = [
    key(ProviderKind::YandexDisk, "oauth_token", true),
    key(ProviderKind::YandexDisk, "refresh_token", false),
    key(ProviderKind::YandexDisk, "client_secret", false),
    key(ProviderKind::GoogleDrive, "access_token", true),
    key(ProviderKind::GoogleDrive, "refresh_token", false),
    key(ProviderKind::GoogleDrive, "client_secret", false),
];

/// Whose file it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Ours alone: `config.json`.
    Us,
    /// The application reads it, too: the provider file.
    All,
}

impl SecretKey {
    /// As it is called in words.
    pub fn path(&self) -> String {
        match self.kind {
            ProviderKind::GoogleDrive => format!("{}.credentials.{}", self.kind, self.name),
            _ => format!("{}.{}", self.kind, self.name),
        }
    }

    fn section<'f>(&self, whole: &'f mut Map<String, Value>) -> Option<&'f mut Map<String, Value>> {
        let section = whole.get_mut(self.kind.name())?.as_object_mut()?;
        match self.kind {
            ProviderKind::GoogleDrive => section.get_mut("credentials")?.as_object_mut(),
            _ => Some(section),
        }
    }

    fn plain(&self, section: &Map<String, Value>) -> Option<Secret> {
        let text = section.get(self.name)?.as_str()?;
        // The example file has a text in its place that is none.
        (!text.trim().is_empty() && !text.starts_with("YOUR_")).then(|| Secret::new(text))
    }
}

/// What was done to the secrets of a file.
#[derive(Default)]
pub struct Done {
    /// Those that have another form now.
    pub changed: Vec<String>,
    /// Those that stay readable, for the application.
    pub left: Vec<String>,
}

impl Done {
    /// Adds what was done to another file.
    pub fn add(&mut self, other: Done) {
        self.changed.extend(other.changed);
        self.left.extend(other.left);
    }
}

/// Whether some secrets are protected and others are in the plain.
pub fn is_mixed(whole: &mut Map<String, Value>) -> bool {
    let (mut protected, mut plain) = (false, false);
    for key in &KEYS {
        if let Some(section) = key.section(whole) {
            protected |= section.contains_key(&format!("{}_age", key.name));
            plain |= key.plain(section).is_some();
        }
    }
    protected && plain
}

/// Encrypts what is written in the plain of these providers; of what the application reads, only
/// where `shared` says so. Each is opened again before it counts, where there is a key.
///
/// # Errors
/// `key_unusable`; then nothing of it is to be written.
pub fn protect(
    whole: &mut Map<String, Value>,
    readers: Readers,
    (kinds, shared): (&[ProviderKind], bool),
    recipient: &str,
    at_hand: Option<&Key>,
) -> Result<Done, Failure> {
    let mut done = Done::default();
    for key in KEYS.iter().filter(|key| kinds.contains(&key.kind)) {
        let Some(section) = key.section(whole) else {
            continue;
        };
        let Some(secret) = key.plain(section) else {
            continue;
        };
        if key.is_shared && readers == Readers::All && !shared {
            done.left.push(key.path());
            continue;
        }
        let text = encrypted(&secret, recipient)?;
        if let Some(at_hand) = at_hand {
            Protected::new(&text).open_with(key.name, at_hand)?;
        }
        replace(section, key.name, &format!("{}_age", key.name), text);
        done.changed.push(key.path());
    }
    Ok(done)
}

/// Writes in the plain again what is protected of these providers.
///
/// # Errors
/// What `open` fails with; then nothing of it is to be written.
pub fn unprotect(
    whole: &mut Map<String, Value>,
    kinds: &[ProviderKind],
    open: impl Fn(&str, &Protected) -> Result<Secret, Failure>,
) -> Result<Done, Failure> {
    let mut done = Done::default();
    for key in KEYS.iter().filter(|key| kinds.contains(&key.kind)) {
        let Some(section) = key.section(whole) else {
            continue;
        };
        let name = format!("{}_age", key.name);
        let Some(text) = section.get(&name).and_then(Value::as_str) else {
            continue;
        };
        let secret = open(key.name, &Protected::new(text))?;
        replace(section, &name, key.name, secret.expose().to_owned());
        done.changed.push(key.path());
    }
    Ok(done)
}

/// Whether anything of these providers is protected in a file.
pub fn is_any_protected(whole: &mut Map<String, Value>, kinds: &[ProviderKind]) -> bool {
    let mut keys = KEYS.iter().filter(|key| kinds.contains(&key.kind));
    keys.any(|key| {
        let section = key.section(whole);
        section.is_some_and(|section| section.contains_key(&format!("{}_age", key.name)))
    })
}

/// Puts another key in the place of one; all others keep theirs.
fn replace(section: &mut Map<String, Value>, old: &str, new: &str, text: String) {
    let mut text = Some(Value::String(text));
    for (key, value) in std::mem::take(section) {
        if key == old {
            section.insert(new.to_owned(), text.take().unwrap_or_default());
        } else {
            section.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn s6_a_file_is_the_same_after_both_ways() {
        let before = json!({
            "other": 1,
            "yandex_disk": {
                "enabled": true, "oauth_token": "plain-for-the-application", "unknown": null,
                "refresh_token": "refresh-for-us", "client_secret": "", "client_id": "c",
            },
            "google_drive": {"credentials": {
                "access_token": "YOUR_TOKEN", "client_secret": "their-client-secret", "folder_id": "f",
                "refresh_token_file": "/r",
            }},
        });
        let Value::Object(mut whole) = before.clone() else {
            unreachable!()
        };
        let key = Key::generate().0;
        let both = &ProviderKind::ALL[..];
        let recipient = key.recipient();
        let done = protect(
            &mut whole,
            Readers::All,
            (both, false),
            &recipient,
            Some(&key),
        );
        let done = done.unwrap();
        let changed = [
            "yandex_disk.refresh_token",
            "google_drive.credentials.client_secret",
        ];
        assert_eq!(done.changed, changed);
        assert_eq!(done.left, ["yandex_disk.oauth_token"]);
        let text = Value::Object(whole.clone()).to_string();
        assert!(text.contains("plain-for-the-application"));
        assert!(!text.contains("refresh-for-us") && !text.contains("their-client-secret"));
        let names: Vec<_> = whole["yandex_disk"].as_object().unwrap().keys().collect();
        let expected = [
            "enabled",
            "oauth_token",
            "unknown",
            "refresh_token_age",
            "client_secret",
            "client_id",
        ];
        assert_eq!(names, expected);
        // Once more changes nothing, but for what the application reads, when it is asked for.
        let done = protect(
            &mut whole,
            Readers::All,
            (both, false),
            &recipient,
            Some(&key),
        );
        assert!(done.unwrap().changed.is_empty());
        let done = protect(&mut whole, Readers::All, (both, true), &recipient, None);
        assert_eq!(done.unwrap().changed, ["yandex_disk.oauth_token"]);

        let other = Key::generate().0;
        let open = |name: &str, protected: &Protected| protected.open_with(name, &other);
        assert!(unprotect(&mut whole.clone(), both, open).is_err());
        assert!(is_any_protected(&mut whole, both));
        let open = |name: &str, protected: &Protected| protected.open_with(name, &key);
        let done = unprotect(&mut whole, both, open).unwrap();
        assert_eq!(done.changed.len(), 3);
        assert_eq!(Value::Object(whole.clone()).to_string(), before.to_string());
        assert!(!is_any_protected(&mut whole, both));
        // What the application never reads is not left for it.
        let done = protect(&mut whole, Readers::Us, (both, false), &recipient, None);
        assert_eq!(done.unwrap().left, [""; 0]);
    }
}
