//! `restore-test`: backups brought back for a test, and really opened.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use vertex_backup::hash::Sha256;

use crate::promises::{large, until};
use crate::support::{DB, Outcome, STORAGE, Sandbox};

const FULL: &str = "full_backup_20250131_040000.json";

/// An installation with a scratch folder beside it, and a claimed remote.
struct Bench {
    sandbox: Sandbox,
    scratch: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let sandbox = Sandbox::assigned();
        let scratch = sandbox.path().join("scratch");
        fs::create_dir(&scratch).unwrap();
        Bench { sandbox, scratch }
    }

    fn stored() -> Self {
        let bench = Self::new();
        bench.sandbox.run(["sync", "acme-corp", "-q"]).code(0);
        bench
    }

    /// Runs a test of `acme-corp`; whatever comes of it, the scratch folder is empty afterwards.
    #[track_caller]
    fn test(&self, words: &[&str]) -> Outcome {
        let words = ["restore-test", "acme-corp"].iter().chain(words);
        let outcome = self
            .sandbox
            .command(words)
            .env("VERTEX_BACKUP_SCRATCH", &self.scratch)
            .run();
        assert_eq!(fs::read_dir(&self.scratch).unwrap().count(), 0);
        outcome
    }

    /// Puts a backup with a sidecar that fits it onto the remote, and tests it.
    #[track_caller]
    fn test_made(&self, name: &str, kind: &str, bytes: &[u8]) -> Value {
        let remote = self.sandbox.remote("acme-corp");
        fs::create_dir_all(&remote).unwrap();
        fs::write(remote.join(name), bytes).unwrap();
        let sidecar = json!({
            "type": kind, "backup_path": format!("/x/{name}"), "file_size": bytes.len(),
            "checksum": Sha256::of(bytes).to_string(),
        });
        let (stem, _) = name.rsplit_once('.').unwrap();
        fs::write(remote.join(format!("{stem}.json")), sidecar.to_string()).unwrap();
        let report = self.test(&[name, "--json"]).json();
        report["results"][0].clone()
    }

    /// As [`Bench::test_made`], and it fails; why.
    #[track_caller]
    fn fails(&self, name: &str, kind: &str, bytes: &[u8]) -> String {
        let result = self.test_made(name, kind, bytes);
        assert_eq!(
            (&result["success"], &result["verdict"]),
            (&json!(false), &json!("failed")),
            "{result}"
        );
        assert!(result["compared_with"].to_string().contains("sidecar"));
        self.test(&[name, "-q"]).code(7);
        result["problem"].as_str().unwrap().to_owned()
    }
}

fn file_of(sandbox: &Sandbox, name: &str) -> Value {
    let files = sandbox.json(0, ["files", "acme-corp"]);
    let files = files["files"].as_array().unwrap();
    files
        .iter()
        .find(|file| file["name"] == name)
        .unwrap()
        .clone()
}

