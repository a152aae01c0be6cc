//! Writing what a folder holds into an archive.
//!
//! The folder is walked by handles and no link is followed, so nothing outside
//! it is read, whatever happens to it meanwhile. A file that changes while it is
//! read is an error: half of an old and half of a new one is no backup of either.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use tar::{Builder, EntryType, Header};

use super::links::lead_inside;
use super::{Compression, Encoder};
use crate::dir::{Dir, Entry, Stamp};
use crate::failure::{Code, Failure};
use crate::provider::error::{smuggle, unsmuggle};
use crate::text::system_reason;

/// A folder to be archived.
pub struct Packing<'a> {
    /// The folder.
    pub folder: &'a Dir,
    /// What it is called in the archive.
    pub called: &'a str,
    /// A folder in it that is left out: where the backups go.
    pub left_out: Option<Stamp>,
    /// Told of what is not archived, or only as a link.
    pub note: &'a dyn Fn(&str),
}

/// What an archive was made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// Files as the application counts them: links to a file count, too.
    pub files: u64,
    /// Bytes in the files.
    pub bytes: u64,
}

/// How much there is to archive, at this moment.
///
/// # Errors
/// As [`pack`].
pub fn measure(packing: &Packing<'_>) -> anyhow::Result<u64> {
    let quiet = Packing {
        note: &|_| {},
        ..*packing
    };
    let mut walk = Walk::new(&quiet)?;
    let mut bytes = 0_u64;
    while let Some(found) = walk.next()? {
        crate::interrupt::check()?;
        if found.entry.kind == FileType::RegularFile {
            bytes = bytes.saturating_add(found.entry.stamp.size);
        }
    }
    Ok(bytes)
}

/// Archives a folder into `output`, which is handed back when all is written.
///
/// `step` sees the count of each block of a file, and may stop it.
///
/// # Errors
/// `source_changed` for a file that changes while it is read; `local_io` for what
/// cannot be read. What fails while writing is told by `write_failed`.
pub fn pack<W: Write>(
    packing: &Packing<'_>,
    compression: Compression,
    output: W,
    step: &mut dyn FnMut(u64) -> io::Result<()>,
    write_failed: impl Fn(io::Error) -> anyhow::Error,
) -> anyhow::Result<(Packed, W)> {
    let failed = |error: io::Error| unsmuggle(error).unwrap_or_else(&write_failed);
    let mut builder = Builder::new(Encoder::new(compression, output));
    let mut packed = Packed::default();
    let mut walk = Walk::new(packing)?;
    while let Some(found) = walk.next()? {
        step(0).map_err(failed)?;
        walk.add(&mut builder, &found, &mut packed, step)
            .map_err(failed)?;
    }
    let encoder = builder.into_inner().map_err(failed)?;
    Ok((packed, encoder.finish().map_err(failed)?))
}

/// Something the walk came upon.
struct Found {
    /// Its name in its folder.
    name: OsString,
    /// Its name in the archive.
    path: PathBuf,
    entry: Entry,
}

/// A folder on the way down.
struct Level {
    dir: Dir,
    names: Box<dyn Iterator<Item = io::Result<OsString>>>,
    path: PathBuf,
}

/// Goes through a folder, each folder before what is in it, one open handle a level.
struct Walk<'a> {
    packing: &'a Packing<'a>,
    levels: Vec<Level>,
    root: Option<Found>,
}

impl<'a> Walk<'a> {
    fn new(packing: &'a Packing<'a>) -> anyhow::Result<Self> {
        let failed = |error| unreadable(packing.folder.path(), &error);
        let entry = packing.folder.entry(".").map_err(failed)?;
        let entry = entry.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        let dir = packing.folder.again().map_err(failed)?;
        let names = Box::new(dir.names().map_err(failed)?);
        let path = PathBuf::from(packing.called);
        Ok(Walk {
            packing,
            levels: vec![Level {
                dir,
                names,
                path: path.clone(),
            }],
            root: Some(Found {
                name: ".".into(),
                path,
                entry,
            }),
        })
    }

    /// The next thing, or nothing at the end. What vanishes meanwhile is passed over.
    fn next(&mut self) -> Result<Option<Found>, Failure> {
        if let Some(root) = self.root.take() {
            return Ok(Some(root));
        }
        while let Some(level) = self.levels.last_mut() {
            let Some(name) = level.names.next() else {
                self.levels.pop();
                continue;
            };
            let name = name.map_err(|error| unreadable(level.dir.path(), &error))?;
            let place = level.dir.path().join(&name);
            let entry = level.dir.entry(&name);
            let Some(entry) = entry.map_err(|error| unreadable(&place, &error))? else {
                continue;
            };
            let path = level.path.join(&name);
            if entry.kind == FileType::Directory && !self.descend(&name, &path, &entry)? {
                continue;
            }
            return Ok(Some(Found { name, path, entry }));
        }
        Ok(None)
    }

