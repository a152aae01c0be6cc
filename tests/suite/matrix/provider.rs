//! Faults of what a provider says of stored bytes, of room and of tokens (P15–P18).
//!
//! What is not here stands with the provider's other tests: P15 in `yandex_upload`,
//! `drive_publish` and `promises`, P16 in `yandex_upload`, `drive_refusals` and `drive_reasons`,
//! P17 in the same and in `drive_answers`, P18 in `drive_upload`, `drive_answers`,
//! `drive_resume` and `drive_odd`. Only Google Drive has sessions that can be lost; an upload
//! to Yandex Disk that breaks off begins anew.

use std::fs;

use serde_json::{Value, json};

use crate::support::cloud::Cloud;
use crate::support::drive::Drive;
use crate::support::fake_drive::{Fault as DriveFault, Op as DriveOp, When};
use crate::support::fake_yandex::{Fault, Moment, Op};
use crate::support::invariants::{Ground, Watch, grounds};
use crate::support::outgoing::{Outgoing, PIECES};
use crate::support::{DB, fixtures};
use crate::yandex_upload::{NAME, OLD, Upload, ended};

/// The backup that is synced, in the installation, and its sidecar's name.
pub const FILE: &str = "backups/database/db_backup_20250131_040000.db";
pub const SIDECAR: &str = "db_backup_20250131_040000.json";
pub const SYNC: [&str; 3] = ["sync", "acme-corp", FILE];

/// A watch over a ground to which [`FILE`] may be sent.
pub fn watch(ground: &dyn Ground) -> Watch<'_> {
    let folder = fixtures().join("vertex-ar/backups/database");
    let bytes = |name| fs::read(folder.join(name)).unwrap();
    Watch::over(ground)
        .may_store(DB, &bytes(DB))
        .may_store(SIDECAR, &bytes(SIDECAR))
}

/// The words and `--json`.
pub fn with_json<'a>(words: &[&'a str]) -> Vec<&'a str> {
    words.iter().copied().chain(["--json"]).collect()
}

