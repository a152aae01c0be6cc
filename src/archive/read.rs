//! Reading an archive to its very end, which is the only proof that it is whole.
//!
//! The archive comes from a remote and is not trusted: names may be hostile,
//! sizes may lie, a few bytes may unpack to any number. Memory stays bounded,
//! and no archive counts as good that would put anything outside its folder.

use std::io::{self, Read};

use tar::{EntryType, GnuExtSparseHeader, Header};

use super::Compression;
use super::links::Links;
use super::pax::{MAX_RECORD, Told};
use crate::failure::{Code, Failure};
use crate::interrupt;
use crate::provider::error::{smuggle, unsmuggle};
use crate::text::system_reason;

const BLOCK: usize = 512;

/// What an archive holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Everything that has a name, folders included.
    pub entries: u64,
    /// Regular files, also those that are stored as a second name of another.
    pub files: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes in the files.
    pub bytes: u64,
}

/// Reads an archive to its end; `name` is what errors call it.
///
/// Without a compression its first bytes tell. `step` sees how many bytes of
/// the archive itself were read, and may stop it.
///
/// # Errors
/// `integrity_failed` for what is cut short, has something behind its end, is
/// no archive, or has an entry that would leave the folder it is unpacked in;
/// `local_io` when the reader fails, unless it smuggled a failure of its own.
pub fn read_through(
    name: &str,
    reader: impl Read,
    compression: Option<Compression>,
    step: impl FnMut(u64) -> io::Result<()>,
) -> anyhow::Result<Contents> {
    let mut source = Source {
        name,
        reader,
        step,
        peeked: Vec::new(),
    };
    let compression = match compression {
        Some(compression) => compression,
        None => source.detect().map_err(|error| broken(name, error))?,
    };
    let input = compression
        .decoder(source)
        .map_err(|error| broken(name, error))?;
    let mut archive = Archive {
        name,
        input,
        contents: Contents::default(),
        links: Links::default(),
    };
    archive.read()?;
    Ok(archive.contents)
}

/// An error while reading: the reader's own, or what the bytes are.
fn broken(name: &str, error: io::Error) -> anyhow::Error {
    match unsmuggle(error) {
        Ok(inner) => inner,
        Err(error) => damaged(name, &system_reason(&error)).into(),
    }
}

fn damaged(name: &str, why: &str) -> Failure {
    Failure::new(
        Code::IntegrityFailed,
        format!("the archive '{name}' is damaged: {why}"),
    )
}

/// The bytes of the archive itself. An error of its reader is told as such, and
/// not as damage.
struct Source<'n, R, S> {
    name: &'n str,
    reader: R,
    step: S,
    /// Read to see what the archive is, and not given on yet; in reverse.
    peeked: Vec<u8>,
}

impl<R: Read, S: FnMut(u64) -> io::Result<()>> Source<'_, R, S> {
    fn detect(&mut self) -> io::Result<Compression> {
        let mut first = Vec::new();
        self.by_ref().take(6).read_to_end(&mut first)?;
        let compression = Compression::of_magic(&first);
        first.reverse();
        self.peeked = first;
        Ok(compression)
    }
}

impl<R: Read, S: FnMut(u64) -> io::Result<()>> Read for Source<'_, R, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let (Some(byte), Some(first)) = (self.peeked.pop(), buffer.first_mut()) {
            *first = byte;
            return Ok(1);
        }
        let count = loop {
            match self.reader.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(smuggle(unsmuggle(error).unwrap_or_else(|error| {
                        let why = system_reason(&error);
                        Failure::new(
                            Code::LocalIo,
                            format!("cannot read the archive '{}': {why}", self.name),
                        )
                        .into()
                    })));
                }
                Ok(count) => break count,
            }
        };
        (self.step)(count as u64)?;
        Ok(count)
    }
}

/// A tar being read.
struct Archive<'a> {
    name: &'a str,
    input: Box<dyn Read + 'a>,
    contents: Contents,
    links: Links,
}

