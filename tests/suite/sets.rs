//! Whole backup sets: parts, sidecar and manifest go, come and vanish together.

use std::fs;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};
use vertex_backup::failure::Code;
use vertex_backup::hash::Sha256;
use vertex_backup::progress::{Progress, Task};

use crate::promises::{Desk, code_of, until};
use crate::support::backups::{noise, sidecar};
use crate::support::{DB, STORAGE, Sandbox, give_to_nobody, signal};

/// The split backup of the fixtures, and what belongs to it.
const SPLIT: &str = "storage_backup_20250130_030000.tar.gz";
const PARTS: [&str; 3] = [
    "storage_backup_20250130_030000.tar.part001.gz",
    "storage_backup_20250130_030000.tar.part002.gz",
    "storage_backup_20250130_030000.tar.part003.gz",
];
const SIDECAR: &str = "storage_backup_20250130_030000.tar.part001.json";
const FULL: &str = "full_backup_20250131_040000.json";
const MEMBERS: [&str; 5] = [PARTS[0], PARTS[1], PARTS[2], SIDECAR, SPLIT];

/// The two halves of the full backup with their sidecars, and its manifest.
const FULL_MEMBERS: [&str; 5] = [
    DB,
    "db_backup_20250131_040000.json",
    FULL,
    STORAGE,
    "storage_backup_20250131_040000.tar.json",
];

fn storage(name: &str) -> String {
    format!("backups/storage/{name}")
}

/// The split backup as the remote has it when it is whole.
fn all_of_it() -> Vec<&'static str> {
    vec![PARTS[0], SIDECAR, PARTS[1], PARTS[2]]
}

fn remote_names(sandbox: &Sandbox) -> Vec<String> {
    Sandbox::names_in(&sandbox.remote("acme-corp"))
}

/// Changes one byte and nothing else.
fn damage(path: &Path) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    let mut byte = [0];
    fs::File::open(path)
        .unwrap()
        .read_exact_at(&mut byte, 100)
        .unwrap();
    file.write_all_at(&[byte[0] ^ 1], 100).unwrap();
}

/// The bytes of the fixture's split backup, joined.
fn joined() -> Vec<u8> {
    let folder = crate::support::fixtures().join("vertex-ar/backups/storage");
    let parts = PARTS.map(|part| fs::read(folder.join(part)).unwrap());
    parts.concat()
}

/// An installation whose split backup lies on the remote, and here no more.
fn only_remote() -> Sandbox {
    let sandbox = Sandbox::assigned();
    sandbox
        .run(["sync", "acme-corp", &storage(PARTS[0]), "-q"])
        .code(0);
    sandbox.without_backups();
    sandbox
}

fn about(listed: &Value, name: &str) -> Value {
    let files = listed["files"].as_array().unwrap();
    let file = files.iter().find(|file| file["name"] == json!(name));
    file.unwrap_or_else(|| panic!("{name} is not in {listed}"))
        .clone()
}

#[test]
fn every_member_leads_to_the_whole_set() {
    for member in MEMBERS {
        let sandbox = Sandbox::assigned();
        let report = sandbox.json(0, ["sync", "acme-corp", &storage(member)]);
        assert_eq!(
            report["remote_path"],
            json!(format!("/vertex-ar/acme-corp/backups/{SPLIT}")),
            "{member}"
        );
        let parts = report["parts"].as_array().unwrap();
        let names: Vec<&Value> = parts.iter().map(|part| &part["name"]).collect();
        assert_eq!(names, PARTS, "{member}");
        assert_eq!(report["size"], json!(2_672_381));
        assert_eq!(report["size_mb"], json!(2.55));
        assert_eq!(
            report["sha256"],
            json!("ee671116b78502e15e308ce35099c14e6eb817cae4185742afef4dd3484e1c74")
        );
        assert_eq!(remote_names(&sandbox), all_of_it(), "{member}");
    }
}

#[test]
fn a_manifest_leads_to_both_halves_wherever_they_lie() {
    let in_place = Sandbox::assigned();
    let moved = Sandbox::assigned();
    for folder in ["database", "storage", "full"] {
        for name in Sandbox::names_in(&moved.file(&format!("backups/{folder}"))) {
            let bytes = fs::read(moved.file(&format!("backups/{folder}/{name}"))).unwrap();
            moved.write(&format!("moved/{name}"), bytes);
        }
    }
    fs::remove_dir_all(moved.file("backups")).unwrap();
    for (sandbox, folder) in [(&in_place, "backups/full"), (&moved, "moved")] {
        let manifest = format!("{folder}/{FULL}");
        let report = sandbox.json(0, ["sync", "acme-corp", &manifest]);
        assert_eq!(report["backup_type"], json!("full"));
        assert_eq!(
            report["halves"][0]["remote_path"],
            json!(format!("/vertex-ar/acme-corp/backups/{DB}"))
        );
        assert_eq!(report["halves"][1]["backup_type"], json!("storage"));
        assert_eq!(report["size"], json!(294_912 + 120_934));
        assert_eq!(remote_names(sandbox), FULL_MEMBERS);
        let again = sandbox.json(0, ["sync", "acme-corp", &manifest]);
        assert_eq!(again["skipped"], json!(true));
    }
}

