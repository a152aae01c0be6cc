//! Yandex Disk, by its REST API.
//!
//! Uploads go under a name without any dot: the service brakes those that are
//! asked for by the name of an archive or database. Once there, size and hash
//! are compared, and the server itself moves the file to its real name. What
//! the service is known to do to its users, and what is done about it, stands
//! in `protocols/yandex_disk.md`; the numbers here are its sections.
//!
//! The token goes to the API alone. Addresses of transfers are signed: they are
//! used once, and neither shown nor stored.

mod api;
mod token;

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::api::{Asked, KIND, Link, Progress, Refusal, Resource, name, read};
use super::error::{Error, Kind, Reason, Repeat, Result, Shortage, smuggle};
use super::http::Answer;
use super::{
    Capabilities, Connection, Deletion, Look, Object, ObjectKind, Provider, ProviderKind, Quota,
    Session,
};
use crate::hash::{Md5, Sha256};
use crate::name::{FileName, TEMPORARY_MARK, is_temporary};
use crate::progress::Task;
use crate::remote_path::RemotePath;
use crate::text::bytes;

pub use self::api::{API_URL, Account, oauth};

/// Files on a page of a listing (§3).
const PAGE: usize = 1000;

/// What is asked of a file.
const FIELDS: &str = "name,type,size,md5,sha256,modified,revision";

/// What is asked of the files of a folder.
const PAGE_FIELDS: &str = "type,_embedded.total,_embedded.items.name,_embedded.items.type,\
    _embedded.items.size,_embedded.items.md5,_embedded.items.sha256,_embedded.items.modified,\
    _embedded.items.revision";

/// What a file is called while a newer one takes its place, where the server cannot
/// replace one by another.
const RETIRED: &str = "-replaced";

/// One company's directory on one account.
pub struct YandexDisk {
    account: Arc<Account>,
    directory: Option<RemotePath>,
    /// The account that was used before, as [`Provider::claim`] named it.
    identity: Option<String>,
    uploads: Mutex<HashMap<String, Upload>>,
}

