//! Why Google Drive cannot be used, or how: each cause has its reason, its words and a way
//! out, and what can be used tells what it may do and how much room it has.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use serde_json::{Value, json};

use crate::support::backups::noise;
use crate::support::drive::Drive;
use crate::support::fake_drive::{Fault, Op, ROOT, SERVICE_ACCOUNT, UNIT, USER, When};
use crate::support::make_private;

const ALL: &str = "https://www.googleapis.com/auth/drive";
const READ_ONLY: &str = "https://www.googleapis.com/auth/drive.readonly";

/// A cause, as `providers test`, `providers` and `config set` tell it.
struct Told<'a> {
    reason: &'a str,
    detail: &'a str,
    /// Part of the hint.
    hint: &'a str,
    retryable: bool,
}

/// Asks all three, without a proxy, and compares what they say.
#[track_caller]
fn assert_told(drive: &Drive, told: &Told<'_>) {
    let set = ["config", "set", "acme-corp", "--provider", "google_drive"];
    for words in [&["providers", "test", "google_drive"][..], &set] {
        let error = run(drive, words, 6);
        assert_eq!(error["code"], "provider_connection_failed", "{error}");
        assert_eq!(error["reason"], told.reason, "{error}");
        let detail = error["detail"].as_str().unwrap();
        let start = "Provider 'google_drive' connection test failed: ";
        let detail = detail.strip_prefix(start).unwrap();
        assert!(detail.contains(told.detail), "{detail}");
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.contains(told.hint), "{hint}");
        assert_eq!(error["retryable"], told.retryable, "{error}");
    }
    let list = run(drive, &["providers"], 0);
    let listed = &list["providers"][0];
    assert_eq!(listed["connected"], false);
    assert_eq!(listed["reason"], told.reason);
    let company = drive.json(0, ["config", "get", "acme-corp"]);
    assert_eq!(company["backup_provider"], Value::Null);
    assert_eq!(
        drive
            .fake
            .all_files()
            .iter()
            .filter(|file| file.size.is_some())
            .count(),
        0
    );
}

fn run(drive: &Drive, words: &[&str], code: i32) -> Value {
    let words = [words, &["--json", "--timeout", "1s"]].concat();
    let mut call = drive.command(words);
    call.command.env_remove("HTTPS_PROXY");
    let run = call.run().code(code);
    assert!(
        !run.stdout.contains("CANARY") && !run.stderr.contains("CANARY"),
        "{run:?}"
    );
    run.json()
}

fn at(drive: &Drive, api_url: &str) {
    drive.write_section(&json!({
        "enabled": true, "api_url": api_url, "chunk_size": UNIT, "credentials": drive.login(),
    }));
}

/// The credentials of a login, and where backups go.
fn login_with(drive: &Drive, key: &str, value: &str) {
    let mut credentials = drive.login();
    credentials[key] = json!(value);
    drive.configure(&credentials);
}

#[test]
fn a_login_that_is_refused() {
    let drive = Drive::unassigned();
    drive
        .fake
        .refuse_grants("invalid_grant", "Token has been expired or revoked.");
    assert_told(
        &drive,
        &Told {
            reason: "auth",
            detail: "in \"Testing\", where a login lasts seven days",
            hint: "vertex-backup providers login google_drive",
            retryable: false,
        },
    );
    let table = drive.run(["providers"]).code(0).stdout;
    assert!(table.contains("not connected"), "{table}");
}

#[test]
fn a_token_that_is_refused_however_new_it_is() {
    let drive = Drive::unassigned();
    let refused = Fault::Error(401, "authError", "Invalid Credentials");
    drive.fake.fail(Op::About, When::Always, refused);
    assert_told(
        &drive,
        &Told {
            reason: "auth",
            detail: "the access token is refused",
            hint: "vertex-backup providers login google_drive",
            retryable: false,
        },
    );
}