#[test]
fn the_sidecar_goes_last() {
    let sandbox = Sandbox::assigned();
    // What stands in the way of each file shows what was sent before it.
    for (obstacle, before) in [(PARTS[1], &PARTS[..1]), (SIDECAR, &PARTS[..])] {
        let in_the_way = sandbox.remote("acme-corp").join(obstacle);
        fs::create_dir_all(&in_the_way).unwrap();
        sandbox.run(["sync", "acme-corp", &storage(SPLIT)]).code(11);
        fs::remove_dir(&in_the_way).unwrap();
        assert_eq!(remote_names(&sandbox), before);
        let listed = sandbox.json(0, ["files", "acme-corp"]);
        let file = about(&listed, SPLIT);
        assert_eq!(file["complete"], json!(false));
        assert_eq!(file["problems"], json!(["sidecar missing"]));
        sandbox
            .run(["download", "acme-corp", SPLIT, "-o", "out.tar.gz"])
            .code(7)
            .stderr_has("sidecar missing");
    }
    // A manifest after its halves.
    let in_the_way = sandbox.remote("acme-corp").join(FULL);
    fs::create_dir(&in_the_way).unwrap();
    sandbox
        .run(["sync", "acme-corp", &format!("backups/full/{FULL}")])
        .code(11);
    fs::remove_dir(&in_the_way).unwrap();
    for member in FULL_MEMBERS.iter().filter(|member| **member != FULL) {
        assert!(
            sandbox.remote("acme-corp").join(member).is_file(),
            "{member}"
        );
    }
}

#[test]
fn nothing_of_a_damaged_set_appears() {
    let sandbox = Sandbox::assigned();
    let part = sandbox.file(&storage(PARTS[2]));
    damage(&part);
    for member in MEMBERS {
        let error = sandbox.json(7, ["sync", "acme-corp", &storage(member)]);
        assert_eq!(error["code"], json!("integrity_failed"));
        assert!(
            error["detail"]
                .as_str()
                .unwrap()
                .contains("checksum differs"),
            "{error}"
        );
        sandbox.json(7, ["sync", "acme-corp", &storage(member), "--dry-run"]);
    }
    assert!(remote_names(&sandbox).is_empty());
    // Nor of a full backup, of which one half is right.
    damage(&sandbox.file(&storage(STORAGE)));
    let manifest = format!("backups/full/{FULL}");
    sandbox.json(7, ["sync", "acme-corp", &manifest]);
    assert!(remote_names(&sandbox).is_empty());
    // By size it shows before anything is read.
    fs::OpenOptions::new()
        .append(true)
        .open(&part)
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"!"))
        .unwrap();
    sandbox
        .run(["sync", "acme-corp", &storage(SPLIT)])
        .code(7)
        .stderr_has("size differs: 2672382 bytes, the sidecar says 2672381");
    assert!(remote_names(&sandbox).is_empty());
}

#[test]
fn a_damaged_set_is_sent_by_force_and_never_called_good() {
    let sandbox = Sandbox::assigned();
    damage(&sandbox.file(&storage(PARTS[1])));
    let report = sandbox
        .run(["sync", "acme-corp", &storage(SPLIT), "--force", "--json"])
        .code(0)
        .stderr_has("it is sent as it is")
        .json();
    assert_eq!(
        (&report["damaged"], &report["sha256"]),
        (&json!(true), &json!(null))
    );
    assert_eq!(remote_names(&sandbox), all_of_it());
    let listed = sandbox.json(0, ["files", "acme-corp"]);
    assert_eq!(about(&listed, SPLIT)["verified_at"], json!(null));
    // It comes back only as what it is: bytes, and a code that says they are wrong.
    fs::remove_dir_all(sandbox.file("backups")).unwrap();
    for force in [&["--force"][..], &[]] {
        let mut words = vec!["download", "acme-corp", SPLIT, "-o", "out.tar.gz"];
        words.extend(force);
        sandbox.run(words).code(7).stderr_has("-o -");
        assert!(!sandbox.file("out.tar.gz").exists());
    }
    let output = sandbox
        .command(["download", "acme-corp", SPLIT, "-o", "-"])
        .command
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(7), 2_672_381)
    );
}

#[test]
fn nothing_of_an_incomplete_set_is_sent() {
    for (gone, words) in [
        (storage(PARTS[0]), "part001 missing"),
        (storage(PARTS[1]), "part002 missing"),
        (storage(PARTS[2]), "part003 missing"),
    ] {
        let sandbox = Sandbox::assigned();
        fs::remove_file(sandbox.file(&gone)).unwrap();
        for force in [&["--force"][..], &[]] {
            let mut command = vec!["sync", "acme-corp", "backups/storage/", "--json"];
            let member = storage(SIDECAR);
            command[2] = &member;
            command.extend(force);
            let error = sandbox.run(command).code(7).json();
            assert_eq!(error["problems"], json!(words));
            assert!(error["detail"].as_str().unwrap().contains(words), "{error}");
        }
        assert!(remote_names(&sandbox).is_empty());
    }
    for gone in [format!("backups/database/{DB}"), storage(STORAGE)] {
        let sandbox = Sandbox::assigned();
        fs::remove_file(sandbox.file(&gone)).unwrap();
        let manifest = format!("backups/full/{FULL}");
        sandbox
            .run(["sync", "acme-corp", &manifest, "--force"])
            .code(7)
            .stderr_has("missing");
        assert!(remote_names(&sandbox).is_empty());
    }
    // Without a sidecar nobody knows how many parts there were.
    let sandbox = Sandbox::assigned();
    fs::remove_file(sandbox.file(&storage(SIDECAR))).unwrap();
    sandbox
        .run(["sync", "acme-corp", &storage(PARTS[0])])
        .code(7)
        .stderr_has("sidecar missing");
    assert!(remote_names(&sandbox).is_empty());
}

