//! The state beside the database: a history that shows tampering, locks that die with their process.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};
use vertex_backup::hash::Hasher;
use vertex_backup::history::{Intent, Outcome as RunOutcome, Verdict};
use vertex_backup::lock::Locks;
use vertex_backup::state::State;

use crate::support::{DB, DB_SHA256, Outcome, Sandbox, give_to_nobody, login_name};

const BACKUP: &str = "backups/database/db_backup_20250131_040000.db";

/// Acme's assignment and one backup of it: two runs, four rows.
fn synced() -> Sandbox {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp", BACKUP, "-q"]).code(0);
    sandbox
}

/// Opens the state as an intruder would, without what guards it.
fn pried_open(state: &Path) -> Connection {
    let connection = Connection::open(state).unwrap();
    connection
        .execute_batch("DROP TRIGGER history_keeps_rows; DROP TRIGGER history_keeps_values;")
        .unwrap();
    connection
}

/// Removes the state with all that belongs to it.
fn lose_state(sandbox: &Sandbox) {
    let mut removed = 0;
    for name in Sandbox::files_below(&sandbox.app()) {
        if name.starts_with("app_data.backup-state") {
            fs::remove_file(sandbox.file(&name)).unwrap();
            removed += 1;
        }
    }
    assert!(removed > 0);
}

fn head(sandbox: &Sandbox) -> String {
    let check = sandbox.json(0, ["history", "--check"]);
    check["head"].as_str().unwrap().to_owned()
}

/// Operation, company, verdict and code of every run, oldest first.
fn told(sandbox: &Sandbox) -> Vec<[String; 4]> {
    let history = sandbox.json(0, ["history"]);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let runs = history["runs"].as_array().unwrap().iter().rev();
    runs.map(|run| {
        [
            text(&run["operation"]),
            text(&run["company_id"]),
            text(&run["verdict"]),
            text(&run["code"]),
        ]
    })
    .collect()
}

#[track_caller]
fn assert_broken(run: &Outcome, what: &str) {
    assert_eq!(run.code, 7, "{what}: {run:?}");
    let error = run.json();
    assert_eq!(error["code"], "history_broken", "{what}: {error}");
    assert!(error["row"].is_i64(), "{what}: {error}");
}

/// Does something to a copy of a good state, and expects the check to find it.
#[track_caller]
fn assert_found(sandbox: &Sandbox, what: &str, tamper: impl FnOnce(&Connection)) {
    let copy = sandbox.path().join("tampered.db");
    let source = Connection::open(sandbox.state()).unwrap();
    let _ = fs::remove_file(&copy);
    source
        .execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
        .unwrap();
    let check = || {
        sandbox
            .command(["history", "--check", "--json"])
            .env("VERTEX_BACKUP_STATE", &copy)
            .run()
    };
    let connection = pried_open(&copy);
    assert_eq!(check().code(0).json()["rows"], 10, "before: {what}");
    tamper(&connection);
    drop(connection);
    assert_broken(&check(), what);
}

/// A state with five runs, ten rows.
fn five_runs() -> Sandbox {
    let sandbox = synced();
    sandbox.run(["sync", "acme-corp", BACKUP, "-q"]).code(0);
    sandbox
        .run(["company", "add", "x", "--name", "X", "-q"])
        .code(0);
    sandbox
        .run(["company", "add", "x", "--name", "X", "-q"])
        .code(11);
    sandbox
}

