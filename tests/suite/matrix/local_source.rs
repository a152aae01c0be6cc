//! What is to be sent changes or vanishes meanwhile (L27, L28).

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Child;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::support::backups::noise;
use crate::support::cloud::Cloud;
use crate::support::drive::Drive;
use crate::support::fake::rules::Hold;
use crate::support::invariants::{Ground, Watch, grounds};
use crate::support::outgoing::units;
use crate::support::{Outcome, Sandbox, fake_drive, fake_yandex};

/// A cloud that can be held in the middle of its work.
pub trait Held: Ground {
    fn ground(&self) -> &dyn Ground;

    /// More bytes than the system takes before somebody reads them.
    fn much(&self) -> Vec<u8>;

    /// Holds the nth upload from now on in its middle.
    fn hold_upload(&self, nth: usize) -> Hold;

    /// Holds the next upload, which comes in so many pieces, when all has arrived.
    fn hold_arrival(&self, pieces: usize) -> Hold;

    /// Holds the next download after so many bytes.
    fn hold_download(&self, after: u64) -> Hold;

    /// How much it was asked.
    fn requests(&self) -> usize;
}

pub type Holding = Box<dyn Held>;

/// The two clouds, fresh.
pub fn holding() -> Vec<Holding> {
    vec![Box::new(Cloud::new()), Box::new(Drive::new())]
}

impl Held for Cloud {
    fn ground(&self) -> &dyn Ground {
        self
    }

    fn much(&self) -> Vec<u8> {
        noise(7, 16 << 20)
    }

    fn hold_upload(&self, nth: usize) -> Hold {
        let at = fake_yandex::Moment::Body(1000);
        self.fake.hold(fake_yandex::Op::Put, nth, at)
    }

    fn hold_arrival(&self, _: usize) -> Hold {
        let at = fake_yandex::Moment::AfterWork;
        self.fake.hold(fake_yandex::Op::Put, 1, at)
    }

    fn hold_download(&self, after: u64) -> Hold {
        let at = fake_yandex::Moment::Body(after);
        self.fake.hold(fake_yandex::Op::Storage, 1, at)
    }

    fn requests(&self) -> usize {
        self.mark()
    }
}

impl Held for Drive {
    fn ground(&self) -> &dyn Ground {
        self
    }

    fn much(&self) -> Vec<u8> {
        noise(7, units(4, 1000))
    }

    fn hold_upload(&self, nth: usize) -> Hold {
        let at = fake_drive::Moment::AfterWork;
        self.fake.hold(fake_drive::Op::Chunk, nth, at)
    }

    fn hold_arrival(&self, pieces: usize) -> Hold {
        let at = fake_drive::Moment::AfterWork;
        self.fake.hold(fake_drive::Op::Chunk, pieces, at)
    }

    fn hold_download(&self, after: u64) -> Hold {
        let at = fake_drive::Moment::Body(after);
        self.fake.hold(fake_drive::Op::Media, 1, at)
    }

    fn requests(&self) -> usize {
        self.mark()
    }
}

const NAME: &str = "one.tar";

fn open(path: &Path) -> File {
    File::options().write(true).open(path).unwrap()
}

fn grow(path: &Path) {
    let mut file = File::options().append(true).open(path).unwrap();
    file.write_all(b"more").unwrap();
}

fn shrink(path: &Path) {
    let file = open(path);
    let size = file.metadata().unwrap().len();
    file.set_len(size * 3 / 4).unwrap();
}

fn empty(path: &Path) {
    open(path).set_len(0).unwrap();
}

/// In place, with size and modification time as they were: only the change time tells.
fn rewrite(path: &Path) {
    let file = open(path);
    let modified = file.metadata().unwrap().modified().unwrap();
    file.write_all_at(b"Y", 10).unwrap();
    file.set_modified(modified).unwrap();
}

