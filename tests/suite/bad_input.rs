//! Bad input: a clear error that names the thing and the way out, the right
//! code, and nothing lost.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::process::Stdio;

use serde_json::json;

use crate::support::{DB, Sandbox, give_to_nobody, keys};

#[test]
fn an_unknown_company_comes_with_near_ones() {
    Sandbox::new()
        .run(["config", "get", "acme"])
        .code(4)
        .stdout("")
        .stderr(
            "error: Company 'acme' not found\n\
             hint: did you mean 'company-123' (Acme Corp) or 'acme-corp' (Acme Corporation)? `vertex-backup company list` shows all\n",
        );
    Sandbox::new()
        .run(["config", "get", "zzzzzz"])
        .code(4)
        .stderr("error: Company 'zzzzzz' not found\nhint: vertex-backup company list\n");
}

#[test]
fn the_error_is_one_json_document_beside_the_human_lines() {
    let outcome = Sandbox::new().run(["--json", "config", "get", "x"]).code(4);
    let error = outcome.json();
    assert_eq!(
        keys(&error)[..7],
        [
            "success",
            "status",
            "code",
            "detail",
            "hint",
            "exit_code",
            "retryable"
        ]
    );
    assert_eq!(error["success"], json!(false));
    assert_eq!(error["status"], json!(404));
    assert_eq!(error["code"], json!("company_not_found"));
    assert_eq!(error["detail"], json!("Company 'x' not found"));
    assert_eq!(error["exit_code"], json!(4));
    assert_eq!(error["retryable"], json!(false));
    outcome.stderr_has("error: Company 'x' not found\n");
}

#[test]
fn a_company_may_be_given_by_its_exact_name() {
    let sandbox = Sandbox::new();
    for name in ["Acme Corp", "ООО «Ромашка»", "O'Neill & Söhne \"AR\" GmbH"] {
        let found = sandbox.json(0, ["config", "get", name]);
        assert_eq!(found["company_name"], json!(name));
    }
}

#[test]
fn an_id_wins_over_the_name_of_another_company() {
    let sandbox = Sandbox::new();
    sandbox
        .run(["company", "add", "other", "--name", "globex"])
        .code(0);
    assert_eq!(
        sandbox.json(0, ["config", "get", "globex"])["company_name"],
        json!("Globex")
    );
}

#[test]
fn x40_companies_equal_but_for_case_are_two() {
    let sandbox = Sandbox::new();
    sandbox
        .run(["company", "add", "ACME-CORP", "--name", "ACME CORPORATION"])
        .code(0);
    for company in ["acme-corp", "ACME-CORP"] {
        sandbox
            .run(["config", "set", company, "--provider", "local"])
            .code(0);
        sandbox.write("one.db", company);
        sandbox.run(["sync", company, "one.db"]).code(0);
        assert_eq!(
            fs::read(sandbox.remote(company).join("one.db")).unwrap(),
            company.as_bytes()
        );
    }
    sandbox
        .run(["config", "get", "Acme-Corp"])
        .code(4)
        .stderr_has("'acme-corp'")
        .stderr_has("'ACME-CORP'");
}

#[test]
fn an_unknown_provider_lists_the_known_ones() {
    let sandbox = Sandbox::new();
    let error = sandbox.json(2, ["config", "set", "acme-corp", "--provider", "dropbox"]);
    assert_eq!(error["status"], json!(400));
    assert_eq!(error["code"], json!("invalid_provider"));
    let detail = error["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("backup_provider must be one of: yandex_disk, google_drive, local"),
        "{detail}"
    );
    sandbox.run(["config", "list", "--provider", "s3"]).code(2);
    sandbox.run(["providers", "test", "s3"]).code(2);
}

#[test]
fn an_unknown_provider_stored_by_somebody_else_is_named() {
    let sandbox = Sandbox::new();
    sandbox
        .sql()
        .execute(
            "UPDATE companies SET backup_provider = 'ftp' WHERE id = 'globex'",
            [],
        )
        .unwrap();
    assert_eq!(
        sandbox.json(0, ["config", "get", "globex"])["backup_provider"],
        json!("ftp")
    );
    let file = sandbox.write("one.db", "x");
    assert_eq!(
        sandbox.json(2, [OsStr::new("sync"), "globex".as_ref(), file.as_ref()])["code"],
        json!("invalid_provider")
    );
}