#[test]
fn s13_every_changing_command_leaves_a_row() {
    let sandbox = Sandbox::new();
    let damaged = "backups/database/db_backup_20250129_020000.db";
    let mut bytes = fs::read(sandbox.file(damaged)).unwrap();
    bytes[5000] ^= 1;
    fs::write(sandbox.file(damaged), bytes).unwrap();
    for (code, words) in [
        (
            0,
            &["config", "set", "acme-corp", "--provider", "local"][..],
        ),
        (0, &["sync", "acme-corp", BACKUP]),
        (0, &["sync", "acme-corp", BACKUP]),
        (7, &["sync", "acme-corp", damaged]),
        (0, &["download", "acme-corp", DB, "-o", "back.db"]),
        (0, &["delete", "acme-corp", DB, "--yes"]),
        (0, &["company", "add", "newco", "--name", "New Co"]),
        (11, &["company", "add", "newco", "--name", "Newer Co"]),
        (0, &["company", "update", "newco", "--name", "Newer Co"]),
        (0, &["config", "unset", "acme-corp"]),
        (0, &["config", "set", "acme-corp", "--unset"]),
        (0, &["providers", "set", "local", "--root", "/mnt/nas"]),
        (0, &["providers", "unset", "local"]),
    ] {
        sandbox.run([words, &["-q"]].concat()).code(code);
    }
    let expected = [
        ["config set", "acme-corp", "ok", "-"],
        ["sync", "acme-corp", "ok", "-"],
        ["sync", "acme-corp", "skipped", "-"],
        ["sync", "acme-corp", "failed", "integrity_failed"],
        ["download", "acme-corp", "ok", "-"],
        ["delete", "acme-corp", "ok", "-"],
        ["company add", "newco", "ok", "-"],
        ["company add", "newco", "failed", "already_exists"],
        ["company update", "newco", "ok", "-"],
        ["config unset", "acme-corp", "ok", "-"],
        ["config unset", "acme-corp", "ok", "-"],
        ["providers set", "-", "ok", "-"],
        ["providers unset", "-", "ok", "-"],
    ];
    assert_eq!(told(&sandbox), expected);
    sandbox
        .run(["history", "--check"])
        .code(0)
        .stdout(&format!(
            "The history is whole: {} rows, head {}\n",
            2 * expected.len(),
            head(&sandbox)
        ))
        .stderr("");
}

#[test]
fn reading_leaves_no_row_and_no_state() {
    let sandbox = Sandbox::new();
    for words in [
        &["config", "list"][..],
        &["providers"],
        &["status"],
        &["history"],
        &["history", "--check"],
    ] {
        sandbox.run(words).code(0);
    }
    assert!(!sandbox.state().exists());
    sandbox
        .run(["history"])
        .code(0)
        .stdout("No runs\n")
        .stderr("");
}

#[test]
fn s13_a_run_says_who_did_what_to_what() {
    let sandbox = synced();
    let history = sandbox.json(0, ["history", "acme-corp", "--limit", "1"]);
    assert_eq!(
        (&history["success"], &history["count"]),
        (&json!(true), &json!(1))
    );
    let run = &history["runs"][0];
    assert_eq!(run["operation"], "sync");
    assert_eq!(run["company_name"], "Acme Corporation");
    assert_eq!(run["provider"], "local");
    assert_eq!(run["target"], format!("/vertex-ar/acme-corp/backups/{DB}"));
    assert_eq!(run["bytes"], 294_912);
    assert_eq!(run["actor"]["user"], login_name());
    assert_eq!(run["actor"]["terminal"], false);
    assert!(run["started_at"].as_str().unwrap() <= run["finished_at"].as_str().unwrap());
    assert_eq!(sandbox.json(0, ["history", "globex"])["count"], 0);
    assert_eq!(sandbox.json(0, ["history", "--failed"])["count"], 0);
    assert_eq!(sandbox.json(0, ["history", "--since", "1h"])["count"], 2);
    sandbox.run(["history", "--since", "yesterday"]).code(2);
    sandbox.run(["history", "nobody"]).code(4);
}

#[test]
fn a_sync_that_could_not_reach_the_remote_is_in_the_history() {
    let sandbox = Sandbox::new();
    let root = sandbox.path().join("nas");
    fs::create_dir(&root).unwrap();
    sandbox
        .run([
            "providers",
            "set",
            "local",
            "--root",
            root.to_str().unwrap(),
            "-q",
        ])
        .code(0);
    sandbox
        .run(["config", "set", "acme-corp", "--provider", "local", "-q"])
        .code(0);
    // The NAS is not mounted any more.
    fs::rename(&root, sandbox.path().join("away")).unwrap();
    let error = sandbox.json(6, ["sync", "acme-corp", BACKUP]);
    assert_eq!(error["reason"], "not_mounted");
    assert!(
        !root.exists(),
        "nothing was written where the NAS should be"
    );
    let last = told(&sandbox).pop().unwrap();
    assert_eq!(
        last,
        ["sync", "acme-corp", "failed", "provider_connection_failed"]
    );
}