#[test]
fn a_manifest_whose_half_failed_is_no_backup() {
    let sandbox = Sandbox::assigned();
    let path = sandbox.file(&format!("backups/full/{FULL}"));
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest["storage"] = json!(null);
    fs::write(&path, manifest.to_string()).unwrap();
    for force in [&["--force"][..], &[]] {
        let mut words = vec!["sync", "acme-corp", path.to_str().unwrap()];
        words.extend(force);
        sandbox
            .run(words)
            .code(7)
            .stderr_has("the manifest has no storage backup");
    }
    assert!(remote_names(&sandbox).is_empty());
}

#[test]
fn a_set_that_arrived_in_part_is_gone_on_with() {
    for state_is_lost in [false, true] {
        let sandbox = Sandbox::assigned();
        let in_the_way = sandbox.remote("acme-corp").join(PARTS[2]);
        fs::create_dir_all(&in_the_way).unwrap();
        sandbox.run(["sync", "acme-corp", &storage(SPLIT)]).code(11);
        fs::remove_dir(&in_the_way).unwrap();
        let look = |part: &str| {
            let meta = fs::metadata(sandbox.remote("acme-corp").join(part)).unwrap();
            (meta.ino(), meta.mtime_nsec(), meta.ctime_nsec())
        };
        let before = PARTS[..2].iter().map(|part| look(part)).collect::<Vec<_>>();
        if state_is_lost {
            for suffix in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(sandbox.file(&format!("app_data.backup-state.db{suffix}")));
            }
        }
        let report = sandbox.json(0, ["sync", "acme-corp", &storage(SPLIT)]);
        let skipped: Vec<&Value> = (0..3).map(|at| &report["parts"][at]["skipped"]).collect();
        assert_eq!(skipped, [&json!(true), &json!(true), &json!(false)]);
        assert_eq!(report["skipped"], json!(false));
        let after = PARTS[..2].iter().map(|part| look(part)).collect::<Vec<_>>();
        assert_eq!(before, after);
        assert_eq!(remote_names(&sandbox), all_of_it());
    }
}

/// Does something when a file begins to be sent.
struct When<F: Fn()>(&'static str, F);

impl<F: Fn() + Sync> Progress for When<F> {
    fn task(&self, name: &str, _: u64) -> Box<dyn Task + '_> {
        if name == self.0 {
            (self.1)();
        }
        Box::new(Nothing)
    }

    fn note(&self, _: &str) {}
}

struct Nothing;

impl Task for Nothing {
    fn advance(&self, _: u64) {}

    fn phase(&self, _: &str) {}

    fn waiting(&self, _: &str) {}
}

#[test]
fn l27_a_part_that_changes_after_it_was_compared_is_no_backup() {
    let sandbox = Sandbox::assigned();
    let second = sandbox.file(&storage(PARTS[1]));
    let mut desk = Desk::new(&sandbox);
    let path = sandbox.file(&storage(SPLIT));
    let result = desk.sync(&path, &When(PARTS[0], || damage(&second)));
    assert_eq!(code_of(result), Code::SourceChanged);
    assert_eq!(remote_names(&sandbox), &PARTS[..1]);
}

#[test]
fn l28_a_part_that_vanishes_on_the_way_leaves_no_sidecar() {
    let sandbox = Sandbox::assigned();
    let second = sandbox.file(&storage(PARTS[1]));
    let mut desk = Desk::new(&sandbox);
    let path = sandbox.file(&storage(SPLIT));
    let result = desk.sync(&path, &When(PARTS[0], || fs::remove_file(&second).unwrap()));
    assert_eq!(code_of(result), Code::BackupFileNotFound);
    assert_eq!(remote_names(&sandbox), &PARTS[..1]);
}

#[test]
fn a_sidecar_never_stands_beside_other_data() {
    let stem = "storage_backup_20250301_010000";
    let sandbox = Sandbox::assigned();
    let parts = |seed| [noise(seed, 5000), noise(seed + 1, 5000)];
    sandbox.split("backups/storage", stem, &parts(1));
    let path = sandbox.file(&storage("storage_backup_20250301_010000.tar.part001.gz"));
    let path_text = path.to_str().unwrap();
    sandbox.run(["sync", "acme-corp", path_text, "-q"]).code(0);
    let sidecar = format!("{stem}.tar.part001.json");
    let there = sandbox.remote("acme-corp").join(&sidecar);
    assert!(there.exists());
    // The same names, other content: while the second part goes, the first is new already.
    sandbox.split("backups/storage", stem, &parts(5));
    let mut desk = Desk::new(&sandbox);
    let look = When("storage_backup_20250301_010000.tar.part002.gz", || {
        assert!(!there.exists(), "the old sidecar stands beside new data");
    });
    let report = desk.sync(&path, &look).unwrap();
    assert!(report.replaced && there.exists());
    drop(desk);
    // Also where the data is gone, and only the old sidecar is left of it.
    for part in ["part001", "part002"] {
        fs::remove_file(
            sandbox
                .remote("acme-corp")
                .join(format!("{stem}.tar.{part}.gz")),
        )
        .unwrap();
    }
    sandbox.split("backups/storage", stem, &parts(9));
    let mut desk = Desk::new(&sandbox);
    desk.sync(&path, &look).unwrap();
    drop(desk);
    sandbox.without_backups();
    let name = format!("{stem}.tar.gz");
    sandbox
        .run(["download", "acme-corp", &name, "-o", "out"])
        .code(0);
    assert_eq!(fs::read(sandbox.file("out")).unwrap(), parts(9).concat());
}

