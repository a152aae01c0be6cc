//! The application's database held, changed, damaged or closed to us (X39–X42).
//!
//! Which provider a company has makes no difference here: what is read and
//! written is the application's table. The rest of these numbers is in
//! `database.rs`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;

use super::never_broke;
use crate::database::leave_a_hot_journal;
use crate::support::backups::noise;
use crate::support::invariants::Watch;
use crate::support::outgoing::until;
use crate::support::{Sandbox, fixtures, give_to_nobody, has_tool};

const FILE: &str = "backups/database/db_backup_20250131_040000.db";

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A standalone database whose table promises nothing about its cells.
fn loose_database(sandbox: &Sandbox, fill: &str) {
    let all = format!(
        "CREATE TABLE companies (id, name, created_at, backup_provider, backup_remote_path); {fill}"
    );
    let connection = Connection::open(sandbox.file("loose.db")).unwrap();
    connection.execute_batch(&all).unwrap();
}

/// Every command that reads the application's table meets the lock, waits for as long as
/// it may, and says so; nothing is sent and nothing is removed.
#[test]
fn x39_a_commit_that_does_not_end_stops_every_command_and_loses_nothing() {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp", FILE, "-q"]).code(0);
    let watch = Watch::over(&sandbox);
    let application = sandbox.sql();
    application.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let name = FILE.rsplit('/').next().unwrap();
    let commands: [&[&str]; 14] = [
        &["config", "list"],
        &["config", "get", "acme-corp"],
        &["config", "unset", "acme-corp"],
        &["company", "list"],
        &["company", "show", "acme-corp"],
        &["company", "add", "x", "--name", "X"],
        &["sync", "acme-corp", FILE],
        &["sync", "--all"],
        &["files", "acme-corp"],
        &["download", "acme-corp", name],
        &["delete", "acme-corp", name, "--yes"],
        &["verify", "acme-corp"],
        &["status"],
        &["prune", "--all", "--dry-run"],
    ];
    thread::scope(|scope| {
        for words in commands {
            let sandbox = &sandbox;
            scope.spawn(move || {
                let words = [words, &["--timeout", "1s"]].concat();
                let error = sandbox.json(12, &words);
                assert_eq!(error["code"], "database_busy", "{words:?} {error}");
                assert_eq!(error["retryable"], true, "{words:?}");
                let detail = error["detail"].as_str().unwrap();
                assert!(detail.contains("app_data.db"), "{words:?} {detail}");
            });
        }
    });
    application.execute_batch("ROLLBACK").unwrap();
    drop(application);
    watch.holds();
    watch.settles(&["sync", "acme-corp", FILE]);
}

/// What holds the database for the moment of a commit is waited for, by readers too.
#[test]
fn x39_a_commit_that_ends_is_waited_for() {
    for words in [
        &["config", "list"][..],
        &["sync", "acme-corp", FILE],
        &["status"],
    ] {
        let sandbox = Sandbox::assigned();
        let application = sandbox.sql();
        application.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let run = sandbox.command(words).spawn();
        // Whether it has come to the lock by then makes no difference to what must come out.
        thread::sleep(Duration::from_millis(300));
        application.execute_batch("COMMIT").unwrap();
        let output = run.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}");
    }
}

/// A transaction that begins to write after somebody else has written would fail at once
/// ("snapshot"), however long it may wait: ours take the right to write before they read.
#[test]
fn x39_another_writer_to_the_log_is_no_conflict() {
    let sandbox = Sandbox::assigned();
    let application = sandbox.sql();
    application
        .pragma_update(None, "journal_mode", "wal")
        .unwrap();
    application.busy_timeout(Duration::from_secs(5)).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let application = scope.spawn(|| {
            let application = application;
            let mut written = 0;
            while !done.load(Ordering::Relaxed) {
                let change = "UPDATE companies SET city = ?1 WHERE id = 'globex'";
                application.execute(change, [written]).unwrap();
                written += 1;
            }
            written
        });
        for number in 0..20 {
            let directory = format!("/of/{number}");
            let set = ["config", "set", "acme-corp", "--provider", "local"];
            let words = [&set[..], &["--remote-path", &directory, "-q"]].concat();
            sandbox.run(words).code(0);
        }
        done.store(true, Ordering::Relaxed);
        assert!(application.join().unwrap() > 0);
    });
    let shown = sandbox.json(0, ["config", "get", "acme-corp"]);
    assert_eq!(shown["backup_remote_path"], "/of/19");
}