#[test]
fn a_history_nobody_touched_is_whole() {
    let sandbox = five_runs();
    let check = sandbox.json(0, ["history", "--check"]);
    assert_eq!(check["rows"], 10);
    assert_eq!(check["head"].as_str().unwrap().len(), 64);
    let again = sandbox.json(
        0,
        [
            "history",
            "--check",
            "--head",
            check["head"].as_str().unwrap(),
        ],
    );
    assert_eq!(again, check);
}

#[test]
fn a_history_that_grows_while_it_is_checked_is_whole() {
    let sandbox = synced();
    let mut alarms = Vec::new();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let locks = Locks::beside(&sandbox.state());
            let lock = locks.acquire("a test", "sync", Duration::ZERO).unwrap();
            let mut state = State::open(&sandbox.state()).unwrap();
            for _ in 0..200 {
                let intent = Intent {
                    operation: "sync".into(),
                    ..Intent::default()
                };
                let done = |_: &mut State| Ok(((), RunOutcome::done(Verdict::Ok, "", 0)));
                state.recorded(intent, Some(&lock), done).unwrap();
            }
        });
        while !writer.is_finished() {
            let state = State::open_existing(&sandbox.state()).unwrap().unwrap();
            alarms.extend(
                state
                    .check_history(None)
                    .err()
                    .map(|alarm| alarm.to_string()),
            );
        }
    });
    assert!(
        alarms.is_empty(),
        "{} false alarms: {}",
        alarms.len(),
        alarms[0]
    );
    assert_eq!(sandbox.json(0, ["history", "--check"])["rows"], 404);
}

#[test]
fn s12_altering_any_column_of_a_row_is_found() {
    let sandbox = five_runs();
    for (column, value) in [
        ("seq", "1000"),
        ("run", "'x'"),
        ("at", "'2020-01-01T00:00:00Z'"),
        ("event", "'started'"),
        ("operation", "'delete'"),
        ("company_id", "'globex'"),
        ("company_name", "NULL"),
        ("provider", "'yandex_disk'"),
        ("target", "target || ' '"),
        ("verdict", "'failed'"),
        ("code", "''"),
        ("detail", "'nothing happened'"),
        ("bytes", "bytes + 1"),
        ("actor", "replace(actor, 'pid', 'pit')"),
        ("previous", "hash"),
        ("hash", "previous"),
    ] {
        // The verdict of the first sync.
        let sql = format!("UPDATE history SET {column} = {value} WHERE seq = 4");
        assert_found(&sandbox, &sql, |state| {
            assert_eq!(state.execute(&sql, []).unwrap(), 1);
        });
    }
}

#[test]
fn s12_altering_the_type_of_a_cell_is_found() {
    let sandbox = five_runs();
    for column in [
        "run",
        "operation",
        "company_id",
        "verdict",
        "detail",
        "actor",
    ] {
        let sql = format!("UPDATE history SET {column} = CAST({column} AS BLOB) WHERE seq = 4");
        assert_found(&sandbox, &sql, |state| {
            assert_eq!(state.execute(&sql, []).unwrap(), 1);
        });
    }
}

#[test]
fn s12_removing_inserting_and_swapping_rows_is_found() {
    let sandbox = five_runs();
    let columns = "run, at, event, operation, company_id, company_name, provider, target, verdict, \
                   code, detail, bytes, actor, previous, hash";
    let append = format!("INSERT INTO history SELECT 11, {columns} FROM history WHERE seq = 10;");
    let insert = format!(
        "UPDATE history SET seq = -seq WHERE seq > 5; UPDATE history SET seq = 1 - seq WHERE seq < 0;
         INSERT INTO history SELECT 6, {columns} FROM history WHERE seq = 5;"
    );
    for (what, sql) in [
        ("the first row", "DELETE FROM history WHERE seq = 1"),
        ("a row in the middle", "DELETE FROM history WHERE seq = 5"),
        (
            "a row in the middle, and the rest moved up",
            "DELETE FROM history WHERE seq = 5; UPDATE history SET seq = seq - 1 WHERE seq > 5;",
        ),
        ("the last row", "DELETE FROM history WHERE seq = 10"),
        ("the last run", "DELETE FROM history WHERE seq > 8"),
        ("all rows", "DELETE FROM history"),
        ("a row at the end", append.as_str()),
        ("a row in between", insert.as_str()),
        (
            "two rows swapped",
            "UPDATE history SET seq = 100 WHERE seq = 3; UPDATE history SET seq = 3 WHERE seq = 4;
             UPDATE history SET seq = 4 WHERE seq = 100;",
        ),
        ("the head", "UPDATE history_head SET hash = 'x'"),
        ("the count", "UPDATE history_head SET seq = 9"),
    ] {
        assert_found(&sandbox, what, |state| state.execute_batch(sql).unwrap());
    }
}

