//! The promises of a backup tool, each with what would break it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use vertex_backup::failure::{Code, Failure};
use vertex_backup::installation::{Installation, Remote};
use vertex_backup::local_set::LocalSet;
use vertex_backup::lock::Lock;
use vertex_backup::name::FileName;
use vertex_backup::progress::{Progress, Silent, Task};
use vertex_backup::provider::error::Result as Answer;
use vertex_backup::provider::{Content, Look, Object, Provider, Session};
use vertex_backup::report::SyncReport;
use vertex_backup::settings::{Flags, Settings, Surroundings};
use vertex_backup::state::State;
use vertex_backup::sync::{Sync, SyncOptions};

use crate::support::forward::forward;
use crate::support::{DB, DB_SHA256, STORAGE, Sandbox, signal};

/// The library at work on a sandbox, for what cannot be timed from outside.
pub struct Desk {
    pub installation: Installation,
    pub remote: Remote,
    pub state: State,
    pub lock: Lock,
}

impl Desk {
    pub fn new(sandbox: &Sandbox) -> Self {
        let flags = Flags {
            db: Some(sandbox.db()),
            ..Flags::default()
        };
        let world = Surroundings {
            variable: &|_| None,
            config_dir: None,
            data_dir: Some(sandbox.path().join("home/.local/share")),
        };
        let installation = Installation::new(Settings::resolve(flags, &world).unwrap());
        let company = installation.companies().find("acme-corp").unwrap();
        let registry = installation.providers().unwrap().registry;
        let state = installation.state().unwrap();
        let remote = installation
            .remote(&registry, &company, Some(&state))
            .unwrap();
        let lock = installation.lock_company(&company, "test").unwrap();
        Desk {
            installation,
            remote,
            state,
            lock,
        }
    }

    pub fn sync(&mut self, path: &Path, progress: &dyn Progress) -> anyhow::Result<SyncReport> {
        let options = SyncOptions::default();
        let sync = Sync {
            installation: &self.installation,
            remote: &self.remote,
            lock: &self.lock,
            options,
            progress,
        };
        sync.set(&mut self.state, &LocalSet::find(path))
    }
}

pub fn code_of(result: anyhow::Result<SyncReport>) -> Code {
    Failure::of(&result.unwrap_err()).unwrap().code()
}

/// Does something once, in the middle of reading the source.
struct Meanwhile<F: Fn()>(F, std::sync::atomic::AtomicBool);

impl<F: Fn() + std::marker::Sync> Progress for Meanwhile<F> {
    fn task(&self, _: &str, _: u64) -> Box<dyn Task + '_> {
        Box::new(Watch(self))
    }

    fn note(&self, _: &str) {}
}

struct Watch<'a, F: Fn()>(&'a Meanwhile<F>);

impl<F: Fn()> Task for Watch<'_, F> {
    fn advance(&self, _: u64) {
        if !self.0.1.swap(true, std::sync::atomic::Ordering::Relaxed) {
            (self.0.0)();
        }
    }

    fn phase(&self, _: &str) {}

    fn waiting(&self, _: &str) {}
}

fn meanwhile<F: Fn()>(act: F) -> Meanwhile<F> {
    Meanwhile(act, false.into())
}

/// A provider whose storage damages what it is given, before it is looked at.
struct Damaging(Box<dyn Provider>, PathBuf);

impl Provider for Damaging {
    forward!(0: kind capabilities check claim quota stat list_page read begin inspect publish settle discard delete);

    fn send(&self, session: &Session, body: &mut dyn Content, task: &dyn Task) -> Answer<()> {
        self.0.send(session, body, task)?;
        let file = fs::OpenOptions::new()
            .write(true)
            .open(self.1.join(&session.handle))
            .unwrap();
        file.write_all_at(b"X", 100).unwrap();
        Ok(())
    }
}

