//! A backup under way: one file, or the pieces it is split into.
//!
//! Whether an archive is to be split shows only when it is written. So it is
//! written in pieces from the start; when it turns out small, they are joined,
//! and never is more than one piece on the disk twice. All of it has temporary
//! names until it is whole, settled and read back.

use std::io::{self, Write};

use crate::backup_settings::Split;
use crate::dir::{Dir, Stamp};
use crate::failure::{Code, Failure};
use crate::hash::{Hasher, Sha256};
use crate::name::TEMPORARY_MARK;
use crate::progress::Task;
use crate::provider::error::{smuggle, watch};
use crate::staging::{Staging, feed_back};

/// What the temporary name of a backup file ends with; the application looks for no such names.
const ENDING: &str = ".new";

/// The name a file has until it is whole.
pub(super) fn temporary(name: &str) -> String {
    format!("{TEMPORARY_MARK}{name}{ENDING}")
}

/// The name that a file was to get, when this is the temporary name of one.
pub(super) fn final_name(temporary: &str) -> Option<&str> {
    temporary.strip_prefix(TEMPORARY_MARK)?.strip_suffix(ENDING)
}

/// The name of the part of that number, from 1: `x.tar.gz` → `x.tar.part001.gz`.
pub(super) fn part_name(name: &str, number: usize) -> String {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, "tar"));
    format!("{stem}.part{number:03}.{ending}")
}

/// A backup being written.
pub(super) struct Pieces<'d> {
    dir: &'d Dir,
    name: String,
    split: Option<Split>,
    /// Open, and so locked, from the first byte to the last rename: as long as
    /// it is, nobody takes the other pieces for leftovers.
    first: Staging<'d>,
    current: Option<Staging<'d>>,
    rest: Unfinished<'d>,
    room: u64,
    size: u64,
    hasher: Hasher,
}

/// Pieces that are written and closed; removed unless they get their names.
struct Unfinished<'d> {
    dir: &'d Dir,
    names: Vec<String>,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        for name in &self.names {
            // Nothing can be done about a failure here; the next run removes it.
            let _ = self.dir.remove(name);
        }
    }
}

impl<'d> Pieces<'d> {
    /// Begins a backup file of that name, which may be split.
    pub(super) fn begin(dir: &'d Dir, name: &str, split: Option<Split>) -> io::Result<Self> {
        let first = match split {
            Some(_) => part_name(name, 1),
            None => name.to_owned(),
        };
        Ok(Pieces {
            dir,
            name: name.to_owned(),
            split,
            first: Staging::create(dir, &temporary(&first), 0)?,
            current: None,
            rest: Unfinished {
                dir,
                names: Vec::new(),
            },
            room: split.map_or(u64::MAX, |split| split.chunk),
            size: 0,
            hasher: Hasher::new(),
        })
    }

    fn next_piece(&mut self) -> io::Result<()> {
        self.close_piece()?;
        let name = temporary(&part_name(&self.name, self.rest.names.len() + 2));
        let piece = Staging::create(self.dir, &name, 0)?;
        // From here on it is removed by name: one open file a piece would be too many.
        self.rest.names.push(name);
        self.current = Some(piece);
        self.room = self.split.map_or(u64::MAX, |split| split.chunk);
        Ok(())
    }

    fn close_piece(&mut self) -> io::Result<()> {
        match self.current.take() {
            None => self.own(&self.first),
            Some(mut piece) => {
                self.own(&piece)?;
                piece.keep();
                Ok(())
            }
        }
    }

    fn own(&self, piece: &Staging<'_>) -> io::Result<()> {
        piece.give_like(self.dir.path())?;
        piece.settle()
    }

