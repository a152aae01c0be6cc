//! `backup create`: what is made is what the application would make, whole or not there.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use rustix::process::Signal;
use serde_json::{Value, json};
use vertex_backup::archive::{Compression, read_through};
use vertex_backup::hash::Sha256;

use crate::database::leave_a_hot_journal;
use crate::support::{Outcome, Sandbox, fixtures, give_to_nobody, keys, signal};

/// The fixtures' backups; what a test makes comes on top of them.
const BEFORE: &str = "2025";

/// An installation with a few stored files.
fn installation() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("storage/a/one.txt", "one");
    sandbox.write("storage/two.bin", vec![7; 40_000]);
    sandbox
}

fn settings(sandbox: &Sandbox, backups: &Value) {
    let whole = json!({"yandex_disk": {"oauth_token": ""}, "backup_settings": backups});
    sandbox.write("config/storage_config.json", whole.to_string());
}

/// The files below `backups/` that were not there before.
fn new_files(sandbox: &Sandbox) -> Vec<String> {
    let all = Sandbox::files_below(&sandbox.file("backups"));
    all.into_iter()
        .filter(|name| !name.contains(&format!("_{BEFORE}")))
        .collect()
}

fn read_json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn path_of(value: &Value) -> PathBuf {
    PathBuf::from(value.as_str().unwrap())
}

/// Runs `backup create` with `--json`; the paths in what it says can be opened.
#[track_caller]
fn create<const N: usize>(sandbox: &Sandbox, words: [&str; N]) -> Value {
    let made = sandbox.json(0, [&["backup", "create"][..], &words].concat());
    let text = made.to_string();
    serde_json::from_str(&text.replace("[DIR]", &sandbox.path().to_string_lossy())).unwrap()
}

/// Every entry of an archive: its name, kind and bytes, read by another's code.
fn entries(path: &Path) -> BTreeMap<Vec<u8>, (tar::EntryType, Vec<u8>)> {
    let bytes = fs::read(path).unwrap();
    let input: Box<dyn Read> = match path.extension().unwrap().to_str().unwrap() {
        "gz" => Box::new(flate2::read::GzDecoder::new(bytes.as_slice())),
        "bz2" => Box::new(bzip2::read::BzDecoder::new(bytes.as_slice())),
        "xz" => Box::new(liblzma::read::XzDecoder::new(bytes.as_slice())),
        _ => Box::new(bytes.as_slice()),
    };
    let mut found = BTreeMap::new();
    for entry in tar::Archive::new(input).entries().unwrap() {
        let mut entry = entry.unwrap();
        let (name, kind) = (entry.path_bytes().into_owned(), entry.header().entry_type());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        if let Some(link) = entry.link_name_bytes() {
            content = link.into_owned();
        }
        assert!(found.insert(name, (kind, content)).is_none());
    }
    found
}

/// Opens a copy so that nothing can be made beside it.
fn open_copy(path: &Path) -> Connection {
    let copy = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let verdict: String = copy
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    copy
}

