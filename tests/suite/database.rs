//! The application's database: read while it is written, written in two fields, never anything else.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::Value;
use serde_json::json;
use vertex_backup::company::{BackupConfig, Changes, Companies};

use crate::support::{Sandbox, fixtures, give_to_nobody, keys};

const SHARED_DISK: &str = "warning: the local root '[DIR]/home/.local/share/vertex-backup/remote' is on the same disk \
     as the backups; another disk is safer: vertex-backup providers set local --root DIR\n\
     note: the application's database and storage backups hold the data of every company, \
     whichever company's remote they are sent to\n";

const LIST: &str = "\
ID                 NAME                       PROVIDER      REMOTE PATH
company-123        Acme Corp                  -             -
acme-corp          Acme Corporation           -             -
globex             Globex                     google_drive  /vertex-ar/globex/backups
o-neill            O'Neill & Söhne \"AR\" GmbH  -             -
vertex-ar-default  Vertex AR                  -             -
widget-inc         Widget Inc                 -             -
romashka           ООО «Ромашка»              -             -

7 companies, 1 configured (google_drive 1), 6 not configured
";

/// An installation whose database is from before the two columns.
fn old_installation() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::copy(fixtures().join("old_schema.db"), sandbox.db()).unwrap();
    sandbox
}

fn open(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

fn journal_mode(connection: &Connection) -> String {
    connection
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap()
}

fn assert_sound(connection: &Connection) {
    let verdict: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
}

/// Everything `sqlite_master` says, in its order.
fn schema(connection: &Connection) -> Vec<(String, String, Option<String>)> {
    let mut statement = connection
        .prepare("SELECT type, name, sql FROM sqlite_master ORDER BY rowid")
        .unwrap();
    statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

fn columns(connection: &Connection) -> Vec<String> {
    let mut statement = connection
        .prepare("SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || coalesce(dflt_value, '') FROM pragma_table_info('companies')")
        .unwrap();
    statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// Every value of every row of a table, with the names of the columns.
fn rows(connection: &Connection, table: &str) -> Vec<Vec<(String, Value)>> {
    let mut statement = connection
        .prepare(&format!("SELECT rowid, * FROM {table} ORDER BY rowid"))
        .unwrap();
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    statement
        .query_map([], |row| {
            names
                .iter()
                .enumerate()
                .map(|(index, name)| Ok((name.clone(), row.get(index)?)))
                .collect()
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A standalone database whose table promises nothing about its cells.
fn loose_database(sandbox: &Sandbox, fill: &str) -> PathBuf {
    let path = sandbox.file("loose.db");
    open(&path)
        .execute_batch(&format!(
            "CREATE TABLE companies (id, name, created_at, backup_provider, backup_remote_path); {fill}"
        ))
        .unwrap();
    path
}

#[test]
fn listing_the_real_database_shows_every_company() {
    let sandbox = Sandbox::new();
    sandbox
        .run(["config", "list"])
        .code(0)
        .stdout(LIST)
        .stderr("");
    let list = sandbox.json(0, ["config", "list"]);
    assert_eq!(keys(&list)[..3], ["success", "companies", "count"]);
    assert_eq!(list["count"], 7);
    assert_eq!(
        list["companies"][2],
        json!({"company_id": "globex", "company_name": "Globex", "backup_provider": "google_drive",
               "backup_remote_path": "/vertex-ar/globex/backups"})
    );
    assert_eq!(
        keys(&list["companies"][0]),
        [
            "company_id",
            "company_name",
            "backup_provider",
            "backup_remote_path"
        ]
    );
}

#[test]
fn listing_by_provider_or_state_counts_what_is_shown() {
    let sandbox = Sandbox::new();
    let globex = "\
ID      NAME    PROVIDER      REMOTE PATH
globex  Globex  google_drive  /vertex-ar/globex/backups

1 company, 1 configured (google_drive 1), 0 not configured
";
    for filter in [&["--configured"][..], &["--provider", "google_drive"]] {
        sandbox
            .run([&["config", "list"][..], filter].concat())
            .code(0)
            .stdout(globex);
    }
    sandbox
        .run(["config", "list", "--provider", "local"])
        .code(0)
        .stdout("0 companies, 0 configured, 0 not configured\n");
    let free = sandbox.json(0, ["config", "list", "--unconfigured"]);
    assert_eq!(free["count"], 6);
    assert_eq!(free["configured"], 0);
    sandbox
        .run(["config", "list", "--provider", "dropbox"])
        .code(2)
        .stdout("")
        .stderr_has("backup_provider must be one of: yandex_disk, google_drive, local");
}

#[test]
fn reading_the_real_database_changes_not_one_byte() {
    let sandbox = Sandbox::new();
    let before = fs::read(sandbox.db()).unwrap();
    let files = Sandbox::files_below(&sandbox.app());
    for arguments in [
        &["config", "list"][..],
        &["config", "get", "acme-corp"],
        &["company", "list"],
        &["company", "show", "romashka"],
        &["status", "--no-check"],
        &["history"],
    ] {
        sandbox.run(arguments).code(0);
    }
    assert_eq!(fs::read(sandbox.db()).unwrap(), before);
    assert_eq!(Sandbox::files_below(&sandbox.app()), files);
}

#[test]
fn getting_a_company_by_id_or_exact_name_shows_the_same() {
    let sandbox = Sandbox::new();
    let shown = "\
Company      ООО «Ромашка» (romashka)
Provider     not configured
Remote path  -
";
    for company in ["romashka", "ООО «Ромашка»"] {
        sandbox
            .run(["config", "get", company])
            .code(0)
            .stdout(shown)
            .stderr("");
    }
    sandbox
        .run(["config", "get", "globex", "--json"])
        .code(0)
        .stdout(
            "{\"company_id\":\"globex\",\"company_name\":\"Globex\",\"backup_provider\":\"google_drive\",\
             \"backup_remote_path\":\"/vertex-ar/globex/backups\"}\n",
        )
        .stderr("");
}

#[test]
fn a_company_nobody_knows_is_answered_with_near_ones() {
    let sandbox = Sandbox::new();
    sandbox
        .run(["config", "get", "acme-crop"])
        .code(4)
        .stdout("")
        .stderr_has("error: Company 'acme-crop' not found\nhint: did you mean 'acme-corp'");
    let error = sandbox.json(4, ["config", "get", "' OR 1=1 --"]);
    assert_eq!(error["code"], "company_not_found");
    assert_eq!(error["status"], 404);
    assert_eq!(error["detail"], "Company '' OR 1=1 --' not found");
}

#[test]
fn assigning_a_company_changes_two_cells_and_nothing_else() {
    let sandbox = Sandbox::new();
    let before = sandbox.sql();
    let (schema_before, companies) = (schema(&before), rows(&before, "companies"));
    let users = rows(&before, "users");
    drop(before);

    sandbox
        .run(["config", "set", "acme-corp", "--provider", "local"])
        .code(0)
        .stdout(
            "Company      Acme Corporation (acme-corp)\n\
             Provider     local\n\
             Remote path  /vertex-ar/acme-corp/backups\n",
        )
        .stderr(SHARED_DISK);

    let after = sandbox.sql();
    assert_sound(&after);
    assert_eq!(journal_mode(&after), "delete");
    assert_eq!(schema(&after), schema_before);
    assert_eq!(rows(&after, "users"), users);
    let mut expected = companies;
    let acme = expected
        .iter_mut()
        .find(|row| row.contains(&("id".into(), Value::Text("acme-corp".into()))))
        .unwrap();
    for (name, value) in acme {
        match name.as_str() {
            "backup_provider" => *value = Value::Text("local".into()),
            "backup_remote_path" => *value = Value::Text("/vertex-ar/acme-corp/backups".into()),
            _ => {}
        }
    }
    assert_eq!(rows(&after, "companies"), expected);
}

#[test]
fn taking_an_assignment_away_leaves_null_in_both_fields() {
    for words in [
        &["config", "unset", "globex"][..],
        &["config", "set", "globex", "--unset"],
    ] {
        let sandbox = Sandbox::new();
        sandbox
            .run(words)
            .code(0)
            .stdout("Company      Globex (globex)\nProvider     not configured\nRemote path  -\n")
            .stderr("");
        let null: bool = sandbox
            .sql()
            .query_row(
                "SELECT backup_provider IS NULL AND backup_remote_path IS NULL FROM companies WHERE id = 'globex'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert!(null, "{words:?}");
    }
}

#[test]
fn names_are_data_in_every_query() {
    let sandbox = Sandbox::new();
    let name = r#"O'Neill & Söhne "AR" GmbH"#;
    let set = sandbox.json(0, ["config", "set", name, "--provider", "local"]);
    assert_eq!(set["company_id"], "o-neill");
    assert_eq!(set["backup_remote_path"], "/vertex-ar/o-neill/backups");
    let added = sandbox.json(
        0,
        [
            "company",
            "add",
            "x'); DROP TABLE companies; --",
            "--name",
            "'\"%_",
        ],
    );
    assert_eq!(added["company_name"], "'\"%_");
    assert_eq!(sandbox.json(0, ["config", "list"])["count"], 8);
}

#[test]
fn x40_reading_an_old_database_shows_nulls_and_changes_not_one_byte() {
    let sandbox = old_installation();
    let before = fs::read(sandbox.db()).unwrap();
    let list = sandbox.json(0, ["config", "list"]);
    assert_eq!(
        (&list["count"], &list["configured"]),
        (&json!(7), &json!(0))
    );
    for company in list["companies"].as_array().unwrap() {
        assert!(company["backup_provider"].is_null() && company["backup_remote_path"].is_null());
    }
    let globex = sandbox.json(0, ["config", "get", "globex"]);
    assert_eq!(
        globex,
        json!({"company_id": "globex", "company_name": "Globex", "backup_provider": null, "backup_remote_path": null})
    );
    assert_eq!(
        sandbox.json(0, ["config", "list", "--configured"])["count"],
        0
    );
    assert_eq!(
        sandbox.json(0, ["config", "list", "--unconfigured"])["count"],
        7
    );
    assert_eq!(
        sandbox.json(0, ["config", "list", "--provider", "local"])["count"],
        0
    );
    sandbox.run(["status"]).code(0);
    sandbox
        .run([
            "sync",
            "globex",
            "backups/database/db_backup_20250131_040000.db",
        ])
        .code(5)
        .stderr_has("error: Company 'Globex' does not have a backup provider configured");
    assert_eq!(fs::read(sandbox.db()).unwrap(), before);
}

#[test]
fn x40_the_first_assignment_in_an_old_database_adds_exactly_the_two_columns() {
    let sandbox = old_installation();
    let before = sandbox.sql();
    let (old_columns, old_schema) = (columns(&before), schema(&before));
    let companies = rows(&before, "companies");
    drop(before);
    sandbox
        .run(["config", "set", "globex", "--provider", "local", "-q"])
        .code(0);

    let after = sandbox.sql();
    let mut expected = old_columns;
    expected.extend([
        "backup_provider TEXT 0 ".to_owned(),
        "backup_remote_path TEXT 0 ".to_owned(),
    ]);
    assert_eq!(columns(&after), expected);
    let others = |schema: Vec<(String, String, Option<String>)>| {
        schema
            .into_iter()
            .filter(|(kind, name, _)| (kind.as_str(), name.as_str()) != ("table", "companies"))
            .collect::<Vec<_>>()
    };
    assert_eq!(others(schema(&after)), others(old_schema));
    assert_sound(&after);
    assert_eq!(journal_mode(&after), "delete");
    for (old, new) in companies.iter().zip(rows(&after, "companies")) {
        let (kept, added) = new.split_at(old.len());
        assert_eq!(kept, old);
        let assigned = old.contains(&("id".into(), Value::Text("globex".into())));
        assert_eq!(
            added.iter().all(|(_, value)| *value != Value::Null),
            assigned
        );
    }
    drop(after);

    let list = sandbox.json(0, ["config", "list"]);
    assert_eq!(
        (&list["count"], &list["configured"]),
        (&json!(7), &json!(1))
    );
    // The second write finds the columns there.
    sandbox
        .run(["config", "set", "romashka", "--provider", "local", "-q"])
        .code(0);
    assert_eq!(columns(&sandbox.sql()), expected);
}

#[test]
fn x40_two_first_assignments_at_once_both_succeed() {
    let sandbox = old_installation();
    let runs = ["acme-corp", "globex", "romashka", "widget-inc"].map(|company| {
        sandbox
            .command(["config", "set", company, "--provider", "local"])
            .spawn()
    });
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(sandbox.json(0, ["config", "list"])["configured"], 4);
}

#[test]
fn a_database_with_a_write_ahead_log_works_and_stays_one() {
    let sandbox = Sandbox::new();
    // The application is running.
    let application = sandbox.sql();
    application
        .pragma_update(None, "journal_mode", "wal")
        .unwrap();
    application
        .execute("UPDATE companies SET city = 'Omsk' WHERE id = 'globex'", [])
        .unwrap();
    sandbox.run(["config", "list"]).code(0).stdout(LIST);
    let set = sandbox.json(0, ["config", "set", "acme-corp", "--provider", "local"]);
    assert_eq!(set["backup_provider"], "local");
    let seen: String = application
        .query_row(
            "SELECT backup_provider FROM companies WHERE id = 'acme-corp'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(seen, "local");
    assert_eq!(journal_mode(&application), "wal");
    drop(application);
    // Nobody has it open any more.
    sandbox
        .run(["config", "set", "romashka", "--provider", "local", "-q"])
        .code(0);
    assert_eq!(sandbox.json(0, ["config", "list"])["configured"], 3);
    assert_eq!(journal_mode(&sandbox.sql()), "wal");
    assert_sound(&sandbox.sql());
}

#[test]
fn x39_a_long_read_of_the_application_does_not_stop_a_write_to_the_log() {
    let sandbox = Sandbox::new();
    let application = sandbox.sql();
    application
        .pragma_update(None, "journal_mode", "wal")
        .unwrap();
    application.execute_batch("BEGIN").unwrap();
    assert_eq!(rows(&application, "companies").len(), 7);
    sandbox
        .run([
            "--timeout",
            "1s",
            "config",
            "set",
            "acme-corp",
            "--provider",
            "local",
            "-q",
        ])
        .code(0);
    application.execute_batch("COMMIT").unwrap();
    assert_eq!(sandbox.json(0, ["config", "list"])["configured"], 2);
}

#[test]
fn x39_assigning_waits_while_the_application_writes() {
    let sandbox = Sandbox::new();
    let (held, is_held) = mpsc::channel();
    let db = sandbox.db();
    let application = std::thread::spawn(move || {
        let connection = open(&db);
        connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
        held.send(()).unwrap();
        std::thread::sleep(Duration::from_secs(3));
        connection
            .execute(
                "UPDATE companies SET city = 'Omsk' WHERE id = 'acme-corp'",
                [],
            )
            .unwrap();
        connection.execute_batch("COMMIT").unwrap();
    });
    is_held.recv().unwrap();
    sandbox
        .run(["config", "set", "acme-corp", "--provider", "local", "-q"])
        .code(0);
    application.join().unwrap();
    let (city, provider): (String, String) = sandbox
        .sql()
        .query_row(
            "SELECT city, backup_provider FROM companies WHERE id = 'acme-corp'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!((city.as_str(), provider.as_str()), ("Omsk", "local"));
}

#[test]
fn x39_a_database_locked_for_ever_is_busy_and_nothing_is_half_written() {
    // EXCLUSIVE keeps readers out too; IMMEDIATE only writers.
    for lock in ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"] {
        let sandbox = Sandbox::new();
        let application = sandbox.sql();
        let before = rows(&application, "companies");
        application.execute_batch(lock).unwrap();
        let error = sandbox.json(
            12,
            [
                "config",
                "set",
                "acme-corp",
                "--provider",
                "local",
                "--timeout",
                "1s",
            ],
        );
        assert_eq!(error["code"], "database_busy", "{lock}");
        assert_eq!(error["status"], 503);
        assert_eq!(error["retryable"], true);
        assert_eq!(error["exit_code"], 12);
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.contains("app_data.db"), "{detail}");
        application.execute_batch("ROLLBACK").unwrap();
        assert_eq!(rows(&application, "companies"), before, "{lock}");
        assert_sound(&application);
    }
}

#[test]
fn x39_reading_while_the_application_prepares_a_write_needs_no_waiting() {
    let sandbox = Sandbox::new();
    let application = sandbox.sql();
    application.execute_batch("BEGIN IMMEDIATE").unwrap();
    application
        .execute(
            "UPDATE companies SET name = 'Halfway' WHERE id = 'globex'",
            [],
        )
        .unwrap();
    sandbox
        .run(["config", "list", "--timeout", "0s"])
        .code(0)
        .stdout(LIST);
    application.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn x42_a_database_that_may_not_be_written_is_read_and_left_alone() {
    let sandbox = Sandbox::new();
    give_to_nobody(sandbox.path());
    set_mode(&sandbox.db(), 0o444);
    let before = fs::read(sandbox.db()).unwrap();
    sandbox
        .command(["config", "list"])
        .unprivileged()
        .run()
        .code(0)
        .stdout(LIST);
    let set = [
        "config",
        "set",
        "acme-corp",
        "--provider",
        "local",
        "--json",
    ];
    let error = sandbox.command(set).unprivileged().run().code(12).json();
    assert_eq!(error["code"], "database_readonly");
    assert!(error["detail"].as_str().unwrap().contains("app_data.db"));
    assert_eq!(fs::read(sandbox.db()).unwrap(), before);
    assert!(!sandbox.file("app_data.db-journal").exists());
}

#[test]
fn x42_a_database_in_a_folder_that_may_not_be_written_is_read_and_left_alone() {
    let sandbox = Sandbox::new();
    give_to_nobody(sandbox.path());
    set_mode(&sandbox.app(), 0o555);
    let before = fs::read(sandbox.db()).unwrap();
    let files = Sandbox::files_below(&sandbox.app());
    let list = sandbox.command(["config", "list"]).unprivileged().run();
    // The state has to be elsewhere, or already its lock cannot be taken.
    let set = [
        "config",
        "set",
        "acme-corp",
        "--provider",
        "local",
        "--json",
    ];
    let state = sandbox.path().join("home/state.db");
    let elsewhere = sandbox
        .command(set)
        .env("VERTEX_BACKUP_STATE", state)
        .unprivileged()
        .run();
    let beside = sandbox.command(set).unprivileged().run();
    set_mode(&sandbox.app(), 0o755);

    list.code(0).stdout(LIST);
    let error = elsewhere.code(12).json();
    assert_eq!(error["code"], "database_readonly", "{error}");
    assert!(error["detail"].as_str().unwrap().contains("app_data.db"));
    beside.code(12);
    assert_eq!(fs::read(sandbox.db()).unwrap(), before);
    assert_eq!(Sandbox::files_below(&sandbox.app()), files);
}

#[test]
fn x42_a_write_ahead_log_that_cannot_be_made_is_told_as_a_right_that_is_missing() {
    let sandbox = Sandbox::new();
    sandbox
        .sql()
        .pragma_update(None, "journal_mode", "wal")
        .unwrap();
    give_to_nobody(sandbox.path());
    set_mode(&sandbox.app(), 0o555);
    let before = fs::read(sandbox.db()).unwrap();
    let list = sandbox
        .command(["config", "list", "--json"])
        .unprivileged()
        .run();
    set_mode(&sandbox.app(), 0o755);
    let error = list.code(12).json();
    assert_eq!(error["code"], "database_readonly", "{error}");
    assert!(error["detail"].as_str().unwrap().contains("app_data.db"));
    assert_eq!(fs::read(sandbox.db()).unwrap(), before);
}

#[test]
fn x41_a_database_that_is_not_there_is_an_error_and_is_not_made() {
    let sandbox = Sandbox::new();
    let missing = sandbox.file("none/missing.db");
    fs::create_dir(sandbox.file("none")).unwrap();
    for words in [
        &["config", "list"][..],
        &["config", "set", "acme-corp", "--provider", "local"],
        &["company", "add", "x", "--name", "X"],
        &["status"],
    ] {
        sandbox
            .command([&["--db", "none/missing.db"][..], words].concat())
            .run()
            .code(4)
            .stdout("")
            .stderr_has("error: Database not found: none/missing.db\nhint: ");
        let error = sandbox
            .command([words, &["--json"]].concat())
            .env("VERTEX_BACKUP_DB", &missing)
            .run()
            .code(4)
            .json();
        assert_eq!(error["code"], "database_not_found", "{words:?}");
        assert_eq!(error["status"], 404);
        assert!(!missing.exists(), "{words:?}");
    }
    assert_eq!(
        Sandbox::files_below(&sandbox.file("none")),
        Vec::<String>::new(),
        "nothing was left beside a database that does not exist"
    );
}

#[test]
fn x41_what_is_no_database_of_the_application_is_named_and_left_alone() {
    let sandbox = Sandbox::new();
    let whole = fs::read(sandbox.db()).unwrap();
    sandbox.write("bad/empty.db", b"");
    sandbox.write("bad/text.db", b"companies: none, this is a text file\n");
    sandbox.write("bad/noise.db", [0x5a; 8192]);
    sandbox.write("bad/cut-in-the-header.db", &whole[..90]);
    sandbox.write("bad/cut-after-a-page.db", &whole[..4096]);
    sandbox.write("bad/cut-in-the-middle.db", &whole[..whole.len() / 2]);
    sandbox.write("bad/cut-short.db", &whole[..whole.len() - 4096]);
    let mut torn = whole.clone();
    torn[4096..40960].fill(0xff);
    sandbox.write("bad/torn.db", &torn);
    open(&sandbox.file("bad/stranger.db"))
        .execute_batch("CREATE TABLE customers (id TEXT, name TEXT)")
        .unwrap();
    let names = Sandbox::files_below(&sandbox.file("bad"));
    assert_eq!(names.len(), 9);
    for name in &names {
        let path = sandbox.file("bad").join(name);
        let before = fs::read(&path).unwrap();
        let shown = format!("bad/{name}");
        for words in [
            &["config", "list"][..],
            &["config", "get", "acme-corp"],
            &["config", "set", "acme-corp", "--provider", "local"],
        ] {
            let error = sandbox.json(12, [&["--db", &shown][..], words].concat());
            assert_eq!(
                error["code"], "database_invalid",
                "{name} {words:?} {error}"
            );
            let detail = error["detail"].as_str().unwrap();
            assert!(detail.contains(&shown), "{detail}");
        }
        assert_eq!(fs::read(&path).unwrap(), before, "{name}");
    }
}

#[test]
fn x41_a_folder_in_place_of_the_database_is_named() {
    let sandbox = Sandbox::new();
    sandbox
        .run(["--db", "backups", "config", "list"])
        .code(12)
        .stdout("")
        .stderr_has("error: 'backups' is not a database of the application: it is a directory\n");
    assert_eq!(
        sandbox.json(12, ["--db", "backups", "config", "list"])["code"],
        "database_invalid"
    );
}

/// Puts a database in the sandbox as a killed writer leaves it: torn, with the journal that mends it.
pub(crate) fn leave_a_hot_journal(sandbox: &Sandbox) -> Vec<u8> {
    let original = fs::read(sandbox.db()).unwrap();
    let elsewhere = sandbox.path().join("writer.db");
    fs::copy(sandbox.db(), &elsewhere).unwrap();
    let writer = open(&elsewhere);
    writer
        .execute_batch(
            "PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE;
             UPDATE companies SET name = 'lost ' || name, description = hex(randomblob(3000));
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
             INSERT INTO companies (id, name, description) SELECT 'lost-' || i, 'lost ' || i, hex(randomblob(500)) FROM n;",
        )
        .unwrap();
    fs::copy(&elsewhere, sandbox.db()).unwrap();
    fs::copy(
        sandbox.path().join("writer.db-journal"),
        sandbox.file("app_data.db-journal"),
    )
    .unwrap();
    writer.execute_batch("ROLLBACK").unwrap();
    // A journal is hot when its header was settled before pages were written.
    let journal = fs::read(sandbox.file("app_data.db-journal")).unwrap();
    assert_eq!(
        journal[..8],
        [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]
    );
    assert_ne!(fs::read(sandbox.db()).unwrap(), original);
    original
}

#[test]
fn x42_what_a_killed_writer_left_is_rolled_back_by_the_next_command() {
    let read = Sandbox::new();
    leave_a_hot_journal(&read);
    read.run(["config", "list"]).code(0).stdout(LIST).stderr("");
    assert_sound(&read.sql());

    let written = Sandbox::new();
    leave_a_hot_journal(&written);
    written
        .run(["config", "set", "acme-corp", "--provider", "local", "-q"])
        .code(0);
    let list = written.json(0, ["config", "list"]);
    assert_eq!(
        (&list["count"], &list["configured"]),
        (&json!(7), &json!(2))
    );
    assert_sound(&written.sql());
}

#[test]
fn x42_what_a_killed_writer_left_is_not_read_torn_by_who_cannot_roll_it_back() {
    let sandbox = Sandbox::new();
    leave_a_hot_journal(&sandbox);
    let journal = sandbox.file("app_data.db-journal");
    for path in [&sandbox.db(), &journal] {
        set_mode(path, 0o444);
    }
    set_mode(&sandbox.app(), 0o555);
    let before = (fs::read(sandbox.db()).unwrap(), fs::read(&journal).unwrap());
    let read = sandbox
        .command(["config", "list", "--json"])
        .unprivileged()
        .run();
    set_mode(&sandbox.app(), 0o755);
    let error = read.code(12).json();
    assert_eq!(error["code"], "database_readonly", "{error}");
    assert!(error["detail"].as_str().unwrap().contains("app_data.db"));
    assert!(
        error["hint"]
            .as_str()
            .unwrap()
            .contains("start the application")
    );
    let after = (fs::read(sandbox.db()).unwrap(), fs::read(&journal).unwrap());
    assert!(before == after, "database and journal are as they were");
}

#[test]
fn x39_a_list_nobody_reads_does_not_keep_the_application_from_writing() {
    let sandbox = Sandbox::new();
    sandbox
        .sql()
        .execute_batch(
            "BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
             INSERT INTO companies (id, name) SELECT 'many-' || i, 'Company number ' || i FROM n; COMMIT;",
        )
        .unwrap();
    for format in ["table", "json"] {
        let mut list = sandbox
            .command(["config", "list", "--format", format])
            .spawn();
        let mut stdout = list.stdout.take().unwrap();
        // The first byte is there, so it prints; a pipe holds far less than all of it.
        let mut text = vec![0];
        stdout.read_exact(&mut text).unwrap();
        let application = sandbox.sql();
        application.busy_timeout(Duration::from_secs(1)).unwrap();
        for city in ["Omsk", "Tomsk", "Perm"] {
            application
                .execute("UPDATE companies SET city = ?1 WHERE id = 'globex'", [city])
                .unwrap();
        }
        stdout.read_to_end(&mut text).unwrap();
        assert!(list.wait().unwrap().success());
        let text = String::from_utf8(text).unwrap();
        assert!(text.len() > 1_000_000, "it must not fit a pipe");
        assert_eq!(text.matches("many-").count(), 20_000, "{format}");
    }
}

#[test]
fn x40_rows_of_odd_types_are_named_and_the_rest_is_listed() {
    let sandbox = Sandbox::empty();
    let db = loose_database(
        &sandbox,
        "INSERT INTO companies VALUES
             ('good', 'Good', '2025-01-29', 'local', '/good'),
             ('blob-name', X'00FF', NULL, NULL, NULL),
             ('number-name', 17, NULL, NULL, NULL),
             ('no-utf8', CAST(X'41FF42' AS TEXT), NULL, NULL, NULL),
             ('blob-provider', 'Blob provider', NULL, X'01', NULL),
             ('blob-path', 'Blob path', NULL, 'local', X'01'),
             (NULL, 'No id', NULL, NULL, NULL),
             ('no-name', NULL, NULL, NULL, NULL),
             ('blob-time', 'Blob time', X'01', '', '');",
    );
    let before = fs::read(&db).unwrap();
    let list = sandbox
        .run(["--db", "loose.db", "config", "list"])
        .code(3)
        .stdout(
            "\
ID           NAME       PROVIDER  REMOTE PATH
number-name  17         -         -
blob-time    Blob time  -         -
good         Good       local     /good

3 companies, 1 configured (local 1), 2 not configured
",
        );
    for line in [
        "error: company 'blob-name' cannot be read: name is a blob\n",
        "error: company 'no-utf8' cannot be read: name is not UTF-8\n",
        "error: company 'blob-provider' cannot be read: backup_provider is a blob\n",
        "error: company 'blob-path' cannot be read: backup_remote_path is a blob\n",
        "error: company 'no-name' cannot be read: name is NULL\n",
        "cannot be read: id is NULL\n",
    ] {
        assert!(list.stderr.contains(line), "{line:?} in {}", list.stderr);
    }
    assert_eq!(list.stderr.lines().count(), 6);
    let list = sandbox.json(3, ["--db", "loose.db", "config", "list"]);
    assert_eq!(list["count"], 3);
    assert_eq!(list["unreadable"].as_array().unwrap().len(), 6);
    assert_eq!(
        sandbox.json(0, ["--db", "loose.db", "config", "get", "good"])["company_name"],
        "Good"
    );
    let error = sandbox.json(12, ["--db", "loose.db", "config", "get", "blob-path"]);
    assert_eq!(error["code"], "database_invalid");
    assert_eq!(fs::read(&db).unwrap(), before);
}

#[test]
fn x40_a_list_with_unreadable_rows_is_not_called_a_success() {
    let sandbox = Sandbox::empty();
    loose_database(
        &sandbox,
        "INSERT INTO companies VALUES ('good', 'Good', '', NULL, NULL), ('bad', X'00', '', NULL, NULL);",
    );
    let list = sandbox.json(3, ["--db", "loose.db", "config", "list"]);
    assert_eq!(list["success"], false, "{list}");
}

#[test]
fn x40_status_does_not_pass_over_a_company_it_cannot_read() {
    let sandbox = Sandbox::empty();
    loose_database(
        &sandbox,
        "INSERT INTO companies VALUES ('good', 'Good', '', NULL, NULL), ('bad', 'Bad', '', X'00', NULL);",
    );
    sandbox
        .run(["--db", "loose.db", "status"])
        .code(3)
        .stderr_has("company 'bad' cannot be read: backup_provider is a blob");
}

#[test]
fn x40_a_bad_row_at_the_end_of_a_page_hides_nobody() {
    let sandbox = Sandbox::empty();
    // 999 good rows, the bad one as the thousandth, three behind it.
    loose_database(
        &sandbox,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
         INSERT INTO companies SELECT 'n-' || i, printf('n%04d', i), '', NULL, NULL FROM n;
         INSERT INTO companies VALUES ('bad', CAST(X'6EFF' AS TEXT), '', NULL, NULL),
             ('z-1', 'z1', '', NULL, NULL), ('z-2', 'z2', '', NULL, NULL), ('z-3', 'z3', '', NULL, NULL);",
    );
    let list = sandbox.json(3, ["--db", "loose.db", "config", "list"]);
    assert_eq!(list["count"], 1002);
    assert_eq!(list["unreadable"].as_array().unwrap().len(), 1);
}

#[test]
fn x40_companies_may_be_a_view() {
    let sandbox = Sandbox::empty();
    open(&sandbox.file("view.db"))
        .execute_batch(
            "CREATE TABLE firms (id TEXT, name TEXT);
             INSERT INTO firms VALUES ('a', 'A');
             CREATE VIEW companies AS SELECT id, name, '2025-01-29' AS created_at FROM firms;",
        )
        .unwrap();
    let list = sandbox.json(0, ["--db", "view.db", "config", "list"]);
    assert_eq!(list["companies"][0]["company_id"], "a");
}

#[test]
fn x40_many_companies_are_each_listed_once() {
    let sandbox = Sandbox::new();
    // In an order that is neither that of the ids nor that of the names.
    sandbox
        .sql()
        .execute_batch(
            "BEGIN; DELETE FROM companies WHERE id = 'globex';
             WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2493)
             INSERT INTO companies (id, name, backup_provider)
             SELECT 'c-' || i, 'n' || ((i * 1777) % 2494), iif(i % 2, 'local', NULL) FROM n; COMMIT;",
        )
        .unwrap();
    let stored: BTreeSet<String> = {
        let connection = sandbox.sql();
        let mut statement = connection.prepare("SELECT id FROM companies").unwrap();
        statement
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    };
    assert_eq!(stored.len(), 2500);

    let list = sandbox.json(0, ["config", "list"]);
    let ids: Vec<String> = list["companies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|company| company["company_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((ids.len(), &list["count"]), (2500, &json!(2500)));
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), stored);
    assert_eq!(list["by_provider"]["local"], 1247);

    let table = sandbox.run(["config", "list"]).code(0).stdout;
    let (body, summary) = table.rsplit_once("\n\n").unwrap();
    assert_eq!(
        summary,
        "2500 companies, 1247 configured (local 1247), 1253 not configured\n"
    );
    let ids: Vec<String> = body
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 2500);
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), stored);

    let local = sandbox.json(0, ["config", "list", "--provider", "local"]);
    assert_eq!(local["count"], 1247);
}

#[test]
fn the_library_offers_what_the_application_did() {
    let sandbox = Sandbox::new();
    let companies = Companies::at(&sandbox.db(), Duration::from_secs(5));
    let yandex = BackupConfig {
        provider: Some("yandex_disk".into()),
        remote_path: Some("/vertex-ar/company1/backups".into()),
    };

    let made = companies.create("new", "New Co", &yandex).unwrap();
    assert_eq!((made.id.as_str(), made.name.as_str()), ("new", "New Co"));
    assert_eq!(
        companies.backup_config("new").unwrap(),
        Some(yandex.clone())
    );
    assert!(made.created_at.is_some());

    assert!(
        companies
            .set_backup_config("new", &BackupConfig::default())
            .unwrap()
    );
    assert_eq!(
        companies.backup_config("new").unwrap(),
        Some(BackupConfig::default())
    );
    assert!(companies.set_backup_config("new", &yandex).unwrap());

    // Nothing to change is no change, and no question whether there is such a company.
    assert!(!companies.update("new", &Changes::default()).unwrap());
    let renamed = Changes {
        name: Some("Newer Co".into()),
        backup: None,
    };
    assert!(companies.update("new", &renamed).unwrap());
    let company = companies.get("new").unwrap().unwrap();
    assert_eq!(company.name, "Newer Co");
    assert_eq!(company.provider, yandex.provider);

    let unknown = Changes {
        name: Some("Nobody".into()),
        backup: Some(yandex.clone()),
    };
    assert_eq!(companies.get("nobody").unwrap(), None);
    assert_eq!(companies.backup_config("nobody").unwrap(), None);
    assert!(!companies.update("nobody", &unknown).unwrap());
    assert!(!companies.set_backup_config("nobody", &yandex).unwrap());
    assert_eq!(rows(&sandbox.sql(), "companies").len(), 8);
}

#[test]
fn adding_a_company_shows_it_and_makes_it_known() {
    let sandbox = Sandbox::new();
    let added = sandbox
        .run(["company", "add", "newco", "--name", "New Co"])
        .code(0)
        .stderr("note: company 'newco' added\n");
    let (facts, created) = added.stdout.split_once("Created      ").unwrap();
    assert_eq!(
        facts,
        "Id           newco\nName         New Co\nProvider     -\nRemote path  -\n"
    );
    assert!(created.ends_with(" UTC\n"), "{created}");
    sandbox
        .run(["config", "get", "New Co"])
        .code(0)
        .stdout("Company      New Co (newco)\nProvider     not configured\nRemote path  -\n");

    let other = sandbox.json(
        0,
        [
            "company",
            "add",
            "other",
            "--name",
            "Other",
            "--provider",
            "local",
            "--remote-path",
            "/other/",
        ],
    );
    assert_eq!(other["backup_provider"], "local");
    assert_eq!(other["backup_remote_path"], "/other");
}

#[test]
fn showing_a_company_tells_when_it_was_made() {
    let sandbox = Sandbox::new();
    sandbox
        .run(["company", "show", "globex"])
        .code(0)
        .stdout(
            "Id           globex\n\
             Name         Globex\n\
             Provider     google_drive\n\
             Remote path  /vertex-ar/globex/backups\n\
             Created      2026-11-22 15:57:48 UTC\n",
        )
        .stderr("");
    sandbox.run(["company", "list"]).code(0).stdout(LIST);
}

#[test]
fn an_id_or_a_name_that_is_taken_is_refused() {
    let sandbox = Sandbox::new();
    let before = rows(&sandbox.sql(), "companies");
    sandbox
        .run(["company", "add", "globex", "--name", "Another"])
        .code(11)
        .stdout("")
        .stderr("error: A company with the id 'globex' exists already: 'Globex' (globex)\n");
    let error = sandbox.json(11, ["company", "add", "another", "--name", "Globex"]);
    assert_eq!(
        (&error["code"], &error["status"]),
        (&json!("already_exists"), &json!(409))
    );
    let error = sandbox.json(11, ["company", "update", "globex", "--name", "Widget Inc"]);
    assert_eq!(error["code"], "already_exists");
    assert_eq!(rows(&sandbox.sql(), "companies"), before);
    // Its own name is not taken by another.
    sandbox
        .run(["company", "update", "globex", "--name", "Globex"])
        .code(0);
}

#[test]
fn a_name_or_an_id_that_can_be_none_is_wrong_usage() {
    let sandbox = Sandbox::new();
    let before = fs::read(sandbox.db()).unwrap();
    for words in [
        ["company", "add", "x", "--name", "  "],
        ["company", "add", "x", "--name", "a\nb"],
        ["company", "add", "a/b", "--name", "Slash"],
        ["company", "add", "..", "--name", "Dots"],
        ["company", "add", "", "--name", "Empty"],
        ["company", "update", "globex", "--name", "\u{1b}[2J"],
    ] {
        let error = sandbox.json(2, words);
        assert_eq!(error["code"], "usage", "{words:?}");
    }
    let error = sandbox.json(2, ["company", "update", "globex"]);
    assert_eq!(error["detail"], "nothing to change was given");
    assert_eq!(fs::read(sandbox.db()).unwrap(), before);
}

#[test]
fn a_renamed_company_keeps_its_backups_and_its_history() {
    let sandbox = Sandbox::assigned();
    sandbox
        .run([
            "sync",
            "acme-corp",
            "backups/database/db_backup_20250131_040000.db",
            "-q",
        ])
        .code(0);
    sandbox
        .run(["company", "update", "acme-corp", "--name", "Acme Inc"])
        .code(0)
        .stdout(
            "Id           acme-corp\n\
             Name         Acme Inc\n\
             Provider     local\n\
             Remote path  /vertex-ar/acme-corp/backups\n\
             Created      2026-11-22 15:57:48 UTC\n",
        )
        .stderr("");
    let files = sandbox.json(0, ["files", "Acme Inc"]);
    assert_eq!(files["company_name"], "Acme Inc");
    assert_eq!(files["count"], 1);
    assert!(files["files"][0]["verified_at"].is_string());
    let history = sandbox.json(0, ["history", "Acme Inc"]);
    let done: Vec<_> = history["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| {
            (
                run["operation"].as_str().unwrap(),
                run["company_name"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        done,
        [
            ("company update", "Acme Corporation"),
            ("sync", "Acme Corporation"),
            ("config set", "Acme Corporation")
        ]
    );
    sandbox
        .run(["status", "acme-corp", "--max-age", "1h", "-q"])
        .code(0)
        .stderr("");
    sandbox.run(["config", "get", "Acme Corporation"]).code(4);
}
