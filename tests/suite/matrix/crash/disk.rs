//! Disks that are full, over quota, broken, or that lie (L25).
//!
//! Which steps there are to fail is counted in a run that nothing disturbs: each that is done to the
//! unfinished file, to its name, and to the folder it is in.

use std::fs;
use std::path::PathBuf;

use nix::errno::Errno;
use serde_json::{Value, json};

use crate::support::backups::noise;
use crate::support::invariants::{Ground, Watch};
use crate::support::tracer::{Act, Deed, Step};
use crate::support::{Outcome, Sandbox};

use super::trials::{drive, local, yandex};

const NAME: &str = "site.tar";
const OUT: &str = "out/site.tar";

/// More than one block is written.
const SIZE: usize = 2_500_000;

const SYNC: [&str; 4] = ["sync", "acme-corp", NAME, "--json"];
const DOWNLOAD: [&str; 6] = ["download", "acme-corp", NAME, "-o", OUT, "--json"];

/// A transfer that writes a file here: its words, and the folder of that file.
struct Writing {
    ground: Box<dyn Ground>,
    words: &'static [&'static str],
    folder: PathBuf,
    bytes: Vec<u8>,
}

impl Writing {
    /// A backup about to be sent to the local provider, where there is an older one.
    fn sync() -> Self {
        let sandbox = local();
        sandbox.write(NAME, "an older backup");
        sandbox.run(SYNC).code(0);
        let bytes = noise(3, SIZE);
        sandbox.write(NAME, &bytes);
        Writing {
            folder: sandbox.remote("acme-corp"),
            ground: Box::new(sandbox),
            words: &SYNC,
            bytes,
        }
    }

    /// One about to be brought back.
    fn download(ground: Box<dyn Ground>) -> Self {
        let bytes = noise(3, 700_000);
        let sandbox = ground.sandbox();
        sandbox.write(NAME, &bytes);
        ground.call(&SYNC).run().code(0);
        fs::create_dir(sandbox.file("out")).unwrap();
        Writing {
            folder: sandbox.file("out"),
            words: &DOWNLOAD,
            ground,
            bytes,
        }
    }

    fn all() -> Vec<Self> {
        let downloads: [Box<dyn Ground>; 3] =
            [Box::new(local()), Box::new(yandex()), Box::new(drive())];
        let downloads = downloads.into_iter().map(Self::download);
        std::iter::once(Self::sync()).chain(downloads).collect()
    }

    fn what(&self) -> String {
        format!("{} of {}", self.words[0], self.ground.provider())
    }

    fn watch(&self) -> Watch<'_> {
        let watch = Watch::over(&*self.ground);
        watch
            .may_store(NAME, &self.bytes)
            .may_hold(OUT, &self.bytes)
    }

    /// Whether a step is done to the file that is written, to its name or to its folder.
    fn is_about(&self, step: &Step) -> bool {
        step.path == self.folder || step.path.parent() == Some(&*self.folder)
    }

    fn trace(&self, mut decide: impl FnMut(&Step) -> Deed) -> Outcome {
        let mut director = |step: &Step| {
            if self.is_about(step) {
                decide(step)
            } else {
                Deed::Go
            }
        };
        self.ground.call(self.words).trace(&mut director)
    }

    /// What is done to the file, in a run that nothing disturbs; after which all is as it was.
    fn acts(&self) -> Vec<Act> {
        let before = self.named();
        let mut acts = Vec::new();
        let outcome = self.trace(|step| {
            acts.push(step.act);
            Deed::Go
        });
        outcome.code(0);
        assert!(self.is_there(), "{}", self.what());
        self.restore(before.as_deref());
        acts
    }

    /// The nth of such steps is done so, and all others as usual; whether it came to that.
    /// How many writes there are depends on how the network hands out the bytes.
    fn at(&self, act: Act, nth: usize, deed: Deed) -> (Outcome, bool) {
        let mut count = 0;
        let outcome = self.trace(|step| {
            count += usize::from(step.act == act);
            if (step.act, count) == (act, nth) {
                count += 1;
                deed
            } else {
                Deed::Go
            }
        });
        (outcome, count > nth)
    }

    fn target(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    fn named(&self) -> Option<Vec<u8>> {
        fs::read(self.target()).ok()
    }

    fn is_there(&self) -> bool {
        self.named().as_ref() == Some(&self.bytes)
    }

    /// Puts back what had the name.
    fn restore(&self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => fs::write(self.target(), bytes).unwrap(),
            None => fs::remove_file(self.target()).unwrap(),
        }
    }

    /// The names in the folder that are not final.
    fn unfinished(&self) -> Vec<String> {
        let mut names = Sandbox::names_in(&self.folder);
        names.retain(|name| name != NAME);
        names
    }
}

