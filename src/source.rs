//! A local file on its way to a remote: opened safely, watched while it is read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, Mode, OFlags};

use crate::dir::Stamp;
use crate::failure::{Code, Failure};
use crate::hash::{Hasher, Md5, Sha256};
use crate::progress::{Silent, Task};
use crate::provider::Content;
use crate::provider::error::{smuggle, unsmuggle};
use crate::text::system_reason;

/// An open regular file, and what it was like when it was opened.
#[derive(Debug)]
pub struct SourceFile {
    path: PathBuf,
    file: File,
    stamp: Stamp,
}

impl SourceFile {
    /// Opens a file to be sent. A link to a regular file is followed.
    ///
    /// `live` are files that are written all the time: the application's
    /// database and our own state. They are refused before they are opened,
    /// because closing a descriptor would drop `SQLite`'s locks on them.
    ///
    /// # Errors
    /// `backup_file_not_found`, `live_database`, `local_io` for what is no readable file.
    pub fn open(path: &Path, live: &[&Path]) -> Result<Self, Failure> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Failure::new(
                Code::BackupFileNotFound,
                format!("Backup file not found: {}", path.display()),
            ),
            _ => Failure::new(
                Code::LocalIo,
                format!(
                    "cannot read '{}': {}",
                    path.display(),
                    system_reason(&error)
                ),
            ),
        };
        let not_a_file = |what: &str| {
            Failure::new(
                Code::LocalIo,
                format!(
                    "'{}' is {what}, not a file that can be sent",
                    path.display()
                ),
            )
        };
        let meta = match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(leads_nowhere(path).unwrap_or_else(|| failed(error)));
            }
            meta => meta.map_err(failed)?,
        };
        if meta.is_dir() {
            return Err(not_a_file("a directory").hint("name the files in it"));
        }
        if !meta.is_file() {
            return Err(not_a_file("a device, pipe or socket"));
        }
        refuse_live(path, live)?;
        // Should it become a FIFO meanwhile: NONBLOCK keeps the open from hanging.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty()).map(File::from);
        let file = file.map_err(|errno| failed(errno.into()))?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(not_a_file("not a regular file any more"));
        }
        let stamp = Stamp::of(&file).map_err(failed)?;
        // Of such files as in /proc nobody can say when all of one was sent.
        if stamp.size == 0
            && (&file).read(&mut [0]).map_err(failed)? > 0
            && Stamp::of(&file).map_err(failed)?.size == 0
        {
            return Err(not_a_file("a file of the system, which has no size"));
        }
        // Only speed depends on it.
        let _ = rustix::fs::fadvise(&file, 0, None, Advice::Sequential);
        Ok(SourceFile {
            path: path.to_owned(),
            file,
            stamp,
        })
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it was like when it was opened.
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Its size in bytes when it was opened.
    pub fn size(&self) -> u64 {
        self.stamp.size
    }

    /// Its bytes from the start: exactly [`SourceFile::size`] of them, or an error.
    pub fn body<'a>(&'a mut self, task: &'a dyn Task) -> Result<Body<'a>, Failure> {
        self.file
            .rewind()
            .map_err(|error| self.changed(&system_reason(&error)))?;
        Ok(Body {
            position: 0,
            hashed: 0,
            source: self,
            task,
            hasher: Hasher::new(),
        })
    }

    /// The digest of its bytes, read once.
    pub fn digest(&mut self, task: &dyn Task) -> anyhow::Result<Sha256> {
        let mut body = self.body(task)?;
        io::copy(&mut body, &mut io::sink()).map_err(carried)?;
        let digest = body.digest();
        self.confirm_unchanged()?;
        Ok(digest)
    }

    /// The MD5 of its bytes, for who is told nothing better.
    pub fn md5(&mut self, task: &dyn Task) -> anyhow::Result<Md5> {
        let md5 = Md5::of_reader(&mut self.body(task)?).map_err(carried)?;
        self.confirm_unchanged()?;
        Ok(md5)
    }

    /// All its bytes; for files known to be small.
    pub fn content(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.body(&Silent)?
            .read_to_end(&mut content)
            .map_err(carried)?;
        self.confirm_unchanged()?;
        Ok(content)
    }

    /// Fails unless the file is still, and still at its path, what was opened.
    ///
    /// # Errors
    /// `source_changed`; `backup_file_not_found` when it was removed.
    pub fn confirm_unchanged(&self) -> Result<(), Failure> {
        match Stamp::at(&self.path) {
            Ok(there) if there.same_file(&self.stamp) => {}
            Ok(_) => return Err(self.changed("another file took its place")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.vanished()),
            Err(error) => return Err(self.changed(&system_reason(&error))),
        }
        let now = Stamp::of(&self.file).map_err(|error| self.changed(&system_reason(&error)))?;
        if now == self.stamp {
            Ok(())
        } else {
            Err(self.changed("it was written to"))
        }
    }

    fn vanished(&self) -> Failure {
        let path = self.path.display();
        let detail = format!("Backup file not found: {path} (it vanished while it was read)");
        Failure::new(Code::BackupFileNotFound, detail)
    }

    /// The failure for a file that is not what it was.
    pub(crate) fn changed(&self, why: &str) -> Failure {
        let detail = format!("'{}' changed while it was read: {why}", self.path.display());
        Failure::new(Code::SourceChanged, detail).hint("send it when nothing writes to it any more")
    }
}

