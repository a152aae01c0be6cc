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
mod naming;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod reading;
mod refusal;
mod resource;
mod sending;
mod token;

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex};

use self::api::{KIND, Resource, read};
use self::refusal::{LATER, astray, file_in_the_way, name};
use self::resource::object;
use self::sending::Upload;
use super::error::{Error, Kind, Reason, Repeat, Result};
use super::http::Answer;
use super::{
    Capabilities, Connection, Content, Deletion, Look, Object, ObjectKind, Provider, ProviderKind,
    Quota, Session,
};
use crate::name::{FileName, TEMPORARY_MARK, is_temporary};
use crate::progress::Task;
use crate::remote_path::RemotePath;

pub use self::api::{Account, oauth};

/// Files on a page of a listing (§3).
const PAGE: usize = 1000;

/// Requests for each folder of a directory that is made: up to the top and down again is two,
/// and as many when somebody removes it meanwhile.
const FOLDER_ROUNDS: usize = 4;

/// What is asked of a file.
const FIELDS: &str = "name,type,size,md5,sha256,modified,revision";

/// What is asked of the files of a folder.
const PAGE_FIELDS: &str = "type,_embedded.total,_embedded.items.name,_embedded.items.type,\
    _embedded.items.size,_embedded.items.md5,_embedded.items.sha256,_embedded.items.modified,\
    _embedded.items.revision";

/// The identity of an account that does not say whose it is.
const NAMELESS: &str = "nameless";

/// One company's directory on one account.
pub struct YandexDisk {
    account: Arc<Account>,
    directory: Option<RemotePath>,
    /// The account that was used before, as [`Provider::claim`] named it.
    identity: Option<String>,
    uploads: Mutex<HashMap<String, Upload>>,
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
        if known == found || known == NAMELESS {
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
            Err(refusal) if refusal.is_missing() => Ok(None),
            Err(refusal) => Err(refusal.error(doing)),
        }
    }

    /// Makes the company's directory: the deepest folder first, what is above it when
    /// that is missing, too (§3). Whoever makes it at the same time does us a favour; who
    /// removes it as fast as it is made ends it.
    fn make_directory(&self) -> Result<()> {
        let components: Vec<&str> = self
            .directory
            .iter()
            .flat_map(RemotePath::components)
            .collect();
        let mut depth = components.len();
        let mut asked = 0;
        while (1..=components.len()).contains(&depth) {
            if asked == FOLDER_ROUNDS * components.len() {
                return Err(self.folder_vanished("making a folder"));
            }
            asked += 1;
            let path = format!("disk:/{}", components[..depth].join("/"));
            match self.account.ask("PUT", "/resources", &[("path", &path)])? {
                Ok(_) => depth += 1,
                Err(refusal) if refusal.is(name::FOLDER_EXISTS) => depth += 1,
                Err(refusal) if refusal.is(name::NO_PARENT) && depth > 1 => depth -= 1,
                Err(refusal) if refusal.is(name::EXISTS) => {
                    return Err(file_in_the_way(&path));
                }
                Err(refusal) => return Err(refusal.error("making a folder")),
            }
        }
        Ok(())
    }

    /// The error of a folder that somebody removes at this very moment.
    fn folder_vanished(&self, doing: &str) -> Error {
        let detail = format!("the folder '{}' vanished ({doing})", self.folder());
        astray(detail).repeat(Repeat::Soon)
    }

    /// Waits for a 202; whether the work is known to be done.
    fn finished(&self, answer: &Answer, size: u64) -> Result<bool> {
        if answer.status != 202 {
            return Ok(true);
        }
        let limit = self.account.policy().checking(size);
        self.account.wait_for(answer, limit)
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
                    let detail = format!("it has not finished deleting '{name}'");
                    return Err(Error::new(KIND, Kind::Locked, detail).hint(LATER));
                }
                self.account.forget_room();
                Ok(true)
            }
            Ok(Err(refusal)) if refusal.is_missing() => Ok(false),
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
}

fn no_file(name: &str) -> Error {
    let detail = format!("'{name}' is a folder, and is left alone");
    Error::new(KIND, Kind::NotAFile, detail).hint("remove it, or rename it, by hand")
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
            access: None,
            identity: owner.id.clone(),
        })
    }

    fn claim(&self) -> Result<String> {
        // An account that does not name itself can be told from no other.
        let id = self.account.owner()?.id.clone();
        Ok(id.unwrap_or_else(|| NAMELESS.to_owned()))
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
            Err(refusal) if refusal.is_missing() && page.is_none() => return Ok(None),
            Err(refusal) => return Err(refusal.error(doing).into()),
        };
        let resource: Resource = read(&answer, doing)?;
        if resource.kind.as_deref() == Some("file") {
            return Err(file_in_the_way(&folder).into());
        }
        let embedded = resource.embedded;
        let embedded = embedded.ok_or_else(|| astray("it does not say what is in a folder"))?;
        let total = embedded.total;
        let total = total.ok_or_else(|| astray("it does not say how many files a folder has"))?;
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
        self.open(object, offset)
    }

    fn begin(&self, name: &FileName, size: u64) -> Result<Session> {
        self.begin_upload(name, size)
    }

    fn send(&self, session: &Session, body: &mut dyn Content, task: &dyn Task) -> Result<()> {
        self.send_body(session, body, task)
    }

    fn inspect(&self, session: &Session, look: Look, task: &dyn Task) -> Result<Object> {
        self.look_for(session, look, task)
    }

    fn publish(&self, session: &Session, staged: &Object) -> Result<Object> {
        self.give_name(session, staged)
    }

    fn settle(&self, _: &Object) -> Result<()> {
        Ok(())
    }

    fn discard(&self, session: &Session) -> Result<bool> {
        self.discard_upload(session)
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
