//! A command that is to print a secret, and does not, or much else (X47).
//!
//! The rest of this number is in `provider_file.rs`.

use std::fs;
use std::path::Path;
use std::thread;

use serde_json::{Value, json};

use crate::support::cloud::{Cloud, PROVIDER_FILE};
use crate::support::drive::Drive;
use crate::support::fake_yandex::TOKEN;
use crate::support::outgoing::until;
use crate::support::{Outcome, Sandbox, make_private};

/// What no output may ever hold.
const CANARY: &str = "y0_CaNaRy7";

/// Each of the secrets that a command may give, in its place.
fn places(command: &Value) -> [(&'static str, &'static str, Value); 4] {
    [
        (
            "yandex_disk",
            "oauth_token",
            json!({"enabled": true, "oauth_token_command": command}),
        ),
        (
            "google_drive",
            "credentials.access_token",
            json!({"enabled": true, "credentials": {"access_token_command": command}}),
        ),
        (
            "google_drive",
            "credentials.refresh_token",
            json!({"enabled": true, "credentials": {
                "refresh_token_command": command, "client_id": "id", "client_secret": CANARY}}),
        ),
        (
            "google_drive",
            "credentials.client_secret",
            json!({"enabled": true, "credentials": {
                "refresh_token": CANARY, "client_id": "id", "client_secret_command": command}}),
        ),
    ]
}

/// Tests a provider whose secret comes from this command; what is told of it.
#[track_caller]
fn refused(sandbox: &Sandbox, command: &Value) -> Vec<String> {
    let mut told = Vec::new();
    for (provider, key, section) in places(command) {
        let text = json!({ provider: section }).to_string();
        make_private(&sandbox.write(PROVIDER_FILE, text));
        let words = ["providers", "test", provider, "--json", "-vv"];
        let run = sandbox.command(words).limited("-v 65536").run().code(5);
        assert_discreet(&run);
        let error = run.json();
        assert_eq!(error["code"], "provider_not_configured", "{key} {error}");
        let start = format!("Provider '{provider}' is not configured: {key}: ");
        let detail = error["detail"].as_str().unwrap();
        let why = detail.strip_prefix(&start);
        told.push(why.unwrap_or_else(|| panic!("{detail}")).to_owned());
    }
    told
}

#[track_caller]
fn assert_discreet(run: &Outcome) {
    let told = run.stdout.contains("CaNaRy") || run.stderr.contains("CaNaRy");
    assert!(!told, "{run:?}");
}

#[track_caller]
fn assert_all(told: &[String], why: &str) {
    for told in told {
        assert_eq!(told, why);
    }
}

/// The reason is what the command says first on stderr, as far as that is no secret: a
/// locked keyring looks like this.
#[test]
fn x47_a_command_that_fails_is_told_with_its_reason() {
    let sandbox = Sandbox::new();
    for (script, why) in [
        (
            "echo 'gpg: decryption failed: No secret key' >&2; exit 2".to_owned(),
            "'sh' failed with exit status: 2: gpg: decryption failed: No secret key",
        ),
        (
            format!("echo; echo {CANARY}; echo 'bad token {CANARY}, sorry' >&2; exit 3"),
            "'sh' failed with exit status: 3: bad token [redacted] sorry",
        ),
        (
            format!("echo {CANARY} >&2; kill -9 $$"),
            "'sh' failed with signal: 9 (SIGKILL): [redacted]",
        ),
        (
            "printf 'a \\033]52;c;x\\007 b\\n' >&2; exit 1".into(),
            "'sh' failed with exit status: 1: a [redacted] b",
        ),
        ("exit 1".into(), "'sh' failed with exit status: 1"),
    ] {
        assert_all(&refused(&sandbox, &json!(["sh", "-c", script])), why);
    }
}

/// Nobody is there to be asked: what wants an answer finds the end of its stdin.
#[test]
fn x47_a_command_that_asks_gets_no_answer() {
    let sandbox = Sandbox::new();
    let told = refused(
        &sandbox,
        &json!(["sh", "-c", "read -r answer && echo $answer"]),
    );
    assert_all(&told, "'sh' failed with exit status: 1");
    assert_all(&refused(&sandbox, &json!("cat")), "it is empty");
}

/// Whatever it prints, no more than a secret has is kept, and the rest is not waited for.
#[test]
fn x47_a_command_that_prints_a_gigabyte_is_ended() {
    let sandbox = Sandbox::new();
    let too_much = "printed more than 65536 bytes";
    for command in [
        json!("yes"),
        json!("head -c 1000000000 /dev/zero"),
        // The first line would do, but a command that goes on is not what was meant.
        json!([
            "sh",
            "-c",
            "trap '' PIPE; echo y0_CaNaRy7; head -c 100000 /dev/zero; exit 0"
        ]),
    ] {
        let told = refused(&sandbox, &command);
        let ends = told.iter().all(|told| told.ends_with(too_much));
        assert!(ends, "{told:?}");
    }
    let noisy = json!([
        "sh",
        "-c",
        "echo no key >&2; head -c 50000000 /dev/zero >&2; exit 1"
    ]);
    assert_all(
        &refused(&sandbox, &noisy),
        "'sh' failed with exit status: 1: no key",
    );
}