/// Older `SQLite` libraries lose data when one process moves the log into the database as
/// another writes (`faults.md` §1, 15). While the application runs, it alone does so.
#[test]
fn x39_the_log_of_a_running_application_is_not_moved() {
    let sandbox = Sandbox::assigned();
    let application = sandbox.sql();
    application
        .execute_batch(
            "PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; BEGIN;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
             INSERT INTO companies (id, name, description)
             SELECT 'n-' || i, 'n ' || i, hex(zeroblob(1900)) FROM n; COMMIT;",
        )
        .unwrap();
    let log = sandbox.file("app_data.db-wal");
    // From a thousand pages on, whoever commits would move it.
    assert!(fs::metadata(&log).unwrap().len() > 1200 * 4096);
    let before = fs::read(sandbox.db()).unwrap();
    for company in ["globex", "romashka", "widget-inc"] {
        sandbox
            .run(["config", "set", company, "--provider", "local", "-q"])
            .code(0);
        sandbox.run(["company", "list"]).code(0);
    }
    let same = fs::read(sandbox.db()).unwrap() == before;
    assert!(same, "the log was moved into the database");
    drop(application);
    assert_eq!(sandbox.json(0, ["config", "list"])["configured"], 4);
}

/// The application adds the columns in the moment in which we found them missing.
#[test]
fn x40_columns_that_somebody_adds_meanwhile_are_used() {
    let both = "ALTER TABLE companies ADD COLUMN backup_provider TEXT;
                ALTER TABLE companies ADD COLUMN backup_remote_path TEXT";
    let one = "ALTER TABLE companies ADD COLUMN backup_remote_path TEXT";
    for added in [both, one] {
        let sandbox = Sandbox::new();
        fs::copy(fixtures().join("old_schema.db"), sandbox.db()).unwrap();
        let application = sandbox.sql();
        application.execute_batch("BEGIN IMMEDIATE").unwrap();
        application.execute_batch(added).unwrap();
        let words = ["config", "set", "globex", "--provider", "local", "-q"];
        let set = sandbox.command(words).spawn();
        // It has read the company by then, without the columns.
        let locks = sandbox.state().with_extension("locks");
        until("a lock", || locks.exists());
        application.execute_batch("COMMIT").unwrap();
        let output = set.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{added}: {said}");
        let count = "SELECT count(*) FROM pragma_table_info('companies') WHERE name LIKE 'backup%'";
        let columns: i64 = application.query_row(count, [], |row| row.get(0)).unwrap();
        assert_eq!(columns, 2, "{added}");
        let shown = sandbox.json(0, ["config", "get", "globex"]);
        assert_eq!(shown["backup_provider"], "local");
    }
}

/// A view can be read, and not be written: that is told, and nothing is changed.
#[test]
fn x40_a_view_that_cannot_be_written_is_left_alone() {
    let sandbox = Sandbox::empty();
    for (columns, why) in [
        ("id, name", "Cannot add a column to a view"),
        (
            "id, name, backup_provider, backup_remote_path",
            "cannot modify companies because it is a view",
        ),
    ] {
        let path = sandbox.file("view.db");
        let _ = fs::remove_file(&path);
        Connection::open(&path)
            .unwrap()
            .execute_batch(&format!(
                "CREATE TABLE firms (id, name, backup_provider, backup_remote_path);
                 INSERT INTO firms VALUES ('a', 'A', NULL, NULL);
                 CREATE VIEW companies AS SELECT {columns} FROM firms;"
            ))
            .unwrap();
        let before = fs::read(&path).unwrap();
        let list = sandbox.json(0, ["--db", "view.db", "config", "list"]);
        assert_eq!(list["count"], 1);
        let set = [
            "--db",
            "view.db",
            "config",
            "set",
            "a",
            "--provider",
            "local",
        ];
        let error = sandbox.json(12, set);
        let detail = error["detail"].as_str().unwrap();
        assert!(
            detail.contains("view.db") && detail.ends_with(why),
            "{detail}"
        );
        assert!(fs::read(&path).unwrap() == before, "{columns}");
    }
}