    /// Ends it: joined or split as it turned out, on the medium, and read back.
    pub(super) fn seal(mut self, task: &dyn Task) -> io::Result<Whole<'d>> {
        self.close_piece()?;
        let is_split = self.split.is_some_and(|split| self.size > split.above);
        let names = if is_split {
            let count = self.rest.names.len() + 1;
            (1..=count)
                .map(|number| part_name(&self.name, number))
                .collect()
        } else {
            self.join(task)?;
            vec![self.name.clone()]
        };
        task.phase("verifying");
        let first = match self.split {
            Some(_) => temporary(&part_name(&self.name, 1)),
            None => temporary(&self.name),
        };
        let mut on_disk = Hasher::new();
        for name in std::iter::once(&first).chain(&self.rest.names) {
            let mut file = self.dir.open_file(name)?;
            feed_back(&mut file, &mut on_disk, |count| watch(task, count))?;
        }
        let (written, on_disk) = (self.hasher.finish(), on_disk.finish());
        if written != on_disk {
            let path = self.dir.path().join(&self.name);
            return Err(smuggle(reads_differently(&path, written, on_disk).into()));
        }
        Ok(Whole {
            first: self.first,
            rest: self.rest,
            names,
            size: self.size,
            sha256: written,
        })
    }

    /// Appends the later pieces to the first, each removed when it is there.
    fn join(&mut self, task: &dyn Task) -> io::Result<()> {
        if self.rest.names.is_empty() {
            return Ok(());
        }
        task.phase("joining");
        for name in &self.rest.names {
            let mut piece = self.dir.open_file(name)?;
            self.first
                .append(&mut piece, |block| watch(task, block.len() as u64))?;
            self.dir.remove(name)?;
        }
        self.rest.names.clear();
        self.first.settle()
    }
}

fn reads_differently(path: &std::path::Path, written: Sha256, on_disk: Sha256) -> Failure {
    let detail = format!(
        "'{}' reads back as {on_disk}, but {written} was written",
        path.display()
    );
    Failure::new(Code::IntegrityFailed, detail)
        .hint("check the disk; nothing was kept")
        .field("expected", written.to_string())
        .field("found", on_disk.to_string())
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 {
            self.next_piece()?;
        }
        let most = usize::try_from(self.room)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let piece = self.current.as_mut().unwrap_or(&mut self.first);
        let count = piece.write(&bytes[..most])?;
        self.hasher.update(&bytes[..count]);
        self.room -= count as u64;
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A backup that is whole and read back, and has no name yet.
pub(super) struct Whole<'d> {
    first: Staging<'d>,
    rest: Unfinished<'d>,
    /// The names its files will have, in order.
    pub(super) names: Vec<String>,
    /// Bytes, of all of them together.
    pub(super) size: u64,
    /// Their digest, joined.
    pub(super) sha256: Sha256,
}

impl<'d> Whole<'d> {
    /// A single file that was written and read back by somebody else.
    pub(super) fn of_file(
        dir: &'d Dir,
        first: Staging<'d>,
        name: String,
        size: u64,
        sha256: Sha256,
    ) -> Self {
        Whole {
            first,
            rest: Unfinished {
                dir,
                names: Vec::new(),
            },
            names: vec![name],
            size,
            sha256,
        }
    }