#[test]
fn a_remote_path_must_be_an_absolute_directory() {
    let sandbox = Sandbox::new();
    for path in [
        "relative/x",
        "/a/../b",
        "/..",
        "/.",
        "/",
        "",
        "/a\nb",
        "/a\u{1b}[2Jb",
        "/a\u{202e}b",
        "~/x",
    ] {
        let error = sandbox.json(
            2,
            [
                "config",
                "set",
                "acme-corp",
                "--provider",
                "local",
                "--remote-path",
                path,
            ],
        );
        assert_eq!(error["code"], json!("invalid_remote_path"), "{path:?}");
    }
    assert_eq!(
        sandbox.json(0, ["config", "get", "acme-corp"])["backup_provider"],
        json!(null)
    );
}

#[test]
fn a_trailing_slash_is_dropped_and_said() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.run([
        "config",
        "set",
        "acme-corp",
        "--provider",
        "local",
        "--remote-path",
        "/acme//x/",
        "--json",
    ]);
    assert_eq!(outcome.json()["backup_remote_path"], json!("/acme/x"));
    outcome
        .code(0)
        .stderr_has("note: the remote directory is stored as '/acme/x'\n");
}

#[test]
fn two_companies_cannot_share_a_directory() {
    let sandbox = Sandbox::assigned();
    for path in [
        "/vertex-ar/acme-corp/backups",
        "/vertex-ar/acme-corp/backups/",
        "/vertex-ar/acme-corp",
        "/vertex-ar/acme-corp/backups/x",
    ] {
        let error = sandbox.json(
            5,
            [
                "config",
                "set",
                "globex",
                "--provider",
                "local",
                "--remote-path",
                path,
            ],
        );
        assert_eq!(
            (&error["status"], &error["code"]),
            (&json!(409), &json!("remote_path_conflict")),
            "{path}"
        );
        assert!(
            error["detail"]
                .as_str()
                .unwrap()
                .contains("company 'Acme Corporation' (acme-corp)"),
            "{error}"
        );
        assert_eq!(error["other_company_id"], json!("acme-corp"));
    }
    let beside = "/vertex-ar/acme-corp/backups2";
    sandbox
        .run([
            "config",
            "set",
            "globex",
            "--provider",
            "local",
            "--remote-path",
            beside,
        ])
        .code(0);
    // Its own directory once more is no conflict.
    sandbox
        .run(["config", "set", "acme-corp", "--provider", "local"])
        .code(0);
}

#[test]
fn a_pair_stored_by_the_application_stops_every_transfer() {
    let sandbox = Sandbox::assigned();
    sandbox.write("one.db", "x");
    sandbox.run(["sync", "acme-corp", "one.db"]).code(0);
    sandbox
        .sql()
        .execute(
            "UPDATE companies SET backup_provider = 'local', backup_remote_path = 'vertex-ar/' WHERE id = 'globex'",
            [],
        )
        .unwrap();
    for command in [
        vec!["sync", "acme-corp", "one.db"],
        vec!["sync", "globex", "one.db"],
        vec!["files", "globex"],
        vec!["download", "acme-corp", "one.db"],
        vec!["delete", "globex", "one.db", "-y"],
    ] {
        assert_eq!(
            sandbox.json(5, &command)["code"],
            json!("remote_path_conflict"),
            "{command:?}"
        );
    }
    assert_eq!(
        Sandbox::files_below(&sandbox.root()),
        ["vertex-ar/acme-corp/backups/one.db"]
    );
}

#[test]
fn a_company_without_a_provider_cannot_sync() {
    let sandbox = Sandbox::new();
    sandbox.write("one.db", "x");
    sandbox
        .run(["sync", "Acme Corp", "one.db"])
        .code(5)
        .stdout("")
        .stderr(
            "error: Company 'Acme Corp' does not have a backup provider configured\n\
             hint: vertex-backup config set company-123 --provider local\n",
        );
    assert_eq!(
        sandbox.json(5, ["sync", "Acme Corp", "one.db"])["code"],
        json!("no_backup_provider")
    );
}

