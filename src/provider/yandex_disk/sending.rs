//! Sending: a link, the bytes, and the look whether they arrived.

use std::collections::HashMap;
use std::io::Read;
use std::sync::MutexGuard;
use std::time::Duration;

use super::YandexDisk;
use super::api::{KIND, Link, Standing, read};
use super::refusal::{LATER, Refusal, name};
use super::resource::is_final;
use crate::name::FileName;
use crate::progress::Task;
use crate::provider::error::{Error, Kind, Reason, Repeat, Result, Shortage};
use crate::provider::http::Transfer;
use crate::provider::locked;
use crate::provider::{Look, Object, Session};
use crate::secret::Secret;
use crate::text::bytes;

/// Looks after which neither a missing SHA-256 is waited for, nor an upload that the server
/// does not know of.
const PATIENT_LOOKS: u32 = 5;

/// What this process knows of an upload of its own.
#[derive(Clone, Default)]
pub(super) struct Upload {
    /// Where its bytes go; a link serves one request (§4).
    link: Option<Secret>,
    pub(super) sent: Sent,
    /// What had the final name was put aside.
    pub(super) is_retired: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Sent {
    /// Nothing, or not all of it: nothing will come of it.
    #[default]
    NotAll,
    /// All, but nobody said that it arrived.
    Unanswered,
    /// All, and it arrived.
    Answered,
    /// All, and it has its final name.
    Published,
}

impl YandexDisk {
    pub(super) fn uploads(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        locked(&self.uploads)
    }

    /// What this process knows of an upload, where it began it.
    pub(super) fn upload(&self, session: &Session) -> Option<Upload> {
        self.uploads().get(&session.handle).cloned()
    }

    pub(super) fn note(&self, session: &Session, change: impl FnOnce(&mut Upload)) {
        change(self.uploads().entry(session.handle.clone()).or_default());
    }

    /// As [`Provider::begin`](crate::provider::Provider::begin).
    pub(super) fn begin_upload(&self, name: &FileName, size: u64) -> Result<Session> {
        self.account.check_room(size)?;
        self.refuse_stranger()?;
        let handle = name.temporary().map_err(|error| {
            let why = format!("cannot name the upload: {error}");
            Error::new(KIND, Kind::Disk(None), why)
        })?;
        let (link, operation) = self.link(&self.path(&handle), size)?;
        let session = Session {
            name: name.as_str().to_owned(),
            size,
            handle,
            operation,
            address: None,
        };
        self.note(&session, |upload| upload.link = Some(link));
        Ok(session)
    }

    /// As [`Provider::send`](crate::provider::Provider::send).
    pub(super) fn send_body(
        &self,
        session: &Session,
        body: &mut dyn Read,
        task: &dyn Task,
    ) -> Result<()> {
        let mut link = None;
        self.note(session, |upload| link = upload.link.take());
        let link = match link {
            Some(link) => link,
            None => self.link(&self.path(&session.handle), session.size)?.0,
        };
        let transfer = Transfer {
            url: link.expose(),
            size: session.size,
            token: None,
            range: None,
            is_last: true,
            silence: self.account.policy().checking(session.size),
        };
        let sent = match self.account.http().put(&transfer, body, task) {
            Ok(answer) if answer.is_success() => Ok(()),
            Ok(answer) => Err(self.put_refused(session, &Refusal::of(&answer))),
            // Whoever is asked to stop after the last byte does not know whether it arrived, either.
            Err(broken) if broken.all_sent && (broken.error.is_open() || is_stopped()) => {
                Err(unanswered(&broken.error))
            }
            Err(broken) => {
                // It may have been the Disk that is full, which a broken pipe does not say.
                self.account.forget_room();
                Err(broken.error)
            }
        };
        self.note(session, |upload| {
            upload.sent = match &sent {
                Ok(()) => Sent::Answered,
                Err(error) if matches!(error.kind, Kind::Unanswered(_)) => Sent::Unanswered,
                Err(_) => Sent::NotAll,
            };
        });
        sent
    }

    /// As [`Provider::inspect`](crate::provider::Provider::inspect).
    pub(super) fn look_for(
        &self,
        session: &Session,
        look: Look,
        task: &dyn Task,
    ) -> Result<Object> {
        let policy = self.account.policy();
        let sent = self.upload(session).map(|upload| upload.sent);
        let limit = match look {
            Look::Once => Duration::ZERO,
            Look::Patiently if sent == Some(Sent::Answered) => policy.checking(session.size),
            Look::Patiently => policy.searching(session.size),
        };
        if look == Look::Once {
            // Whoever looks at what an earlier run left may not finish it today.
            self.settle_retired(session)?;
        }
        task.waiting("waiting for the server to have it");
        if let Some(found) = self.find(session, limit)? {
            return Ok(found);
        }
        if sent == Some(Sent::Answered) && self.standing(session)? == Standing::UnderWay {
            let detail = format!("it has '{}', and still checks it", session.name);
            return Err(Error::new(KIND, Kind::Locked, detail).hint(LATER));
        }
        let detail = format!("the upload of '{}' did not arrive", session.name);
        Err(Error::new(KIND, Kind::Missing, detail))
    }

