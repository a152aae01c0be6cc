//! A session of the service, which takes the bytes of one file: what it answers (§6.3–6.5).

use serde::Deserialize;

use super::GoogleDrive;
use super::api::{read, vanished};
use super::file::{FIELDS, File};
use super::refusal::{Refusal, astray};
use super::seal::open;
use crate::json;
use crate::provider::Session;
use crate::provider::error::{Error, Kind, Repeat, Result};
use crate::provider::http::{Answer, Request};
use crate::secret::Secret;

/// How a session stands.
pub(super) enum Standing {
    /// The service has as many bytes.
    Has(u64),
    Finished(Box<File>),
}

impl GoogleDrive {
    /// Asks a session how far it came.
    pub(super) fn standing(&self, session: &Session) -> Result<Standing> {
        let all = format!("bytes */{}", session.size);
        self.asked(session, &[("content-range", &all)])
    }

    /// Puts nothing to a session, which then tells how it stands.
    pub(super) fn asked(
        &self,
        session: &Session,
        headers: &[(&'static str, &str)],
    ) -> Result<Standing> {
        let Some(url) = self.address_of(session) else {
            return self.finished(session);
        };
        let answer = self.account.ask_with_token(&Request {
            method: "PUT",
            url: url.expose(),
            headers,
            ..Request::default()
        })?;
        log::debug!("PUT nothing to the session: {}", answer.status);
        if answer.status == 401 {
            // A login that is no good is refused there, too; else it is the session that is none.
            return self.finished(session);
        }
        self.understood(session, &answer, "asking how far an upload came")
    }

    /// What a session answers (§6.5).
    pub(super) fn understood(
        &self,
        session: &Session,
        answer: &Answer,
        doing: &str,
    ) -> Result<Standing> {
        match answer.status {
            200..=299 => match read::<File>(answer, doing) {
                Ok(file) if session.operation.as_ref() != Some(&file.id) => Err(astray(format!(
                    "it tells of another file than was sent ({doing})"
                ))),
                Ok(file) if !file.trashed => Ok(Standing::Finished(Box::new(file))),
                Ok(_) => Err(self.lost(session)),
                // Of a file that was removed since, it may know the id, and no more.
                Err(error) => match self.finished(session) {
                    Err(Error {
                        kind: Kind::Missing,
                        ..
                    }) if !is_about(answer, session) => Err(error),
                    found => found,
                },
            },
            308 => {
                let has = answer.range.as_deref().map_or(Some(0), taken);
                let nonsense = || astray(format!("it does not say how much it has ({doing})"));
                let has = has.ok_or_else(|| nonsense().repeat(Repeat::Soon))?;
                Ok(Standing::Has(has))
            }
            // Gone: it was finished, or it ended.
            404 | 409 | 410 | 499 => self.finished(session),
            400 => {
                // Should it be our fault, the next session shows it.
                log::info!("{}", Refusal::of(answer).error(doing));
                self.finished(session)
            }
            _ => {
                let refusal = self.account.refusal(answer);
                Err(self.refused(&refusal, session.size, doing))
            }
        }
    }

    /// The file of a session that is gone, where it was finished before.
    pub(super) fn finished(&self, session: &Session) -> Result<Standing> {
        let id = session.operation.as_deref().unwrap_or_default();
        // Whoever says that there is none: the session has just said so, too.
        match self.account.ask_for(id, FIELDS)? {
            Ok(file) if !file.trashed => return Ok(Standing::Finished(Box::new(file))),
            Err(refusal) if refusal.status != 404 && !refusal.is_missing() => {
                return Err(refusal.error("looking at a file"));
            }
            Ok(_) | Err(_) => {}
        }
        self.forget_folders();
        Err(vanished(&format!(
            "the upload session of '{}'",
            session.name
        )))
    }

    /// Where the bytes of a session go: as this process knows it, or as it was sealed by an
    /// earlier one, with this login.
    pub(super) fn address_of(&self, session: &Session) -> Option<Secret> {
        let known = self.upload(session).address;
        known.or_else(|| open(&self.account.credentials.roots(), session))
    }

    /// The error of a file that was removed as it came: its folder may have been, too.
    pub(super) fn lost(&self, session: &Session) -> Error {
        self.forget_folders();
        vanished(&format!("the upload of '{}'", session.name))
    }

    /// Tells a session that nothing more will come.
    pub(super) fn cancel(&self, session: &Session) -> Result<()> {
        if self.upload(session).finished.is_some() {
            return Ok(());
        }
        let Some(url) = self.address_of(session) else {
            return Ok(());
        };
        let answer = self.account.ask_with_token(&Request {
            method: "DELETE",
            url: url.expose(),
            ..Request::default()
        })?;
        log::debug!("DELETE session: {}", answer.status);
        // It answers 499 to say that it ended (§6.4); what it does not know has ended, too.
        match answer.status {
            429 | 500..=599 => Err(Refusal::of(&answer).error("giving up an upload")),
            _ => Ok(()),
        }
    }
}

/// The least that is told of a file.
#[derive(Deserialize)]
struct Told {
    id: String,
}

/// Whether an answer tells of the file of a session, however little.
fn is_about(answer: &Answer, session: &Session) -> bool {
    let told: Option<Told> = json::read(&answer.body);
    told.is_some_and(|told| Some(&told.id) == session.operation.as_ref())
}

/// `bytes=0-99`, or `0-99` as older texts have it: how many bytes that is.
pub(super) fn taken(range: &str) -> Option<u64> {
    let range = range.to_ascii_lowercase();
    let range = range
        .trim_start_matches("bytes")
        .trim_start_matches([' ', '=']);
    let (first, last) = range.split('/').next()?.split_once('-')?;
    let last: u64 = last.trim().parse().ok()?;
    (first.trim() == "0").then(|| last.checked_add(1))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_range_are_read() {
        for (range, bytes) in [
            ("bytes=0-8388607", Some(8_388_608)),
            ("0-0", Some(1)),
            ("Bytes=0-9", Some(10)),
            ("bytes 0-9/20", Some(10)),
            ("bytes=1-5", None),
            ("bytes=0-", None),
            ("bytes=0-18446744073709551615", None),
            ("nonsense", None),
        ] {
            assert_eq!(taken(range), bytes, "{range}");
        }
    }
}