/// The error a body carries through a reader.
pub(crate) fn carried(error: io::Error) -> anyhow::Error {
    unsmuggle(error).unwrap_or_else(anyhow::Error::new)
}

fn refuse_live(path: &Path, live: &[&Path]) -> Result<(), Failure> {
    let refuse = |why: &str| {
        Err(Failure::new(
            Code::LiveDatabase,
            format!("'{}' is a live database: {why}", path.display()),
        )
        .hint("send a backup of it instead: vertex-backup backup create --type database"))
    };
    if is_one_of(path, live) {
        return refuse("it is written to all the time");
    }
    // What a link leads to has its journal beside itself.
    let real = std::fs::canonicalize(path).ok();
    for path in real.as_deref().into_iter().chain([path]) {
        for suffix in ["-journal", "-wal"] {
            let mut companion = path.as_os_str().to_owned();
            companion.push(suffix);
            let companion = Path::new(&companion);
            if companion
                .metadata()
                .is_ok_and(|meta| meta.is_file() && meta.len() > 0)
            {
                let name = companion
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                return refuse(&format!(
                    "'{name}' beside it holds changes that are not in it yet"
                ));
            }
        }
    }
    Ok(())
}

/// Whether a path leads to one of some files, by whatever name.
pub(crate) fn is_one_of(path: &Path, files: &[&Path]) -> bool {
    let Ok(stamp) = Stamp::at(path) else {
        return false;
    };
    let is_it = |file: &&Path| Stamp::at(file).is_ok_and(|other| other.same_file(&stamp));
    files.iter().any(is_it)
}

/// The failure for a link whose target is missing: the name is there, a file is not.
fn leads_nowhere(path: &Path) -> Option<Failure> {
    let target = std::fs::read_link(path).ok()?;
    let detail = format!(
        "'{}' is a link to '{}', which is not there",
        path.display(),
        target.display()
    );
    Some(Failure::new(Code::LocalIo, detail))
}

/// The bytes of a source on their way: counted, hashed, and stopped by a signal.
///
/// Each byte is counted and hashed once, in order, however often it is read: going on
/// over bytes that were not read yet reads them.
pub struct Body<'a> {
    source: &'a mut SourceFile,
    position: u64,
    /// Bytes from the start on that the hasher has.
    hashed: u64,
    task: &'a dyn Task,
    hasher: Hasher,
}

impl Body<'_> {
    fn pass_over(&mut self, bytes: u64) -> io::Result<()> {
        let mut buffer = vec![0; 256 * 1024];
        let mut rest = self.take(bytes);
        while rest.read(&mut buffer)? > 0 {}
        Ok(())
    }

    /// The failure for a source that is not what it was.
    pub(crate) fn changed(&self, why: &str) -> Failure {
        self.source.changed(why)
    }

    /// As [`SourceFile::confirm_unchanged`].
    pub(crate) fn confirm_unchanged(&self) -> Result<(), Failure> {
        self.source.confirm_unchanged()
    }

    /// Whether all bytes have been read.
    pub fn is_at_end(&self) -> bool {
        self.hashed == self.source.size()
    }

    /// The digest of the first bytes, where it is these that were read so far.
    pub fn digest_of(&self, bytes: u64) -> Option<Sha256> {
        (bytes == self.hashed).then(|| self.hasher.clone().finish())
    }

    /// The digest of the bytes read; of the whole file once it was read to its end.
    pub fn digest(self) -> Sha256 {
        self.hasher.finish()
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        crate::interrupt::check().map_err(|failure| smuggle(failure.into()))?;
        let failed = |source: &SourceFile, why: &str| smuggle(source.changed(why).into());
        let unread = |source: &SourceFile, error: &io::Error| {
            let (path, why) = (source.path.display(), system_reason(error));
            smuggle(Failure::new(Code::LocalIo, format!("cannot read '{path}': {why}")).into())
        };
        let remaining = self.source.size() - self.position;
        if remaining == 0 {
            // A file that grew would otherwise be stored as a good, short one.
            return match self.source.file.read(&mut [0]) {
                Ok(0) => Ok(0),
                Ok(_) => Err(failed(self.source, "it grew")),
                Err(error) => Err(unread(self.source, &error)),
            };
        }
        let is_known = self.position < self.hashed;
        let in_one = if is_known {
            self.hashed - self.position
        } else {
            remaining
        };
        let wanted = usize::try_from(in_one)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let count = match self.source.file.read(&mut buffer[..wanted]) {
            Ok(0) if wanted > 0 => return Err(failed(self.source, "it became shorter")),
            Ok(count) => count,
            Err(error) => return Err(unread(self.source, &error)),
        };
        self.position += count as u64;
        if !is_known {
            self.hasher.update(&buffer[..count]);
            self.hashed += count as u64;
            self.task.advance(count as u64);
        }
        Ok(count)
    }
}

impl Seek for Body<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let size = self.source.size();
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => size.checked_add_signed(by),
        };
        let target = target.filter(|target| *target <= size);
        let target = target.ok_or(io::ErrorKind::InvalidInput)?;
        let known = target.min(self.hashed);
        let moved = self.source.file.seek(SeekFrom::Start(known));
        moved.map_err(|error| smuggle(self.source.changed(&system_reason(&error)).into()))?;
        self.position = known;
        if known < target {
            self.pass_over(target - known)?;
        }
        Ok(self.position)
    }
}

impl Content for Body<'_> {}