/// What this process knows of an upload of its own.
#[derive(Clone, Default)]
struct Upload {
    /// Where its bytes go; a link serves one request (§4).
    link: Option<String>,
    sent: Sent,
    /// What had the final name was put aside.
    is_retired: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Sent {
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
    /// Binds an account and a company's directory; without one, only the account can be asked about.
    pub fn new(
        account: Arc<Account>,
        directory: Option<RemotePath>,
        identity: Option<String>,
    ) -> Self {
        YandexDisk {
            account,
            directory,
            identity,
            uploads: Mutex::default(),
        }
    }

    fn uploads(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What this process knows of an upload, where it began it.
    fn upload(&self, session: &Session) -> Option<Upload> {
        self.uploads().get(&session.handle).cloned()
    }

    fn note(&self, session: &Session, change: impl FnOnce(&mut Upload)) {
        change(self.uploads().entry(session.handle.clone()).or_default());
    }

    /// A name's path, always with its scheme: without, a `:` in it is refused (§2).
    fn path(&self, name: &str) -> String {
        match &self.directory {
            Some(directory) => format!("disk:{}", directory.join(name)),
            None => format!("disk:/{name}"),
        }
    }

    fn folder(&self) -> String {
        let directory = self.directory.as_ref().map_or("/", RemotePath::as_str);
        format!("disk:{directory}")
    }

    /// Fails when the token is another account's than the one that has the backups.
    fn refuse_stranger(&self) -> Result<()> {
        let owner = self.account.owner()?;
        let (Some(known), Some(found)) = (&self.identity, &owner.id) else {
            return Ok(());
        };
        if known == found {
            return Ok(());
        }
        let who = &owner.login;
        let detail = format!("the token belongs to '{who}', but another account was used before");
        Err(Error::new(KIND, Kind::Connection(Reason::Forbidden), detail).hint(
            "put the token of that account back, or accept this one: vertex-backup providers set yandex_disk --accept",
        ))
    }

    /// The file or folder at a path.
    fn look_at(&self, path: &str) -> Result<Option<Object>> {
        let doing = "looking at a file";
        let query = [("path", path), ("fields", FIELDS)];
        match self.account.ask("GET", "/resources", &query)? {
            Ok(answer) => Ok(Some(object(read(&answer, doing)?, doing)?)),
            Err(refusal) if refusal.status == 404 => Ok(None),
            Err(refusal) => Err(refusal.error(doing)),
        }
    }

    /// An address to put one file of `size` bytes to.
    fn link(&self, path: &str, size: u64) -> Result<(String, Option<String>)> {
        let doing = "asking where to upload";
        let query = [("path", path), ("overwrite", "false")];
        let ask = || self.account.ask("GET", "/resources/upload", &query);
        let mut asked = ask()?;
        if matches!(&asked, Err(refusal) if refusal.is(name::NO_PARENT)) {
            self.make_directory()?;
            asked = ask()?;
        }
        let answer = asked.map_err(|refusal| self.no_upload(&refusal, size, doing))?;
        let link: Link = read(&answer, doing)?;
        Ok((self.account.transfer_url(&link)?, link.operation_id))
    }

    fn no_upload(&self, refusal: &Refusal, size: u64, doing: &str) -> Error {
        if matches!(refusal.status, 413 | 507) {
            return self.no_room(size, refusal.status);
        }
        if refusal.is(name::NO_PARENT) {
            // Somebody removes it at this very moment.
            let detail = format!("the folder '{}' vanished ({doing})", self.folder());
            return Error::new(KIND, Kind::Connection(Reason::Network), detail)
                .repeat(Repeat::Soon);
        }
        refusal.error(doing)
    }

    /// Makes the company's directory: the deepest folder first, what is above it when
    /// that is missing, too (§3). Whoever makes it at the same time does us a favour.
    fn make_directory(&self) -> Result<()> {
        let components: Vec<&str> = self
            .directory
            .iter()
            .flat_map(RemotePath::components)
            .collect();
        let mut missing = components.len();
        let mut made = 0;
        while made < components.len() {
            let depth = missing.max(1);
            let path = format!("disk:/{}", components[..depth].join("/"));
            match self.account.ask("PUT", "/resources", &[("path", &path)])? {
                Ok(_) => {}
                Err(refusal) if refusal.is(name::FOLDER_EXISTS) => {}
                Err(refusal) if refusal.is(name::EXISTS) => {
                    let detail =
                        format!("'{path}' on Yandex Disk is a file, where a folder should be");
                    return Err(Error::new(KIND, Kind::Misplaced, detail)
                        .hint("remove or rename it, or choose another --remote-path"));
                }
                Err(refusal) if refusal.is(name::NO_PARENT) && depth > 1 => {
                    missing = depth - 1;
                    continue;
                }
                Err(refusal) => return Err(refusal.error("making a folder")),
            }
            made = depth;
            missing = depth + 1;
        }
        Ok(())
    }

    /// Looks for what a session sent: until it is there whole, with what is needed to compare it.
    fn find(&self, session: &Session, limit: Duration) -> Result<Option<Object>> {
        let path = self.path(&session.handle);
        let mut looks = 0;
        let mut unhashed = None;
        let found = self.account.policy().until(KIND, limit, || {
            looks += 1;
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
                    let is_settled = self.progress(session)? != Progress::UnderWay;
                    let wrong = is_settled && object.size != session.size;
                    unhashed = Some(object.clone());
                    Ok(wrong.then_some(Ok(object)))
                }
                Ok(None) => Ok(match self.progress(session)? {
                    Progress::Failed => Some(Err(())),
                    // The server has never heard of it, or has long forgotten.
                    Progress::Unknown if looks > PATIENT_LOOKS => Some(Err(())),
                    _ => None,
                }),
                // Right after an upload the metadata may fail, too (§5.4).
                Err(error) if error.is_open() && !limit.is_zero() => Ok(None),
                Err(error) => Err(error),
            }
        })?;
        Ok(match found {
            Some(found) => found.ok(),
            None => unhashed,
        })
    }