#[test]
fn p15_a_copy_that_differs_is_never_published() {
    let sandbox = Sandbox::assigned();
    let source = sandbox.write("one.tar", vec![0; 5000]);
    let remote = sandbox.remote("acme-corp");
    fs::create_dir_all(&remote).unwrap();
    fs::write(remote.join("one.tar"), "the old one").unwrap();
    let mut desk = Desk::new(&sandbox);
    let inner = desk.remote.provider;
    desk.remote.provider = Box::new(Damaging(inner, remote.clone()));
    assert_eq!(code_of(desk.sync(&source, &Silent)), Code::IntegrityFailed);
    assert_eq!(fs::read(remote.join("one.tar")).unwrap(), b"the old one");
    assert_eq!(Sandbox::files_below(&remote), ["one.tar"]);
    drop(desk);
    let runs = sandbox.json(0, ["history", "--failed"]);
    assert_eq!(runs["runs"][0]["code"], json!("integrity_failed"));
}

type Change = fn(&Path);

/// A provider that has just received all of a source when something happens to it.
struct AfterTheLast(Box<dyn Provider>, PathBuf, Change);

impl Provider for AfterTheLast {
    forward!(0: kind capabilities check claim quota stat list_page read begin inspect publish settle discard delete);

    fn send(&self, session: &Session, body: &mut dyn Content, task: &dyn Task) -> Answer<()> {
        self.0.send(session, body, task)?;
        (self.2)(&self.1);
        Ok(())
    }
}

#[test]
fn l27_a_source_that_changes_is_no_backup() {
    let grow = |path: &Path| {
        fs::OpenOptions::new()
            .append(true)
            .open(path)
            .unwrap()
            .write_all(b"more")
            .unwrap();
    };
    let shrink = |path: &Path| {
        fs::OpenOptions::new()
            .write(true)
            .open(path)
            .unwrap()
            .set_len(2_000_000)
            .unwrap();
    };
    let empty = |path: &Path| {
        fs::OpenOptions::new()
            .write(true)
            .open(path)
            .unwrap()
            .set_len(0)
            .unwrap();
    };
    let rewrite = |path: &Path| {
        // In place, with size and mtime as they were: only the ctime tells.
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        file.write_all_at(b"Y", 10).unwrap();
        file.set_modified(modified).unwrap();
    };
    let replace = |path: &Path| {
        fs::write(path.with_extension("new"), vec![1; 3_000_000]).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    };
    let touch = |path: &Path| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_modified(std::time::SystemTime::now()).unwrap();
    };
    let changes: [(&str, Change); 6] = [
        ("grow", grow),
        ("shrink", shrink),
        ("empty", empty),
        ("rewrite", rewrite),
        ("replace", replace),
        ("touch", touch),
    ];
    for (what, change) in changes {
        let sandbox = Sandbox::assigned();
        let source = sandbox.write("one.tar", vec![0; 3_000_000]);
        let mut desk = Desk::new(&sandbox);
        let result = desk.sync(&source, &meanwhile(|| change(&source)));
        assert_eq!(code_of(result), Code::SourceChanged, "{what}");
        assert!(Sandbox::files_below(&sandbox.root()).is_empty(), "{what}");
        drop(desk);
        // And after the last byte of it has arrived.
        fs::write(&source, vec![0; 3_000_000]).unwrap();
        let mut desk = Desk::new(&sandbox);
        let (inner, path) = (desk.remote.provider, source.clone());
        desk.remote.provider = Box::new(AfterTheLast(inner, path, change));
        let result = desk.sync(&source, &Silent);
        assert_eq!(code_of(result), Code::SourceChanged, "{what} in the end");
        assert!(Sandbox::files_below(&sandbox.root()).is_empty(), "{what}");
    }
}

#[test]
fn l28_a_source_that_vanishes_while_it_is_read_is_not_there() {
    for at_the_end in [false, true] {
        let sandbox = Sandbox::assigned();
        let source = sandbox.write("one.tar", vec![0; 3_000_000]);
        let remove = |path: &Path| fs::remove_file(path).unwrap();
        let mut desk = Desk::new(&sandbox);
        let result = if at_the_end {
            let (inner, path) = (desk.remote.provider, source.clone());
            desk.remote.provider = Box::new(AfterTheLast(inner, path, remove));
            desk.sync(&source, &Silent)
        } else {
            desk.sync(&source, &meanwhile(|| remove(&source)))
        };
        assert_eq!(code_of(result), Code::BackupFileNotFound, "{at_the_end}");
        assert!(Sandbox::files_below(&sandbox.root()).is_empty());
    }
}

