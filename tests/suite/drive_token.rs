//! The tokens of Google Drive in long runs and over years: renewed, replaced, refused.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::cloud::PROVIDER_FILE;
use crate::support::drive::Drive;
use crate::support::fake_drive::{
    CLIENT_ID, CLIENT_SECRET, Fault, Moment, Op, REFRESH_TOKEN, SERVICE_ACCOUNT, TOKEN, USER, When,
};
use crate::support::{DB, Outcome, give_to_nobody, keys, make_private};

const TEST: [&str; 3] = ["providers", "test", "google_drive"];

/// What `providers login` is to be run for.
const LOGIN: &str = "vertex-backup providers login google_drive";

fn credentials(drive: &Drive) -> Value {
    let text = fs::read_to_string(drive.file(PROVIDER_FILE)).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["google_drive"]["credentials"].clone()
}

/// No secret was said, nor is one in the state.
#[track_caller]
fn assert_secret(drive: &Drive, run: &Outcome) {
    let state = fs::read(drive.state()).unwrap_or_default();
    let state = String::from_utf8_lossy(&state);
    let said = format!("{}{}{state}", run.stdout, run.stderr);
    let fixed = [TOKEN, REFRESH_TOKEN, CLIENT_SECRET, "PRIVATE KEY"];
    let canaries = fixed.iter().map(|text| (*text).to_owned());
    for canary in canaries.chain(drive.fake.secrets()) {
        assert!(!said.contains(&canary), "{canary} is in {said}");
    }
}

/// The key of the service account, in a file that nobody else can read.
fn key_file(drive: &Drive, key: &str) -> Value {
    let path = drive.write("sa.json", key);
    make_private(&path);
    json!(path)
}

/// The service account, on a shared drive.
fn by_service_account(drive: &Drive) -> Value {
    drive
        .fake
        .grant_scope("https://www.googleapis.com/auth/drive");
    let shared = drive.fake.add_shared_drive("Backups");
    let key = drive.fake.service_account_key();
    json!({"service_account_file": key_file(drive, &key), "shared_drive_id": shared})
}

#[test]
fn a_login_serves_a_whole_run_with_one_token() {
    let drive = Drive::new();
    let before = drive.fake.token_requests();
    let run = drive.call([
        "sync",
        "acme-corp",
        &format!("backups/database/{DB}"),
        "-vv",
    ]);
    let run = run.run().code(0);
    assert_secret(&drive, &run);
    assert_eq!(drive.fake.token_requests() - before, 1);
    let text = fs::read_to_string(drive.file(PROVIDER_FILE)).unwrap();
    assert!(!text.contains("ya29."), "{text}");
}

#[test]
fn a_token_that_ends_in_mid_upload_is_replaced_each_time() {
    let drive = Drive::new();
    let size = usize::try_from(crate::support::fake_drive::UNIT * 6).unwrap();
    drive.write("big.tar", vec![7; size]);
    let before = drive.fake.token_requests();
    for nth in [2, 4] {
        drive.fake.fail(
            Op::Chunk,
            When::Nth(nth),
            Fault::Error(401, "authError", "Invalid Credentials"),
        );
    }
    let run = drive.sync("big.tar").code(0);
    assert_secret(&drive, &run);
    assert_eq!(drive.content("big.tar").unwrap().len(), size);
    // One at the start, and one for each that was refused.
    assert_eq!(drive.fake.token_requests() - before, 3);
    assert_eq!(drive.fake.count(Op::Initiate), 1);
}

#[test]
fn however_the_life_of_a_token_is_told_one_serves_for_more_than_one_request() {
    let drive = Drive::new();
    for life in [
        json!("3599"),
        json!(3599.5),
        json!(0),
        json!("0"),
        json!(-1),
        json!("soon"),
        json!(1e300),
        json!(null),
        json!([3599]),
    ] {
        let told = life.clone();
        let edit = Fault::edit(move |answer| answer["expires_in"] = told.clone());
        drive.fake.fail(Op::Token, When::Always, edit);
        let before = drive.fake.token_requests();
        drive.run(TEST).code(0);
        assert_eq!(drive.fake.token_requests() - before, 1, "{life}");
        drive.fake.heal();
    }
}