#[test]
fn no_clobber_leaves_a_set_as_it_was() {
    let sandbox = Sandbox::assigned();
    let remote = sandbox.remote("acme-corp");
    fs::create_dir_all(&remote).unwrap();
    // Another second part, another sidecar: neither is noticed only after the first part was sent.
    for (name, bytes) in [(PARTS[1], "other"), (SIDECAR, r#"{"file_size": 5}"#)] {
        fs::write(remote.join(name), bytes).unwrap();
        let error = sandbox.json(11, ["sync", "acme-corp", &storage(SPLIT), "--no-clobber"]);
        assert_eq!(error["code"], json!("already_exists"));
        assert_eq!(remote_names(&sandbox), [name]);
        fs::remove_file(remote.join(name)).unwrap();
    }
    // Nor one half of a full backup, when the other is taken.
    fs::write(remote.join(STORAGE), "other").unwrap();
    let manifest = format!("backups/full/{FULL}");
    sandbox.json(11, ["sync", "acme-corp", &manifest, "--no-clobber"]);
    assert_eq!(remote_names(&sandbox), [STORAGE]);
    // What is there already is no obstacle.
    fs::remove_file(remote.join(STORAGE)).unwrap();
    sandbox.run(["sync", "acme-corp", &storage(SPLIT)]).code(0);
    fs::remove_file(remote.join(PARTS[2])).unwrap();
    sandbox
        .run(["sync", "acme-corp", &storage(SPLIT), "--no-clobber"])
        .code(0);
    assert_eq!(remote_names(&sandbox), all_of_it());
}

#[test]
fn a_broken_sidecar_that_is_named_stands_for_its_backup() {
    let sandbox = Sandbox::assigned();
    let json = "backups/database/db_backup_20250131_040000.json";
    sandbox.write(json, "not json");
    let report = sandbox
        .run(["sync", "acme-corp", json, "--json"])
        .code(0)
        .stderr_has("it is no sidecar")
        .json();
    assert_eq!(
        (&report["remote_path"], &report["sidecar"]),
        (
            &json!(format!("/vertex-ar/acme-corp/backups/{DB}")),
            &json!(null)
        )
    );
    assert_eq!(remote_names(&sandbox), [DB]);
    sandbox.write(&storage(SIDECAR), "{}");
    sandbox
        .run(["sync", "acme-corp", &storage(SIDECAR)])
        .code(7)
        .stderr_has("sidecar missing");
    assert_eq!(remote_names(&sandbox), [DB]);
}

#[test]
fn a_sidecar_that_names_files_elsewhere_sends_none_of_them() {
    let sandbox = Sandbox::assigned();
    let secret = sandbox.write("secret/passwd", "root:x:0:0");
    let listed = |parts: &[&str]| {
        let mut told = sidecar("storage", "x.tar.gz", b"0123456789", &[]);
        told["split_files"] = json!(parts);
        told.to_string()
    };
    sandbox.write("odd/x.tar.part001.gz", "01234");
    sandbox.write("odd/x.tar.part002.gz", "56789");
    let (first, second) = ("x.tar.part001.gz", "x.tar.part002.gz");
    let above = "../../etc/passwd";
    let absolute = secret.to_str().unwrap();
    for (parts, words) in [
        (vec![first, above], "passwd missing"),
        (vec![first, absolute], "passwd missing"),
        (vec![first, ".."], ".. missing"),
        (vec![first, "/"], "/ missing"),
        (vec![first, second, second], "lists x.tar.part002.gz twice"),
        (vec![first], "size differs: 5 bytes, the sidecar says 10"),
        (vec![first, "x.tar.part003.gz"], "part002 missing"),
    ] {
        sandbox.write("odd/x.tar.part001.json", listed(&parts));
        sandbox
            .run(["sync", "acme-corp", "odd/x.tar.part001.gz"])
            .code(7)
            .stderr_has(words);
        assert!(
            Sandbox::files_below(&sandbox.root()).is_empty(),
            "{parts:?}"
        );
    }
    // Out of order is no harm: the numbers tell.
    sandbox.write("odd/x.tar.part001.json", listed(&[second, first]));
    sandbox
        .run(["sync", "acme-corp", "odd/x.tar.part002.gz"])
        .code(0);
    sandbox
        .run(["download", "acme-corp", "x.tar.gz", "-o", "out"])
        .code(0);
    assert_eq!(fs::read(sandbox.file("out")).unwrap(), b"0123456789");
}

#[test]
fn any_member_brings_the_joined_backup() {
    let sandbox = only_remote();
    let original = fs::read(sandbox.remote("acme-corp").join(SIDECAR)).unwrap();
    for (number, member) in MEMBERS.into_iter().enumerate() {
        let folder = format!("out{number}/");
        fs::create_dir(sandbox.file(&folder)).unwrap();
        let report = sandbox.json(0, ["download", "acme-corp", member, "-o", &folder]);
        assert_eq!(report["parts"], json!(PARTS), "{member}");
        assert_eq!(report["compared_with"], json!(["sidecar", "disk"]));
        assert_eq!(
            fs::read(sandbox.file(&folder).join(SPLIT)).unwrap(),
            joined()
        );
        let sidecar = "storage_backup_20250130_030000.tar.json";
        let kept = format!(".{sidecar}.orig");
        assert_eq!(
            Sandbox::names_in(&sandbox.file(&folder)),
            [kept.as_str(), SPLIT, sidecar]
        );
        assert_eq!(
            fs::read(sandbox.file(&folder).join(kept)).unwrap(),
            original
        );
        let told: Value =
            serde_json::from_slice(&fs::read(sandbox.file(&folder).join(sidecar)).unwrap())
                .unwrap();
        let place = fs::canonicalize(sandbox.file(&folder).join(SPLIT)).unwrap();
        assert_eq!(told["backup_path"], json!(place));
        assert_eq!(told["split_files"], json!([]));
        assert_eq!((told.get("split"), told.get("chunk_size_mb")), (None, None));
        assert_eq!(told["file_size"], json!(2_672_381));
        // What is there is not brought again.
        let again = sandbox.json(0, ["download", "acme-corp", member, "-o", &folder]);
        assert_eq!(again["skipped"], json!(true));
    }
}

#[test]
fn a_split_backup_comes_into_one_file_or_stream() {
    let sandbox = only_remote();
    sandbox
        .run(["download", "acme-corp", PARTS[1], "-o", "one.tar.gz"])
        .code(0);
    assert_eq!(fs::read(sandbox.file("one.tar.gz")).unwrap(), joined());
    let output = sandbox
        .command(["download", "acme-corp", SPLIT, "-o", "-"])
        .command
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(0), joined()));
    // By default into the application's folder.
    sandbox.run(["download", "acme-corp", "--latest"]).code(0);
    assert_eq!(fs::read(sandbox.file(&storage(SPLIT))).unwrap(), joined());
}