fn replace(path: &Path) {
    let same = fs::read(path).unwrap();
    let other = path.with_extension("new");
    fs::write(&other, same).unwrap();
    fs::rename(other, path).unwrap();
}

fn touch(path: &Path) {
    open(path).set_modified(SystemTime::now()).unwrap();
}

fn remove(path: &Path) {
    fs::remove_file(path).unwrap();
}

/// How a child ended.
#[track_caller]
pub fn ended(child: Child, sandbox: &Sandbox) -> Outcome {
    Outcome::of(&child.wait_with_output().unwrap(), sandbox)
}

/// What happens to a source, what scripts are then told, and with which exit code.
type Change = (&'static str, fn(&Path), (i32, &'static str));

/// Holds a sync over an older backup at an instant, changes its source, and looks at what became of it.
#[track_caller]
fn changed(cloud: &dyn Held, at_the_end: bool, (what, change, (exit, code)): Change) {
    let ground = cloud.ground();
    let (sandbox, provider) = (ground.sandbox(), ground.provider());
    let case = format!("{provider}: {what}, at the end: {at_the_end}");
    sandbox.write(NAME, "an older backup");
    ground
        .call(&["sync", "acme-corp", NAME, "-q"])
        .run()
        .code(0);
    let bytes = cloud.much();
    let path = sandbox.write(NAME, &bytes);
    let watch = Watch::over(ground);
    let hold = if at_the_end {
        cloud.hold_arrival(5)
    } else {
        cloud.hold_upload(if provider == "google_drive" { 2 } else { 1 })
    };
    let sync = ["sync", "acme-corp", NAME, "--json"];
    let child = ground.call(&sync).spawn();
    hold.reached();
    change(&path);
    drop(hold);
    let outcome = ended(child, sandbox);
    let told = outcome.json();
    assert_eq!(
        (outcome.code, &told["code"]),
        (exit, &json!(code)),
        "{case}: {told}"
    );
    assert_eq!(told["retryable"], json!(code == "source_changed"), "{case}");
    // The old one is still what has the name.
    let now = fs::read(&path).unwrap_or_default();
    let watch = watch.may_hold(NAME, &now);
    watch.holds_after(&outcome);
    if !path.exists() {
        sandbox.write(NAME, &bytes);
    }
    let now = fs::read(&path).unwrap();
    let watch = watch.may_hold(NAME, &now).may_store(NAME, &now);
    watch.settles(&["sync", "acme-corp", NAME]);
    let stored = ground.stored();
    let stored = stored.iter().find(|(path, _)| path.ends_with(NAME));
    assert!(stored.is_some_and(|(_, bytes)| *bytes == now), "{case}");
}

#[test]
fn l27_a_source_that_changes_in_whatever_way_is_no_backup_in_a_cloud() {
    let told = (12, "source_changed");
    let changes: [Change; 6] = [
        ("it grows", grow, told),
        ("it shrinks", shrink, told),
        ("it is emptied", empty, told),
        ("it is rewritten", rewrite, told),
        ("another is put in its place", replace, told),
        ("it is touched", touch, told),
    ];
    for change in changes {
        for at_the_end in [false, true] {
            for cloud in holding() {
                changed(&*cloud, at_the_end, change);
            }
        }
    }
}

#[test]
fn l28_a_source_that_vanishes_while_it_is_sent_is_not_there() {
    for at_the_end in [false, true] {
        for cloud in holding() {
            let told = (4, "backup_file_not_found");
            changed(&*cloud, at_the_end, ("it vanishes", remove, told));
        }
    }
}

#[test]
fn l28_a_source_that_is_not_there_is_asked_of_nobody() {
    for ground in grounds() {
        let watch = Watch::over(&*ground);
        for name in ["backups/none.db", "none/none.db", "none"] {
            let outcome = ground.call(&["sync", "acme-corp", name, "--json"]).run();
            let told = outcome.json();
            assert_eq!(
                (outcome.code, &told["code"]),
                (4, &json!("backup_file_not_found"))
            );
            assert_eq!(
                told["detail"],
                json!(format!("Backup file not found: {name}"))
            );
            watch.holds_after(&outcome);
        }
        assert_eq!(ground.stored(), []);
    }
}