fn is_of_room(errno: Errno) -> bool {
    matches!(errno, Errno::ENOSPC | Errno::EDQUOT | Errno::EFBIG)
}

#[test]
fn l25_a_step_that_fails_is_told_and_leaves_what_was_there() {
    let errnos = [Errno::ENOSPC, Errno::EDQUOT, Errno::EFBIG, Errno::EIO];
    for writing in Writing::all() {
        let acts = writing.acts();
        for act in [Act::Create, Act::Write, Act::Sync, Act::Rename] {
            assert!(acts.contains(&act), "{}: {acts:?}", writing.what());
        }
        let before = writing.named();
        for (index, act) in acts.iter().enumerate() {
            // Of many writes each fails in another way.
            let failing: Vec<_> = match act {
                Act::Write => vec![errnos[index % errnos.len()]],
                _ => errnos.to_vec(),
            };
            for errno in failing {
                let nth = acts[..=index].iter().filter(|it| *it == act).count();
                let case = format!("{}: {errno} at {act:?} {nth}", writing.what());
                fails(&writing, (*act, nth), errno, &case);
                if writing.named() != before {
                    writing.restore(before.as_deref());
                }
            }
        }
        writing.watch().settles(writing.words);
        assert!(writing.is_there());
    }
}

fn fails(writing: &Writing, (act, nth): (Act, usize), errno: Errno, case: &str) {
    let before = writing.named();
    let watch = writing.watch();
    let (outcome, is_reached) = writing.at(act, nth, Deed::Fail(errno));
    if !is_reached {
        assert_eq!((act, outcome.code), (Act::Write, 0), "{case}: {outcome:?}");
        return;
    }
    assert_eq!(outcome.code, 12, "{case}: {outcome:?}");
    let told: Value = outcome.json();
    assert_eq!(told["code"], json!("local_io"), "{case}: {told}");
    let detail = told["detail"].as_str().unwrap();
    let folder = match writing.words[0] {
        "sync" => "/backups",
        _ => "out",
    };
    assert!(detail.contains(folder), "{case}: {detail}");
    let takes_room = matches!(act, Act::Create | Act::Allocate | Act::Write | Act::Rename);
    if is_of_room(errno) && takes_room {
        let needed = json!(writing.bytes.len());
        assert_eq!(told["needed"], needed, "{case}: {told}");
        assert!(told["free"].is_u64(), "{case}: {told}");
    }
    watch.holds_after(&outcome);
    // Only the last step, which makes the name stay, comes after it has changed.
    let has_changed = act == Act::Sync && writing.is_there();
    assert!(has_changed || writing.named() == before, "{case}");
    assert_eq!(writing.unfinished(), Vec::<String>::new(), "{case}");
}