#[test]
fn a_sidecar_that_disagrees_stops_the_backup() {
    let sandbox = Sandbox::assigned();
    let path = sandbox.file("backups/database").join(DB);
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(b"!", 5000).unwrap();
    let error = sandbox.json(7, ["sync", "acme-corp", path.to_str().unwrap()]);
    assert_eq!(
        (&error["status"], &error["code"]),
        (&json!(500), &json!("integrity_failed"))
    );
    assert_eq!(error["expected"], json!(DB_SHA256));
    assert!(error["found"].is_string());
    file.set_len(1000).unwrap();
    let error = sandbox.json(7, ["sync", "acme-corp", path.to_str().unwrap()]);
    assert!(
        error["detail"].as_str().unwrap().contains("1000 bytes"),
        "{error}"
    );
    assert!(Sandbox::files_below(&sandbox.root()).is_empty());
}

#[test]
fn a_sidecar_counts_for_the_file_it_names() {
    let sandbox = Sandbox::assigned();
    // `x.tar` beside `x.db` would have the same sidecar by its name.
    let other = DB.replace(".db", ".tar");
    let other = sandbox.write(&format!("backups/database/{other}"), "not the database");
    let report = sandbox.json(0, ["sync", "acme-corp", other.to_str().unwrap()]);
    assert_eq!(report["sidecar"], json!(null));
    let sidecar = format!("backups/database/{}", DB.replace(".db", ".json"));
    let report = sandbox.json(0, ["sync", "acme-corp", &sidecar]);
    // On the remote, too: the other file is brought and deleted without it.
    let name = other.file_name().unwrap().to_str().unwrap();
    let brought = sandbox.json(0, ["download", "acme-corp", name, "-o", "../"]);
    assert_eq!(
        (&brought["sidecar"], &brought["compared_with"]),
        (&json!(null), &json!(["record", "disk"]))
    );
    sandbox.run(["delete", "acme-corp", name, "-y"]).code(0);
    assert_eq!(
        Sandbox::files_below(&sandbox.remote("acme-corp")),
        [DB, DB.replace(".db", ".json").as_str()]
    );
    assert_eq!(
        report["remote_path"],
        json!(format!("/vertex-ar/acme-corp/backups/{DB}"))
    );
}

#[test]
fn a_damaged_remote_copy_is_never_brought_back() {
    let sandbox = Sandbox::assigned();
    sandbox
        .run(["sync", "acme-corp", &format!("backups/database/{DB}")])
        .code(0);
    let stored = sandbox.remote("acme-corp").join(DB);
    fs::OpenOptions::new()
        .write(true)
        .open(&stored)
        .unwrap()
        .write_all_at(b"!", 7000)
        .unwrap();
    let error = sandbox.json(7, ["download", "acme-corp", DB, "-o", "back.db"]);
    assert_eq!(
        (&error["code"], &error["expected"]),
        (&json!("integrity_failed"), &json!(DB_SHA256))
    );
    assert!(!sandbox.file("back.db").exists());
    assert!(!sandbox.file(".back.db.partial").exists());
    // Written to stdout, the bytes are gone before they are known; the code still tells.
    sandbox
        .run(["download", "acme-corp", DB, "-o", "-"])
        .code(7);
    // The next sync sees that the remote is not what was stored, and mends it.
    sandbox
        .run(["sync", "acme-corp", &format!("backups/database/{DB}")])
        .code(0);
    sandbox
        .run(["download", "acme-corp", DB, "-o", "back.db"])
        .code(0);
}

