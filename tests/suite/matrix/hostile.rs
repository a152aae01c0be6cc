//! What others wrote to do harm: on its way to the terminal (S9).
//!
//! Its siblings: `hostile_bounds` and `hostile_speech` (S14), `hostile_sources` (S11, S15, and the fuzz targets).

use std::fs;

use serde_json::{Value, json};

use crate::support::backups::sidecar;
use crate::support::cloud::Cloud;
use crate::support::drive::{Drive, FOLDER};
use crate::support::fake_drive;
use crate::support::fake_yandex::{self, When};
use crate::support::{Outcome, Sandbox};

/// A clipboard that is written to (OSC 52), a command in two forms (CSI, also in C1), a
/// direction that changes, a DEL, and a line that looks like ours.
const EVIL: &str = "evil\u{1b}]52;c;eA==\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\u{7f}\nerror: FAKE";

/// A name that a backup may have, so that its sidecar is read.
const TOLD: &str = "told_by_others.tar.gz";

/// Only lines of ours, and nothing in them that a terminal obeys; colours are left out first.
#[track_caller]
fn inert(what: &str, outcome: &Outcome) {
    for (stream, text) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        let acts = |c: char| {
            c.is_control() && c != '\n'
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
        };
        assert!(!text.contains(acts), "{what}: {stream}: {text:?}");
        let is_fake = |line: &str| line.starts_with("error: FAKE");
        assert!(!text.lines().any(is_fake), "{what}: {stream}: {text:?}");
    }
}

/// What we colour, and nothing else that begins as a colour does.
fn without_colors(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = after.find(|c: char| !(c.is_ascii_digit() || c == ';'));
        let end = end.filter(|end| after[*end..].starts_with('m'));
        let end = end.unwrap_or_else(|| panic!("no colour: {text:?}"));
        rest = &after[end + 1..];
    }
    plain + rest
}

/// Every command that shows what others wrote, in each form of output.
fn look_at_all(provider: &str, sandbox: &Sandbox) {
    let commands: [&[&str]; 31] = [
        &["company", "list"],
        &["company", "show", "acme-corp"],
        &["company", "show", "evil"],
        &["config", "list"],
        &["config", "get", "acme-corp"],
        &["config", "get", EVIL],
        &[
            "config",
            "set",
            "globex",
            "--provider",
            provider,
            "--remote-path",
            "/vertex-ar/acme-corp/backups",
        ],
        &["providers", "--all"],
        &["providers", "test", provider],
        &["providers", "test"],
        &["providers", "info"],
        &["sync", "acme-corp"],
        &["sync", "--all", "--dry-run"],
        &["sync", "--all", "--progress", "json"],
        &["sync", "--all", "--progress", "plain"],
        &["files", "acme-corp"],
        &["files", "acme-corp", "--all"],
        &["verify", "acme-corp"],
        &["verify", "acme-corp", "--download"],
        &["download", "acme-corp", EVIL],
        &["download", "acme-corp", TOLD, "-o", "brought", "--force"],
        &["download", "acme-corp", "evil"],
        &["retention", "set", "acme-corp", "--keep-last", "1"],
        &["retention", "get", "acme-corp"],
        &["prune", "acme-corp", "--dry-run"],
        &["prune", "--all", "--yes"],
        &["restore-test", "acme-corp", TOLD],
        &["pin", "acme-corp", EVIL],
        &["delete", "acme-corp", EVIL, "--yes"],
        &["status"],
        &["history"],
    ];
    for command in commands {
        let what = format!("{provider}: {command:?}");
        inert(&what, &sandbox.run(command.iter().copied().chain(["-vv"])));
        let mut colored = sandbox.run(command.iter().copied().chain(["--color", "always"]));
        colored.stdout = without_colors(&colored.stdout);
        colored.stderr = without_colors(&colored.stderr);
        inert(&format!("{what} in colour"), &colored);
        let told = sandbox.run(command.iter().copied().chain(["--json"]));
        inert(&format!("{what} --json"), &told);
        let _: Value = told.json();
    }
    let metrics = sandbox.run(["status", "--metrics"]);
    inert(&format!("{provider}: metrics"), &metrics);
}