/// Cells of any type in any column: the row is named by what its id is, the rest works.
#[test]
fn x40_a_bad_cell_stops_its_own_company_only() {
    let sandbox = Sandbox::empty();
    loose_database(
        &sandbox,
        "INSERT INTO companies VALUES
             ('good', 'Good', '', 'local', '/good'),
             (17, 'Number', '', 'local', 18),
             (2.5, 'Fraction', '', NULL, NULL),
             (X'00FF', 'Blob id', '', 'local', '/blob'),
             (CAST(X'41FF42' AS TEXT), 'Torn id', '', 'local', '/torn'),
             (NULL, 'No id', '', 'local', '/none'),
             ('path', 'Path', '', 'local', CAST(X'2FFF' AS TEXT)),
             ('provider', 'Provider', '', X'6C6F63616C', '/x');",
    );
    sandbox.write("backups/database/db_backup_20250131_040000.db", "x");
    let before = fs::read(sandbox.file("loose.db")).unwrap();
    let list = sandbox.json(3, ["--db", "loose.db", "config", "list"]);
    assert_eq!(list["count"], 3, "{list}");
    let mut named: Vec<_> = list["unreadable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["company_id"].as_str().unwrap())
        .collect();
    named.sort_unstable();
    assert_eq!(named, ["?", "A\u{fffd}B", "X'00FF'", "path", "provider"]);
    let all = sandbox.json(3, ["--db", "loose.db", "sync", "--all"]);
    assert_eq!(
        (&all["success"], &all["succeeded"]),
        (&json!(false), &json!(2))
    );
    assert_eq!(all["unreadable"].as_array().unwrap().len(), 5, "{all}");
    assert!(
        sandbox
            .root()
            .join("good/db_backup_20250131_040000.db")
            .exists()
    );
    let said = sandbox.run(["--db", "loose.db", "sync", "--all"]).code(3);
    for id in named {
        let line = format!("company '{id}' cannot be read");
        assert!(
            said.stderr.contains(&line),
            "{line} is not in {}",
            said.stderr
        );
    }
    let error = sandbox.json(12, ["--db", "loose.db", "sync", "path"]);
    assert_eq!(error["code"], "database_invalid", "{error}");
    assert!(fs::read(sandbox.file("loose.db")).unwrap() == before);
}

/// Memory does not grow with the number of companies: under a limit that hardly suffices for
/// a few, a list of many works. (A million was tried by hand, under the 64 MiB of X46; to
/// print them takes a build without optimisation a minute. Kept in memory, these would need
/// some 15 MB more.)
#[test]
fn x40_a_long_list_takes_no_more_memory_than_a_short_one() {
    let sandbox = Sandbox::empty();
    let fill = |count: u32| {
        let _ = fs::remove_file(sandbox.file("loose.db"));
        loose_database(
            &sandbox,
            &format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
                 INSERT INTO companies SELECT 'many-' || i, 'Company number ' || i, NULL, NULL, NULL FROM n;
                 CREATE UNIQUE INDEX names ON companies (name);"
            ),
        );
    };
    let list = |format: &str, limit: u32| {
        let words = ["--db", "loose.db", "config", "list", "--format", format];
        let call = sandbox.command(words);
        call.limited(&format!("-v {limit}")).run()
    };
    // Two pages of a list, and the least that they get by with.
    fill(2000);
    let enough = (1..100).map(|step| step * 4096);
    let enough = enough.clone().find(|limit| list("table", *limit).code == 0);
    let limit = enough.unwrap() + 4096;
    fill(60_000);
    for format in ["table", "json"] {
        let run = list(format, limit).code(0);
        assert_eq!(run.stdout.matches("many-").count(), 60_000, "{format}");
    }
    let near = ["--db", "loose.db", "config", "get", "many"];
    let call = sandbox.command(near).limited(&format!("-v {limit}"));
    call.run().code(4);
}

/// Cut off at every page, and within the header: told, and not touched.
#[test]
fn x41_a_database_cut_anywhere_is_told_and_left_alone() {
    let sandbox = Sandbox::new();
    let whole = fs::read(sandbox.db()).unwrap();
    let pages = (1..whole.len() / 4096).map(|page| page * 4096);
    let around = pages.flat_map(|at| [at - 1, at, at + 1]);
    let ends: Vec<_> = [1, 15, 16, 17, 23, 24, 28, 99, 100, 101, 511, 512]
        .into_iter()
        .chain(around)
        .collect();
    in_parts(&ends, |end| {
        let name = format!("cut-{end}.db");
        assert_refused(&sandbox, &name, &whole[..*end]);
    });
}