#[test]
fn l25_after_a_failed_fsync_nothing_that_was_written_is_believed() {
    for writing in Writing::all() {
        let before = writing.named();
        let mut acts = Vec::new();
        let mut has_failed = false;
        let outcome = writing.trace(|step| {
            if has_failed {
                acts.push(step.act);
            }
            let fails = step.act == Act::Sync && !has_failed;
            has_failed |= fails;
            if fails {
                Deed::Fail(Errno::EIO)
            } else {
                Deed::Go
            }
        });
        assert_eq!(outcome.code, 12, "{}: {outcome:?}", writing.what());
        let only_removed = !acts.is_empty() && acts.iter().all(|act| *act == Act::Remove);
        assert!(only_removed, "{}: {acts:?}", writing.what());
        assert!(writing.named() == before);
        // The next run starts over: it writes every byte again.
        let mut written = 0;
        let outcome = writing.trace(|step| {
            written += step.count;
            Deed::Go
        });
        outcome.code(0);
        assert_eq!(written, writing.bytes.len() as u64, "{}", writing.what());
        assert!(writing.is_there());
    }
}

#[test]
fn l25_a_name_that_was_not_settled_is_settled_by_the_next_run() {
    for writing in Writing::all() {
        let syncs = writing.acts();
        let syncs = syncs.iter().filter(|act| **act == Act::Sync).count();
        let (outcome, _) = writing.at(Act::Sync, syncs, Deed::Fail(Errno::EIO));
        outcome.code(12);
        assert!(writing.is_there(), "{}", writing.what());
        // Everything is there; that it stays there is still to be seen to.
        let mut settled = Vec::new();
        let outcome = writing.trace(|step| {
            settled.push((step.act, step.path.clone()));
            Deed::Go
        });
        outcome.code(0);
        let folder = (Act::Sync, writing.folder.clone());
        assert!(settled.contains(&folder), "{}: {settled:?}", writing.what());
        assert!(settled.iter().all(|(act, _)| *act == Act::Sync));
    }
}

#[test]
fn l25_short_writes_are_gone_on_with() {
    for writing in Writing::all() {
        let watch = writing.watch();
        let outcome = writing.trace(|step| match step.act {
            Act::Write if step.count > 1000 => Deed::Short(step.count / 2),
            _ => Deed::Go,
        });
        let outcome = outcome.code(0);
        watch.holds_after(&outcome);
        assert!(writing.is_there(), "{}", writing.what());
    }
}

#[test]
fn l25_a_write_that_lies_is_caught_when_it_is_read_again() {
    for writing in Writing::all() {
        let writes = |acts: &[Act]| acts.iter().filter(|act| **act == Act::Write).count();
        let count = writes(&writing.acts());
        let before = writing.named();
        // One of them, or all of them; what follows one that lies stands where it should not.
        for lying in (1..=count).map(Some).chain([None]) {
            let case = format!("{}: {lying:?} of {count}", writing.what());
            let watch = writing.watch();
            let (mut nth, mut has_lied) = (0, false);
            let outcome = writing.trace(|step| {
                nth += usize::from(step.act == Act::Write);
                let lies = step.act == Act::Write && lying.is_none_or(|it| it == nth);
                has_lied |= lies;
                if lies { Deed::Lie } else { Deed::Go }
            });
            if outcome.code == 0 {
                // A sync sends again, once. With less to write than before, nothing lied.
                let is_sent_again = outcome.stderr.contains("it is sent again");
                let is_mended = writing.words == SYNC && lying.is_some() && is_sent_again;
                assert!(is_mended || !has_lied, "{case}");
                assert!(writing.is_there(), "{case}");
                writing.restore(before.as_deref());
            } else {
                assert_eq!(outcome.code, 7, "{case}: {outcome:?}");
                assert!(writing.named() == before, "{case}");
            }
            watch.holds_after(&outcome);
            assert_eq!(writing.unfinished(), Vec::<String>::new(), "{case}");
        }
    }
}

#[test]
fn l25_a_lying_fsync_alone_harms_nothing() {
    // Only a power cut could show it, and no program can know. What is read back is right.
    for writing in Writing::all() {
        let outcome = writing.trace(|step| match step.act {
            Act::Sync => Deed::Lie,
            _ => Deed::Go,
        });
        outcome.code(0);
        assert!(writing.is_there(), "{}", writing.what());
    }
}