#[test]
fn a_full_backup_brings_the_applications_layout() {
    let sandbox = Sandbox::assigned();
    let manifest = format!("backups/full/{FULL}");
    sandbox.run(["sync", "acme-corp", &manifest, "-q"]).code(0);
    let keep = |name: &str| fs::read(sandbox.file(name)).unwrap();
    let (db, tar) = (
        keep(&format!("backups/database/{DB}")),
        keep(&storage(STORAGE)),
    );
    sandbox.without_backups();
    fs::create_dir(sandbox.file("there")).unwrap();
    for (options, folder) in [
        (vec![], "backups"),
        (vec!["-o", "there"], "there"),
        (vec!["-o", "new/folder/"], "new/folder"),
    ] {
        let mut words = vec!["download", "acme-corp", FULL];
        words.extend(options);
        let report = sandbox.json(0, words);
        assert_eq!(report["size"], json!(db.len() + tar.len()));
        assert_eq!(report["halves"].as_array().unwrap().len(), 2);
        assert_eq!(keep(&format!("{folder}/database/{DB}")), db);
        assert_eq!(keep(&format!("{folder}/storage/{STORAGE}")), tar);
        let told: Value = serde_json::from_slice(&keep(&format!("{folder}/full/{FULL}"))).unwrap();
        for (half, name) in [("database", DB), ("storage", STORAGE)] {
            let place = sandbox.file(&format!("{folder}/{half}/{name}"));
            let place = fs::canonicalize(place).unwrap();
            assert_eq!(told[half]["backup_path"], json!(place));
        }
    }
    // What came back can go again, as the backup that it is.
    let again = sandbox.json(0, ["sync", "acme-corp", &format!("there/full/{FULL}")]);
    assert_eq!(again["skipped"], json!(true));
}

#[test]
fn a_full_backup_is_no_single_file() {
    let sandbox = Sandbox::assigned();
    let manifest = format!("backups/full/{FULL}");
    sandbox.run(["sync", "acme-corp", &manifest, "-q"]).code(0);
    let before = sandbox.json(0, ["history"])["count"].as_u64().unwrap();
    sandbox
        .run(["download", "acme-corp", FULL, "-o", "one.tar.gz"])
        .code(2)
        .stderr_has("a full backup is several");
    let output = sandbox
        .command(["download", "acme-corp", FULL, "-o", "-"])
        .command
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(!sandbox.file("one.tar.gz").exists());
    // They never began, and the history says so.
    let history = sandbox.json(0, ["history"]);
    assert_eq!(history["count"], before + 2);
    for run in &history["runs"].as_array().unwrap()[..2] {
        assert_eq!(
            (&run["operation"], &run["verdict"], &run["code"]),
            (&json!("download"), &json!("refused"), &json!("usage"))
        );
    }
}

#[test]
fn a_full_backup_with_a_split_half_comes_back_where_its_parts_still_lie() {
    let sandbox = Sandbox::assigned();
    sandbox.without_backups();
    let stem = "storage_backup_20250301_010000";
    let parts = [noise(1, 4000), noise(2, 4000), noise(3, 100)];
    let names = sandbox.split("backups/storage", stem, &parts);
    let db = "db_backup_20250301_010000.db";
    sandbox.backup("backups/database", db, b"a database");
    let manifest = "full_backup_20250301_010000.json";
    let told = json!({
        "type": "full",
        "database": sidecar("database", db, b"a database", &[]),
        "storage": sidecar("storage", &format!("{stem}.tar.gz"), &parts.concat(), &names),
    });
    let path = format!("backups/full/{manifest}");
    sandbox.write(&path, told.to_string());
    sandbox.run(["sync", "acme-corp", &path]).code(0);
    assert_eq!(remote_names(&sandbox).len(), 3 + 1 + 2 + 1);
    sandbox.run(["download", "acme-corp", manifest]).code(0);
    assert_eq!(
        fs::read(sandbox.file(&storage(&format!("{stem}.tar.gz")))).unwrap(),
        parts.concat()
    );
    // The parts and what they were joined to are one backup, here and there.
    let report = sandbox.json(0, ["sync", "acme-corp", &storage(&names[1])]);
    assert_eq!(report["skipped"], json!(true), "{report}");
    let status = sandbox.json(0, ["status", "acme-corp", "--no-check"]);
    assert_eq!(status["companies"][0]["sets"], json!(3), "{status}");
    let report = sandbox.json(0, ["sync", "acme-corp"]);
    assert_eq!(
        (&report["count"], &report["results"][0]["message"]),
        (
            &json!(1),
            &json!("Nothing to do: the remote has all 3 backups")
        )
    );
}

