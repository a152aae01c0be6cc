//! All that a company's remote lacks, and all companies, several at a time.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::promises::until;
use crate::support::backups::noise;
use crate::support::cloud::Cloud;
use crate::support::fake_yandex::{Moment, Op};
use crate::support::{DB, Sandbox, signal};

/// Three database backups, oldest first.
const NIGHTS: [&str; 3] = [
    "db_backup_20250301_010000.db",
    "db_backup_20250302_010000.db",
    "db_backup_20250303_010000.db",
];

/// An installation with three nights of backups, `acme-corp` assigned.
fn nights() -> Sandbox {
    let sandbox = Sandbox::assigned();
    sandbox.without_backups();
    for (seed, name) in (0..).zip(NIGHTS) {
        sandbox.backup("backups/database", name, &noise(seed, 3000));
    }
    sandbox
}

/// What the results say: each backup's remote name, or else the message or code.
fn told(report: &Value) -> Vec<(String, String)> {
    let results = report["results"].as_array().unwrap();
    let word = |result: &Value| {
        let path = result["remote_path"].as_str();
        let name = path.map(|path| path.rsplit('/').next().unwrap().to_owned());
        let other = result["code"].as_str().or(result["message"].as_str());
        name.unwrap_or_else(|| other.unwrap_or_default().to_owned())
    };
    results
        .iter()
        .map(|result| {
            let company = result["company_id"].as_str().unwrap_or_default();
            (company.to_owned(), word(result))
        })
        .collect()
}

fn words(told: &[(String, String)]) -> Vec<&str> {
    told.iter().map(|(_, word)| word.as_str()).collect()
}

fn counts(report: &Value) -> [&Value; 4] {
    ["count", "succeeded", "failed", "skipped"].map(|key| &report[key])
}

fn remote_names(sandbox: &Sandbox, company: &str) -> Vec<String> {
    Sandbox::names_in(&sandbox.remote(company))
}

fn runs(sandbox: &Sandbox) -> Value {
    sandbox.json(0, ["history", "--limit", "1000"])["count"].clone()
}

#[test]
fn what_the_remote_lacks_goes_oldest_first() {
    let sandbox = nights();
    sandbox
        .run([
            "sync",
            "acme-corp",
            &format!("backups/database/{}", NIGHTS[1]),
            "-q",
        ])
        .code(0);
    let report = sandbox.json(0, ["sync", "acme-corp"]);
    assert_eq!(words(&told(&report)), [NIGHTS[0], NIGHTS[2]]);
    assert_eq!(
        counts(&report),
        [&json!(2), &json!(2), &json!(0), &json!(0)]
    );
    assert_eq!(remote_names(&sandbox, "acme-corp").len(), 6);
    // A second run finds nothing to do, says so, and leaves that in the history.
    let before = runs(&sandbox);
    let again = sandbox.json(0, ["sync", "acme-corp"]);
    assert_eq!(
        words(&told(&again)),
        ["Nothing to do: the remote has all 3 backups"]
    );
    assert_eq!(
        again["message"],
        json!("Nothing to do: no remote lacks a backup")
    );
    assert_eq!(counts(&again), [&json!(1), &json!(0), &json!(0), &json!(1)]);
    let history = sandbox.json(0, ["history", "--limit", "1000"]);
    assert_eq!(history["count"], json!(before.as_u64().unwrap() + 1));
    let newest = &history["runs"][0];
    assert_eq!(newest["verdict"], json!("skipped"), "{newest}");
    sandbox
        .run(["status", "acme-corp", "--max-age", "1h", "--no-check"])
        .code(0);
    sandbox.run(["sync", "acme-corp", "-q"]).code(0).stdout("");
}

#[test]
fn every_kind_of_set_goes_with_all() {
    let sandbox = Sandbox::assigned();
    let report = sandbox.json(0, ["sync", "--all", "--provider", "local"]);
    assert_eq!(
        words(&told(&report)),
        [
            "db_backup_20250129_020000.db",
            "storage_backup_20250129_030000.tar.gz",
            "storage_backup_20250130_030000.tar.gz",
            DB,
            "storage_backup_20250131_040000.tar.gz",
            "full_backup_20250131_040000.json",
        ]
    );
    let again = sandbox.json(0, ["sync", "--all", "--provider", "local"]);
    assert_eq!(
        words(&told(&again)),
        ["Nothing to do: the remote has all 6 backups"]
    );
    let files = sandbox.json(0, ["files", "acme-corp"]);
    for file in files["files"].as_array().unwrap() {
        assert_eq!(file["complete"], json!(true));
        assert!(file["verified_at"].is_string(), "{file}");
    }
}

