//! Faults of the state file (X43): lost, empty, damaged at any page, newer, locked, on a full disk.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::invariants::{Ground, Watch, grounds};
use crate::support::{DB, Sandbox, fixtures, give_to_nobody};

const FILE: &str = "backups/database/db_backup_20250131_040000.db";
pub(super) const SIDECAR: &str = "db_backup_20250131_040000.json";
pub(super) const SYNC: [&str; 3] = ["sync", "acme-corp", FILE];
pub(super) const PAGE: usize = 4096;

/// A watch that lets the fixture's newest database be stored.
fn watch(ground: &dyn Ground) -> Watch<'_> {
    let folder = fixtures().join("vertex-ar/backups/database");
    let bytes = |name| fs::read(folder.join(name)).unwrap();
    Watch::over(ground)
        .may_store(DB, &bytes(DB))
        .may_store(SIDECAR, &bytes(SIDECAR))
}

/// All of the state in its one file.
pub(super) fn settled(sandbox: &Sandbox) -> Vec<u8> {
    let state = Connection::open(sandbox.state()).unwrap();
    state
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    drop(state);
    fs::read(sandbox.state()).unwrap()
}

/// Puts other bytes in the state's place.
pub(super) fn replace_state(sandbox: &Sandbox, bytes: &[u8]) {
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", sandbox.state().display()));
    }
    fs::write(sandbox.state(), bytes).unwrap();
}

/// What was moved aside, but for `SQLite`'s companions.
pub(super) fn aside(sandbox: &Sandbox) -> Vec<PathBuf> {
    let files = Sandbox::files_below(&sandbox.app()).into_iter();
    let moved = files.filter(|name| {
        name.starts_with("app_data.backup-state.db.")
            && !["-wal", "-shm"].iter().any(|end| name.ends_with(end))
    });
    moved.map(|name| sandbox.file(&name)).collect()
}

/// The oldest run in the history.
pub(super) fn first_run(sandbox: &Sandbox) -> Value {
    let history = sandbox.json(0, ["history", "--limit", "0"]);
    history["runs"].as_array().unwrap().last().unwrap().clone()
}

/// What `status` knows of the backups of `acme-corp`.
pub(super) fn known(ground: &dyn Ground) -> Value {
    let status = ground.call(&["status", "acme-corp", "--json"]).run();
    let company = &status.code(0).json()["companies"][0];
    let newest = company["newest"].as_array().unwrap().iter();
    let newest: Vec<_> = newest
        .map(|newest| json!([newest["name"], newest["verified_at"].is_string()]))
        .collect();
    json!({"sets": company["sets"], "bytes": company["bytes"], "newest": newest})
}

#[test]
fn x43_a_lost_state_is_told_and_nothing_is_sent_again() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        ground.call(&SYNC).run().code(0);
        let (stored, watch) = (ground.stored(), watch(&*ground));
        for empty in [false, true] {
            replace_state(sandbox, b"");
            if !empty {
                fs::remove_file(sandbox.state()).unwrap();
            }
            let check = sandbox.json(12, ["state", "check"]);
            assert_eq!(check["state"], "gone", "{provider}");
            // Who only reads makes no new one.
            let files = ground.call(&["files", "acme-corp", "--json"]).run();
            assert_eq!(files.code(0).json()["count"], 1, "{provider}");
            assert_eq!(sandbox.state().exists(), empty, "{provider}");
            let run = ground.call(&[&SYNC[..], &["--quiet", "--json"]].concat());
            let run = run
                .run()
                .code(0)
                .stderr_has("was gone, and a new one was made");
            assert_eq!(run.json()["skipped"], true, "{provider}");
            watch.holds_after(&run);
            assert_eq!(ground.stored(), stored, "{provider}");
            let first = first_run(sandbox);
            assert_eq!(
                (&first["operation"], &first["verdict"]),
                (&json!("state"), &json!("ok")),
                "{provider}"
            );
            assert_eq!(known(&*ground)["sets"], 1, "{provider}");
            let again = [&SYNC[..], &["-q"]].concat();
            ground.call(&again).run().code(0).stderr("");
        }
    }
}

/// A company with a policy and a pin, and all backups stored.
pub(super) fn kept() -> Sandbox {
    let sandbox = Sandbox::assigned();
    for words in [
        &["sync", "acme-corp"][..],
        &["pin", "acme-corp", DB],
        &["retention", "set", "--default", "--keep-last", "1"],
    ] {
        sandbox.run([words, &["-q"]].concat()).code(0);
    }
    sandbox
}

