//! Logging in to Yandex Disk without a browser, and the credentials that a login leaves.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Map, Value, json};

use crate::support::cloud::{Cloud, PROVIDER_FILE};
use crate::support::fake_yandex::{
    CLIENT_ID, CLIENT_SECRET, Fault, Moment, Op, REFRESH_TOKEN, TOKEN, When,
};
use crate::support::{Call, DB, Outcome, give_to_nobody, keys, make_private, signal};

/// A token that the service does not know.
const OLD_TOKEN: &str = "y0_CANARY-of-a-token-that-has-ended";

/// Writes the section of the provider file, with the fake's addresses.
fn configure(cloud: &Cloud, keys: &Value) {
    let mut section = Map::new();
    section.insert("api_url".into(), cloud.fake.api_url().into());
    section.insert("oauth_url".into(), cloud.fake.oauth_url().into());
    section.extend(keys.as_object().unwrap().clone());
    cloud.write_section(&section.into());
}

/// Nobody is logged in; the service does not want to be asked slowly.
fn logged_out() -> Cloud {
    let cloud = Cloud::unassigned();
    configure(&cloud, &json!({}));
    let secret = cloud.write("secret.txt", format!("{CLIENT_SECRET}\n"));
    make_private(&secret);
    cloud.fake.consent(|consent| consent.interval = 0);
    cloud
}

/// As a login leaves the section, with another token.
fn login_of(token: &str, expires_at: &str) -> Value {
    json!({
        "enabled": true, "oauth_token": token, "refresh_token": REFRESH_TOKEN,
        "token_expires_at": expires_at, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
    })
}

fn section(cloud: &Cloud) -> Value {
    let text = fs::read_to_string(cloud.file(PROVIDER_FILE)).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["yandex_disk"].clone()
}

const BY_DEVICE: [&str; 7] = [
    "providers",
    "login",
    "yandex_disk",
    "--client-id",
    CLIENT_ID,
    "--client-secret-file",
    "secret.txt",
];

#[track_caller]
fn assert_secret(cloud: &Cloud, run: &Outcome) {
    let state = fs::read(cloud.state()).unwrap_or_default();
    let said = format!(
        "{}{}{}",
        run.stdout,
        run.stderr,
        String::from_utf8_lossy(&state)
    );
    for canary in [TOKEN, OLD_TOKEN, REFRESH_TOKEN, CLIENT_SECRET] {
        assert!(!said.contains(canary), "{canary} is in {said}");
    }
}

/// The identity of the account that was used, as the state has it.
fn identity(cloud: &Cloud) -> Option<String> {
    let state = rusqlite::Connection::open(cloud.state()).unwrap();
    let sql = "SELECT identity FROM storages WHERE key = 'yandex_disk'";
    state.query_row(sql, [], |row| row.get(0)).ok()
}

fn in_days(days: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days + 1);
    format!("{at:.0}")
}

#[test]
fn a_login_by_device_code_stores_what_is_needed_for_a_year() {
    let cloud = logged_out();
    cloud.fake.consent(|consent| consent.polls = 2);
    let run = cloud.run(BY_DEVICE).code(0).stderr(
        "Open https://ya.ru/device on any computer or phone,\n\
         type the code nx4vbqz2, and allow access with the account that is to have the backups.\n\
         Waiting for that, for 5 min at the most; Ctrl-C gives up.\n",
    );
    let start = "Logged in to yandex_disk as backup.operator: stored in \
                 ./config/remote_storage.json, token good until ";
    assert!(run.stdout.starts_with(start), "{}", run.stdout);
    assert_secret(&cloud, &run);
    assert_eq!(cloud.fake.count(Op::OauthToken), 3);

    let now = section(&cloud);
    assert_eq!(now["enabled"], true);
    assert_eq!(now["oauth_token"], TOKEN);
    assert_eq!(now["refresh_token"], REFRESH_TOKEN);
    assert_eq!(now["client_id"], CLIENT_ID);
    assert_eq!(now["client_secret_file"], json!(cloud.file("secret.txt")));
    let mode = fs::metadata(cloud.file(PROVIDER_FILE))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    let list = cloud.json(0, ["providers"]);
    let expires_at = list["providers"][0]["expires_at"].as_str().unwrap();
    assert_eq!(now["token_expires_at"], expires_at);
    let table = cloud.run(["providers", "--no-check"]).code(0).stderr("");
    let day = format!("token good until {}", &expires_at[..10]);
    assert!(table.stdout.contains(&day), "{}", table.stdout);
    let runs = cloud.json(0, ["history"]);
    assert_eq!(runs["runs"][0]["operation"], "providers login");

    // The next one needs nothing but the name.
    let again = cloud.run(["providers", "login", "yandex_disk"]).code(0);
    assert_secret(&cloud, &again);
    assert_eq!(
        section(&cloud)["client_secret_file"],
        now["client_secret_file"]
    );
}