    /// An address to put one file of `size` bytes to.
    fn link(&self, path: &str, size: u64) -> Result<(Secret, Option<String>)> {
        let doing = "asking where to upload";
        let query = [("path", path), ("overwrite", "false")];
        let ask = || self.account.ask("GET", "/resources/upload", &query);
        let mut asked = ask()?;
        if matches!(&asked, Err(refusal) if refusal.is(name::NO_PARENT)) {
            self.make_directory()?;
            asked = ask()?;
        }
        let answer = asked.map_err(|refusal| self.no_upload(&refusal, size, doing))?;
        let mut link: Link = read(&answer, doing)?;
        let operation = link.operation_id.take();
        Ok((self.account.transfer_url(&link)?, operation))
    }

    fn no_upload(&self, refusal: &Refusal, size: u64, doing: &str) -> Error {
        if matches!(refusal.status, 413 | 507) {
            return self.no_room(size, refusal.status);
        }
        if refusal.is(name::NO_PARENT) {
            return self.folder_vanished(doing);
        }
        refusal.error(doing)
    }

    /// Looks for what a session sent: until it is there whole, with what is needed to compare it.
    fn find(&self, session: &Session, limit: Duration) -> Result<Option<Object>> {
        let path = self.path(&session.handle);
        let is_answered = self.upload(session).map(|upload| upload.sent) == Some(Sent::Answered);
        let mut looks = 0;
        let mut unhashed = None;
        let mut unseen = None;
        let found = self.account.policy().until(KIND, limit, || {
            looks += 1;
            unseen = None;
            match self.look_at(&path) {
                Ok(Some(object)) if is_final(&object, session) => Ok(Some(Ok(object))),
                Ok(Some(object)) if object.size == session.size && object.md5.is_some() => {
                    // The SHA-256 may come late, or never: then the MD5 must do.
                    let is_late = looks <= PATIENT_LOOKS;
                    let found = (!is_late || limit.is_zero()).then_some(Ok(object.clone()));
                    unhashed = Some(object);
                    Ok(found)
                }
                Ok(Some(object)) => {
                    let is_settled = self.standing(session)? != Standing::UnderWay;
                    let wrong = is_settled && object.size != session.size;
                    unhashed = Some(object.clone());
                    Ok(wrong.then_some(Ok(object)))
                }
                Ok(None) => Ok(match self.standing(session)? {
                    Standing::Failed => Some(Err(())),
                    // The server has never heard of it. What it said to have, it only forgot.
                    Standing::Unknown if looks > PATIENT_LOOKS && !is_answered => Some(Err(())),
                    _ => None,
                }),
                // Right after an upload the metadata may fail, too (§5.4).
                Err(error) if error.is_open() && !limit.is_zero() => {
                    unseen = Some(error);
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        })?;
        match (found, unhashed, unseen) {
            (Some(found), ..) => Ok(found.ok()),
            (None, Some(unhashed), _) => Ok(Some(unhashed)),
            // Only who is told that it is not there may send it again.
            (None, None, Some(error)) => {
                let detail = format!("nobody can see whether '{}' arrived: {error}", session.name);
                Err(Error::new(KIND, Kind::Locked, detail))
            }
            (None, None, None) => Ok(None),
        }
    }

    /// How the server says that an upload stands.
    pub(super) fn standing(&self, session: &Session) -> Result<Standing> {
        match &session.operation {
            Some(id) => match self.account.operation(id) {
                Err(error) if error.is_open() => Ok(Standing::UnderWay),
                standing => standing,
            },
            // Without a number nothing can be asked, and all may be.
            None => Ok(Standing::UnderWay),
        }
    }

    /// What an answer to a PUT means (§4).
    fn put_refused(&self, session: &Session, refusal: &Refusal) -> Error {
        let doing = "uploading";
        match refusal.status {
            500..=506 | 508..=599 => unanswered(&refusal.error(doing)),
            // The host of a link that has expired: another link may serve.
            400 | 404 | 409 | 410 => {
                let error = refusal.error(doing).repeat(Repeat::Soon);
                Error {
                    hint: None,
                    ..error
                }
            }
            413 | 507 => self.no_room(session.size, refusal.status),
            _ => refusal.error(doing),
        }
    }

    /// The refusal of a file for its size: the numbers are worth a question.
    fn no_room(&self, size: u64, status: u16) -> Error {
        self.account.forget_room();
        let known = self.account.check_room(size).err();
        let known = known.filter(|known| matches!(known.kind, Kind::Full(_) | Kind::TooLarge(_)));
        known.unwrap_or_else(|| refused_for_size(size, status))
    }
}

fn is_stopped() -> bool {
    crate::interrupt::received().is_some()
}

/// The error of an upload of which all went out.
fn unanswered(error: &Error) -> Error {
    let reason = match error.kind {
        Kind::Connection(reason) => reason,
        _ => Reason::Network,
    };
    let detail = format!("{error}, after all was sent");
    Error::new(KIND, Kind::Unanswered(reason), detail).repeat(Repeat::Soon)
}

fn refused_for_size(size: u64, status: u16) -> Error {
    let detail = format!(
        "Yandex Disk refuses a file of {}: {}",
        bytes(size),
        if status == 413 {
            "it is too large"
        } else {
            "there is no room"
        }
    );
    let kind = if status == 413 {
        Kind::TooLarge(None)
    } else {
        let needed = size;
        Kind::Full(Shortage { needed, free: None })
    };
    Error::new(KIND, kind, detail).hint("vertex-backup providers info yandex_disk")
}
