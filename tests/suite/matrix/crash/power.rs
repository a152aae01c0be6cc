//! The power is cut: only what an fsync covers is sure to survive (L25, X35, X36).
//!
//! A run is followed, and a [`Medium`] keeps what is sure: of a file the bytes it had when it was
//! last synced, of a folder the names it had then. After each step the power is cut in two ways:
//! of the names either only the settled ones survive, or all that were ever made. What a final name
//! leads to then must be the old backup or the new one, whole; once the run says that it is done,
//! it must be the new one.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::support::backups::noise;
use crate::support::invariants::Ground;
use crate::support::tracer::{Act, Deed, Director, Step};

use super::trials::{drive, local, yandex};

/// A file, whatever it is called.
type Inode = u64;

/// What is sure to survive in one folder.
struct Medium {
    folder: PathBuf,
    /// What each file had when it was last synced. One that was written since has nothing.
    settled: BTreeMap<Inode, Vec<u8>>,
    /// The names that were settled with their folder.
    names: BTreeMap<String, Inode>,
    /// What a cut after each step leaves of a name, in both ways.
    left: BTreeSet<(usize, Option<Vec<u8>>)>,
    name: String,
    steps: usize,
}

impl Medium {
    /// All that is there is on the medium.
    fn of(folder: &Path, name: &str) -> Self {
        let names = names(folder);
        let content = |(name, inode): (&String, &Inode)| {
            let bytes = fs::read(folder.join(name)).unwrap_or_default();
            (*inode, bytes)
        };
        Medium {
            settled: names.iter().map(content).collect(),
            names,
            folder: folder.to_owned(),
            left: BTreeSet::new(),
            name: name.to_owned(),
            steps: 0,
        }
    }

    /// What the name leads to when the power is cut now.
    fn after_a_cut(&self) -> [Option<Vec<u8>>; 2] {
        let bytes = |names: &BTreeMap<String, Inode>| {
            let inode = names.get(&self.name)?;
            Some(self.settled.get(inode).cloned().unwrap_or_default())
        };
        [bytes(&self.names), bytes(&names(&self.folder))]
    }
}

fn names(folder: &Path) -> BTreeMap<String, Inode> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let entry = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        Some((name, entry.metadata().ok()?.ino()))
    };
    entries.filter_map(entry).collect()
}

impl Director for Medium {
    fn before(&mut self, _: &Step) -> Deed {
        Deed::Go
    }

    fn after(&mut self, step: &Step, result: i64) {
        let is_in_it = step.path.parent() == Some(&*self.folder);
        if let Some(file) = step.file.as_ref().filter(|_| is_in_it && result >= 0) {
            let inode = fs::metadata(file).unwrap().ino();
            match step.act {
                Act::Sync => drop(self.settled.insert(inode, fs::read(file).unwrap())),
                // From here on nobody knows what a cut leaves of it.
                Act::Write | Act::Truncate => drop(self.settled.remove(&inode)),
                _ => {}
            }
        }
        if (step.act, result) == (Act::Sync, 0) && step.path == self.folder {
            self.names = names(&self.folder);
        }
        self.steps += 1;
        for left in self.after_a_cut() {
            self.left.insert((self.steps, left));
        }
    }
}

const NAME: &str = "site.tar";

/// Follows a run that replaces one backup with another in a folder.
fn is_sure(ground: &dyn Ground, words: &[&str], folder: &Path, [old, new]: [&[u8]; 2]) {
    let what = format!("{} of {}", words[0], ground.provider());
    let medium = RefCell::new(Medium::of(folder, NAME));
    assert_eq!(medium.borrow().after_a_cut()[0].as_deref(), Some(old));
    let outcome = ground.call(words).trace(&mut *medium.borrow_mut());
    outcome.code(0);
    let medium = medium.into_inner();
    let mut seen = [false; 2];
    for (step, left) in &medium.left {
        let left = left.as_deref();
        seen = [seen[0] || left == Some(old), seen[1] || left == Some(new)];
        let is_whole = left == Some(old) || left == Some(new);
        let bytes = left.map(<[u8]>::len);
        assert!(
            is_whole,
            "{what}: a cut after step {step} leaves {bytes:?} bytes"
        );
    }
    assert_eq!(seen, [true; 2], "{what}");
    let left = medium
        .after_a_cut()
        .map(|left| left.as_deref() == Some(new));
    assert_eq!(left, [true; 2], "{what}: it is done, and not on the medium");
}

#[test]
fn x35_a_power_cut_leaves_the_old_upload_or_the_new_one() {
    let sandbox = local();
    let words = ["sync", "acme-corp", NAME];
    let [old, new] = [noise(1, 2_500_000), noise(2, 2_000_000)];
    sandbox.write(NAME, &old);
    sandbox.run(words).code(0);
    sandbox.write(NAME, &new);
    is_sure(&sandbox, &words, &sandbox.remote("acme-corp"), [&old, &new]);
}

#[test]
fn x36_a_power_cut_leaves_the_old_download_or_the_new_one() {
    let grounds: [Box<dyn Ground>; 3] = [Box::new(local()), Box::new(yandex()), Box::new(drive())];
    for ground in grounds {
        let sandbox = ground.sandbox();
        let [old, new] = [noise(1, 400_000), noise(2, 600_000)];
        sandbox.write(NAME, &new);
        ground.call(&["sync", "acme-corp", NAME]).run().code(0);
        sandbox.write(&format!("out/{NAME}"), &old);
        let words = ["download", "acme-corp", NAME, "-o", "out/", "--force"];
        is_sure(&*ground, &words, &sandbox.file("out"), [&old, &new]);
    }
}
