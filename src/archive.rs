//! Archives of the stored files: tar, plain or compressed, as the application makes them.
//!
//! Both ways are streams: neither the archive nor a file of it is ever held in
//! memory. [`pack`] writes what a folder holds and nothing it merely points to;
//! [`read_through`] believes no archive until it was read to its very end.

mod links;
mod pack;
mod pax;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod read;

use std::fmt;
use std::io::{self, Read, Write};

use bzip2::read::MultiBzDecoder;
use bzip2::write::BzEncoder;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use liblzma::write::XzEncoder;

pub use self::pack::{Packed, Packing, measure, pack};
pub use self::read::{Contents, read_through};

/// What `xz -9` needs to unpack, and a margin; a file that asks for more is refused.
const XZ_MEMORY: u64 = 128 * 1024 * 1024;

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// A plain tar.
    None,
    /// gzip.
    Gz,
    /// bzip2.
    Bz2,
    /// xz.
    Xz,
}

impl Compression {
    const ALL: [Compression; 4] = [
        Compression::None,
        Compression::Gz,
        Compression::Bz2,
        Compression::Xz,
    ];

    /// The application's word for it: what follows `.tar.`, nothing for a plain tar.
    pub const fn word(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gz => "gz",
            Compression::Bz2 => "bz2",
            Compression::Xz => "xz",
        }
    }

    /// What the application's word means.
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "none" => Some(Compression::None),
            word => Self::ALL.into_iter().find(|known| known.word() == word),
        }
    }

    /// What a file's name tells; nothing when it is not the name of an archive.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let ends = |ending: &str| name.ends_with(ending);
        match () {
            () if ends(".tar") => Some(Compression::None),
            () if ends(".tar.gz") || ends(".tgz") => Some(Compression::Gz),
            () if ends(".tar.bz2") || ends(".tbz2") => Some(Compression::Bz2),
            () if ends(".tar.xz") || ends(".txz") => Some(Compression::Xz),
            () => None,
        }
    }

    /// What the first bytes of a file tell.
    pub fn of_magic(bytes: &[u8]) -> Self {
        match bytes {
            [0x1f, 0x8b, ..] => Compression::Gz,
            [b'B', b'Z', b'h', ..] => Compression::Bz2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            _ => Compression::None,
        }
    }

    /// The ending of an archive's name.
    pub fn ending(self) -> &'static str {
        match self {
            Compression::None => ".tar",
            Compression::Gz => ".tar.gz",
            Compression::Bz2 => ".tar.bz2",
            Compression::Xz => ".tar.xz",
        }
    }

    /// Reads what was compressed so, to the end of all streams that follow one another.
    fn decoder<'a>(self, input: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Compression::None => Box::new(input),
            Compression::Gz => Box::new(MultiGzDecoder::new(input)),
            Compression::Bz2 => Box::new(MultiBzDecoder::new(input)),
            Compression::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
                Box::new(XzDecoder::new_stream(input, stream))
            }
        })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::None => "none",
            compressed => compressed.word(),
        })
    }
}

/// Compresses what is written to it.
enum Encoder<W: Write> {
    None(W),
    Gz(GzEncoder<W>),
    Bz2(BzEncoder<W>),
    Xz(XzEncoder<W>),
}

impl<W: Write> Encoder<W> {
    fn new(compression: Compression, output: W) -> Self {
        match compression {
            Compression::None => Encoder::None(output),
            Compression::Gz => Encoder::Gz(GzEncoder::new(output, flate2::Compression::default())),
            // The levels that the application's library takes by itself.
            Compression::Bz2 => Encoder::Bz2(BzEncoder::new(output, bzip2::Compression::best())),
            Compression::Xz => Encoder::Xz(XzEncoder::new(output, 6)),
        }
    }

    fn finish(self) -> io::Result<W> {
        match self {
            Encoder::None(output) => Ok(output),
            Encoder::Gz(encoder) => encoder.finish(),
            Encoder::Bz2(encoder) => encoder.finish(),
            Encoder::Xz(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Encoder::None(output) => output.write(bytes),
            Encoder::Gz(encoder) => encoder.write(bytes),
            Encoder::Bz2(encoder) => encoder.write(bytes),
            Encoder::Xz(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Encoder::None(output) => output.flush(),
            Encoder::Gz(encoder) => encoder.flush(),
            Encoder::Bz2(encoder) => encoder.flush(),
            Encoder::Xz(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_names_and_first_bytes_tell_the_compression() {
        for compression in Compression::ALL {
            assert_eq!(Compression::of_word(compression.word()), Some(compression));
            let name = format!("storage_backup_1{}", compression.ending());
            assert_eq!(Compression::of_name(&name), Some(compression));
            let mut encoder = Encoder::new(compression, Vec::new());
            encoder.write_all(b"anything").unwrap();
            let bytes = encoder.finish().unwrap();
            assert_eq!(Compression::of_magic(&bytes), compression);
        }
        assert_eq!(Compression::of_word("none"), Some(Compression::None));
        assert_eq!(Compression::of_name("X.TGZ"), Some(Compression::Gz));
        assert_eq!(Compression::of_name("db_backup_1.db"), None);
        assert_eq!(Compression::of_name("x.gz"), None);
        assert_eq!(Compression::of_word("zip"), None);
        assert_eq!(Compression::of_magic(b""), Compression::None);
    }
}