#[test]
fn the_newest_of_each_type_is_brought_back_and_opened() {
    let bench = Bench::stored();
    let report = bench.test(&["--json"]).code(0).json();
    let [db, storage] = &report["results"].as_array().unwrap()[..] else {
        panic!("{report}")
    };
    assert_eq!(
        (&db["name"], &db["verdict"]),
        (&json!(DB), &json!("passed"))
    );
    assert_eq!(
        db["database"],
        json!({"integrity": "ok", "foreign_keys": "ok", "companies": 7})
    );
    assert_eq!(
        (&storage["name"], &storage["archive"]["files"]),
        (&json!(STORAGE), &json!(3))
    );
    for name in [DB, STORAGE] {
        let file = file_of(&bench.sandbox, name);
        assert_eq!(file["test_passed"], json!(true));
        assert!(file["tested_at"].is_string());
    }
    // Each test is one row, and no download besides.
    let runs = bench.sandbox.json(0, ["history", "--limit", "3"]);
    let operations: Vec<&Value> = runs["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["operation"])
        .collect();
    assert_eq!(operations, ["restore-test", "restore-test", "sync"]);
}

#[test]
fn a_full_backup_tests_both_halves() {
    let bench = Bench::stored();
    let report = bench.test(&["--latest", "--json"]).code(0).json();
    let full = &report["results"][0];
    assert_eq!((&report["count"], &full["name"]), (&json!(1), &json!(FULL)));
    assert_eq!(full["halves"][0]["database"]["companies"], json!(7));
    assert_eq!(full["halves"][1]["archive"]["entries"], json!(5));
    for name in [DB, STORAGE, FULL] {
        assert_eq!(file_of(&bench.sandbox, name)["test_passed"], json!(true));
    }
    let runs = bench.sandbox.json(0, ["history", "--limit", "2"]);
    assert_eq!(runs["runs"][1]["operation"], json!("sync"));
    // A split backup is joined before it is opened.
    let split = "storage_backup_20250130_030000.tar.part003.gz";
    let report = bench.test(&[split, "--json"]).code(0).json();
    assert!(report["results"][0]["archive"]["bytes"].is_u64());
    // One half that is damaged fails the whole.
    let path = bench.sandbox.remote("acme-corp").join(STORAGE);
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(b"!", 7000).unwrap();
    let report = bench.test(&["--latest", "--json"]).code(7).json();
    let full = &report["results"][0];
    assert_eq!(
        (&full["halves"][0]["success"], &full["halves"][1]["success"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(file_of(&bench.sandbox, STORAGE)["verified_at"], json!(null));
    let failed = bench.sandbox.json(0, ["history", "--failed"]);
    assert_eq!(failed["runs"][0]["code"], json!("integrity_failed"));
}

#[test]
fn a_database_that_is_what_its_sidecar_says_may_still_be_damaged() {
    let bench = Bench::new();
    let good = fs::read(bench.sandbox.file("backups/database").join(DB)).unwrap();
    let passed = bench.test_made("good.db", "database", &good);
    assert_eq!(passed["verdict"], json!("passed"), "{passed}");
    // Stored by somebody else, it is known from now on.
    assert_eq!(
        file_of(&bench.sandbox, "good.db")["test_passed"],
        json!(true)
    );

    let mut torn = good.clone();
    for page in (4096..torn.len()).step_by(4096) {
        torn[page..page + 100].fill(0xA5);
    }
    let why = bench.fails("torn.db", "database", &torn);
    assert!(why.contains("cannot be opened"), "{why}");
    let why = bench.fails("short.db", "database", &good[..good.len() / 2]);
    assert!(why.contains("cannot be opened"), "{why}");
    let why = bench.fails("none.db", "database", b"hello");
    assert!(why.contains("not a database"), "{why}");

    let path = bench.sandbox.file("pets.sqlite");
    let sql = "CREATE TABLE pets (name TEXT)";
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let why = bench.fails("pets.db", "database", &fs::read(path).unwrap());
    assert!(why.contains("not a Vertex AR database"), "{why}");
}

/// A tar with one entry of that name and a little in it.
fn tar_of(name: &str) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(5);
    header.set_mode(0o644);
    header.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&header, &b"hello"[..]).unwrap();
    builder.into_inner().unwrap()
}

fn compressed(end: &str, bytes: &[u8]) -> Vec<u8> {
    match end {
        "gz" => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "bz2" => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "xz" => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        _ => bytes.to_vec(),
    }
}

#[test]
fn an_archive_is_read_to_its_very_end() {
    let bench = Bench::new();
    let plain = tar_of("storage/one.txt");
    for end in ["tar", "tar.gz", "tar.bz2", "tar.xz"] {
        let name = format!("storage_backup_1.{end}");
        let bytes = compressed(end.trim_start_matches("tar."), &plain);
        let passed = bench.test_made(&name, "storage", &bytes);
        assert_eq!(
            passed["archive"],
            json!({"entries": 1, "files": 1, "bytes": 5}),
            "{passed}"
        );
        let cut = format!("storage_backup_2.{end}");
        bench.fails(&cut, "storage", &bytes[..bytes.len() * 2 / 3]);
    }
    let why = bench.fails("storage_backup_3.bin", "storage", b"neither");
    assert!(why.contains("not an archive"), "{why}");
}

#[test]
fn s8_an_entry_that_would_escape_fails_and_writes_nothing() {
    let bench = Bench::new();
    for name in [
        "../escaped",
        "/tmp/vertex-backup-escaped",
        "a/../../escaped",
    ] {
        let why = bench.fails("storage_backup_1.tar", "storage", &tar_of(name));
        assert!(why.contains("not safe to unpack"), "{why}");
    }
    assert!(!Path::new("/tmp/vertex-backup-escaped").exists());
    let left = Sandbox::files_below(bench.sandbox.path());
    assert!(!left.iter().any(|name| name.ends_with("escaped")));
}

#[test]
fn l25_without_room_nothing_is_said_of_the_backup() {
    let bench = Bench::stored();
    let words = ["restore-test", "acme-corp", DB, "--json", "--scratch"];
    let call = bench
        .sandbox
        .command(words.iter().map(Path::new).chain([bench.scratch.as_path()]));
    let error = call.limited("-f 100").run().code(12).json();
    let result = &error["results"][0];
    assert_eq!(result["code"], json!("local_io"));
    assert_eq!(result["needed"], json!(294_912));
    assert!(result["free"].is_u64());
    assert!(result["hint"].as_str().unwrap().contains("--scratch"));
    assert_eq!(fs::read_dir(&bench.scratch).unwrap().count(), 0);
    let file = file_of(&bench.sandbox, DB);
    assert_eq!(
        (&file["tested_at"], file["verified_at"].is_string()),
        (&json!(null), true)
    );
    // A scratch folder that is not there is told before anything is begun.
    bench
        .sandbox
        .run(["restore-test", "acme-corp", "--scratch", "/nonexistent"])
        .code(12)
        .stderr_has("--scratch DIR");
}

/// Starts a test of something large, and waits until it is in the middle.
fn caught(bench: &Bench) -> (std::process::Child, Pid) {
    let left = Sandbox::files_below(&bench.scratch);
    let words = ["restore-test", "acme-corp", "large.tar"];
    let call = bench.sandbox.command(words);
    let child = call.env("VERTEX_BACKUP_SCRATCH", &bench.scratch).spawn();
    until("a partial file", || {
        let files = Sandbox::files_below(&bench.scratch);
        let mut new = files.iter().filter(|name| !left.contains(name));
        new.any(|name| name.ends_with(".partial"))
    });
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    (child, pid)
}

#[test]
fn the_scratch_folder_goes_also_when_the_test_is_stopped() {
    let bench = Bench::new();
    large(&bench.sandbox);
    bench
        .sandbox
        .run(["sync", "acme-corp", "large.tar"])
        .code(0);
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let (child, pid) = caught(&bench);
        kill_process(pid, signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("are kept"), "{stderr}");
        assert_eq!(fs::read_dir(&bench.scratch).unwrap().count(), 0);
        let runs = bench.sandbox.json(0, ["history", "--limit", "1"]);
        let run = &runs["runs"][0];
        assert_eq!(
            (&run["operation"], &run["verdict"]),
            (&json!("restore-test"), &json!("interrupted"))
        );
    }
}

#[test]
fn x36_what_a_killed_test_left_goes_with_the_next_and_a_live_one_stays() {
    let bench = Bench::stored();
    large(&bench.sandbox);
    bench
        .sandbox
        .run(["sync", "acme-corp", "large.tar"])
        .code(0);
    let (mut killed, _) = caught(&bench);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(fs::read_dir(&bench.scratch).unwrap().count(), 1);
    let (mut live, pid) = caught(&bench);
    kill_process(pid, Signal::STOP).unwrap();
    let folders = || fs::read_dir(&bench.scratch).unwrap().count();
    assert_eq!(folders(), 1);
    // Another company's test meanwhile; the same company's is kept out.
    let words = ["restore-test", "acme-corp", DB];
    let scratch = &bench.scratch;
    let again = bench
        .sandbox
        .command(words)
        .env("VERTEX_BACKUP_SCRATCH", scratch);
    again.run().code(8);
    assert_eq!(folders(), 1);
    kill_process(pid, Signal::CONT).unwrap();
    // Nothing but zeros is an archive that holds nothing.
    live.wait().unwrap();
    assert_eq!(folders(), 0);
}

#[test]
fn all_companies_are_tested_and_one_does_not_stop_the_others() {
    let bench = Bench::stored();
    let sandbox = &bench.sandbox;
    sandbox
        .run(["config", "set", "globex", "--provider", "local", "-q"])
        .code(0);
    // A company without a backup has nothing that could be restored.
    let report = sandbox.json(3, ["restore-test", "--all"]);
    let last = &report["results"][2];
    assert_eq!(
        (&last["company_id"], &last["code"]),
        (&json!("globex"), &json!("remote_file_not_found"))
    );
    let db = format!("backups/database/{DB}");
    sandbox.run(["sync", "globex", &db, "-q"]).code(0);
    let report = sandbox.json(0, ["restore-test", "--all", "--type", "database"]);
    assert_eq!(
        (&report["count"], &report["succeeded"]),
        (&json!(2), &json!(2))
    );
    let quiet = sandbox.run(["restore-test", "--all", "-q"]).code(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    sandbox
        .run(["restore-test", "acme-corp", "nothing.db"])
        .code(4);
    sandbox.run(["restore-test", "--all", DB]).code(2);
}
