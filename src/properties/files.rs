//! Files that the application, an operator or a cloud has: sidecars, settings, keys.

use std::path::Path;

use super::text;
use crate::config_file::ConfigFile;
use crate::failure::Failure;
use crate::json_file::parse_typed;
use crate::provider::google_drive::service_account::{Key, KeyFile};
use crate::sections::Sections;
use crate::sidecar::{Facts, Manifest, Sidecar, relocated, relocated_manifest, says_the_same};

/// Where a relocated backup lies.
const PLACE: &str = "/srv/backups/database/x.db";

/// A sidecar: what it names is a name, and what is remembered of it is what it said.
pub fn sidecar(bytes: &[u8]) {
    if let Some(facts) = Facts::parse(bytes) {
        for sidecar in sidecars(&facts) {
            assert_names(sidecar);
        }
        let written = serde_json::to_vec(&facts).unwrap_or_default();
        let again: Option<Facts> = serde_json::from_slice(&written).ok();
        assert_eq!(again, Some(facts));
    }
    assert!(says_the_same(bytes, bytes));
    if let Some(moved) = relocated(bytes, PLACE) {
        if let Some(Facts::Sidecar(found)) = Facts::parse(&moved) {
            assert_eq!(found.of_file.as_deref(), Some("x.db"));
            assert!(!found.is_split());
        }
        assert_eq!(relocated(&moved, PLACE).as_ref(), Some(&moved));
        assert!(says_the_same(&moved, bytes) || is_changed_by_moving(bytes));
    }
}

/// Moving a backup in parts says that it is in one piece.
fn is_changed_by_moving(bytes: &[u8]) -> bool {
    let before = crate::json::tree(bytes);
    ["split_files", "split", "chunk_size_mb"]
        .iter()
        .any(|key| before.as_ref().is_some_and(|map| map.get(key).is_some()))
}

/// A manifest: as [`sidecar`], for both halves of a full backup.
pub fn manifest(bytes: &[u8]) {
    if let Some(Facts::Manifest(Manifest { database, storage })) = Facts::parse(bytes) {
        for half in [&database, &storage].into_iter().flatten() {
            assert_names(half);
        }
        let places = [("database", PLACE), ("storage", "/srv/backups/y.tar.gz")];
        let halves = places.map(|(half, place)| (half, place.to_owned()));
        if let Some(moved) = relocated_manifest(bytes, &halves) {
            let Some(Facts::Manifest(found)) = Facts::parse(&moved) else {
                panic!("it is no manifest any more")
            };
            // A half stays one; what kept another from being one may have gone on the way.
            assert!(found.database.is_some() || database.is_none());
            assert!(found.storage.is_some() || storage.is_none());
        }
    }
    sidecar(bytes);
}

fn sidecars(facts: &Facts) -> Vec<&Sidecar> {
    match facts {
        Facts::Sidecar(sidecar) => vec![sidecar],
        Facts::Manifest(manifest) => {
            let halves = [&manifest.database, &manifest.storage];
            halves.into_iter().flatten().collect()
        }
    }
}

/// What a sidecar is of is the last name of a path, and never a folder.
fn assert_names(sidecar: &Sidecar) {
    for name in sidecar.of_file.iter().chain(&sidecar.tells_of()) {
        assert!(!name.contains('/') && !matches!(name.as_str(), "" | "." | ".."));
    }
}

/// The provider file: an error names the file and no value, and all of it is read or none.
pub fn provider_file(bytes: &[u8]) {
    let (text, file) = (text(bytes), Path::new("remote_storage.json"));
    match Sections::parse(&text, file) {
        Ok(sections) => {
            let twice = sections.clone().overlaid(sections.clone());
            assert_eq!(twice.yandex_disk, sections.yandex_disk);
            assert_eq!(twice.google_drive, sections.google_drive);
            for kind in crate::provider::ProviderKind::ALL {
                sections.is_configured(kind);
            }
        }
        Err(failure) => assert_tells_no_value(&failure, &text),
    }
}

/// `config.json`, with all its keys.
pub fn config_file(bytes: &[u8]) {
    let (text, file) = (text(bytes), Path::new("config.json"));
    match ConfigFile::parse(&text, file) {
        Ok(config) => {
            let of_it = |warning: &String| warning.starts_with("config.json: ");
            assert!(config.warnings.iter().all(of_it));
        }
        Err(failure) => assert_tells_no_value(&failure, &text),
    }
}

/// The key of a service account, and the file of an OAuth client.
pub fn key_file(bytes: &[u8]) {
    let (text, file) = (text(bytes), Path::new("key.json"));
    match parse_typed::<KeyFile>(&text, file) {
        Ok(keys) => {
            if let Err(why) = Key::new(keys) {
                assert!(why.len() < 200, "{why}");
            }
        }
        Err(failure) => assert_tells_no_value(&failure, &text),
    }
}

/// What all secrets of the seeds have in them.
const SECRET: &str = "SECRETSECRET";

/// An error of a file with secrets in it holds its name, its place and its key, and nothing
/// of what stands between quotes and is no key.
fn assert_tells_no_value(failure: &Failure, text: &str) {
    let told = failure.to_string();
    if text.contains('\\') {
        // Quotes may be something else then.
        return;
    }
    let pieces: Vec<&str> = text.split('"').collect();
    let mut quoted = pieces.windows(2).skip(1).step_by(2);
    // What no comma and no bracket follows may be taken for a key, and keys are told.
    let is_key = |words: &[&str]| {
        words[0].contains(SECRET) && !words[1].trim_start().starts_with([',', '}', ']'])
    };
    assert!(quoted.any(is_key) || !told.contains(SECRET), "{told}");
}
