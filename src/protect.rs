//! Protecting the secrets that are stored, and taking that back.
//!
//! `config.json` comes first when secrets are protected, and last when they are not any more: it
//! says where the key is. So whenever this is broken off, each secret can be read, in the one
//! form or the other; the same command again finishes it.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::credential::CommandLine;
use crate::failure::{Code, Failure, fail};
use crate::history::{Intent, Outcome, Verdict};
use crate::lock::Lock;
use crate::protected::{self, Done, Readers};
use crate::protection::{Key, KeyPlace, Protected, Protection, generate_key};
use crate::provider::ProviderKind;
use crate::provider_file::{Mode, edit};
use crate::provider_settings::{ProviderSettings, object};
use crate::secret::Secret;

/// The key as an option gives it.
pub enum GivenKey {
    /// It is there.
    File(PathBuf),
    /// It is printed, by this command.
    Command(String),
    /// It is to be made.
    New(PathBuf),
}

/// What became of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// In a few words.
    pub message: String,
    /// The secrets that have another form now.
    pub changed: Vec<String>,
    /// Those that the application reads, and that stay as they are for it.
    pub left: Vec<String>,
    /// Whom secrets are encrypted for from now on.
    pub recipient: Option<String>,
    /// The provider file.
    pub file: String,
    /// The `config.json` that says where the key is.
    pub config: String,
    /// Where the key is.
    pub key: Option<String>,
}

/// Encrypts the secrets of these providers, now and whenever they are written.
///
/// # Errors
/// `key_unusable`, `already_exists` for a key, `locked`, `local_io`; what is protected with
/// another key.
pub fn protect(
    settings: &ProviderSettings,
    kinds: &[ProviderKind],
    given: Option<&GivenKey>,
    shared: bool,
) -> anyhow::Result<Report> {
    const OPERATION: &str = "providers protect";
    let lock = settings.lock(OPERATION, settings.lock_wait)?;
    recorded(settings, &lock, (OPERATION, kinds), || {
        let before = Protection::in_config(&settings.config)?;
        let (place, key) = key_of(given, before.as_ref())?;
        let recipient = key.recipient();
        if before
            .as_ref()
            .is_some_and(|before| before.recipient != recipient)
        {
            fail!(
                Code::KeyUnusable,
                "the secrets are protected with another key than the one named; to change it: \
                 vertex-backup providers unprotect, then protect"
            );
        }
        let shared = shared || before.as_ref().is_some_and(|before| before.shared);
        let protected = before.map(|before| before.providers).unwrap_or_default();
        let is_one = |kind: &ProviderKind| kinds.contains(kind) || protected.contains(kind);
        let all: Vec<_> = ProviderKind::ALL.into_iter().filter(is_one).collect();
        let encrypt = |whole: &mut _, readers| {
            let whose = (&all[..], shared);
            protected::protect(whole, readers, whose, &recipient, Some(&key))
        };
        let named = written(given)?;
        let mut is_new = false;
        let mut done = edit(&settings.config, Mode::AsBefore, |whole| {
            is_new = enter(whole, named.as_ref(), &recipient, (&all, shared));
            encrypt(whole, Readers::Us)
        })?;
        done.add(edit(&settings.file, Mode::Private, |whole| {
            encrypt(whole, Readers::All)
        })?);
        let message = match done.changed.len() {
            0 if is_new => "Secrets are protected from now on".to_owned(),
            0 => "All is protected as it was".to_owned(),
            1 => "1 secret protected".to_owned(),
            count => format!("{count} secrets protected"),
        };
        let verdict = verdict(is_new || !done.changed.is_empty());
        let report = report(settings, message, done, Some((recipient.clone(), &place)));
        Ok((verdict, report))
    })
}

/// Writes the secrets of these providers in the plain again, now and from now on.
///
/// # Errors
/// As [`protect`].
pub fn unprotect(
    settings: &ProviderSettings,
    kinds: &[ProviderKind],
    given: Option<&GivenKey>,
) -> anyhow::Result<Report> {
    const OPERATION: &str = "providers unprotect";
    let lock = settings.lock(OPERATION, settings.lock_wait)?;
    recorded(settings, &lock, (OPERATION, kinds), || {
        let given = match given {
            Some(given) => Some(Key::at(&place_of(given)?)?),
            None => None,
        };
        let open = |name: &str, secret: &Protected| -> Result<Secret, Failure> {
            match &given {
                Some(key) => secret.open_with(name, key),
                None => secret.clone().by_config(Some(&settings.config)).open(name),
            }
        };
        let mut is_left = false;
        let mut done = edit(&settings.file, Mode::Private, |whole| {
            let done = protected::unprotect(whole, kinds, open)?;
            is_left = protected::is_any_protected(whole, &ProviderKind::ALL);
            Ok(done)
        })?;
        let mut is_over = false;
        done.add(edit(&settings.config, Mode::AsBefore, |whole| {
            let done = protected::unprotect(whole, kinds, open)?;
            is_left |= protected::is_any_protected(whole, &ProviderKind::ALL);
            is_over = give_up(whole, kinds, is_left);
            Ok(done)
        })?);
        let message = match done.changed.len() {
            0 if is_over => "Secrets are not protected any more".to_owned(),
            0 => "Nothing is protected".to_owned(),
            1 => "1 secret is in the plain again".to_owned(),
            count => format!("{count} secrets are in the plain again"),
        };
        let verdict = verdict(is_over || !done.changed.is_empty());
        Ok((verdict, report(settings, message, done, None)))
    })
}