#[test]
fn x43_a_damaged_state_is_told_by_who_reads_and_moved_aside_by_who_writes() {
    let sandbox = kept();
    let whole = settled(&sandbox);
    let mut forms: Vec<(String, Vec<u8>)> = vec![
        ("noise".into(), b"this was a state once ".repeat(1000)),
        ("one byte".into(), vec![b'S']),
        ("zeros".into(), vec![0; whole.len()]),
    ];
    for pages in 1..whole.len() / PAGE {
        let cut = whole[..pages * PAGE].to_vec();
        forms.push((format!("cut after page {pages}"), cut));
    }
    let mut torn = whole.clone();
    torn[..PAGE / 2].fill(0xff);
    forms.push(("torn first page".into(), torn));
    for (form, bytes) in forms {
        replace_state(&sandbox, &bytes);
        for words in [&["history"][..], &["status"], &["retention", "list"]] {
            let run = sandbox.run([words, &["--json"]].concat());
            assert_eq!(run.code, 12, "{form} {words:?}: {run:?}");
            let error = run.json();
            assert_eq!(error["code"], "database_invalid", "{form} {words:?}");
            assert_eq!(error["state"], "damaged", "{form} {words:?}");
        }
        let check = sandbox.json(12, ["state", "check"]);
        assert_eq!(check["state"], "damaged", "{form}");
        sandbox
            .run(["files", "acme-corp"])
            .code(0)
            .stderr_has("is damaged; going on without it");
        assert!(
            fs::read(sandbox.state()).unwrap() == bytes,
            "{form}: changed"
        );
        assert!(aside(&sandbox).is_empty(), "{form}");

        let run = sandbox.run(["config", "unset", "globex", "--quiet"]);
        let run = run.code(0).stderr_has("was damaged: it is now '");
        let [moved] = &aside(&sandbox)[..] else {
            panic!("{form}: {:?}", aside(&sandbox));
        };
        assert!(
            run.stderr
                .contains(moved.file_name().unwrap().to_str().unwrap())
        );
        assert!(fs::read(moved).unwrap() == bytes, "{form}: not what it was");
        let mode = fs::metadata(moved).unwrap().permissions().mode() & 0o777;
        assert!(mode == 0o600 || mode == 0o644, "{form}: {mode:o}");
        let first = first_run(&sandbox);
        assert_eq!(first["operation"], "state", "{form}");
        assert!(first["target"].as_str().unwrap().contains(".damaged-"));
        sandbox.run(["history", "--check"]).code(0);
        sandbox.run(["state", "check"]).code(0);
        // Nothing is known: nothing is pruned, and what is sent again is not.
        sandbox.run(["prune", "acme-corp", "--yes"]).code(5);
        let sync = sandbox.run(["sync", "acme-corp"]).code(0);
        assert!(sync.stdout.contains("0 backups synced") || sync.stdout.contains("already there"));
        fs::remove_file(moved).unwrap();
    }
}

#[test]
fn x43_a_page_torn_anywhere_is_found_by_the_first_or_second_command() {
    let sandbox = kept();
    let whole = settled(&sandbox);
    for page in 1..whole.len() / PAGE {
        let mut torn = whole.clone();
        torn[page * PAGE..(page + 1) * PAGE].fill(0xff);
        replace_state(&sandbox, &torn);
        // What the command does not need it does not read; what it needs and cannot read stops it.
        let run = sandbox.run(["sync", "acme-corp", "--json"]);
        assert!(matches!(run.code, 0 | 12), "page {page}: {run:?}");
        let moved = aside(&sandbox);
        if run.code == 12 {
            assert_eq!(run.json()["state"], "damaged", "page {page}: {run:?}");
            assert_eq!(moved.len(), 1, "page {page}: {run:?}");
            let last = &sandbox.json(0, ["history", "--limit", "1"])["runs"][0];
            assert_eq!(
                (&last["operation"], &last["code"]),
                (&json!("sync"), &json!("database_invalid")),
                "page {page}"
            );
            sandbox.run(["sync", "acme-corp"]).code(0);
        }
        if let [moved] = &moved[..] {
            sandbox.run(["state", "check"]).code(0);
            fs::remove_file(moved).unwrap();
        }
    }
}

#[test]
fn x43_a_newer_state_is_not_touched() {
    let sandbox = kept();
    let state = Connection::open(sandbox.state()).unwrap();
    state
        .execute_batch("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;")
        .unwrap();
    drop(state);
    let before = fs::read(sandbox.state()).unwrap();
    for words in [
        &["sync", "acme-corp"][..],
        &["state", "rebuild", "--all"],
        &["config", "unset", "acme-corp"],
        &["prune", "acme-corp", "--yes"],
        &["history"],
    ] {
        let error = sandbox.json(12, words);
        assert_eq!(error["state"], "newer", "{words:?}");
    }
    let check = sandbox.json(12, ["state", "check"]);
    assert_eq!(
        (&check["state"], &check["version"]),
        (&json!("newer"), &Value::Null)
    );
    sandbox
        .run(["download", "acme-corp", DB, "-o", "back.db"])
        .code(0);
    assert!(fs::read(sandbox.state()).unwrap() == before);
    assert!(aside(&sandbox).is_empty());
}

