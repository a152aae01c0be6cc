//! The history as evidence (S13): who did what, also what failed and what was refused.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::cloud::Cloud;
use crate::support::invariants::grounds;
use crate::support::{BINARY, DB, Sandbox, has_tool, login_name};

const FILE: &str = "backups/database/db_backup_20250131_040000.db";

/// What a run of the history says: operation, company, verdict and code.
fn newest(sandbox: &Sandbox) -> [String; 4] {
    let history = sandbox.json(0, ["history", "--limit", "1"]);
    let run = &history["runs"][0];
    ["operation", "company_id", "verdict", "code"]
        .map(|key| run[key].as_str().unwrap_or("-").to_owned())
}

#[track_caller]
fn runs(sandbox: &Sandbox) -> u64 {
    let runs = sandbox.json(0, ["history", "--limit", "0"]);
    runs["count"].as_u64().unwrap()
}

/// Every command that changes something, refused in every way there is before it begins.
#[test]
fn s13_what_is_refused_is_in_the_history() {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp", FILE, "-q"]).code(0);
    let acme = "acme-corp";
    for (code, words, operation, company, told) in [
        // Wrong words.
        (
            2,
            &["sync", acme, "--no-such-option"][..],
            "sync",
            "-",
            "usage",
        ),
        (2, &["delete", acme], "delete", "-", "usage"),
        (2, &["config", "set", acme], "config set", "-", "usage"),
        (
            2,
            &["--json", "config", "unset"],
            "config unset",
            "-",
            "usage",
        ),
        (2, &["company", "add", "x"], "company add", "-", "usage"),
        (
            2,
            &["company", "update", acme],
            "company update",
            acme,
            "usage",
        ),
        (
            2,
            &["retention", "set", "--bad"],
            "retention set",
            "-",
            "usage",
        ),
        (2, &["retention", "unset"], "retention unset", "-", "usage"),
        (2, &["prune"], "prune", "-", "usage"),
        (2, &["pin", acme], "pin", "-", "usage"),
        (2, &["unpin"], "unpin", "-", "usage"),
        (2, &["verify"], "verify", "-", "usage"),
        (2, &["restore-test"], "restore-test", "-", "usage"),
        (2, &["download", acme], "download", "-", "usage"),
        (
            2,
            &["backup", "create", "--what"],
            "backup create",
            "-",
            "usage",
        ),
        (
            2,
            &["backup", "rotate", "--keep-last", "0"],
            "backup rotate",
            "-",
            "usage",
        ),
        (2, &["state", "rebuild"], "state rebuild", "-", "usage"),
        (2, &["init", "now"], "init", "-", "usage"),
        (2, &["providers", "set"], "providers set", "-", "usage"),
        (
            2,
            &["providers", "unset", "dropbox"],
            "providers unset",
            "-",
            "invalid_provider",
        ),
        (
            2,
            &["providers", "login", "local"],
            "providers login",
            "-",
            "usage",
        ),
        (
            2,
            &["providers", "set", "local"],
            "providers set",
            "-",
            "usage",
        ),
        (
            2,
            &["delete", acme, "a/b", "--yes"],
            "delete",
            acme,
            "invalid_name",
        ),
        (
            2,
            &["company", "add", "a/b", "--name", "x"],
            "company add",
            "-",
            "usage",
        ),
        (
            2,
            &["config", "set", acme, "--provider", "tape"],
            "config set",
            acme,
            "invalid_provider",
        ),
        // Nobody of that name.
        (4, &["sync", "nobody"], "sync", "-", "company_not_found"),
        (
            4,
            &["config", "unset", "nobody"],
            "config unset",
            "-",
            "company_not_found",
        ),
        (
            4,
            &["retention", "set", "nobody", "--keep-last", "1"],
            "retention set",
            "-",
            "company_not_found",
        ),
        (
            4,
            &["download", "nobody", DB],
            "download",
            "-",
            "company_not_found",
        ),
        // Not set up.
        (
            5,
            &["sync", "romashka"],
            "sync",
            "romashka",
            "no_backup_provider",
        ),
        (
            5,
            &["config", "set", acme, "--provider", "yandex_disk"],
            "config set",
            acme,
            "provider_not_configured",
        ),
        (
            5,
            &["prune", acme, "--yes"],
            "prune",
            acme,
            "no_retention_policy",
        ),
        // Nobody said yes.
        (
            10,
            &["delete", acme, DB],
            "delete",
            acme,
            "confirmation_required",
        ),
        (
            10,
            &["backup", "rotate", "--keep-last", "1"],
            "backup rotate",
            "-",
            "confirmation_required",
        ),
    ] {
        let before = runs(&sandbox);
        let run = sandbox.run(words);
        assert_eq!(run.code, code, "{words:?}: {run:?}");
        assert_eq!(runs(&sandbox), before + 1, "{words:?}: {run:?}");
        let expected = [operation, company, "refused", told];
        assert_eq!(newest(&sandbox), expected, "{words:?}");
    }
    sandbox.run(["history", "--check"]).code(0);
    // It is the history of the installation that the command was about.
    let db = sandbox.db();
    let elsewhere = sandbox.command(["delete", acme, "--db", db.to_str().unwrap()]);
    let before = runs(&sandbox);
    elsewhere.cwd(sandbox.path()).run().code(2);
    assert_eq!(runs(&sandbox), before + 1);
    // What only reads, or only says what it would do, leaves no row, however wrong it is.
    let before = runs(&sandbox);
    for words in [
        &["files", "nobody"][..],
        &["config", "get", "nobody"],
        &["status", "nobody"],
        &["sync", "nobody", "--dry-run"],
        &["prune", "acme-corp", "--dry-run"],
        &["no-such-command"],
        &["history", "--bad"],
    ] {
        assert_ne!(sandbox.run(words).code, 0, "{words:?}");
    }
    assert_eq!(runs(&sandbox), before);
    // Nor is one told of as a failure of the company's backups.
    let status = sandbox.json(0, ["status", "acme-corp"]);
    assert_eq!(status["companies"][0]["health"], "ok");
}