#[test]
fn what_comes_back_is_what_was_sent() {
    let sandbox = Sandbox::assigned();
    let report = sandbox.json(
        0,
        ["sync", "acme-corp", &format!("backups/storage/{STORAGE}")],
    );
    assert_eq!(
        report["sidecar"],
        json!("/vertex-ar/acme-corp/backups/storage_backup_20250131_040000.tar.json")
    );
    let original = fs::read(sandbox.file("backups/storage").join(STORAGE)).unwrap();
    let sidecar =
        fs::read(sandbox.file("backups/storage/storage_backup_20250131_040000.tar.json")).unwrap();
    fs::remove_dir_all(sandbox.file("backups")).unwrap();
    fs::create_dir(sandbox.file("backups")).unwrap();
    let report = sandbox.json(0, ["download", "acme-corp", "--latest"]);
    assert_eq!(
        report["compared_with"],
        json!(["sidecar", "record", "disk"])
    );
    assert_eq!(
        report["local_path"],
        json!("./backups/storage/storage_backup_20250131_040000.tar.gz")
    );
    assert_eq!(
        fs::read(sandbox.file("backups/storage").join(STORAGE)).unwrap(),
        original
    );
    // The sidecar says where the file is now; what the remote has of it is kept beside it.
    let read = |name: &str| fs::read(sandbox.file("backups/storage").join(name)).unwrap();
    assert_eq!(
        read(".storage_backup_20250131_040000.tar.json.orig"),
        sidecar
    );
    let mut told: Value =
        serde_json::from_slice(&read("storage_backup_20250131_040000.tar.json")).unwrap();
    let place = fs::canonicalize(sandbox.file("backups/storage"))
        .unwrap()
        .join(STORAGE);
    assert_eq!(told["backup_path"], json!(place));
    let mut sidecar: Value = serde_json::from_slice(&sidecar).unwrap();
    for sidecar in [&mut told, &mut sidecar] {
        sidecar.as_object_mut().unwrap().remove("backup_path");
    }
    assert_eq!(told, sidecar);
    // Asked for again, it is there.
    assert_eq!(
        sandbox.json(0, ["download", "acme-corp", STORAGE])["skipped"],
        json!(true)
    );
}

#[test]
fn bytes_to_stdout_are_the_bytes() {
    let sandbox = Sandbox::assigned();
    sandbox
        .run(["sync", "acme-corp", &format!("backups/storage/{STORAGE}")])
        .code(0);
    let mut call = sandbox.command(["download", "acme-corp", STORAGE, "-o", "-", "-q"]);
    let output = call.command.output().unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
    assert_eq!(
        output.stdout,
        fs::read(sandbox.file("backups/storage").join(STORAGE)).unwrap()
    );
}

#[test]
fn nothing_is_sent_twice() {
    let sandbox = Sandbox::assigned();
    let path = format!("backups/database/{DB}");
    assert_eq!(
        sandbox.json(0, ["sync", "acme-corp", &path])["skipped"],
        json!(false)
    );
    let report = sandbox.json(0, ["sync", "acme-corp", &path]);
    assert_eq!(
        (&report["skipped"], &report["message"]),
        (&json!(true), &json!("Backup is already on local"))
    );
    // Touched, it is compared and found the same.
    let file = fs::OpenOptions::new()
        .append(true)
        .open(sandbox.file(&path))
        .unwrap();
    file.set_modified(std::time::SystemTime::now()).unwrap();
    assert_eq!(
        sandbox.json(0, ["sync", "acme-corp", &path])["skipped"],
        json!(true)
    );
    // Without any record, too.
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", sandbox.state().display()));
    }
    assert_eq!(
        sandbox.json(0, ["sync", "acme-corp", &path])["skipped"],
        json!(true)
    );
}

#[test]
fn same_name_other_content_is_replaced_unless_told_not_to() {
    let sandbox = Sandbox::assigned();
    sandbox.write("one.db", "old content");
    sandbox.run(["sync", "acme-corp", "one.db"]).code(0);
    sandbox.write("one.db", "new content");
    let plan = sandbox.json(0, ["sync", "acme-corp", "one.db", "--dry-run"]);
    assert_eq!(
        (&plan["dry_run"], &plan["replaced"]),
        (&json!(true), &json!(true))
    );
    let error = sandbox.json(11, ["sync", "acme-corp", "one.db", "--no-clobber"]);
    assert_eq!(error["code"], json!("already_exists"));
    let stored = sandbox.remote("acme-corp").join("one.db");
    assert_eq!(fs::read(&stored).unwrap(), b"old content");
    assert_eq!(
        sandbox.json(0, ["sync", "acme-corp", "one.db"])["replaced"],
        json!(true)
    );
    assert_eq!(fs::read(&stored).unwrap(), b"new content");
}