impl Archive<'_> {
    fn read(&mut self) -> anyhow::Result<()> {
        let (mut all, mut next) = (Told::default(), Told::default());
        loop {
            let Some(block) = self.block()? else {
                return Err(self.damaged("it ends without the mark of its end").into());
            };
            if is_zero(&block) {
                return self.end();
            }
            let header = Header::from_byte_slice(&block);
            self.check_sum(&block, header)?;
            let size = header.entry_size();
            let size = size.map_err(|_| self.damaged("an entry has no proper size"))?;
            let added = match header.entry_type().as_byte() {
                b'g' => all.pax(&self.record(size)?),
                b'x' | b'X' => next.pax(&self.record(size)?),
                b'L' => next.gnu_path(&self.record(size)?),
                b'K' => next.gnu_link(&self.record(size)?),
                _ => {
                    let told = std::mem::take(&mut next).or(&all);
                    self.entry(header, told)?;
                    Ok(())
                }
            };
            added.map_err(|why| self.damaged(&format!("an entry {why}")))?;
        }
    }

    /// One thing that has a name, with its bytes.
    fn entry(&mut self, header: &Header, told: Told) -> anyhow::Result<()> {
        let path = told
            .path
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let own = || header.link_name_bytes().map(std::borrow::Cow::into_owned);
        let link = told.link.or_else(own).unwrap_or_default();
        let size = header.entry_size().unwrap_or_default();
        let size = told.size.unwrap_or(size);
        let kind = header.entry_type();
        let verdict = self.links.check(kind, &path, &link, size);
        verdict.map_err(|why| {
            let entry = String::from_utf8_lossy(&path);
            let detail = format!(
                "the archive '{}' is not safe to unpack: its entry '{entry}' {why}",
                self.name
            );
            Failure::new(Code::IntegrityFailed, detail)
                .hint("nothing was unpacked")
                .field("entry", entry.into_owned())
        })?;
        if kind.is_gnu_sparse() {
            self.sparse_map(header)?;
        }
        self.contents.entries += 1;
        match kind {
            EntryType::Directory | EntryType::Fifo => {}
            EntryType::Symlink => self.contents.links += 1,
            _ if path.ends_with(b"/") => {}
            _ => {
                self.contents.files += 1;
                self.contents.bytes = self.contents.bytes.saturating_add(size);
            }
        }
        self.skip(size)
    }

    /// A header's own sum, which tells a header from anything else.
    fn check_sum(&self, block: &[u8; BLOCK], header: &Header) -> Result<(), Failure> {
        let (before, rest) = block.split_at(148);
        let bytes = before.iter().chain(&rest[8..]);
        // The sum is taken with blanks in its own place.
        let sum: u32 = bytes.map(|byte| u32::from(*byte)).sum::<u32>() + 8 * u32::from(b' ');
        if header.cksum().is_ok_and(|told| told == sum) {
            return Ok(());
        }
        let at = if self.contents == Contents::default() {
            "it is no tar archive"
        } else {
            "a header has a wrong sum"
        };
        Err(self.damaged(at))
    }

    /// The record before an entry, when it is not larger than any has to be.
    fn record(&mut self, size: u64) -> anyhow::Result<Vec<u8>> {
        if size > MAX_RECORD {
            return Err(self
                .damaged(&format!("an entry has a name of {size} bytes"))
                .into());
        }
        let mut record = Vec::new();
        let read = self.input.by_ref().take(size).read_to_end(&mut record);
        read.map_err(|error| broken(self.name, error))?;
        if record.len() as u64 != size {
            return Err(self.cut_short().into());
        }
        self.skip_padding(size)?;
        Ok(record)
    }

    /// Where the bytes of a sparse file belong, which is of no concern here.
    fn sparse_map(&mut self, header: &Header) -> anyhow::Result<()> {
        let mut goes_on = header.as_gnu().is_some_and(tar::GnuHeader::is_extended);
        while goes_on {
            interrupt::check()?;
            let Some(block) = self.block()? else {
                return Err(self.cut_short().into());
            };
            let mut map = GnuExtSparseHeader::new();
            map.as_mut_bytes().copy_from_slice(&block);
            goes_on = map.is_extended();
        }
        Ok(())
    }

    /// After the first block of zeros: a second one, and nothing but zeros behind it.
    fn end(&mut self) -> anyhow::Result<()> {
        if self.block()?.is_none_or(|block| !is_zero(&block)) {
            return Err(self.damaged("the mark of its end is cut short").into());
        }
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = self.some(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            if !is_zero(&buffer[..count]) {
                return Err(self.damaged("there is something behind its end").into());
            }
        }
    }

    fn skip(&mut self, size: u64) -> anyhow::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        let mut remaining = size;
        while remaining > 0 {
            let most = usize::try_from(remaining)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            let count = self.some(&mut buffer[..most])?;
            if count == 0 {
                return Err(self.cut_short().into());
            }
            remaining -= count as u64;
        }
        self.skip_padding(size)
    }

    fn skip_padding(&mut self, size: u64) -> anyhow::Result<()> {
        let odd = usize::try_from(size % BLOCK as u64).unwrap_or_default();
        let mut padding = [0; BLOCK];
        let padding = &mut padding[..(BLOCK - odd) % BLOCK];
        let read = self.input.read_exact(padding);
        read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.cut_short().into(),
            _ => broken(self.name, error),
        })
    }

    /// A few bytes may stand for very many: whoever wants to stop it is heard at each step.
    fn some(&mut self, buffer: &mut [u8]) -> anyhow::Result<usize> {
        loop {
            interrupt::check()?;
            match self.input.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(|error| broken(self.name, error)),
            }
        }
    }

    /// A whole block, or nothing at the end of the input.
    fn block(&mut self) -> anyhow::Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.some(&mut block[filled..])? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(self.cut_short().into()),
                count => filled += count,
            }
        }
        Ok(Some(block))
    }

    fn damaged(&self, why: &str) -> Failure {
        damaged(self.name, why)
    }

    fn cut_short(&self) -> Failure {
        self.damaged("it is cut short")
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests;
