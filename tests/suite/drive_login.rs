//! Logging in to Google Drive: a browser here or elsewhere, a pasted address, a phone.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::cloud::PROVIDER_FILE;
use crate::support::drive::Drive;
use crate::support::fake_drive::{
    CLIENT_ID, CLIENT_SECRET, Fault, Op, REFRESH_TOKEN, TOKEN, USER, When,
};
use crate::support::{Outcome, make_private, signal};

/// The scope that is asked for unless another is chosen.
const DRIVE_FILE: &str = "https://www.googleapis.com/auth/drive.file";
const DRIVE: &str = "https://www.googleapis.com/auth/drive";

const LOGIN: [&str; 3] = ["providers", "login", "google_drive"];
const BY_FILE: [&str; 5] = [
    "providers",
    "login",
    "google_drive",
    "--client-file",
    "client.json",
];

/// Nobody is logged in; the addresses are those of the fake, and the client's file is at hand.
fn logged_out() -> Drive {
    let drive = Drive::unassigned();
    configure(&drive, &json!({}));
    let client = json!({"installed": {
        "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "project_id": "p",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token", "redirect_uris": ["http://localhost"],
    }});
    make_private(&drive.write("client.json", client.to_string()));
    drive.write("secret.txt", format!("{CLIENT_SECRET}\n"));
    drive.fake.consent(|consent| consent.interval = 0);
    drive
}

/// Writes these credentials, with the addresses of the fake.
fn configure(drive: &Drive, more: &Value) {
    let fake = &drive.fake;
    let mut credentials = json!({"token_uri": fake.token_uri(), "auth_uri": fake.auth_uri()});
    let all = credentials.as_object_mut().unwrap();
    all.extend(more.as_object().unwrap().clone());
    drive.configure(&credentials);
}

fn whole(drive: &Drive) -> Value {
    serde_json::from_str(&fs::read_to_string(drive.file(PROVIDER_FILE)).unwrap()).unwrap()
}

fn credentials(drive: &Drive) -> Value {
    whole(drive)["google_drive"]["credentials"].clone()
}

/// No secret is in these texts, nor in the state.
#[track_caller]
fn assert_secret(drive: &Drive, said: &str) {
    let state = fs::read(drive.state()).unwrap_or_default();
    let said = format!("{said}{}", String::from_utf8_lossy(&state));
    let fixed = [TOKEN, REFRESH_TOKEN, CLIENT_SECRET].map(str::to_owned);
    for canary in fixed.into_iter().chain(drive.fake.secrets()) {
        assert!(!said.contains(&canary), "{canary} is in {said}");
    }
}

/// A login that waits for its browser.
struct Waiting<'d> {
    drive: &'d Drive,
    run: Child,
    stderr: BufReader<ChildStderr>,
    /// What to open.
    page: String,
    /// Where the browser is to come back to.
    port: u16,
}

impl<'d> Waiting<'d> {
    /// Begins a login, and reads what it says is to be done.
    fn begin(drive: &'d Drive, words: &[&str]) -> Self {
        Self::try_begin(drive, words).expect("it has ended")
    }

    /// The same; none where it ended at once.
    fn try_begin(drive: &'d Drive, words: &[&str]) -> Option<Self> {
        let mut call = drive.call([words, &["--json", "-vv"]].concat());
        call.command.stdin(Stdio::piped());
        let mut run = call.spawn();
        let mut stderr = BufReader::new(run.stderr.take().unwrap());
        let told = loop {
            let mut line = String::new();
            if stderr.read_line(&mut line).unwrap() == 0 {
                run.wait().unwrap();
                return None;
            }
            if line.starts_with('{') {
                break serde_json::from_str::<Value>(&line).unwrap();
            }
        };
        assert_eq!(told["type"], "login");
        assert_eq!(told["expires_in"], 600);
        let uri = told["redirect_uri"].as_str().unwrap();
        let port = uri.strip_prefix("http://127.0.0.1:").unwrap();
        Some(Waiting {
            drive,
            run,
            stderr,
            page: told["authorize_url"].as_str().unwrap().to_owned(),
            port: port.parse().unwrap(),
        })
    }