#[test]
fn s8_links_in_the_remote_directory_lead_nowhere() {
    let sandbox = Sandbox::assigned();
    let secret = sandbox.write("secret.db", "of somebody else");
    let remote = sandbox.remote("acme-corp");
    fs::create_dir_all(&remote).unwrap();
    symlink(&secret, remote.join("link.db")).unwrap();
    fs::create_dir(remote.join("folder.db")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, remote.join("pipe.db"), 0o600.into()).unwrap();
    for name in ["link.db", "folder.db", "pipe.db"] {
        sandbox
            .run(["download", "acme-corp", name, "-o", "out.db"])
            .code(4);
        sandbox.run(["delete", "acme-corp", name, "-y"]).code(11);
        sandbox.write(name, "mine");
        assert_eq!(
            sandbox.json(11, ["sync", "acme-corp", name])["code"],
            json!("already_exists"),
            "{name}"
        );
    }
    assert_eq!(fs::read(&secret).unwrap(), b"of somebody else");
    assert!(!sandbox.file("out.db").exists());
    assert_eq!(sandbox.json(0, ["files", "acme-corp"])["count"], json!(0));
    let all = sandbox.json(0, ["files", "acme-corp", "--all"]);
    assert_eq!(all["count"], json!(3));
    assert!(
        all["files"]
            .as_array()
            .unwrap()
            .iter()
            .all(|file| file["kind"] == json!("foreign"))
    );
}

#[test]
fn x48_a_link_on_the_way_to_the_remote_directory_is_refused() {
    let sandbox = Sandbox::assigned();
    sandbox.write("one.db", "x");
    fs::create_dir_all(sandbox.root().join("vertex-ar")).unwrap();
    fs::create_dir(sandbox.file("elsewhere")).unwrap();
    symlink(
        sandbox.file("elsewhere"),
        sandbox.root().join("vertex-ar/acme-corp"),
    )
    .unwrap();
    assert_eq!(
        sandbox.json(5, ["sync", "acme-corp", "one.db"])["code"],
        json!("remote_path_conflict")
    );
    assert_eq!(
        sandbox.json(5, ["files", "acme-corp"])["code"],
        json!("remote_path_conflict")
    );
    assert!(Sandbox::files_below(&sandbox.file("elsewhere")).is_empty());
}

#[test]
fn the_exit_code_and_the_json_tell_of_each_file() {
    let sandbox = Sandbox::assigned();
    sandbox.write("one.db", "1");
    sandbox.write("two.db", "2");
    let result = sandbox.json(3, ["sync", "acme-corp", "one.db", "none.db", "two.db"]);
    let counts =
        ["success", "count", "succeeded", "failed", "skipped"].map(|key| result[key].clone());
    assert_eq!(
        counts,
        [json!(false), json!(3), json!(2), json!(1), json!(0)]
    );
    assert_eq!(result["results"][1]["code"], json!("backup_file_not_found"));
    assert_eq!(result["results"][1]["local_path"], json!("none.db"));
    // All for one reason: its code. And those that are there count as skipped.
    sandbox
        .run(["sync", "acme-corp", "none.db", "nor.db"])
        .code(4);
    let result = sandbox.json(0, ["sync", "acme-corp", "one.db", "two.db"]);
    assert_eq!(
        (&result["success"], &result["skipped"]),
        (&json!(true), &json!(2))
    );
    let result = sandbox.json(4, ["sync", "acme-corp", "none.db", "one.db", "--fail-fast"]);
    assert_eq!(result["count"], json!(1));
}

