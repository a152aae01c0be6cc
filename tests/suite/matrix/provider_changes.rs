//! Faults of changes at a provider: they take long, fail, or their answer is lost; what they
//! are about is locked, or vanishes (P20, P22, P23).
//!
//! Only Yandex Disk answers 202 and 423. More of P22 and P23 stands in `yandex_upload`,
//! `yandex_files`, `drive_upload`, `drive_files`, `drive_folders` and `drive_publish`.

use std::fs;
use std::process::Child;

use serde_json::json;
use tempfile::TempDir;
use vertex_backup::name::FileName;
use vertex_backup::progress::Silent;
use vertex_backup::provider::error::Kind;
use vertex_backup::provider::local::{Identity, Local};
use vertex_backup::provider::{Look, Provider};
use vertex_backup::remote_path::RemotePath;

use super::provider::{FILE, SYNC, watch, with_json};
use crate::support::cloud::{Cloud, FOLDER};
use crate::support::drive::{Drive, FOLDER as DRIVE_FOLDER};
use crate::support::fake_drive::{Fault as DriveFault, Op as DriveOp};
use crate::support::fake_yandex::{Fault, Moment, Op, When};
use crate::support::invariants::grounds;
use crate::support::{Call, DB, Outcome};
use crate::yandex_upload::{NAME, OLD, Upload};

/// How an operation goes that a 202 refers to: when it ends, how, and what is said of it.
fn courses() -> Vec<(&'static str, usize, &'static str, Option<Fault>)> {
    let unknown = Fault::status(404, "DiskOperationNotFoundError");
    let trouble = Fault::status(500, "InternalServerError");
    let ever = usize::MAX;
    vec![
        ("it succeeds at once", 0, "success", None),
        ("it succeeds after a while", 4, "success", None),
        ("it fails", 1, "failed", None),
        ("it fails by another word", 1, "failure", None),
        ("it never ends", ever, "success", None),
        (
            "nobody knows it, and it is done",
            0,
            "success",
            Some(unknown.clone()),
        ),
        (
            "nobody knows it, and it is never done",
            ever,
            "success",
            Some(unknown),
        ),
        ("nobody can say", 0, "success", Some(trouble)),
        (
            "it is said in a word of its own",
            1,
            "success",
            Some(Fault::OperationSays("waiting")),
        ),
        (
            "what is said is no word",
            1,
            "success",
            Some(Fault::OperationSays("")),
        ),
        ("it says nothing", 0, "success", Some(Fault::Empty(200))),
        (
            "it is said to have failed, and is done",
            0,
            "success",
            Some(Fault::OperationSays("failed")),
        ),
    ]
}