#[test]
fn a_token_that_ends_sooner_than_it_was_used_for_is_replaced() {
    let drive = Drive::new();
    drive.fake.token_lifetime(0);
    let ended = Fault::Error(401, "authError", "Invalid Credentials");
    drive.fake.fail(Op::List, When::Nth(1), ended);
    let before = drive.fake.token_requests();
    drive.run(["files", "acme-corp"]).code(0);
    assert_eq!(drive.fake.token_requests() - before, 2);
}

#[test]
fn a_new_refresh_token_is_stored_where_the_old_one_was() {
    let drive = Drive::unassigned();
    drive.fake.rotate_refresh_token(true);
    for _ in 0..3 {
        let before = credentials(&drive)["refresh_token"].clone();
        let run = drive.run(TEST).code(0);
        assert_secret(&drive, &run);
        let now = credentials(&drive);
        assert_ne!(now["refresh_token"], before);
        assert!(now["refresh_token_issued_at"].is_string());
        assert_eq!(now["client_id"], CLIENT_ID);
    }
    let path = drive.file(PROVIDER_FILE);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let runs = drive.json(0, ["history", "--limit", "10"]);
    let renewed = |run: &Value| run["operation"] == "providers renew";
    assert!(runs["runs"].as_array().unwrap().iter().any(renewed));

    // In a file of its own it stays in that file, also behind a link.
    let token = credentials(&drive)["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let file = drive.write("refresh.txt", format!("{token}\n"));
    let link = drive.file("link.txt");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let mut login = drive.login();
    login.as_object_mut().unwrap().remove("refresh_token");
    login["refresh_token_file"] = json!(link);
    drive.configure(&login);
    let run = drive.run(TEST).code(0);
    assert_secret(&drive, &run);
    let now = fs::read_to_string(&file).unwrap();
    assert_ne!(now.trim_end(), token);
    assert!(now.starts_with("1//0") && now.ends_with('\n'));
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    drive.run(TEST).code(0);
}

#[test]
fn a_new_refresh_token_that_cannot_be_stored_is_told() {
    let drive = Drive::unassigned();
    let told =
        "warning: Google gave a new refresh token for google_drive, which could not be stored: ";
    drive.fake.rotate_refresh_token(true);
    let mut login = drive.login();
    login.as_object_mut().unwrap().remove("refresh_token");
    login["refresh_token_command"] = json!(format!("echo {REFRESH_TOKEN}"));
    drive.configure(&login);
    let run = drive.run(TEST).code(0).stderr_has(told);
    assert_secret(&drive, &run);

    let drive = Drive::unassigned();
    drive.fake.rotate_refresh_token(true);
    give_to_nobody(&drive.app());
    let folder = drive.file("config");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let run = drive.command(TEST).unprivileged().run();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let run = run.code(0).stderr_has(told);
    assert_secret(&drive, &run);
    assert_eq!(credentials(&drive)["refresh_token"], REFRESH_TOKEN);
}

/// How many tokens were refused so far.
fn refused_tokens(drive: &Drive) -> usize {
    let asked = drive.fake.requests_of(Op::Token);
    asked.iter().filter(|it| it.status != Some(200)).count()
}

#[test]
fn two_who_renew_at_once_do_so_one_after_the_other() {
    let drive = Drive::unassigned();
    drive.fake.rotate_refresh_token(true);
    for in_a_file in [false, true] {
        if in_a_file {
            let token = credentials(&drive)["refresh_token"].clone();
            let file = drive.write("refresh.txt", token.as_str().unwrap());
            make_private(&file);
            let mut login = drive.login();
            login.as_object_mut().unwrap().remove("refresh_token");
            login["refresh_token_file"] = json!(file);
            drive.configure(&login);
        }
        let hold = drive.fake.hold(Op::Token, 1, Moment::AfterWork);
        let first = drive.call(TEST).spawn();
        hold.reached();
        // What the first one has used up is not stored yet.
        let mut other = drive.call([&TEST[..], &["-vv"]].concat()).spawn();
        let said = BufReader::new(other.stderr.take().unwrap());
        let mut said = said.lines().map_while(Result::ok);
        let waits = "waiting for another run that renews the login of google_drive";
        assert!(said.any(|line| line.contains(waits)));
        drop(hold);
        let first = Outcome::of(&first.wait_with_output().unwrap(), &drive).code(0);
        said.for_each(drop);
        let other = Outcome::of(&other.wait_with_output().unwrap(), &drive).code(0);
        assert_secret(&drive, &first);
        assert_secret(&drive, &other);
        drive.run(TEST).code(0);
    }
    assert_eq!(refused_tokens(&drive), 0);
}

#[test]
fn who_cannot_wait_for_others_finds_what_they_stored() {
    let drive = Drive::unassigned();
    drive.fake.rotate_refresh_token(true);
    let hold = drive.fake.hold(Op::Token, 1, Moment::AfterWork);
    let first = drive.call(TEST).spawn();
    hold.reached();
    // No lock can be where no folder is; so it finds the old token used up.
    let second = drive.fake.hold(Op::Token, 1, Moment::AfterWork);
    let nowhere = drive.file("nowhere/state.db");
    let other = drive.call(TEST).env("VERTEX_BACKUP_STATE", nowhere);
    let other = other.spawn();
    second.reached();
    drop(hold);
    let first = Outcome::of(&first.wait_with_output().unwrap(), &drive).code(0);
    drop(second);
    let other = Outcome::of(&other.wait_with_output().unwrap(), &drive).code(0);
    assert_eq!(refused_tokens(&drive), 1);
    assert_secret(&drive, &first);
    assert_secret(&drive, &other);
    // Where nothing can be locked, nothing is changed.
    let told =
        "warning: Google gave a new refresh token for google_drive, which could not be stored: ";
    other.stderr_has(told);
}

#[test]
fn a_login_that_is_dead_says_why_and_what_mends_it_and_is_not_asked_again() {
    let drive = Drive::new();
    drive.assign("globex", &[]);
    drive
        .fake
        .refuse_grants("invalid_grant", "Token has been expired or revoked.");
    let before = drive.fake.token_requests();
    let run = drive.run(TEST).code(6);
    assert_secret(&drive, &run);
    run.stderr(&format!(
        "error: Provider 'google_drive' connection test failed: Google does not take the refresh \
         token any more: the consent screen of the OAuth client is in \"Testing\", where a login \
         lasts seven days, or access was revoked, or the login was not used for six months, or 100 \
         newer ones took its place\n\
         hint: publish the consent screen if it is in \"Testing\", then log in again: {LOGIN}\n"
    ));
    assert_eq!(drive.fake.token_requests() - before, 1);
    // Not for each company either.
    let before = drive.fake.token_requests();
    let run = drive.call(["sync", "--all", "--json", "-vv"]).run();
    assert_secret(&drive, &run);
    assert_eq!(drive.fake.token_requests() - before, 1, "{}", run.stderr);
}

#[test]
fn n14_a_wrong_clock_is_named() {
    let drive = Drive::unassigned();
    drive.fake.skew_clock(SignedDuration::from_hours(-3));
    drive.fake.refuse_grants("invalid_grant", "Bad Request");
    let error = drive.json(6, TEST);
    let detail = error["detail"].as_str().unwrap();
    let clock = "failed: the clock of this machine is 3 h ahead of that of the service: set it right first. ";
    assert!(
        detail.contains(clock) || detail.contains(&clock.replace("3 h", "180 min")),
        "{detail}"
    );

    drive.fake.accept_grants();
    let account = by_service_account(&drive);
    drive.configure(&account);
    let error = drive.json(6, TEST);
    let detail = error["detail"].as_str().unwrap();
    assert!(
        detail.contains(
            "takes no assertion from another time: the clock of this machine is 3 h ahead"
        ),
        "{detail}"
    );
    assert_eq!(error["hint"], "set the clock, and have it kept right (NTP)");
}

#[test]
fn each_refusal_of_a_client_has_its_words() {
    let drive = Drive::unassigned();
    for (word, start) in [
        ("invalid_client", "Google does not know this client_id"),
        ("deleted_client", "the OAuth client was deleted"),
        ("disabled_client", "the OAuth client was disabled"),
        ("unauthorized_client", "this OAuth client may not do that"),
        ("invalid_scope", "Google does not give this scope"),
        (
            "something_new",
            "the OAuth service answers something_new (Words)",
        ),
    ] {
        drive.fake.refuse_grants(word, "Words");
        let before = drive.fake.token_requests();
        let error = drive.json(6, TEST);
        let detail = error["detail"].as_str().unwrap();
        let begin = format!("Provider 'google_drive' connection test failed: {start}");
        assert!(detail.starts_with(&begin), "{detail}");
        assert_eq!(error["reason"], "auth");
        assert_eq!(drive.fake.token_requests() - before, 1, "{word}");
    }
}

#[test]
fn a_service_that_is_busy_is_asked_again() {
    let drive = Drive::unassigned();
    for fault in [
        Fault::OAuth(403, "rate_limit_exceeded", "Slow down"),
        Fault::OAuth(400, "internal_failure", "Backend"),
        Fault::OAuth(500, "server_error", "Backend"),
        Fault::OAuth(503, "temporarily_unavailable", "Backend"),
        Fault::Text(429, "Too Many Requests"),
        Fault::Html(502),
        Fault::ResetAfterWork,
    ] {
        drive.fake.fail(Op::Token, When::Nth(1), fault);
        drive.run(TEST).code(0);
        drive.fake.heal();
    }
    drive.fake.fail(Op::Token, When::Always, Fault::Html(503));
    let error = drive.json(6, TEST);
    assert_eq!(error["reason"], "network");
    assert_eq!(error["retryable"], true);
}

#[test]
fn a_service_that_stays_busy_is_asked_as_often_as_anything_else() {
    let by_login = Drive::new();
    let by_account = Drive::new();
    let account = by_service_account(&by_account);
    by_account.configure(&account);
    for drive in [by_login, by_account] {
        let busy = Fault::OAuth(503, "temporarily_unavailable", "Backend");
        drive.fake.fail(Op::Token, When::Always, busy);
        for (words, times) in [(&TEST[..], 2), (&["files", "acme-corp"], 6)] {
            let before = drive.fake.token_requests();
            let error = drive.json(6, words);
            let detail = error["detail"].as_str().unwrap();
            let end = format!("failed: the OAuth service answers 503 (tried {times} times)");
            assert!(detail.ends_with(&end), "{detail}");
            assert_eq!(drive.fake.token_requests() - before, times, "{words:?}");
        }
    }
}

#[test]
fn a_service_account_signs_for_its_tokens() {
    let drive = Drive::unassigned();
    let account = by_service_account(&drive);
    drive.configure(&account);
    let run = drive.run([&TEST[..], &["-vv"]].concat()).code(0);
    assert_secret(&drive, &run);
    let report = drive.json(0, TEST);
    assert_eq!(report["account"], SERVICE_ACCOUNT);
    assert_eq!(report["credentials"], "service_account");
    assert_eq!(report["scope"], "drive");
    assert_eq!(report["folder"], "Backups");
    assert_eq!(report["can_write"], true);
    drive.assign("acme-corp", &[]);
    let run = drive.sync(&format!("backups/database/{DB}")).code(0);
    assert_secret(&drive, &run);
    // What was refused is signed anew.
    drive.fake.expire_tokens();
    drive.run(["files", "acme-corp"]).code(0);
}

#[test]
fn a_service_account_may_act_for_a_user() {
    let drive = Drive::unassigned();
    drive
        .fake
        .grant_scope("https://www.googleapis.com/auth/drive");
    let key = drive.fake.service_account_key();
    let mut account = json!({"service_account_file": key_file(&drive, &key), "impersonate": USER});
    drive.configure(&account);
    let report = drive.json(0, TEST);
    assert_eq!(report["account"], USER);

    account["impersonate"] = json!("somebody@example.com");
    drive.configure(&account);
    let run = drive.run(TEST).code(6);
    assert_secret(&drive, &run);
    run.stderr(&format!(
        "error: Provider 'google_drive' connection test failed: the service account \
         {SERVICE_ACCOUNT} may not act for somebody@example.com with the scope \
         https://www.googleapis.com/auth/drive\n\
         hint: in https://admin.google.com under Security, API controls, Domain-wide delegation, add \
         the client ID 110022003300440055006 with the scope https://www.googleapis.com/auth/drive\n"
    ));
}

#[test]
fn a_key_that_is_not_the_services_is_told() {
    let drive = Drive::unassigned();
    let mut key: Value = serde_json::from_str(&drive.fake.service_account_key()).unwrap();
    key["private_key_id"] = json!("0000");
    let account = json!({"service_account_file": key_file(&drive, &key.to_string())});
    drive.configure(&account);
    let error = drive.json(6, TEST);
    let detail = error["detail"].as_str().unwrap();
    assert!(detail.ends_with("it was deleted or replaced"), "{detail}");

    let mut key: Value = serde_json::from_str(&drive.fake.service_account_key()).unwrap();
    key["client_email"] = json!("gone@example.com");
    key_file(&drive, &key.to_string());
    let error = drive.json(6, TEST);
    let detail = error["detail"].as_str().unwrap();
    assert!(
        detail.contains("does not know the service account gone@example.com"),
        "{detail}"
    );
}

#[test]
fn a_key_file_that_cannot_be_used_says_where_and_why() {
    let drive = Drive::unassigned();
    let good = drive.fake.service_account_key();
    let broken = good.replacen("\"project_id\"", "project_id", 1);
    let number = good.replacen("\"service_account\"", "12", 1);
    let plain = good.replacen(&drive.fake.token_uri(), "http://tokens.example/token", 1);
    let no_key = good.replacen("private_key\"", "private\"", 1);
    let words = [
        "providers",
        "set",
        "google_drive",
        "--service-account",
        "sa.json",
    ];
    for (text, why) in [
        (broken.as_str(), "sa.json:3:3: key must be a string"),
        (number.as_str(), "sa.json:2:12: type: expected a string"),
        (
            plain.as_str(),
            "cannot be used: its token_uri does not begin with https://",
        ),
        (no_key.as_str(), "cannot be used: private_key is missing"),
        (
            r#"{"installed": {}}"#,
            "it is that of an OAuth client, which belongs to a login",
        ),
        ("", "sa.json:1:0: EOF while parsing a value"),
    ] {
        key_file(&drive, text);
        let before = credentials(&drive);
        let run = drive.run([&words[..], &["--json", "-vv"]].concat()).code(5);
        assert_secret(&drive, &run);
        let error = run.json();
        assert_eq!(error["code"], "config_invalid", "{error}");
        assert!(error["detail"].as_str().unwrap().contains(why), "{error}");
        assert_eq!(credentials(&drive), before);

        // It may have been damaged later.
        let path = json!(drive.file("sa.json"));
        drive.configure(&json!({"service_account_file": path}));
        let run = drive.run([&TEST[..], &["--json", "-vv"]].concat()).code(6);
        assert_secret(&drive, &run);
        assert!(run.json()["detail"].as_str().unwrap().contains(why));
        drive.configure(&drive.login());
    }
    fs::remove_file(drive.file("sa.json")).unwrap();
    let error = drive.json(2, words);
    assert_eq!(error["detail"], "the file 'sa.json' does not exist");
}

#[test]
fn a_key_file_that_others_can_read_is_told() {
    let drive = Drive::unassigned();
    let path = drive.write("sa.json", drive.fake.service_account_key());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let words = [
        "providers",
        "set",
        "google_drive",
        "--service-account",
        "sa.json",
    ];
    let told = "warning: '[DIR]/app/sa.json' can be read by others (mode 0644); run: chmod 600 \
                '[DIR]/app/sa.json'\n";
    drive.run(words).code(0).stderr_has(told);
}

#[test]
fn credentials_of_one_kind_replace_those_of_another() {
    let drive = Drive::unassigned();
    let key = drive.fake.service_account_key();
    key_file(&drive, &key);
    drive.write("token.txt", TOKEN);
    drive.write("refresh.txt", REFRESH_TOKEN);
    drive.write("secret.txt", CLIENT_SECRET);
    let set = |words: &[&str]| {
        let words = [&["providers", "set", "google_drive", "-q"][..], words].concat();
        drive.run(words).code(0);
        let now = credentials(&drive);
        let keys: Vec<String> = keys(&now).into_iter().map(str::to_owned).collect();
        keys
    };
    let client = ["client_id", "client_secret", "token_uri"];
    let with = |more: &[&str]| {
        let all: Vec<String> = [&client[..], more]
            .concat()
            .iter()
            .map(|key| (*key).to_owned())
            .collect();
        all
    };
    assert_eq!(
        set(&[
            "--service-account",
            "sa.json",
            "--impersonate",
            USER,
            "--scope",
            "drive",
            "--folder",
            "F"
        ]),
        with(&["impersonate", "folder_id", "service_account_file", "scope"])
    );
    assert_eq!(
        set(&["--token-file", "token.txt"]),
        with(&["folder_id", "access_token_file"])
    );
    assert_eq!(
        set(&["--shared-drive", "D"]),
        with(&["folder_id", "access_token_file", "shared_drive_id"])
    );
    assert_eq!(
        set(&[
            "--refresh-token-file",
            "refresh.txt",
            "--client-secret-file",
            "secret.txt"
        ]),
        [
            "client_id",
            "token_uri",
            "folder_id",
            "shared_drive_id",
            "refresh_token_file",
            "client_secret_file"
        ]
    );
    let words = [
        "providers",
        "set",
        "google_drive",
        "--token-file",
        "token.txt",
        "--service-account",
        "sa.json",
    ];
    assert_eq!(drive.json(2, words)["code"], "usage");
    let error = drive.json(2, ["providers", "set", "google_drive", "--scope", "all"]);
    assert_eq!(
        error["detail"],
        "--scope must be one of: drive.file, drive, drive.readonly"
    );

    drive.run(["providers", "unset", "google_drive"]).code(0);
    assert_eq!(
        keys(&credentials(&drive)),
        ["token_uri", "folder_id", "shared_drive_id"]
    );
}

#[test]
fn a_bare_token_is_used_with_a_word_about_its_end() {
    let drive = Drive::unassigned();
    let end = |at: Option<&str>| {
        let mut bare = json!({"access_token": TOKEN});
        if let Some(at) = at {
            bare["token_expires_at"] = json!(at);
        }
        drive.configure(&bare);
        let run = drive.run(TEST).code(0);
        assert_secret(&drive, &run);
        run.stderr
    };
    assert_eq!(
        end(None),
        format!(
            "warning: the access token of google_drive ends within an hour of its issue and cannot be \
             renewed: {LOGIN}\n"
        )
    );
    assert_eq!(
        end(Some("2099-01-02T03:04:05Z")),
        format!(
            "warning: the access token of google_drive ends at 2099-01-02 03:04 and cannot be renewed: \
             {LOGIN}\n"
        )
    );
    let told = end(Some("2020-01-02T03:04:05Z"));
    assert!(told.contains("has ended and cannot be renewed"), "{told}");
    let report = drive.json(0, TEST);
    assert_eq!(report["credentials"], "access_token");

    drive.fake.expire_tokens();
    let run = drive.run(TEST).code(6);
    assert_secret(&drive, &run);
    assert!(run.stderr.contains(LOGIN), "{}", run.stderr);
    assert_eq!(drive.fake.token_requests(), 0);
}

#[test]
fn a_login_that_ends_is_told_two_weeks_before() {
    let drive = Drive::unassigned();
    for (days, words) in [(5, "ends in 5 days"), (-1, "has ended")] {
        let at = jiff::Timestamp::now() + SignedDuration::from_hours(24 * days + 1);
        let mut login = drive.login();
        login["refresh_token_expires_at"] = json!(format!("{at:.0}"));
        drive.configure(&login);
        let warning = format!(
            "warning: the login of google_drive {words}: take the consent screen of its OAuth client \
             out of \"Testing\", then {LOGIN}\n"
        );
        drive.run(TEST).code(0).stderr(&warning);
        drive
            .run(["providers", "--no-check"])
            .code(0)
            .stderr(&warning);
        let list = drive.json(0, ["providers"]);
        assert_eq!(list["providers"][0]["expires_at"], format!("{at:.0}"));
        assert_eq!(list["providers"][0]["credentials"], "refresh_token");
    }
    drive.configure(&drive.login());
    let run = drive.run(TEST).code(0).stderr("");
    assert_eq!(
        run.stdout,
        format!(
            "Provider 'google_drive' is connected: {USER} (refresh token, scope drive.file, stores in 'My Drive')\n"
        )
    );
    let table = drive.run(["providers"]).code(0).stdout;
    assert!(
        table.contains("refresh token, scope drive.file, stores in 'My Drive'"),
        "{table}"
    );
}