#[test]
fn l28_a_part_that_vanishes_between_parts_leaves_a_set_without_its_sidecar() {
    for cloud in holding() {
        let ground = cloud.ground();
        let sandbox = ground.sandbox();
        let stem = "storage_backup_20250301_010000";
        let parts = [noise(1, 5000), noise(2, 5000), noise(3, 5000)];
        let names = sandbox.split("backups/storage", stem, &parts);
        let place = |name: &str| format!("backups/storage/{name}");
        let second = sandbox.file(&place(&names[1]));
        let watch = Watch::over(ground).may_store(&names[0], &parts[0]);
        let hold = cloud.hold_arrival(1);
        let first = place(&names[0]);
        let child = ground
            .call(&["sync", "acme-corp", &first, "--json"])
            .spawn();
        hold.reached();
        fs::remove_file(&second).unwrap();
        drop(hold);
        let outcome = ended(child, sandbox);
        let told = outcome.json();
        assert_eq!(
            (outcome.code, &told["code"]),
            (4, &json!("backup_file_not_found"))
        );
        assert!(
            told["detail"].as_str().unwrap().contains(&names[1]),
            "{told}"
        );
        let stored: Vec<_> = ground.stored().into_iter().map(|(path, _)| path).collect();
        assert_eq!(stored.len(), 1, "{stored:?}");
        let watch = watch.may_hold(&place(&names[1]), &parts[1]);
        watch.holds_after(&outcome);
        // It is not called a backup, and once the part is back all of it goes.
        let listed = sandbox.json(0, ["files", "acme-corp"]);
        assert_eq!(listed["files"][0]["complete"], json!(false), "{listed}");
        fs::write(&second, &parts[1]).unwrap();
        let sidecar = format!("{stem}.tar.part001.json");
        let text = fs::read(sandbox.file(&place(&sidecar))).unwrap();
        let mut watch = watch.may_store(&sidecar, &text);
        for (name, bytes) in names.iter().zip(&parts) {
            watch = watch.may_store(name, bytes);
        }
        watch.settles(&["sync", "acme-corp", &first]);
        assert_eq!(ground.stored().len(), 4);
    }
}

/// (For a local remote nothing can hold a run between two backups; what goes on after a failure
/// stands above the providers, and is the same for all.)
#[test]
fn l28_a_backup_that_vanishes_does_not_stop_the_others() {
    for cloud in holding() {
        let ground = cloud.ground();
        let sandbox = ground.sandbox();
        sandbox.without_backups();
        sandbox.run(["config", "unset", "globex", "-q"]).code(0);
        let names = [
            "db_backup_20250301_010000.db",
            "db_backup_20250302_010000.db",
            "db_backup_20250303_010000.db",
        ];
        for (seed, name) in (1..).zip(names) {
            sandbox.write(&format!("backups/database/{name}"), noise(seed, 3000));
        }
        let hold = cloud.hold_arrival(1);
        let child = ground
            .call(&["sync", "--all", "--jobs", "1", "--json"])
            .spawn();
        hold.reached();
        fs::remove_file(sandbox.file("backups/database").join(names[1])).unwrap();
        drop(hold);
        let outcome = ended(child, sandbox).code(3);
        let told = outcome.json();
        assert_eq!(
            (&told["succeeded"], &told["failed"]),
            (&json!(2), &json!(1)),
            "{told}"
        );
        let failed = told["results"].as_array().unwrap().iter();
        let failed: Vec<&Value> = failed
            .filter(|one| one["success"] == json!(false))
            .collect();
        assert_eq!(failed[0]["code"], "backup_file_not_found", "{told}");
        assert_eq!(ground.stored().len(), 2);
    }
}