/// Does something to the secrets that are stored, with its row in the history.
fn recorded(
    settings: &ProviderSettings,
    lock: &Lock,
    (operation, kinds): (&'static str, &[ProviderKind]),
    work: impl FnOnce() -> anyhow::Result<(Verdict, Report)>,
) -> anyhow::Result<Report> {
    let intent = Intent {
        operation: operation.into(),
        provider: match kinds {
            [kind] => Some(kind.name().into()),
            _ => None,
        },
        target: Some(settings.file.display().to_string()),
        ..Intent::default()
    };
    settings.history()?.recorded(intent, Some(lock), |_| {
        let (verdict, report) = work()?;
        let outcome = Outcome::done(verdict, report.message.clone(), 0);
        Ok((report, outcome))
    })
}

fn verdict(is_changed: bool) -> Verdict {
    if is_changed {
        Verdict::Ok
    } else {
        Verdict::Skipped
    }
}

fn report(
    settings: &ProviderSettings,
    message: String,
    done: Done,
    key: Option<(String, &KeyPlace)>,
) -> Report {
    let (recipient, place) = key.unzip();
    Report {
        message,
        changed: done.changed,
        left: done.left,
        recipient,
        file: settings.file.display().to_string(),
        config: settings.config.display().to_string(),
        key: place.map(ToString::to_string),
    }
}

/// The key to be used, and where it is found from now on.
fn key_of(
    given: Option<&GivenKey>,
    before: Option<&Protection>,
) -> anyhow::Result<(KeyPlace, Key)> {
    if let Some(GivenKey::New(path)) = given {
        if before.is_some() {
            fail!(
                Code::KeyUnusable,
                "the secrets are protected with a key already; for a new one: vertex-backup \
                 providers unprotect, then protect"
            );
        }
        let path = absolute(path)?;
        return Ok((KeyPlace::File(path.clone()), generate_key(&path)?));
    }
    let place = match (given, before) {
        (Some(given), _) => place_of(given)?,
        (None, Some(before)) => before.key_place(),
        (None, None) => KeyPlace::Credential,
    };
    let key = Key::at(&place).or_else(|failure| match given {
        // What was remembered may not be there where systemd hands it over.
        None => Key::at(&KeyPlace::Credential).map_err(|_| failure),
        Some(_) => Err(failure),
    })?;
    Ok((place, key))
}

fn place_of(given: &GivenKey) -> Result<KeyPlace, Failure> {
    match given {
        GivenKey::File(path) | GivenKey::New(path) => Ok(KeyPlace::File(absolute(path)?)),
        GivenKey::Command(text) => {
            CommandLine::parse(text)
                .map(KeyPlace::Command)
                .ok_or_else(|| {
                    let detail = "--key-command is not a command: check its quotes";
                    Failure::new(Code::Usage, detail)
                })
        }
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let path = std::path::absolute(path);
    let path = path.ok().filter(|path| path.to_str().is_some());
    path.ok_or_else(|| Failure::new(Code::Usage, "the name of the key file is not UTF-8"))
}

/// What `config.json` is to say of the key.
fn written(given: Option<&GivenKey>) -> Result<Option<(&'static str, Value)>, Failure> {
    Ok(match given {
        Some(GivenKey::File(path) | GivenKey::New(path)) => {
            Some(("key_file", absolute(path)?.to_str().into()))
        }
        Some(GivenKey::Command(text)) => Some(("key_command", text.as_str().into())),
        None => None,
    })
}

/// Says in `config.json` how secrets are protected; whether that is news. A place of the key
/// that is not named anew stays as it was written.
fn enter(
    whole: &mut Map<String, Value>,
    key: Option<&(&'static str, Value)>,
    recipient: &str,
    (kinds, shared): (&[ProviderKind], bool),
) -> bool {
    let before = whole.get("protection").cloned();
    let entry = object(whole, "protection");
    entry.insert("recipient".into(), recipient.into());
    if let Some((name, value)) = key {
        entry.shift_remove("key_file");
        entry.shift_remove("key_command");
        entry.insert((*name).to_owned(), value.clone());
    }
    entry.insert("providers".into(), json!(kinds));
    entry.insert("shared".into(), shared.into());
    whole.get("protection") != before.as_ref()
}

/// Takes these providers out of what is protected; whether that ends it.
fn give_up(whole: &mut Map<String, Value>, kinds: &[ProviderKind], is_left: bool) -> bool {
    let Some(entry) = whole.get_mut("protection") else {
        return false;
    };
    let is_other = |name: &Value| !kinds.iter().any(|kind| name == kind.name());
    let named = entry.get_mut("providers").and_then(Value::as_array_mut);
    let is_empty = named.is_none_or(|named| {
        named.retain(is_other);
        named.is_empty()
    });
    if is_empty && !is_left {
        whole.shift_remove("protection");
    }
    is_empty
}