#[test]
fn l33_a_configured_root_that_is_not_mounted_is_not_connected() {
    let sandbox = Sandbox::new();
    let nas = sandbox.path().join("nas");
    fs::create_dir(&nas).unwrap();
    sandbox
        .run(["providers", "set", "local", "--root", nas.to_str().unwrap()])
        .code(0);
    sandbox
        .run(["config", "set", "acme-corp", "--provider", "local"])
        .code(0);
    sandbox.write("one.db", "x");
    sandbox.run(["sync", "acme-corp", "one.db"]).code(0);
    assert_eq!(
        Sandbox::files_below(&nas),
        [".vertex-backup-root", "vertex-ar/acme-corp/backups/one.db"]
    );
    // Unmounted: the mount point is there, and empty.
    fs::rename(&nas, sandbox.path().join("nas-unplugged")).unwrap();
    for there in [true, false] {
        if there {
            fs::create_dir(&nas).unwrap();
        } else {
            fs::remove_dir(&nas).unwrap();
        }
        sandbox.write("two.db", "x");
        for command in [
            vec!["sync", "acme-corp", "two.db"],
            vec!["files", "acme-corp"],
            vec!["download", "acme-corp", "one.db", "-o", "out.db"],
            vec!["providers", "test", "local"],
            vec!["config", "set", "globex", "--provider", "local"],
        ] {
            let error = sandbox.json(6, &command);
            assert_eq!(
                error["code"],
                json!("provider_connection_failed"),
                "{command:?}"
            );
            assert_eq!(error["reason"], json!("not_mounted"), "{command:?}");
        }
        assert_eq!(
            sandbox.json(0, ["providers"])["providers"][0]["connected"],
            json!(false)
        );
        assert!(Sandbox::files_below(&nas).is_empty());
    }
    // Neither another spelling nor naming it again makes it be there.
    fs::create_dir(&nas).unwrap();
    let spelled = format!("{}//", nas.display());
    sandbox
        .run(["providers", "set", "local", "--root", &spelled])
        .code(0);
    sandbox.run(["sync", "acme-corp", "two.db"]).code(6);
    fs::remove_dir(&nas).unwrap();
    // Another disk in its place is not it either.
    fs::create_dir(&nas).unwrap();
    fs::write(nas.join(".vertex-backup-root"), r#"{"id":"another"}"#).unwrap();
    sandbox.run(["sync", "acme-corp", "two.db"]).code(6);
    // Unless it is meant to be.
    sandbox
        .run(["providers", "set", "local", "--accept"])
        .code(0);
    sandbox.run(["sync", "acme-corp", "two.db"]).code(0);
    fs::remove_dir_all(&nas).unwrap();
    fs::rename(sandbox.path().join("nas-unplugged"), &nas).unwrap();
    sandbox.run(["sync", "acme-corp", "two.db"]).code(6);
    sandbox
        .run(["providers", "set", "local", "--accept"])
        .code(0);
    sandbox.run(["sync", "acme-corp", "two.db"]).code(0);
}

/// Waits until something is so; a hang fails by the harness's own patience.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{what} never happened"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A file large enough to be caught in the middle.
pub fn large(sandbox: &Sandbox) -> PathBuf {
    let path = sandbox.write("large.tar", "");
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(400 << 20)
        .unwrap();
    path
}

fn has_unfinished(folder: &Path) -> bool {
    Sandbox::files_below(folder)
        .iter()
        .any(|name| name.starts_with("vertex-backup-partial-"))
}

#[test]
fn x35_a_killed_sync_leaves_the_old_file_and_the_next_run_finishes() {
    let sandbox = Sandbox::assigned();
    let remote = sandbox.remote("acme-corp");
    sandbox.write("large.tar", "old");
    sandbox.run(["sync", "acme-corp", "large.tar"]).code(0);
    large(&sandbox);
    let mut child = sandbox.command(["sync", "acme-corp", "large.tar"]).spawn();
    until("an unfinished upload", || has_unfinished(&remote));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(fs::read(remote.join("large.tar")).unwrap(), b"old");
    assert_eq!(sandbox.json(0, ["files", "acme-corp"])["count"], json!(1));
    assert_eq!(
        sandbox.json(0, ["history", "--limit", "1"])["runs"][0]["verdict"],
        json!("interrupted")
    );
    assert_eq!(sandbox.json(0, ["history", "--failed"])["count"], json!(1));
    // Another, smaller file first: the leftover goes all the same.
    sandbox.write("small.tar", "s");
    sandbox.run(["sync", "acme-corp", "small.tar"]).code(0);
    assert_eq!(Sandbox::files_below(&remote), ["large.tar", "small.tar"]);
    sandbox.run(["sync", "acme-corp", "large.tar"]).code(0);
    assert_eq!(
        fs::metadata(remote.join("large.tar")).unwrap().len(),
        400 << 20
    );
    sandbox.run(["history", "--check"]).code(0);
    let runs = sandbox.json(0, ["history", "--failed"]);
    assert_eq!(runs["runs"][0]["verdict"], json!("interrupted"));
}

#[test]
fn x37_a_signal_ends_a_sync_cleanly() {
    for (order, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let sandbox = Sandbox::assigned();
        let remote = sandbox.remote("acme-corp");
        large(&sandbox);
        let child = sandbox
            .command(["sync", "acme-corp", "large.tar", "--json"])
            .spawn();
        until("an unfinished upload", || has_unfinished(&remote));
        signal(&child, order);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        let error: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&error["code"], &error["retryable"]),
            (&json!("interrupted"), &json!(true))
        );
        assert!(Sandbox::files_below(&remote).is_empty());
        let run = &sandbox.json(0, ["history", "--limit", "1"])["runs"][0];
        assert_eq!(
            (&run["operation"], &run["verdict"]),
            (&json!("sync"), &json!("interrupted"))
        );
    }
}

