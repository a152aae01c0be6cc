//! What counts as a good backup when sidecars, the state and a restore test disagree.
//!
//! On the worst night the state is lost or a backup was sent damaged: nothing
//! may then be removed for its sake, or be called restorable.

use std::fs;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::backups::{noise, sidecar};
use crate::support::{DB, Sandbox};

const KEEP_ONE: [&str; 5] = ["retention", "set", "acme-corp", "--keep-last", "1"];

fn acme_without_backups() -> Sandbox {
    let sandbox = Sandbox::assigned();
    sandbox.without_backups();
    sandbox
}

fn lose_state(sandbox: &Sandbox) {
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", sandbox.state().display()));
    }
}

/// The names that a prune would remove.
fn would_go(sandbox: &Sandbox) -> Vec<String> {
    let report = sandbox.json(0, ["prune", "acme-corp", "--dry-run"]);
    let plan = report["plan"].as_array().unwrap().clone();
    let gone = plan.iter().filter(|row| row["action"] == "remove");
    gone.map(|row| row["name"].as_str().unwrap().to_owned())
        .collect()
}

fn stem(day: u32) -> String {
    format!("storage_backup_202501{day:02}_040000")
}

#[test]
fn a_backup_sent_damaged_takes_no_verified_ones_place() {
    let sandbox = acme_without_backups();
    for day in [1, 2] {
        let parts = [noise(u64::from(day), 20), noise(9, 7)];
        sandbox.split("backups/storage", &stem(day), &parts);
    }
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    // Each part arrives as it was sent; together they are not what the sidecar says.
    let parts = sandbox.split("backups/storage", &stem(3), &[noise(3, 20), noise(4, 7)]);
    let first = sandbox.write(&format!("backups/storage/{}", parts[0]), noise(5, 20));
    sandbox
        .run([
            "sync",
            "acme-corp",
            first.to_str().unwrap(),
            "--force",
            "-q",
        ])
        .code(0);
    sandbox.run(KEEP_ONE).code(0);
    assert_eq!(would_go(&sandbox), [format!("{}.tar.gz", stem(1))]);
}

#[test]
fn a_backup_that_failed_its_restore_test_takes_no_verified_ones_place() {
    let sandbox = acme_without_backups();
    let name = |day| format!("{}.tar.gz", stem(day));
    for day in [1, 2, 3] {
        sandbox.backup("backups/storage", &name(day), &noise(u64::from(day), 50));
    }
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    sandbox
        .run(["restore-test", "acme-corp", &name(3), "-q"])
        .code(7);
    sandbox.run(KEEP_ONE).code(0);
    assert_eq!(would_go(&sandbox), [name(1)]);
}

#[test]
fn without_a_state_the_sidecars_tell_types_and_sizes() {
    let sandbox = acme_without_backups();
    // Storage by its sidecar, a full backup by its name.
    let name = |day: u32| format!("backup_202501{day:02}_040000.tar.gz");
    for day in [1, 2, 3] {
        sandbox.backup("backups/storage", &name(day), &noise(u64::from(day), 50));
    }
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    lose_state(&sandbox);
    let full = ["--default", "--type", "full", "--keep-last", "1"];
    sandbox
        .run(["retention", "set"].into_iter().chain(full))
        .code(0);
    assert!(would_go(&sandbox).is_empty(), "there is no full backup");

    // What is shorter than its sidecar says takes nobody's place.
    fs::write(sandbox.remote("acme-corp").join(name(3)), "short").unwrap();
    sandbox.run(KEEP_ONE).code(0);
    assert_eq!(would_go(&sandbox), [name(1)]);
}

/// A sound database that is not the one its sidecar speaks of, and no state.
fn swapped() -> Sandbox {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    lose_state(&sandbox);
    let stored = Connection::open(sandbox.remote("acme-corp").join(DB)).unwrap();
    let rename = "UPDATE companies SET name = 'Somebody' WHERE id = 'company-123'";
    assert_eq!(stored.execute(rename, []).unwrap(), 1);
    sandbox
}

#[test]
fn without_a_state_a_restore_test_still_compares_with_the_sidecar() {
    for choice in [&["--latest"][..], &[]] {
        let sandbox = swapped();
        let words = ["restore-test", "acme-corp", "--type", "database"];
        let report = sandbox.json(7, words.iter().chain(choice));
        let problem = report["results"][0]["problem"].as_str().unwrap();
        assert!(problem.contains("SHA-256"), "{choice:?}: {problem}");
    }
}

#[test]
fn a_type_is_told_by_the_sidecar_also_without_a_state() {
    let sandbox = acme_without_backups();
    let name = "app_data_20250131_040000.copy";
    let bytes = fs::read(sandbox.db()).unwrap();
    let told = sidecar("database", name, &bytes, &[]).to_string();
    sandbox.write("backups/database/app_data_20250131_040000.json", told);
    sandbox.write(&format!("backups/database/{name}"), bytes);
    let path = sandbox.file(&format!("backups/database/{name}"));
    sandbox
        .run(["sync", "acme-corp", path.to_str().unwrap(), "-q"])
        .code(0);
    lose_state(&sandbox);
    let words = [
        "restore-test",
        "acme-corp",
        "--latest",
        "--type",
        "database",
    ];
    let report: Value = sandbox.json(0, words);
    assert_eq!(report["results"][0]["name"], json!(name));
}
