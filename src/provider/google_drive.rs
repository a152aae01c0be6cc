//! Google Drive, by version 3 of its API.
//!
//! A company's remote directory is a chain of folders, found or made once. An upload has
//! its id before its first byte and is resumed wherever it was stopped; once it is there,
//! size and hash are compared, and it gets its name. What the service is known to do to
//! its users, and what is done about it, stands in `protocols/google_drive.md`; the
//! numbers here are its sections.
//!
//! The token goes to the API alone, and so does what it is renewed with. The address of an
//! upload is as good as a password for it: it is stored in the state, and shown nowhere.

mod api;
mod file;
mod folders;
mod home;
mod naming;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod query;
mod reading;
mod refusal;
mod room;
pub mod scope;
mod seal;
mod search;
mod sending;
pub mod service_account;
mod session;
pub mod token;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use self::file::File;
use self::query::Query;
use self::refusal::Refusal;
use self::sending::Upload;
use super::error::{Error, Kind, Reason, Repeat, Result};
use super::{
    Access, Capabilities, Connection, Content, Deletion, Look, Object, Provider, ProviderKind,
    Quota, Session,
};
use crate::name::FileName;
use crate::progress::Task;
use crate::provider::locked;
use crate::remote_path::RemotePath;

pub use self::api::{Account, Options};
pub use self::sending::{CHUNK, UNIT};

const KIND: ProviderKind = ProviderKind::GoogleDrive;

/// The name of every account's own Drive, which stands for its id (§2.5).
const MY_DRIVE: &str = "root";

/// The identity of an account that does not say whose it is.
const NAMELESS: &str = "nameless";

/// One company's directory on one account.
pub struct GoogleDrive {
    account: Arc<Account>,
    directory: Option<RemotePath>,
    /// The account that was used before, as [`Provider::claim`] named it.
    identity: Option<String>,
    uploads: Mutex<HashMap<String, Upload>>,
    /// What had a name when it was last looked at.
    seen: Mutex<HashMap<String, (Instant, Vec<File>)>>,
    /// Of a listing under way, the ids of what has a name.
    listed: Mutex<BTreeMap<String, Vec<String>>>,
    /// The ids of what got its name here, which a search may not show yet.
    published: Mutex<HashMap<String, String>>,
    /// The ids of what was put away here, which a search may still show.
    retired: Mutex<HashSet<String>>,
}

impl GoogleDrive {
    /// Binds an account and a company's directory; without one, only the account can be asked about.
    pub fn new(
        account: Arc<Account>,
        directory: Option<RemotePath>,
        identity: Option<String>,
    ) -> Self {
        GoogleDrive {
            account,
            directory,
            identity,
            uploads: Mutex::default(),
            seen: Mutex::default(),
            listed: Mutex::default(),
            published: Mutex::default(),
            retired: Mutex::default(),
        }
    }

    fn uploads(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        locked(&self.uploads)
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<String, (Instant, Vec<File>)>> {
        locked(&self.seen)
    }

    fn published(&self) -> MutexGuard<'_, HashMap<String, String>> {
        locked(&self.published)
    }

    fn retired(&self) -> MutexGuard<'_, HashSet<String>> {
        locked(&self.retired)
    }

    /// The ids of the company's folder; none where it is missing.
    fn folders(&self) -> Result<Vec<String>> {
        match &self.directory {
            Some(directory) => self.account.folders(directory),
            None => Ok(vec![self.account.home()?.id]),
        }
    }

    /// The id of the folder that is written to, made if it is missing.
    fn made_folder(&self) -> Result<String> {
        match &self.directory {
            Some(directory) => {
                let mut folders = self.account.made_folders(directory)?;
                Ok(folders.swap_remove(0))
            }
            None => Ok(self.account.home()?.id),
        }
    }

    fn forget_folders(&self) {
        if let Some(directory) = &self.directory {
            self.account.forget_folders(directory);
        }
    }

    /// What the storage is: a shared drive whoever reaches it, else an account's own; and
    /// where the scope shows only what one client made, that client (§2.5).
    fn identity_now(&self) -> Result<String> {
        if let Some(drive) = self.account.home()?.drive {
            return Ok(format!("drive {drive}"));
        }
        let Some(id) = self.account.user()?.id() else {
            return Ok(NAMELESS.to_owned());
        };
        let credentials = self.account.credentials();
        let sees_all = credentials
            .scope()
            .is_none_or(|granted| scope::covers(&granted, scope::DRIVE_READONLY));
        Ok(match credentials.client_id().filter(|_| !sees_all) {
            Some(client) => format!("user {id} client {client}"),
            None => format!("user {id}"),
        })
    }

    /// Fails when the backups are another account's, or hidden from this client.
    fn refuse_stranger(&self) -> Result<()> {
        let Some(known) = self.identity.as_deref().filter(|known| *known != NAMELESS) else {
            return Ok(());
        };
        let found = self.identity_now()?;
        if found == known || found == NAMELESS {
            return Ok(());
        }
        let whose = |identity: &str| identity.split(" client ").next().map(str::to_owned);
        if whose(known) == whose(&found) {
            // Who sees all sees what the client made, and the other way round it is told at login.
            if !(known.contains(" client ") && found.contains(" client ")) {
                return Ok(());
            }
            let detail = "the login belongs to another client_id than the one used before, whose files the scope drive.file hides";
            return Err(stranger(detail));
        }
        let who = self.account.user()?.name();
        let detail = format!(
            "the login belongs to '{who}', but another account or shared drive was used before"
        );
        Err(stranger(&detail))
    }
}