#[test]
fn x37_an_interrupted_download_goes_on_where_it_stopped() {
    let sandbox = Sandbox::assigned();
    large(&sandbox);
    sandbox.run(["sync", "acme-corp", "large.tar"]).code(0);
    let partial = sandbox.file(".out.tar.partial");
    let child = sandbox
        .command(["download", "acme-corp", "large.tar", "-o", "out.tar"])
        .spawn();
    until("a partial file", || {
        fs::metadata(&partial).is_ok_and(|meta| meta.len() > 0)
    });
    signal(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("are kept in '.out.tar.partial'; the same command goes on from there"),
        "{stderr}"
    );
    assert!(!sandbox.file("out.tar").exists());
    let kept = fs::metadata(&partial).unwrap().len();
    assert!(kept > 0 && kept <= 400 << 20, "{kept}");
    // A byte that only the first run wrote is still checked by the second, which begins anew.
    fs::OpenOptions::new()
        .write(true)
        .open(&partial)
        .unwrap()
        .write_all_at(b"!", 5)
        .unwrap();
    sandbox
        .run(["download", "acme-corp", "large.tar", "-o", "out.tar"])
        .code(0)
        .stderr_has("note: what an earlier run left in '.out.tar.partial' does not fit; it is fetched anew\n");
    assert_eq!(
        fs::metadata(sandbox.file("out.tar")).unwrap().len(),
        400 << 20
    );
    assert!(!partial.exists());
    // The fault was here: the remote copy counts as verified still.
    sandbox
        .run(["status", "acme-corp", "--max-age", "1h"])
        .code(0);
}

#[test]
fn two_downloads_to_one_file_exclude_each_other() {
    let sandbox = Sandbox::assigned();
    large(&sandbox);
    sandbox.run(["sync", "acme-corp", "large.tar"]).code(0);
    fs::create_dir(sandbox.file("out")).unwrap();
    symlink("out", sandbox.file("alias")).unwrap();
    let partial = sandbox.file("out/.large.tar.partial");
    let mut first = sandbox
        .command(["download", "acme-corp", "large.tar", "-o", "out/"])
        .spawn();
    until("a partial file", || {
        fs::metadata(&partial).is_ok_and(|meta| meta.len() > 0)
    });
    signal(&first, Signal::STOP);
    // By another spelling of the folder, and even by another state, which means other locks.
    let other_state = sandbox.path().join("other.db");
    for state in [sandbox.state(), other_state] {
        let call = sandbox.command([
            "download",
            "acme-corp",
            "large.tar",
            "-o",
            "alias/",
            "--json",
        ]);
        let error = call.env("VERTEX_BACKUP_STATE", state).run().code(8).json();
        assert_eq!(error["code"], json!("locked"));
    }
    signal(&first, Signal::CONT);
    assert!(first.wait().unwrap().success());
    assert_eq!(
        fs::metadata(sandbox.file("out/large.tar")).unwrap().len(),
        400 << 20
    );
    assert_eq!(Sandbox::files_below(&sandbox.file("out")), ["large.tar"]);
}

#[test]
fn x35_what_a_killed_sync_left_in_a_former_directory_goes_with_the_next() {
    let sandbox = Sandbox::assigned();
    large(&sandbox);
    let remote = sandbox.remote("acme-corp");
    let mut child = sandbox.command(["sync", "acme-corp", "large.tar"]).spawn();
    until("an unfinished upload", || has_unfinished(&remote));
    child.kill().unwrap();
    child.wait().unwrap();
    sandbox
        .run([
            "config",
            "set",
            "acme-corp",
            "--provider",
            "local",
            "--remote-path",
            "/moved",
        ])
        .code(0);
    sandbox.write("one.db", "x");
    sandbox.run(["sync", "acme-corp", "one.db"]).code(0);
    assert_eq!(Sandbox::files_below(&sandbox.root()), ["moved/one.db"]);
}