/// The company has an evil name, and its database backup an honest one.
fn evil_name(sandbox: &Sandbox) {
    let rename = "UPDATE companies SET name = ?1 WHERE id = 'acme-corp'";
    assert_eq!(sandbox.sql().execute(rename, [EVIL]).unwrap(), 1);
}

/// What a sidecar says that others wrote.
fn evil_sidecar(bytes: &[u8]) -> String {
    let parts = [format!("{EVIL}.part001.gz")];
    let mut told = sidecar("storage", EVIL, bytes, &parts);
    told["timestamp"] = json!(EVIL);
    told["checksum"] = json!(EVIL);
    told.to_string()
}

/// Names are kept exactly in JSON, whatever is in them.
#[track_caller]
fn kept_exactly(sandbox: &Sandbox) {
    let listed = sandbox.json(0, ["files", "acme-corp", "--all"]);
    let files = listed["files"].as_array().unwrap();
    assert!(files.iter().any(|file| file["name"] == EVIL), "{listed}");
    let company = sandbox.json(0, ["config", "get", "acme-corp"]);
    assert_eq!(company["company_name"], EVIL);
}

#[test]
fn s9_nothing_that_lies_on_a_disk_acts_on_a_terminal() {
    let sandbox = Sandbox::assigned();
    evil_name(&sandbox);
    let remote = sandbox.remote("acme-corp");
    fs::create_dir_all(&remote).unwrap();
    for (name, bytes) in [
        (EVIL, &b"x"[..]),
        (TOLD, b"y"),
        ("told_by_others.tar.json", evil_sidecar(b"y").as_bytes()),
    ] {
        fs::write(remote.join(name), bytes).unwrap();
    }
    // Here, too, others have put things.
    fs::write(sandbox.file("backups/storage").join(EVIL), "z").unwrap();
    sandbox.write(
        "backups/storage/told_by_others.tar.json",
        evil_sidecar(b"z"),
    );
    sandbox.write(&format!("backups/storage/{TOLD}"), "z");
    kept_exactly(&sandbox);
    look_at_all("local", &sandbox);
    inert("backup list", &sandbox.run(["backup", "list", "-vv"]));
    inert("backup verify", &sandbox.run(["backup", "verify", "-vv"]));
}

#[test]
fn s9_nothing_that_yandex_disk_says_acts_on_a_terminal() {
    use fake_yandex::{Fault, Op};
    let cloud = Cloud::new();
    evil_name(&cloud);
    cloud.fake.put(&Cloud::path(EVIL), b"x");
    cloud.fake.put(&Cloud::path(TOLD), b"y");
    let json = evil_sidecar(b"y");
    let place = Cloud::path("told_by_others.tar.json");
    cloud.fake.put(&place, json.as_bytes());
    let account = Fault::edit(|told| told["user"]["login"] = json!(EVIL));
    cloud.fake.on(Op::Disk, When::Always, account);
    kept_exactly(&cloud);
    look_at_all("yandex_disk", &cloud);
    // In what it says when it refuses, and in place of what it should say.
    let refused = json!({ "error": EVIL, "description": EVIL, "message": EVIL }).to_string();
    let page = format!("<html>{EVIL}</html>");
    for (status, body) in [(403, &refused), (500, &refused), (502, &page), (200, &page)] {
        for op in [Op::List, Op::Disk, Op::Stat] {
            let raw = format!("HTTP/1.1 {status} No\r\nConnection: close\r\n\r\n{body}");
            cloud
                .fake
                .on(op, When::Always, Fault::Raw(raw.into_bytes()));
        }
        refusals(&format!("yandex_disk {status}"), &cloud);
        cloud.fake.heal();
    }
    let device =
        json!({ "device_code": "d", "user_code": EVIL, "verification_url": EVIL, "expires_in": 1 });
    cloud.fake.on(
        Op::OauthDevice,
        When::Always,
        Fault::Raw(answer(200, &device)),
    );
    let refusal = json!({ "error": EVIL, "error_description": EVIL });
    cloud.fake.on(
        Op::OauthToken,
        When::Always,
        Fault::Raw(answer(400, &refusal)),
    );
    logins("yandex_disk", &cloud, &["--client-id", "id"]);
}