#[test]
fn a_folder_of_its_own_wins_over_the_shared_one() {
    let sandbox = nights();
    sandbox.assign("widget-inc", "local", "/vertex-ar/widget-inc/backups");
    let own = "db_backup_20250401_010000.db";
    sandbox.backup("backups/widget-inc/database", own, b"widgets only");
    let plain = "db_backup_20250402_010000.db";
    sandbox.backup("backups/widget-inc", plain, b"without a folder of its type");
    sandbox
        .run(["sync", "--all", "--provider", "local"])
        .code(0);
    let both = |folder: &str| -> Vec<String> {
        let mut names = remote_names(&sandbox, folder);
        names.retain(|name| !name.contains(".json"));
        names
    };
    assert_eq!(both("widget-inc"), [own, plain]);
    assert_eq!(both("acme-corp"), NIGHTS);
}

#[test]
fn an_id_leads_to_no_folder_but_its_own() {
    let sandbox = nights();
    fs::create_dir_all(sandbox.file("a/b")).unwrap();
    sandbox.backup(".", "db_backup_20240101_010000.db", b"outside");
    sandbox.backup("backups/a/b", "db_backup_20240102_010000.db", b"below");
    for (number, id) in [
        "..",
        ".",
        "database",
        "full",
        "a/b",
        "",
        "/",
        "../backups/a",
    ]
    .into_iter()
    .enumerate()
    {
        let insert = "INSERT INTO companies (id, name, backup_provider, backup_remote_path) VALUES (?1, ?2, 'local', ?3)";
        let directory = format!("/odd/{number}");
        let row = [id, &format!("Odd {number}"), &directory];
        sandbox.sql().execute(insert, row).unwrap();
        let report = sandbox.json(0, ["sync", &format!("Odd {number}")]);
        assert_eq!(words(&told(&report)), NIGHTS, "{id:?}");
    }
}

#[test]
fn only_what_was_asked_for_goes() {
    for (options, expected) in [
        (
            &["--latest"][..],
            &[NIGHTS[2], "storage_backup_20250304_010000.tar.gz"][..],
        ),
        (&["--latest", "--type", "database"], &[NIGHTS[2]]),
        (
            &["--type", "storage"],
            &["storage_backup_20250304_010000.tar.gz"],
        ),
        (
            &["--since", "2025-03-02"],
            &[
                NIGHTS[1],
                NIGHTS[2],
                "storage_backup_20250304_010000.tar.gz",
            ],
        ),
        (
            &["--since", "2025-03-03", "--type", "database"],
            &[NIGHTS[2]],
        ),
        (&["--since", "1d"], &[]),
        (&["--since", "100000d", "--type", "database"], &NIGHTS),
        (&["--type", "full"], &[]),
    ] {
        let sandbox = nights();
        sandbox.backup(
            "backups/storage",
            "storage_backup_20250304_010000.tar.gz",
            b"tar",
        );
        let mut command = vec!["sync", "acme-corp"];
        command.extend(options);
        let report = sandbox.json(0, &command);
        let told = told(&report);
        if expected.is_empty() {
            assert_eq!(
                words(&told),
                ["There are no backups to sync"],
                "{options:?}"
            );
        } else {
            assert_eq!(words(&told), expected, "{options:?}");
        }
    }
    let sandbox = nights();
    for options in [
        ["--since", "yesterday"],
        ["--since", "2025-13-01"],
        ["--since", ""],
        ["--type", "everything"],
        ["--provider", "local"],
    ] {
        let mut command = vec!["sync", "acme-corp"];
        command.extend(options);
        sandbox.json(2, &command);
    }
    for jobs in ["0", "65", "-1", "many"] {
        sandbox.json(2, ["sync", "--all", "--jobs", jobs]);
    }
    sandbox.json(2, ["sync", "--all", "--provider", "dropbox"]);
    sandbox.json(2, ["sync", "--all", "acme-corp"]);
    sandbox.json(2, ["sync"]);
    assert!(Sandbox::files_below(&sandbox.root()).is_empty());
}