#[test]
fn a_script_is_told_in_json_what_to_pass_on() {
    let cloud = logged_out();
    let run = cloud.run([&BY_DEVICE[..], &["--json", "-q", "--no-test"]].concat());
    let run = run.code(0);
    let told: Value = serde_json::from_str(&run.stderr).unwrap();
    assert_eq!(
        told,
        json!({"type": "login", "verification_url": "https://ya.ru/device", "user_code": "nx4vbqz2", "expires_in": 300})
    );
    let report = run.json();
    assert_eq!(
        keys(&report),
        [
            "success",
            "message",
            "name",
            "connected",
            "account",
            "file",
            "expires_at",
            "renewed"
        ]
    );
    assert_eq!(report["connected"], Value::Null);
    assert_eq!(report["renewed"], true);
    assert_secret(&cloud, &run);
    assert_eq!(cloud.fake.count(Op::Disk), 0);
}

#[test]
fn a_secret_may_come_from_stdin_or_a_command() {
    let cloud = logged_out();
    let words = [&BY_DEVICE[..5], &["--client-secret-stdin"]].concat();
    let run = typed(cloud.call(words), &format!("{CLIENT_SECRET}\n")).code(0);
    assert_secret(&cloud, &run);
    assert_eq!(section(&cloud)["client_secret"], CLIENT_SECRET);
    let words = [
        &BY_DEVICE[..5],
        &["--client-secret-command", "cat secret.txt"],
    ]
    .concat();
    cloud.run(words).code(0);
    assert_eq!(section(&cloud)["client_secret"], Value::Null);
    assert_eq!(section(&cloud)["client_secret_command"], "cat secret.txt");
}

/// Runs a command that is given this on stdin.
fn typed(mut call: Call<'_>, text: &str) -> Outcome {
    let file = tempfile_with(text);
    call.command.stdin(file);
    call.run()
}

fn tempfile_with(text: &str) -> fs::File {
    use std::io::Seek as _;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.rewind().unwrap();
    file
}

#[test]
fn a_login_that_comes_to_nothing_says_why_and_changes_nothing() {
    for (word, why) in [
        ("denied", "access was denied on the page of the service"),
        ("expired", "the code or token is wrong, or has expired"),
        ("late", "nobody confirmed the code before it expired"),
        (
            "rejected",
            "the application was rejected, or still waits for moderation",
        ),
        (
            "page",
            "what answers is not the OAuth service, or only a part of it",
        ),
    ] {
        let cloud = logged_out();
        let before = fs::read(cloud.file(PROVIDER_FILE)).unwrap();
        let fake = &cloud.fake;
        match word {
            "denied" => fake.consent(|consent| consent.denied = true),
            "expired" => fake.consent(|consent| consent.expired = true),
            "rejected" => {
                let fault = Fault::status(400, "unauthorized_client");
                fake.on(Op::OauthToken, When::Always, fault);
            }
            "page" => fake.on(Op::OauthDevice, When::Always, Fault::Html(200)),
            _ => {
                fake.consent(|consent| consent.polls = usize::MAX);
                let told = r#"{"device_code": "4ed1fbd2a2a54c0c9a0a2a0f7d6b9e31",
                    "user_code": "x", "verification_url": "https://ya.ru/device", "expires_in": 0}"#;
                fake.on(Op::OauthDevice, When::Always, Fault::Raw(answer(told)));
            }
        }
        let run = cloud.run([&BY_DEVICE[..], &["--json"]].concat()).code(6);
        let error = run.json();
        assert_eq!(error["code"], "provider_connection_failed", "{word}");
        let reason = if word == "page" { "network" } else { "auth" };
        assert_eq!(error["reason"], reason, "{word}");
        let detail = error["detail"].as_str().unwrap();
        let start = format!("Provider 'yandex_disk' login failed: {why}");
        assert!(detail.starts_with(&start), "{detail}");
        assert!(error["hint"].is_string(), "{word}");
        assert_secret(&cloud, &run);
        assert_eq!(
            fs::read(cloud.file(PROVIDER_FILE)).unwrap(),
            before,
            "{word}"
        );
    }
}

