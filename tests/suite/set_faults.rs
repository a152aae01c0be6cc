//! Whole sets in bad hours: a state that is lost, folders nobody can read, pipes among backups, runs cut short.

use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::promises::until;
use crate::support::backups::{noise, sidecar_of};
use crate::support::{DB, NOBODY, STORAGE, Sandbox, give_to_nobody, signal};

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
fn l29_a_pipe_among_backups_holds_nobody_up() {
    let sandbox = Sandbox::assigned();
    let pipe = sandbox.file("full_backup_20250201_000000.json");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let mut child = sandbox.command(["sync", "acme-corp", "full_backup_20250201_000000.json"]);
    child.command.stderr(Stdio::null());
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

fn remote_names(sandbox: &Sandbox) -> Vec<String> {
    Sandbox::names_in(&sandbox.remote("acme-corp"))
}

#[test]
fn a_set_replaced_by_one_with_fewer_parts_leaves_none_behind() {
    let sandbox = Sandbox::assigned();
    sandbox.without_backups();
    let parts = |seed| {
        (seed..seed + 4)
            .map(|seed| noise(seed, 3000))
            .collect::<Vec<_>>()
    };
    let names = sandbox.split(
        "backups/storage",
        "storage_backup_20250201_030000",
        &parts(1),
    );
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    assert_eq!(remote_names(&sandbox).len(), 5);
    // Somebody else's file that is merely called like a part.
    let foreign = sandbox
        .remote("acme-corp")
        .join("storage_backup_20250201_030000.tar.part009.gz");
    fs::write(&foreign, "not ours").unwrap();
    fs::remove_file(sandbox.file("backups/storage").join(&names[3])).unwrap();
    fs::remove_file(sandbox.file("backups/storage").join(&names[2])).unwrap();
    sandbox.split(
        "backups/storage",
        "storage_backup_20250201_030000",
        &parts(11)[..2],
    );
    sandbox
        .run(["sync", "acme-corp"])
        .code(0)
        .stderr_has("and is removed");
    assert_eq!(
        remote_names(&sandbox).len(),
        4,
        "two parts, the sidecar, the foreign one"
    );
    fs::remove_file(foreign).unwrap();
    let listed = sandbox.json(0, ["files", "acme-corp", "--all"]);
    assert_eq!(listed["count"], 1, "{listed}");
    assert_eq!(listed["files"][0]["complete"], true);
    sandbox.run(["verify", "acme-corp", "-q"]).code(0);
}

#[test]
fn a_backup_joined_meanwhile_is_not_sent_a_second_time() {
    let sandbox = Sandbox::assigned();
    sandbox.without_backups();
    let stem = "storage_backup_20250201_030000";
    let bytes: Vec<Vec<u8>> = (1..4).map(|seed| noise(seed, 3000)).collect();
    let names = sandbox.split("backups/storage", stem, &bytes);
    sandbox.backup(
        "backups/database",
        "db_backup_20250201_030000.db",
        &noise(9, 500),
    );
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    let there = remote_names(&sandbox);
    for name in names
        .iter()
        .map(String::as_str)
        .chain(["storage_backup_20250201_030000.tar.part001.json"])
    {
        fs::remove_file(sandbox.file("backups/storage").join(name)).unwrap();
    }
    let joined = sandbox.backup(
        "backups/storage",
        &format!("{stem}.tar.gz"),
        &bytes.concat(),
    );

    let report = sandbox.json(0, ["sync", "acme-corp", joined.to_str().unwrap()]);
    assert_eq!(
        (
            &report["skipped"],
            report["parts"].as_array().unwrap().len()
        ),
        (&json!(true), 3)
    );
    assert_eq!(remote_names(&sandbox), there);

    let half = |kind: &str, name: &str| {
        let text = fs::read(
            sandbox
                .file(&format!("backups/{kind}"))
                .join(sidecar_of(name)),
        )
        .unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()
    };
    let manifest = json!({
        "type": "full",
        "database": half("database", "db_backup_20250201_030000.db"),
        "storage": half("storage", &format!("{stem}.tar.gz")),
    });
    let path = "backups/full/full_backup_20250201_030000.json";
    sandbox.write(path, manifest.to_string());
    sandbox.json(0, ["sync", "acme-corp", path]);
    assert_eq!(
        remote_names(&sandbox).len(),
        there.len() + 1,
        "the manifest alone"
    );
    sandbox.without_backups();
    sandbox.json(
        0,
        ["download", "acme-corp", "full_backup_20250201_030000.json"],
    );
    let back = sandbox
        .file("backups/storage")
        .join(format!("{stem}.tar.gz"));
    assert_eq!(fs::read(back).unwrap(), bytes.concat());
}

#[test]
fn a_set_replaced_half_way_is_not_called_verified() {
    let sandbox = Sandbox::assigned();
    sandbox.without_backups();
    let stem = "storage_backup_20250201_030000";
    let parts = |seed| {
        (seed..seed + 2)
            .map(|seed| noise(seed, 3000))
            .collect::<Vec<_>>()
    };
    let names = sandbox.split("backups/storage", stem, &parts(1));
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    let verified = || -> bool {
        let state = rusqlite::Connection::open(sandbox.state()).unwrap();
        let sql = "SELECT verified_at IS NOT NULL FROM sets";
        state.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert!(verified());
    sandbox.split("backups/storage", stem, &parts(11));
    // The second part cannot take its place.
    let second = sandbox.remote("acme-corp").join(&names[1]);
    fs::remove_file(&second).unwrap();
    fs::create_dir(&second).unwrap();
    sandbox.run(["sync", "acme-corp", "-q"]).code(11);
    assert!(!verified());
    fs::remove_dir(&second).unwrap();
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    assert!(verified());
    sandbox.run(["verify", "acme-corp", "-q"]).code(0);
}

/// Syncs what `words` name and stops the run by a signal where it would write down that
/// the first backup is stored; `then` has the state, which holds it back.
fn stopped_while_recording(
    sandbox: &Sandbox,
    words: &[&str],
    then: impl FnOnce(&rusqlite::Connection),
) -> Value {
    let first = sandbox.write("backups/database/db_backup_20250101_010000.db", "");
    let file = fs::File::options().write(true).open(first).unwrap();
    file.set_len(50 << 20).unwrap();
    let child = sandbox.command(words).spawn();
    until("an unfinished upload", || remote_names(sandbox).len() == 1);
    let state = rusqlite::Connection::open(sandbox.state()).unwrap();
    let patience = std::time::Duration::from_secs(30);
    state.busy_timeout(patience).unwrap();
    state.execute_batch("BEGIN IMMEDIATE").unwrap();
    until("the first backup", || {
        remote_names(sandbox) == ["db_backup_20250101_010000.db"]
    });
    signal(&child, Signal::TERM);
    until("the signal to arrive", || {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
        status
            .unwrap_or_default()
            .contains("ShdPnd:\t0000000000000000")
    });
    then(&state);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_run_stopped_between_two_backups_is_no_success() {
    let sandbox = Sandbox::assigned();
    sandbox.without_backups();
    sandbox.write("backups/database/db_backup_20250102_010000.db", "second");
    let sync = ["sync", "acme-corp", "--json"];
    let report = stopped_while_recording(&sandbox, &sync, |state| {
        state.execute_batch("ROLLBACK").unwrap();
    });
    assert_eq!(
        (&report["success"], &report["count"]),
        (&json!(false), &json!(1)),
        "{report}"
    );
    let message = report["message"].as_str().unwrap();
    assert!(
        message.ends_with("interrupted before the rest"),
        "{message}"
    );
    assert_eq!(remote_names(&sandbox).len(), 1);
}

#[test]
fn a_run_stopped_while_it_records_was_interrupted_and_says_what_is_stored() {
    let sandbox = Sandbox::assigned();
    sandbox.without_backups();
    let sync = [
        "sync",
        "acme-corp",
        "backups/database/db_backup_20250101_010000.db",
        "--json",
    ];
    let failed = stopped_while_recording(&sandbox, &sync, |_| {});
    assert_eq!(
        (&failed["code"], &failed["stored"]),
        (&json!("interrupted"), &json!(true)),
        "{failed}"
    );
    assert_eq!(failed["exit_code"], 143);
    let again = sandbox.json(0, sync.into_iter().take(3));
    assert_eq!(again["skipped"], true, "{again}");
}

#[test]
fn before_a_half_is_deleted_the_full_backup_that_needs_it_is_named() {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    let question = format!("Delete '{DB}' ('{FULL}' needs it) of company 'Acme Corporation'");
    sandbox
        .run(["delete", "acme-corp", DB])
        .code(10)
        .stderr_has(&question);
    sandbox.run(["pin", "acme-corp", DB, "-q"]).code(0);
    let question = format!("Delete '{DB_SIDECAR}' ('{DB}' is pinned; '{FULL}' needs it) of");
    sandbox
        .run(["delete", "acme-corp", DB_SIDECAR])
        .code(10)
        .stderr_has(&question);
    let question = format!("Delete '{FULL}' ('{DB}' is pinned) of");
    sandbox
        .run(["delete", "acme-corp", FULL])
        .code(10)
        .stderr_has(&question);
}

#[test]
fn members_of_one_backup_are_deleted_as_one() {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    let deleted = sandbox.json(0, ["delete", "acme-corp", DB, DB_SIDECAR, "-y"]);
    assert_eq!(deleted["files"].as_array().unwrap().len(), 2, "{deleted}");
    let deleted = sandbox.json(0, ["delete", "acme-corp", FULL, STORAGE, "-y"]);
    assert_eq!(deleted["succeeded"], 2, "{deleted}");
}

#[test]
fn where_no_thread_can_be_had_companies_go_one_after_another() {
    let sandbox = Sandbox::assigned();
    sandbox.companies(3, "local");
    give_to_nobody(sandbox.path());
    let mut call = sandbox
        .command(["sync", "--all", "--provider", "local", "--json"])
        .unprivileged();
    let mut limited = std::process::Command::new("/bin/sh");
    limited.args(["-c", "ulimit -u 1; exec \"$0\" \"$@\""]);
    limited
        .arg(call.command.get_program())
        .args(call.command.get_args());
    limited.env_clear().current_dir(sandbox.app());
    for (name, value) in call.command.get_envs() {
        limited.env(name, value.unwrap_or_default());
    }
    if rustix::process::geteuid().is_root() {
        limited.uid(NOBODY).gid(NOBODY);
    }
    call.command = limited;
    call.command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let report = call.run().code(0).json();
    assert_eq!(
        (&report["succeeded"], &report["failed"]),
        (&json!(24), &json!(0))
    );
}

#[test]
fn a_sidecar_that_cannot_be_read_is_no_missing_one() {
    let sandbox = Sandbox::assigned();
    let sidecar = "backups/storage/storage_backup_20250129_030000.tar.json";
    let manifest = "backups/full/full_backup_20250131_040000.json";
    for path in [sidecar, manifest] {
        fs::set_permissions(sandbox.file(path), fs::Permissions::from_mode(0o000)).unwrap();
    }
    give_to_nobody(sandbox.path());
    let run = |words: &[&str], code| sandbox.command(words).unprivileged().run().code(code);
    for path in [
        "backups/storage/storage_backup_20250129_030000.tar.gz",
        manifest,
    ] {
        let error = run(&["sync", "acme-corp", path, "--force", "--json"], 12).json();
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.ends_with(".json': permission denied"), "{detail}");
    }
    let report = run(&["sync", "acme-corp", "--json"], 3).json();
    assert_eq!(
        (&report["succeeded"], &report["failed"]),
        (&4.into(), &2.into()),
        "{report}"
    );
    let names = remote_names(&sandbox);
    assert!(
        !names.iter().any(|name| name.contains("20250129_030000")),
        "{names:?}"
    );
    run(&["backup", "verify", "-q"], 7).stderr_has("cannot be read: permission denied");
}