/// Every page in turn is garbage: a command that comes to it says so and writes nothing.
#[test]
fn x41_a_malformed_page_is_told_by_whoever_comes_to_it() {
    let sandbox = Sandbox::new();
    let whole = fs::read(sandbox.db()).unwrap();
    let pages: Vec<_> = (0..whole.len() / 4096).collect();
    let met = std::sync::atomic::AtomicUsize::new(0);
    in_parts(&pages, |page| {
        let mut bytes = whole.clone();
        let garbage = noise(*page as u64 + 1, 4096);
        // The header of the first stays: without it this is no database at all.
        let start = page * 4096 + if *page == 0 { 100 } else { 0 };
        let end = (page + 1) * 4096;
        bytes[start..end].copy_from_slice(&garbage[..end - start]);
        let name = format!("torn-{page}.db");
        let path = sandbox.write(&name, &bytes);
        for words in [
            &["config", "list"][..],
            &["config", "get", "acme-corp"],
            &["config", "set", "acme-corp", "--provider", "local"],
        ] {
            let run = sandbox
                .command([&["--db", &name, "--json"][..], words].concat())
                .run();
            never_broke(&run, &name);
            if run.code != 0 {
                // What is left of the table may also lack the company.
                let code = run.json()["code"].clone();
                let told = ["database_invalid", "company_not_found"].map(serde_json::Value::from);
                assert!(told.contains(&code), "{name} {words:?} {run:?}");
                let same = fs::read(&path).unwrap() == bytes;
                assert!(same, "{name} {words:?} wrote to it");
                met.fetch_add(1, Ordering::Relaxed);
            } else if words[1] != "set" {
                assert!(fs::read(&path).unwrap() == bytes, "{name} {words:?}");
            }
        }
    });
    assert!(met.into_inner() > 0, "no command came to a bad page");
}

/// Encrypted by an extension that we do not have, it is noise from the first byte on.
#[test]
fn x41_an_encrypted_database_is_told_and_left_alone() {
    let sandbox = Sandbox::new();
    for (name, bytes) in [
        ("encrypted.db", noise(7, 16 * 4096)),
        ("zip.db", [&b"PK\x03\x04"[..], &noise(8, 5000)].concat()),
    ] {
        assert_refused(&sandbox, name, &bytes);
    }
}

/// A file that is none of ours is told by every command, and keeps every byte and its time.
#[track_caller]
fn assert_refused(sandbox: &Sandbox, name: &str, bytes: &[u8]) {
    let path = sandbox.write(&format!("bad/{name}"), bytes);
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    let shown = format!("bad/{name}");
    for words in [
        &["config", "list"][..],
        &["config", "set", "acme-corp", "--provider", "local"],
        &["sync", "acme-corp", FILE],
        &["status"],
    ] {
        let error = sandbox.json(12, [&["--db", &shown][..], words].concat());
        assert_eq!(error["code"], "database_invalid", "{name} {words:?}");
        assert!(error["detail"].as_str().unwrap().contains(&shown));
    }
    assert!(fs::read(&path).unwrap() == bytes, "{name}");
    let after = fs::metadata(&path).unwrap().modified().unwrap();
    assert_eq!(after, before, "{name}");
    for beside in ["-journal", "-wal", "-shm"] {
        let beside = sandbox.file(&format!("{shown}{beside}"));
        assert!(!beside.exists(), "{}", beside.display());
    }
}

/// Does the same for many things, some at a time.
fn in_parts<T: Sync>(things: &[T], each: impl Fn(&T) + Sync) {
    thread::scope(|scope| {
        for part in things.chunks(things.len().div_ceil(4)) {
            let each = &each;
            scope.spawn(move || part.iter().for_each(each));
        }
    });
}

/// Somebody else's file that we may not even read.
#[test]
fn x42_a_database_of_another_owner_is_told_with_the_right_that_is_missing() {
    let sandbox = Sandbox::new();
    give_to_nobody(sandbox.path());
    set_mode(&sandbox.db(), 0o000);
    for words in [
        &["config", "list", "--json"][..],
        &[
            "config",
            "set",
            "acme-corp",
            "--provider",
            "local",
            "--json",
        ],
    ] {
        let run = sandbox.command(words).unprivileged().run().code(12);
        let error = run.json();
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.contains("app_data.db"), "{detail}");
        let hint = error["hint"].as_str().unwrap();
        assert!(
            hint.contains("who may") || hint.contains("as the user"),
            "{hint}"
        );
    }
    set_mode(&sandbox.db(), 0o600);
    let found = rusqlite::Connection::open(sandbox.db()).unwrap();
    let count: i64 = found
        .query_row("SELECT count(*) FROM companies", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 7);
}