/// A whole answer with this JSON.
fn answer(json: &str) -> Vec<u8> {
    let length = json.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    (head + json).into_bytes()
}

#[test]
fn polls_that_are_too_fast_or_get_lost_are_no_failure() {
    let cloud = logged_out();
    let slow = Fault::status(400, "slow_down");
    cloud.fake.on(Op::OauthToken, When::Nth(1), slow);
    cloud
        .fake
        .on(Op::OauthToken, When::Nth(2), Fault::Html(502));
    cloud
        .fake
        .on(Op::OauthToken, When::Nth(3), Fault::ResetBeforeWork);
    cloud.run(BY_DEVICE).code(0);
    assert_eq!(cloud.fake.count(Op::OauthToken), 4);
}

#[test]
fn whoever_waits_for_the_operator_can_be_interrupted() {
    let cloud = logged_out();
    cloud
        .fake
        .consent(|consent| (consent.polls, consent.interval) = (usize::MAX, 3600));
    let run = cloud.call([&BY_DEVICE[..], &["--json"]].concat());
    let mut run = run.spawn();
    let mut stderr = BufReader::new(run.stderr.take().unwrap());
    stderr.read_line(&mut String::new()).unwrap();
    signal(&run, Signal::INT);
    let run = Outcome::of(&run.wait_with_output().unwrap(), &cloud).code(130);
    assert_eq!(run.json()["code"], "interrupted");
    assert_eq!(section(&cloud)["oauth_token"], Value::Null);
}

#[test]
fn an_application_is_asked_for_before_anything_else() {
    let cloud = logged_out();
    for (words, code, exit, start) in [
        (
            &["yandex_disk"][..],
            "provider_not_configured",
            5,
            "Provider 'yandex_disk' has no client_id",
        ),
        (
            &["yandex_disk", "--client-id", CLIENT_ID],
            "provider_not_configured",
            5,
            "Provider 'yandex_disk' has no client_secret",
        ),
        (
            &[
                "yandex_disk",
                "--client-id",
                CLIENT_ID,
                "--client-secret-file",
                "none.txt",
            ],
            "usage",
            2,
            "the file 'none.txt' does not exist",
        ),
        (
            &[
                "yandex_disk",
                "--client-id",
                CLIENT_ID,
                "--client-secret-command",
                "echo 'open",
            ],
            "usage",
            2,
            "--client-secret-command is not a command",
        ),
        (
            &["yandex_disk", "--client-secret-stdin", "--code"],
            "usage",
            2,
            "the argument '--client-secret-stdin' cannot be used with '--code'",
        ),
        (&["local"], "usage", 2, "local needs no login"),
        (
            &["yandex_disk", "--device"],
            "usage",
            2,
            "an option given does not belong to yandex_disk",
        ),
        (
            &["dropbox"],
            "invalid_provider",
            2,
            "backup_provider must be one of",
        ),
        (
            &["google_drive"],
            "provider_not_configured",
            5,
            "Provider 'google_drive' has no client_id",
        ),
    ] {
        let words = [&["providers", "login"][..], words].concat();
        let error = cloud.json(exit, &words);
        assert_eq!(error["code"], code, "{words:?}");
        assert!(
            error["detail"].as_str().unwrap().starts_with(start),
            "{error}"
        );
        assert!(exit == 2 || error["hint"].is_string(), "{error}");
    }
    let wrong = [
        &["providers", "login", "yandex_disk", "--client-id", "0123"][..],
        &BY_DEVICE[5..],
    ];
    let error = cloud.json(6, wrong.concat());
    assert_eq!(error["reason"], "auth");
    assert!(
        error["detail"]
            .as_str()
            .unwrap()
            .contains("does not know this client_id")
    );
    assert_eq!(section(&cloud)["client_id"], Value::Null);
    assert_eq!(cloud.fake.count(Op::OauthToken), 0);
}

