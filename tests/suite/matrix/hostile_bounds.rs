//! What others wrote to do harm: without end, or of a size that takes all memory (S14).
//!
//! A server that never stops speaking stands in the place of each service, and how much
//! memory the command ever had is read from the system.

use std::fs::{self, File};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use super::hostile_speech::{Speaker, Speech, bombs, endless};
use crate::support::cloud::{Cloud, PROVIDER_FILE};
use crate::support::drive::Drive;
use crate::support::fake::http::Head;
use crate::support::{Call, Outcome, Sandbox, make_private};

/// No command ever has more, whatever it is told, in KiB.
const MOST: u64 = 40 * 1024;

/// Unless it is told of as many files as a directory may have: it knows their names then.
const MOST_OF_A_LISTING: u64 = 112 * 1024;

/// Nobody waits for longer; it is only that a test must end.
const LONGEST: Duration = Duration::from_secs(240);

/// The most memory a process has had so far, in KiB; nothing once it has ended.
fn peak(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let told = |key| status.lines().find_map(|line| line.strip_prefix(key));
    // Until it is itself, it has the memory of these tests.
    told("Name:").filter(|name| name.trim() == "vertex-backup")?;
    told("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok()
}

/// Runs a command to its end, and sees that it stays within its bounds.
#[track_caller]
fn measured(what: &str, call: Call<'_>, sandbox: &Sandbox) -> Outcome {
    bounded(what, MOST, call, sandbox)
}

/// As [`measured`], within another bound.
#[track_caller]
fn bounded(what: &str, bound: u64, call: Call<'_>, sandbox: &Sandbox) -> Outcome {
    let mut child = call.spawn();
    let started = Instant::now();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = peak(&child).unwrap_or(0).max(most);
        let why = if most > bound {
            format!("had {most} KiB")
        } else if started.elapsed() > LONGEST {
            "never ends".to_owned()
        } else {
            // Often enough: what grows without bound grows on.
            std::thread::sleep(Duration::from_millis(1));
            continue;
        };
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        panic!("{what}: it {why}: {:?}", Outcome::of(&output, sandbox));
    }
    let outcome = Outcome::of(&child.wait_with_output().unwrap(), sandbox);
    // One page of output for all that was said.
    let told = outcome.stdout.len() + outcome.stderr.len();
    assert!(told < 16 * 1024, "{what}: {told} bytes are told");
    assert!(
        !outcome.stderr.contains("panicked"),
        "{what}: {}",
        outcome.stderr
    );
    outcome
}

/// A Disk at an address.
fn yandex_at(url: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let section =
        json!({ "yandex_disk": { "enabled": true, "oauth_token": "y0_token", "api_url": url } });
    make_private(&sandbox.write(PROVIDER_FILE, section.to_string()));
    sandbox.assign("acme-corp", "yandex_disk", "/vertex-ar/acme-corp/backups");
    sandbox
}

/// A Drive at an address; without a token endpoint its token is a bare one.
fn drive_at(url: &str, token_uri: Option<&str>) -> Sandbox {
    let sandbox = Sandbox::new();
    let credentials = match token_uri {
        None => json!({ "access_token": "ya29.token" }),
        Some(uri) => {
            json!({ "refresh_token": "1//0g", "client_id": "c", "client_secret": "s", "token_uri": uri })
        }
    };
    let section =
        json!({ "google_drive": { "enabled": true, "api_url": url, "credentials": credentials } });
    make_private(&sandbox.write(PROVIDER_FILE, section.to_string()));
    sandbox.assign("acme-corp", "google_drive", "/vertex-ar/acme-corp/backups");
    sandbox
}

/// A command of a few seconds of patience.
fn hasty<'s>(sandbox: &'s Sandbox, words: &[&str]) -> Call<'s> {
    sandbox.command(words).env("VERTEX_BACKUP_TIMEOUT", "1s")
}