    /// Goes into a folder; not when it vanished or is to be left out.
    fn descend(&mut self, name: &OsStr, path: &Path, entry: &Entry) -> Result<bool, Failure> {
        let Some(level) = self.levels.last() else {
            return Ok(false);
        };
        let place = level.dir.path().join(name);
        let left_out = self.packing.left_out.as_ref();
        if left_out.is_some_and(|out| out.same_file(&entry.stamp)) {
            let text = format!("'{}' is left out: the backups go there", place.display());
            (self.packing.note)(&text);
            return Ok(false);
        }
        let dir = match level.dir.descend(name) {
            Ok(dir) => dir,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(unreadable(&place, &error)),
        };
        let names = dir.names().map_err(|error| unreadable(&place, &error))?;
        self.levels.push(Level {
            dir,
            names: Box::new(names),
            path: path.to_owned(),
        });
        Ok(true)
    }

    /// Adds what was found to the archive.
    fn add<W: Write>(
        &self,
        builder: &mut Builder<W>,
        found: &Found,
        packed: &mut Packed,
        step: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(level) = self.levels.last() else {
            return Ok(());
        };
        let place = level.dir.path().join(&found.name);
        match found.entry.kind {
            FileType::Directory => {
                let mut header = header(&found.entry, EntryType::Directory, 0);
                // With a slash at its end, as folders have in archives.
                builder.append_data(&mut header, found.path.join(""), io::empty())
            }
            FileType::RegularFile => {
                let file = match level.dir.open_file(&found.name) {
                    Ok(file) => file,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                    Err(error) => return Err(smuggle(unreadable(&place, &error).into())),
                };
                packed.files += 1;
                packed.bytes += add_file(builder, found, &file, &place, step)?;
                Ok(())
            }
            FileType::Symlink => {
                let target = match level.dir.link_target(&found.name) {
                    Ok(target) => target,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                    Err(error) => return Err(smuggle(unreadable(&place, &error).into())),
                };
                packed.files += u64::from(place.is_file());
                let depth = found.path.components().count() - 1;
                if lead_inside(depth, target.as_os_str().as_bytes()).is_err() {
                    let text = format!(
                        "'{}' is a link that leads out of the folder; what it leads to is not archived",
                        place.display()
                    );
                    (self.packing.note)(&text);
                }
                let mut header = header(&found.entry, EntryType::Symlink, 0);
                builder.append_link(&mut header, &found.path, target)
            }
            _ => {
                let text = format!(
                    "'{}' is no file, folder or link, and is left out",
                    place.display()
                );
                (self.packing.note)(&text);
                Ok(())
            }
        }
    }
}

/// Adds a regular file, exactly as long as it was when it was opened.
fn add_file<W: Write>(
    builder: &mut Builder<W>,
    found: &Found,
    file: &File,
    place: &Path,
    step: &mut dyn FnMut(u64) -> io::Result<()>,
) -> io::Result<u64> {
    let failed = |error: io::Error| smuggle(unreadable(place, &error).into());
    let stamp = Stamp::of(file).map_err(failed)?;
    let mut header = header(&found.entry, EntryType::Regular, stamp.size);
    let body = Body {
        file,
        place,
        remaining: stamp.size,
        step,
    };
    let capacity = usize::try_from(stamp.size.clamp(512, 256 * 1024)).unwrap_or(512);
    let body = BufReader::with_capacity(capacity, body);
    builder.append_data(&mut header, &found.path, body)?;
    if Stamp::of(file).map_err(failed)? != stamp {
        return Err(smuggle(changed(place, "it was written to").into()));
    }
    Ok(stamp.size)
}

fn header(entry: &Entry, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(entry.mode & 0o7777);
    header.set_uid(u64::from(entry.owner));
    header.set_gid(u64::from(entry.group));
    let seconds = entry.stamp.modified.div_euclid(1_000_000_000);
    // The format knows no time before 1970.
    header.set_mtime(u64::try_from(seconds).unwrap_or(0));
    header
}