#[test]
fn s9_nothing_that_google_drive_says_acts_on_a_terminal() {
    use fake_drive::{Fault, Op, When};
    let drive = Drive::new();
    evil_name(&drive);
    let folder = drive.fake.make_folders(&FOLDER);
    for (name, bytes) in [
        (EVIL, &b"x"[..]),
        (TOLD, b"y"),
        (TOLD, b"y"),
        ("told_by_others.tar.json", evil_sidecar(b"y").as_bytes()),
    ] {
        drive.fake.put_file(&folder, name, bytes);
    }
    let account = Fault::edit(|told| told["user"]["emailAddress"] = json!(EVIL));
    drive.fake.fail(Op::About, When::Always, account);
    kept_exactly(&drive);
    look_at_all("google_drive", &drive);
    let refused = json!({ "error": { "code": 403, "message": EVIL, "status": EVIL, "errors": [{ "reason": EVIL }] } });
    let page = format!("<html>{EVIL}</html>");
    for (status, body) in [(403, &refused.to_string()), (502, &page), (200, &page)] {
        for op in [Op::List, Op::About, Op::Get] {
            let raw = format!("HTTP/1.1 {status} No\r\nConnection: close\r\n\r\n{body}");
            drive
                .fake
                .fail(op, When::Always, Fault::Raw(raw.into_bytes()));
        }
        refusals(&format!("google_drive {status}"), &drive);
        drive.fake.heal();
    }
    let refusal = json!({ "error": EVIL, "error_description": EVIL });
    drive
        .fake
        .fail(Op::Token, When::Always, Fault::Raw(answer(400, &refusal)));
    refusals("google_drive token", &drive);
    let device =
        json!({ "device_code": "d", "user_code": EVIL, "verification_url": EVIL, "expires_in": 1 });
    drive.fake.fail(
        Op::DeviceCode,
        When::Always,
        Fault::Raw(answer(200, &device)),
    );
    logins("google_drive", &drive, &["--device"]);
}

/// A whole answer, status line and all.
fn answer(status: u16, body: &Value) -> Vec<u8> {
    format!("HTTP/1.1 {status} Fine\r\nConnection: close\r\n\r\n{body}").into_bytes()
}

/// A backup of this machine.
const DB: &str = "backups/database/db_backup_20250131_040000.db";

/// Commands that a service refuses, or somebody in its place.
fn refusals(what: &str, sandbox: &Sandbox) {
    for command in [
        &["providers", "--all"][..],
        &["providers", "test"],
        &["files", "acme-corp"],
        &["sync", "acme-corp", DB],
        &["status"],
        &["history", "--failed"],
    ] {
        for form in ["-vv", "--json"] {
            let outcome = sandbox.run(command.iter().copied().chain([form]));
            inert(&format!("{what}: {command:?} {form}"), &outcome);
        }
    }
}

/// A login at a service that says evil things.
fn logins(provider: &str, sandbox: &Sandbox, options: &[&str]) {
    for form in ["-vv", "--json"] {
        let login = ["providers", "login", provider, form];
        let outcome = sandbox.run(login.iter().chain(options));
        inert(&format!("{login:?}"), &outcome);
        assert_ne!(outcome.code, 0, "{login:?}");
        assert_ne!(outcome.code, 2, "{login:?}: {}", outcome.stderr);
    }
}
