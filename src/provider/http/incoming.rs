//! A file on its way here: the bytes that were asked for, as many as there must be.

use std::io::{self, Read};

use super::Incoming;
use crate::provider::error::{Error, Kind, Reason, Repeat, Result, smuggle};
use crate::provider::{Object, ProviderKind};

impl Incoming {
    /// The object's bytes from `offset` on, which is before its end, in whichever form
    /// they are sent.
    ///
    /// # Errors
    /// When other bytes are sent; [`Kind::Changed`] when they show that the object is another.
    pub fn rest_of(
        self,
        kind: ProviderKind,
        object: &Object,
        offset: u64,
    ) -> Result<Box<dyn Read>> {
        let changed =
            |what: &str| Error::new(kind, Kind::Changed, format!("'{}' {what}", object.name));
        let again = |detail: &str| astray(kind, detail).repeat(Repeat::Soon);
        let left = object.size - offset;
        let skip = match (self.status, self.range) {
            // Whoever does not give a part gives all: what is there already is passed over.
            (200, _) => offset,
            (206, Some((first, total)))
                if first == offset && total.is_none_or(|total| total == object.size) =>
            {
                0
            }
            (206, _) => return Err(again("it sends other bytes than it was asked for")),
            (416, _) => return Err(changed("has fewer bytes than its listing says")),
            (status, _) => {
                let detail = format!("it answers {status} to the request for a file");
                return Err(again(&detail));
            }
        };
        if let Some(length) = self.length.filter(|length| *length != left + skip) {
            let detail = format!(
                "has {} bytes in the listing, but {} are sent",
                object.size,
                length - length.min(skip) + offset
            );
            return Err(changed(&detail).repeat(Repeat::Once));
        }
        Ok(Box::new(Remaining {
            kind,
            reader: self.reader,
            name: object.name.clone(),
            skip,
            left,
        }))
    }
}

fn astray(kind: ProviderKind, why: &str) -> Error {
    Error::new(kind, Kind::Connection(Reason::Network), why)
}

/// As many bytes of a file as are left; an end before that is an error, and so is more.
struct Remaining {
    kind: ProviderKind,
    reader: Box<dyn Read>,
    name: String,
    skip: u64,
    left: u64,
}

impl Read for Remaining {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let failed = |error: Error| Err(smuggle(anyhow::Error::new(error)));
        let ended =
            || astray(self.kind, "the file ended before all of it had come").repeat(Repeat::Soon);
        while self.skip > 0 {
            let room = usize::try_from(self.skip)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            match self.reader.read(&mut buffer[..room])? {
                0 => return failed(ended()),
                count => self.skip -= count as u64,
            }
        }
        if self.left == 0 {
            // Without a length announced, only this shows that there is more.
            if self.reader.read(&mut [0])? == 0 {
                return Ok(0);
            }
            let detail = format!("'{}' has more bytes than its listing says", self.name);
            return failed(Error::new(self.kind, Kind::Changed, detail));
        }
        let room = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        match self.reader.read(&mut buffer[..room])? {
            0 if room > 0 => failed(ended()),
            count => {
                self.left -= count as u64;
                Ok(count)
            }
        }
    }
}
