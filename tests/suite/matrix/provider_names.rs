//! Names that are taken: twice, by somebody else's file, by a folder (P19).
//!
//! Only on Google Drive a name can be there twice; what is there of it stands in `drive_files`,
//! `drive_folders` and `drive_publish`. The matrix would have a download of such a name end
//! with 2. It is the newest instead, always the same, and told with the ids: in a night that
//! needs a backup, one that is compared with its sidecar is better than a question. A sync of
//! that very file puts what else has its name into the trash, from where it can be taken.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::provider::{SYNC, watch, with_json};
use crate::support::cloud::Cloud;
use crate::support::drive::{Drive, FOLDER};
use crate::support::fake_drive::{Fault as DriveFault, Op as DriveOp};
use crate::support::fake_yandex::When;
use crate::support::invariants::{DIRECTORY, Ground};
use crate::support::{DB, Sandbox};

/// Puts something under a path of the remote, as somebody else would.
fn put(ground: &dyn Ground, clouds: (&Cloud, &Drive), name: &str, bytes: Option<&[u8]>) {
    let path = format!("{DIRECTORY}/{name}");
    match ground.provider() {
        "yandex_disk" => match bytes {
            Some(bytes) => clouds.0.fake.put(&path, bytes),
            None => clouds.0.fake.mkdir(&path),
        },
        "google_drive" => {
            let folder = clouds.1.fake.make_folders(&FOLDER);
            match bytes {
                Some(bytes) => clouds.1.fake.put_file(&folder, name, bytes),
                None => clouds.1.fake.put_folder(&folder, name),
            };
        }
        _ => {
            let folder = ground.sandbox().remote("acme-corp");
            fs::create_dir_all(&folder).unwrap();
            match bytes {
                Some(bytes) => fs::write(folder.join(name), bytes).unwrap(),
                None => fs::create_dir(folder.join(name)).unwrap(),
            }
        }
    }
}

#[test]
fn p19_a_foreign_file_under_our_name_is_replaced_only_where_that_is_allowed() {
    let (local, cloud, drive) = (Sandbox::assigned(), Cloud::new(), Drive::new());
    for ground in [&local as &dyn Ground, &cloud, &drive] {
        let what = ground.provider();
        put(ground, (&cloud, &drive), DB, Some(b"somebody else's"));
        let watch = watch(ground);
        let gentle: Vec<_> = with_json(&SYNC)
            .into_iter()
            .chain(["--no-clobber"])
            .collect();
        let before = ground.stored();
        let told = ground.call(&gentle).run().code(11).json();
        assert_eq!(told["code"], "already_exists", "{what}: {told}");
        assert!(ground.stored() == before, "{what}");
        let told = ground.call(&with_json(&SYNC)).run().code(0).json();
        assert_eq!(told["replaced"], true, "{what}: {told}");
        watch.settles(&SYNC);
    }
}

#[test]
fn p19_a_folder_where_a_file_should_be_is_left_alone() {
    let (local, cloud, drive) = (Sandbox::assigned(), Cloud::new(), Drive::new());
    for ground in [&local as &dyn Ground, &cloud, &drive] {
        let what = ground.provider();
        put(ground, (&cloud, &drive), DB, None);
        let before = ground.stored();
        let watch = watch(ground);
        let told = ground.call(&with_json(&SYNC)).run();
        watch.holds_after(&told);
        let told = told.code(11).json();
        assert_eq!(told["code"], "already_exists", "{what}: {told}");
        let delete = ["delete", "acme-corp", DB, "-y"];
        ground.call(&delete).run().code(11);
        let out = ["download", "acme-corp", DB, "-o", "out"];
        let outcome = ground.call(&out).run();
        assert!(matches!(outcome.code, 4 | 11), "{what}: {outcome:?}");
        assert!(ground.stored() == before, "{what}");
    }
}

#[test]
fn p19_a_file_where_a_folder_should_be_is_left_alone() {
    // On Google Drive a file and a folder of one name do not meet.
    let (local, cloud, drive) = (Sandbox::assigned(), Cloud::new(), Drive::new());
    fs::create_dir_all(local.root()).unwrap();
    fs::write(local.root().join("vertex-ar"), "theirs").unwrap();
    cloud.fake.put("/vertex-ar", b"theirs");
    let theirs = drive.fake.put_file("root", "vertex-ar", b"theirs");
    for ground in [&local as &dyn Ground, &cloud] {
        let before = ground.stored();
        let told = ground.call(&with_json(&SYNC)).run().code(5).json();
        assert_eq!(told["code"], "remote_path_conflict", "{told}");
        assert!(ground.stored() == before);
    }
    drive.call(SYNC).run().code(0);
    assert_eq!(drive.fake.bytes(&theirs).unwrap(), b"theirs");
}

/// Of two that came at the same instant, the same one wins in every command, in whichever
/// order they are listed.
#[test]
fn p19_of_twins_of_one_instant_the_same_one_wins_every_time() {
    let drive = Drive::new();
    let folder = drive.fake.make_folders(&FOLDER);
    let day = Timestamp::now() - SignedDuration::from_hours(30);
    let ids: Vec<_> = [&b"one"[..], b"other"]
        .iter()
        .map(|bytes| {
            let id = drive.fake.put_file(&folder, DB, bytes);
            drive.fake.age(&id, day);
            id
        })
        .collect();
    let mut winners = Vec::new();
    for reversed in [false, true] {
        if reversed {
            let reverse = |told: &mut Value| {
                if let Some(files) = told["files"].as_array_mut() {
                    files.reverse();
                }
            };
            drive
                .fake
                .fail(DriveOp::List, When::Always, DriveFault::edit(reverse));
        }
        let told = drive.json(0, ["files", "acme-corp"]);
        assert_eq!(told["count"], 1, "{told}");
        let out = ["download", "acme-corp", DB, "-o", "out", "--force"];
        let outcome = drive.run(out).code(0);
        let told_ids = ids.iter().filter(|id| outcome.stderr.contains(&***id));
        assert_eq!(told_ids.count(), 2, "{}", outcome.stderr);
        let bytes = fs::read(drive.file("out")).unwrap();
        assert_eq!(told["files"][0]["size"], json!(bytes.len()));
        winners.push(bytes);
    }
    assert_eq!(winners[0], winners[1]);
    // Neither was touched.
    for id in ids {
        assert!(!drive.fake.file(&id).unwrap().trashed);
    }
}

/// However often a name is there: a line tells of it, and the folders are not all searched.
#[test]
fn p19_names_that_are_there_very_often_are_told_in_few_words() {
    let drive = Drive::new();
    let folder = drive.fake.make_folders(&FOLDER);
    for _ in 0..30 {
        drive.fake.put_file(&folder, DB, b"x");
    }
    let told = drive.run(["files", "acme-corp"]).code(0).stderr;
    assert!(told.contains("is there 30 times"), "{told}");
    assert!(told.contains(" and 20 more)"), "{told}");
    let above = drive.fake.folder(&FOLDER[..2]).unwrap();
    for _ in 0..100 {
        drive.fake.put_folder(&above, FOLDER[2]);
    }
    let mark = drive.mark();
    let told = drive.json(5, ["files", "acme-corp"]);
    assert_eq!(told["code"], "remote_path_conflict", "{told}");
    assert!(
        told["detail"]
            .as_str()
            .unwrap()
            .contains("is there 101 times")
    );
    assert!(drive.since(mark).len() < 10);
}
