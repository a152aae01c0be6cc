//! Reading: the bytes of a file, from any one on (§7).

use std::io::{self, Read};

use super::api::{ALL_DRIVES, API};
use super::refusal::Refusal;
use super::{GoogleDrive, KIND};
use crate::provider::Object;
use crate::provider::error::{Error, Kind, Reason, Result};
use crate::provider::http::{Incoming, encoded};
use crate::secret::Secret;
use crate::text::printable;

impl GoogleDrive {
    /// As [`Provider::read`](crate::provider::Provider::read).
    pub(super) fn open(&self, object: &Object, offset: u64) -> Result<Box<dyn Read>> {
        let id = self.current(object)?.id;
        if offset >= object.size {
            return Ok(Box::new(io::empty()));
        }
        let mut incoming = self.media(&id, offset, false)?;
        if incoming.status == 403 {
            let refusal = self.account.refusal(&incoming.into_answer());
            if !refusal.is_about_abuse() {
                return Err(unread(&refusal));
            }
            if !self.account.options.acknowledges_abuse {
                return Err(flagged(object));
            }
            incoming = self.media(&id, offset, true)?;
        }
        match incoming.status {
            200..=299 | 416 => incoming.rest_of(KIND, object, offset),
            _ => Err(unread(&self.account.refusal(&incoming.into_answer()))),
        }
    }

    /// Asks for the bytes, with a new token where the one at hand is refused.
    fn media(&self, id: &str, offset: u64, acknowledge: bool) -> Result<Incoming> {
        let mut query = vec![("alt", "media"), ALL_DRIVES];
        if acknowledge {
            query.push(("acknowledgeAbuse", "true"));
        }
        let path = format!("/files/{}", encoded(id));
        let url = self.account.url(API, &path, &query);
        let ask = |token: &Secret| {
            let http = self.account.http();
            http.get(&url, offset, Some(("Bearer", token)))
        };
        let incoming = self.account.with_token(ask, |incoming| incoming.status)?;
        log::debug!("GET {API}{path}?alt=media: {}", incoming.status);
        Ok(incoming)
    }
}

fn unread(refusal: &Refusal) -> Error {
    if refusal.is_missing() {
        let detail = "the file vanished while it was read";
        return Error::new(KIND, Kind::Changed, detail);
    }
    refusal.error("downloading")
}

/// The error of a file that Google takes for malware.
fn flagged(object: &Object) -> Error {
    let detail = format!(
        "Google takes '{}' for malware or spam, and gives it only to its owner, who acknowledges that",
        printable(&object.name)
    );
    Error::new(KIND, Kind::Connection(Reason::Forbidden), detail).hint(
        "archives are mistaken for it now and then: if you trust it, use download, verify or restore-test with --acknowledge-abuse",
    )
}
