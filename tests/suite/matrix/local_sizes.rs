//! Sizes at which something could go wrong (L30).
//!
//! What is up to some MiB really goes and comes. The large ones are sparse files that are read or
//! counted and not stored: to send 2³² bytes takes a minute and the fakes keep what they are sent
//! in memory. Their sizes are told exactly in plans and refusals, which no sum of 32 bits could.

use std::fs::{self, File};

use serde_json::json;

use crate::support::backups::{noise, sidecar};
use crate::support::cloud::Cloud;
use crate::support::drive::Drive;
use crate::support::invariants::{Ground, Watch, grounds};
use crate::support::{Sandbox, fake_drive, fake_yandex};

const KIB: usize = 1024;

/// Around the 256 KiB that Drive counts in, which are also our buffers, and around 1 MiB blocks.
const SIZES: [usize; 14] = [
    0,
    1,
    512,
    256 * KIB - 1,
    256 * KIB,
    256 * KIB + 1,
    512 * KIB - 1,
    512 * KIB,
    512 * KIB + 1,
    1024 * KIB - 1,
    1024 * KIB,
    1024 * KIB + 1,
    2048 * KIB,
    3 * 1024 * KIB + 1,
];

/// Beyond what 31 and 32 bits count, and beyond what one PUT of S3 takes; the last one sparse 50 GiB.
const LARGE: [u64; 7] = [
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    (1 << 32) + 1,
    (5 << 30) + 1,
    50 << 30,
];

#[test]
fn l30_files_of_all_sizes_go_and_come() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        let mut watch = Watch::over(&*ground);
        let mut words = vec![
            "sync".to_owned(),
            "acme-corp".to_owned(),
            "--json".to_owned(),
        ];
        for size in SIZES {
            let (name, bytes) = (format!("size-{size}.tar"), noise(size as u64, size));
            sandbox.write(&name, &bytes);
            watch = watch.may_hold(&name, &bytes).may_store(&name, &bytes);
            watch = watch.may_hold(&format!("back/{name}"), &bytes);
            words.push(name);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let outcome = ground.call(&words).run().code(0);
        watch.holds_after(&outcome);
        let told = outcome.json();
        assert_eq!(told["succeeded"], SIZES.len(), "{provider}");
        for (result, size) in told["results"].as_array().unwrap().iter().zip(SIZES) {
            assert_eq!(result["size"], size, "{provider}: {result}");
        }
        assert_eq!(ground.stored().len(), SIZES.len(), "{provider}");
        fs::create_dir(sandbox.file("back")).unwrap();
        for size in SIZES {
            let name = format!("size-{size}.tar");
            let words = ["download", "acme-corp", &name, "-o", "back", "-q"];
            let outcome = ground.call(&words).run().code(0);
            watch.holds_after(&outcome);
            let back = fs::read(sandbox.file("back").join(&name)).unwrap();
            assert!(back == noise(size as u64, size), "{provider}: {size}");
        }
    }
}

#[test]
fn l30_an_empty_database_draws_a_warning() {
    for ground in grounds() {
        let sandbox = ground.sandbox();
        sandbox.write("empty.db", "");
        sandbox.write("empty.tar", "");
        let warning = "'empty.db' is empty, which no database is";
        let outcome = ground
            .call(&["sync", "acme-corp", "empty.db"])
            .run()
            .code(0);
        outcome.stderr_has(warning);
        let outcome = ground
            .call(&["sync", "acme-corp", "empty.tar"])
            .run()
            .code(0);
        assert!(!outcome.stderr.contains("is empty"), "{}", outcome.stderr);
        assert_eq!(ground.stored().len(), 2);
    }
}

fn sparse(sandbox: &Sandbox, name: &str, size: u64) {
    File::create(sandbox.file(name))
        .unwrap()
        .set_len(size)
        .unwrap();
}

#[test]
fn l30_the_size_of_a_large_file_is_told_to_the_byte() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        for size in LARGE {
            sparse(sandbox, "large.tar", size);
            let words = ["sync", "acme-corp", "large.tar", "--dry-run", "--json"];
            let told = ground.call(&words).run().code(0).json();
            assert_eq!(told["size"], json!(size), "{provider}: {told}");
            assert_eq!(told["parts"][0]["size"], json!(size), "{provider}: {told}");
        }
        assert_eq!(ground.stored(), []);
    }
}

/// How large it is and how much room there is shows before the first byte is sent.
#[test]
fn l30_a_large_file_for_which_there_is_no_room_is_refused_by_its_exact_size() {
    let (local, cloud, drive) = (Sandbox::assigned(), Cloud::new(), Drive::new());
    for size in LARGE {
        let room = size - 1;
        for ground in [&cloud as &dyn Ground, &drive] {
            sparse(ground.sandbox(), "large.tar", size);
            cloud.fake.set_quota(room, 1 << 50);
            drive.fake.quota(Some(room), 0, 0);
            let words = ["sync", "acme-corp", "large.tar", "--json"];
            let outcome = ground.call(&words).run();
            let told = outcome.json();
            let case = format!("{}: {told}", ground.provider());
            assert_eq!(
                (outcome.code, &told["code"]),
                (6, &json!("quota_exceeded")),
                "{case}"
            );
            assert_eq!(
                (&told["needed"], &told["free"]),
                (&json!(size), &json!(room)),
                "{case}"
            );
            assert_eq!(ground.stored(), [], "{case}");
        }
    }
    assert_eq!(cloud.fake.count(fake_yandex::Op::Put), 0);
    assert_eq!(drive.fake.count(fake_drive::Op::Chunk), 0);
    let space = rustix::fs::statvfs(local.path()).unwrap();
    let size = space.f_bavail * space.f_frsize + (8 << 30);
    sparse(&local, "large.tar", size);
    let told = local.json(12, ["sync", "acme-corp", "large.tar"]);
    assert_eq!(
        (&told["code"], &told["needed"]),
        (&json!("local_io"), &json!(size)),
        "{told}"
    );
    assert_eq!(local.stored(), []);
}

/// More than 32 bits count are read and hashed, in parts that are joined on the way.
#[test]
fn l30_more_than_4_gib_are_read_to_the_last_byte() {
    let sandbox = Sandbox::assigned();
    sandbox.without_backups();
    let size: u64 = (1 << 32) + 1;
    let name = "storage_backup_20250301_010000.tar";
    let place = format!("backups/storage/{name}");
    sandbox.write(&place, "");
    sparse(&sandbox, &place, size);
    let mut told = sidecar("storage", name, b"", &[]);
    told["file_size"] = json!(size);
    told["checksum"] = json!(ZEROS);
    sandbox.write(
        "backups/storage/storage_backup_20250301_010000.json",
        told.to_string(),
    );
    let verified = sandbox.json(0, ["backup", "verify", &place]);
    let found = &verified["results"][0];
    assert_eq!(
        (&found["size"], &found["found"]),
        (&json!(size), &json!(ZEROS)),
        "{found}"
    );
}

/// The SHA-256 of 2³² + 1 zero bytes, by `head -c 4294967297 /dev/zero | sha256sum`.
const ZEROS: &str = "fbb82f7b353676bb562eb82157fcf0ea42c36492ca13ee56dbf82c08b6802c5c";