fn stranger(detail: &str) -> Error {
    Error::new(KIND, Kind::Connection(Reason::Forbidden), detail).hint(
        "put that login back, or accept this one: vertex-backup providers set google_drive --accept",
    )
}

/// The error of a folder, or a document of Google's, that has the name of a backup.
fn no_file(name: &str) -> Error {
    let detail = format!("'{name}' is not a file, and is left alone");
    Error::new(KIND, Kind::NotAFile, detail).hint("remove it, or rename it, by hand")
}

impl Provider for GoogleDrive {
    fn kind(&self) -> ProviderKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            resumable: true,
            server_hash: true,
            trash: true,
        }
    }

    fn check(&self) -> Result<Connection> {
        self.account.about()?;
        let home = self.account.home()?;
        self.account.check_home()?;
        self.refuse_stranger()?;
        // A login that was given only for restores is as it should be.
        let can_write = !self.account.is_read_only();
        if can_write {
            self.account.refuse_unwritable()?;
        }
        let credentials = self.account.credentials();
        Ok(Connection {
            account: self.account.user()?.name().to_owned(),
            identity: Some(self.identity_now()?),
            access: Some(Access {
                credentials: credentials.kind().name(),
                scope: credentials.scope().map(|granted| scope::short(&granted)),
                folder: home.name,
                can_write,
            }),
        })
    }

    fn claim(&self) -> Result<String> {
        self.identity_now()
    }

    fn quota(&self) -> Result<Quota> {
        self.account.quota_now()
    }

    fn stat(&self, name: &FileName) -> Result<Option<Object>> {
        let found = self.named(name.as_str())?;
        found.first().map(File::object).transpose()
    }

    /// Pages of the folder, and of its twins after it; where it has some, all on one page,
    /// so that of two files of a name the newer one comes first.
    fn list_page(
        &self,
        page: Option<&str>,
        visit: &mut dyn FnMut(Object) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<String>> {
        let folders = self.folders()?;
        let (mut files, next) = match folders.as_slice() {
            [] => return Ok(None),
            [folder] => self.page_of(folder, page)?,
            twins => {
                let mut files = Vec::new();
                for folder in twins {
                    files.extend(
                        self.account
                            .find(&Query::children(folder), None, |_| true)?,
                    );
                }
                (files, None)
            }
        };
        files.retain(|file| !file.trashed && !self.retired().contains(&file.id));
        files.sort_by(|one, other| other.precedence().cmp(&one.precedence()));
        self.tell_of_all_copies(&files, page.is_none(), next.is_none());
        let objects = files.iter().map(File::object);
        for object in objects.collect::<Result<Vec<_>>>()? {
            visit(object)?;
        }
        Ok(next)
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

    fn inspect(&self, session: &Session, _: Look, _: &dyn Task) -> Result<Object> {
        self.look_for(session)
    }

    fn publish(&self, session: &Session, staged: &Object) -> Result<Object> {
        self.give_name(session, staged)
    }

    fn settle(&self, object: &Object) -> Result<()> {
        self.put_copies_away(object)
    }

    fn discard(&self, session: &Session) -> Result<bool> {
        self.discard_upload(session)
    }

    fn delete(&self, name: &FileName, deletion: Deletion) -> Result<bool> {
        self.delete_named(name.as_str(), deletion == Deletion::Permanent)
    }
}

impl GoogleDrive {
    fn page_of(&self, folder: &str, page: Option<&str>) -> Result<(Vec<File>, Option<String>)> {
        let doing = "listing a folder";
        match self.account.page(&Query::children(folder), page)? {
            Ok(page) => Ok((page.files, page.next_page_token)),
            Err(refusal) if refusal.status == 400 && page.is_some() => {
                let detail = format!("a page of the listing expired ({doing})");
                Err(Error::new(KIND, Kind::Changed, detail))
            }
            Err(refusal) => Err(self.unlisted(&refusal)),
        }
    }

    /// The error of a folder that cannot be listed; one that is gone is looked up anew.
    fn unlisted(&self, refusal: &Refusal) -> Error {
        let error = refusal.error("listing a folder");
        if !refusal.is_missing() {
            return error;
        }
        self.forget_folders();
        let detail = "a folder vanished while it was listed";
        Error::new(KIND, Kind::Changed, detail).repeat(Repeat::Soon)
    }

    /// Says which names several files have, once the last page was listed.
    fn tell_of_all_copies(&self, files: &[File], is_first: bool, is_last: bool) {
        let mut listed = locked(&self.listed);
        if is_first {
            listed.clear();
        }
        for file in files.iter().filter(|file| file.is_blob()) {
            let ids = listed.entry(file.name.clone()).or_default();
            if !ids.contains(&file.id) {
                ids.push(file.id.clone());
            }
        }
        if is_last {
            let listed = std::mem::take(&mut *listed);
            for (name, ids) in listed.iter().filter(|(_, ids)| ids.len() > 1) {
                self.tell_of_copies(name, ids);
            }
        }
    }
}