#[test]
fn x36_a_download_of_parts_goes_on_where_it_was_interrupted() {
    let sandbox = Sandbox::assigned();
    let stem = "storage_backup_20250301_010000";
    let parts = [noise(1, 1_000_000), vec![0; 150 << 20], noise(2, 500)];
    sandbox.split("backups/storage", stem, &parts);
    let name = format!("{stem}.tar.gz");
    sandbox
        .run(["sync", "acme-corp", &storage(&name), "-q"])
        .code(0);
    sandbox.without_backups();
    let partial = sandbox.file(".out.partial");
    let words = ["download", "acme-corp", &name, "-o", "out"];
    let child = sandbox.command(words).spawn();
    until("a partial file", || {
        fs::metadata(&partial).is_ok_and(|meta| meta.len() > 2_000_000)
    });
    signal(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    assert!(!sandbox.file("out").exists());
    let kept = fs::metadata(&partial).unwrap();
    assert!(kept.len() > 2_000_000, "{}", kept.len());
    sandbox.run(words).code(0).stderr("");
    let brought = fs::metadata(sandbox.file("out")).unwrap();
    assert_eq!(brought.ino(), kept.ino(), "it was begun anew");
    assert!(fs::read(sandbox.file("out")).unwrap() == parts.concat());
    assert!(!partial.exists());
}

#[test]
fn a_remote_set_that_is_not_whole_is_not_brought() {
    let sandbox = only_remote();
    let remote = sandbox.remote("acme-corp");
    let gone = fs::read(remote.join(PARTS[1])).unwrap();
    fs::remove_file(remote.join(PARTS[1])).unwrap();
    for member in [PARTS[0], SIDECAR, SPLIT] {
        let error = sandbox.json(7, ["download", "acme-corp", member, "-o", "out"]);
        assert_eq!(error["problems"], json!("part002 missing"));
        assert!(
            error["detail"]
                .as_str()
                .unwrap()
                .contains("part002 missing")
        );
    }
    let listed = sandbox.json(0, ["files", "acme-corp"]);
    assert_eq!(
        about(&listed, SPLIT)["problems"],
        json!(["part002 missing"])
    );
    let latest = sandbox.json(4, ["download", "acme-corp", "--latest"]);
    assert_eq!(latest["code"], json!("remote_file_not_found"));
    // Altered, it is found out, and has no name here.
    let mut altered = gone.clone();
    altered[77] ^= 1;
    fs::write(remote.join(PARTS[1]), altered).unwrap();
    for options in [&["-o", "out"][..], &[]] {
        let mut words = vec!["download", "acme-corp", SPLIT];
        words.extend(options);
        let error = sandbox.json(7, words);
        assert_eq!(error["code"], json!("integrity_failed"));
    }
    assert!(!sandbox.file("out").exists());
    assert!(Sandbox::files_below(&sandbox.file("backups")).is_empty());
    let listed = sandbox.json(0, ["files", "acme-corp"]);
    assert_eq!(about(&listed, SPLIT)["verified_at"], json!(null));
    fs::write(remote.join(PARTS[1]), gone).unwrap();
    sandbox
        .run(["download", "acme-corp", SPLIT, "-o", "out"])
        .code(0);
    assert_eq!(fs::read(sandbox.file("out")).unwrap(), joined());
}

#[test]
fn s8_a_hostile_remote_sidecar_leads_nowhere() {
    let sandbox = Sandbox::assigned();
    sandbox.without_backups();
    let remote = sandbox.remote("acme-corp");
    fs::create_dir_all(&remote).unwrap();
    let bytes = noise(7, 3000);
    fs::write(remote.join("x.tar.part001.gz"), &bytes[..2000]).unwrap();
    fs::write(remote.join("x.tar.part002.gz"), &bytes[2000..]).unwrap();
    let told = |of_file: &str, parts: &[&str]| {
        let mut told = sidecar("storage", "x.tar.gz", &bytes, &[]);
        told["backup_path"] = json!(of_file);
        told["split_files"] = json!(parts);
        told
    };
    let (first, second) = ("x.tar.part001.gz", "x.tar.part002.gz");
    let mut wrong_size = told("x.tar.gz", &[first, second]);
    wrong_size["file_size"] = json!(4000);
    let mut wrong_hash = told("x.tar.gz", &[first, second]);
    wrong_hash["checksum"] = json!(Sha256::of(b"other").to_string());
    let many: Vec<String> = (1..=1000).map(|n| format!("x.tar.part{n:03}.gz")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let before = Sandbox::files_below(sandbox.path());
    for (text, words) in [
        (
            told("x.tar.gz", &["../../etc/passwd"]).to_string(),
            "sidecar missing",
        ),
        (
            told("x.tar.gz", &["/etc/passwd", second]).to_string(),
            "missing",
        ),
        (
            told("x.tar.gz", &[first, second, second]).to_string(),
            "twice",
        ),
        (told("x.tar.gz", &many).to_string(), "part003 missing"),
        (wrong_size.to_string(), "size differs"),
        (wrong_hash.to_string(), "was changed"),
        (r#"{"hello": "world"}"#.to_owned(), "sidecar missing"),
        ("no json at all".to_owned(), "sidecar missing"),
        ("[".repeat(100_000), "sidecar missing"),
    ] {
        fs::write(remote.join("x.tar.part001.json"), &text).unwrap();
        let shown: String = text.chars().take(300).collect();
        let run = sandbox.run(["download", "acme-corp", first]).code(7);
        assert!(run.stderr.contains(words), "{shown}: {}", run.stderr);
        sandbox.run(["files", "acme-corp", "--all"]).code(0);
    }
    // The name it claims is a name in the folder, and no other.
    for (claimed, lands) in [
        ("../../evil.tar.gz", "evil.tar.gz"),
        ("/etc/cron.d/evil", "evil"),
    ] {
        fs::write(
            remote.join("x.tar.part001.json"),
            told(claimed, &[first, second]).to_string(),
        )
        .unwrap();
        let run = sandbox.run(["download", "acme-corp", first, "-o", "out/"]);
        assert!([0, 7, 12].contains(&run.code), "{claimed}: {run:?}");
        assert!(!sandbox.path().join(lands).exists() && !sandbox.file(lands).exists());
    }
    let _ = fs::remove_dir_all(sandbox.file("out"));
    let mut after = Sandbox::files_below(sandbox.path());
    after.retain(|name| !name.contains("backup-state") && !before.contains(name));
    after.retain(|name| !name.ends_with("x.tar.part001.json"));
    assert!(after.is_empty(), "{after:?}");
}

#[test]
fn a_thousand_parts_go_and_come() {
    let sandbox = Sandbox::assigned();
    sandbox.without_backups();
    let parts: Vec<Vec<u8>> = (0..1000).map(|seed| noise(seed, 50)).collect();
    let names = sandbox.split("backups/storage", "storage_backup_20250301_010000", &parts);
    let report = sandbox.json(0, ["sync", "acme-corp", &storage(&names[998])]);
    assert_eq!(report["parts"].as_array().unwrap().len(), 1000);
    let listed = sandbox.json(0, ["files", "acme-corp"]);
    assert_eq!(
        (&listed["count"], &listed["files"][0]["complete"]),
        (&json!(1), &json!(true))
    );
    sandbox.without_backups();
    sandbox
        .run(["download", "acme-corp", &names[500], "-o", "out"])
        .code(0);
    assert!(fs::read(sandbox.file("out")).unwrap() == parts.concat());
}

#[test]
fn files_lists_sets_and_with_all_what_lies_beside_them() {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    let remote = sandbox.remote("acme-corp");
    fs::write(remote.join("holiday.jpg"), "x").unwrap();
    fs::write(remote.join("notes.json"), "{}").unwrap();
    fs::write(
        remote.join("vertex-backup-partial-0123456789abcdef-01234567"),
        "x",
    )
    .unwrap();
    fs::create_dir(remote.join("folder")).unwrap();
    let listed = sandbox.json(0, ["files", "acme-corp"]);
    assert_eq!(listed["count"], json!(6));
    let split = about(&listed, SPLIT);
    assert_eq!(split["parts"], json!(PARTS));
    assert_eq!(
        (&split["size"], &split["complete"], &split["sidecar"]),
        (&json!(2_672_381), &json!(true), &json!(true))
    );
    assert!(split["verified_at"].is_string());
    let full = about(&listed, FULL);
    assert_eq!(full["halves"], json!([DB, STORAGE]));
    assert_eq!(full["size"], json!(294_912 + 120_934));
    let storage_only = sandbox.json(0, ["files", "acme-corp", "--type", "storage"]);
    assert_eq!(storage_only["count"], json!(3));
    let all = sandbox.json(0, ["files", "acme-corp", "--all"]);
    assert_eq!(all["count"], json!(10));
    for (name, kind) in [
        ("holiday.jpg", "foreign"),
        ("notes.json", "foreign"),
        ("folder", "foreign"),
        (
            "vertex-backup-partial-0123456789abcdef-01234567",
            "temporary",
        ),
    ] {
        assert_eq!(about(&all, name)["kind"], json!(kind), "{name}");
    }
    let table = sandbox.run(["files", "acme-corp"]).code(0).stdout;
    let row = table.lines().find(|line| line.starts_with(SPLIT)).unwrap();
    assert!(row.contains("2.5 MiB") && row.contains("yes"), "{row}");
    fs::remove_file(remote.join(PARTS[2])).unwrap();
    let table = sandbox.run(["files", "acme-corp"]).code(0).stdout;
    let row = table.lines().find(|line| line.starts_with(SPLIT)).unwrap();
    assert!(
        row.contains("part003 missing") || row.contains(" no "),
        "{row}"
    );
}

#[test]
fn thousands_of_files_are_listed() {
    let sandbox = Sandbox::assigned();
    let remote = sandbox.remote("acme-corp");
    fs::create_dir_all(&remote).unwrap();
    for number in 0..5000 {
        let name = format!(
            "db_backup_20250101_{:02}{:02}{:02}.db",
            number / 3600,
            number / 60 % 60,
            number % 60
        );
        fs::write(remote.join(name), "x").unwrap();
    }
    let listed = sandbox.json(0, ["files", "acme-corp"]);
    assert_eq!(
        (&listed["count"], &listed["size"]),
        (&json!(5000), &json!(5000))
    );
    let table = sandbox.run(["files", "acme-corp"]).code(0).stdout;
    assert_eq!(table.lines().count(), 5000 + 3);
}

#[test]
fn any_member_deletes_the_whole_set_the_sidecar_first() {
    for member in MEMBERS {
        let sandbox = only_remote();
        sandbox.write("other.db", "x");
        sandbox.run(["sync", "acme-corp", "other.db"]).code(0);
        let report = sandbox.json(0, ["delete", "acme-corp", member, "-y"]);
        assert_eq!(
            report["files"],
            json!([SIDECAR, PARTS[0], PARTS[1], PARTS[2]])
        );
        assert_eq!(remote_names(&sandbox), ["other.db"]);
        let status = sandbox.json(0, ["status", "acme-corp", "--no-check"]);
        assert_eq!(status["companies"][0]["sets"], json!(1));
        sandbox.json(4, ["delete", "acme-corp", member, "-y"]);
    }
}

#[test]
fn a_removal_cut_short_is_visible_and_finished_by_the_next() {
    let sandbox = only_remote();
    let remote = sandbox.remote("acme-corp");
    fs::remove_file(remote.join(PARTS[1])).unwrap();
    fs::create_dir(remote.join(PARTS[1])).unwrap();
    fs::remove_file(remote.join(SIDECAR)).unwrap();
    let listed = sandbox.json(0, ["files", "acme-corp"]);
    assert_eq!(about(&listed, SPLIT)["complete"], json!(false));
    sandbox.run(["delete", "acme-corp", SPLIT, "-y"]).code(0);
    assert_eq!(remote_names(&sandbox), [PARTS[1]]);
}

#[test]
fn a_full_backup_takes_its_halves_along_unless_another_needs_them() {
    let sandbox = Sandbox::assigned();
    let manifest = format!("backups/full/{FULL}");
    sandbox.run(["sync", "acme-corp", &manifest, "-q"]).code(0);
    let second = "full_backup_20250201_040000.json";
    let path = format!("backups/full/{second}");
    sandbox.write(&path, fs::read(sandbox.file(&manifest)).unwrap());
    sandbox.run(["sync", "acme-corp", &path]).code(0);
    let report = sandbox.json(0, ["delete", "acme-corp", second, "-y"]);
    assert_eq!(report["files"], json!([second]));
    assert_eq!(remote_names(&sandbox), FULL_MEMBERS);
    let report = sandbox.json(0, ["delete", "acme-corp", FULL, "-y"]);
    assert_eq!(report["files"][0], json!(FULL));
    assert!(remote_names(&sandbox).is_empty());
}

#[test]
fn a_sidecar_of_another_file_shows_by_its_checksum() {
    let sandbox = Sandbox::assigned();
    sandbox.backup("odd", "db_backup_20250301_010000.db", b"one");
    sandbox.backup("odd", "db_backup_20250302_010000.db", b"two");
    let of_the_other = fs::read(sandbox.file("odd/db_backup_20250302_010000.json")).unwrap();
    sandbox.write("odd/db_backup_20250301_010000.json", of_the_other);
    let report = sandbox
        .run([
            "sync",
            "acme-corp",
            "odd/db_backup_20250301_010000.db",
            "--json",
        ])
        .code(7)
        .stderr_has("the sidecar 'odd/db_backup_20250301_010000.json' speaks of 'db_backup_20250302_010000.db'")
        .json();
    assert_eq!(report["code"], json!("integrity_failed"));
    assert!(remote_names(&sandbox).is_empty());
}

#[test]
fn a_set_named_by_several_of_its_files_goes_once() {
    let sandbox = Sandbox::assigned();
    let (first, again) = (storage(PARTS[0]), format!("./{}", storage(PARTS[0])));
    let absolute = sandbox.file(&storage(SIDECAR));
    let absolute = absolute.to_str().unwrap();
    let other = format!("backups/database/{DB}");
    let report = sandbox.json(0, ["sync", "acme-corp", &first, &again, absolute, &other]);
    assert_eq!(report["count"], json!(2), "{report}");
}

#[test]
fn a_part_that_cannot_be_read_stops_the_set_before_anything_is_sent() {
    let sandbox = Sandbox::assigned();
    sandbox.run(["files", "acme-corp"]).code(0);
    give_to_nobody(sandbox.path());
    for name in [PARTS[2], SIDECAR] {
        let path = sandbox.file(&storage(name));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        let member = storage(PARTS[0]);
        let call = sandbox
            .command(["sync", "acme-corp", &member])
            .unprivileged();
        let run = call.run();
        assert!([7, 12].contains(&run.code), "{run:?}");
        assert!(
            run.stderr.contains("ermission denied") || run.stderr.contains("sidecar missing"),
            "{run:?}"
        );
        assert!(remote_names(&sandbox).is_empty());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let folder = sandbox.file("backups/storage");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).unwrap();
    let call = sandbox
        .command(["sync", "acme-corp", "--json"])
        .unprivileged();
    let error = call.run().code(12).json();
    assert!(
        error["detail"].as_str().unwrap().contains("backups"),
        "{error}"
    );
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn manifests_that_name_each_other_are_no_backups() {
    let sandbox = Sandbox::assigned();
    sandbox.without_backups();
    let name = |number: i32| format!("full_backup_20250301_0000{number:02}.json");
    sandbox.backup("odd", "db_backup_20250301_000000.db", b"db");
    let remote = sandbox.remote("acme-corp");
    fs::create_dir_all(&remote).unwrap();
    // Each twice the one before: followed, they would be more than anybody can count.
    for number in 0..60 {
        let half = |kind: &str| sidecar(kind, &name((number + 59) % 60), b"x", &[]);
        let told =
            json!({"type": "full", "database": half("database"), "storage": half("storage")});
        fs::write(remote.join(name(number)), told.to_string()).unwrap();
        sandbox.write(&format!("backups/full/{}", name(number)), told.to_string());
    }
    let listed = sandbox.json(0, ["files", "acme-corp"]);
    assert_eq!(about(&listed, &name(59))["complete"], json!(false));
    for force in [&["--force"][..], &[]] {
        let last = name(59);
        let mut words = vec!["download", "acme-corp", &last, "-o", "out/"];
        words.extend(force);
        sandbox.json(7, words);
    }
    sandbox.json(
        7,
        ["sync", "acme-corp", &format!("backups/full/{}", name(59))],
    );
    let report = sandbox.json(7, ["sync", "acme-corp"]);
    assert_eq!(report["failed"], json!(60));
}