    /// Plays the user: the address that the browser is sent to.
    fn authorize(&self) -> String {
        self.drive.fake.authorize(&self.page)
    }

    /// Pastes a line.
    fn paste(&mut self, line: &str) {
        let stdin = self.run.stdin.as_mut().unwrap();
        stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Waits for its end; the text is all that it said meanwhile.
    fn end(mut self) -> (Outcome, String) {
        drop(self.run.stdin.take());
        let outcome = Outcome::of(&self.run.wait_with_output().unwrap(), self.drive);
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        assert_secret(self.drive, &format!("{}{said}", outcome.stdout));
        (outcome, said)
    }
}

/// What comes back for a target of a port of this machine.
fn get(port: u16, target: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let head = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

/// The browser opens an address.
fn browse(address: &str) -> String {
    let (host, target) = address
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let port = host.split_once(':').unwrap().1.parse().unwrap();
    get(port, &format!("/{target}"))
}

#[test]
fn a_browser_that_comes_back_ends_the_login() {
    let drive = logged_out();
    let waiting = Waiting::begin(&drive, &BY_FILE);
    // Ahead of time, for an icon, without a word, and from somewhere else: all are answered.
    let silent = TcpStream::connect(("127.0.0.1", waiting.port)).unwrap();
    assert!(get(waiting.port, "/favicon.ico").starts_with("HTTP/1.1 404 "));
    assert!(get(waiting.port, "/?code=stolen&state=guessed").starts_with("HTTP/1.1 400 "));
    assert!(get(waiting.port, "/?code=stolen").starts_with("HTTP/1.1 400 "));
    let page = browse(&waiting.authorize());
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.ends_with("You can close this page.\n"), "{page}");
    let (outcome, said) = waiting.end();
    drop(silent);
    let report = outcome.code(0).json();
    assert_eq!(report["message"], "Logged in to google_drive");
    assert_eq!(report["account"], USER);
    assert_eq!(report["scope"], "drive.file");
    assert_eq!(report["expires_at"], Value::Null);
    assert_eq!(report["connected"], true);
    assert!(
        said.contains("belongs to another login, and was ignored"),
        "{said}"
    );

    let now = credentials(&drive);
    assert_eq!(whole(&drive)["google_drive"]["enabled"], true);
    assert!(now["refresh_token"].as_str().unwrap().starts_with("1//0"));
    assert_eq!(now["client_id"], CLIENT_ID);
    assert_eq!(now["client_secret"], CLIENT_SECRET);
    assert_eq!(now["scope"], DRIVE_FILE);
    assert!(now["refresh_token_issued_at"].is_string());
    assert_eq!(now["access_token"], Value::Null);
    // Google's own addresses are not stored, and those configured stay.
    assert_eq!(now["token_uri"], drive.fake.token_uri());
    let runs = drive.json(0, ["history"]);
    assert_eq!(runs["runs"][0]["operation"], "providers login");
    assert_eq!(drive.fake.token_requests(), 2);

    // The next one needs nothing but the name.
    let waiting = Waiting::begin(&drive, &LOGIN);
    browse(&waiting.authorize());
    waiting.end().0.code(0);
    assert_ne!(credentials(&drive)["refresh_token"], now["refresh_token"]);
}

#[test]
fn the_operator_is_told_what_to_open_and_how_to_get_there() {
    let drive = logged_out();
    let mut run = drive.call(BY_FILE).spawn();
    let mut stderr = BufReader::new(run.stderr.take().unwrap());
    let mut lines = Vec::new();
    for _ in 0..6 {
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        lines.push(line.trim_end().to_owned());
    }
    let page = lines[1].clone();
    let port = page.split("127.0.0.1%3A").nth(1).unwrap();
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    assert_eq!(
        lines,
        [
            "Open this address in a browser, and allow access with the account that is to have the backups:",
            page.as_str(),
            &format!(
                "The browser then comes to port {port} of the machine it runs on. If that is not this machine, open a way there first:"
            ),
            &format!("  ssh -L {port}:127.0.0.1:{port} HOST"),
            "or paste here the address of the page that does not load.",
            "Waiting for that, for 10 min at the most; Ctrl-C gives up.",
        ]
    );
    browse(&drive.fake.authorize(&page));
    let outcome = Outcome::of(&run.wait_with_output().unwrap(), &drive).code(0);
    assert_eq!(
        outcome.stdout,
        format!(
            "Logged in to google_drive as {USER} with the scope drive.file: stored in ./config/remote_storage.json\n"
        )
    );
}

#[test]
fn nobody_is_asked_to_paste_what_is_not_read() {
    let drive = logged_out();
    let mut run = drive.call([&BY_FILE[..], &["--no-input"]].concat()).spawn();
    let stderr = BufReader::new(run.stderr.take().unwrap());
    let lines: Vec<String> = stderr.lines().take(5).map(Result::unwrap).collect();
    assert!(lines[4].starts_with("Waiting for that"), "{lines:?}");
    browse(&drive.fake.authorize(&lines[1]));
    Outcome::of(&run.wait_with_output().unwrap(), &drive).code(0);
}

#[test]
fn the_address_may_be_pasted_while_the_browser_is_waited_for() {
    let drive = logged_out();
    for by_code_alone in [false, true] {
        let mut waiting = Waiting::begin(&drive, &BY_FILE);
        let address = waiting.authorize();
        waiting.paste("two words");
        waiting.paste("");
        waiting.paste(&address.replace("state=", "state=x"));
        let code = address.split("code=").nth(1).unwrap();
        let code = code.split('&').next().unwrap();
        waiting.paste(if by_code_alone { code } else { &address });
        let (outcome, said) = waiting.end();
        outcome.code(0);
        for why in [
            "what was pasted is neither an address with a code nor a code",
            "belongs to another login",
        ] {
            assert!(said.contains(why), "{said}");
        }
        assert!(credentials(&drive)["refresh_token"].is_string());
    }
}

#[test]
fn the_lines_of_a_file_are_meant_for_somebody_else() {
    let drive = logged_out();
    let lines = drive.write("hosts.txt", "host1\nhost2\n");
    let words = [&BY_FILE[..], &["--json"]].concat();
    let mut call = drive.call(&words);
    call.command.stdin(fs::File::open(lines).unwrap());
    let mut run = call.spawn();
    let mut stderr = BufReader::new(run.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let page = told["authorize_url"].as_str().unwrap();
    browse(&drive.fake.authorize(page));
    Outcome::of(&run.wait_with_output().unwrap(), &drive).code(0);
}

#[test]
fn with_code_only_what_is_pasted_counts() {
    let drive = logged_out();
    let words = [&BY_FILE[..], &["--code"]].concat();
    let mut waiting = Waiting::begin(&drive, &words);
    let address = waiting.authorize();
    waiting.paste(&address);
    waiting.end().0.code(0);

    let before = whole(&drive);
    let mut waiting = Waiting::begin(&drive, &words);
    waiting.paste("http://127.0.0.1:9/?code=4/0A&state=another");
    let error = waiting.end().0.code(6).json();
    let detail = error["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("Provider 'google_drive' login failed: an answer came"),
        "{detail}"
    );
    let mut waiting = Waiting::begin(&drive, &words);
    waiting.paste("4/0Aguessed");
    let error = waiting.end().0.code(6).json();
    assert_eq!(
        error["detail"],
        "Provider 'google_drive' login failed: the code is wrong, was used before, or has expired"
    );
    assert_eq!(whole(&drive), before);

    // Nobody to paste it is told, and not waited for.
    let run = drive.run(&words).code(10);
    assert!(
        run.stderr
            .contains("error: stdin does not give the address"),
        "{}",
        run.stderr
    );
    let error = drive.json(10, [&words[..], &["--no-input"]].concat());
    assert_eq!(error["code"], "confirmation_required");
}

#[test]
fn access_that_is_denied_is_said_plainly_and_nothing_is_stored() {
    let drive = logged_out();
    let before = whole(&drive);
    drive.fake.consent(|consent| consent.denied = true);
    let waiting = Waiting::begin(&drive, &BY_FILE);
    let page = browse(&waiting.authorize());
    assert!(page.contains("Access was not allowed"), "{page}");
    let error = waiting.end().0.code(6).json();
    assert_eq!(
        error["detail"],
        "Provider 'google_drive' login failed: access was denied on Google's page"
    );
    assert_eq!(error["reason"], "auth");
    let run = drive
        .run([&BY_FILE[..], &["--device", "--json"]].concat())
        .code(6);
    assert_eq!(run.json()["detail"], error["detail"]);
    assert_eq!(whole(&drive), before);
}

#[test]
fn a_login_that_would_not_do_is_not_stored() {
    // The box was not ticked, or no refresh token came.
    let drive = logged_out();
    let before = whole(&drive);
    drive
        .fake
        .grant_scope("https://www.googleapis.com/auth/drive.file");
    let waiting = Waiting::begin(&drive, &[&BY_FILE[..], &["--scope", "drive"]].concat());
    browse(&waiting.authorize());
    let error = waiting.end().0.code(6).json();
    assert_eq!(
        error["detail"],
        "Provider 'google_drive' login failed: access was allowed, but not to what was asked for: \
         drive is missing"
    );
    assert!(
        error["hint"]
            .as_str()
            .unwrap()
            .contains("leave the box ticked")
    );

    let without = |told: &mut Value| {
        told.as_object_mut().unwrap().remove("refresh_token");
    };
    drive
        .fake
        .fail(Op::Token, When::Always, Fault::edit(without));
    let waiting = Waiting::begin(&drive, &BY_FILE);
    browse(&waiting.authorize());
    let error = waiting.end().0.code(6).json();
    let detail = error["detail"].as_str().unwrap();
    assert!(detail.contains("Google gave no refresh token"), "{detail}");
    assert!(
        error["hint"]
            .as_str()
            .unwrap()
            .contains("https://myaccount.google.com/connections")
    );
    assert_eq!(whole(&drive), before);
}

#[test]
fn a_login_that_will_end_in_a_week_is_told_at_once() {
    let drive = logged_out();
    let testing = Fault::edit(|told| told["refresh_token_expires_in"] = json!(604_799));
    drive.fake.fail(Op::Token, When::Nth(1), testing);
    let waiting = Waiting::begin(&drive, &BY_FILE);
    browse(&waiting.authorize());
    let (outcome, said) = waiting.end();
    let report = outcome.code(0).json();
    let ends = report["expires_at"].as_str().unwrap();
    assert!(
        said.contains(&format!("warning: this login ends on {}", &ends[..10])),
        "{said}"
    );
    assert!(said.contains("\"Testing\""), "{said}");
    assert_eq!(credentials(&drive)["refresh_token_expires_at"], ends);
    let list = drive.run(["providers"]).code(0);
    assert!(
        list.stderr
            .contains("the login of google_drive ends in 6 days"),
        "{}",
        list.stderr
    );

    // The next one, after publishing, has no end.
    let waiting = Waiting::begin(&drive, &LOGIN);
    browse(&waiting.authorize());
    waiting.end().0.code(0);
    assert_eq!(credentials(&drive)["refresh_token_expires_at"], Value::Null);
}

#[test]
fn a_wider_scope_is_asked_for_and_remembered() {
    let drive = logged_out();
    drive.fake.grant_scope(DRIVE);
    let waiting = Waiting::begin(&drive, &[&BY_FILE[..], &["--scope", "drive"]].concat());
    assert!(waiting.page.contains("auth%2Fdrive&"), "{}", waiting.page);
    browse(&waiting.authorize());
    let report = waiting.end().0.code(0).json();
    assert_eq!(report["scope"], "drive");
    assert_eq!(credentials(&drive)["scope"], DRIVE);
    let waiting = Waiting::begin(&drive, &LOGIN);
    assert!(waiting.page.contains("auth%2Fdrive&"), "{}", waiting.page);
    browse(&waiting.authorize());
    waiting.end().0.code(0);

    let error = drive.json(2, [&LOGIN[..], &["--device"]].concat());
    assert_eq!(
        error["detail"],
        "--device can ask only for the scope drive.file: Google gives drive to no login on another device"
    );
    let error = drive.json(2, [&LOGIN[..], &["--scope", "everything"]].concat());
    assert_eq!(
        error["detail"],
        "--scope must be one of: drive.file, drive, drive.readonly"
    );
}

#[test]
fn two_logins_at_once_do_not_take_each_others_answer() {
    let drive = logged_out();
    let first = Waiting::begin(&drive, &BY_FILE);
    let second = Waiting::begin(&drive, &BY_FILE);
    assert_ne!(first.port, second.port);
    let answer = first.authorize();
    let crossed = answer.replace(&first.port.to_string(), &second.port.to_string());
    assert!(browse(&crossed).starts_with("HTTP/1.1 400 "));
    browse(&answer);
    first.end().0.code(0);
    let stored = credentials(&drive);
    browse(&second.authorize());
    let (outcome, said) = second.end();
    outcome.code(0);
    assert!(said.contains("belongs to another login"), "{said}");
    assert_ne!(
        credentials(&drive)["refresh_token"],
        stored["refresh_token"]
    );
}

#[test]
fn a_port_may_be_chosen_and_one_that_is_taken_is_told() {
    let drive = logged_out();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let words = [&BY_FILE[..], &["--port", &port]].concat();
    let error = drive.json(12, &words);
    let detail = error["detail"].as_str().unwrap();
    assert!(
        detail.starts_with(&format!("cannot listen on port {port} of 127.0.0.1: ")),
        "{detail}"
    );
    assert_eq!(error["hint"], "choose another with --port, or leave it out");
    drop(taken);
    // Somebody else may be quicker to take a port that is free.
    let (waiting, port) = (0..10)
        .find_map(|_| {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let number = port.to_string();
            let words = [&BY_FILE[..], &["--port", &number]].concat();
            Some((Waiting::try_begin(&drive, &words)?, port))
        })
        .unwrap();
    assert_eq!(waiting.port, port);
    browse(&waiting.authorize());
    waiting.end().0.code(0);
}

#[test]
fn a_login_that_is_interrupted_leaves_nothing() {
    let drive = logged_out();
    let before = fs::read(drive.file(PROVIDER_FILE)).unwrap();
    for words in [&BY_FILE[..], &[&BY_FILE[..], &["--code"]].concat()] {
        let waiting = Waiting::begin(&drive, words);
        signal(&waiting.run, Signal::INT);
        let mut waiting = waiting;
        let _stdin = waiting.run.stdin.take();
        let (outcome, _) = waiting.end();
        assert_eq!(outcome.code(130).json()["code"], "interrupted");
    }
    assert_eq!(fs::read(drive.file(PROVIDER_FILE)).unwrap(), before);
    assert_eq!(drive.fake.token_requests(), 0);
}

#[test]
fn a_phone_confirms_a_code_that_is_shown() {
    let drive = logged_out();
    drive
        .fake
        .consent(|consent| (consent.polls, consent.slow_downs) = (2, 1));
    let words = [
        &LOGIN[..],
        &[
            "--device",
            "--client-id",
            CLIENT_ID,
            "--client-secret-file",
            "secret.txt",
        ],
    ]
    .concat();
    let run = drive.call(&words).run().code(0);
    run.stderr(
        "Open https://www.google.com/device on any computer or phone,\n\
         type the code GQVQ-JKEC, and allow access with the account that is to have the backups.\n\
         Waiting for that, for 30 min at the most; Ctrl-C gives up.\n",
    );
    assert_eq!(drive.fake.polls(), 3);
    let now = credentials(&drive);
    assert_eq!(now["client_secret_file"], json!(drive.file("secret.txt")));
    assert_eq!(now["scope"], DRIVE_FILE);

    let script = drive.run([&words[..], &["--json", "-q", "--no-test"]].concat());
    let script = script.code(0);
    let told: Value = serde_json::from_str(&script.stderr).unwrap();
    assert_eq!(
        told,
        json!({"type": "login", "verification_url": "https://www.google.com/device", "user_code": "GQVQ-JKEC", "expires_in": 1800})
    );
    assert_eq!(script.json()["connected"], Value::Null);
    assert_secret(&drive, &format!("{}{}", script.stdout, script.stderr));

    drive.fake.consent(|consent| consent.expired = true);
    let error = drive.json(6, &words);
    assert_eq!(
        error["detail"],
        "Provider 'google_drive' login failed: the code is wrong, was used before, or has expired"
    );
}

#[test]
fn what_cannot_work_is_told_before_anybody_is_bothered() {
    let drive = logged_out();
    let broken = drive.write("broken.json", "{\"installed\": {\"client_secret\": 12}}");
    make_private(&broken);
    make_private(&drive.write(
        "half.json",
        json!({"installed": {"client_id": CLIENT_ID}}).to_string(),
    ));
    for (words, code, exit, start) in [
        (
            &[][..],
            "provider_not_configured",
            5,
            "Provider 'google_drive' has no client_id",
        ),
        (
            &["--client-id", "x"],
            "provider_not_configured",
            5,
            "Provider 'google_drive' has no client_secret",
        ),
        (
            &["--client-file", "none.json"],
            "usage",
            2,
            "the client file 'none.json' cannot be used: it does not exist",
        ),
        (
            &["--client-file", "half.json"],
            "usage",
            2,
            "the client file 'half.json' cannot be used: client_secret is missing",
        ),
        (
            &["--client-file", "broken.json"],
            "config_invalid",
            5,
            "broken.json:1:34: installed.client_secret: expected a string",
        ),
        (
            &["--client-file", "client.json", "--client-id", "x"],
            "usage",
            2,
            "the argument '--client-file",
        ),
        (
            &["--device", "--code"],
            "usage",
            2,
            "the argument '--device' cannot be used with '--code'",
        ),
    ] {
        let words = [&LOGIN[..], words].concat();
        let error = drive.json(exit, &words);
        assert_eq!(error["code"], code, "{words:?}");
        assert!(
            error["detail"].as_str().unwrap().starts_with(start),
            "{error}"
        );
    }
    let key = drive.fake.service_account_key();
    make_private(&drive.write("sa.json", key));
    let error = drive.json(2, [&LOGIN[..], &["--client-file", "sa.json"]].concat());
    assert!(
        error["detail"]
            .as_str()
            .unwrap()
            .ends_with("it is not that of an OAuth client"),
        "{error}"
    );

    // What stands in config.json would win over what is stored.
    let over = |credentials: Value| {
        let config = json!({"google_drive": {"credentials": credentials}}).to_string();
        let config = drive.write("ours.json", config);
        make_private(&config);
        let run = drive.command([&BY_FILE[..], &["--json"]].concat());
        run.env("VERTEX_BACKUP_CONFIG", &config)
            .run()
            .code(5)
            .json()
    };
    let error = over(json!({"access_token": TOKEN}));
    assert!(
        error["detail"]
            .as_str()
            .unwrap()
            .contains("which win over those that a login stores")
    );
    let error = over(json!({"client_id": "another"}));
    assert!(
        error["detail"]
            .as_str()
            .unwrap()
            .contains("which wins over the one given here")
    );
    assert_eq!(drive.fake.requests().len(), 0);
}

#[test]
fn a_login_replaces_whatever_was_there() {
    let drive = logged_out();
    configure(
        &drive,
        &json!({
            "access_token_file": "/nonexistent", "service_account_file": "/nonexistent", "impersonate": "x@y",
            "team": "ops",
        }),
    );
    // Another account was used before.
    drive
        .run(["providers", "set", "google_drive", "--accept"])
        .code(0);
    let state = rusqlite::Connection::open(drive.state()).unwrap();
    let sql = "INSERT OR REPLACE INTO storages VALUES ('google_drive', 'somebody else', '')";
    state.execute(sql, []).unwrap();
    drop(state);
    let waiting = Waiting::begin(&drive, &BY_FILE);
    browse(&waiting.authorize());
    waiting.end().0.code(0);
    let now = credentials(&drive);
    for gone in ["access_token_file", "service_account_file", "impersonate"] {
        assert_eq!(now[gone], Value::Null, "{gone}");
    }
    assert_eq!(now["team"], "ops");
}