/// While the application runs, its log and the index of it are there: reading needs no more.
#[test]
fn x42_a_log_in_a_folder_that_may_not_be_written_is_read_while_the_application_runs() {
    let sandbox = Sandbox::new();
    let application = sandbox.sql();
    application
        .execute_batch(
            "PRAGMA journal_mode = wal; UPDATE companies SET name = 'In the log' WHERE id = 'globex'",
        )
        .unwrap();
    give_to_nobody(sandbox.path());
    for name in ["app_data.db", "app_data.db-wal", "app_data.db-shm"] {
        set_mode(&sandbox.file(name), 0o444);
    }
    set_mode(&sandbox.app(), 0o555);
    let read = sandbox
        .command(["config", "get", "globex", "--json"])
        .unprivileged()
        .run();
    let words = ["config", "set", "globex", "--provider", "local", "--json"];
    let state = sandbox.path().join("home/state.db");
    let set = sandbox
        .command(words)
        .env("VERTEX_BACKUP_STATE", state)
        .unprivileged()
        .run();
    set_mode(&sandbox.app(), 0o755);
    assert_eq!(read.code(0).json()["company_name"], "In the log");
    assert_eq!(set.code(12).json()["code"], "database_readonly");
    let name: String = application
        .query_row(
            "SELECT name FROM companies WHERE id = 'globex'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(name, "In the log");
}

/// A read-only mount, where whoever runs the tests may make one.
#[test]
fn x42_a_database_on_a_read_only_mount_is_read_and_left_alone() {
    let sandbox = Sandbox::new();
    let (app, db) = (sandbox.app(), sandbox.db());
    let before = fs::read(&db).unwrap();
    let line = format!(
        "mount --bind '{0}' '{0}' && mount -o remount,bind,ro '{0}' && cd '{0}' && exec \"$0\" \"$@\"",
        app.display()
    );
    let mounted = |words: &[&str]| {
        let mut command = std::process::Command::new("unshare");
        command
            .args(["-rm", "/bin/sh", "-c", &line, crate::support::BINARY])
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", sandbox.path().join("home"))
            .env("VERTEX_BACKUP_STATE", sandbox.path().join("home/state.db"));
        command.output()
    };
    let can = has_tool("unshare") && mounted(&["--version"]).is_ok_and(|run| run.status.success());
    if !can {
        return;
    }
    let read = mounted(&["config", "list", "--json"]).unwrap();
    assert!(read.status.success(), "{read:?}");
    let words = ["config", "set", "globex", "--provider", "local", "--json"];
    let set = mounted(&words).unwrap();
    assert_eq!(set.status.code(), Some(12), "{set:?}");
    let error: serde_json::Value = serde_json::from_slice(&set.stdout).unwrap();
    assert_eq!(error["code"], "database_readonly", "{error}");
    assert!(fs::read(&db).unwrap() == before);
}

/// Whoever may write the database, and not its folder, may not remove the journal, and so
/// must not believe what is in the file.
#[test]
fn x42_a_journal_that_cannot_be_removed_is_no_reason_to_read_a_torn_database() {
    let sandbox = Sandbox::new();
    leave_a_hot_journal(&sandbox);
    give_to_nobody(sandbox.path());
    set_mode(&sandbox.app(), 0o555);
    let run = sandbox
        .command(["config", "list", "--json"])
        .unprivileged()
        .run();
    set_mode(&sandbox.app(), 0o755);
    never_broke(&run, "a journal in a read-only folder");
    if run.code == 0 {
        assert_eq!(run.json()["count"], 7, "{run:?}");
        assert!(!run.stdout.contains("lost"));
    } else {
        assert_eq!(run.code, 12, "{run:?}");
        assert!(
            run.json()["detail"]
                .as_str()
                .unwrap()
                .contains("app_data.db")
        );
    }
    // As soon as it may, whoever comes next mends it.
    let list = sandbox.command(["config", "list", "--json"]).unprivileged();
    assert_eq!(list.run().code(0).json()["count"], 7);
}

/// Each command that reads meets the journal and has it rolled back, also the one that
/// makes a backup of the database.
#[test]
fn x42_every_reader_has_a_killed_writer_rolled_back() {
    for words in [
        &["config", "get", "globex"][..],
        &["company", "list"],
        &["status"],
        &["sync", "acme-corp", FILE],
        &["backup", "create", "--type", "database"],
    ] {
        let sandbox = Sandbox::assigned();
        leave_a_hot_journal(&sandbox);
        let run = sandbox.run(words).code(0);
        assert!(!run.stdout.contains("lost"), "{words:?} {run:?}");
        let names = "SELECT count(*) FROM companies WHERE name LIKE 'lost%'";
        let torn: i64 = sandbox
            .sql()
            .query_row(names, [], |row| row.get(0))
            .unwrap();
        assert_eq!(torn, 0, "{words:?}");
        assert!(!sandbox.file("app_data.db-journal").exists(), "{words:?}");
    }
}