#[test]
fn s13_what_fails_is_in_the_history_once() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        for (code, words, told) in [
            (
                4,
                &["sync", "acme-corp", "no-such-file.db"][..],
                "backup_file_not_found",
            ),
            (
                4,
                &["download", "acme-corp", "none.db"],
                "remote_file_not_found",
            ),
            (
                4,
                &["delete", "acme-corp", "none.db", "--yes"],
                "remote_file_not_found",
            ),
            (4, &["pin", "acme-corp", "none.db"], "remote_file_not_found"),
            (
                4,
                &["unpin", "acme-corp", "none.db"],
                "remote_file_not_found",
            ),
            (4, &["verify", "acme-corp", "none.db"], "-"),
            (4, &["restore-test", "acme-corp", "none.db"], "-"),
        ] {
            let before = runs(sandbox);
            let run = ground.call(words).run();
            assert_eq!(run.code, code, "{provider} {words:?}: {run:?}");
            assert_eq!(runs(sandbox), before + 1, "{provider} {words:?}");
            let [operation, company, _, reason] = newest(sandbox);
            assert_eq!(
                [operation.as_str(), &company],
                [words[0], "acme-corp"],
                "{provider}"
            );
            assert!(
                told == "-" || reason == told,
                "{provider} {words:?}: {reason}"
            );
        }
        // Of several at once each has its row.
        let before = runs(sandbox);
        let words = ["delete", "acme-corp", "a.db", "b.db", "--yes"];
        ground.call(&words).run().code(4);
        assert_eq!(runs(sandbox), before + 2, "{provider}");
    }
}

/// A login that is renewed on the way is a change of the provider file like any other.
#[test]
fn s13_setting_up_is_in_the_history() {
    let sandbox = Sandbox::empty();
    sandbox.run(["init", "-q", "--db", "app_data.db"]).code(0);
    let words = |words: &[&str]| {
        let all = [words, &["--db", "app_data.db"]].concat();
        sandbox.run(all).code(0)
    };
    words(&["company", "add", "x", "--name", "X"]);
    words(&["retention", "set", "--default", "--keep-last", "3"]);
    words(&["retention", "unset", "--default"]);
    words(&["providers", "set", "local", "--root", "nas"]);
    words(&["providers", "unset", "local"]);
    let history = words(&["history", "--json"]).json();
    let runs = history["runs"].as_array().unwrap().iter().rev();
    let operations: Vec<_> = runs.map(|run| run["operation"].as_str().unwrap()).collect();
    assert_eq!(
        operations,
        [
            "init",
            "company add",
            "retention set",
            "retention unset",
            "providers set",
            "providers unset"
        ]
    );
}