#[test]
fn s12_a_history_without_its_head_is_broken() {
    let sandbox = five_runs();
    for sql in ["DELETE FROM history_head", "DROP TABLE history_head"] {
        assert_found(&sandbox, sql, |state| state.execute_batch(sql).unwrap());
    }
}

#[test]
fn the_state_refuses_to_change_its_history() {
    let sandbox = synced();
    let state = Connection::open(sandbox.state()).unwrap();
    for sql in [
        "DELETE FROM history WHERE seq = 4",
        "UPDATE history SET verdict = 'failed' WHERE seq = 4",
    ] {
        let error = state.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("history is append-only"), "{error}");
    }
}

/// Forges the whole chain anew, as somebody can who may write the file.
fn forge(state: &Connection) {
    let columns = "run, at, event, operation, company_id, company_name, provider, target, verdict, \
                   code, detail, CAST(bytes AS TEXT), actor";
    let rows: Vec<(i64, Vec<Option<String>>)> = {
        let mut statement = state
            .prepare(&format!("SELECT seq, {columns} FROM history ORDER BY seq"))
            .unwrap();
        statement
            .query_map([], |row| {
                let fields = (1..=13).map(|index| row.get(index));
                Ok((row.get(0)?, fields.collect::<Result<_, _>>()?))
            })
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    };
    let mut previous = String::new();
    for (seq, mut fields) in rows {
        fields.push(Some(previous.clone()));
        let mut hasher = Hasher::new();
        hasher.update(&seq.to_be_bytes());
        for field in fields {
            match field {
                Some(text) => {
                    hasher.update(&[1]);
                    hasher.update(&(text.len() as u64).to_be_bytes());
                    hasher.update(text.as_bytes());
                }
                None => hasher.update(&[0]),
            }
        }
        let hash = hasher.finish().to_string();
        state
            .execute(
                "UPDATE history SET previous = ?2, hash = ?3 WHERE seq = ?1",
                (seq, &previous, &hash),
            )
            .unwrap();
        state
            .execute("UPDATE history_head SET seq = ?1, hash = ?2", (seq, &hash))
            .unwrap();
        previous = hash;
    }
}

#[test]
fn s12_a_head_noted_earlier_shows_even_a_chain_forged_as_a_whole() {
    let sandbox = synced();
    let noted = head(&sandbox);
    sandbox.run(["sync", "acme-corp", BACKUP, "-q"]).code(0);
    let check = sandbox.json(0, ["history", "--check", "--head", &noted]);
    assert_eq!(check["rows"], 6);

    let state = pried_open(&sandbox.state());
    forge(&state);
    assert_eq!(
        head(&sandbox),
        check["head"].as_str().unwrap(),
        "the forger's hashes are the tool's"
    );
    state
        .execute("UPDATE history SET verdict = 'failed' WHERE seq = 4", [])
        .unwrap();
    forge(&state);
    sandbox.run(["history", "--check"]).code(0);
    assert_broken(
        &sandbox.run(["history", "--check", "--json", "--head", &noted]),
        "forged",
    );
    assert_broken(
        &sandbox.run(["history", "--check", "--json", "--head", "0000"]),
        "a head that never was",
    );
}

