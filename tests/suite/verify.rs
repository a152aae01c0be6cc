//! `verify`: remotes compared with what should be on them.

use std::fs;
use std::io::Read;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::Signal;
use serde_json::{Value, json};
use vertex_backup::hash::Sha256;
use vertex_backup::name::FileName;
use vertex_backup::progress::Silent;
use vertex_backup::provider::error::Result as Answer;
use vertex_backup::provider::{Capabilities, Object, Provider};
use vertex_backup::report::{Finding, VerifyReport};
use vertex_backup::verify::{Verified, Verify, VerifyOptions};

use crate::promises::{Desk, large, until};
use crate::support::forward::forward;
use crate::support::{DB, DB_SHA256, STORAGE, Sandbox, keys, signal};

const SPLIT: &str = "storage_backup_20250130_030000.tar.gz";
const PART2: &str = "storage_backup_20250130_030000.tar.part002.gz";
const FULL: &str = "full_backup_20250131_040000.json";

/// An installation all of whose backups are on the remote of `acme-corp`.
fn stored() -> Sandbox {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    sandbox
}

/// Changes a byte in place; size and time stay.
fn damage(path: &Path) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.write_all_at(b"!", 7000).unwrap();
    file.set_modified(modified).unwrap();
}

/// The result about a backup.
#[track_caller]
fn about<'v>(report: &'v Value, name: &str) -> &'v Value {
    let results = report["results"].as_array().unwrap();
    let mut found = results.iter().filter(|result| result["name"] == name);
    let one = found.next();
    assert!(found.next().is_none(), "{name} comes twice: {report}");
    one.unwrap_or_else(|| panic!("{name} is not in {report}"))
}

fn verified_at(sandbox: &Sandbox, name: &str) -> Value {
    let files = sandbox.json(0, ["files", "acme-corp"]);
    let files = files["files"].as_array().unwrap();
    let file = files.iter().find(|file| file["name"] == name).unwrap();
    file["verified_at"].clone()
}

#[test]
fn whole_backups_are_ok_and_dated_anew() {
    let sandbox = stored();
    let before = verified_at(&sandbox, DB);
    let report = sandbox.json(0, ["verify", "acme-corp"]);
    assert_eq!(
        keys(&report),
        [
            "success",
            "message",
            "results",
            "count",
            "succeeded",
            "failed",
            "skipped",
            "summary"
        ]
    );
    assert_eq!(report["summary"]["ok"], report["count"]);
    let db = about(&report, DB);
    assert_eq!(db["compared_with"], json!(["sidecar", "record"]));
    assert_eq!(db["bytes_read"], db["size"]);
    let full = about(&report, FULL);
    assert_eq!(full["compared_with"], json!(["manifest"]));
    // Each half was read once, though it was asked for twice.
    let asked = sandbox.json(0, ["verify", "acme-corp", FULL, DB]);
    assert_eq!(asked["count"], json!(3));
    assert!(verified_at(&sandbox, DB).as_str() > before.as_str());
    let runs = sandbox.json(0, ["history", "acme-corp", "--limit", "1"]);
    assert_eq!(
        (&runs["runs"][0]["operation"], &runs["runs"][0]["verdict"]),
        (&json!("verify"), &json!("ok"))
    );
}

