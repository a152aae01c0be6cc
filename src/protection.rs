//! Secrets that are encrypted where they are stored: `X_age`, beside `X`, `X_file`, `X_command`.
//!
//! The format is that of age (`age-encryption.org/v1`), in armor, for one X25519 recipient; `age
//! -d` opens it. `config.json` says for whom secrets are encrypted and where the key is; the key
//! itself is in a file, printed by a command, or handed over by systemd. To write, only the
//! recipient is needed. Where the key is, is looked up when a secret is opened: whoever protects
//! or unprotects meanwhile leaves nothing that a run under way cannot read.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

use age::armor::ArmoredReader;
use age::secrecy::ExposeSecret as _;
use age::x25519::{Identity, Recipient};
use age::{DecryptError, Decryptor};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::credential::{CommandLine, SecretSource};
use crate::dir::{Dir, folder_of};
use crate::failure::{Code, Failure};
use crate::json_file::{Exposure, Object, load, parse_typed};
use crate::provider::ProviderKind;
use crate::secret::Secret;
use crate::staging::settle;
use crate::text::system_reason;

/// What systemd's `LoadCredential=` is to call the key.
const CREDENTIAL: &str = "vertex-backup.key";

/// What a line with a key begins with.
const MARK: &str = "AGE-SECRET-KEY-";

/// A key file is small; a secret is, too.
const MOST_BYTES: u64 = 64 * 1024;

/// How secrets are protected, as `config.json` says it under `protection`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Protection {
    /// Whom secrets are encrypted for.
    pub recipient: String,
    /// Where the key is, where it is a file.
    pub key_file: Option<PathBuf>,
    /// What prints the key.
    pub key_command: Option<CommandLine>,
    /// Whose secrets are protected.
    pub providers: Vec<ProviderKind>,
    /// Those that the application reads, too.
    #[serde(default)]
    pub shared: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InConfig {
    protection: Option<Object<Protection>>,
}

impl Protection {
    /// What `config.json` says at this moment.
    ///
    /// # Errors
    /// `config_invalid` when it cannot be read.
    pub fn in_config(config: &Path) -> Result<Option<Self>, Failure> {
        let Some(loaded) = load(config)? else {
            return Ok(None);
        };
        let found: InConfig = parse_typed(&loaded.text, config)?;
        Ok(found.protection.map(|Object(protection)| protection))
    }

    /// Where the key is.
    pub fn key_place(&self) -> KeyPlace {
        match (&self.key_file, &self.key_command) {
            (Some(path), _) => KeyPlace::File(path.clone()),
            (None, Some(command)) => KeyPlace::Command(command.clone()),
            (None, None) => KeyPlace::Credential,
        }
    }
}

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In a file, as `age-keygen` writes it.
    File(PathBuf),
    /// In the first line of what a command prints.
    Command(CommandLine),
    /// Where systemd puts it.
    Credential,
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyPlace::File(path) => write!(f, "{}", path.display()),
            KeyPlace::Command(command) => write!(f, "the command {}", command.program()),
            KeyPlace::Credential => write!(f, "$CREDENTIALS_DIRECTORY/{CREDENTIAL}"),
        }
    }
}

/// The key to protected secrets.
pub struct Key(Identity);

impl Key {
    /// A new key, and the text of its file.
    pub fn generate() -> (Self, Zeroizing<String>) {
        let identity = Identity::generate();
        let secret = identity.to_string();
        let text = Zeroizing::new(format!(
            "# public key: {}\n{}\n",
            identity.to_public(),
            secret.expose_secret()
        ));
        (Key(identity), text)
    }

    /// Fetches the key from its place.
    ///
    /// # Errors
    /// `key_unusable`, naming the place and why it has none.
    pub fn at(place: &KeyPlace) -> Result<Self, Failure> {
        Self::found(place).or_else(|why| {
            crate::interrupt::check()?;
            Err(not_found(&[why]))
        })
    }

    fn found(place: &KeyPlace) -> Result<Self, String> {
        match place {
            KeyPlace::File(path) => from_file(path),
            KeyPlace::Command(command) => {
                let source = SecretSource::Command(command.clone());
                let line = source.resolve("key_command");
                let line = line.map_err(|failure| failure.to_string())?;
                of_text(line.expose(), "what key_command prints")
            }
            KeyPlace::Credential => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY");
                let folder = folder.ok_or("$CREDENTIALS_DIRECTORY is not set")?;
                from_file(&Path::new(&folder).join(CREDENTIAL))
            }
        }
    }

    /// Whom to encrypt for, so that this key opens it.
    pub fn recipient(&self) -> String {
        self.0.to_public().to_string()
    }
}