#[test]
fn a_bare_token_that_ended() {
    let drive = Drive::unassigned();
    drive.fake.expire_tokens();
    let token = crate::support::fake_drive::TOKEN;
    drive.configure(&json!({ "access_token": token }));
    assert_told(
        &drive,
        &Told {
            reason: "auth",
            detail: "the access token",
            hint: "vertex-backup providers login google_drive",
            retryable: false,
        },
    );
}

#[test]
fn what_is_forbidden_says_who_can_allow_it() {
    let error = |reason| Fault::Error(403, reason, "That is not allowed.");
    let cases = [
        (
            error("insufficientPermissions"),
            "the scope that this needs",
            "tick the box",
        ),
        (
            Fault::DetailsOnly(403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
            "the scope that this needs",
            "tick the box",
        ),
        (
            error("accessNotConfigured"),
            "is not switched on",
            "https://console.cloud.google.com",
        ),
        (
            Fault::DetailsOnly(403, "SERVICE_DISABLED"),
            "is not switched on",
            "drive.googleapis.com",
        ),
        (
            error("insufficientFilePermissions"),
            "may not do that here",
            "Content manager",
        ),
        (
            error("domainPolicy"),
            "403 domainPolicy: That is not allowed.",
            "administrator",
        ),
        (
            error("teamDriveMembershipRequired"),
            "teamDriveMembershipRequired",
            "administrator",
        ),
        (
            Fault::NoReason(403, "Go away."),
            "403: Go away.",
            "administrator",
        ),
        (Fault::Html(403), "it answers 403", "administrator"),
    ];
    for (fault, detail, hint) in cases {
        let drive = Drive::unassigned();
        drive.fake.fail(Op::About, When::Always, fault);
        let (reason, retryable) = ("forbidden", false);
        assert_told(
            &drive,
            &Told {
                reason,
                detail,
                hint,
                retryable,
            },
        );
    }
}

#[test]
fn what_is_used_up_says_when_to_come_back() {
    let error = |reason| Fault::Error(403, reason, "Too much.");
    let cases = [
        (
            Fault::rate_limit(),
            "too many requests",
            "try again later",
            true,
        ),
        (
            error("userRateLimitExceeded"),
            "too many requests",
            "try again later",
            true,
        ),
        (
            Fault::DetailsOnly(403, "RATE_LIMIT_EXCEEDED"),
            "too many requests",
            "later",
            true,
        ),
        (
            Fault::Error(429, "rateLimitExceeded", "No"),
            "too many requests",
            "later",
            true,
        ),
        (Fault::upload_cap(), "750 GB", "after 24 hours", true),
        (
            error("dailyLimitExceeded"),
            "used up for today",
            "tomorrow",
            false,
        ),
        (
            error("activeItemCreationLimitExceeded"),
            "as many files as",
            "prune --all --permanent",
            false,
        ),
    ];
    for (fault, detail, hint, retryable) in cases {
        let drive = Drive::unassigned();
        drive.fake.fail(Op::About, When::Always, fault);
        let reason = "quota";
        assert_told(
            &drive,
            &Told {
                reason,
                detail,
                hint,
                retryable,
            },
        );
    }
}

/// A machine that answers every connection with these bytes, until the test ends.
fn server(said: Option<&'static [u8]>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            match said {
                Some(said) => {
                    let _ = stream.read(&mut [0; 512]);
                    let _ = stream.write_all(said);
                }
                // Kept open, so that it is silence and no end.
                None => open.push(stream),
            }
        }
    });
    address
}