    /// Gives the files their names, the first one last, and then the sidecar its own: what
    /// is cut short in between lacks its beginning, and nobody takes it for whole.
    ///
    /// # Errors
    /// That of the first name that could not be given, as `failed` tells it; then none of them stays.
    pub(super) fn publish(
        mut self,
        sidecar: (Staging<'_>, &str),
        failed: impl Fn(&str, io::Error) -> anyhow::Error,
    ) -> anyhow::Result<()> {
        let dir = self.rest.dir;
        let (sidecar, sidecar_name) = sidecar;
        let first_name = self.names[0].clone();
        let last = [
            (sidecar_name, sidecar.stamp()),
            (&first_name, self.first.stamp()),
        ];
        let mut named = Vec::new();
        let mut name_rest = || -> io::Result<()> {
            while let Some(temporary) = self.rest.names.pop() {
                let name = &self.names[self.rest.names.len() + 1];
                if let Err(error) = dir.rename_new(&temporary, name) {
                    self.rest.names.push(temporary);
                    return Err(error);
                }
                named.push(name.clone());
            }
            Ok(())
        };
        let result = name_rest().and_then(|()| self.first.publish(&first_name, false));
        let result = result
            .map_err(|error| failed(&first_name, error))
            .and_then(|()| {
                let result = sidecar.publish(sidecar_name, false);
                result.map_err(|error| failed(sidecar_name, error))
            });
        if result.is_err() {
            // The error at hand is the one to report.
            for (name, stamp) in last {
                let _ = stamp.and_then(|stamp| take_back(dir, name, &stamp));
            }
            for name in named {
                let _ = dir.remove(&name);
            }
            let _ = dir.sync();
        }
        result
    }
}

/// Removes a name if it is that of this very file, and not of one that was there before.
fn take_back(dir: &Dir, name: &str, ours: &Stamp) -> io::Result<()> {
    let entry = dir.entry(name)?;
    if entry.is_some_and(|entry| entry.stamp.same_file(ours)) {
        dir.remove(name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;
    use proptest::prelude::*;

    /// As [`Whole::publish`], with a sidecar called `x.json`.
    fn publish(whole: Whole<'_>) -> anyhow::Result<()> {
        let sidecar = Staging::create(whole.rest.dir, &temporary("x.json"), 0).unwrap();
        whole.publish((sidecar, "x.json"), |_, error| error.into())
    }

    fn names_in(dir: &Dir) -> Vec<String> {
        let mut names: Vec<_> = dir
            .names()
            .unwrap()
            .map(|name| name.unwrap().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn parts_are_named_as_the_application_names_them() {
        assert_eq!(part_name("x.tar.gz", 1), "x.tar.part001.gz");
        assert_eq!(part_name("x.tar.bz2", 1000), "x.tar.part1000.bz2");
        assert_eq!(part_name("x.tar", 12), "x.part012.tar");
        assert_eq!(final_name(&temporary("x.tar")), Some("x.tar"));
        assert_eq!(final_name("x.tar"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever the sizes are, joined or in parts, the bytes are those written.
        #[test]
        fn joined_or_split_the_bytes_are_the_same(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            above in 0..400_u64, chunk in 1..200_u64, step in 1..90_usize,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let dir = Dir::open(folder.path()).unwrap();
            let split = Some(Split { above, chunk });
            let mut pieces = Pieces::begin(&dir, "x.tar.gz", split).unwrap();
            for block in bytes.chunks(step) {
                pieces.write_all(block).unwrap();
            }
            let whole = pieces.seal(&Silent).unwrap();
            prop_assert_eq!((whole.size, whole.sha256), (bytes.len() as u64, Sha256::of(&bytes)));
            let names = whole.names.clone();
            publish(whole).unwrap();
            let mut all = names.clone();
            all.insert(0, "x.json".into());
            prop_assert_eq!(names_in(&dir), all);
            let read: Vec<_> = names.iter().map(|name| std::fs::read(folder.path().join(name)).unwrap()).collect();
            prop_assert_eq!(read.concat(), bytes.clone());
            if bytes.len() as u64 > above {
                prop_assert_eq!(names.len() as u64, (bytes.len() as u64).div_ceil(chunk).max(1));
                prop_assert!(read.iter().all(|part| part.len() as u64 <= chunk));
            } else {
                prop_assert_eq!(names, ["x.tar.gz"]);
            }
        }
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open(folder.path()).unwrap();
        let split = Some(Split { above: 0, chunk: 2 });
        let mut pieces = Pieces::begin(&dir, "x.tar.gz", split).unwrap();
        pieces.write_all(b"abcdefg").unwrap();
        assert_eq!(names_in(&dir).len(), 4);
        drop(pieces);
        assert_eq!(names_in(&dir), [""; 0]);

        // A name that is taken is left alone, and nothing else appears or stays.
        for taken in ["x.tar.part002.gz", "x.tar.part001.gz", "x.json"] {
            let mut pieces = Pieces::begin(&dir, "x.tar.gz", split).unwrap();
            pieces.write_all(b"abcdefg").unwrap();
            let whole = pieces.seal(&Silent).unwrap();
            std::fs::write(folder.path().join(taken), "taken").unwrap();
            assert!(publish(whole).is_err());
            assert_eq!(names_in(&dir), [taken]);
            std::fs::remove_file(folder.path().join(taken)).unwrap();
        }
    }
}