/// Asks each service with each speech: an error of the provider, if it is one.
#[track_caller]
fn heard(speeches: Vec<(&'static str, Speech)>, commands: &[&[&'static str]], codes: &[i32]) {
    for (what, speech) in speeches {
        let speaker = Speaker::always(speech);
        let url = speaker.url();
        for (service, provider, sandbox) in [
            ("yandex_disk", "yandex_disk", yandex_at(&url)),
            ("google_drive", "google_drive", drive_at(&url, None)),
            (
                "token endpoint",
                "google_drive",
                drive_at("http://127.0.0.1:9", Some(&url)),
            ),
        ] {
            for command in commands {
                let word = |word: &&'static str| if *word == "PROVIDER" { provider } else { *word };
                let command: Vec<&str> = command.iter().map(word).collect();
                let before = speaker.count();
                let what = format!("{service}: {what}: {command:?}");
                let outcome = measured(&what, hasty(&sandbox, &command), &sandbox);
                assert!(codes.contains(&outcome.code), "{what}: {outcome:?}");
                if outcome.code == 6 {
                    let told = outcome.json();
                    assert_eq!(told["code"], "provider_connection_failed", "{what}: {told}");
                }
                assert!(speaker.count() > before, "{what}: it was not asked");
            }
        }
    }
}

#[test]
fn s14_answers_without_end_are_cut() {
    heard(
        endless(),
        &[&["providers", "test", "PROVIDER", "--json"]],
        &[6],
    );
}