#[test]
fn a_changed_byte_is_found_and_the_backup_trusted_no_more() {
    for name in [DB, PART2] {
        let sandbox = stored();
        damage(&sandbox.remote("acme-corp").join(name));
        let report = sandbox.json(7, ["verify", "acme-corp"]);
        let set = if name == PART2 { SPLIT } else { DB };
        let bad = about(&report, set);
        assert_eq!(
            (&bad["result"], &bad["success"]),
            (&json!("differs"), &json!(false))
        );
        let difference = &bad["differences"];
        assert!(
            difference
                .as_array()
                .unwrap()
                .iter()
                .any(|one| one["file"] == name && one["with"] == "record"),
            "{difference}"
        );
        if name == DB {
            assert_eq!(difference[0]["expected"], json!(DB_SHA256));
            assert_eq!(about(&report, FULL)["result"], json!("differs"));
        }
        // The others were looked at all the same.
        assert_eq!(about(&report, STORAGE)["result"], json!("ok"));
        assert_eq!(verified_at(&sandbox, set), json!(null));
        let runs = sandbox.json(0, ["history", "--failed"]);
        let run = &runs["runs"][0];
        assert_eq!(run["code"], json!("integrity_failed"));
        assert!(run["detail"].as_str().unwrap().contains(set), "{run}");
        // It stays so, until the next sync mends it.
        sandbox.run(["verify", "acme-corp", set]).code(7);
        sandbox.run(["sync", "acme-corp", "-q"]).code(0);
        sandbox.run(["verify", "acme-corp"]).code(0);
    }
}

#[test]
fn a_damaged_backup_no_longer_counts_for_status() {
    let sandbox = Sandbox::assigned();
    sandbox
        .run(["sync", "acme-corp", &format!("backups/database/{DB}")])
        .code(0);
    let fresh = ["status", "acme-corp", "--max-age", "1h", "--no-check"];
    sandbox.run(fresh).code(0);
    damage(&sandbox.remote("acme-corp").join(DB));
    let outcome = sandbox.run(["verify", "acme-corp", "-q"]).code(7);
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.contains(DB_SHA256), "{}", outcome.stderr);
    sandbox.run(fresh).code(9);
}

#[test]
fn what_is_gone_is_missing_or_incomplete() {
    let sandbox = stored();
    let remote = sandbox.remote("acme-corp");
    let remove = |name: &str| fs::remove_file(remote.join(name)).unwrap();
    remove(PART2);
    // A sidecar that was stored belongs to the backup.
    remove("db_backup_20250129_020000.json");
    remove(DB);
    remove(&DB.replace(".db", ".json"));
    let report = sandbox.json(7, ["verify", "acme-corp"]);
    let results = [
        (SPLIT, "incomplete", "part002 missing"),
        (
            "db_backup_20250129_020000.db",
            "incomplete",
            "db_backup_20250129_020000.json missing",
        ),
        (DB, "missing", "it is not there any more"),
        (FULL, "incomplete", DB),
    ];
    for (name, result, problem) in results {
        let found = about(&report, name);
        assert_eq!(found["result"], json!(result), "{found}");
        let said = found["problems"][0].as_str().unwrap();
        assert!(said.contains(problem), "{said}");
    }
    let summary = &report["summary"];
    assert_eq!(
        (&summary["missing"], &summary["incomplete"]),
        (&json!(1), &json!(3))
    );
    // By its name it is missing, too, and one that never was is not found.
    sandbox.run(["verify", "acme-corp", DB]).code(7);
    sandbox.run(["verify", "acme-corp", "nothing.db"]).code(4);
    // What somebody removed on purpose is forgotten by deleting it.
    sandbox.run(["delete", "acme-corp", DB, "-y"]).code(0);
    sandbox.run(["delete", "acme-corp", DB, "-y"]).code(4);
    sandbox.run(["verify", "acme-corp", DB]).code(4);
}

