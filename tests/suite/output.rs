//! What people and scripts see: tables, the contract's JSON, colours, progress.

use std::fs;

use serde_json::{Value, json};

use crate::support::{DB, DB_SHA256, Sandbox, keys};

#[test]
fn companies_in_a_table() {
    Sandbox::assigned()
        .run(["config", "list"])
        .code(0)
        .stderr("")
        .stdout(
            "ID                 NAME                       PROVIDER      REMOTE PATH\n\
         company-123        Acme Corp                  -             -\n\
         acme-corp          Acme Corporation           local         /vertex-ar/acme-corp/backups\n\
         globex             Globex                     google_drive  /vertex-ar/globex/backups\n\
         o-neill            O'Neill & Söhne \"AR\" GmbH  -             -\n\
         vertex-ar-default  Vertex AR                  -             -\n\
         widget-inc         Widget Inc                 -             -\n\
         romashka           ООО «Ромашка»              -             -\n\
         \n\
         7 companies, 2 configured (google_drive 1, local 1), 5 not configured\n",
        );
}

#[test]
fn filters_of_the_list() {
    let sandbox = Sandbox::assigned();
    let ids = |arguments: &[&str]| -> Vec<String> {
        let words = ["config", "list"].iter().chain(arguments);
        let list = sandbox.json(0, words);
        let companies = list["companies"].as_array().unwrap();
        companies
            .iter()
            .map(|company| company["company_id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&["--configured"]), ["acme-corp", "globex"]);
    assert_eq!(ids(&["--provider", "local"]), ["acme-corp"]);
    assert_eq!(ids(&["--unconfigured"]).len(), 5);
    assert_eq!(ids(&["--provider", "yandex_disk"]), Vec::<String>::new());
}

#[test]
fn one_assignment_from_set_to_unset() {
    let sandbox = Sandbox::new();
    let shown = "Company      ООО «Ромашка» (romashka)\n\
                 Provider     local\n\
                 Remote path  /romashka\n";
    sandbox
        .run(["config", "set", "romashka", "--provider", "local", "--remote-path", "/romashka"])
        .code(0)
        .stdout(shown)
        .stderr(
            "warning: the local root '[DIR]/home/.local/share/vertex-backup/remote' is on the same disk as the backups; \
             another disk is safer: vertex-backup providers set local --root DIR\n\
             note: the application's database and storage backups hold the data of every company, \
             whichever company's remote they are sent to\n",
        );
    sandbox
        .run(["config", "get", "romashka"])
        .code(0)
        .stderr("")
        .stdout(shown);
    for unset in [
        vec!["config", "unset", "romashka"],
        vec!["config", "set", "romashka", "--unset"],
    ] {
        sandbox.run(&unset).code(0).stderr("").stdout(
            "Company      ООО «Ромашка» (romashka)\n\
             Provider     not configured\n\
             Remote path  -\n",
        );
    }
}

/// The examples of the contract: these keys, in this order, then perhaps more.
#[track_caller]
fn begins_with(value: &Value, expected: &[&str]) {
    let found = keys(value);
    assert_eq!(found.get(..expected.len()), Some(expected), "{found:?}");
}

#[test]
fn json_keys_stand_in_the_contracts_order() {
    let sandbox = Sandbox::new();
    let four = [
        "company_id",
        "company_name",
        "backup_provider",
        "backup_remote_path",
    ];
    let set = [
        "config",
        "set",
        "company-123",
        "--provider",
        "local",
        "--remote-path",
        "/vertex-ar/company1/backups",
    ];
    let expected = json!({
        "company_id": "company-123", "company_name": "Acme Corp", "backup_provider": "local",
        "backup_remote_path": "/vertex-ar/company1/backups",
    });
    for value in [
        sandbox.json(0, set),
        sandbox.json(0, ["config", "get", "company-123"]),
    ] {
        begins_with(&value, &four);
        assert_eq!(value, expected);
    }
    let providers = sandbox.json(0, ["providers"]);
    begins_with(&providers, &["success", "providers", "count"]);
    begins_with(&providers["providers"][0], &["name", "connected"]);
    assert_eq!(
        (&providers["providers"][0]["name"], &providers["count"]),
        (&json!("local"), &json!(1))
    );
    let list = sandbox.json(0, ["config", "list"]);
    begins_with(&list, &["success", "companies", "count"]);
    begins_with(&list["companies"][0], &four);

    let mut file = vec![7; 16_169_042];
    file[5] = 1;
    sandbox.write("backup_20250129.tar.gz", file);
    let report = sandbox.json(0, ["sync", "company-123", "backup_20250129.tar.gz"]);
    begins_with(
        &report,
        &[
            "success",
            "message",
            "company_id",
            "company_name",
            "provider",
            "remote_path",
            "size_mb",
            "size",
            "sha256",
            "skipped",
        ],
    );
    assert_eq!(report["success"], json!(true));
    assert_eq!(report["message"], json!("Backup synced to local"));
    assert_eq!(
        report["remote_path"],
        json!("/vertex-ar/company1/backups/backup_20250129.tar.gz")
    );
    assert_eq!(
        (&report["size_mb"], &report["size"]),
        (&json!(15.42), &json!(16_169_042))
    );
    let report = sandbox.json(
        0,
        [
            "download",
            "company-123",
            "backup_20250129.tar.gz",
            "-o",
            "back.tar.gz",
        ],
    );
    begins_with(
        &report,
        &[
            "success",
            "message",
            "company_id",
            "company_name",
            "provider",
            "local_path",
            "backup_type",
        ],
    );
    assert_eq!(report["message"], json!("Backup downloaded successfully"));
    assert_eq!(
        (&report["local_path"], &report["backup_type"]),
        (&json!("./back.tar.gz"), &json!("full"))
    );
    let unset = sandbox.json(0, ["config", "unset", "company-123"]);
    begins_with(&unset, &four);
    assert_eq!(
        (&unset["backup_provider"], &unset["backup_remote_path"]),
        (&json!(null), &json!(null))
    );
    sandbox.write("other.db", "x");
    sandbox
        .run(["config", "set", "company-123", "--provider", "local"])
        .code(0);
    let results = sandbox.json(
        0,
        ["sync", "company-123", "other.db", "backup_20250129.tar.gz"],
    );
    assert_eq!(
        keys(&results),
        [
            "success",
            "message",
            "results",
            "count",
            "succeeded",
            "failed",
            "skipped"
        ]
    );
}

#[test]
fn the_json_is_one_line_and_stderr_is_apart() {
    let sandbox = Sandbox::assigned();
    let outcome = sandbox
        .run([
            "sync",
            "acme-corp",
            &format!("backups/database/{DB}"),
            "--json",
        ])
        .code(0);
    assert_eq!(outcome.stdout.lines().count(), 1);
    assert_eq!(outcome.json()["sha256"], json!(DB_SHA256));
    assert!(
        outcome.stderr.starts_with("warning: the local root"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_quiet_run_that_goes_well_says_nothing() {
    let sandbox = Sandbox::new();
    let backup = format!("backups/database/{DB}");
    for arguments in [
        vec!["config", "set", "acme-corp", "--provider", "local"],
        vec!["sync", "acme-corp", &backup],
        vec![
            "sync",
            "acme-corp",
            &backup,
            "backups/database/db_backup_20250129_020000.db",
        ],
        vec!["download", "acme-corp", DB, "-o", "out.db"],
        vec!["status", "acme-corp", "--max-age", "26h"],
        vec!["providers", "test"],
        vec!["delete", "acme-corp", DB, "-y"],
    ] {
        sandbox
            .run(arguments.into_iter().chain(["-q"]))
            .code(0)
            .stdout("")
            .stderr("");
    }
    sandbox
        .run(["sync", "acme-corp", "none.db", "-q"])
        .code(4)
        .stdout("")
        .stderr("error: Backup file not found: none.db\n");
    // What was asked for is printed all the same.
    assert!(
        !sandbox
            .run(["config", "list", "-q"])
            .code(0)
            .stdout
            .is_empty()
    );
    assert_eq!(
        sandbox.json(9, ["status", "acme-corp", "--max-age", "0", "-q"])["count"],
        json!(1)
    );
}

#[test]
fn a_backup_in_words() {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp", &format!("backups/database/{DB}")]).stdout(&format!(
        "Backup synced to local: /vertex-ar/acme-corp/backups/{DB} (288.0 KiB, with its sidecar)\nSHA-256 {DB_SHA256}\n"
    ));
    sandbox
        .run(["download", "acme-corp", DB, "-o", "out.db"])
        .stdout(&format!(
            "Backup downloaded successfully: ./out.db (288.0 KiB)\n\
         SHA-256 {DB_SHA256}, compared with: sidecar, record, disk\n"
        ));
    let files = sandbox.run(["files", "acme-corp"]).code(0).stdout;
    let lines: Vec<_> = files.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        [
            "NAME", "TYPE", "SIZE", "PARTS", "CREATED", "COMPLETE", "VERIFIED"
        ]
    );
    assert!(
        lines[1].starts_with(&format!("{DB}  database  288.0 KiB  ")),
        "{files}"
    );
    assert_eq!(
        lines[3],
        "1 backup, 288.0 KiB in /vertex-ar/acme-corp/backups on local"
    );
    sandbox
        .run(["files", "acme-corp", "--type", "storage"])
        .stdout("No backups in /vertex-ar/acme-corp/backups on local\n");
}

#[test]
fn health_in_words() {
    let sandbox = Sandbox::assigned();
    let health = || {
        let status = sandbox.json(0, ["status", "acme-corp"]);
        status["companies"][0]["health"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(health(), "never_synced");
    sandbox.write("one.db", "x");
    sandbox.run(["sync", "acme-corp", "one.db"]).code(0);
    assert_eq!(health(), "ok");
    // The remote directory cannot be made: the attempt fails, and shows.
    sandbox.write("two.db", "x");
    let remote = sandbox.remote("acme-corp");
    fs::create_dir(remote.join("two.db")).unwrap();
    sandbox.run(["sync", "acme-corp", "two.db"]).code(11);
    assert_eq!(health(), "failing");
    let status = sandbox.json(0, ["status"]);
    assert_eq!(
        keys(&status),
        [
            "success",
            "companies",
            "count",
            "summary",
            "unreadable",
            "history"
        ]
    );
    assert_eq!(
        (&status["count"], &status["summary"]["failing"]),
        (&json!(7), &json!(1))
    );
    let table = sandbox.run(["status"]).code(0).stdout;
    assert!(
        table.contains(
            "\n7 companies: 2 configured (google_drive 1, local 1), 5 not configured, 1 failing; 1 backup, 1 B on remotes\n"
        ),
        "{table}"
    );
}

#[test]
fn a_failed_attempt_shows_wherever_it_fails() {
    let sandbox = Sandbox::assigned();
    let health =
        |company: &str| sandbox.json(0, ["status", company])["companies"][0]["health"].clone();
    sandbox.run(["sync", "acme-corp", "none.db"]).code(4);
    assert_eq!(health("acme-corp"), json!("failing"));
    sandbox.run(["sync", "globex", "none.db"]).code(5);
    assert_eq!(health("globex"), json!("failing"));
    let failed = sandbox.json(0, ["history", "--failed"]);
    let codes: Vec<_> = failed["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["code"].clone())
        .collect();
    assert_eq!(
        codes,
        [
            json!("provider_not_configured"),
            json!("backup_file_not_found")
        ]
    );
}

#[test]
fn a_copy_found_damaged_counts_as_verified_no_more() {
    let sandbox = Sandbox::assigned();
    sandbox.write("one.db", "content");
    sandbox.run(["sync", "acme-corp", "one.db"]).code(0);
    sandbox
        .run(["status", "acme-corp", "--max-age", "1h"])
        .code(0);
    let stored = sandbox.remote("acme-corp").join("one.db");
    let stamp = fs::metadata(&stored).unwrap().modified().unwrap();
    fs::write(&stored, "CONTENT").unwrap();
    fs::File::options()
        .append(true)
        .open(&stored)
        .unwrap()
        .set_modified(stamp)
        .unwrap();
    // Whoever wrote it changed its ctime: the record is not about these bytes.
    assert_eq!(
        sandbox.json(0, ["files", "acme-corp"])["files"][0]["verified_at"],
        json!(null)
    );
    // There is no sidecar; the record takes its place, once and again.
    for _ in 0..2 {
        let error = sandbox.json(7, ["download", "acme-corp", "one.db", "-o", "back.db"]);
        assert_eq!(error["code"], json!("integrity_failed"));
        assert!(!sandbox.file("back.db").exists());
    }
    sandbox
        .run(["status", "acme-corp", "--max-age", "1h"])
        .code(9);
    let report = sandbox.json(
        0,
        [
            "download",
            "acme-corp",
            "one.db",
            "-o",
            "back.db",
            "--force",
        ],
    );
    assert_eq!(report["compared_with"], json!(["disk"]));
    // Stored anew, it is verified anew.
    sandbox.run(["sync", "acme-corp", "one.db"]).code(0);
    sandbox
        .run(["status", "acme-corp", "--max-age", "1h"])
        .code(0);
}

#[test]
fn the_latest_backup_is_the_one_made_last() {
    let sandbox = Sandbox::assigned();
    for day in ["20250131_040000", "20250129_020000"] {
        sandbox
            .run([
                "sync",
                "acme-corp",
                &format!("backups/database/db_backup_{day}.db"),
            ])
            .code(0);
    }
    for day in ["20250130_030000.tar.part002.gz", "20250129_030000.tar.gz"] {
        sandbox
            .run([
                "sync",
                "acme-corp",
                &format!("backups/storage/storage_backup_{day}"),
            ])
            .code(0);
    }
    let latest = |arguments: &[&str]| {
        let words = ["download", "acme-corp", "--latest", "-o", "../", "--force"]
            .iter()
            .chain(arguments);
        sandbox.json(0, words)["remote_path"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(latest(&[]), DB);
    assert_eq!(latest(&["--type", "database"]), DB);
    let names = sandbox.json(0, ["files", "acme-corp"]);
    assert_eq!(
        (&names["files"][0]["name"], &names["files"][0]["created"]),
        (&json!(DB), &json!("2025-01-31T04:00:00"))
    );
}

#[test]
fn a_json_file_of_its_own_is_a_backup_of_its_own() {
    let sandbox = Sandbox::assigned();
    sandbox.write("notes.txt", "text");
    sandbox.write("notes.json", r#"{"my": "data"}"#);
    sandbox
        .run(["sync", "acme-corp", "notes.txt"])
        .code(0)
        .stderr_has("note: 'notes.json' is left out, it is no sidecar: ");
    sandbox.run(["sync", "acme-corp", "notes.json"]).code(0);
    assert_eq!(sandbox.json(0, ["files", "acme-corp"])["count"], json!(2));
    sandbox
        .run(["delete", "acme-corp", "notes.txt", "-y"])
        .code(0);
    assert_eq!(
        Sandbox::files_below(&sandbox.remote("acme-corp")),
        ["notes.json"]
    );
}

#[test]
fn a_broken_sidecar_is_told() {
    let sandbox = Sandbox::assigned();
    let sidecar = format!("backups/database/{}", DB.replace(".db", ".json"));
    let backup = format!("backups/database/{DB}");
    let whole = fs::read_to_string(sandbox.file(&sidecar)).unwrap();
    for broken in [
        &whole[..whole.len() / 2],
        &whole.replace(DB_SHA256, "zz"),
        "[]",
    ] {
        sandbox.write(&sidecar, broken);
        let outcome = sandbox.run(["sync", "acme-corp", &backup]).code(0);
        assert!(
            outcome.stderr.contains("sidecar"),
            "{broken}: {}",
            outcome.stderr
        );
    }
    // Without a type, it is a sidecar all the same.
    sandbox.write(&sidecar, whole.replace("\"type\": \"database\",", ""));
    assert_ne!(
        sandbox.json(0, ["sync", "acme-corp", &backup])["sidecar"],
        json!(null)
    );
}

#[test]
fn a_dry_run_says_what_would_fail() {
    let sandbox = Sandbox::assigned();
    sandbox.write("one.db", "old content");
    sandbox.run(["sync", "acme-corp", "one.db"]).code(0);
    sandbox.write("one.db", "new content");
    sandbox
        .run(["sync", "acme-corp", "one.db", "--dry-run", "--no-clobber"])
        .code(11);
    let backup = sandbox.file("backups/database").join(DB);
    let mut bytes = fs::read(&backup).unwrap();
    bytes[9000] ^= 1;
    fs::write(&backup, bytes).unwrap();
    sandbox
        .run(["sync", "acme-corp", backup.to_str().unwrap(), "--dry-run"])
        .code(7);
    let runs = sandbox.json(0, ["history"]);
    assert_eq!(runs["count"], json!(2), "a dry run is no run: {runs}");
}

#[test]
fn names_nobody_can_ask_for_are_passed_over() {
    let sandbox = Sandbox::assigned();
    sandbox
        .run(["sync", "acme-corp", &format!("backups/database/{DB}")])
        .code(0);
    fs::write(
        sandbox
            .remote("acme-corp")
            .join("db_backup_20300101_000000.db\n"),
        "x",
    )
    .unwrap();
    let report = sandbox.json(0, ["download", "acme-corp", "--latest", "-o", "../"]);
    assert!(report["remote_path"].as_str().unwrap().ends_with(DB));
}

#[test]
fn a_stale_backup_ends_with_9() {
    let sandbox = Sandbox::assigned();
    sandbox.run(["status", "--max-age", "26h"]).code(9);
    sandbox.run(["config", "unset", "globex"]).code(0);
    sandbox.write("one.db", "x");
    sandbox.run(["sync", "acme-corp", "one.db"]).code(0);
    sandbox.run(["status", "--max-age", "26h"]).code(0);
    sandbox
        .run(["status", "--max-age", "0", "--no-check", "--json"])
        .code(9);
    sandbox
        .run(["status", "widget-inc", "--max-age", "0"])
        .code(0);
}

#[test]
fn colours_only_where_they_are_wanted() {
    let sandbox = Sandbox::assigned();
    let plain = sandbox.run(["providers"]).code(0).stdout;
    assert!(!plain.contains('\u{1b}'));
    let coloured = sandbox
        .run(["providers", "--color", "always"])
        .code(0)
        .stdout;
    assert!(coloured.contains("\u{1b}["), "{coloured}");
    // Without its colours the table is the same: status is in words.
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    stripped.push_str(rest);
    let tidy = |text: &str| {
        text.lines()
            .map(|line| line.trim_end().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(tidy(&stripped), tidy(&plain));
    let outcome = sandbox
        .command(["config", "get", "x", "--color", "never"])
        .run()
        .code(4);
    assert!(
        outcome.stderr.starts_with("error: Company"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn progress_for_programs_is_a_json_object_a_line() {
    let sandbox = Sandbox::assigned();
    sandbox.write("one.tar", vec![1; 3_000_000]);
    let outcome = sandbox
        .run([
            "sync",
            "acme-corp",
            "one.tar",
            "--progress",
            "json",
            "--json",
        ])
        .code(0);
    let events: Vec<Value> = outcome
        .stderr
        .lines()
        .filter(|line| !line.starts_with("warning: "))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!events.is_empty());
    for event in &events {
        assert_eq!(keys(event), ["type", "name", "phase", "bytes", "total"]);
        assert_eq!(
            (&event["type"], &event["name"], &event["total"]),
            (&json!("progress"), &json!("one.tar"), &json!(3_000_000))
        );
    }
    let outcome = sandbox
        .run(["sync", "acme-corp", "one.tar", "--progress", "none"])
        .code(0);
    assert!(!outcome.stderr.contains("one.tar"), "{}", outcome.stderr);
}

#[test]
fn names_with_escape_sequences_reach_the_terminal_as_text() {
    let sandbox = Sandbox::assigned();
    let remote = sandbox.remote("acme-corp");
    fs::create_dir_all(&remote).unwrap();
    let name = "evil\u{1b}]52;c;aGk=\u{7}\u{202e}\n.db";
    fs::write(remote.join(name), "x").unwrap();
    let table = sandbox.run(["files", "acme-corp", "--all"]).code(0).stdout;
    assert!(
        table.contains("evil\\u{1b}]52;c;aGk=\\u{7}\\u{202e}\\n.db"),
        "{table}"
    );
    assert!(!table.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{table}");
    // JSON keeps the exact name, escaped so that nothing acts on a terminal either.
    let raw = sandbox
        .run(["files", "acme-corp", "--all", "--json"])
        .code(0)
        .stdout;
    assert!(
        raw.contains("\\u202e") && !raw.contains(['\u{1b}', '\u{202e}']),
        "{raw}"
    );
    let listed = sandbox.json(0, ["files", "acme-corp", "--all"]);
    assert_eq!(listed["files"][0]["name"], json!(name));
    sandbox
        .sql()
        .execute(
            "UPDATE companies SET name = 'Evil' || char(27) || '[2J' WHERE id = 'globex'",
            [],
        )
        .unwrap();
    for arguments in [
        vec!["config", "list"],
        vec!["status"],
        vec!["company", "show", "globex"],
        vec!["config", "get", "evi"],
    ] {
        let outcome = sandbox.run(&arguments);
        assert!(
            !outcome.stdout.contains('\u{1b}') && !outcome.stderr.contains('\u{1b}'),
            "{arguments:?}"
        );
    }
}

#[test]
fn global_options_stand_before_or_behind_the_command() {
    let sandbox = Sandbox::new();
    let before = sandbox
        .run(["--json", "--db", "app_data.db", "config", "get", "globex"])
        .code(0)
        .stdout;
    let behind = sandbox
        .run([
            "config",
            "get",
            "globex",
            "--format",
            "json",
            "--db",
            "app_data.db",
        ])
        .code(0)
        .stdout;
    assert_eq!(before, behind);
    for words in [
        &["providers", "--json", "list"][..],
        &["--json", "providers"],
        &["providers", "list", "--json"],
    ] {
        assert_eq!(
            sandbox.run(words).code(0).json()["count"],
            json!(1),
            "{words:?}"
        );
    }
    sandbox.run(["providers", "--all", "test"]).code(2);
}

#[test]
fn providers_are_listed_and_tested() {
    let sandbox = Sandbox::new();
    let table = sandbox
        .run(["providers", "--all"])
        .code(0)
        .stderr("")
        .stdout;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[..3],
        [
            vec!["PROVIDER", "STATUS", "FREE", "ACCOUNT", "SECRETS", "DETAIL"],
            vec!["yandex_disk", "not", "configured", "-", "-", "-", "-"],
            vec!["google_drive", "not", "configured", "-", "-", "-", "-"],
        ]
    );
    let listed = sandbox.json(0, ["providers"]);
    let local = &listed["providers"][0];
    assert!(
        local["account"]
            .as_str()
            .unwrap()
            .ends_with("/vertex-backup/remote"),
        "{local}"
    );
    assert!(local["quota"]["available"].is_u64(), "{local}");
    assert_eq!(local["expires_at"], json!(null));
    let tested = sandbox.json(0, ["providers", "test"]);
    assert_eq!(
        (&tested["name"], &tested["connected"]),
        (&json!("local"), &json!(true))
    );
    let error = sandbox.json(5, ["providers", "test", "yandex_disk"]);
    assert_eq!(
        error["detail"],
        json!("Provider 'yandex_disk' is not configured")
    );
    sandbox
        .run(["providers", "test", "local", "yandex_disk"])
        .code(3);
    let info = sandbox.json(0, ["providers", "info", "local"]);
    let room = &info["results"][0];
    assert!(
        room["total"].as_u64() >= room["available"].as_u64(),
        "{room}"
    );
    let listed = sandbox.json(0, ["providers", "--no-check"]);
    assert_eq!(listed["providers"][0]["connected"], json!(null));
    // Asking leaves nothing behind.
    assert!(Sandbox::files_below(&sandbox.path().join("home")).is_empty());
}

#[test]
fn version_and_help_go_to_stdout() {
    let sandbox = Sandbox::empty();
    sandbox
        .run(["--version"])
        .code(0)
        .stderr("")
        .stdout(&format!("vertex-backup {}\n", env!("CARGO_PKG_VERSION")));
    let help = sandbox.run(["--help"]).code(0).stderr("").stdout;
    for (code, meaning) in vertex_backup::exit::TABLE {
        assert!(
            help.contains(&format!("  {code:<15}{meaning}\n")),
            "{code} in {help}"
        );
    }
    sandbox.run(Vec::<&str>::new()).code(2).stdout("");
}
