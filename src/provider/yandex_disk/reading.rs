//! Reading: a link, where it leads, and as many bytes as there must be.

use std::io::{self, Read};

use super::YandexDisk;
use super::api::{KIND, read};
use super::refusal::astray;
use crate::provider::Object;
use crate::provider::error::{Error, Kind, Repeat, Result, smuggle};

impl YandexDisk {
    /// As [`Provider::read`](crate::provider::Provider::read).
    pub(super) fn open(&self, object: &Object, offset: u64) -> Result<Box<dyn Read>> {
        let path = self.path(&object.name);
        let changed =
            |what: &str| Error::new(KIND, Kind::Changed, format!("'{}' {what}", object.name));
        let there = self.look_at(&path)?;
        let there = there.ok_or_else(|| changed("vanished while it was read"))?;
        if there.version != object.version {
            return Err(changed("changed while it was read"));
        }
        let Some(left) = object.size.checked_sub(offset).filter(|left| *left > 0) else {
            return Ok(Box::new(io::empty()));
        };
        let doing = "asking where to download";
        let query = [("path", path.as_str())];
        let answer = match self.account.ask("GET", "/resources/download", &query)? {
            Ok(answer) => answer,
            Err(refusal) if refusal.is_missing() => {
                return Err(changed("vanished while it was read"));
            }
            Err(refusal) => return Err(refusal.error(doing)),
        };
        let url = self.account.transfer_url(&read(&answer, doing)?)?;
        let incoming = self.account.http().get(&url, offset)?;
        let again = |detail: String| astray(detail).repeat(Repeat::Soon);
        let skip = match (incoming.status, incoming.range) {
            // Whoever does not give a part gives all: what is there already is passed over.
            (200, _) => offset,
            (206, Some((first, total)))
                if first == offset && total.is_none_or(|total| total == object.size) =>
            {
                0
            }
            (206, _) => return Err(again("it sends other bytes than it was asked for".into())),
            (416, _) => return Err(changed("has fewer bytes than its listing says")),
            (status, _) => {
                return Err(again(format!(
                    "it answers {status} to the request for a file"
                )));
            }
        };
        if let Some(length) = incoming.length.filter(|length| *length != left + skip) {
            let detail = format!(
                "has {} bytes in the listing, but {} are sent",
                object.size,
                length - length.min(skip) + offset
            );
            return Err(changed(&detail).repeat(Repeat::Once));
        }
        Ok(Box::new(Remaining {
            reader: incoming.reader,
            name: object.name.clone(),
            skip,
            left,
        }))
    }
}

/// As many bytes of a file as are left; an end before that is an error, and so is more.
struct Remaining {
    reader: Box<dyn Read>,
    name: String,
    skip: u64,
    left: u64,
}

impl Read for Remaining {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let failed = |error: Error| Err(smuggle(anyhow::Error::new(error)));
        let ended = || astray("the file ended before all of it had come").repeat(Repeat::Soon);
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
            return failed(Error::new(KIND, Kind::Changed, detail));
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