#[test]
fn a_wrong_sidecar_is_found() {
    let sandbox = stored();
    let path = sandbox.remote("acme-corp").join(DB.replace(".db", ".json"));
    let right = fs::read_to_string(&path).unwrap();
    let other = DB_SHA256.replace('a', "b");
    fs::write(&path, right.replace(DB_SHA256, &other)).unwrap();
    let report = sandbox.json(7, ["verify", "acme-corp", DB]);
    let found = about(&report, DB);
    let with: Vec<&Value> = found["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| &difference["with"])
        .collect();
    assert_eq!(with, ["record", "sidecar"], "{found}");
    // Another size needs no reading to be found, nor does what is no sidecar any more.
    for (text, problem) in [
        (right.replace("294912", "294913"), "size differs"),
        ("{".to_owned(), "is not the sidecar that was stored"),
    ] {
        fs::write(&path, text).unwrap();
        let report = sandbox.json(7, ["verify", "acme-corp", DB]);
        let found = about(&report, DB);
        assert_eq!(
            (&found["result"], &found["bytes_read"]),
            (&json!("differs"), &json!(0))
        );
        assert!(found["problems"][0].as_str().unwrap().contains(problem));
    }
    // Written anew with the same content, it is as good as before.
    fs::write(&path, right).unwrap();
    sandbox.run(["verify", "acme-corp"]).code(0);
}

#[test]
fn without_a_state_the_sidecars_speak_and_others_are_left_alone() {
    let sandbox = stored();
    let remote = sandbox.remote("acme-corp");
    fs::write(remote.join("notes.txt"), "mine").unwrap();
    fs::write(remote.join("alone.db"), "whose?").unwrap();
    fs::remove_file(sandbox.state()).unwrap();
    for end in ["db-wal", "db-shm"] {
        let _ = fs::remove_file(sandbox.state().with_extension(end));
    }
    assert_eq!(verified_at(&sandbox, DB), json!(null));
    let report = sandbox.json(0, ["verify", "acme-corp"]);
    assert_eq!(about(&report, DB)["compared_with"], json!(["sidecar"]));
    let alone = about(&report, "alone.db");
    assert_eq!(alone["result"], json!("unproven"));
    assert_eq!(report["skipped"], json!(1));
    assert!(!report.to_string().contains("notes.txt"));
    // What was proven is known again.
    assert!(verified_at(&sandbox, DB).is_string());
    assert_eq!(verified_at(&sandbox, "alone.db"), json!(null));
    sandbox
        .run(["status", "acme-corp", "--max-age", "10000d", "--no-check"])
        .code(0);
}

#[test]
fn samples_cover_everything_in_turn() {
    let sandbox = stored();
    let mut read = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let report = sandbox.json(0, ["verify", "acme-corp", "--sample", "20%"]);
        let results = report["results"].as_array().unwrap();
        let now: Vec<&Value> = results
            .iter()
            .filter(|result| result["bytes_read"] != 0)
            .collect();
        assert_eq!(now.len(), 1, "{report}");
        read.insert(now[0]["name"].as_str().unwrap().to_owned());
    }
    assert_eq!(read.len(), 5, "{read:?}");
    // What changed is read, whosever turn it is.
    for name in [DB, STORAGE, PART2] {
        damage(&sandbox.remote("acme-corp").join(name));
    }
    let report = sandbox.json(7, ["verify", "acme-corp", "--sample", "1%"]);
    assert_eq!(report["summary"]["differs"], json!(4), "{report}");
    for wrong in ["0%", "101%", "x", ""] {
        sandbox
            .run(["verify", "acme-corp", "--sample", wrong])
            .code(2);
    }
}

#[test]
fn all_companies_are_verified_and_one_does_not_stop_the_others() {
    let sandbox = stored();
    sandbox
        .run(["config", "set", "globex", "--provider", "local", "-q"])
        .code(0);
    let db = format!("backups/database/{DB}");
    sandbox.run(["sync", "globex", &db, "-q"]).code(0);
    let report = sandbox.json(0, ["verify", "--all", "--type", "database"]);
    assert_eq!(report["count"], json!(3));
    damage(&sandbox.remote("acme-corp").join(DB));
    let report = sandbox.json(3, ["verify", "--all"]);
    assert_eq!(report["summary"]["differs"], json!(2));
    let globex = report["results"].as_array().unwrap();
    let globex = globex
        .iter()
        .filter(|result| result["company_id"] == "globex");
    assert!(globex.clone().count() == 1 && globex.clone().all(|one| one["result"] == "ok"));
    damage(&sandbox.remote("globex").join(DB));
    sandbox.run(["verify", "--all"]).code(7);
    // A storage that is gone fails both, for one reason.
    fs::create_dir(sandbox.path().join("nas")).unwrap();
    let nas = sandbox.path().join("nas");
    let set = ["providers", "set", "local", "--root"];
    let words = set.iter().map(Path::new).chain([nas.as_path()]);
    sandbox.run(words).code(0);
    sandbox.run(["sync", "--all", "-q"]).code(0);
    fs::rename(&nas, sandbox.path().join("elsewhere")).unwrap();
    let report = sandbox.json(6, ["verify", "--all"]);
    assert_eq!(report["failed"], json!(2));
    for (result, id) in report["results"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["acme-corp", "globex"])
    {
        assert_eq!(
            (&result["company_id"], &result["code"]),
            (&json!(id), &json!("provider_connection_failed"))
        );
    }
    let runs = sandbox.json(0, ["history", "--failed", "--limit", "2"]);
    assert_eq!(runs["runs"][1]["operation"], json!("verify"));
    sandbox.run(["verify", "--all", "acme-corp"]).code(2);
    let none = sandbox.json(0, ["verify", "--all", "--provider", "yandex_disk"]);
    assert_eq!(none["count"], json!(0));
    sandbox.run(["verify"]).code(2);
}