#[test]
fn s12_a_note_of_the_head_that_was_lost_proves_nothing() {
    let sandbox = synced();
    let noted = head(&sandbox).to_uppercase();
    for (note, code) in [("", 2), (" ", 2), (noted.as_str(), 0)] {
        sandbox
            .run(["history", "--check", "--head", note])
            .code(code);
    }
}

#[test]
fn s12_a_history_cut_off_before_the_noted_head_is_found() {
    let sandbox = five_runs();
    let noted = head(&sandbox);
    pried_open(&sandbox.state())
        .execute_batch(
            "DELETE FROM history WHERE seq > 8;
             UPDATE history_head SET seq = 8, hash = (SELECT hash FROM history WHERE seq = 8);",
        )
        .unwrap();
    sandbox.run(["history", "--check"]).code(0);
    assert_broken(
        &sandbox.run(["history", "--check", "--json", "--head", &noted]),
        "cut",
    );
}

#[test]
fn s12_a_state_that_is_gone_or_new_does_not_hold_the_noted_head() {
    let sandbox = synced();
    let noted = head(&sandbox);
    let check = ["history", "--check", "--json", "--head", &noted];
    lose_state(&sandbox);
    assert_broken(&sandbox.run(check), "gone");
    sandbox.run(["config", "unset", "acme-corp", "-q"]).code(0);
    assert_broken(&sandbox.run(check), "new");
}

#[test]
fn all_we_make_is_private_whatever_the_umask() {
    let sandbox = Sandbox::new();
    let bare = |words: &[&str]| {
        sandbox
            .command(words)
            .limited("-c 0; umask 000")
            .run()
            .code(0)
    };
    let before = Sandbox::files_below(sandbox.path());
    bare(&["config", "set", "acme-corp", "--provider", "local", "-q"]);
    bare(&["sync", "acme-corp", BACKUP, "-q"]);
    bare(&["download", "acme-corp", DB, "-o", "back.db", "-q"]);
    // A connection of our own keeps the log and its index there to be looked at.
    let reader = Connection::open(sandbox.state()).unwrap();
    reader
        .execute_batch("BEGIN; SELECT * FROM history;")
        .unwrap();
    bare(&["company", "add", "x", "--name", "X", "-q"]);
    let mut made: Vec<PathBuf> = Vec::new();
    for name in Sandbox::files_below(sandbox.path()) {
        if !before.contains(&name) {
            let path = sandbox.path().join(name);
            made.extend([path.parent().unwrap().to_owned(), path]);
        }
    }
    for end in [
        "-state.db",
        "-state.db-wal",
        "-state.db-shm",
        ".lock",
        "back.db",
    ] {
        let found = made
            .iter()
            .any(|path| path.to_string_lossy().ends_with(end));
        assert!(found, "{end} is not in {made:?}");
    }
    for path in made {
        let rights = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        if path == sandbox.app() {
            continue;
        }
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(rights, expected, "{} {rights:o}", path.display());
    }
}

#[test]
fn x43_a_database_of_somebody_else_is_no_state() {
    let sandbox = Sandbox::new();
    let before = fs::read(sandbox.db()).unwrap();
    for arguments in [
        vec!["config", "set", "acme-corp", "--provider", "local"],
        vec!["status"],
        vec!["history", "--check"],
    ] {
        let call = sandbox
            .command(arguments.iter().chain(&["--json"]))
            .env("VERTEX_BACKUP_STATE", sandbox.db());
        let error = call.run().code(12).json();
        assert_eq!(error["code"], "database_invalid", "{arguments:?}");
    }
    assert!(
        fs::read(sandbox.db()).unwrap() == before,
        "the application's database was changed"
    );
}