#[test]
fn x36_a_killed_download_is_continued_or_begun_anew() {
    let sandbox = Sandbox::assigned();
    large(&sandbox);
    sandbox.run(["sync", "acme-corp", "large.tar"]).code(0);
    let partial = sandbox.file(".out.tar.partial");
    let mut child = sandbox
        .command(["download", "acme-corp", "large.tar", "-o", "out.tar"])
        .spawn();
    until("a partial file", || {
        fs::metadata(&partial).is_ok_and(|meta| meta.len() > 0)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!sandbox.file("out.tar").exists());
    // Meanwhile the remote got another file of that name: nothing is mixed.
    sandbox.write("large.tar", "quite another one");
    sandbox.run(["sync", "acme-corp", "large.tar"]).code(0);
    sandbox
        .run(["download", "acme-corp", "large.tar", "-o", "out.tar"])
        .code(0);
    assert_eq!(
        fs::read(sandbox.file("out.tar")).unwrap(),
        b"quite another one"
    );
    assert!(!partial.exists());
}

#[test]
fn two_runs_on_one_company_exclude_each_other() {
    let sandbox = Sandbox::assigned();
    sandbox
        .run(["config", "set", "globex", "--provider", "local"])
        .code(0);
    large(&sandbox);
    sandbox.write("one.db", "x");
    let remote = sandbox.remote("acme-corp");
    let mut first = sandbox.command(["sync", "acme-corp", "large.tar"]).spawn();
    until("an unfinished upload", || has_unfinished(&remote));
    // Stopped, it holds the lock for as long as the test needs.
    signal(&first, Signal::STOP);
    let error = sandbox.json(8, ["sync", "acme-corp", "one.db"]);
    assert_eq!(
        (&error["status"], &error["code"]),
        (&json!(409), &json!("locked"))
    );
    assert_eq!(
        (&error["pid"], &error["command"]),
        (&json!(first.id()), &json!("sync"))
    );
    assert!(error["age_seconds"].is_u64());
    sandbox.run(["config", "unset", "acme-corp"]).code(8);
    // Another company is not concerned.
    sandbox.run(["sync", "globex", "one.db"]).code(0);
    signal(&first, Signal::CONT);
    sandbox
        .run(["sync", "acme-corp", "one.db", "--lock-wait", "60s"])
        .code(0);
    assert!(first.wait().unwrap().success());
    assert_eq!(Sandbox::files_below(&remote), ["large.tar", "one.db"]);
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let sandbox = Sandbox::assigned();
    large(&sandbox);
    // Far less address space than the file has bytes.
    let call = sandbox
        .command(["sync", "acme-corp", "large.tar"])
        .limited("-v 150000");
    call.run().code(0);
    let call = sandbox
        .command(["download", "acme-corp", "large.tar", "-o", "out.tar"])
        .limited("-v 150000");
    call.run().code(0);
}

/// A provider whose directory is swapped for something else right after one of its steps.
pub struct Swapping {
    pub inner: Box<dyn Provider>,
    pub instant: &'static str,
    pub swap: Box<dyn Fn() + Send + std::marker::Sync>,
}

impl Swapping {
    fn after(&self, step: &str) {
        if step == self.instant {
            (self.swap)();
        }
    }
}

impl Provider for Swapping {
    forward!(inner: kind capabilities check claim quota stat list_page read publish settle discard delete);

    fn begin(&self, name: &FileName, size: u64) -> Answer<Session> {
        let session = self.inner.begin(name, size);
        self.after("begin");
        session
    }

    fn send(&self, session: &Session, body: &mut dyn Content, task: &dyn Task) -> Answer<()> {
        let sent = self.inner.send(session, body, task);
        self.after("send");
        sent
    }

    fn inspect(&self, session: &Session, look: Look, task: &dyn Task) -> Answer<Object> {
        let found = self.inner.inspect(session, look, task);
        self.after("inspect");
        found
    }
}