/// Sets a key of a file, or of each file of a list.
fn told(key: &'static str, value: &Value) -> impl Fn(&mut Value) + Send + Sync + 'static + use<> {
    let value = value.clone();
    move |told: &mut Value| {
        let files = if told["files"].is_array() {
            told["files"].as_array_mut()
        } else {
            told["_embedded"]["items"].as_array_mut()
        };
        match files {
            Some(files) => files.iter_mut().for_each(|file| file[key] = value.clone()),
            None => told[key] = value.clone(),
        }
    }
}

/// What is no digest: it may be on its way, or never come.
fn no_digests() -> [Value; 4] {
    [
        json!(""),
        json!(null),
        json!("0123456789abcdef"),
        json!("z".repeat(64)),
    ]
}

/// What is said of one digest, in every answer.
fn yandex_says(upload: &Upload, key: &'static str, value: &Value) {
    for op in [Op::Stat, Op::List] {
        let edit = Fault::edit(told(key, value));
        upload.fake().on(op, When::Always, edit);
    }
}

fn drive_says(upload: &Outgoing, key: &'static str, value: &Value) {
    for op in [DriveOp::Get, DriveOp::List, DriveOp::Update] {
        let edit = DriveFault::edit(told(key, value));
        upload.fake().fail(op, When::Always, edit);
    }
    // Only the last chunk is answered with the file.
    let value = value.clone();
    let edit = DriveFault::edit(move |told| {
        if told["id"].is_string() {
            told[key] = value.clone();
        }
    });
    upload.fake().fail(DriveOp::Chunk, When::Always, edit);
}

/// The run says that it verified, so it read everything back.
#[test]
fn p15_what_is_no_hash_is_read_back_instead() {
    for value in no_digests() {
        let upload = Upload::new();
        for key in ["sha256", "md5"] {
            yandex_says(&upload, key, &value);
        }
        let call = upload.call().env("VERTEX_BACKUP_TIMEOUT", "300ms");
        let call = call.env("VERTEX_BACKUP_RETRY_PAUSE", "20ms");
        call.run().code(0);
        assert_eq!(upload.fake().count(Op::Storage), 1, "{value}");
        upload.settled(1);

        let upload = Outgoing::new();
        for key in ["sha256Checksum", "md5Checksum"] {
            drive_says(&upload, key, &value);
        }
        upload.send(0);
        assert_eq!(upload.fake().count(DriveOp::Media), 1, "{value}");
        upload.settled_with(PIECES);
    }
}

#[test]
fn p15_capital_letters_are_the_same_hash() {
    let upper = |told: &mut Value| {
        for key in ["sha256", "md5", "sha256Checksum", "md5Checksum"] {
            if let Some(hash) = told[key].as_str() {
                told[key] = json!(hash.to_uppercase());
            }
        }
    };
    let upload = Upload::replacing();
    upload.fake().on(Op::Stat, When::Always, Fault::edit(upper));
    upload.send(0);
    assert_eq!(upload.fake().count(Op::Storage), 0);
    upload.settled(1);

    let upload = Outgoing::replacing();
    for op in [DriveOp::Get, DriveOp::Update, DriveOp::Chunk] {
        upload
            .fake()
            .fail(op, When::Always, DriveFault::edit(upper));
    }
    upload.send(0);
    assert_eq!(upload.fake().count(DriveOp::Media), 0);
    upload.settled_with(PIECES);
}

/// Twice is no accident: the run ends with both hashes, what had the name keeps it, and what
/// was staged is gone.
#[test]
fn p15_a_hash_that_lies_for_ever_ends_after_one_full_retry() {
    let lie = json!("0".repeat(64));
    let both = |told: &Value, bytes: &[u8]| {
        let sent = vertex_backup::hash::Sha256::of(bytes).to_string();
        assert_eq!(told["code"], "integrity_failed", "{told}");
        assert_eq!(
            (&told["expected"], &told["found"]),
            (&json!(sent), &lie),
            "{told}"
        );
    };
    let upload = Upload::replacing();
    yandex_says(&upload, "sha256", &lie);
    let call = upload.cloud.call(["sync", "acme-corp", NAME, "--json"]);
    both(&call.run().code(7).json(), &upload.bytes);
    assert_eq!((upload.puts(), upload.noted()), (2, 0));
    assert_eq!(upload.names(), [NAME]);
    assert_eq!(upload.cloud.content(NAME).unwrap(), OLD);
    upload.settled(3);

    let upload = Outgoing::replacing();
    drive_says(&upload, "sha256Checksum", &lie);
    both(&upload.fails(7), &upload.bytes);
    assert_eq!((upload.chunks(), upload.noted()), (PIECES * 2, 0));
    assert_eq!(upload.partial(), Vec::<String>::new());
    upload.is_sound();
    upload.settled_with(PIECES * 3);
}

/// A wrong MD5 proves nothing where there is a SHA-256, and everything where there is none.
#[test]
fn p15_the_md5_counts_only_in_want_of_a_sha256() {
    let lie = json!("0".repeat(32));
    let upload = Upload::new();
    yandex_says(&upload, "md5", &lie);
    upload.send(0);
    upload.settled(1);
    let upload = Upload::new();
    yandex_says(&upload, "md5", &lie);
    yandex_says(&upload, "sha256", &Value::Null);
    upload.send(7).stderr_has("but 300000 bytes with MD5");
    assert_eq!(upload.names(), Vec::<String>::new());
    upload.settled(3);
}

/// What was verified once is not called so again without a comparison.
#[test]
fn p15_a_verification_without_hashes_reads_everything() {
    let (cloud, drive) = (Cloud::new(), Drive::new());
    for ground in [&cloud as &dyn Ground, &drive] {
        ground.call(&SYNC).run().code(0);
    }
    for key in ["sha256", "md5"] {
        for op in [Op::Stat, Op::List] {
            let edit = Fault::edit(told(key, &Value::Null));
            cloud.fake.on(op, When::Always, edit);
        }
    }
    for key in ["sha256Checksum", "md5Checksum"] {
        for op in [DriveOp::Get, DriveOp::List] {
            let edit = DriveFault::edit(told(key, &Value::Null));
            drive.fake.fail(op, When::Always, edit);
        }
    }
    for ground in [&cloud as &dyn Ground, &drive] {
        let report = ground.call(&["verify", "acme-corp", "--json"]).run();
        let report = report.code(0).json();
        let result = &report["results"][0];
        let size = fixtures().join("vertex-ar").join(FILE);
        let size = fs::metadata(size).unwrap().len();
        assert!(
            result["bytes_read"].as_u64() >= Some(size),
            "{}: {report}",
            ground.provider()
        );
    }
    // One bit differs: nobody but the bytes says so.
    cloud.fake.corrupt(&Cloud::path(DB));
    let id = drive.fake.files(&crate::support::drive::FOLDER, DB)[0]
        .id
        .clone();
    drive.fake.corrupt(&id);
    for ground in [&cloud as &dyn Ground, &drive] {
        let verify = ["verify", "acme-corp", "--json"];
        let report = ground.call(&verify).run().code(7).json();
        let difference = &report["results"][0]["differences"][0];
        assert!(
            difference["expected"].is_string() && difference["found"].is_string(),
            "{}: {report}",
            ground.provider()
        );
    }
}

#[test]
fn p16_a_limit_that_is_not_told_is_none() {
    type Change = fn(&mut Value);
    let changes: [Change; 3] = [
        |told| drop(told.as_object_mut().unwrap().shift_remove("total_space")),
        |told| told["total_space"] = Value::Null,
        |told| {
            for key in ["total_space", "used_space", "max_file_size", "trash_size"] {
                told[key] = Value::Null;
            }
        },
    ];
    for change in changes {
        let upload = Upload::new();
        upload
            .fake()
            .on(Op::Disk, When::Always, Fault::edit(change));
        upload.send(0);
        let told = upload.cloud.json(0, ["providers", "info", "yandex_disk"]);
        let told = told["results"].get(0).unwrap_or(&told);
        assert_eq!(told["total"], Value::Null, "{told}");
        assert_eq!(told["available"], Value::Null, "{told}");
        upload.settled(1);
    }
    for value in [json!(null), json!("")] {
        let upload = Outgoing::new();
        let edit = DriveFault::edit(move |told| told["storageQuota"]["limit"] = value.clone());
        upload.fake().fail(DriveOp::About, When::Always, edit);
        upload.send(0);
        upload.settled_with(PIECES);
    }
}

/// A file of 6 TiB, of which the disk here has none: it fits nowhere, and that is known
/// before its first byte is read.
#[test]
fn p16_what_cannot_fit_is_refused_before_its_first_byte() {
    let size: u64 = 6 << 40;
    for ground in grounds() {
        let what = ground.provider();
        let path = ground.sandbox().write("huge.tar", "");
        let huge = fs::OpenOptions::new().write(true).open(path).unwrap();
        huge.set_len(size).unwrap();
        let before = ground.stored();
        let sync = ["sync", "acme-corp", "huge.tar", "--json"];
        let told = ground.call(&sync).run();
        assert!(ground.stored() == before, "{what}");
        let (code, word) = match what {
            "local" => (12, "local_io"),
            _ => (6, "file_too_large"),
        };
        let told = told.code(code).json();
        assert_eq!(told["code"], word, "{what}: {told}");
        if what == "local" {
            assert_eq!(told["needed"], json!(size), "{told}");
            assert!(told["free"].as_u64().is_some_and(|free| free < size));
        } else {
            let limit = told["limit"].as_u64();
            assert!(limit.is_some_and(|limit| limit < size), "{what}: {told}");
        }
        assert_eq!(told["retryable"], false, "{what}: {told}");
    }
}

/// The token ends when all is sent, when it is looked for, and when it is to get its name:
/// what was staged and verified gets its name by the next run, and is not sent again.
#[test]
fn p17_a_token_that_ends_at_any_moment_costs_no_second_upload() {
    let moments = [
        (Op::Put, 1, Moment::AfterWork),
        (Op::Stat, 2, Moment::BeforeWork),
        (Op::Move, 1, Moment::BeforeWork),
        (Op::Stat, 3, Moment::BeforeWork),
    ];
    for (op, nth, at) in moments {
        let upload = Upload::replacing();
        let hold = upload.fake().hold(op, nth, at);
        let child = upload.call().spawn();
        hold.reached();
        upload.fake().revoke();
        drop(hold);
        let outcome = ended(child, &upload);
        assert_eq!(outcome.code, 6, "{op:?} {nth}: {}", outcome.stderr);
        outcome.stderr_has("vertex-backup providers login yandex_disk");
        let content = upload.cloud.content(NAME).unwrap();
        assert!(content == OLD || content == upload.bytes, "{op:?} {nth}");
        upload.fake().accept("y0_CANARY-another");
        upload.cloud.configure("y0_CANARY-another");
        upload.settled(1);
    }
}