fn actor(sandbox: &Sandbox) -> Value {
    let history = sandbox.json(0, ["history", "--limit", "1"]);
    history["runs"][0]["actor"].clone()
}

#[test]
fn s13_who_it_was_and_what_started_it_is_told() {
    let sandbox = Sandbox::assigned();
    let pin = ["unpin", "acme-corp", DB];
    let uid = rustix::process::getuid().as_raw();

    let run = sandbox.command(pin).env("SUDO_USER", "alice");
    run.env("INVOCATION_ID", "5e0c").run().code(4);
    let who = actor(&sandbox);
    assert_eq!(who["user"], login_name());
    assert_eq!(who["uid"], uid);
    assert_eq!(who["sudo_user"], "alice");
    assert_eq!(who["started_by"], "systemd");
    assert_eq!(
        (&who["terminal"], &who["tty"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(
        who["command"],
        format!("vertex-backup unpin acme-corp {DB}")
    );
    assert!(who["pid"].is_u64() && who["host"].is_string(), "{who}");
    let login = fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    let login: Option<u32> = login.trim().parse().ok().filter(|uid| *uid != u32::MAX);
    assert_eq!(who["login_uid"], json!(login));

    // Cron starts a shell, which starts us: whatever is between, cron is found.
    let script =
        format!("#!/bin/sh\n/bin/sh -c '\"{BINARY}\" unpin acme-corp {DB}; exit'\nexit 0\n");
    let cron = sandbox.write("bin/cron", script);
    fs::set_permissions(&cron, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&cron);
    command.current_dir(sandbox.app()).env_clear();
    command
        .env("HOME", sandbox.path().join("home"))
        .env("PATH", "/usr/bin:/bin");
    assert!(command.output().unwrap().status.success());
    let who = actor(&sandbox);
    assert_eq!(who["started_by"], "cron", "{who}");
    assert_eq!(who["sudo_user"], Value::Null);

    // Neither: then the parent's name.
    sandbox.run(pin).code(4);
    let parent = actor(&sandbox)["started_by"].as_str().unwrap().to_owned();
    assert!(
        !["cron", "systemd", "terminal"].contains(&parent.as_str()),
        "{parent}"
    );
}

/// A terminal can be had where `script` is installed.
#[test]
fn s13_a_terminal_is_named() {
    if !has_tool("script") {
        return;
    }
    let sandbox = Sandbox::assigned();
    let mut command = Command::new("script");
    command
        .args([
            "-qec",
            &format!("{BINARY} unpin acme-corp {DB}"),
            "/dev/null",
        ])
        .current_dir(sandbox.app())
        .env("HOME", sandbox.path().join("home"))
        .env("INVOCATION_ID", "of the session");
    command.output().unwrap();
    let who = actor(&sandbox);
    assert_eq!(who["started_by"], "terminal", "{who}");
    assert_eq!(who["terminal"], true);
    assert!(who["tty"].as_str().unwrap().starts_with("/dev/"), "{who}");
}

/// A secret on the command line is refused, and told to nobody.
#[test]
fn s13_a_secret_that_was_typed_is_not_in_the_history() {
    let cloud = Cloud::new();
    let canary = "canary-5d1f";
    for words in [
        &["providers", "set", "yandex_disk", "--token", canary][..],
        &[
            "providers",
            "set",
            "yandex_disk",
            &format!("--token={canary}"),
        ],
        &["providers", "set", "yandex_disk", canary],
        &["providers", "set", canary],
        &[
            "providers",
            "set",
            "yandex_disk",
            "--token-command",
            &format!("echo {canary}"),
        ],
        &["sync", "acme-corp", "--password", canary],
    ] {
        cloud.run(words);
        let history = cloud.run(["history", "--json", "--limit", "0"]).code(0);
        assert!(
            !history.stdout.contains(canary),
            "{words:?}: {}",
            history.stdout
        );
    }
}