/// Writes a new key into a file of its own, for its owner alone.
///
/// # Errors
/// `already_exists` when there is such a file: it may be the key to something.
pub fn generate_key(path: &Path) -> Result<Key, Failure> {
    let (key, text) = Key::generate();
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        let detail = format!("'{}' is no file name", path.display());
        Failure::new(Code::Usage, detail)
    })?;
    let write = || -> std::io::Result<()> {
        use std::io::Write as _;
        let dir = Dir::open(folder_of(path))?;
        let mut file = dir.create_file(name)?;
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| settle(&file, folder_of(path)))
            .and_then(|()| dir.sync());
        if written.is_err() {
            // Half a key opens nothing, and would be in the way of the next try.
            let _ = dir.remove(name);
        }
        written
    };
    match write() {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let detail = format!("'{}' exists, and is not overwritten", path.display());
            let hint = "use it as it is with --key-file, or name another file";
            Err(Failure::new(Code::AlreadyExists, detail).hint(hint))
        }
        Err(error) => {
            let why = system_reason(&error);
            let detail = format!("cannot write '{}': {why}", path.display());
            Err(Failure::new(Code::LocalIo, detail))
        }
    }
}

fn from_file(path: &Path) -> Result<Key, String> {
    static WARNED: Once = Once::new();
    let shown = path.display();
    let unread = |error| format!("cannot read '{shown}': {}", system_reason(&error));
    if !std::fs::metadata(path).map_err(unread)?.is_file() {
        return Err(format!("'{shown}' is not a file"));
    }
    WARNED.call_once(|| {
        let exposure = Exposure::at(path).into_iter();
        for warning in exposure.flat_map(|exposure| exposure.warnings(path, None)) {
            log::warn!("{warning}");
        }
    });
    let mut text = Zeroizing::new(String::new());
    let file = File::open(path).map_err(unread)?;
    file.take(MOST_BYTES)
        .read_to_string(&mut text)
        .map_err(unread)?;
    of_text(&text, &format!("'{shown}'"))
}

fn of_text(text: &str, whose: &str) -> Result<Key, String> {
    let mut lines = text.lines().map(str::trim);
    let line = lines.find(|line| line.starts_with(MARK));
    let line = line.ok_or_else(|| format!("{whose} holds no line with {MARK}…"))?;
    let line = Secret::new(line);
    let identity = line.expose().parse();
    identity
        .map(Key)
        .map_err(|_| format!("{whose} holds a damaged key, or not one of the kind X25519"))
}

fn not_found(why: &[String]) -> Failure {
    let detail = format!(
        "the key to protected secrets was not found: {}",
        why.join("; ")
    );
    Failure::new(Code::KeyUnusable, detail).hint(
        "name its place: vertex-backup providers protect --key-file FILE; systemd hands it over \
         with LoadCredential=vertex-backup.key:FILE",
    )
}

/// A secret as it is stored, encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    text: String,
    /// Which `config.json` says where the key is.
    config: Option<PathBuf>,
}

impl Protected {
    /// What is under `X_age`.
    pub fn new(text: &str) -> Self {
        Protected {
            text: text.to_owned(),
            config: None,
        }
    }

    /// Says which `config.json` says where the key is.
    #[must_use]
    pub fn by_config(self, config: Option<&Path>) -> Self {
        let config = config.map(Path::to_owned);
        Protected { config, ..self }
    }

    /// Opens it with the key that `config.json` tells of, or that systemd hands over.
    ///
    /// # Errors
    /// `key_unusable` when there is no key, it is another, or the text is damaged.
    pub fn open(&self, key: &str) -> Result<Secret, Failure> {
        let config = self.config.as_deref();
        let protection = config.map(Protection::in_config).transpose()?.flatten();
        let told = protection.map(|protection| protection.key_place());
        let usual = Some(KeyPlace::Credential);
        let places = told.iter().chain(usual.iter().filter(|_| told != usual));
        let (mut keys, mut missing) = (Vec::new(), Vec::new());
        for place in places {
            match Key::found(place) {
                Ok(found) => keys.push(found),
                Err(why) => missing.push(why),
            }
        }
        crate::interrupt::check()?;
        if keys.is_empty() {
            return Err(not_found(&missing));
        }
        opened(&self.text, &keys).map_err(|why| unopened(key, &why))
    }

