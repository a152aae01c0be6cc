//! Reading: a link, and where it leads.

use std::io::{self, Read};

use super::YandexDisk;
use super::api::{KIND, read};
use crate::provider::Object;
use crate::provider::error::{Error, Kind, Result};

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
        if offset >= object.size {
            return Ok(Box::new(io::empty()));
        }
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
        let incoming = self.account.http().get(url.expose(), offset, None)?;
        incoming.rest_of(KIND, object, offset)
    }
}
