//! Naming: a verified upload gets its final name, and what is not wanted any more goes.

use super::api::{KIND, Standing};
use super::refusal::{Asked, LATER, name};
use super::resource::is_same;
use super::sending::Sent;
use super::{YandexDisk, no_file};
use crate::name::is_temporary;
use crate::provider::error::{Error, Kind, Result};
use crate::provider::{Object, ObjectKind, Session};

/// What a file is called while a newer one takes its place, where the server cannot
/// replace one by another.
fn retired(session: &Session) -> String {
    format!("{}-replaced", session.handle)
}

impl YandexDisk {
    /// As [`Provider::publish`](crate::provider::Provider::publish).
    pub(super) fn give_name(&self, session: &Session, staged: &Object) -> Result<Object> {
        let doing = "giving a file its name";
        let unclear = match self.rename(&session.handle, &session.name, true, session.size) {
            Ok(Ok(true)) => None,
            Ok(Ok(false)) => {
                let detail = format!("it has not finished giving '{}' its name", session.name);
                Some(Error::new(KIND, Kind::Locked, detail).hint(LATER))
            }
            Ok(Err(refusal)) if refusal.is(name::EXISTS) => {
                // What has the name may be what an unanswered try gave it.
                if self.published(session, staged)?.is_none() {
                    self.replace(session)?;
                }
                None
            }
            Ok(Err(refusal)) if refusal.is(name::FOLDER_EXISTS) => {
                return Err(no_file(&session.name));
            }
            // The folder is gone, and what was in it: or only what was in it.
            Ok(Err(refusal)) if refusal.is_missing() || refusal.is(name::NO_PARENT) => {
                let detail = format!("the upload of '{}' vanished", session.name);
                Some(Error::new(KIND, Kind::Missing, detail))
            }
            Ok(Err(refusal)) => Some(refusal.error(doing)),
            Err(error) => Some(error),
        };
        let there = match unclear {
            // Both names tell how it went (§5.4).
            Some(error) => match self.published(session, staged) {
                Ok(Some(there)) => there,
                _ => return Err(error),
            },
            None => self.renamed(session, staged)?,
        };
        if self.upload(session).is_none_or(|upload| upload.is_retired) {
            // Of what another run began, nobody here knows what it put aside.
            self.settle_retired(session)?;
        }
        let begun_here = self.uploads().remove(&session.handle).is_some();
        if !begun_here {
            // Whoever took it up asks whether anything of it is left.
            self.note(session, |upload| upload.sent = Sent::Published);
        }
        Ok(there)
    }

    /// As [`Provider::discard`](crate::provider::Provider::discard).
    pub(super) fn discard_upload(&self, session: &Session) -> Result<bool> {
        if !is_temporary(&session.handle) {
            return Ok(true);
        }
        let sent = self.upload(session).map(|upload| upload.sent);
        let is_over = matches!(sent, Some(Sent::NotAll | Sent::Published));
        // Asked before, not after: what is done by then can be seen, and removed.
        let is_under_way = !is_over && self.standing(session)? == Standing::UnderWay;
        self.settle_retired(session)?;
        if self.remove_own(&session.handle)? || is_under_way {
            return Ok(!is_under_way);
        }
        if is_over {
            return Ok(true);
        }
        // What the server is done with shows a little later (§5.4).
        let policy = self.account.policy();
        policy.until(KIND, policy.pause * 4, || {
            let removed = self.remove_own(&session.handle)?;
            Ok(removed.then_some(()))
        })?;
        Ok(true)
    }

    /// Moves a file within the directory; whether the server says that it did.
    fn rename(&self, from: &str, to: &str, overwrite: bool, size: u64) -> Result<Asked<bool>> {
        let (from, to) = (self.path(from), self.path(to));
        let overwrite = if overwrite { "true" } else { "false" };
        let query = [
            ("from", from.as_str()),
            ("path", &to),
            ("overwrite", overwrite),
        ];
        Ok(match self.account.ask("POST", "/resources/move", &query)? {
            Ok(answer) => Ok(self.finished(&answer, size)?),
            Err(refusal) => Err(refusal),
        })
    }

    /// The staged object under its final name, once it has left its temporary one.
    fn published(&self, session: &Session, staged: &Object) -> Result<Option<Object>> {
        let there = self.look_at(&self.path(&session.name))?;
        let Some(there) = there.filter(|there| is_same(there, staged)) else {
            return Ok(None);
        };
        // The old content may have been the same.
        let left = self.look_at(&self.path(&session.handle))?;
        Ok(left.is_none().then_some(there))
    }

    /// The staged object under its final name, after the server said that it has it.
    fn renamed(&self, session: &Session, staged: &Object) -> Result<Object> {
        let path = self.path(&session.name);
        let policy = self.account.policy();
        let there = policy.until(KIND, policy.searching(0), || match self.look_at(&path) {
            Ok(there) => Ok(there.filter(|there| is_same(there, staged))),
            Err(error) if error.is_open() => Ok(None),
            Err(error) => Err(error),
        })?;
        there.ok_or_else(|| {
            let detail = format!(
                "'{}' was verified and given its name, but something else is there now",
                session.name
            );
            Error::new(KIND, Kind::Changed, detail)
        })
    }

    /// Gives a file its final name where the server replaces nothing: what has the name is put
    /// aside under one that can be told from the session, so that whoever comes after a
    /// crash finds both, and puts one of them in place.
    fn replace(&self, session: &Session) -> Result<()> {
        let there = self.look_at(&self.path(&session.name))?;
        if there.is_some_and(|there| there.kind == ObjectKind::Other) {
            // The server says of a file and of a folder that it is there.
            return Err(no_file(&session.name));
        }
        let retired = retired(session);
        self.note(session, |upload| upload.is_retired = true);
        self.rename(&session.name, &retired, true, session.size)?
            .map_err(|refusal| refusal.error("putting the old file aside"))?;
        let moved = self.rename(&session.handle, &session.name, false, session.size);
        let why = match moved {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(refusal)) => refusal.error("giving a file its name"),
            Err(error) => error,
        };
        // Back it goes; should this fail, too, the next try or the next run finds it.
        let _ = self.rename(&retired, &session.name, false, session.size);
        Err(why)
    }

    /// Removes what was put aside, once the name has its new content; puts it back while
    /// the name has none.
    pub(super) fn settle_retired(&self, session: &Session) -> Result<()> {
        let retired = retired(session);
        if self.look_at(&self.path(&retired))?.is_none() {
            return Ok(());
        }
        // Asked by moving, not by looking: only what the server itself finds there replaces it.
        match self.rename(&retired, &session.name, false, session.size)? {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.is(name::EXISTS) => {
                let there = self.look_at(&self.path(&session.name))?;
                match there {
                    Some(there) if there.kind != ObjectKind::Other => {
                        self.remove_own(&retired).map(drop)
                    }
                    Some(_) => Err(no_file(&session.name)),
                    None => Ok(()),
                }
            }
            Err(refusal) => Err(refusal.error("putting the old file back")),
        }
    }
}