fn set(cloud: &Cloud, op: Op, (_, polls, ends, says): &(&str, usize, &'static str, Option<Fault>)) {
    let (polls, ends) = (*polls, *ends);
    cloud
        .fake
        .on(op, When::Always, Fault::Accepted { polls, ends });
    if let Some(says) = says {
        cloud.fake.on(Op::Operation, When::Always, says.clone());
    }
}

/// Waits end soon: 600 ms for a check, and looks as quick as they come.
fn hasty(call: Call<'_>) -> Outcome {
    call.env("VERTEX_BACKUP_TIMEOUT", "600ms").run()
}

#[test]
fn p20_an_upload_that_takes_longer_is_waited_for_and_looked_after() {
    for course in courses() {
        let upload = Upload::replacing();
        set(&upload.cloud, Op::Put, &course);
        let outcome = hasty(upload.call());
        let content = upload.cloud.content(NAME).unwrap();
        let is_done = content == upload.bytes;
        assert!(is_done || content == OLD, "{}", course.0);
        let code = if is_done { 0 } else { 6 };
        assert_eq!(outcome.code, code, "{}: {}", course.0, outcome.stderr);
        if course.1 < usize::MAX && course.2 == "success" {
            assert!(is_done, "{}: {}", course.0, outcome.stderr);
        }
        assert!(upload.puts() <= 3, "{}: {} PUTs", course.0, upload.puts());
        let puts = upload.puts();
        upload.fake().heal();
        upload.send(0);
        assert!(upload.puts() <= puts + 1, "{}", course.0);
        assert_eq!(upload.names(), [NAME], "{}", course.0);
    }
}

#[test]
fn p20_a_move_that_takes_longer_is_looked_after_at_both_names() {
    for course in courses() {
        let upload = Upload::replacing();
        set(&upload.cloud, Op::Move, &course);
        let outcome = hasty(upload.call());
        let content = upload.cloud.content(NAME).unwrap();
        let is_done = content == upload.bytes;
        assert!(is_done || content == OLD, "{}", course.0);
        let code = if is_done { 0 } else { 6 };
        assert_eq!(outcome.code, code, "{}: {}", course.0, outcome.stderr);
        if course.1 < usize::MAX && course.2 == "success" {
            assert!(is_done, "{}: {}", course.0, outcome.stderr);
        }
        // What was verified is not sent again, whatever became of its name.
        upload.settled(1);
    }
}

#[test]
fn p20_a_deletion_that_takes_longer_is_looked_after() {
    for course in courses() {
        let upload = Upload::new();
        upload.send(0);
        set(&upload.cloud, Op::Delete, &course);
        let delete = ["delete", "acme-corp", NAME, "-y", "--json"];
        let outcome = hasty(upload.cloud.call(delete));
        let is_done = upload.cloud.content(NAME).is_none();
        let code = if is_done { 0 } else { 6 };
        assert_eq!(outcome.code, code, "{}: {}", course.0, outcome.stderr);
        if course.1 < usize::MAX && course.2 == "success" {
            assert!(is_done, "{}: {}", course.0, outcome.stderr);
        }
        upload.fake().heal();
        let again = upload.cloud.call(delete).run();
        assert_eq!(again.code, if is_done { 4 } else { 0 }, "{}", course.0);
        assert_eq!(upload.names(), Vec::<String>::new(), "{}", course.0);
    }
}

/// The answer is lost, and what comes of the repetition, too: it is found out by a look.
#[test]
fn p22_answers_lost_twice_make_no_second_copy() {
    for op in [Op::Mkdir, Op::Link, Op::Move] {
        let cloud = Cloud::new();
        let watch = watch(&cloud);
        cloud.fake.on(op, When::First(2), Fault::ResetAfterWork);
        let outcome = cloud.call(SYNC).run().code(0);
        watch.holds_after(&outcome);
        assert_eq!(cloud.fake.count(Op::Put), 2, "{op:?}");
        assert_eq!(cloud.names().len(), 2, "{op:?}");
        watch.settles(&SYNC);
    }
    let cloud = Cloud::new();
    cloud.call(SYNC).run().code(0);
    cloud
        .fake
        .on(Op::Delete, When::First(2), Fault::ResetAfterWork);
    cloud.call(["delete", "acme-corp", DB, "-y"]).run().code(0);
    assert_eq!(cloud.names(), Vec::<String>::new());
    assert_eq!(cloud.fake.trash().len(), 2);

    for op in [DriveOp::GenerateIds, DriveOp::CreateFolder, DriveOp::Update] {
        let drive = Drive::new();
        let watch = watch(&drive);
        drive
            .fake
            .fail(op, When::First(2), DriveFault::ResetAfterWork);
        let outcome = drive.call(SYNC).run().code(0);
        watch.holds_after(&outcome);
        assert_eq!(drive.names().len(), 2, "{op:?}");
        let folders = drive.fake.all_files().into_iter();
        let folders = folders.filter(|file| file.size.is_none() && file.name == DRIVE_FOLDER[0]);
        assert_eq!(folders.count(), 1, "{op:?}");
        watch.settles(&SYNC);
    }
    for permanent in [&[][..], &["--permanent"]] {
        let drive = Drive::new();
        drive.call(SYNC).run().code(0);
        let op = if permanent.is_empty() {
            DriveOp::Update
        } else {
            DriveOp::Delete
        };
        drive
            .fake
            .fail(op, When::First(2), DriveFault::ResetAfterWork);
        let delete = ["delete", "acme-corp", DB, "-y"];
        drive.call(delete.iter().chain(permanent)).run().code(0);
        assert_eq!(drive.names(), Vec::<String>::new());
    }
}

/// The folder above is there, says the service, and that there is none: it never ends.
#[test]
fn p23_a_service_that_takes_folders_away_as_fast_as_they_are_made_ends_the_run() {
    let upload = Upload::new();
    for nth in 1..=400 {
        let error = if nth % 2 == 1 {
            "DiskPathDoesntExistsError"
        } else {
            "DiskPathPointsToExistentDirectoryError"
        };
        let fault = Fault::status(409, error);
        upload.fake().on(Op::Mkdir, When::Nth(nth), fault);
    }
    let call = upload.cloud.call(["sync", "acme-corp", NAME, "--json"]);
    let told = call.run().code(6).json();
    assert_eq!(told["reason"], "network", "{told}");
    assert_eq!(told["retryable"], true, "{told}");
    assert!(
        told["detail"].as_str().unwrap().contains("vanished"),
        "{told}"
    );
    // Three folders, four requests for each, six tries.
    assert_eq!(upload.fake().count(Op::Mkdir), 3 * 4 * 6);
    // And a link that is never given, although the folders are there.
    let upload = Upload::new();
    let nowhere = Fault::status(409, "DiskPathDoesntExistsError");
    upload.fake().on(Op::Link, When::Always, nowhere);
    let asked = upload.fake().count(Op::Link);
    upload.send(6).stderr_has("vanished");
    assert_eq!(upload.fake().count(Op::Link) - asked, 2 * 6);
    upload.settled(1);
}

#[test]
fn p23_a_folder_that_goes_between_two_steps_is_remade_once() {
    let places = [FOLDER, "/vertex-ar/acme-corp", "/vertex-ar"];
    // Before the link is asked for, the bytes are sent, they are looked for, and named.
    for (op, nth) in [(Op::Link, 1), (Op::Put, 1), (Op::Stat, 2), (Op::Move, 1)] {
        for place in places {
            let upload = Upload::replacing();
            upload
                .fake()
                .before(op, nth, move |disk| disk.remove(place));
            let call = upload.call().env("VERTEX_BACKUP_TIMEOUT", "300ms");
            let outcome = call.run();
            assert_eq!(outcome.code, 0, "{op:?} {place}: {}", outcome.stderr);
            assert!(upload.cloud.content(NAME).as_ref() == Some(&upload.bytes));
            assert!(upload.puts() <= 2, "{op:?} {place}");
            upload.settled(upload.puts());
        }
    }
    for nth in 1..=5 {
        let upload = Upload::new();
        let above = "/vertex-ar";
        upload
            .fake()
            .before(Op::Mkdir, nth, move |disk| disk.remove(above));
        let outcome = upload.call().run();
        assert_eq!(outcome.code, 0, "mkdir {nth}: {}", outcome.stderr);
        upload.settled(1);
    }
}

/// On a disk of this machine, too: what was staged is gone, and that is said as such.
#[test]
fn p23_a_local_folder_that_goes_between_two_steps_is_remade() {
    let scratch = TempDir::new().unwrap();
    let root = scratch.path().join("root");
    let directory = RemotePath::parse("/acme/backups").unwrap();
    let local = Local::new(root.clone(), Some(directory), Identity::Builtin);
    let name = FileName::new("x.db").unwrap();
    let body = || std::io::Cursor::new(b"bytes".to_vec());
    let session = local.begin(&name, 5).unwrap();
    fs::remove_dir_all(root.join("acme")).unwrap();
    local.send(&session, &mut body(), &Silent).unwrap();
    fs::remove_dir_all(root.join("acme")).unwrap();
    let gone = local.inspect(&session, Look::Once, &Silent).unwrap_err();
    assert!(matches!(gone.kind, Kind::Missing), "{gone:?}");
    local.send(&session, &mut body(), &Silent).unwrap();
    let staged = local.inspect(&session, Look::Once, &Silent).unwrap();
    fs::remove_dir_all(root.join("acme")).unwrap();
    let gone = local.publish(&session, &staged).unwrap_err();
    assert!(matches!(gone.kind, Kind::Missing), "{gone:?}");
    assert!(local.discard(&session).unwrap());
}

/// Two runs make the folders that both need: who comes second finds them made.
#[test]
fn p23_two_runs_that_make_the_same_folder_both_end_well() {
    for nth in 1..=5 {
        for at in [Moment::BeforeWork, Moment::AfterWork] {
            let cloud = Cloud::new();
            cloud.assign_disk("globex", &[]);
            let hold = cloud.fake.hold(Op::Mkdir, nth, at);
            let first = cloud.call(SYNC).spawn();
            hold.reached();
            cloud.call(["sync", "globex", FILE]).run().code(0);
            drop(hold);
            Outcome::of(&first.wait_with_output().unwrap(), &cloud).code(0);
            for company in ["acme-corp", "globex"] {
                let folder = format!("/vertex-ar/{company}/backups");
                assert_eq!(cloud.fake.names(&folder).len(), 2, "{nth} {at:?}");
            }
        }
    }
    for ground in grounds() {
        let sandbox = ground.sandbox();
        sandbox.companies(6, ground.provider());
        let ids: Vec<_> = (0..6)
            .map(|number| format!("company-{number:03}x"))
            .collect();
        let runs: Vec<Child> = ids
            .iter()
            .map(|id| ground.call(&["sync", id, FILE]).spawn())
            .collect();
        for run in runs {
            let output = run.wait_with_output().unwrap();
            let outcome = Outcome::of(&output, sandbox);
            assert_eq!(outcome.code, 0, "{}: {}", ground.provider(), outcome.stderr);
        }
        let stored = ground.stored();
        for id in ids {
            let own = format!("/vertex-ar/{id}/backups/");
            let count = stored
                .iter()
                .filter(|(path, _)| path.starts_with(&own))
                .count();
            assert_eq!(count, 2, "{}: {id}", ground.provider());
        }
    }
}

/// What is locked is asked for with growing pauses, and not as often as can be.
#[test]
fn p23_a_lock_that_lasts_is_asked_about_ever_more_seldom() {
    for (op, words) in [
        (Op::Move, &SYNC[..]),
        (Op::Delete, &["delete", "acme-corp", DB, "-y"]),
    ] {
        let cloud = Cloud::new();
        if op == Op::Delete {
            cloud.call(SYNC).run().code(0);
        }
        let locked = Fault::status(423, "DiskResourceLockedError");
        cloud.fake.on(op, When::Always, locked);
        let before = cloud.fake.count(op);
        let told = cloud.call(with_json(words)).run().code(6).json();
        assert_eq!(told["reason"], "timeout", "{told}");
        assert_eq!(told["retryable"], json!(true), "{told}");
        let asked = cloud.fake.count(op) - before;
        // 300 pauses of which none is shorter than ten, and the first is not the last.
        assert!((5..=30).contains(&asked), "{asked}");
        cloud.fake.heal();
        cloud.call(words).run().code(0);
    }
}