/// Whether a process is still at work.
fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

/// It is waited for ten seconds, and then ended with all it started.
#[test]
fn x47_a_command_that_hangs_is_ended_with_all_it_started() {
    thread::scope(|scope| {
        for (provider, key, section) in places(&json!([
            "sh",
            "-c",
            "sleep 600 & echo $! >> children; wait; true"
        ])) {
            scope.spawn(move || {
                let sandbox = Sandbox::new();
                let text = json!({ provider: section }).to_string();
                make_private(&sandbox.write(PROVIDER_FILE, text));
                let error = sandbox.json(5, ["providers", "test", provider]);
                let detail = error["detail"].as_str().unwrap();
                let why = format!("{key}: 'sh' did not end within 10 s");
                assert!(detail.ends_with(&why), "{detail}");
                let children = fs::read_to_string(sandbox.file("children")).unwrap();
                for pid in children.lines() {
                    until("the end of a grandchild", || !is_running(pid));
                }
            });
        }
    });
}

/// What a command leaves running on purpose, an agent say, keeps nobody waiting, though it
/// holds the pipe, and is not ended.
#[test]
fn x47_an_agent_that_a_command_leaves_behind_is_left_alone() {
    let cloud = Cloud::new();
    let script = format!("sleep 600 & echo $! > agent; echo {TOKEN}");
    cloud.write_section(&json!({
        "enabled": true, "api_url": cloud.fake.api_url(), "oauth_token_command": ["sh", "-c", script],
    }));
    cloud.run(["providers", "test", "yandex_disk"]).code(0);
    let agent = fs::read_to_string(cloud.file("agent")).unwrap();
    let agent = agent.trim();
    assert!(is_running(agent));
    let pid = rustix::process::Pid::from_raw(agent.parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// It gets no shell, no secret of ours in its environment, no stream and no file of ours.
#[test]
fn x47_a_command_is_given_nothing_of_ours() {
    let (cloud, drive) = (Cloud::new(), Drive::new());
    let script = |token: &str| {
        let look =
            "env > seen; tr '\\0' ' ' < /proc/$PPID/cmdline >> seen; ls -l /proc/self/fd > open";
        json!(["sh", "-c", format!("{look}; echo {token}")])
    };
    cloud.write_section(&json!({
        "enabled": true, "api_url": cloud.fake.api_url(), "oauth_token_command": script(TOKEN),
        "client_id": "id", "client_secret": CANARY, "refresh_token": CANARY,
    }));
    let mut login = drive.login();
    login["client_secret_command"] = script(login["client_secret"].as_str().unwrap());
    login.as_object_mut().unwrap().remove("client_secret");
    login["access_token"] = json!(CANARY);
    drive.configure(&login);
    for (sandbox, provider) in [
        (&cloud.sandbox, "yandex_disk"),
        (&drive.sandbox, "google_drive"),
    ] {
        let call = sandbox
            .command(["providers", "test", provider])
            .env("HTTPS_PROXY", format!("http://ops:{CANARY}@127.0.0.1:9"))
            .env("all_proxy", format!("socks5://ops:{CANARY}@127.0.0.1:9"))
            .env("NO_PROXY", "127.0.0.1")
            .env("KEPT", "for the command");
        call.run().code(0);
        let seen = fs::read_to_string(sandbox.file("seen")).unwrap();
        assert!(!seen.contains("CaNaRy"), "{seen}");
        assert!(seen.contains("KEPT=for the command"), "{seen}");
        let open = fs::read_to_string(sandbox.file("open")).unwrap();
        // Whatever the tests were started with; of the sandbox only where the list itself goes.
        let folder = sandbox.path().to_str().unwrap();
        let ours: Vec<_> = open.lines().filter(|line| line.contains(folder)).collect();
        let is_list = |line: &&str| line.ends_with("/open");
        assert!(ours.iter().all(is_list), "{open}");
    }
}

/// One that fails, fails for all companies of its provider, and is run once for all of them.
#[test]
fn x47_a_command_that_fails_is_not_run_for_every_company() {
    let cloud = Cloud::new();
    let script = "echo ran >> runs; echo 'agent is locked' >&2; exit 1";
    cloud.write_section(&json!({
        "enabled": true, "api_url": cloud.fake.api_url(), "oauth_token_command": ["sh", "-c", script],
    }));
    cloud.companies(5, "yandex_disk");
    let before = cloud.mark();
    let run = cloud.run(["sync", "--all", "--json"]);
    assert!([3, 5].contains(&run.code), "{run:?}");
    let told = run.json();
    assert_eq!(told["succeeded"], 0, "{told}");
    for result in told["results"].as_array().unwrap() {
        assert_eq!(result["code"], "provider_not_configured", "{result}");
    }
    assert!(run.stderr.contains("agent is locked"), "{run:?}");
    assert_eq!(lines(&cloud.file("runs")), 1);
    assert_eq!(cloud.since(before).len(), 0);
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap().lines().count()
}