#[test]
fn a_token_of_ours_that_would_win_is_told_before_the_operator_is_bothered() {
    let cloud = logged_out();
    let config = json!({"yandex_disk": {"oauth_token": OLD_TOKEN}}).to_string();
    let config = cloud.write("ours.json", config);
    make_private(&config);
    let run = cloud
        .command(BY_DEVICE)
        .env("VERTEX_BACKUP_CONFIG", &config);
    let run = run
        .run()
        .code(5)
        .stderr_has("which wins over the one that a login stores");
    assert_secret(&cloud, &run);
    assert_eq!(cloud.fake.requests().len(), 0);
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_the_operator_is_bothered() {
    let cloud = logged_out();
    give_to_nobody(&cloud.app());
    let folder = cloud.file("config");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let run = cloud.command(BY_DEVICE).unprivileged().run();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    run.code(12).stdout("").stderr(
        "error: './config/remote_storage.json' cannot be written, so no token could be stored in it\n\
         hint: run it as the owner of that file\n",
    );
    assert_eq!(cloud.fake.requests().len(), 0);
}

#[test]
fn a_renewal_that_could_not_be_stored_is_not_made() {
    let cloud = Cloud::unassigned();
    configure(&cloud, &login_of(TOKEN, &in_days(5)));
    give_to_nobody(&cloud.app());
    let folder = cloud.file("config");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let call = cloud.command(["providers", "test", "yandex_disk"]);
    let run = call.unprivileged().run().code(0);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(run.stderr.contains("ends in 5 days"), "{}", run.stderr);
    assert_eq!(cloud.fake.count(Op::OauthToken), 0);
}

/// The page of an address that somebody opens.
fn open_page(url: &str) -> String {
    let (host, target) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let head = format!("GET /{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

#[test]
fn a_login_by_the_code_of_a_page_needs_no_secret() {
    let cloud = logged_out();
    for wrong in [true, false] {
        let words = [
            "providers",
            "login",
            "yandex_disk",
            "--client-id",
            CLIENT_ID,
            "--code",
            "--json",
        ];
        let mut call = cloud.call(words);
        call.command.stdin(Stdio::piped());
        let mut run = call.spawn();
        let mut line = String::new();
        let mut stderr = BufReader::new(run.stderr.take().unwrap());
        stderr.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(told["type"], "login");
        let page = open_page(told["authorize_url"].as_str().unwrap());
        assert!(page.ends_with("<p>7654321</p>\n"), "{page}");
        let code = if wrong { "1234567\n" } else { " 7654321\n" };
        run.stdin
            .take()
            .unwrap()
            .write_all(code.as_bytes())
            .unwrap();
        let outcome = Outcome::of(&run.wait_with_output().unwrap(), &cloud);
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        assert_secret(&cloud, &outcome);
        if wrong {
            let error = outcome.code(6).json();
            assert_eq!(error["reason"], "auth");
            continue;
        }
        let report = outcome.code(0).json();
        assert_eq!(report["account"], "backup.operator");
        // Who has no secret cannot renew.
        assert_eq!(report["renewed"], false);
        assert!(rest.contains("log in again in time"), "{rest}");
    }
    assert_eq!(section(&cloud)["oauth_token"], TOKEN);
}

#[test]
fn without_anybody_to_type_a_code_a_login_does_not_hang() {
    let cloud = logged_out();
    let words = [
        "providers",
        "login",
        "yandex_disk",
        "--client-id",
        CLIENT_ID,
        "--code",
    ];
    let run = cloud.run(words).code(10);
    let told: Vec<&str> = run.stderr.lines().collect();
    assert!(told[2].starts_with(&cloud.fake.oauth_url()), "{told:?}");
    assert_eq!(
        told[3..],
        [
            "error: stdin does not give the code that the page shows",
            "hint: run it in a terminal, or pass it on stdin"
        ]
    );
    let error = cloud.json(10, [&words[..], &["--no-input"]].concat());
    assert_eq!(error["code"], "confirmation_required");
    assert_eq!(cloud.fake.requests().len(), 0);
}

/// The account changes behind the same token.
fn other_account(cloud: &Cloud) {
    let edit = Fault::edit(|disk| disk["user"]["uid"] = json!("1100000000000043"));
    cloud.fake.on(Op::Disk, When::Always, edit);
}

#[test]
fn another_account_is_refused_until_the_operator_has_chosen_it() {
    let cloud = Cloud::new();
    cloud.sync(&format!("backups/database/{DB}")).code(0);
    assert_eq!(identity(&cloud).as_deref(), Some("1100000000000042"));
    other_account(&cloud);
    let refused = || {
        let error = cloud.json(6, ["providers", "test", "yandex_disk"]);
        assert_eq!(error["reason"], "forbidden");
        let hint = error["hint"].as_str().unwrap();
        assert!(
            hint.ends_with("vertex-backup providers set yandex_disk --accept"),
            "{hint}"
        );
    };
    refused();
    let before = section(&cloud);
    cloud
        .run(["providers", "set", "yandex_disk", "--accept"])
        .code(0);
    assert_eq!(section(&cloud), before);
    assert_eq!(identity(&cloud), None);
    cloud.run(["providers", "test", "yandex_disk"]).code(0);

    // So does a token that is given, and a login.
    let accepted_by = |words: &[&str]| {
        let state = rusqlite::Connection::open(cloud.state()).unwrap();
        let sql = "INSERT OR REPLACE INTO storages VALUES ('yandex_disk', 'somebody else', '')";
        state.execute(sql, []).unwrap();
        drop(state);
        refused();
        cloud.run(words).code(0);
        assert_eq!(identity(&cloud), None, "{words:?}");
    };
    fs::write(cloud.file("token.txt"), TOKEN).unwrap();
    accepted_by(&[
        "providers",
        "set",
        "yandex_disk",
        "--token-file",
        "token.txt",
    ]);
    configure(&cloud, &json!({"oauth_token": TOKEN}));
    fs::write(cloud.file("secret.txt"), CLIENT_SECRET).unwrap();
    cloud.fake.consent(|consent| consent.interval = 0);
    accepted_by(&BY_DEVICE);
}

#[test]
fn accepting_an_account_switches_nothing_on() {
    let cloud = Cloud::unassigned();
    configure(&cloud, &json!({"enabled": false, "oauth_token": TOKEN}));
    cloud
        .run(["providers", "set", "yandex_disk", "--accept"])
        .code(0);
    assert_eq!(section(&cloud)["enabled"], false);
}

#[test]
fn what_belongs_to_a_token_goes_with_it() {
    let cloud = Cloud::unassigned();
    configure(&cloud, &login_of(TOKEN, &in_days(300)));
    fs::write(cloud.file("token.txt"), TOKEN).unwrap();
    cloud
        .run([
            "providers",
            "set",
            "yandex_disk",
            "--token-file",
            "token.txt",
        ])
        .code(0);
    let now = section(&cloud);
    let left = [
        "api_url",
        "oauth_url",
        "enabled",
        "client_id",
        "client_secret",
        "oauth_token_file",
    ];
    assert_eq!(keys(&now), left);

    configure(&cloud, &login_of(TOKEN, &in_days(300)));
    cloud.run(["providers", "unset", "yandex_disk"]).code(0);
    assert_eq!(
        keys(&section(&cloud)),
        ["api_url", "oauth_url", "enabled", "client_id"]
    );
}

#[test]
fn a_token_that_ends_soon_is_told() {
    let cloud = Cloud::unassigned();
    for (days, warning) in [
        (
            13,
            "warning: the token of yandex_disk ends in 13 days: vertex-backup providers login yandex_disk\n",
        ),
        (20, ""),
        (
            -1,
            "warning: the token of yandex_disk has ended: vertex-backup providers login yandex_disk\n",
        ),
    ] {
        let keys = json!({"oauth_token": TOKEN, "token_expires_at": in_days(days)});
        configure(&cloud, &keys);
        for words in [
            &["providers"][..],
            &["providers", "--no-check"],
            &["providers", "test", "yandex_disk"],
        ] {
            cloud.run(words).code(0).stderr(warning);
        }
        cloud.run(["providers", "-q"]).code(0).stderr("");
    }
}

#[test]
fn a_refused_token_is_renewed_and_the_run_goes_on() {
    let cloud = Cloud::new();
    configure(&cloud, &login_of(OLD_TOKEN, &in_days(200)));
    let run = cloud.sync(&format!("backups/database/{DB}")).code(0);
    assert_secret(&cloud, &run);
    assert_eq!(cloud.fake.count(Op::OauthToken), 1);
    let now = section(&cloud);
    assert_eq!(now["oauth_token"], TOKEN);
    assert_eq!(now["refresh_token"], REFRESH_TOKEN);
    assert_eq!(now["client_secret"], CLIENT_SECRET);
    assert!(now["token_expires_at"].as_str().unwrap() > in_days(300).as_str());
    let runs = cloud.json(0, ["history", "--limit", "10"]);
    let runs = runs["runs"].as_array().unwrap();
    assert!(
        runs.iter().any(|run| run["operation"] == "providers renew"),
        "{runs:?}"
    );
}

#[test]
fn a_token_is_renewed_before_it_ends_because_its_refresh_token_ends_with_it() {
    let cloud = Cloud::unassigned();
    configure(&cloud, &login_of(TOKEN, &in_days(20)));
    let list = cloud.json(0, ["providers"]);
    let expires_at = list["providers"][0]["expires_at"].as_str().unwrap();
    assert!(expires_at > in_days(300).as_str(), "{expires_at}");
    assert_eq!(section(&cloud)["token_expires_at"], expires_at);
    cloud
        .run(["providers", "test", "yandex_disk"])
        .code(0)
        .stderr("");
    assert_eq!(cloud.fake.count(Op::OauthToken), 1);
}

#[test]
fn a_renewal_that_fails_stops_nobody_whose_token_is_still_good() {
    let cloud = Cloud::unassigned();
    configure(&cloud, &login_of(TOKEN, &in_days(5)));
    cloud
        .fake
        .on(Op::OauthToken, When::Always, Fault::Html(503));
    let run = cloud
        .run(["providers", "test", "yandex_disk", "-v"])
        .code(0);
    assert!(
        run.stderr.contains("could not be renewed"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("ends in 5 days"), "{}", run.stderr);

    // Neither a refresh token nor a token that is taken: what helps is a login.
    configure(&cloud, &login_of(OLD_TOKEN, &in_days(5)));
    let error = cloud.json(6, ["providers", "test", "yandex_disk"]);
    assert_eq!(error["reason"], "auth");
    assert!(
        error["hint"]
            .as_str()
            .unwrap()
            .contains("providers login yandex_disk")
    );
    assert_eq!(section(&cloud)["oauth_token"], OLD_TOKEN);
}

#[test]
fn two_who_find_the_token_ended_renew_it_once() {
    let cloud = Cloud::unassigned();
    configure(&cloud, &login_of(OLD_TOKEN, &in_days(200)));
    let words = ["providers", "test", "yandex_disk"];
    let hold = cloud.fake.hold(Op::OauthToken, 1, Moment::AfterWork);
    let first = cloud.call(words).spawn();
    hold.reached();
    let second = cloud.call(words).spawn();
    while cloud.fake.count(Op::Disk) < 2 {
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(hold);
    for run in [first, second] {
        Outcome::of(&run.wait_with_output().unwrap(), &cloud).code(0);
    }
    assert_eq!(cloud.fake.count(Op::OauthToken), 1);
    assert_eq!(section(&cloud)["oauth_token"], TOKEN);
}

#[test]
fn a_token_from_elsewhere_is_not_ours_to_renew() {
    let cloud = Cloud::unassigned();
    let token = cloud.write("token.txt", OLD_TOKEN);
    let mut keys = login_of("", &in_days(5));
    keys["oauth_token_file"] = json!(token);
    configure(&cloud, &keys);
    let error = cloud.json(6, ["providers", "test", "yandex_disk"]);
    assert_eq!(error["reason"], "auth");
    assert_eq!(cloud.fake.count(Op::OauthToken), 0);
}