    /// How the server says that an upload stands.
    fn progress(&self, session: &Session) -> Result<Progress> {
        match &session.operation {
            Some(id) => match self.account.operation(id) {
                Err(error) if error.is_open() => Ok(Progress::UnderWay),
                progress => progress,
            },
            // Without a number nothing can be asked, and all may be.
            None => Ok(Progress::UnderWay),
        }
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

    /// Waits for a 202; whether the work is known to be done.
    fn finished(&self, answer: &Answer, size: u64) -> Result<bool> {
        if answer.status != 202 {
            return Ok(true);
        }
        let limit = self.account.policy().checking(size);
        self.account.wait_for(answer, limit)
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
        let retired = format!("{}{RETIRED}", session.handle);
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
    fn settle_retired(&self, session: &Session) -> Result<()> {
        let retired = format!("{}{RETIRED}", session.handle);
        if self.look_at(&self.path(&retired))?.is_none() {
            return Ok(());
        }
        if self.look_at(&self.path(&session.name))?.is_some() {
            return self.remove_own(&retired).map(drop);
        }
        let moved = self.rename(&retired, &session.name, false, session.size)?;
        moved.map_err(|refusal| refusal.error("putting the old file back"))?;
        Ok(())
    }

    /// Removes a file of ours that nobody else knows, for good; whether it was there.
    fn remove_own(&self, name: &str) -> Result<bool> {
        debug_assert!(
            is_temporary(name),
            "only what has our mark is removed unasked"
        );
        let Some(object) = self.look_at(&self.path(name))? else {
            return Ok(false);
        };
        if object.kind == ObjectKind::Other {
            // What is in a folder is nothing of ours.
            return Err(no_file(name));
        }
        match self.remove(name, &object, true) {
            // Nobody else writes under such a name: it was a hash that what is stored does not have.
            Err(error) if matches!(error.kind, Kind::Changed) => {
                let md5 = None;
                self.remove(name, &Object { md5, ..object }, true)
            }
            removed => removed,
        }
    }

    /// Removes a file, if it is still the one that was looked at; whether it was there.
    fn remove(&self, name: &str, object: &Object, permanently: bool) -> Result<bool> {
        let doing = "deleting a file";
        let path = self.path(name);
        let md5 = object.md5.map(|md5| md5.to_string());
        let permanently = if permanently { "true" } else { "false" };
        let mut query = vec![("path", path.as_str()), ("permanently", permanently)];
        query.extend(md5.as_deref().map(|md5| ("md5", md5)));
        match self.account.ask("DELETE", "/resources", &query) {
            Ok(Ok(answer)) => {
                if !self.finished(&answer, object.size)? && self.look_at(&path)?.is_some() {
                    let detail = format!("it began to delete '{name}', and did not end");
                    let timeout = Kind::Connection(Reason::Timeout);
                    return Err(Error::new(KIND, timeout, detail));
                }
                self.account.forget_room();
                Ok(true)
            }
            Ok(Err(refusal)) if refusal.status == 404 => Ok(false),
            Ok(Err(refusal)) if refusal.is(name::OTHER_MD5) => {
                let detail = format!("'{name}' changed while it was to be deleted");
                Err(Error::new(KIND, Kind::Changed, detail))
            }
            Ok(Err(refusal)) => self.gone_after_all(&path, refusal.error(doing)),
            Err(error) => self.gone_after_all(&path, error),
        }
    }

    /// After no answer, or one that is no clear no: perhaps it is done all the same.
    fn gone_after_all(&self, path: &str, error: Error) -> Result<bool> {
        if error.is_open() && matches!(self.look_at(path), Ok(None)) {
            return Ok(true);
        }
        Err(error)
    }

    /// What an answer to a PUT means (§4).
    fn put_refused(&self, session: &Session, refusal: &Refusal, all_sent: bool) -> Error {
        let doing = "uploading";
        match refusal.status {
            500..=506 | 508..=599 if all_sent => {
                let detail = format!("{}, after all was sent", refusal.error(doing));
                Error::new(KIND, Kind::Unanswered, detail).repeat(Repeat::Soon)
            }
            400 | 404 | 409 | 410 => refusal.error(doing).repeat(Repeat::Soon),
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

/// Looks after which neither a missing SHA-256 is waited for, nor an upload that the server
/// does not know of.
const PATIENT_LOOKS: u32 = 5;

fn no_file(name: &str) -> Error {
    let detail = format!("'{name}' is a folder, and is left alone");
    Error::new(KIND, Kind::NotAFile, detail).hint("remove it, or rename it, by hand")
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
        Kind::TooLarge(size.saturating_sub(1))
    } else {
        let needed = size;
        Kind::Full(Shortage { needed, free: None })
    };
    Error::new(KIND, kind, detail).hint("vertex-backup providers info yandex_disk")
}

/// Whether nothing more is to be waited for: it is whole, and its SHA-256 is known.
fn is_final(object: &Object, session: &Session) -> bool {
    object.kind != ObjectKind::Other && object.size == session.size && object.sha256.is_some()
}

/// Whether what has the final name is what was staged. Of what had no hash, and was read
/// back instead, the size must do.
fn is_same(there: &Object, staged: &Object) -> bool {
    let same_hash = match (there.sha256, staged.sha256) {
        (Some(there), Some(staged)) => there == staged,
        (_, None) if staged.md5.is_none() => true,
        _ => staged.md5.is_some() && there.md5 == staged.md5,
    };
    there.kind != ObjectKind::Other && there.size == staged.size && same_hash
}

/// A resource in our words.
fn object(resource: Resource, doing: &str) -> Result<Object> {
    let bad = |what: &str| {
        let why = format!("it tells of a file without {what} ({doing})");
        Error::new(KIND, Kind::Connection(Reason::Network), why)
    };
    let name = resource.name.ok_or_else(|| bad("a name"))?;
    let kind = match resource.kind.as_deref() {
        Some("file") if is_temporary(&name) => ObjectKind::Temporary,
        Some("file") => ObjectKind::File,
        Some(_) => ObjectKind::Other,
        None => return Err(bad("a kind")),
    };
    let size = match (kind, resource.size) {
        (ObjectKind::Other, size) => size.unwrap_or(0),
        (_, Some(size)) => size,
        (_, None) => return Err(bad("a size")),
    };
    // What is no digest is none: it may still be on its way.
    let sha256: Option<Sha256> = resource.sha256.and_then(|text| text.parse().ok());
    let md5: Option<Md5> = resource.md5.and_then(|text| text.parse().ok());
    let version = match (&sha256, &md5, resource.revision) {
        (Some(sha256), _, _) => sha256.to_string(),
        (None, Some(md5), _) => md5.to_string(),
        (None, None, revision) => format!("revision {}", revision.unwrap_or(0)),
    };
    Ok(Object {
        name,
        kind,
        size,
        modified: resource.modified,
        sha256,
        md5,
        version: format!("{size}:{version}"),
    })
}

impl Provider for YandexDisk {
    fn kind(&self) -> ProviderKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            resumable: false,
            server_hash: true,
            trash: true,
        }
    }

    /// Asks for the account, for its folders, and for an upload that is not made:
    /// a token may have one right and lack the next.
    fn check(&self) -> Result<Connection> {
        self.account.disk()?;
        self.refuse_stranger()?;
        let doing = "testing the right to read";
        let query = [
            ("path", "disk:/"),
            ("limit", "1"),
            ("fields", "type,_embedded.total"),
        ];
        let listed = self.account.ask("GET", "/resources", &query)?;
        listed.map_err(|refusal| refusal.error(doing))?;
        let doing = "testing the right to write";
        let id = crate::hash::random_id().unwrap_or_default();
        let path = format!("disk:/{TEMPORARY_MARK}test-{id}");
        let query = [("path", path.as_str()), ("overwrite", "false")];
        let linked = self.account.ask("GET", "/resources/upload", &query)?;
        linked.map_err(|refusal| match refusal.error(doing) {
            Error {
                kind: Kind::Full(_),
                ..
            } => Error::new(KIND, Kind::Connection(Reason::Quota), "the Disk is full")
                .hint("empty its trash, or remove old backups"),
            error => error,
        })?;
        let owner = self.account.owner()?;
        Ok(Connection {
            account: owner.login.clone(),
            identity: owner.id.clone(),
        })
    }

    fn claim(&self) -> Result<String> {
        self.account.owner()?.id.clone().ok_or_else(|| {
            let why = "it does not say whose account it is";
            Error::new(KIND, Kind::Connection(Reason::Network), why)
        })
    }

    fn quota(&self) -> Result<Quota> {
        Ok(self.account.recent_disk()?.quota())
    }

    fn stat(&self, name: &FileName) -> Result<Option<Object>> {
        self.look_at(&self.path(name.as_str()))
    }

    /// Pages overlap by one file (§5.8): when it is not the same in both, files were removed
    /// meanwhile, and others may have slipped from the next page into this one.
    fn list_page(
        &self,
        page: Option<&str>,
        visit: &mut dyn FnMut(Object) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<String>> {
        let doing = "listing a folder";
        let (offset, overlap) = match page.and_then(|page| page.split_once('|')) {
            Some((offset, name)) => (offset.parse::<u64>().unwrap_or(0), Some(name)),
            None => (0, None),
        };
        let (folder, offset_text, limit) = (self.folder(), offset.to_string(), PAGE.to_string());
        let query = [
            ("path", folder.as_str()),
            ("limit", &limit),
            ("offset", &offset_text),
            ("sort", "name"),
            ("fields", PAGE_FIELDS),
        ];
        let answer = match self.account.ask("GET", "/resources", &query)? {
            Ok(answer) => answer,
            Err(refusal) if refusal.status == 404 && page.is_none() => return Ok(None),
            Err(refusal) => return Err(refusal.error(doing).into()),
        };
        let resource: Resource = read(&answer, doing)?;
        let Some(embedded) = resource.embedded else {
            let detail = format!("'{folder}' on Yandex Disk is a file, where a folder should be");
            return Err(Error::new(KIND, Kind::Misplaced, detail)
                .hint("remove or rename it, or choose another --remote-path")
                .into());
        };
        let total = embedded.total.ok_or_else(|| {
            let why = "it does not say how many files a folder has";
            Error::new(KIND, Kind::Connection(Reason::Network), why)
        })?;
        let items = embedded.items.into_iter().map(|item| object(item, doing));
        let items = items.collect::<Result<Vec<_>>>()?;
        let end = offset + items.len() as u64;
        let first = items.first().map(|item| item.name.as_str());
        let is_short = items.is_empty() && offset < total;
        if is_short || overlap.is_some() && first != overlap {
            let detail = format!("'{folder}' changed while it was listed");
            return Err(Error::new(KIND, Kind::Changed, detail).into());
        }
        let last = items.last().map(|item| item.name.clone());
        // After a full page there may be more, whatever it says of how many there are.
        let is_last = end >= total && items.len() < PAGE;
        for item in items {
            visit(item)?;
        }
        Ok(last
            .filter(|_| !is_last)
            .map(|last| format!("{}|{last}", end - 1)))
    }

    fn read(&self, object: &Object, offset: u64) -> Result<Box<dyn Read>> {
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
            Err(refusal) if refusal.status == 404 => {
                return Err(changed("vanished while it was read"));
            }
            Err(refusal) => return Err(refusal.error(doing)),
        };
        let url = self.account.transfer_url(&read(&answer, doing)?)?;
        let incoming = self.account.http().get(&url, offset)?;
        let again = |detail: String| {
            Error::new(KIND, Kind::Connection(Reason::Network), detail).repeat(Repeat::Soon)
        };
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

    fn begin(&self, name: &FileName, size: u64) -> Result<Session> {
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
        };
        self.note(&session, |upload| upload.link = Some(link));
        Ok(session)
    }

    fn send(&self, session: &Session, body: &mut dyn Read, task: &dyn Task) -> Result<()> {
        let mut link = None;
        self.note(session, |upload| link = upload.link.take());
        let link = match link {
            Some(link) => link,
            None => self.link(&self.path(&session.handle), session.size)?.0,
        };
        let silence = self.account.policy().checking(session.size);
        let http = self.account.http();
        let sent = match http.put(&link, session.size, body, silence, task) {
            Ok(answer) if answer.is_success() => Ok(()),
            Ok(answer) => Err(self.put_refused(session, &Refusal::of(&answer), true)),
            Err(broken) if broken.all_sent && broken.error.is_open() => {
                let detail = format!("{}, after all was sent", broken.error);
                Err(Error::new(KIND, Kind::Unanswered, detail).repeat(Repeat::Soon))
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
                Err(error) if matches!(error.kind, Kind::Unanswered) => Sent::Unanswered,
                Err(_) => Sent::NotAll,
            };
        });
        sent
    }

    fn inspect(&self, session: &Session, look: Look, task: &dyn Task) -> Result<Object> {
        let policy = self.account.policy();
        let limit = match (look, self.upload(session).map(|upload| upload.sent)) {
            (Look::Once, _) => Duration::ZERO,
            (Look::Patiently, Some(Sent::Answered)) => policy.checking(session.size),
            (Look::Patiently, _) => policy.searching(session.size),
        };
        task.waiting("waiting for the server to have it");
        self.find(session, limit)?.ok_or_else(|| {
            let detail = format!("the upload of '{}' did not arrive", session.name);
            Error::new(KIND, Kind::Missing, detail)
        })
    }

    fn publish(&self, session: &Session, staged: &Object) -> Result<Object> {
        let doing = "giving a file its name";
        let unclear = match self.rename(&session.handle, &session.name, true, session.size) {
            Ok(Ok(true)) => None,
            Ok(Ok(false)) => {
                let detail = format!("it began to rename '{}', and did not end", session.name);
                Some(Error::new(KIND, Kind::Connection(Reason::Timeout), detail))
            }
            Ok(Err(refusal)) if refusal.is(name::EXISTS) => {
                self.replace(session)?;
                None
            }
            Ok(Err(refusal)) if refusal.is(name::FOLDER_EXISTS) => {
                return Err(no_file(&session.name));
            }
            Ok(Err(refusal)) if refusal.status == 404 => {
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
        if self.upload(session).is_some_and(|upload| upload.is_retired) {
            self.settle_retired(session)?;
        }
        let begun_here = self.uploads().remove(&session.handle).is_some();
        if !begun_here {
            // Whoever took it up asks whether anything of it is left.
            self.note(session, |upload| upload.sent = Sent::Published);
        }
        Ok(there)
    }

    fn discard(&self, session: &Session) -> Result<bool> {
        if !is_temporary(&session.handle) {
            return Ok(true);
        }
        let upload = self.upload(session);
        // Asked before, not after: what is done by then can be seen, and removed.
        let is_under_way = match upload.as_ref().map(|upload| upload.sent) {
            Some(Sent::NotAll | Sent::Published) => false,
            _ => self.progress(session)? == Progress::UnderWay,
        };
        self.settle_retired(session)?;
        if self.remove_own(&session.handle)? || is_under_way {
            return Ok(!is_under_way);
        }
        if upload.is_some_and(|upload| matches!(upload.sent, Sent::NotAll | Sent::Published)) {
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

    /// Looks first: what would be deleted with a folder is not ours to delete.
    fn delete(&self, name: &FileName, deletion: Deletion) -> Result<bool> {
        let name = name.as_str();
        match self.look_at(&self.path(name))? {
            None => Ok(false),
            Some(object) if object.kind == ObjectKind::Other => Err(no_file(name)),
            Some(object) => self.remove(name, &object, deletion == Deletion::Permanent),
        }
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
        let ended = || {
            let why = "the file ended before all of it had come";
            Error::new(KIND, Kind::Connection(Reason::Network), why).repeat(Repeat::Soon)
        };
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