#[test]
fn a_table_says_what_is_wrong() {
    let sandbox = stored();
    fs::remove_file(sandbox.remote("acme-corp").join(PART2)).unwrap();
    let outcome = sandbox.run(["verify", "acme-corp", SPLIT]).code(7);
    assert_eq!(
        outcome.stdout,
        "NAME                                   TYPE        SIZE  RESULT      COMPARED WITH / PROBLEM\n\
         storage_backup_20250130_030000.tar.gz  storage  1.5 MiB  incomplete  part002 missing\n\n\
         1 backup: 1 incomplete\n"
    );
    assert_eq!(
        outcome.stderr,
        "error: acme-corp: The backup 'storage_backup_20250130_030000.tar.gz' on local is incomplete\n\
         caused by: part002 missing\n\
         hint: sync it again where it still exists whole, and choose another for a restore: vertex-backup files acme-corp\n"
    );
}

#[test]
fn an_interrupted_verification_says_so_and_frees_the_company() {
    let sandbox = Sandbox::assigned();
    large(&sandbox);
    sandbox
        .run(["sync", "acme-corp", "large.tar", "-q"])
        .code(0);
    let before = verified_at(&sandbox, "large.tar");
    let child = sandbox.command(["verify", "acme-corp"]).spawn();
    let state = rusqlite::Connection::open(sandbox.state()).unwrap();
    let running = "SELECT count(*) FROM running";
    until("a running verification", || {
        state
            .query_row(running, [], |row| row.get::<_, i64>(0))
            .unwrap()
            > 0
    });
    signal(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    let runs = sandbox.json(0, ["history", "--limit", "1"]);
    assert_eq!(runs["runs"][0]["verdict"], json!("interrupted"));
    // What was not compared to its end proves nothing, and takes nothing back.
    assert_eq!(verified_at(&sandbox, "large.tar"), before);
    sandbox.run(["verify", "acme-corp"]).code(0);
}

/// A provider that computes hashes of its own, and counts what is read from it.
struct Hashing {
    inner: Box<dyn Provider>,
    folder: PathBuf,
    read: Arc<AtomicU64>,
}

impl Hashing {
    fn hashed(&self, mut object: Object) -> Object {
        let bytes = fs::read(self.folder.join(&object.name));
        object.sha256 = bytes.ok().map(|bytes| Sha256::of(&bytes));
        object
    }
}

impl Provider for Hashing {
    forward!(inner: kind check claim quota begin send inspect publish settle discard delete);

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            server_hash: true,
            ..self.inner.capabilities()
        }
    }

    fn stat(&self, name: &FileName) -> Answer<Option<Object>> {
        let found = self.inner.stat(name)?;
        Ok(found.map(|object| self.hashed(object)))
    }

    fn list_page(
        &self,
        page: Option<&str>,
        visit: &mut dyn FnMut(Object) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<String>> {
        self.inner
            .list_page(page, &mut |object| visit(self.hashed(object)))
    }

    fn read(&self, object: &Object, offset: u64) -> Answer<Box<dyn Read>> {
        self.read.fetch_add(object.size, Ordering::Relaxed);
        self.inner.read(object, offset)
    }
}