/// The sidecar here, and the provider file, are as small as they are important.
#[test]
fn l25_small_files_that_fail_or_lie_leave_what_was_there() {
    let sandbox = local();
    sandbox.backup(
        "backups/storage",
        "storage_backup_20250301_030000.tar.gz",
        b"content",
    );
    sandbox.run(["sync", "acme-corp", "-q"]).code(0);
    let words = ["download", "acme-corp", "--latest", "-o", "out/", "--json"];
    let sidecar = "storage_backup_20250301_030000.tar.json";
    let is_small = |step: &Step| {
        let name = step.name();
        step.path.parent() == Some(&sandbox.file("out"))
            && name.len() == ".".len() + 32 + ".partial".len()
    };
    for (act, deed) in [
        (Act::Write, Deed::Lie),
        (Act::Write, Deed::Fail(Errno::ENOSPC)),
        (Act::Sync, Deed::Fail(Errno::EIO)),
        (Act::Rename, Deed::Fail(Errno::EIO)),
    ] {
        let _ = fs::remove_dir_all(sandbox.file("out"));
        fs::create_dir(sandbox.file("out")).unwrap();
        let mut is_struck = false;
        let outcome = sandbox.command(words).trace(&mut |step: &Step| {
            let strikes = is_small(step) && step.act == act;
            is_struck |= strikes;
            if strikes { deed } else { Deed::Go }
        });
        assert!(is_struck, "{act:?}");
        let told = outcome.code(12).json();
        assert_eq!(told["code"], json!("local_io"), "{told}");
        assert!(told["detail"].as_str().unwrap().contains("out"), "{told}");
        let names = Sandbox::names_in(&sandbox.file("out"));
        assert!(
            !names.iter().any(|name| name == sidecar),
            "{act:?} {deed:?}: {names:?}"
        );
        assert!(
            names.iter().all(|name| !name.ends_with(".partial")),
            "{names:?}"
        );
        sandbox.run(words).code(0);
        assert!(sandbox.file(&format!("out/{sidecar}")).exists());
    }
}

#[test]
fn l25_a_provider_file_that_cannot_be_written_is_the_one_it_was() {
    let sandbox = local();
    let root = sandbox.path().join("nas");
    let root = root.to_str().unwrap();
    let words = ["providers", "set", "local", "--root", root];
    let file = sandbox.write("config/remote_storage.json", "{\"other\": 1}\n");
    crate::support::make_private(&file);
    let before = fs::read(&file).unwrap();
    let folder = file.parent().unwrap();
    let is_about = |step: &Step| step.path == folder || step.path.parent() == Some(folder);
    let mut acts = Vec::new();
    let counted = sandbox.command(words).trace(&mut |step: &Step| {
        if is_about(step) {
            acts.push(step.act);
        }
        Deed::Go
    });
    counted.code(0);
    assert!(fs::read(&file).unwrap() != before);
    let all = Sandbox::names_in(folder);
    for (index, act) in acts.iter().enumerate() {
        for deed in [Deed::Fail(Errno::ENOSPC), Deed::Fail(Errno::EIO), Deed::Lie] {
            // Where no lock can be had, it is written all the same.
            if *act == Act::MakeFolder || deed == Deed::Lie && *act != Act::Write {
                continue;
            }
            fs::write(&file, &before).unwrap();
            let mut nth = 0;
            let outcome = sandbox.command(words).trace(&mut |step: &Step| {
                nth += usize::from(is_about(step));
                if is_about(step) && nth == index + 1 {
                    deed
                } else {
                    Deed::Go
                }
            });
            let case = format!("{deed:?} at {index} of {acts:?}");
            assert_eq!(outcome.code, 12, "{case}: {outcome:?}");
            let is_last = index + 1 == acts.len();
            assert!(is_last || fs::read(&file).unwrap() == before, "{case}");
            let names = Sandbox::names_in(folder);
            assert_eq!(names, all, "{case}");
        }
    }
}
