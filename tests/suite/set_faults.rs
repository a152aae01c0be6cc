//! Whole sets in bad hours: a state that is lost, folders nobody can read, pipes among backups, runs cut short.

use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;

use crate::promises::until;
use crate::support::{DB, Sandbox, give_to_nobody};

const DB_SIDECAR: &str = "db_backup_20250131_040000.json";
const FULL: &str = "full_backup_20250131_040000.json";

/// Changes one byte and nothing else.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[100] ^= 1;
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&bytes, 0).unwrap();
}

/// The fixture's backups on the remote, and a machine that knows nothing of them.
fn fresh_machine() -> Sandbox {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    sandbox.without_backups();
    fs::remove_file(sandbox.state()).unwrap();
    sandbox
}

#[test]
fn without_a_state_the_sidecar_still_proves_what_comes_back() {
    for wanted in [
        &["--latest", "--type", "database"][..],
        &[DB_SIDECAR],
        &["--latest", "--type", "full"],
        &[FULL],
    ] {
        let sandbox = fresh_machine();
        let words = || {
            ["download", "acme-corp"]
                .into_iter()
                .chain(wanted.iter().copied())
        };
        damage(&sandbox.remote("acme-corp").join(DB));
        let failed = sandbox.json(7, words());
        assert_eq!(failed["code"], "integrity_failed", "{wanted:?}");
        assert!(
            !sandbox.file("backups/database").join(DB).exists(),
            "{wanted:?}"
        );
        damage(&sandbox.remote("acme-corp").join(DB));
        let brought = sandbox.json(0, words());
        let report = brought["halves"].get(0).unwrap_or(&brought);
        assert_eq!(report["compared_with"][0], "sidecar", "{wanted:?}");
    }
}

#[test]
fn a_manifest_proves_a_half_that_lost_its_sidecar() {
    let sandbox = fresh_machine();
    let remote = sandbox.remote("acme-corp");
    fs::remove_file(remote.join(DB_SIDECAR)).unwrap();
    damage(&remote.join(DB));
    let failed = sandbox.json(7, ["download", "acme-corp", FULL]);
    assert_eq!(failed["code"], "integrity_failed");

    let sandbox = Sandbox::assigned();
    fs::remove_file(sandbox.file("backups/database").join(DB_SIDECAR)).unwrap();
    damage(&sandbox.file("backups/database").join(DB));
    let manifest = format!("backups/full/{FULL}");
    let failed = sandbox.json(7, ["sync", "acme-corp", &manifest]);
    assert_eq!(failed["code"], "integrity_failed");
    assert_eq!(Sandbox::names_in(&sandbox.remote("acme-corp")), [""; 0]);
}

#[test]
fn a_pipe_among_backups_holds_nobody_up() {
    let sandbox = Sandbox::assigned();
    let pipe = sandbox.file("full_backup_20250201_000000.json");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let mut child = sandbox.command(["sync", "acme-corp", "full_backup_20250201_000000.json"]);
    child.command.stderr(std::process::Stdio::null());
    let mut child = child.spawn();
    let mut status = None;
    until("the sync gives up", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(12));
}

#[test]
fn a_json_file_larger_than_any_sidecar_is_none() {
    let sandbox = Sandbox::assigned();
    let path = sandbox.file("backups/database").join(DB_SIDECAR);
    let mut text = fs::read(&path).unwrap();
    text.resize(2 * 1024 * 1024, b' ');
    fs::write(&path, text).unwrap();
    sandbox
        .run(["sync", "acme-corp", &format!("backups/database/{DB}")])
        .code(0)
        .stderr_has("it is no sidecar: it is larger than any sidecar");
    assert_eq!(Sandbox::names_in(&sandbox.remote("acme-corp")), [DB]);
}

#[test]
fn a_folder_whose_files_may_not_be_looked_at_is_not_an_empty_one() {
    let sandbox = Sandbox::assigned();
    let folder = sandbox.file("backups/storage");
    give_to_nobody(sandbox.path());
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o444)).unwrap();
    let sync = ["sync", "acme-corp", "--type", "storage", "--json"];
    let failed = sandbox.command(sync).unprivileged().run().code(12).json();
    assert_eq!(failed["code"], "local_io");
    let detail = failed["detail"].as_str().unwrap();
    assert!(detail.contains("permission denied"), "{detail}");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let synced = sandbox.command(sync).unprivileged().run().code(0).json();
    assert_eq!(synced["succeeded"], 3);
}

/// Makes the state one of version 1, which knew files and no sets.
fn turn_back(state: &Path) {
    let new = rusqlite::Connection::open(state).unwrap();
    new.execute_batch(
        "DROP TABLE sets; DROP TABLE policies; DROP TABLE pins;
         UPDATE objects SET is_sidecar = name LIKE '%.json' AND name NOT LIKE 'full%' AND name NOT LIKE '%.part%';
         ALTER TABLE objects DROP COLUMN facts; PRAGMA user_version = 1;",
    )
    .unwrap();
}

#[test]
fn what_an_older_version_stored_file_by_file_becomes_whole_sets() {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    turn_back(&sandbox.state());
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    let listed = sandbox.json(0, ["files", "acme-corp"]);
    let files = listed["files"].as_array().unwrap();
    assert_eq!(files.len(), 6, "{listed}");
    for file in files {
        assert_eq!(file["complete"], true, "{file}");
        assert!(file["verified_at"].is_string(), "{file}");
    }
    let again = sandbox.json(0, ["sync", "acme-corp"]);
    assert_eq!(
        again["results"][0]["message"],
        "Nothing to do: the remote has all 6 backups"
    );
}