    /// Opens it with a key at hand.
    ///
    /// # Errors
    /// As [`Protected::open`].
    pub fn open_with(&self, key: &str, at_hand: &Key) -> Result<Secret, Failure> {
        opened(&self.text, std::slice::from_ref(at_hand)).map_err(|why| unopened(key, &why))
    }
}

fn unopened(key: &str, why: &Unopened) -> Failure {
    match why {
        Unopened::OtherKey => {
            let detail = format!("{key}_age is protected with another key than the one at hand");
            Failure::new(Code::KeyUnusable, detail)
                .hint("name the key that it was protected with: --key-file FILE")
        }
        Unopened::Damaged => {
            let detail = format!("{key}_age is damaged: it is no text that age has written");
            Failure::new(Code::KeyUnusable, detail)
                .hint("store the secret anew: vertex-backup providers login or set")
        }
    }
}

/// Why a secret does not open.
#[derive(Debug, PartialEq, Eq)]
enum Unopened {
    OtherKey,
    Damaged,
}

fn opened(text: &str, keys: &[Key]) -> Result<Secret, Unopened> {
    let why = |error: DecryptError| match error {
        DecryptError::NoMatchingKeys => Unopened::OtherKey,
        _ => Unopened::Damaged,
    };
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(text.trim().as_bytes()));
    let identities = keys
        .iter()
        .map(|Key(identity)| identity as &dyn age::Identity);
    let reader = decryptor.map_err(why)?.decrypt(identities).map_err(why)?;
    let mut plain = Zeroizing::new(String::new());
    let read = reader.take(MOST_BYTES + 1).read_to_string(&mut plain);
    // What is cut would be written back as if it were all of it.
    match read {
        Ok(count) if count as u64 <= MOST_BYTES => Ok(Secret::new(&plain)),
        _ => Err(Unopened::Damaged),
    }
}

/// Encrypts a secret for a recipient.
///
/// # Errors
/// `key_unusable` when there is no such recipient.
pub fn encrypted(secret: &Secret, recipient: &str) -> Result<String, Failure> {
    let refuse = |why: &str| {
        let detail = format!("protection.recipient in config.json {why}");
        Failure::new(Code::KeyUnusable, detail)
    };
    let recipient: Recipient = recipient
        .parse()
        .map_err(|_| refuse("is no recipient of age"))?;
    age::encrypt_and_armor(&recipient, secret.expose().as_bytes())
        .map_err(|_| refuse("takes no secret"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s6_what_is_encrypted_opens_with_its_key_alone() {
        let (key, text) = Key::generate();
        let read = of_text(&text, "it").unwrap();
        assert_eq!(read.recipient(), key.recipient());
        let other = Key::generate().0;
        let secret = Secret::new("1//0g-canary-of-protection");
        let stored = encrypted(&secret, &key.recipient()).unwrap();
        assert!(stored.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
        assert_ne!(encrypted(&secret, &key.recipient()).unwrap(), stored);
        let [other, key] = [other, key].map(|key| [key]);
        assert_eq!(opened(&stored, &key).unwrap(), secret);
        assert_eq!(opened(&stored, &other), Err(Unopened::OtherKey));
        let cut = &stored[..stored.len() / 2];
        for damaged in ["", "x", cut, &stored.replacen('A', "B", 20)] {
            assert_eq!(opened(damaged, &key), Err(Unopened::Damaged), "{damaged}");
        }
        assert!(encrypted(&secret, "age1nobody").is_err());
    }

    #[test]
    fn a_text_without_a_key_says_so_and_no_more() {
        let refused = |text| of_text(text, "it").map(|_| ()).unwrap_err();
        assert_eq!(refused("SECRET"), "it holds no line with AGE-SECRET-KEY-…");
        let damaged = refused("# x\n AGE-SECRET-KEY-1DAMAGED\n");
        assert!(damaged.starts_with("it holds a damaged key"), "{damaged}");
    }
}
