//! Completion scripts and manual pages are checked in; they must be what the
//! command line makes of itself. `VERTEX_BACKUP_REGENERATE=1 cargo test generated` rewrites them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Sandbox, has_tool};

fn checked_in(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

fn read_folder(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            (
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}

fn compare(folder: &str, made: &BTreeMap<String, String>) {
    let folder = checked_in(folder);
    if std::env::var_os("VERTEX_BACKUP_REGENERATE").is_some() {
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        for (name, text) in made {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    let there = read_folder(&folder);
    assert_eq!(
        there.keys().collect::<Vec<_>>(),
        made.keys().collect::<Vec<_>>(),
        "files in {}",
        folder.display()
    );
    for (name, text) in made {
        assert!(
            there[name] == *text,
            "{name} is stale: VERTEX_BACKUP_REGENERATE=1 cargo test generated"
        );
    }
}

#[test]
fn completions_are_up_to_date() {
    let sandbox = Sandbox::empty();
    let names = [
        ("bash", "vertex-backup.bash"),
        ("zsh", "_vertex-backup"),
        ("fish", "vertex-backup.fish"),
        ("powershell", "_vertex-backup.ps1"),
    ];
    let script = |shell| {
        sandbox
            .run(["completions", shell])
            .code(0)
            .stderr("")
            .stdout
    };
    compare(
        "completions",
        &names
            .iter()
            .map(|(shell, name)| ((*name).to_owned(), script(*shell)))
            .collect(),
    );
}

#[test]
fn manual_pages_are_up_to_date() {
    let sandbox = Sandbox::empty();
    sandbox.run(["man", "--out-dir", "pages"]).code(0);
    let pages = read_folder(&sandbox.file("pages"));
    assert!(pages["vertex-backup.1"].contains("Exit codes"));
    assert_eq!(
        sandbox.run(["man"]).code(0).stdout,
        pages["vertex-backup.1"]
    );
    compare("man", &pages);
}

#[test]
fn shells_take_their_scripts() {
    let script = |name: &str| checked_in("completions").join(name);
    for (shell, name) in [
        ("bash", "vertex-backup.bash"),
        ("zsh", "_vertex-backup"),
        ("fish", "vertex-backup.fish"),
    ] {
        if has_tool(shell) {
            let status = std::process::Command::new(shell)
                .arg("-n")
                .arg(script(name))
                .status()
                .unwrap();
            assert!(status.success(), "{shell} cannot read {name}");
        }
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    let sandbox = Sandbox::empty();
    for page in read_folder(&checked_in("man")).keys() {
        // The one command with a hyphen of its own.
        let page = page
            .trim_end_matches(".1")
            .trim_start_matches("vertex-backup");
        let page = page.replace("restore-test", "restore\u{0}test");
        let words = page.split('-').filter(|word| !word.is_empty());
        let mut words: Vec<_> = words.map(|word| word.replace('\0', "-")).collect();
        words.push("--help".into());
        let help = sandbox.run(&words).code(0).stderr("").stdout;
        // A group of commands shows those; each of them has its examples.
        assert!(
            help.contains("Examples:") || help.contains("Commands:"),
            "{words:?}: {help}"
        );
        assert!(
            help.contains("--json"),
            "{words:?} does not take the global options"
        );
    }
}