/// The bytes of a file: as many as it had when it was opened, or an error.
struct Body<'a> {
    file: &'a File,
    place: &'a Path,
    remaining: u64,
    step: &'a mut dyn FnMut(u64) -> io::Result<()>,
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let changed = |why| Err(smuggle(changed(self.place, why).into()));
        if buffer.is_empty() {
            return Ok(0);
        }
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        // At the end one byte more is asked for, to see that there is none.
        let wanted = wanted.clamp(1, buffer.len());
        let count = match self.file.read(&mut buffer[..wanted]) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(smuggle(unreadable(self.place, &error).into())),
        };
        match (self.remaining, count) {
            (0, 0) => return Ok(0),
            (0, _) => return changed("it grew"),
            (_, 0) => return changed("it became shorter"),
            _ => {}
        }
        self.remaining -= count as u64;
        (self.step)(count as u64)?;
        Ok(count)
    }
}

fn unreadable(place: &Path, error: &io::Error) -> Failure {
    let why = system_reason(error);
    Failure::new(
        Code::LocalIo,
        format!("cannot read '{}': {why}", place.display()),
    )
}

fn changed(place: &Path, why: &str) -> Failure {
    let detail = format!("'{}' changed while it was read: {why}", place.display());
    Failure::new(Code::SourceChanged, detail)
        .hint("run the command again when nothing writes to it any more")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::fs;

    use super::super::read_through;
    use super::*;

    /// Archives a folder, doing something to it at the step of that number.
    fn pack_while(
        folder: &Path,
        at: usize,
        disturb: impl Fn(),
    ) -> anyhow::Result<(Packed, Vec<u8>)> {
        let dir = Dir::open(folder).unwrap();
        let packing = Packing {
            folder: &dir,
            called: "storage",
            left_out: None,
            note: &|_| {},
        };
        let mut steps = 0;
        let mut step = |_| {
            steps += 1;
            if steps == at {
                disturb();
            }
            Ok(())
        };
        let failed = |error| anyhow::Error::new(error);
        pack(&packing, Compression::None, Vec::new(), &mut step, failed)
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("video");
        let open = || fs::OpenOptions::new().write(true).open(&path).unwrap();
        let grow = || open().set_len(900_000).unwrap();
        let shrink = || open().set_len(300_000).unwrap();
        let rewrite = || {
            use std::os::unix::fs::FileExt as _;
            open().write_all_at(b"other bytes", 0).unwrap();
        };
        let cases: [(&dyn Fn(), &str); 3] = [
            (&grow, "it grew"),
            (&shrink, "it became shorter"),
            (&rewrite, "it was written to"),
        ];
        for (disturb, why) in cases {
            fs::write(&path, vec![1; 600_000]).unwrap();
            // After the steps of folder and file, and the first block of the file.
            let error = pack_while(folder.path(), 3, disturb).unwrap_err();
            let failure = Failure::of(&error).unwrap();
            assert_eq!(failure.code(), Code::SourceChanged);
            assert!(failure.to_string().ends_with(why), "{failure}");
            assert!(failure.is_retryable());
        }
    }

    #[test]
    fn what_vanishes_is_passed_over_and_what_becomes_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("video");
        fs::write(&path, "x").unwrap();
        let (packed, tar) =
            pack_while(folder.path(), 2, || fs::remove_file(&path).unwrap()).unwrap();
        assert_eq!(packed.files, 0);
        let contents = read_through("x", tar.as_slice(), None, |_| Ok(())).unwrap();
        assert_eq!(contents.entries, 1);

        fs::write(&path, "x").unwrap();
        let swap = || {
            fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        };
        let error = pack_while(folder.path(), 2, swap).unwrap_err();
        assert_eq!(Failure::of(&error).unwrap().code(), Code::LocalIo);
    }

    #[test]
    fn what_was_packed_reads_through() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        for (name, size) in [("a/one", 0), ("a/b/two", 512), ("three", 70_000)] {
            fs::write(folder.path().join(name), vec![7; size]).unwrap();
        }
        let seen = RefCell::new(0);
        let dir = Dir::open(folder.path()).unwrap();
        let packing = Packing {
            folder: &dir,
            called: "storage",
            left_out: None,
            note: &|_| {},
        };
        assert_eq!(measure(&packing).unwrap(), 70_512);
        for compression in [Compression::None, Compression::Gz] {
            let mut step = |count| {
                *seen.borrow_mut() += count;
                Ok(())
            };
            let failed = |error| anyhow::Error::new(error);
            let (packed, tar) = pack(&packing, compression, Vec::new(), &mut step, failed).unwrap();
            assert_eq!((packed.files, packed.bytes), (3, 70_512));
            let contents = read_through("x", tar.as_slice(), None, |_| Ok(())).unwrap();
            assert_eq!((contents.entries, contents.bytes), (6, 70_512));
        }
        assert_eq!(*seen.borrow(), 2 * 70_512);
    }
}