fn count(connection: &Connection, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    connection.query_row(&sql, [], |row| row.get(0)).unwrap()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{what} never happened"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_full_backup_reads_as_the_applications_own() {
    let sandbox = installation();
    let made = create(&sandbox, []);
    let stamp = made["timestamp"].as_str().unwrap();
    let backups = sandbox.file("backups");
    assert_eq!(
        new_files(&sandbox),
        [
            format!("database/db_backup_{stamp}.db"),
            format!("database/db_backup_{stamp}.json"),
            format!("full/full_backup_{stamp}.json"),
            format!("storage/storage_backup_{stamp}.tar.gz"),
            format!("storage/storage_backup_{stamp}.tar.json"),
        ]
    );
    let theirs = fixtures().join("vertex-ar/backups");
    let manifest = read_json(backups.join(format!("full/full_backup_{stamp}.json")));
    let example = read_json(theirs.join("full/full_backup_20250131_040000.json"));
    assert_eq!(keys(&manifest), keys(&example));
    for half in ["database", "storage"] {
        assert_eq!(keys(&manifest[half]), keys(&example[half]));
    }
    for (half, name) in [
        ("database", format!("database/db_backup_{stamp}.json")),
        (
            "storage",
            format!("storage/storage_backup_{stamp}.tar.json"),
        ),
    ] {
        let sidecar = backups.join(name);
        let text = fs::read_to_string(&sidecar).unwrap();
        // Two blanks a level, and no line break at the end.
        assert!(text.starts_with("{\n  \"timestamp\": \"") && text.ends_with("\n}"));
        let told: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(told, manifest[half]);
        let file = path_of(&told["backup_path"]);
        assert!(file.starts_with(&backups), "{file:?}");
        let bytes = fs::read(&file).unwrap();
        assert_eq!(told["checksum"], json!(Sha256::of(&bytes)));
        assert_eq!(told["file_size"], json!(bytes.len()));
        assert_eq!(told["timestamp"], json!(stamp));
        let created = told["created_at"].as_str().unwrap();
        let time: jiff::civil::DateTime = created.parse().unwrap();
        assert_eq!((created.len(), time.year() > 2000), (26, true), "{created}");
        assert_eq!(made[half]["sha256"], told["checksum"]);
        assert_eq!(path_of(&made[half]["sidecar"]), sidecar);
    }
    assert_eq!(manifest["database"]["original_path"], json!(sandbox.db()));
    assert_eq!(
        (
            &manifest["storage"]["file_count"],
            &manifest["storage"]["split_files"]
        ),
        (&json!(2), &json!([]))
    );
    let archive = path_of(&manifest["storage"]["backup_path"]);
    let names: Vec<_> = entries(&archive).into_keys().collect();
    assert_eq!(
        names,
        [
            &b"storage/"[..],
            b"storage/a/",
            b"storage/a/one.txt",
            b"storage/two.bin"
        ]
    );
    let copy = open_copy(&path_of(&manifest["database"]["backup_path"]));
    assert_eq!(
        count(&copy, "companies"),
        count(&sandbox.sql(), "companies")
    );
    for name in new_files(&sandbox) {
        let rights = fs::metadata(backups.join(&name)).unwrap().permissions();
        assert_eq!(rights.mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn what_was_made_is_told_in_sentences_and_in_the_history() {
    let sandbox = installation();
    let run = sandbox
        .run(["backup", "create", "--type", "database"])
        .code(0)
        .stderr("");
    let name = new_files(&sandbox)[0].clone();
    let sha256 = Sha256::of(&fs::read(sandbox.file("backups").join(&name)).unwrap());
    run.stdout(&format!(
        "Database backup created: [DIR]/app/backups/{name} (288.0 KiB)\nSHA-256 {sha256}\n"
    ));
    let quiet = sandbox.run(["backup", "create", "-q", "--type", "storage"]);
    quiet.code(0).stdout("").stderr("");
    let all = new_files(&sandbox);
    let storage = all.iter().find(|name| name.ends_with(".tar.gz")).unwrap();
    let storage = storage.strip_prefix("storage/").unwrap();
    let name = name.strip_prefix("database/").unwrap();
    let runs = sandbox.json(0, ["history"]);
    let told: Vec<_> = runs["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| {
            (
                &run["operation"],
                &run["verdict"],
                &run["detail"],
                &run["company_id"],
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                &json!("backup create"),
                &json!("ok"),
                &json!(format!("Storage backup created: {storage}")),
                &Value::Null
            ),
            (
                &json!("backup create"),
                &json!("ok"),
                &json!(format!("Database backup created: {name}")),
                &Value::Null
            ),
        ]
    );
    let full = sandbox.run(["backup", "create"]).code(0);
    let lines: Vec<_> = full.stdout.lines().collect();
    assert!(lines[0].starts_with("Full backup created: [DIR]/app/backups/full/full_backup_"));
    assert!(lines[1].starts_with("Database: [DIR]/app/backups/database/db_backup_"));
    assert!(lines[3].starts_with("Storage: [DIR]/app/backups/storage/storage_backup_"));
    assert!(lines[3].ends_with("B, 2 files)"), "{}", lines[3]);
    assert_eq!(lines.len(), 5);
}

#[test]
fn the_keys_of_the_json_are_these() {
    let sandbox = installation();
    let all = [
        "success",
        "message",
        "backup_type",
        "timestamp",
        "local_path",
        "size",
        "sha256",
        "parts",
        "sidecar",
        "database",
        "storage",
        "synced",
    ];
    let half = [
        "local_path",
        "size",
        "sha256",
        "parts",
        "sidecar",
        "file_count",
        "compression",
    ];
    let storage = create(&sandbox, ["--type", "storage"]);
    assert_eq!(keys(&storage), all);
    assert_eq!(
        (&storage["database"], &storage["storage"]),
        (&Value::Null, &Value::Null)
    );
    assert!(path_of(&storage["local_path"]).is_file() && path_of(&storage["sidecar"]).is_file());
    let full = create(&sandbox, []);
    assert_eq!(keys(&full), all);
    assert_eq!(
        (keys(&full["database"]), keys(&full["storage"])),
        (half.to_vec(), half.to_vec())
    );
    let sizes =
        full["database"]["size"].as_u64().unwrap() + full["storage"]["size"].as_u64().unwrap();
    assert_eq!(full["size"], json!(sizes));
    assert_eq!(
        (&full["sha256"], &full["synced"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn two_backups_in_one_second_get_two_names() {
    let sandbox = installation();
    let stamps: Vec<_> = (0..3)
        .map(|_| create(&sandbox, ["--type", "database"])["timestamp"].to_string())
        .collect();
    assert!(stamps[0] < stamps[1] && stamps[1] < stamps[2], "{stamps:?}");
    assert_eq!(new_files(&sandbox).len(), 6);
}

#[test]
fn the_application_writes_on_while_its_database_is_copied() {
    let sandbox = installation();
    sandbox
        .sql()
        .execute_batch(
            "CREATE TABLE left_side (n, filler); CREATE TABLE right_side (n);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
             INSERT INTO left_side SELECT i, randomblob(3000) FROM n;
             INSERT INTO right_side SELECT n FROM left_side;",
        )
        .unwrap();
    let writer = Writer::start(&sandbox);
    for _ in 0..3 {
        let made = create(&sandbox, ["--type", "database"]);
        let copy = open_copy(&path_of(&made["local_path"]));
        // One moment of it: what was written together is there together.
        assert_eq!(count(&copy, "left_side"), count(&copy, "right_side"));
    }
    assert!(writer.stop() > 4001);
}

/// The application, writing into two tables at once, again and again.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<i64>>,
}

impl Writer {
    fn start(sandbox: &Sandbox) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (connection, stopped) = (sandbox.sql(), Arc::clone(&stop));
        // The application's own patience.
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        let thread = std::thread::spawn(move || {
            let mut written = 4000;
            while !stopped.load(Ordering::Relaxed) {
                written += 1;
                connection
                    .execute_batch(&format!(
                        "BEGIN IMMEDIATE; INSERT INTO left_side VALUES ({written}, randomblob(500));
                         INSERT INTO right_side VALUES ({written}); COMMIT;"
                    ))
                    .unwrap();
                // Busy, but not without a breath: nobody could read such a database.
                std::thread::sleep(Duration::from_millis(3));
            }
            written
        });
        Writer {
            stop,
            thread: Some(thread),
        }
    }

    /// How far it came.
    fn stop(mut self) -> i64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_write_ahead_log_is_copied_along_and_not_needed_any_more() {
    let sandbox = installation();
    let application = sandbox.sql();
    application
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
             CREATE TABLE only_in_the_log (n); INSERT INTO only_in_the_log VALUES (1), (2);",
        )
        .unwrap();
    let log = fs::metadata(sandbox.file("app_data.db-wal")).unwrap().len();
    assert!(log > 0);
    let made = create(&sandbox, ["--type", "database"]);
    let path = path_of(&made["local_path"]);
    // What the format calls "legacy", so that one file is all there is to it.
    assert_eq!(fs::read(&path).unwrap()[18..20], [1, 1]);
    let before = new_files(&sandbox);
    assert_eq!(count(&open_copy(&path), "only_in_the_log"), 2);
    assert_eq!((new_files(&sandbox), before.len()), (before.clone(), 2));
    let journal: String = application
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(journal, "wal");
    let now = fs::metadata(sandbox.file("app_data.db-wal")).unwrap().len();
    assert_eq!(now, log, "the application's log was touched");
}

#[test]
fn a_copy_leaves_the_live_database_as_it_is() {
    let sandbox = installation();
    let before = fs::read(sandbox.db()).unwrap();
    create(&sandbox, ["--type", "database"]);
    assert_eq!(fs::read(sandbox.db()).unwrap(), before);
}

#[test]
fn what_a_killed_writer_left_is_rolled_back_before_it_is_copied() {
    let sandbox = installation();
    leave_a_hot_journal(&sandbox);
    let made = create(&sandbox, ["--type", "database"]);
    assert_eq!(
        count(&open_copy(&path_of(&made["local_path"])), "companies"),
        7
    );
}

#[test]
fn a_damaged_database_makes_no_backup() {
    use std::os::unix::fs::FileExt as _;
    let sandbox = installation();
    sandbox
        .sql()
        .execute_batch(
            "CREATE TABLE many (n PRIMARY KEY, filler) WITHOUT ROWID;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             INSERT INTO many SELECT i, randomblob(200) FROM n;",
        )
        .unwrap();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(sandbox.db())
        .unwrap();
    let length = file.metadata().unwrap().len();
    file.write_all_at(&[0x5a; 8192], length - 40_960).unwrap();
    let error = sandbox.json(7, ["backup", "create", "--type", "database"]);
    assert_eq!(error["code"], json!("integrity_failed"));
    let detail = error["detail"].as_str().unwrap();
    assert!(
        detail.contains("app_data.db' fails SQLite's integrity check: "),
        "{detail}"
    );
    assert_eq!(new_files(&sandbox), [""; 0]);
    let run = &sandbox.json(0, ["history"])["runs"][0];
    assert_eq!(
        (&run["verdict"], &run["code"]),
        (&json!("failed"), &json!("integrity_failed"))
    );
}

#[test]
fn a_database_that_is_held_is_waited_for_and_then_told() {
    let sandbox = installation();
    let application = sandbox.sql();
    application.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = sandbox.json(
        12,
        [
            "backup",
            "create",
            "--type",
            "database",
            "--timeout",
            "200ms",
        ],
    );
    assert_eq!(
        (&error["code"], &error["retryable"]),
        (&json!("database_busy"), &json!(true))
    );
    assert_eq!(new_files(&sandbox), [""; 0]);
    let missing = sandbox.json(
        4,
        ["--db", "none.db", "backup", "create", "--type", "database"],
    );
    assert_eq!(missing["code"], json!("database_not_found"));
}

#[test]
fn every_compression_holds_the_same_files() {
    for (word, ending) in [
        ("gz", ".tar.gz"),
        ("bz2", ".tar.bz2"),
        ("xz", ".tar.xz"),
        ("", ".tar"),
    ] {
        let sandbox = installation();
        settings(&sandbox, &json!({"compression": word}));
        let made = create(&sandbox, ["--type", "storage"]);
        let path = path_of(&made["local_path"]);
        assert!(path.to_str().unwrap().ends_with(ending), "{path:?}");
        assert_eq!(
            read_json(path_of(&made["sidecar"]))["compression"],
            json!(word)
        );
        let file = fs::File::open(&path).unwrap();
        let contents = read_through("it", file, Compression::of_word(word), |_| Ok(())).unwrap();
        assert_eq!(
            (contents.entries, contents.files, contents.bytes),
            (4, 2, 40_003)
        );
        let found = entries(&path);
        assert_eq!(found[&b"storage/a/one.txt"[..]].1, b"one");
        assert_eq!(found[&b"storage/two.bin"[..]].1, vec![7; 40_000]);
    }
}

#[test]
fn a_large_archive_is_split_as_the_settings_say() {
    let sandbox = Sandbox::new();
    let bytes: Vec<u8> = (0..2_500_000_u32)
        .flat_map(|n| [(n.wrapping_mul(2_654_435_761) >> 24) as u8])
        .collect();
    sandbox.write("storage/large.bin", &bytes);
    settings(
        &sandbox,
        &json!({"compression": "", "max_backup_size_mb": 2, "chunk_size_mb": 1}),
    );
    let made = create(&sandbox, ["--type", "storage"]);
    let stamp = made["timestamp"].as_str().unwrap();
    let parts: Vec<_> = (1..=3)
        .map(|number| format!("storage_backup_{stamp}.part{number:03}.tar"))
        .collect();
    assert_eq!(made["parts"], json!(parts));
    let folder = sandbox.file("backups/storage");
    let mut expected: Vec<_> = parts.iter().map(|part| format!("storage/{part}")).collect();
    expected.insert(0, format!("storage/storage_backup_{stamp}.part001.json"));
    assert_eq!(new_files(&sandbox), expected);
    let sidecar = read_json(path_of(&made["sidecar"]));
    let theirs = fixtures()
        .join("vertex-ar/backups/storage/storage_backup_20250130_030000.tar.part001.json");
    assert_eq!(keys(&sidecar), keys(&read_json(theirs)));
    let listed: Vec<_> = parts.iter().map(|part| folder.join(part)).collect();
    assert_eq!(sidecar["split_files"], json!(listed));
    assert_eq!(
        (&sidecar["split"], &sidecar["chunk_size_mb"]),
        (&json!(true), &json!(1))
    );
    let joined: Vec<u8> = listed
        .iter()
        .flat_map(|part| fs::read(part).unwrap())
        .collect();
    assert_eq!(sidecar["checksum"], json!(Sha256::of(&joined)));
    assert_eq!(sidecar["file_size"], json!(joined.len()));
    assert_eq!(fs::metadata(&listed[0]).unwrap().len(), 1 << 20);
    let contents = read_through("joined", joined.as_slice(), None, |_| Ok(())).unwrap();
    assert_eq!((contents.files, contents.bytes), (1, 2_500_000));

    // Not larger than allowed, or not to be split: one file, as if nothing had been said.
    for (max, auto) in [(3, true), (2, false)] {
        let backups = json!({"compression": "", "max_backup_size_mb": max, "chunk_size_mb": 1,
            "auto_split_backups": auto});
        settings(&sandbox, &backups);
        let whole = create(&sandbox, ["--type", "storage"]);
        assert_eq!(whole["parts"], json!([]));
        assert_eq!(fs::read(path_of(&whole["local_path"])).unwrap(), joined);
        assert_eq!(
            read_json(path_of(&whole["sidecar"]))["split_files"],
            json!([])
        );
    }
}

#[test]
fn parts_of_a_compressed_archive_keep_its_ending() {
    let sandbox = installation();
    settings(
        &sandbox,
        &json!({"max_backup_size_mb": 0, "chunk_size_mb": 1}),
    );
    let made = create(&sandbox, []);
    let stamp = made["timestamp"].as_str().unwrap();
    let part = format!("storage_backup_{stamp}.tar.part001.gz");
    assert_eq!(made["storage"]["parts"], json!([part]));
    let sidecar = sandbox.file(&format!(
        "backups/storage/storage_backup_{stamp}.tar.part001.json"
    ));
    assert_eq!(path_of(&made["storage"]["sidecar"]), sidecar);
    let manifest = read_json(path_of(&made["local_path"]));
    assert_eq!(manifest["storage"], read_json(sidecar));
}

#[test]
fn odd_names_and_links_come_along_and_nothing_else() {
    let sandbox = Sandbox::new();
    let storage = sandbox.file("storage");
    let deep = storage.join("n".repeat(150)).join("m".repeat(150));
    fs::create_dir_all(&deep).unwrap();
    fs::create_dir(storage.join("empty")).unwrap();
    fs::write(deep.join("f"), "deep").unwrap();
    for name in [
        &b"two\nlines"[..],
        "ООО «Ромашка»".as_bytes(),
        b"not \xff utf-8",
        b"-rf",
        b" ",
    ] {
        fs::write(storage.join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    symlink("-rf", storage.join("link")).unwrap();
    symlink("/etc/passwd", storage.join("out")).unwrap();
    symlink("/no/such/thing", storage.join("dangling")).unwrap();
    symlink("..", storage.join("loop")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(storage.join("socket")).unwrap();
    settings(&sandbox, &json!({"compression": ""}));
    let run = sandbox
        .run(["backup", "create", "--type", "storage"])
        .code(0);
    for note in [
        "note: './storage/socket' is no file, folder or link, and is left out\n",
        "note: './storage/out' is a link that leads out of the folder; what it leads to is not archived\n",
    ] {
        assert!(run.stderr.contains(note), "{}", run.stderr);
    }
    let name = new_files(&sandbox).pop().unwrap();
    let found = entries(&sandbox.file("backups").join(&name));
    let text = |name: &[u8]| found[&[b"storage/", name].concat()].1.clone();
    let long = format!("{}/{}/f", "n".repeat(150), "m".repeat(150));
    assert_eq!(text(long.as_bytes()), b"deep");
    assert_eq!(text(b"not \xff utf-8"), b"not \xff utf-8");
    assert_eq!(text(b"two\nlines"), b"two\nlines");
    assert_eq!(
        (text(b"link"), text(b"out")),
        (b"-rf".to_vec(), b"/etc/passwd".to_vec())
    );
    assert_eq!(found[&b"storage/out"[..]].0, tar::EntryType::Symlink);
    assert_eq!(found[&b"storage/empty/"[..]].0, tar::EntryType::Directory);
    assert!(!found.contains_key(&b"storage/socket"[..]));
    // As the application counts: six files, and two links that lead to a file.
    let sidecar = sandbox.file("backups").join(name.replace(".tar", ".json"));
    assert_eq!(read_json(sidecar)["file_count"], json!(8));
}

#[test]
fn an_empty_storage_is_a_backup_too() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.file("storage")).unwrap();
    let made = create(&sandbox, ["--type", "storage"]);
    assert_eq!(entries(&path_of(&made["local_path"])).len(), 1);
    assert_eq!(read_json(path_of(&made["sidecar"]))["file_count"], json!(0));
}

#[test]
fn backups_that_lie_in_the_storage_are_not_archived_into_themselves() {
    let sandbox = Sandbox::new();
    sandbox.write("storage/a", "a");
    fs::rename(sandbox.file("backups"), sandbox.file("storage/backups")).unwrap();
    let made = create(
        &sandbox,
        ["--backup-dir", "storage/backups", "--type", "storage"],
    );
    let names: Vec<_> = entries(&path_of(&made["local_path"])).into_keys().collect();
    assert_eq!(names, [&b"storage/"[..], b"storage/a"]);
}

#[test]
fn the_storage_folder_is_named_by_flag_variable_or_file() {
    let sandbox = Sandbox::new();
    let error = sandbox.json(4, ["backup", "create", "--type", "storage"]);
    assert_eq!(
        (&error["code"], &error["status"]),
        (&json!("storage_not_found"), &json!(404))
    );
    assert_eq!(
        error["detail"],
        json!("Storage folder not found: ./storage")
    );
    assert!(
        error["hint"]
            .as_str()
            .unwrap()
            .contains("--storage-dir DIR")
    );
    assert_eq!(new_files(&sandbox), [""; 0]);
    for name in ["flag", "variable", "file"] {
        sandbox.write(&format!("by-{name}/{name}"), name);
    }
    let config = json!({"storage_dir": sandbox.file("by-file")}).to_string();
    sandbox.write("ours.json", config);
    let words = [
        "backup",
        "create",
        "--type",
        "storage",
        "--config",
        "ours.json",
        "--json",
    ];
    let archived = |outcome: Outcome| {
        let made = outcome.code(0).json();
        let path = made["local_path"].as_str().unwrap();
        let path = path.replace("[DIR]", &sandbox.path().to_string_lossy());
        let original = read_json(path.replace(".tar.gz", ".tar.json"))["original_path"].clone();
        let last = entries(Path::new(&path)).into_keys().next_back().unwrap();
        (String::from_utf8(last).unwrap(), original)
    };
    let by_file = archived(sandbox.run(words));
    assert_eq!(
        by_file,
        ("storage/file".into(), json!(sandbox.file("by-file")))
    );
    let variable = || {
        sandbox
            .command(words)
            .env("VERTEX_BACKUP_STORAGE_DIR", "by-variable")
    };
    assert_eq!(archived(variable().run()).0, "storage/variable");
    let mut both = variable();
    both.command.args(["--storage-dir", "by-flag"]);
    assert_eq!(archived(both.run()).0, "storage/flag");
    sandbox
        .run([
            "-v",
            "backup",
            "create",
            "--type",
            "storage",
            "--storage-dir",
            "by-flag",
        ])
        .code(0)
        .stderr_has("info: storage folder 'by-flag' (--storage-dir)\n");
    sandbox.write("no-folder", "");
    let error = sandbox.json(
        12,
        [
            "backup",
            "create",
            "--type",
            "storage",
            "--storage-dir",
            "no-folder",
        ],
    );
    assert_eq!(
        error["detail"],
        json!("cannot open the storage folder 'no-folder': not a directory")
    );
}

#[test]
fn a_half_that_fails_is_named_and_the_other_one_stays() {
    let sandbox = Sandbox::new();
    let error = sandbox.json(4, ["backup", "create"]);
    assert_eq!(
        (&error["code"], &error["half"]),
        (&json!("storage_not_found"), &json!("storage"))
    );
    let files = new_files(&sandbox);
    assert_eq!(files.len(), 2, "{files:?}");
    assert_eq!(
        error["detail"],
        json!(format!(
            "The storage half of the full backup failed: Storage folder not found: ./storage; \
             '[DIR]/app/backups/{}' was made and stays",
            files[0]
        ))
    );
    assert_eq!(
        sandbox.json(0, ["history"])["runs"][0]["verdict"],
        json!("failed")
    );

    let sandbox = installation();
    fs::write(sandbox.db(), "this is no database at all, but long enough").unwrap();
    let error = sandbox.json(12, ["backup", "create"]);
    assert_eq!(
        (&error["code"], &error["half"]),
        (&json!("database_invalid"), &json!("database"))
    );
    let files = new_files(&sandbox);
    assert!(
        files.len() == 2 && files[0].starts_with("storage/"),
        "{files:?}"
    );

    let sandbox = Sandbox::new();
    let run = sandbox.run(["--db", "none.db", "backup", "create"]).code(4);
    assert!(
        run.stderr
            .contains("note: the storage half of the full backup failed, too: Storage folder")
    );
    assert!(run.stderr.contains(
        "error: The database half of the full backup failed: Database not found: none.db\n"
    ));
}

#[test]
fn a_stored_file_that_cannot_be_read_makes_no_backup() {
    let sandbox = installation();
    give_to_nobody(&sandbox.app());
    let secret = sandbox.file("storage/a/one.txt");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let call = sandbox.command(["backup", "create", "--type", "storage", "--json"]);
    let error = call.unprivileged().run().code(12).json();
    assert_eq!(
        error["detail"],
        json!("cannot read './storage/a/one.txt': permission denied")
    );
    assert_eq!(new_files(&sandbox), [""; 0]);
}

#[test]
fn l25_no_room_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("storage/big.bin", vec![7; 900_000]);
    sandbox
        .sql()
        .execute_batch("CREATE TABLE big (b); INSERT INTO big VALUES (randomblob(600000));")
        .unwrap();
    settings(&sandbox, &json!({"compression": ""}));
    for what in ["storage", "database", "full"] {
        let call = sandbox.command(["backup", "create", "--type", what, "--json"]);
        let error = call.limited("-f 1000").run().code(12).json();
        assert_eq!(error["code"], json!("local_io"), "{error}");
        assert!(
            error["detail"]
                .as_str()
                .unwrap()
                .contains("no room in '[DIR]/app/backups/"),
            "{error}"
        );
        assert!(error["needed"].as_u64().unwrap() >= 800_000, "{error}");
        assert!(error["free"].is_u64());
        assert_eq!(new_files(&sandbox), [""; 0], "{what}");
    }
    create(&sandbox, []);
}

#[test]
fn settings_that_cannot_be_are_told_with_their_place() {
    let sandbox = installation();
    for (text, place) in [
        (
            "{\n  \"backup_settings\": {\"compression\": \"zip\"}}",
            "config/storage_config.json:2:",
        ),
        (
            "{\"backup_settings\": ",
            "config/storage_config.json:1:20: ",
        ),
    ] {
        sandbox.write("config/storage_config.json", text);
        let error = sandbox.json(5, ["backup", "create"]);
        assert_eq!(error["code"], json!("config_invalid"));
        assert!(error["detail"].as_str().unwrap().contains(place), "{error}");
    }
    assert_eq!(new_files(&sandbox), [""; 0]);
    sandbox
        .run(["backup", "create", "--type", "everything"])
        .code(2)
        .stderr_has("'everything' is not a backup type: database, storage or full");
}

/// A run caught while it writes a large archive.
fn caught(sandbox: &Sandbox) -> Child {
    large(sandbox, 400 << 20);
    settings(
        sandbox,
        &json!({"compression": "", "max_backup_size_mb": 900, "chunk_size_mb": 8}),
    );
    let child = sandbox.command(["backup", "create", "--json"]).spawn();
    until("a second piece", || {
        let files = new_files(sandbox);
        files.iter().any(|name| name.contains("part002"))
    });
    child
}

fn large(sandbox: &Sandbox, size: u64) {
    let path = sandbox.write("storage/large.bin", "");
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(size).unwrap();
}

/// Whether the application, or anybody else, could take a name for a backup's.
fn looks_like_a_backup(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap();
    base.starts_with("db_backup")
        || base.starts_with("storage_backup")
        || [".json", ".db", ".gz", ".tar"]
            .iter()
            .any(|ending| base.ends_with(ending))
}

#[test]
fn x37_a_signal_leaves_nothing() {
    let sandbox = installation();
    let child = caught(&sandbox);
    signal(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    let outcome = Outcome::of(&output, &sandbox).code(143);
    assert_eq!(outcome.json()["code"], json!("interrupted"));
    assert_eq!(new_files(&sandbox), [""; 0]);
    let run = &sandbox.json(0, ["history"])["runs"][0];
    assert_eq!(run["verdict"], json!("interrupted"));
}

#[test]
fn a_killed_run_leaves_nothing_that_looks_like_a_backup() {
    let sandbox = installation();
    let mut child = caught(&sandbox);
    child.kill().unwrap();
    child.wait().unwrap();
    let left = new_files(&sandbox);
    assert!(left.len() > 2, "{left:?}");
    assert!(
        !left.iter().any(|name| looks_like_a_backup(name)),
        "{left:?}"
    );
    large(&sandbox, 10);
    let made = sandbox
        .run(["backup", "create", "--type", "database"])
        .code(0);
    assert_eq!(made.stderr, "");
    let files = new_files(&sandbox);
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(
        files
            .iter()
            .all(|name| name.starts_with("database/db_backup_"))
    );
    let runs = sandbox.json(0, ["history", "--failed"]);
    assert_eq!(runs["runs"][0]["verdict"], json!("interrupted"));
}

#[test]
fn two_runs_exclude_each_other_and_never_clear_away_a_live_one() {
    let sandbox = installation();
    let child = caught(&sandbox);
    signal(&child, Signal::STOP);
    let error = sandbox.json(8, ["backup", "create", "--type", "database"]);
    assert_eq!(
        (&error["code"], &error["command"]),
        (&json!("locked"), &json!("backup create"))
    );
    // Another state means other locks; what the first one is writing is safe all the same.
    let elsewhere = sandbox.path().join("other.db");
    let call = sandbox.command(["backup", "create", "--type", "database"]);
    call.env("VERTEX_BACKUP_STATE", elsewhere).run().code(0);
    signal(&child, Signal::CONT);
    let output = child.wait_with_output().unwrap();
    let made = Outcome::of(&output, &sandbox).code(0).json();
    assert_eq!(made["storage"]["parts"], json!([]));
    assert!(made["storage"]["size"].as_u64().unwrap() > 400 << 20);
    assert_eq!(new_files(&sandbox).len(), 7);
}

#[test]
fn parts_that_had_begun_to_appear_are_completed_by_the_next_run() {
    let sandbox = installation();
    large(&sandbox, 2_500_000);
    settings(
        &sandbox,
        &json!({"compression": "", "max_backup_size_mb": 1, "chunk_size_mb": 1}),
    );
    let made = create(&sandbox, ["--type", "storage"]);
    let folder = sandbox.file("backups/storage");
    let part = |number: usize| made["parts"][number].as_str().unwrap();
    let sidecar = path_of(&made["sidecar"]);
    let sidecar = sidecar.file_name().unwrap().to_str().unwrap();
    let complete = new_files(&sandbox);
    let unname = |name: &str| {
        let temporary = folder.join(format!("vertex-backup-partial-{name}.new"));
        fs::rename(folder.join(name), temporary).unwrap();
    };
    // As killed between two renames: the last part has its name, the first ones do not.
    for name in [part(0), part(1), sidecar] {
        unname(name);
    }
    let run = sandbox
        .run(["backup", "create", "--type", "database"])
        .code(0);
    assert!(
        run.stderr
            .contains("were left unfinished by an earlier run, and are complete now"),
        "{}",
        run.stderr
    );
    let storage = |files: Vec<String>| -> Vec<String> {
        files
            .into_iter()
            .filter(|name| name.starts_with("storage/"))
            .collect()
    };
    assert_eq!(storage(new_files(&sandbox)), complete);

    // Nothing had appeared: nothing does.
    for name in [part(0), part(1), part(2), sidecar] {
        unname(name);
    }
    sandbox
        .run(["backup", "create", "--type", "database"])
        .code(0)
        .stderr("");
    assert_eq!(storage(new_files(&sandbox)), [""; 0]);
}

#[test]
fn l26_a_state_that_cannot_be_written_stops_it_before_anything_is_made() {
    let sandbox = installation();
    let call = sandbox.command(["backup", "create", "--json"]);
    let error = call
        .env("VERTEX_BACKUP_STATE", "none/ours.db")
        .run()
        .code(12)
        .json();
    assert_eq!(error["code"], json!("local_io"));
    assert_eq!(new_files(&sandbox), [""; 0]);
}

#[test]
fn missing_folders_are_made() {
    let sandbox = installation();
    fs::remove_dir_all(sandbox.file("backups")).unwrap();
    create(&sandbox, []);
    assert_eq!(Sandbox::files_below(&sandbox.file("backups")).len(), 5);
}

#[test]
fn memory_does_not_grow_with_the_storage() {
    let sandbox = installation();
    large(&sandbox, 300 << 20);
    settings(
        &sandbox,
        &json!({"compression": "", "auto_split_backups": false}),
    );
    let call = sandbox.command(["backup", "create"]);
    call.limited("-v 150000").run().code(0);
}

#[test]
fn what_was_made_goes_to_the_companys_remote() {
    let sandbox = Sandbox::assigned();
    sandbox.write("storage/a", "a");
    let made = create(&sandbox, ["--sync", "acme-corp"]);
    let remote = Sandbox::files_below(&sandbox.remote("acme-corp"));
    let mut expected: Vec<_> = new_files(&sandbox)
        .iter()
        .map(|name| name.rsplit('/').next().unwrap().to_owned())
        .collect();
    expected.sort();
    assert_eq!(remote, expected);
    assert_eq!(made["synced"]["backup_type"], json!("full"));
    assert_eq!(made["synced"]["parts"].as_array().unwrap().len(), 2);

    let error = sandbox.json(4, ["backup", "create", "--sync", "nobody"]);
    assert_eq!(error["code"], json!("company_not_found"));
    let error = sandbox.json(5, ["backup", "create", "--sync", "widget-inc"]);
    assert_eq!(error["code"], json!("no_backup_provider"));
    assert_eq!(
        new_files(&sandbox).len(),
        expected.len(),
        "made before it was known where to"
    );
}

#[test]
fn a_backup_that_cannot_be_sent_is_still_told_of() {
    let sandbox = Sandbox::assigned();
    sandbox.write("storage/a", "a");
    fs::create_dir_all(sandbox.remote("acme-corp")).unwrap();
    fs::remove_dir_all(sandbox.root()).unwrap();
    sandbox.write("not-a-folder", "");
    symlink(sandbox.file("not-a-folder"), sandbox.root()).unwrap();
    let words = [
        "backup",
        "create",
        "--type",
        "database",
        "--sync",
        "acme-corp",
    ];
    let run = sandbox.run(words);
    assert_ne!(run.code, 0);
    assert!(
        run.stderr
            .contains("note: the backup itself was made: '[DIR]/app/backups/database/db_backup_"),
        "{}",
        run.stderr
    );
    assert_eq!(new_files(&sandbox).len(), 2);
    // A script hears of it, too.
    let error = sandbox.json(run.code, words);
    let made = error["made"].as_str().unwrap();
    assert!(made.contains("db_backup_"), "{error}");
}
