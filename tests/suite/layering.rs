//! Imports point down, and only `cli/ui.rs` writes to the terminal.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From the top to the floor. A module may use those below its own layer, and its neighbours.
const LAYERS: [&[&str]; 6] = [
    &["cli", "properties"],
    &[
        "assign",
        "bulk",
        "create",
        "check",
        "delete",
        "download",
        "files",
        "local_backups",
        "parts",
        "pin",
        "protect",
        "prune",
        "receive",
        "remote_set",
        "restore_test",
        "status",
        "sync",
        "target",
        "upload",
        "verify",
        "wanted",
    ],
    &["installation"],
    &[
        "backup_settings",
        "catalog",
        "chain",
        "company",
        "config_file",
        "directories",
        "history",
        "local_set",
        "lock",
        "notes",
        "outage",
        "policies",
        "protected",
        "provider_settings",
        "renewal",
        "set_catalog",
        "settings",
        "source",
        "standalone",
        "state",
        "provider_file",
    ],
    &[
        "archive",
        "backup",
        "retention",
        "sets",
        "sidecar",
        "report",
        "credential",
        "database",
        "json_file",
        "protection",
        "provider",
        "scratch",
        "sections",
        "trial",
    ],
    &[
        "actor",
        "dir",
        "duration",
        "exit",
        "failure",
        "hash",
        "interrupt",
        "json",
        "name",
        "progress",
        "redact",
        "remote_path",
        "secret",
        "staging",
        "text",
    ],
];

pub fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().with_extension("");
            found.push((
                name.to_str().unwrap().to_owned(),
                fs::read_to_string(&path).unwrap(),
            ));
        }
    }
}

/// The code of a file, without its comments and its tests.
pub fn code(text: &str) -> impl Iterator<Item = &str> {
    let code = text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
}

fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|modules| modules.contains(&module))
        .unwrap_or_else(|| panic!("the module {module} has no layer yet: say where it belongs"))
}

/// The modules of ours that a file names.
fn used(text: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for line in code(text) {
        for (position, _) in line.match_indices("crate::") {
            let rest = &line[position + "crate::".len()..];
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            if !name.is_empty() && !line[..position].ends_with('$') {
                used.insert(name);
            }
        }
    }
    used
}

#[test]
fn imports_point_down() {
    for (name, text) in sources() {
        let module = name.split('/').next().unwrap();
        if matches!(module, "lib" | "main") {
            continue;
        }
        for other in used(&text) {
            assert!(
                layer(module) <= layer(&other),
                "{name} uses {other}, which is above it"
            );
        }
    }
}

#[test]
fn providers_know_neither_each_other_nor_the_house() {
    let allowed = [
        "dir",
        "failure",
        "hash",
        "interrupt",
        "json",
        "name",
        "progress",
        "provider",
        "redact",
        "remote_path",
        "secret",
        "staging",
        "text",
    ];
    for (name, text) in sources() {
        let Some(file) = name.strip_prefix("provider/") else {
            continue;
        };
        if matches!(file, "mod" | "registry") {
            continue;
        }
        for other in used(&text) {
            assert!(allowed.contains(&other.as_str()), "{name} uses {other}");
        }
        let own = file.split('/').next().unwrap_or_default();
        for other in ["local", "yandex_disk", "google_drive"]
            .iter()
            .filter(|other| **other != own)
        {
            let knows = |line: &str| {
                ["super", "crate::provider"]
                    .iter()
                    .any(|above| line.contains(&format!("{above}::{other}")))
            };
            assert!(!code(&text).any(knows), "{name} uses {other}");
        }
    }
}

#[test]
fn one_place_writes_to_the_terminal() {
    for (name, text) in sources() {
        for needle in [
            "io::stdout",
            "io::stderr",
            "println!",
            "eprint!",
            "process::exit",
        ] {
            let found = code(&text).any(|line| line.contains(needle));
            // Asking whether there is a terminal is not writing to it.
            let asks_only = name == "actor" && needle == "io::stderr";
            assert!(
                !found || name == "cli/ui" || asks_only,
                "{name} has {needle}"
            );
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for (name, text) in sources() {
        assert!(
            text.starts_with("//! "),
            "{name} does not begin with what it is for"
        );
    }
}