#[test]
fn a_service_that_is_not_reached() {
    let plain = server(Some(b"220 mail.example.com ESMTP\r\n"));
    let silent = server(None);
    let cases = [
        // Nobody listens on the discard port of this machine.
        (
            "https://127.0.0.1:9".to_owned(),
            "network",
            "127.0.0.1 cannot be reached: connection refused",
            "api_url",
            true,
        ),
        (
            "https://nothere.invalid".to_owned(),
            "dns",
            "the name nothere.invalid cannot be resolved",
            "name server",
            true,
        ),
        (
            format!("https://{plain}"),
            "tls",
            "127.0.0.1 does not speak TLS as we do",
            "api_url",
            false,
        ),
        (
            format!("http://{silent}"),
            "timeout",
            "127.0.0.1 gave no answer",
            "--timeout",
            true,
        ),
    ];
    for (url, reason, detail, hint, retryable) in cases {
        let drive = Drive::unassigned();
        at(&drive, &url);
        assert_told(
            &drive,
            &Told {
                reason,
                detail,
                hint,
                retryable,
            },
        );
    }
}

#[test]
fn a_service_of_tokens_that_is_not_reached() {
    let silent = server(None);
    for (uri, reason) in [
        ("https://127.0.0.1:9/token".to_owned(), "network"),
        ("https://nothere.invalid/token".to_owned(), "dns"),
        (format!("http://{silent}/token"), "timeout"),
    ] {
        let drive = Drive::unassigned();
        login_with(&drive, "token_uri", &uri);
        let (detail, hint, retryable) = ("", "", true);
        assert_told(
            &drive,
            &Told {
                reason,
                detail,
                hint,
                retryable,
            },
        );
        assert_eq!(drive.fake.requests().len(), 0);
    }
}

#[test]
fn n13_a_proxy_that_refuses_the_connection() {
    let drive = Drive::unassigned();
    // The sandbox has one.
    at(&drive, "https://www.googleapis.com");
    let error = drive.json(6, ["providers", "test", "google_drive"]);
    assert_eq!(error["reason"], "network");
    let detail = error["detail"].as_str().unwrap();
    assert!(
        detail.contains("the proxy cannot be reached: connection refused"),
        "{detail}"
    );
}

#[test]
fn n11_somebody_else_than_google() {
    for (fault, detail) in [
        // The page on which a hotel wants a login.
        (Fault::Html(200), "what answers is not Google Drive"),
        (Fault::Html(404), "it answers 404"),
        (
            Fault::Text(400, "Bad Request"),
            "it answers 400: Bad Request",
        ),
    ] {
        let drive = Drive::unassigned();
        drive.fake.fail(Op::About, When::Always, fault.clone());
        let error = run(&drive, &["providers", "test", "google_drive"], 6);
        assert_eq!(error["reason"], "network", "{error}");
        assert!(
            error["detail"].as_str().unwrap().contains(detail),
            "{error}"
        );
        if !matches!(fault, Fault::Text(..)) {
            let hint = error["hint"].as_str().unwrap();
            assert!(hint.contains("whether the network wants a login"), "{hint}");
        }
    }
    let drive = Drive::unassigned();
    drive.fake.fail(Op::About, When::Always, Fault::Html(503));
    let (reason, retryable) = ("network", true);
    let (detail, hint) = ("it answers 503", "try again later");
    assert_told(
        &drive,
        &Told {
            reason,
            detail,
            hint,
            retryable,
        },
    );
}

#[test]
fn how_it_is_connected_is_told() {
    let drive = Drive::unassigned();
    let listed = &drive.json(0, ["providers"])["providers"][0];
    assert_eq!(listed["connected"], true, "{listed}");
    assert_eq!(listed["account"], USER);
    assert_eq!(listed["credentials"], "refresh_token");
    assert_eq!(listed["scope"], "drive.file");
    assert_eq!(listed["folder"], "My Drive");
    assert_eq!(listed["can_write"], true);
    let tested = drive.json(0, ["providers", "test", "google_drive"]);
    assert_eq!(
        (&tested["connected"], &tested["account"]),
        (&json!(true), &json!(USER))
    );

    // In a folder, and on a shared drive.
    let folder = drive.fake.put_folder(ROOT, "Copies \u{1b}[31m");
    login_with(&drive, "folder_id", &folder);
    assert_eq!(
        drive.json(0, ["providers"])["providers"][0]["folder"],
        "Copies \u{1b}[31m"
    );
    let table = drive.run(["providers"]).code(0).stdout;
    assert!(!table.contains('\u{1b}'), "{table:?}");
    let shared = drive.fake.add_shared_drive("Team");
    drive.fake.grant_scope(ALL);
    login_with(&drive, "shared_drive_id", &shared);
    assert_eq!(
        drive.json(0, ["providers"])["providers"][0]["folder"],
        "Team"
    );
}

