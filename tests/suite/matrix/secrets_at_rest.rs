//! Secrets where they stay: the address of an upload in the state (S1), the memory of the
//! process (S5).
//!
//! Of S5, that ureq and rustls keep short-lived copies is said in the README, and not measured:
//! no tool that every machine has reads the memory of another process.

use std::fs;

use serde_json::json;

use crate::support::Sandbox;
use crate::support::cloud::Cloud;
use crate::support::fake_drive::{Moment, Op, TOKEN, UNIT};
use crate::support::outgoing::{NAME, Outgoing, PIECES};

/// An upload that was killed when three pieces had arrived.
fn stopped(upload: Outgoing) -> Outgoing {
    upload.kill_at((Op::Chunk, 3, Moment::AfterWork));
    assert_eq!(upload.fake().sessions()[0].stored, UNIT * 3);
    upload
}

/// The state with its companions, as they are on disk.
fn stored(sandbox: &Sandbox) -> String {
    let app = sandbox.app();
    let names = Sandbox::files_below(&app).into_iter();
    let names = names.filter(|name| name.contains("backup-state"));
    let bytes = names.flat_map(|name| fs::read(app.join(name)).unwrap());
    String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
}

/// Whether the next run goes on with the session, or begins another; in the end all is there.
#[track_caller]
fn goes_on(upload: &Outgoing) -> bool {
    let begun = upload.fake().count(Op::Initiate);
    let told = upload.send(0);
    let is_anew = upload.fake().count(Op::Initiate) > begun;
    if is_anew {
        // The first session ends by itself, within a week: nobody knows any more where it is.
        assert_eq!(upload.fake().sessions().len(), 1);
        assert_eq!(upload.chunks(), 3 + PIECES);
        assert_eq!(upload.drive.content(NAME).as_ref(), Some(&upload.bytes));
        let left = upload
            .state()
            .query_row("SELECT count(*) FROM uploads", [], |row| row.get(0));
        assert_eq!(left, Ok(0));
    } else {
        upload.settled_with(PIECES);
    }
    assert!(!stored(&upload.drive).contains("upload_id"), "{told:?}");
    !is_anew
}

#[test]
fn s1_the_address_of_an_upload_is_stored_for_its_login_alone() {
    let upload = stopped(Outgoing::replacing());
    let address = upload.fake().sessions()[0].uri.clone();
    let state = stored(&upload.drive);
    assert!(state.contains("sealed:1:") && !state.contains(&address));
    let (_, secret) = address.split_once("upload_id=").unwrap();
    assert!(!state.contains(secret) && !state.contains("upload_id"));
    assert!(goes_on(&upload));
}

#[test]
fn s1_an_upload_goes_on_with_whatever_login_it_was_begun() {
    // A refresh token that is replaced by the run that goes on.
    let upload = stopped(Outgoing::replacing());
    upload.fake().rotate_refresh_token(true);
    upload.fake().expire_tokens();
    assert!(goes_on(&upload), "rotated");

    let upload = Outgoing::new();
    let bare = json!({"access_token": TOKEN});
    upload.drive.configure(&bare);
    assert!(goes_on(&stopped(upload)), "bare token");

    let upload = Outgoing::new();
    let scope = "https://www.googleapis.com/auth/drive";
    upload.fake().grant_scope(scope);
    let key = upload.fake().service_account_key();
    let file = upload.drive.write("sa.json", key);
    let user = crate::support::fake_drive::USER;
    let account = json!({"service_account_file": file, "impersonate": user});
    upload.drive.configure(&account);
    assert!(goes_on(&stopped(upload)), "service account");
}

#[test]
fn s1_what_another_login_cannot_open_is_begun_anew() {
    let upload = stopped(Outgoing::replacing());
    upload.drive.configure(&json!({"access_token": TOKEN}));
    assert!(!goes_on(&upload), "another login");

    // As an earlier version stored it, damaged, or of another upload.
    let plain = |address: &str| address.to_owned();
    let damaged = |_: &str| format!("sealed:1:{}", "00".repeat(300));
    let changes: [fn(&str) -> String; 2] = [plain, damaged];
    for change in changes {
        let upload = stopped(Outgoing::replacing());
        let address = upload.fake().sessions()[0].uri.clone();
        let sql = "UPDATE uploads SET session = json_set(session, '$.address', ?1)";
        let changed = upload.state().execute(sql, [change(&address)]);
        assert_eq!(changed.unwrap(), 1);
        assert!(!goes_on(&upload));
    }
}

#[test]
fn s5_no_core_is_dumped_of_a_process_with_secrets() {
    let cloud = Cloud::unassigned();
    let limits = cloud.file("limits.txt");
    let token = crate::support::fake_yandex::TOKEN;
    let script = format!(
        "cat /proc/$PPID/limits > '{}'; echo {token}",
        limits.display()
    );
    let path = cloud.write("token.sh", script);
    cloud.write_section(&json!({
        "enabled": true, "api_url": cloud.fake.api_url(),
        "oauth_token_command": ["sh", path],
    }));
    let mut call = cloud.call(["providers", "test", "yandex_disk"]);
    // What the caller allows is not asked.
    call.command.env("VERTEX_BACKUP_TIMEOUT", "10s");
    call.limited("-c unlimited").run().code(0);
    let limits = fs::read_to_string(&limits).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<&str> = line.unwrap().split_whitespace().collect();
    assert_eq!(words[4..], ["0", "0", "bytes"], "{limits}");
}