#[test]
fn one_damaged_set_does_not_stop_the_others() {
    let sandbox = nights();
    sandbox.write(&format!("backups/database/{}", NIGHTS[1]), noise(99, 3000));
    sandbox.assign("widget-inc", "local", "/vertex-ar/widget-inc/backups");
    sandbox.backup(
        "backups/widget-inc",
        "db_backup_20250401_010000.db",
        b"widgets",
    );
    let report = sandbox.json(3, ["sync", "--all", "--provider", "local"]);
    assert_eq!(report["success"], json!(false));
    assert_eq!(
        counts(&report),
        [&json!(4), &json!(3), &json!(1), &json!(0)]
    );
    let failed: Vec<&Value> = report["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|result| result["success"] == json!(false))
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(
        (
            &failed[0]["company_id"],
            &failed[0]["code"],
            &failed[0]["exit_code"]
        ),
        (&json!("acme-corp"), &json!("integrity_failed"), &json!(7))
    );
    assert!(
        failed[0]["local_path"]
            .as_str()
            .unwrap()
            .ends_with(NIGHTS[1])
    );
    let names = remote_names(&sandbox, "acme-corp");
    assert!(
        !names
            .iter()
            .any(|name| name.starts_with("db_backup_20250302")),
        "{names:?}"
    );
    assert_eq!(names.len(), 4);
    // All that is left to do fails for one reason: that is the code.
    let again = sandbox.json(7, ["sync", "acme-corp"]);
    assert_eq!(counts(&again), [&json!(1), &json!(0), &json!(1), &json!(0)]);
    // With others that have nothing to do it is a part of all.
    sandbox.json(3, ["sync", "--all", "--provider", "local"]);
    let history = sandbox.json(0, ["history", "acme-corp", "--failed"]);
    // One for each failure, and one for the night on which others went well.
    assert_eq!(history["count"], json!(4));
}

#[test]
fn fail_fast_stops_at_the_first_failure() {
    let sandbox = nights();
    sandbox.write(&format!("backups/database/{}", NIGHTS[0]), "damaged");
    let report = sandbox.json(7, ["sync", "acme-corp", "--fail-fast"]);
    assert_eq!(
        counts(&report),
        [&json!(1), &json!(0), &json!(1), &json!(0)]
    );
    assert!(remote_names(&sandbox, "acme-corp").is_empty());
    sandbox.companies(5, "local");
    let report = sandbox.json(
        7,
        [
            "sync",
            "--all",
            "--fail-fast",
            "--jobs",
            "1",
            "--provider",
            "local",
        ],
    );
    assert_eq!(report["failed"], json!(1));
    assert_eq!(Sandbox::files_below(&sandbox.root()), Vec::<String>::new());
}

#[test]
fn a_provider_that_is_down_fails_all_its_companies_at_once() {
    let sandbox = nights();
    let nas = sandbox.path().join("nas");
    fs::create_dir(&nas).unwrap();
    sandbox
        .run(["providers", "set", "local", "--root", nas.to_str().unwrap()])
        .code(0);
    sandbox.companies(6, "local");
    sandbox.json(0, ["sync", "--all", "--provider", "local", "--latest"]);
    fs::rename(&nas, sandbox.path().join("unplugged")).unwrap();
    fs::create_dir(&nas).unwrap();
    let report = sandbox.json(6, ["sync", "--all", "--provider", "local"]);
    assert_eq!(
        counts(&report),
        [&json!(7), &json!(0), &json!(7), &json!(0)]
    );
    for result in report["results"].as_array().unwrap() {
        assert_eq!(
            (&result["code"], &result["reason"]),
            (&json!("provider_connection_failed"), &json!("not_mounted")),
            "{result}"
        );
    }
    assert!(Sandbox::files_below(&nas).is_empty());
    // Each of them shows it.
    let status = sandbox.json(0, ["status", "company-003x", "--no-check"]);
    assert_eq!(
        status["companies"][0]["health"],
        json!("failing"),
        "{status}"
    );
    assert_eq!(sandbox.json(0, ["history", "--failed"])["count"], json!(7));
    // Back again, the rest goes.
    fs::remove_dir(&nas).unwrap();
    fs::rename(sandbox.path().join("unplugged"), &nas).unwrap();
    let report = sandbox.json(0, ["sync", "--all", "--provider", "local"]);
    assert_eq!(report["succeeded"], json!(14));
}

#[test]
fn companies_that_cannot_be_synced_fail_alone() {
    let sandbox = nights();
    sandbox.assign("widget-inc", "dropbox", "/x");
    sandbox.assign("romashka", "local", "/a/../b");
    sandbox.assign("company-123", "local", "/same/place");
    sandbox.assign("o-neill", "local", "/same/place/inside");
    // `globex` has Google Drive, which is not configured; `vertex-ar-default` has nothing.
    let report = sandbox.json(3, ["sync", "--all", "--latest"]);
    let mut told = told(&report);
    told.sort();
    let expected = [
        ("acme-corp", NIGHTS[2]),
        ("company-123", "remote_path_conflict"),
        ("globex", "provider_not_configured"),
        ("o-neill", "remote_path_conflict"),
        ("romashka", "invalid_remote_path"),
        ("widget-inc", "invalid_provider"),
    ]
    .map(|(company, word)| (company.to_owned(), word.to_owned()));
    assert_eq!(told, expected);
    assert_eq!(
        counts(&report),
        [&json!(6), &json!(1), &json!(5), &json!(0)]
    );
    assert_eq!(
        Sandbox::names_in(&sandbox.root().join("vertex-ar")),
        ["acme-corp"]
    );
}

#[test]
fn nobody_to_sync_is_no_failure() {
    let sandbox = Sandbox::new();
    let report = sandbox.json(0, ["sync", "--all", "--provider", "local"]);
    assert_eq!(
        counts(&report),
        [&json!(0), &json!(0), &json!(0), &json!(0)]
    );
    sandbox
        .run(["sync", "--all", "--provider", "local"])
        .code(0);
    sandbox.json(5, ["sync", "acme-corp"]);
}

#[test]
fn a_dry_run_changes_nothing_and_shows_sizes() {
    let sandbox = nights();
    sandbox.backup("backups/database", "db_backup_20250304_010000.db", b"");
    sandbox.backup("backups/database", "db_backup_20250305_010000.db", b"good");
    sandbox.write("backups/database/db_backup_20250305_010000.db", "evil");
    let before = runs(&sandbox);
    let report = sandbox.json(3, ["sync", "--all", "--provider", "local", "--dry-run"]);
    let results = report["results"].as_array().unwrap();
    assert_eq!(report["failed"], json!(1), "{report}");
    for result in &results[..3] {
        assert_eq!(
            (&result["dry_run"], &result["size"], &result["sha256"]),
            (&json!(true), &json!(3000), &json!(null))
        );
    }
    let table = sandbox.run([
        "sync",
        "acme-corp",
        "--dry-run",
        "--since",
        "2025-03-02",
        "--type",
        "database",
    ]);
    assert!(
        table.stdout.contains("2.9 KiB") && table.stdout.contains("would sync"),
        "{table:?}"
    );
    assert!(Sandbox::files_below(&sandbox.root()).is_empty());
    assert_eq!(runs(&sandbox), before);
}

#[test]
fn a_locked_company_does_not_hold_up_the_others() {
    let sandbox = nights();
    sandbox.companies(3, "local");
    let path = sandbox.write("large.tar", "");
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(150 << 20)
        .unwrap();
    let mut busy = sandbox
        .command(["sync", "company-001x", "large.tar"])
        .spawn();
    let remote = sandbox.remote("company-001x");
    until("an unfinished upload", || {
        !Sandbox::names_in(&remote).is_empty()
    });
    signal(&busy, Signal::STOP);
    let report = sandbox.json(3, ["sync", "--all", "--provider", "local", "--latest"]);
    let told = told(&report);
    assert_eq!(words(&told), [NIGHTS[2], NIGHTS[2], "locked", NIGHTS[2]]);
    assert_eq!(told[2].0, "company-001x");
    assert_eq!(report["results"][2]["exit_code"], json!(8));
    sandbox.json(8, ["sync", "company-001x"]);
    busy.kill().unwrap();
    busy.wait().unwrap();
    sandbox.json(0, ["sync", "--all", "--provider", "local", "--latest"]);
}

#[test]
fn without_a_backup_folder_there_is_nothing_to_take() {
    let sandbox = Sandbox::assigned();
    fs::remove_dir_all(sandbox.file("backups")).unwrap();
    for command in [&["sync", "acme-corp"][..], &["sync", "--all"]] {
        let error = sandbox.json(4, command);
        assert_eq!(error["code"], json!("backup_file_not_found"));
        assert!(
            error["detail"]
                .as_str()
                .unwrap()
                .starts_with("Backup file not found: ")
        );
    }
    sandbox.write("backups", "a file");
    sandbox.json(4, ["sync", "acme-corp"]);
}

#[test]
fn what_is_no_backup_is_left_alone() {
    let sandbox = nights();
    sandbox.write("backups/notes.txt", "x");
    sandbox.write("backups/database/config.json", "{}");
    sandbox.write("backups/database/photo.jpg", "x");
    sandbox.write("backups/other/db_backup_20250301_010000.db", "x");
    sandbox.write("backups/storage/.storage_backup_1.tar.json.orig", "{}");
    sandbox.write("backups/storage/.storage_backup_1.tar.gz.partial", "x");
    sandbox.write("secret.db", "the secret of another");
    let link = |name: &str| sandbox.file("backups/database").join(name);
    symlink(
        sandbox.file("secret.db"),
        link("db_backup_20250309_010000.db"),
    )
    .unwrap();
    symlink("/nowhere", link("db_backup_20250310_010000.db")).unwrap();
    fs::create_dir(link("db_backup_20250311_010000.db")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        link("db_backup_20250312_010000.db"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let report = sandbox.json(0, ["sync", "acme-corp"]);
    assert_eq!(words(&told(&report)), NIGHTS);
    // Named, a link is followed.
    sandbox
        .run([
            "sync",
            "acme-corp",
            "backups/database/db_backup_20250309_010000.db",
        ])
        .code(0);
    // Nor is what others put on the remote.
    let foreign = sandbox.remote("acme-corp").join("holiday.jpg");
    fs::write(&foreign, "x").unwrap();
    sandbox.run(["sync", "acme-corp"]).code(0);
    assert_eq!(fs::read(foreign).unwrap(), b"x");
}

fn lose_state(sandbox: &Sandbox) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(sandbox.file(&format!("app_data.backup-state.db{suffix}")));
    }
}

fn stamps(folder: &Path) -> Vec<(String, std::time::SystemTime)> {
    let names = Sandbox::names_in(folder).into_iter();
    names
        .map(|name| {
            let modified = fs::metadata(folder.join(&name)).unwrap().modified();
            (name, modified.unwrap())
        })
        .collect()
}

#[test]
fn a_lost_state_costs_a_second_look_and_no_second_upload() {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    let before = stamps(&sandbox.remote("acme-corp"));
    lose_state(&sandbox);
    let report = sandbox.json(0, ["sync", "acme-corp"]);
    assert_eq!(
        counts(&report),
        [&json!(6), &json!(0), &json!(0), &json!(6)]
    );
    assert_eq!(
        report["message"],
        json!("Nothing to do: no remote lacks a backup")
    );
    assert_eq!(stamps(&sandbox.remote("acme-corp")), before);
    let again = sandbox.json(0, ["sync", "acme-corp"]);
    assert_eq!(
        words(&told(&again)),
        ["Nothing to do: the remote has all 6 backups"]
    );
    let files = sandbox.json(0, ["files", "acme-corp"]);
    assert!(files["files"][0]["verified_at"].is_string());
}

#[test]
fn what_the_remote_lost_or_had_altered_goes_again() {
    let sandbox = nights();
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    let remote = sandbox.remote("acme-corp");
    fs::remove_file(remote.join(NIGHTS[0])).unwrap();
    fs::remove_file(remote.join("db_backup_20250302_010000.json")).unwrap();
    fs::write(remote.join(NIGHTS[2]), noise(77, 3000)).unwrap();
    let report = sandbox.json(0, ["sync", "acme-corp"]);
    assert_eq!(words(&told(&report)), NIGHTS);
    for name in NIGHTS {
        let ours = fs::read(sandbox.file(&format!("backups/database/{name}"))).unwrap();
        assert_eq!(fs::read(remote.join(name)).unwrap(), ours);
    }
    assert_eq!(remote_names(&sandbox, "acme-corp").len(), 6);
    sandbox.run(["sync", "acme-corp"]).code(0);
}

#[test]
fn a_set_that_vanishes_between_plan_and_action_fails_alone() {
    let sandbox = nights();
    // Large enough to be stopped in the middle, and the oldest of all.
    let first = "db_backup_20240101_010000.db";
    let path = sandbox.write(&format!("backups/database/{first}"), "");
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(150 << 20)
        .unwrap();
    let child = sandbox.command(["sync", "acme-corp", "--json"]).spawn();
    let remote = sandbox.remote("acme-corp");
    until("an unfinished upload", || {
        !Sandbox::names_in(&remote).is_empty()
    });
    signal(&child, Signal::STOP);
    // The application's rotation takes one away.
    fs::remove_file(sandbox.file(&format!("backups/database/{}", NIGHTS[1]))).unwrap();
    fs::remove_file(sandbox.file("backups/database/db_backup_20250302_010000.json")).unwrap();
    signal(&child, Signal::CONT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        words(&told(&report)),
        [first, NIGHTS[0], "backup_file_not_found", NIGHTS[2]]
    );
    assert!(!remote.join("db_backup_20250302_010000.json").exists());
}

#[test]
fn x37_a_signal_ends_a_bulk_run_between_two_backups() {
    let sandbox = nights();
    sandbox.companies(3, "local");
    let path = sandbox.write("backups/database/db_backup_20240101_010000.db", "");
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(150 << 20)
        .unwrap();
    let child = sandbox
        .command([
            "sync",
            "--all",
            "--provider",
            "local",
            "--jobs",
            "2",
            "--json",
        ])
        .spawn();
    until("an unfinished upload", || {
        Sandbox::files_below(&sandbox.root())
            .iter()
            .any(|name| name.contains("vertex-backup-partial-"))
    });
    signal(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["success"], json!(false), "{report}");
    assert!(Sandbox::files_below(&sandbox.root()).is_empty());
    let history = sandbox.json(0, ["history", "--failed"]);
    for run in history["runs"].as_array().unwrap() {
        assert_eq!(run["verdict"], json!("interrupted"), "{run}");
    }
}

#[test]
fn s13_each_company_of_a_run_that_is_stopped_has_its_row() {
    let cloud = Cloud::new();
    cloud.companies(7, "yandex_disk");
    let held = cloud.fake.hold(Op::Disk, 1, Moment::BeforeWork);
    let child = cloud.call(["sync", "--all", "--jobs", "8"]).spawn();
    held.reached();
    signal(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(143), "{said}");
    assert!(!said.contains("the history does not have this"), "{said}");
    cloud.run(["history", "--check"]).code(0);
}

#[test]
fn many_companies_at_a_time_give_one_result_each_in_order() {
    for jobs in ["1", "4", "64"] {
        let sandbox = nights();
        sandbox.companies(30, "local");
        let report = sandbox.json(
            0,
            [
                "sync",
                "--all",
                "--provider",
                "local",
                "--jobs",
                jobs,
                "--latest",
            ],
        );
        let told = told(&report);
        assert_eq!(told.len(), 31);
        assert!(told.is_sorted_by_key(|(company, _)| company.clone()));
        let again = sandbox.run([
            "sync",
            "--all",
            "--provider",
            "local",
            "--jobs",
            jobs,
            "--latest",
            "-q",
        ]);
        again.code(0).stdout("");
    }
}

#[test]
fn a_backup_whose_name_no_remote_takes_is_not_passed_over() {
    let sandbox = Sandbox::assigned();
    sandbox.write("backups/database/db_backup_\u{202e}1.db", "right to left");
    let report = sandbox.json(3, ["sync", "acme-corp", "--type", "database"]);
    assert_eq!(
        (&report["succeeded"], &report["failed"]),
        (&json!(2), &json!(1))
    );
    let failed = &report["results"].as_array().unwrap()[2];
    assert_eq!(failed["code"], json!("invalid_name"), "{report}");
    let list = sandbox.json(0, ["backup", "list", "--type", "database"]);
    assert_eq!(list["count"], json!(3));
}

#[test]
fn a_night_that_lost_one_backup_is_no_good_one() {
    let sandbox = Sandbox::assigned();
    let oldest = "backups/database/db_backup_20250129_020000.db";
    let mut bytes = fs::read(sandbox.file(oldest)).unwrap();
    bytes[9000] ^= 1;
    sandbox.write(oldest, bytes);
    sandbox.run(["sync", "acme-corp"]).code(3);
    let status = sandbox.json(0, ["status", "acme-corp", "--no-check"]);
    let company = &status["companies"][0];
    assert_eq!(
        (&company["health"], &company["last_verdict"]),
        (&json!("failing"), &json!("failed"))
    );
    let detail = company["last_detail"].as_str().unwrap();
    assert!(detail.starts_with("1 of 6 backups failed: "), "{detail}");
}