#[test]
fn l28_a_missing_source_is_named() {
    let sandbox = Sandbox::assigned();
    let error = sandbox.json(4, ["sync", "acme-corp", "backups/none.db"]);
    assert_eq!(error["code"], json!("backup_file_not_found"));
    assert_eq!(
        error["detail"],
        json!("Backup file not found: backups/none.db")
    );
}

#[test]
fn l29_only_regular_files_are_sent() {
    let sandbox = Sandbox::assigned();
    fs::create_dir(sandbox.file("folder.db")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, sandbox.file("pipe.db"), 0o600.into()).unwrap();
    let _socket = UnixListener::bind(sandbox.file("socket.db")).unwrap();
    std::os::unix::fs::symlink("nowhere", sandbox.file("dangling.db")).unwrap();
    for (source, code, name) in [
        ("folder.db", 12, "local_io"),
        ("pipe.db", 12, "local_io"),
        ("socket.db", 12, "local_io"),
        ("/dev/null", 12, "local_io"),
        ("dangling.db", 12, "local_io"),
        ("/proc/self/status", 12, "local_io"),
    ] {
        let error = sandbox.json(code, ["sync", "acme-corp", source]);
        assert_eq!(error["code"], json!(name), "{source}");
        assert!(
            error["detail"].as_str().unwrap().contains(source),
            "{error}"
        );
    }
    assert!(Sandbox::files_below(&sandbox.root()).is_empty());
}

#[test]
fn l29_a_link_to_a_file_is_followed() {
    let sandbox = Sandbox::assigned();
    sandbox.write("real/one.db", "content");
    std::os::unix::fs::symlink("real/one.db", sandbox.file("link.db")).unwrap();
    sandbox.run(["sync", "acme-corp", "link.db"]).code(0);
    assert_eq!(
        fs::read(sandbox.remote("acme-corp").join("link.db")).unwrap(),
        b"content"
    );
}

#[test]
fn an_unreadable_source_is_named() {
    let sandbox = Sandbox::assigned();
    let file = sandbox.write("one.db", "x");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    give_to_nobody(sandbox.path());
    let outcome = sandbox
        .command(["sync", "acme-corp", "one.db", "--json"])
        .unprivileged()
        .run()
        .code(12);
    assert_eq!(
        outcome.json()["detail"],
        json!("cannot read 'one.db': permission denied")
    );
}

#[test]
fn l30_an_empty_file_is_a_file() {
    let sandbox = Sandbox::assigned();
    sandbox.write("empty.tar", "");
    let report = sandbox.json(0, ["sync", "acme-corp", "empty.tar"]);
    assert_eq!(
        (&report["size"], &report["size_mb"]),
        (&json!(0), &json!(0.0))
    );
    assert_eq!(
        report["sha256"],
        json!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    );
    sandbox
        .run(["download", "acme-corp", "empty.tar", "-o", "back.tar"])
        .code(0);
    assert_eq!(fs::read(sandbox.file("back.tar")).unwrap(), b"");
}