/// Verifies `acme-corp` as if its provider had hashes; each verdict, and the bytes that were read.
fn with_hashes(sandbox: &Sandbox, options: VerifyOptions) -> (Vec<VerifyReport>, u64) {
    let mut desk = Desk::new(sandbox);
    let read = Arc::new(AtomicU64::new(0));
    desk.remote.provider = Box::new(Hashing {
        inner: desk.remote.provider,
        folder: sandbox.remote("acme-corp"),
        read: Arc::clone(&read),
    });
    let verify = Verify {
        remote: &desk.remote,
        lock: &desk.lock,
        options,
        progress: &Silent,
    };
    let mut reports = Vec::new();
    let tell = &mut |verified: Verified| match verified {
        Verified::Compared(report) => reports.push(*report),
        Verified::Failed { error, .. } => panic!("{error}"),
    };
    verify.run(&mut desk.state, tell).unwrap();
    (reports, read.load(Ordering::Relaxed))
}

#[test]
fn a_providers_own_hashes_spare_the_reading() {
    let sandbox = stored();
    let before = verified_at(&sandbox, SPLIT);
    let (reports, read) = with_hashes(&sandbox, VerifyOptions::default());
    assert!(reports.iter().all(|report| report.result == Finding::Ok));
    assert_eq!(read, 0);
    let about = |name: &str| reports.iter().find(|report| report.name == name).unwrap();
    assert_eq!(about(DB).compared_with, ["sidecar", "record", "provider"]);
    assert_eq!(about(SPLIT).compared_with, ["record", "provider"]);
    assert!(verified_at(&sandbox, SPLIT).as_str() > before.as_str());

    // Damage that the provider knows of is found without reading.
    damage(&sandbox.remote("acme-corp").join(PART2));
    let (reports, read) = with_hashes(&sandbox, VerifyOptions::default());
    let bad: Vec<&str> = reports
        .iter()
        .filter(|report| report.result == Finding::Differs)
        .map(|report| report.differences[0].file.as_str())
        .collect();
    assert_eq!((bad, read), (vec![PART2], 0));

    // Asked to, it reads everything all the same, and a share of it.
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    let download = VerifyOptions {
        download: true,
        ..VerifyOptions::default()
    };
    let (reports, read) = with_hashes(&sandbox, download);
    assert_eq!(
        reports
            .iter()
            .find(|report| report.name == SPLIT)
            .unwrap()
            .compared_with,
        ["sidecar", "record", "provider"]
    );
    let held: u64 = reports.iter().map(|report| report.bytes_read).sum();
    assert!(held > 3_000_000 && read > held, "{held} {read}");
    let sample = VerifyOptions {
        sample: Some(1),
        ..VerifyOptions::default()
    };
    let (reports, _) = with_hashes(&sandbox, sample);
    let read = reports.iter().filter(|report| report.bytes_read > 0);
    assert_eq!(read.count(), 1);
}

#[test]
fn without_a_record_hashes_prove_what_a_sidecar_speaks_of() {
    let sandbox = stored();
    fs::remove_file(sandbox.state()).unwrap();
    for end in ["db-wal", "db-shm"] {
        let _ = fs::remove_file(sandbox.state().with_extension(end));
    }
    let (reports, _) = with_hashes(&sandbox, VerifyOptions::default());
    let result = |name: &str| {
        let report = reports.iter().find(|report| report.name == name).unwrap();
        (report.result, report.compared_with.clone())
    };
    assert_eq!(result(DB), (Finding::Ok, vec!["sidecar", "provider"]));
    // What the parts should be nobody says, and what they join to only reading tells.
    assert_eq!(result(SPLIT), (Finding::Unproven, vec![]));
}