#[test]
fn s14_a_page_is_no_larger_in_memory_than_it_was_sent() {
    let commands: [&[&'static str]; 2] = [
        &["providers", "test", "PROVIDER", "--json"],
        &["files", "acme-corp", "--json"],
    ];
    // What is of no use is passed over, or the end of the question.
    heard(bombs(), &commands, &[0, 6]);
}

#[test]
fn s14_a_proxy_without_end_is_cut() {
    for (what, speech) in endless() {
        let speaker = Speaker::always(speech);
        let proxy = speaker.url();
        for (provider, sandbox) in [
            ("yandex_disk", yandex_at("https://disk.test/v1/disk")),
            ("google_drive", drive_at("https://drive.test", None)),
        ] {
            let words = ["providers", "test", provider, "--json"];
            let call = hasty(&sandbox, &words).env("HTTPS_PROXY", &proxy);
            let outcome = measured(what, call, &sandbox);
            assert_eq!(outcome.code, 6, "{what}: {}", outcome.stderr);
        }
        assert!(speaker.count() > 1, "{what}: it was not asked");
    }
}

/// A number in a request's query.
fn number(head: &Head, name: &str) -> usize {
    head.param(name)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

#[test]
fn s14_a_listing_that_brings_ever_new_names_comes_to_an_end() {
    let disk = Speaker::new(|head| {
        let from = number(head, "offset");
        let items: Vec<_> = (from..from + 1000)
            .map(|at| json!({ "name": format!("db_backup_{at:09}.db"), "type": "file", "size": 1, "sha256": "c".repeat(64) }))
            .collect();
        let user = json!({ "uid": "1", "login": "o" });
        let told = json!({ "type": "dir", "user": user, "_embedded": { "total": usize::MAX / 2, "items": items } });
        Speech::whole(&told.to_string())
    });
    let pages = Arc::new(Mutex::new(0));
    let drive = Speaker::new(move |head| {
        let is_search = head.path().ends_with("/files");
        let is_for_folders = head.param("q").is_some_and(|q| q.contains("mimeType"));
        let mut page = pages.lock().unwrap();
        *page += 1;
        let kind = if is_for_folders {
            "application/vnd.google-apps.folder"
        } else {
            "application/octet-stream"
        };
        let files: Vec<_> = (0..if is_for_folders { 1 } else { 1000 })
            .map(|at| {
                let name = if is_for_folders { told_name(head) } else { format!("db_backup_{page:06}_{at:04}.db") };
                json!({ "id": format!("id-{page}-{at}"), "name": name, "mimeType": kind, "size": "1", "md5Checksum": "0".repeat(32),
                    "sha256Checksum": "c".repeat(64), "createdTime": "2025-01-31T04:00:00Z" })
            })
            .collect();
        let mut told = json!({ "id": "root", "name": "My Drive", "mimeType": "application/vnd.google-apps.folder", "files": files,
            "user": { "permissionId": "1" }, "storageQuota": {} });
        if is_search && !is_for_folders {
            told["nextPageToken"] = json!(format!("page-{page}"));
        }
        Speech::whole(&told.to_string())
    });
    for (service, sandbox) in [
        ("yandex_disk", yandex_at(&disk.url())),
        ("google_drive", drive_at(&drive.url(), None)),
    ] {
        let call = sandbox.command(["files", "acme-corp", "--json"]);
        let outcome = bounded(service, MOST_OF_A_LISTING, call, &sandbox);
        assert_eq!(outcome.code, 6, "{service}: {}", outcome.stderr);
        let told = outcome.json();
        let detail = told["detail"].as_str().unwrap();
        assert!(
            detail.contains("more than 100000 files"),
            "{service}: {told}"
        );
    }
}

/// The name that a search is for.
fn told_name(head: &Head) -> String {
    let q = head.param("q").unwrap_or_default();
    let name = q
        .split("name = '")
        .nth(1)
        .and_then(|rest| rest.split('\'').next());
    name.unwrap_or_default().to_owned()
}

/// A file that holds nothing and says to be as large.
fn hollow(path: &std::path::Path, size: u64) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    File::create(path).unwrap().set_len(size).unwrap();
}

/// A sidecar of just less than is read, which is more than a hundred times as large in memory.
fn swollen() -> String {
    let begin = "{\"type\":\"storage\",\"file_size\":1,\"x\":[";
    format!(
        "{begin}{}0]}}",
        "0,".repeat((1024 * 1024 - begin.len() - 8) / 2)
    )
}

#[test]
fn s14_a_sidecar_of_any_size_costs_little() {
    let commands: [&[&str]; 5] = [
        &["files", "acme-corp"],
        &["verify", "acme-corp"],
        &["download", "acme-corp", "x.tar.gz", "-o", "out", "--force"],
        &["sync", "acme-corp", "--dry-run"],
        &["prune", "acme-corp", "--dry-run"],
    ];
    let look = |what: &str, sandbox: &Sandbox| {
        for command in commands {
            measured(
                &format!("{what}: {command:?}"),
                sandbox.command(command),
                sandbox,
            );
        }
    };
    let local = Sandbox::assigned();
    let remote = local.remote("acme-corp");
    for (name, bytes) in [
        ("x.tar.gz", "x"),
        ("y.tar.gz", "y"),
        ("y.tar.json", &swollen()),
    ] {
        fs::create_dir_all(&remote).unwrap();
        fs::write(remote.join(name), bytes).unwrap();
        local.write(&format!("backups/storage/{name}"), bytes);
    }
    for folder in [remote, local.file("backups/storage")] {
        hollow(&folder.join("x.tar.json"), 1 << 32);
    }
    look("local", &local);

    let (cloud, drive) = (Cloud::new(), Drive::new());
    let folder = drive.fake.make_folders(&crate::support::drive::FOLDER);
    for (name, bytes) in [
        ("x.tar.gz", "x"),
        ("x.tar.json", &" ".repeat(3 << 20)),
        ("y.tar.gz", "y"),
        ("y.tar.json", &swollen()),
    ] {
        cloud.fake.put(&Cloud::path(name), bytes.as_bytes());
        drive.fake.put_file(&folder, name, bytes.as_bytes());
    }
    look("yandex_disk", &cloud);
    look("google_drive", &drive);
}

#[test]
fn s14_files_and_commands_of_settings_of_any_size_cost_little() {
    let sandbox = Sandbox::new();
    let file = sandbox.file(PROVIDER_FILE);
    for (what, text) in [
        ("hollow", None),
        ("brackets", Some("[".repeat(1024 * 1024))),
        (
            "values",
            Some(format!("{{\"x\": [{}0]}}", "0,".repeat(500_000))),
        ),
    ] {
        match &text {
            None => hollow(&file, 1 << 32),
            Some(text) => fs::write(&file, text).unwrap(),
        }
        make_private(&file);
        let words = ["providers", "--no-check", "--json"];
        let outcome = measured(what, sandbox.command(words), &sandbox);
        if what != "values" {
            assert_eq!(outcome.json()["code"], "config_invalid", "{what}");
        }
    }
    for (what, command) in [("zeros", "cat /dev/zero"), ("lines", "yes y0_token")] {
        let section = json!({ "yandex_disk": { "enabled": true, "oauth_token_command": command } });
        fs::write(&file, section.to_string()).unwrap();
        let words = ["providers", "test", "yandex_disk", "--json"];
        let outcome = measured(what, sandbox.command(words), &sandbox);
        assert_eq!(outcome.code, 5, "{what}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains("printed more than 65536 bytes"),
            "{what}: {}",
            outcome.stderr
        );
    }
}