#[test]
fn l31_names_that_cannot_be_kept_are_refused() {
    let sandbox = Sandbox::assigned();
    let names: [&[u8]; 4] = [
        b"not-utf8-\xff.db",
        b"new\nline.db",
        b"esc\x1b[2J.db",
        b"vertex-backup-partial-x",
    ];
    for name in names {
        let path = sandbox.app().join(OsStr::from_bytes(name));
        fs::write(&path, "x").unwrap();
        let outcome = sandbox
            .command([
                OsStr::new("sync"),
                "acme-corp".as_ref(),
                path.as_ref(),
                "--json".as_ref(),
            ])
            .run()
            .code(2);
        assert_eq!(outcome.json()["code"], json!("invalid_name"), "{name:?}");
        assert!(!outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
        assert_eq!(
            outcome
                .stderr
                .lines()
                .filter(|line| line.starts_with("error:"))
                .count(),
            1
        );
    }
    assert!(Sandbox::files_below(&sandbox.root()).is_empty());
}

#[test]
fn l31_odd_names_that_can_be_kept_come_back_as_they_were() {
    let sandbox = Sandbox::assigned();
    let long = format!("{}.db", "я".repeat(126));
    for name in [
        "-rf.db",
        "it's \"50%\" + #1?.db",
        "трава 🌼.tar.gz",
        " blank .db",
        "back\\slash.db",
        &long,
    ] {
        let path = sandbox.write(name, name);
        sandbox
            .run([OsStr::new("sync"), "acme-corp".as_ref(), path.as_ref()])
            .code(0);
        sandbox
            .run(["download", "acme-corp", "-o", "../", "--", name])
            .code(0);
        assert_eq!(
            fs::read(sandbox.path().join(name)).unwrap(),
            name.as_bytes(),
            "{name}"
        );
    }
}

#[test]
fn l31_a_download_is_asked_for_by_a_plain_name() {
    let sandbox = Sandbox::assigned();
    for name in ["../x", "/etc/passwd", "..", "", "a/b", "a\nb"] {
        let error = sandbox.json(2, ["download", "acme-corp", name]);
        assert_eq!(
            (&error["status"], &error["code"]),
            (&json!(400), &json!("invalid_name")),
            "{name:?}"
        );
    }
    sandbox.run(["delete", "acme-corp", "../x", "-y"]).code(2);
}

#[test]
fn a_missing_remote_file_comes_with_a_near_one() {
    let sandbox = Sandbox::assigned();
    sandbox
        .run(["sync", "acme-corp", &format!("backups/database/{DB}")])
        .code(0);
    sandbox
        .run(["download", "acme-corp", "db_backup_20250131.db"])
        .code(4)
        .stderr_has("error: Remote file 'db_backup_20250131.db' not found in '/vertex-ar/acme-corp/backups' on local\n")
        .stderr_has("hint: did you mean 'db_backup_20250131_040000.db'?");
    sandbox
        .run(["delete", "acme-corp", "none.db", "-y"])
        .code(4);
    let error = sandbox.json(
        4,
        ["download", "acme-corp", "--latest", "--type", "storage"],
    );
    assert_eq!(
        error["detail"],
        json!("There is no storage backup in '/vertex-ar/acme-corp/backups' on local")
    );
}

#[test]
fn an_existing_different_file_is_kept() {
    let sandbox = Sandbox::assigned();
    sandbox.write("one.db", "backup");
    sandbox.run(["sync", "acme-corp", "one.db"]).code(0);
    let target = sandbox.write("here/one.db", "precious");
    let error = sandbox.json(11, ["download", "acme-corp", "one.db", "-o", "here"]);
    assert_eq!(
        (&error["status"], &error["code"]),
        (&json!(409), &json!("already_exists"))
    );
    assert_eq!(fs::read(&target).unwrap(), b"precious");
    // The same size and other content is different, too.
    fs::write(&target, "backuP").unwrap();
    sandbox
        .run(["download", "acme-corp", "one.db", "-o", "here"])
        .code(11);
    sandbox
        .run(["download", "acme-corp", "one.db", "-o", "here", "--force"])
        .code(0);
    assert_eq!(fs::read(&target).unwrap(), b"backup");
    assert_eq!(Sandbox::files_below(&sandbox.file("here")), ["one.db"]);
}

#[test]
fn s8_a_link_in_the_place_of_the_target_is_not_followed() {
    let sandbox = Sandbox::assigned();
    sandbox.write("one.db", "backup");
    sandbox.run(["sync", "acme-corp", "one.db"]).code(0);
    let precious = sandbox.write("precious", "precious");
    std::os::unix::fs::symlink(&precious, sandbox.file("target.db")).unwrap();
    sandbox
        .run([
            "download",
            "acme-corp",
            "one.db",
            "-o",
            "target.db",
            "--force",
        ])
        .code(11);
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
}

#[test]
fn l26_a_folder_in_which_none_can_be_made_is_named() {
    let sandbox = Sandbox::new();
    for words in [
        &["--db", "/proc/x/app.db", "init"][..],
        &[
            "--remote-config",
            "/proc/x/r.json",
            "providers",
            "set",
            "local",
            "--root",
            "/r",
        ],
        &[
            "--backup-dir",
            "/proc/x/b",
            "backup",
            "create",
            "--type",
            "database",
        ],
    ] {
        let outcome = sandbox.run(words).code(12);
        assert!(outcome.stderr.contains("/proc/x"), "{}", outcome.stderr);
    }
}

#[test]
fn l26_a_missing_folder_is_named() {
    let sandbox = Sandbox::assigned();
    sandbox.write("one.db", "backup");
    sandbox.run(["sync", "acme-corp", "one.db"]).code(0);
    sandbox
        .run(["download", "acme-corp", "one.db", "-o", "no/such/one.db"])
        .code(12)
        .stderr(
            "error: cannot open the folder 'no/such': no such file or directory\n\
             hint: make the folder, or choose another with -o DIR\n",
        );
}

#[test]
fn l26_a_read_only_folder_is_named() {
    let sandbox = Sandbox::assigned();
    sandbox.write("one.db", "backup");
    sandbox.run(["sync", "acme-corp", "one.db"]).code(0);
    let folder = sandbox.file("sealed");
    fs::create_dir(&folder).unwrap();
    give_to_nobody(sandbox.path());
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
    let call = sandbox
        .command(["download", "acme-corp", "one.db", "-o", "sealed", "--json"])
        .unprivileged();
    let error = call.run().code(12).json();
    assert_eq!(error["code"], json!("local_io"));
    assert!(
        error["detail"].as_str().unwrap().contains("sealed"),
        "{error}"
    );
    assert!(fs::read_dir(&folder).unwrap().next().is_none());
}

#[test]
fn l25_no_room_for_an_upload_leaves_nothing() {
    let sandbox = Sandbox::assigned();
    sandbox.write("big.tar", vec![7; 900_000]);
    let call = sandbox
        .command(["sync", "acme-corp", "big.tar", "--json"])
        .limited("-f 1000");
    let error = call.run().code(12).json();
    assert_eq!(error["code"], json!("local_io"));
    assert_eq!(error["needed"], json!(900_000));
    assert!(error["free"].is_u64(), "{error}");
    assert!(Sandbox::files_below(&sandbox.root()).is_empty());
    // The next run, with room, needs no cleaning up.
    sandbox.run(["sync", "acme-corp", "big.tar"]).code(0);
    assert_eq!(
        Sandbox::files_below(&sandbox.remote("acme-corp")),
        ["big.tar"]
    );
}

#[test]
fn l25_no_room_for_a_download_leaves_nothing() {
    let sandbox = Sandbox::assigned();
    sandbox.write("big.tar", vec![7; 900_000]);
    sandbox.run(["sync", "acme-corp", "big.tar"]).code(0);
    let call = sandbox
        .command([
            "download",
            "acme-corp",
            "big.tar",
            "-o",
            "out.tar",
            "--json",
        ])
        .limited("-f 1000");
    let error = call.run().code(12).json();
    assert_eq!(
        (&error["code"], &error["needed"]),
        (&json!("local_io"), &json!(900_000))
    );
    assert!(!sandbox.file("out.tar").exists());
    assert!(!sandbox.file(".out.tar.partial").exists());
    sandbox
        .run(["download", "acme-corp", "big.tar", "-o", "out.tar"])
        .code(0);
}

#[test]
fn usage_errors_are_json_too() {
    let sandbox = Sandbox::new();
    for arguments in [
        vec!["--json", "frobnicate"],
        vec!["sync", "--json"],
        vec!["config", "set", "acme-corp", "--format", "json"],
        vec![
            "config",
            "set",
            "acme-corp",
            "--format=json",
            "--unset",
            "--provider",
            "local",
        ],
        vec!["status", "--max-age", "soon", "--json"],
        vec!["download", "acme-corp", "x.db", "-o", "-", "--json"],
        vec!["company", "update", "acme-corp", "--json"],
    ] {
        let outcome = sandbox.run(&arguments).code(2);
        let error = outcome.json();
        assert_eq!(
            (&error["code"], &error["exit_code"]),
            (&json!("usage"), &json!(2)),
            "{arguments:?}"
        );
        assert!(outcome.stderr.starts_with("error: "), "{}", outcome.stderr);
    }
    sandbox.run(["frobnicate"]).code(2).stdout("");
}

#[test]
fn l34_the_live_database_is_refused() {
    let sandbox = Sandbox::assigned();
    std::os::unix::fs::symlink(sandbox.db(), sandbox.file("alias.db")).unwrap();
    for source in ["app_data.db", "alias.db", "app_data.backup-state.db"] {
        assert_eq!(
            sandbox.json(12, ["sync", "acme-corp", source])["code"],
            json!("live_database"),
            "{source}"
        );
    }
    sandbox.write("other.db", "x");
    sandbox.write("other.db-wal", "frames");
    let error = sandbox.json(12, ["sync", "acme-corp", "other.db"]);
    assert_eq!(error["code"], json!("live_database"));
    assert!(
        error["detail"].as_str().unwrap().contains("'other.db-wal'"),
        "{error}"
    );
    assert!(Sandbox::files_below(&sandbox.root()).is_empty());
}

#[test]
fn x45_a_full_stdout_is_an_error() {
    let sandbox = Sandbox::assigned();
    for arguments in [
        vec!["config", "list"],
        vec!["config", "list", "--json"],
        vec!["--version"],
        vec!["--help"],
        vec!["completions", "bash"],
    ] {
        let mut call = sandbox.command(&arguments);
        call.command.stdout(
            fs::OpenOptions::new()
                .write(true)
                .open("/dev/full")
                .unwrap(),
        );
        let outcome = call.run().code(12);
        outcome.stderr_has("error: cannot write the result to stdout: no space left on device\n");
    }
}

#[test]
fn x45_a_reader_that_has_gone_ends_a_list_quietly() {
    let sandbox = Sandbox::new();
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    let mut call = sandbox.command(["config", "list"]);
    call.command.stdout(closed());
    call.run().code(0).stderr("");
    let mut call = sandbox.command(["config", "list", "--json"]);
    call.command.stdout(closed());
    call.run().code(12);
}

#[test]
fn x45_work_is_finished_though_nobody_reads_its_result() {
    let sandbox = Sandbox::assigned();
    sandbox.write("one.db", "x");
    let mut call = sandbox.command(["sync", "acme-corp", "one.db"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    call.command.stdout(Stdio::from(writer));
    call.run().code(0);
    assert!(sandbox.remote("acme-corp").join("one.db").exists());
}

#[test]
fn x45_an_interrupted_stream_to_stdout_is_an_error() {
    let sandbox = Sandbox::assigned();
    sandbox.write("big.tar", vec![7; 3_000_000]);
    sandbox.run(["sync", "acme-corp", "big.tar"]).code(0);
    let mut call = sandbox.command(["download", "acme-corp", "big.tar", "-o", "-"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    call.command.stdout(Stdio::from(writer));
    call.run().code(12);
}

#[test]
fn deleting_needs_a_confirmation() {
    let sandbox = Sandbox::assigned();
    sandbox.write("one.db", "x");
    sandbox.run(["sync", "acme-corp", "one.db"]).code(0);
    let error = sandbox.json(10, ["delete", "acme-corp", "one.db"]);
    assert_eq!(
        (&error["code"], &error["hint"]),
        (
            &json!("confirmation_required"),
            &json!("confirm with --yes")
        )
    );
    let mut call = sandbox.command(["delete", "acme-corp", "one.db"]);
    call.command.stdin(Stdio::piped());
    let mut child = call.spawn();
    // A pipe is no terminal: its "y" is not an answer.
    child.stdin.take().unwrap().write_all(b"y\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(10));
    assert!(sandbox.remote("acme-corp").join("one.db").exists());
    sandbox
        .run(["delete", "acme-corp", "one.db", "--yes"])
        .code(0);
    assert!(!sandbox.remote("acme-corp").join("one.db").exists());
}