/// A setting may name any file; one that is no state by its name or its past is nobody's to move.
#[test]
fn x43_what_was_never_a_state_is_not_moved() {
    let sandbox = Sandbox::assigned();
    let notes = sandbox.write("notes.txt", "what somebody wrote".repeat(1000));
    let call = sandbox.command(["config", "unset", "acme-corp", "--json"]);
    let error = call
        .env("VERTEX_BACKUP_STATE", &notes)
        .run()
        .code(12)
        .json();
    assert_eq!(error["state"], "damaged");
    assert!(
        error["hint"]
            .as_str()
            .unwrap()
            .contains("VERTEX_BACKUP_STATE")
    );
    assert_eq!(
        fs::read(&notes).unwrap(),
        b"what somebody wrote".repeat(1000)
    );
}

#[test]
fn x43_a_locked_state_is_waited_for_and_then_told_with_nothing_sent() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        let stored = ground.stored();
        let other = Connection::open(sandbox.state()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let words = [&SYNC[..], &["--timeout", "200ms", "--json"]].concat();
        let error = sandbox.command(words).run().code(12).json();
        assert_eq!(
            (&error["code"], &error["retryable"]),
            (&json!("database_busy"), &json!(true)),
            "{provider}"
        );
        assert_eq!(ground.stored(), stored, "{provider}: something was sent");
        let run = ground.call(&["files", "acme-corp"]).run();
        assert_eq!(run.code, 0, "{provider}: {}", run.stderr);
        other.execute_batch("ROLLBACK").unwrap();
        drop(other);
        watch(&*ground).settles(&SYNC);
    }
}

#[test]
fn x43_a_folder_that_cannot_be_written_stops_a_sync_with_nothing_sent() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        let stored = ground.stored();
        give_to_nobody(sandbox.path());
        let lock_down = |mode: u32| {
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(sandbox.app(), mode).unwrap();
        };
        replace_state(sandbox, b"");
        fs::remove_file(sandbox.state()).unwrap();
        lock_down(0o555);
        let words = [&SYNC[..], &["--json"]].concat();
        let run = ground.call(&words).unprivileged().run();
        lock_down(0o755);
        let error = run.code(12).json();
        assert_eq!(error["code"], "local_io", "{provider}: {error}");
        assert_eq!(ground.stored(), stored, "{provider}");
        assert!(!sandbox.state().exists());
        let run = ground.call(&SYNC).unprivileged().run();
        assert_eq!(run.code, 0, "{provider}: {}", run.stderr);
    }
}

/// A full disk, as a limit on what a file may hold: the first row cannot be written.
#[test]
fn x43_a_disk_that_is_full_at_the_start_stops_a_sync_with_nothing_sent() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        let (stored, watch) = (ground.stored(), watch(&*ground));
        for there in [true, false] {
            settled(sandbox);
            if !there {
                replace_state(sandbox, b"");
                fs::remove_file(sandbox.state()).unwrap();
            }
            let words = [&SYNC[..], &["--json"]].concat();
            let run = ground.call(&words).limited("-f 4").run();
            assert_eq!(run.code, 12, "{provider}: {run:?}");
            assert_eq!(run.json()["code"], "local_io", "{provider}: {run:?}");
            assert_eq!(ground.stored(), stored, "{provider}: something was sent");
        }
        watch.settles(&SYNC);
        assert!(
            aside(sandbox).is_empty(),
            "{provider}: {:?}",
            aside(sandbox)
        );
    }
}

/// Lets no run end in the history until it is dropped.
const NO_ROOM: &str = "CREATE TRIGGER no_room BEFORE INSERT ON history WHEN NEW.event = 'finished'
    BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";

#[test]
fn x43_what_is_stored_and_cannot_be_recorded_is_told_as_stored() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        let watch = watch(&*ground);
        let change = |sql: &str| {
            let state = Connection::open(sandbox.state()).unwrap();
            state.execute_batch(sql).unwrap();
        };
        change(NO_ROOM);
        let words = [&SYNC[..], &["--json"]].concat();
        let run = ground.call(&words).run().code(12);
        let error = run.json();
        assert_eq!(
            (&error["success"], &error["code"], &error["stored"]),
            (&json!(false), &json!("local_io"), &json!(true)),
            "{provider}: {error}"
        );
        watch.holds_after(&run);
        let stored = ground.stored();
        let is_there = stored.iter().any(|(path, _)| path.ends_with(DB));
        assert!(is_there, "{provider}");
        // As it is for all backups of a company at once.
        let run = ground.call(&["sync", "acme-corp", "--json"]).run();
        assert!(matches!(run.code, 3 | 12), "{provider}: {run:?}");
        change("DROP TRIGGER no_room");
        ground.heal();
        let again = ground.call(&words).run().code(0).json();
        assert_eq!(again["skipped"], true, "{provider}");
        let runs = sandbox.json(0, ["history", "--limit", "0"]);
        let verdicts: Vec<_> = runs["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["verdict"].as_str().unwrap())
            .collect();
        assert!(!verdicts.contains(&"running"), "{provider}: {verdicts:?}");
        assert!(
            verdicts.contains(&"interrupted"),
            "{provider}: {verdicts:?}"
        );
        sandbox.run(["history", "--check"]).code(0);
    }
}