#[test]
fn x43_a_state_of_a_newer_version_is_told_and_left_alone() {
    let sandbox = synced();
    let state = Connection::open(sandbox.state()).unwrap();
    state.pragma_update(None, "user_version", 99).unwrap();
    for words in [
        &["history"][..],
        &["config", "set", "globex", "--provider", "local"],
        &["sync", "acme-corp", BACKUP],
        &["status"],
    ] {
        let error = sandbox.json(12, words);
        assert_eq!(error["code"], "database_invalid", "{words:?}");
        let detail = error["detail"].as_str().unwrap();
        assert!(
            detail.ends_with("was written by a newer version of vertex-backup"),
            "{detail}"
        );
        let hint = error["hint"].as_str().unwrap();
        assert!(
            hint.starts_with("use that version, or a later one"),
            "{hint}"
        );
    }
    let (version, rows): (i64, i64) = state
        .query_row(
            "SELECT (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM history)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!((version, rows), (99, 4));
    // Reading the companies needs no state.
    sandbox.run(["config", "list"]).code(0);
}

#[test]
fn x43_a_backup_comes_back_whatever_became_of_the_state() {
    let newer = |sandbox: &Sandbox| {
        let state = Connection::open(sandbox.state()).unwrap();
        state.pragma_update(None, "user_version", 99).unwrap();
    };
    let damaged = |sandbox: &Sandbox| fs::write(sandbox.state(), vec![7; 20_000]).unwrap();
    let sealed = |sandbox: &Sandbox| {
        for name in Sandbox::files_below(&sandbox.app()) {
            if name.starts_with("app_data.backup-state") {
                let path = sandbox.file(&name);
                fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
            }
        }
        fs::set_permissions(sandbox.app(), fs::Permissions::from_mode(0o555)).unwrap();
    };
    let ways: [&dyn Fn(&Sandbox); 3] = [&newer, &damaged, &sealed];
    for spoil in ways {
        let sandbox = synced();
        fs::create_dir(sandbox.path().join("restore")).unwrap();
        give_to_nobody(sandbox.path());
        spoil(&sandbox);
        for words in [
            &["files", "acme-corp"][..],
            &["download", "acme-corp", "--latest", "-o", "../restore"],
            &["providers"],
        ] {
            let run = sandbox.command(words).unprivileged().run().code(0);
            assert!(!run.stdout.contains("not connected"), "{}", run.stdout);
        }
        let name = BACKUP.rsplit('/').next().unwrap();
        let back = fs::read(sandbox.path().join("restore").join(name)).unwrap();
        assert!(back == fs::read(sandbox.file(BACKUP)).unwrap());
        fs::set_permissions(sandbox.app(), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn x38_companies_that_ask_for_one_directory_at_once_do_not_share_it() {
    let sandbox = Sandbox::new();
    let children: Vec<_> = [
        "acme-corp",
        "widget-inc",
        "romashka",
        "o-neill",
        "company-123",
    ]
    .map(|company| {
        let words = [
            "config",
            "set",
            company,
            "--provider",
            "local",
            "--remote-path",
            "/same",
            "--json",
        ];
        sandbox.command(words).spawn()
    })
    .into();
    let codes: Vec<_> = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap().status.code())
        .collect();
    assert_eq!(
        codes.iter().filter(|code| **code == Some(0)).count(),
        1,
        "{codes:?}"
    );
    assert!(
        codes.iter().all(|code| matches!(code, Some(0 | 5))),
        "{codes:?}"
    );
    let sharing: i64 = sandbox
        .sql()
        .query_row(
            "SELECT count(*) FROM companies WHERE backup_remote_path = '/same'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(sharing, 1);
}

#[test]
fn x43_without_the_state_backups_are_still_listed_brought_back_and_known_by_content() {
    for configured in [false, true] {
        let sandbox = Sandbox::new();
        if configured {
            let root = sandbox.path().join("nas");
            fs::create_dir(&root).unwrap();
            sandbox
                .run([
                    "providers",
                    "set",
                    "local",
                    "--root",
                    root.to_str().unwrap(),
                    "-q",
                ])
                .code(0);
        }
        sandbox
            .run(["config", "set", "acme-corp", "--provider", "local", "-q"])
            .code(0);
        sandbox.run(["sync", "acme-corp", BACKUP, "-q"]).code(0);
        lose_state(&sandbox);
        let files = sandbox.json(0, ["files", "acme-corp"]);
        assert_eq!(files["count"], 1);
        assert_eq!(files["files"][0]["name"], DB);
        assert!(!sandbox.state().exists(), "reading makes no state");
        let original = fs::read(sandbox.file(BACKUP)).unwrap();
        fs::remove_file(sandbox.file(BACKUP)).unwrap();
        sandbox.json(0, ["download", "acme-corp", DB]);
        assert_eq!(fs::read(sandbox.file(BACKUP)).unwrap(), original);
        lose_state(&sandbox);
        let sync = sandbox.json(0, ["sync", "acme-corp", BACKUP]);
        assert_eq!(sync["skipped"], true, "{sync}");
        assert_eq!(sync["sha256"], DB_SHA256);
        sandbox
            .run(["status", "acme-corp", "--max-age", "1h"])
            .code(0);
    }
}

#[test]
fn x43_an_empty_state_file_is_a_state_that_has_yet_to_be_made() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.state(), "").unwrap();
    sandbox.run(["history"]).code(0).stdout("No runs\n");
    sandbox
        .run(["config", "set", "acme-corp", "--provider", "local", "-q"])
        .code(0);
    assert_eq!(told(&sandbox).len(), 1);
}

const COMPANY_LOCK: &str = "Company 'acme-corp'";

/// The lock file that was last taken on something.
fn lock_file(sandbox: &Sandbox, what: &str) -> PathBuf {
    let folder = sandbox.file("app_data.backup-state.locks");
    let files = Sandbox::files_below(&folder);
    let mut paths = files.iter().map(|name| folder.join(name));
    paths
        .find(|path| fs::read_to_string(path).unwrap().contains(what))
        .unwrap()
}

/// Lets go of a lock at once: another test's child, on its way from fork to
/// exec, may hold a copy of the descriptor for a moment longer.
fn let_go(held: &File) {
    held.unlock().unwrap();
}

/// Holds a lock, as another process would.
fn hold(path: &Path) -> File {
    let file = File::open(path).unwrap();
    file.try_lock().unwrap();
    file
}

#[test]
fn x38_a_company_somebody_works_on_is_locked_and_nothing_is_done() {
    let sandbox = Sandbox::assigned();
    let held = hold(&lock_file(&sandbox, COMPANY_LOCK));
    let db = fs::read(sandbox.db()).unwrap();
    for words in [
        &["sync", "acme-corp", BACKUP][..],
        &["config", "unset", "acme-corp"],
        &["company", "update", "acme-corp", "--name", "Acme Inc"],
        &["sync", "acme-corp", BACKUP, "--lock-wait", "1s"],
    ] {
        let run = sandbox.run([words, &["--json"]].concat()).code(8);
        assert!(
            run.stderr.starts_with(
                "error: Company 'acme-corp' is in use by another run: `config set`, pid "
            ),
            "{}",
            run.stderr
        );
        let error = run.json();
        assert_eq!(error["code"], "locked");
        assert_eq!(
            (&error["status"], &error["retryable"]),
            (&json!(409), &json!(true))
        );
        assert_eq!(error["command"], "config set");
        assert!(
            error["pid"].is_u64() && error["age_seconds"].is_u64(),
            "{error}"
        );
        assert!(error["hint"].as_str().unwrap().contains("--lock-wait"));
    }
    assert_eq!(fs::read(sandbox.db()).unwrap(), db);
    assert_eq!(Sandbox::files_below(&sandbox.root()), Vec::<String>::new());
    let refused =
        |operation: &str| [operation, "acme-corp", "refused", "locked"].map(str::to_owned);
    assert_eq!(
        told(&sandbox)[1..],
        ["sync", "config unset", "company update", "sync"].map(refused)
    );
    // Somebody else's run is no failure of this company's.
    let status = sandbox.json(0, ["status", "acme-corp"]);
    assert_eq!(status["companies"][0]["health"], "never_synced");
    // Others are free, and so is whoever only reads.
    sandbox
        .run(["config", "set", "romashka", "--provider", "local", "-q"])
        .code(0);
    for words in [
        &["config", "get", "acme-corp"][..],
        &["files", "acme-corp"],
        &["status", "acme-corp"],
        &["history", "acme-corp"],
    ] {
        sandbox.run(words).code(0);
    }
    let_go(&held);
    sandbox.run(["sync", "acme-corp", BACKUP, "-q"]).code(0);
}

#[test]
fn x38_waiting_for_the_lock_ends_when_it_is_let_go() {
    let sandbox = Sandbox::assigned();
    let held = hold(&lock_file(&sandbox, COMPANY_LOCK));
    let waiting = sandbox
        .command(["sync", "acme-corp", BACKUP, "--lock-wait", "60s", "--json"])
        .spawn();
    std::thread::sleep(Duration::from_millis(300));
    let_go(&held);
    let output = waiting.wait_with_output().unwrap();
    let run = Outcome::of(&output, &sandbox).code(0);
    assert_eq!(run.json()["skipped"], false);
}

#[test]
fn the_provider_file_is_locked_on_its_own() {
    let sandbox = Sandbox::new();
    let set = ["providers", "set", "local", "--root", "/mnt/nas", "--json"];
    sandbox.run(set).code(0);
    let held = hold(&lock_file(&sandbox, "The provider file"));
    let error = sandbox.run(set).code(8).json();
    assert_eq!(error["command"], "providers set");
    let_go(&held);
    sandbox.run(set).code(0);
}

#[test]
fn x38_a_lock_file_whose_process_is_dead_blocks_nobody() {
    let sandbox = Sandbox::assigned();
    let file = lock_file(&sandbox, COMPANY_LOCK);
    let left = fs::read_to_string(&file).unwrap();
    // Even when its pid is that of another process by now.
    let mut holder: Value = serde_json::from_str(&left).unwrap();
    holder["actor"]["pid"] = std::process::id().into();
    for text in [left, holder.to_string(), "not JSON".into(), String::new()] {
        fs::write(&file, text).unwrap();
        sandbox.run(["sync", "acme-corp", BACKUP, "-q"]).code(0);
    }
    fs::remove_file(&file).unwrap();
    sandbox.run(["sync", "acme-corp", BACKUP, "-q"]).code(0);
}

#[test]
fn a_lock_held_by_somebody_unknown_is_a_lock_all_the_same() {
    let sandbox = Sandbox::assigned();
    let file = lock_file(&sandbox, COMPANY_LOCK);
    for text in ["", "not JSON", "{}"] {
        fs::write(&file, text).unwrap();
        let held = hold(&file);
        sandbox
            .run(["sync", "acme-corp", BACKUP])
            .code(8)
            .stdout("")
            .stderr_has("error: Company 'acme-corp' is in use by another run\n");
        let_go(&held);
    }
}

#[test]
fn x38_a_killed_run_lets_go_of_its_lock_and_counts_as_interrupted() {
    let sandbox = Sandbox::new();
    // The application is in the middle of a write, so the run holds its lock and waits.
    let application = sandbox.sql();
    application.execute_batch("BEGIN IMMEDIATE").unwrap();
    let set = [
        "config",
        "set",
        "acme-corp",
        "--provider",
        "local",
        "--json",
    ];
    let mut waiting = sandbox
        .command([&set[..], &["--timeout", "300s"]].concat())
        .spawn();
    let running = ["config set", "acme-corp", "running", "-"];
    for _ in 0..600 {
        if told(&sandbox) == [running] {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(told(&sandbox), [running]);
    let error = sandbox.run(set).code(8).json();
    assert_eq!(error["pid"], waiting.id());

    waiting.kill().unwrap();
    waiting.wait().unwrap();
    let dead = ["config set", "acme-corp", "interrupted", "-"];
    let refused = ["config set", "acme-corp", "refused", "locked"];
    assert_eq!(told(&sandbox), [dead, refused]);
    application.execute_batch("ROLLBACK").unwrap();
    // Another company's run knows nothing of it.
    let other = ["config", "set", "romashka", "--provider", "local", "-q"];
    sandbox.run(other).code(0);
    assert_eq!(told(&sandbox)[0], dead);
    sandbox.run(set).code(0);
    assert_eq!(
        told(&sandbox),
        [
            ["config set", "acme-corp", "interrupted", "interrupted"],
            refused,
            ["config set", "romashka", "ok", "-"],
            ["config set", "acme-corp", "ok", "-"]
        ]
    );
    assert_eq!(sandbox.json(0, ["history", "--failed"])["count"], 2);
    sandbox.run(["history", "--check"]).code(0);
}