#[test]
fn a_login_that_may_only_read_serves_to_restore() {
    let drive = Drive::new();
    let content = noise(1, 1000);
    let name = "db_backup_20250301_010000.db";
    drive.backup("made", name, &content);
    drive.sync(&format!("made/{name}")).code(0);
    drive.fake.grant_scope(READ_ONLY);
    let listed = &drive.json(0, ["providers"])["providers"][0];
    assert_eq!(
        (&listed["connected"], &listed["can_write"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(listed["scope"], "drive.readonly");
    drive
        .run(["download", "acme-corp", name, "-o", "out"])
        .code(0);
    assert!(fs::read(drive.file("out")).unwrap() == content);
    drive.run(["verify", "acme-corp", "--download"]).code(0);
    // Nothing is begun that cannot be finished.
    let mark = drive.mark();
    let second = "db_backup_20250302_010000.db";
    drive.backup("made", second, &content);
    let file = format!("made/{second}");
    let error = drive
        .call(["sync", "acme-corp", &file, "--json"])
        .run()
        .code(6)
        .json();
    assert_eq!(error["reason"], "forbidden", "{error}");
    assert!(
        error["detail"].as_str().unwrap().contains("may only read"),
        "{error}"
    );
    assert!(
        error["hint"]
            .as_str()
            .unwrap()
            .contains("--scope drive.file"),
        "{error}"
    );
    let error = drive.json(6, ["delete", "acme-corp", name, "-y"]);
    assert_eq!(error["reason"], "forbidden", "{error}");
    let begun = drive.since(mark);
    assert!(
        begun
            .iter()
            .all(|request| request.op != Op::Initiate && request.op != Op::CreateFolder)
    );
    assert_eq!(drive.names().len(), 2);
}

#[test]
fn a_folder_that_may_not_be_written_to_is_told_before_anything_is_sent() {
    let drive = Drive::unassigned();
    let shared = drive.fake.add_shared_drive("Team");
    login_with(&drive, "shared_drive_id", &shared);
    let no_children = |told: &mut Value| {
        told["capabilities"] = json!({"canAddChildren": false});
    };
    drive.fake.grant_scope(ALL);
    drive
        .fake
        .fail(Op::Drives, When::Always, Fault::edit(no_children));
    let (reason, retryable) = ("forbidden", false);
    let (detail, hint) = ("the account may not write in 'Team'", "Content manager");
    assert_told(
        &drive,
        &Told {
            reason,
            detail,
            hint,
            retryable,
        },
    );
}

fn info(drive: &Drive) -> Value {
    drive.json(0, ["providers", "info", "google_drive"])
}

#[test]
fn p16_the_room_is_told_as_far_as_there_is_one() {
    let drive = Drive::unassigned();
    drive.fake.quota(Some(1000), 600, 100);
    let told = info(&drive);
    let told = told["results"].get(0).unwrap_or(&told);
    assert_eq!(told["total"], 1000, "{told}");
    assert_eq!(
        (&told["used"], &told["available"]),
        (&json!(600), &json!(400))
    );
    assert_eq!(told["trash"], 100);
    // Full to the brim and beyond.
    drive.fake.quota(Some(1000), 1200, 0);
    let told = info(&drive);
    let told = told["results"].get(0).unwrap_or(&told);
    assert_eq!(told["available"], 0, "{told}");
    // No limit is no lack of room.
    drive.fake.quota(None, 1200, 7);
    let told = info(&drive);
    let told = told["results"].get(0).unwrap_or(&told);
    assert_eq!(
        (&told["total"], &told["available"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!((&told["used"], &told["trash"]), (&json!(1200), &json!(7)));
    let table = drive.run(["providers", "info"]).code(0).stdout;
    assert!(table.contains("unlimited"), "{table}");
    // The numbers of one's own Drive are not those of a shared one.
    drive.fake.quota(Some(1000), 600, 100);
    let shared = drive.fake.add_shared_drive("Team");
    login_with(&drive, "shared_drive_id", &shared);
    let told = info(&drive);
    let told = told["results"].get(0).unwrap_or(&told);
    for key in ["total", "used", "available", "trash"] {
        assert_eq!(told[key], Value::Null, "{told}");
    }
    for words in [&["providers", "info"][..], &["providers"]] {
        let table = drive.run(words).code(0).stdout;
        assert!(!table.contains("unlimited"), "{table}");
    }
}

#[test]
fn p16_a_drive_without_room_says_what_fills_it() {
    let drive = Drive::new();
    let name = "db_backup_20250301_010000.db";
    drive.backup("made", name, &noise(1, 5000));
    let file = format!("made/{name}");
    let sync = ["sync", "acme-corp", &file, "--json"];
    for trash in [0, 800] {
        drive.fake.quota(Some(4000), 3000, trash);
        let error = drive.call(sync).run().code(6).json();
        let detail = error["detail"].as_str().unwrap();
        assert!(
            detail.contains("4.9 KiB are needed, 1000 B are free"),
            "{error}"
        );
        let hint = error["hint"].as_str().unwrap();
        assert_eq!(hint.contains("the trash holds 800 B"), trash > 0, "{hint}");
        assert!(hint.contains("prune --all --permanent"), "{hint}");
    }
    assert_eq!(drive.fake.count(Op::Initiate), 0);
    // On a shared drive they say nothing.
    let shared = drive.fake.add_shared_drive("Team");
    login_with(&drive, "shared_drive_id", &shared);
    drive
        .run(["providers", "set", "google_drive", "--accept"])
        .code(0);
    drive.call(sync).run().code(0);
}

/// The key of the service account, and where it is written down.
fn robot(drive: &Drive, more: &Value) {
    let path = drive.write("key.json", drive.fake.service_account_key());
    make_private(&path);
    let mut credentials = json!({ "service_account_file": path });
    let more = more.as_object().unwrap().clone();
    credentials.as_object_mut().unwrap().extend(more);
    drive.configure(&credentials);
}

#[test]
fn a_service_account_needs_somebody_elses_storage() {
    let drive = Drive::unassigned();
    robot(&drive, &json!({}));
    assert_told(
        &drive,
        &Told {
            reason: "forbidden",
            detail: "a service account has no storage of its own",
            hint: "--shared-drive-id",
            retryable: false,
        },
    );
    // Nor does a folder that a user shares help.
    let folder = drive.fake.put_folder(ROOT, "shared with the robot");
    robot(&drive, &json!({ "folder_id": folder }));
    let error = drive.json(6, ["providers", "test", "google_drive"]);
    let hint = error["hint"].as_str().unwrap();
    for way in [
        "--shared-drive-id ID",
        "--impersonate USER",
        "providers login google_drive",
    ] {
        assert!(hint.contains(way), "{hint}");
    }
    // Not even for a company that the application assigned.
    drive
        .sandbox
        .assign("acme-corp", "google_drive", "/vertex-ar/acme-corp/backups");
    let name = "db_backup_20250301_010000.db";
    drive.backup("made", name, b"x");
    let file = format!("made/{name}");
    let error = drive
        .call(["sync", "acme-corp", &file, "--json"])
        .run()
        .code(6)
        .json();
    assert_eq!(error["reason"], "forbidden", "{error}");
    assert_eq!(
        drive.fake.count(Op::Initiate) + drive.fake.count(Op::CreateFolder),
        0
    );

    // Two of the ways out.
    let shared = drive.fake.add_shared_drive("Team");
    drive.fake.grant_scope(ALL);
    robot(&drive, &json!({ "shared_drive_id": shared }));
    let accept = ["providers", "set", "google_drive", "--accept"];
    drive.run(accept).code(0);
    let listed = &drive.json(0, ["providers"])["providers"][0];
    assert_eq!(listed["credentials"], "service_account", "{listed}");
    assert_eq!(listed["account"], SERVICE_ACCOUNT);
    assert_eq!(listed["folder"], "Team");
    drive.call(["sync", "acme-corp", &file]).run().code(0);
    robot(&drive, &json!({ "impersonate": USER }));
    drive.run(accept).code(0);
    let listed = &drive.json(0, ["providers"])["providers"][0];
    assert_eq!(
        (&listed["connected"], &listed["account"]),
        (&json!(true), &json!(USER)),
        "{listed}"
    );
}

#[test]
fn a_folder_a_service_account_does_not_see_is_to_be_shared_with_it() {
    let drive = Drive::unassigned();
    robot(&drive, &json!({ "folder_id": "1nowhere" }));
    let error = drive.json(6, ["providers", "test", "google_drive"]);
    assert_eq!(error["reason"], "forbidden", "{error}");
    assert!(
        error["hint"]
            .as_str()
            .unwrap()
            .contains("share it with the service account"),
        "{error}"
    );
}

#[test]
fn another_account_is_refused_until_it_is_accepted() {
    let drive = Drive::new();
    let name = "db_backup_20250301_010000.db";
    drive.backup("made", name, b"x");
    let file = format!("made/{name}");
    drive.sync(&file).code(0);
    let somebody = |told: &mut Value| {
        told["user"]["permissionId"] = json!("9999");
        told["user"]["emailAddress"] = json!("somebody@example.com");
    };
    drive
        .fake
        .fail(Op::About, When::Always, Fault::edit(somebody));
    let second = "db_backup_20250302_010000.db";
    drive.backup("made", second, b"y");
    let other = format!("made/{second}");
    let mark = drive.mark();
    for words in [
        &["providers", "test", "google_drive"][..],
        &["sync", "acme-corp", &other],
    ] {
        let error = drive.json(6, words);
        assert_eq!(error["reason"], "forbidden", "{error}");
        let detail = error["detail"].as_str().unwrap();
        assert!(
            detail.contains("belongs to 'somebody@example.com'"),
            "{detail}"
        );
        assert!(
            error["hint"].as_str().unwrap().contains("--accept"),
            "{error}"
        );
    }
    assert!(
        drive
            .since(mark)
            .iter()
            .all(|request| request.op != Op::Initiate)
    );
    drive
        .run(["providers", "set", "google_drive", "--accept"])
        .code(0);
    drive.sync(&other).code(0);
    drive.run(["providers", "test", "google_drive"]).code(0);
}

#[test]
fn another_client_sees_nothing_of_what_the_first_one_made() {
    let drive = Drive::new();
    let name = "db_backup_20250301_010000.db";
    drive.backup("made", name, b"x");
    drive.sync(&format!("made/{name}")).code(0);
    // Of the same account and name, with the scope that hides what others made.
    let key = ["providers", "test", "google_drive"];
    drive.run(key).code(0);
    let state = rusqlite::Connection::open(drive.state()).unwrap();
    let changed = state.execute(
        "UPDATE storages SET identity = replace(identity, '112233445566-', '998877-') WHERE identity LIKE 'user %'",
        [],
    );
    assert_eq!(changed.unwrap(), 1);
    drop(state);
    let error = drive.json(6, key);
    assert_eq!(error["reason"], "forbidden", "{error}");
    assert!(
        error["detail"]
            .as_str()
            .unwrap()
            .contains("another client_id"),
        "{error}"
    );
    // Who sees all is not kept out.
    drive.fake.grant_scope(ALL);
    drive.run(key).code(0);
}
