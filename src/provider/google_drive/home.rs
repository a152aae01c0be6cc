//! Where all remote directories begin: the folder or shared drive that is configured, else
//! the account's own Drive.

use serde::Deserialize;

use super::api::{Account, Call, read};
use super::file::{FIELDS, Rights};
use super::query::Query;
use super::refusal::LOGIN;
use super::{KIND, MY_DRIVE, scope};
use crate::provider::error::{Error, Kind, Reason, Result};
use crate::provider::http::encoded;
use crate::provider::locked;
use crate::text::printable;

/// Where all remote directories begin.
#[derive(Clone, Debug)]
pub(super) struct Home {
    /// The folder's id, or [`MY_DRIVE`] where the service does not tell it.
    pub(super) id: String,
    /// The shared drive it is on.
    pub(super) drive: Option<String>,
    /// What an operator calls it.
    pub(super) name: String,
    /// Whether files may be put there, as far as is told.
    is_writable: bool,
    /// The service has told of it.
    is_known: bool,
}

/// A shared drive, as the service tells of it.
#[derive(Deserialize)]
pub(super) struct SharedDrive {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    capabilities: Rights,
}

impl Account {
    /// Where all remote directories begin; asked once.
    pub(super) fn home(&self) -> Result<Home> {
        let mut known = locked(&self.home);
        if let Some(home) = &*known {
            return Ok(home.clone());
        }
        let options = &self.options;
        let home = match (&options.folder_id, &options.shared_drive_id) {
            (Some(folder), drive) => self.folder_home(folder, drive.as_deref())?,
            (None, Some(drive)) => self.drive_home(drive)?,
            (None, None) => self.own_home()?,
        };
        Ok(known.insert(home).clone())
    }

    fn folder_home(&self, id: &str, drive: Option<&str>) -> Result<Home> {
        let fields = format!("{FIELDS},capabilities(canAddChildren)");
        let shown = printable(id);
        let folder = match self.file_with(id, &fields)? {
            Some(folder) if folder.is_folder() && !folder.trashed => folder,
            Some(folder) => {
                let what = if folder.trashed {
                    "is in the trash"
                } else {
                    "is no folder"
                };
                let detail = format!("folder_id '{shown}' {what}");
                return Err(refused(detail).hint(
                    "name another: vertex-backup providers set google_drive --folder-id ID",
                ));
            }
            None => return Err(self.unseen("folder", "folder_id", id)),
        };
        if drive.is_some() && drive != folder.drive_id.as_deref() {
            let detail = format!(
                "the folder '{shown}' (folder_id) is not on the shared drive that is configured (shared_drive_id)"
            );
            return Err(refused(detail).hint(
                "give only one of both: vertex-backup providers set google_drive --shared-drive-id ''",
            ));
        }
        Ok(Home {
            id: folder.id,
            drive: folder.drive_id,
            name: folder.name,
            is_writable: folder.capabilities.can_add_children.unwrap_or(true),
            is_known: true,
        })
    }

    fn drive_home(&self, id: &str) -> Result<Home> {
        let doing = "looking at the shared drive";
        let asked = self.ask(Call {
            method: "GET",
            path: &format!("/drives/{}", encoded(id)),
            query: &[("fields", "id,name,capabilities(canAddChildren)")],
            ..Call::default()
        })?;
        let is_known = asked.is_ok();
        let drive: SharedDrive = match asked {
            Ok(answer) => read(&answer, doing)?,
            Err(refusal) if refusal.is_missing() => return Err(self.unseen_drive(id)),
            // The scope drive.file does not tell of drives, but may make folders in them.
            Err(refusal) if refusal.is_about_scope() => SharedDrive {
                id: id.to_owned(),
                name: id.to_owned(),
                capabilities: Rights::default(),
            },
            Err(refusal) => return Err(refusal.error(doing)),
        };
        Ok(Home {
            // The drive's own id is that of its root folder (§3).
            id: drive.id.clone(),
            drive: Some(drive.id),
            name: drive.name,
            is_writable: drive.capabilities.can_add_children.unwrap_or(true),
            is_known,
        })
    }

    /// Fails where the home is none: of a shared drive that the scope does not tell of, a
    /// search in it does.
    pub(super) fn check_home(&self) -> Result<()> {
        let home = self.home()?;
        if home.is_known {
            return Ok(());
        }
        match self.page(&Query::children(&home.id), None)? {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.is_missing() => Err(self.unseen_drive(&home.id)),
            Err(refusal) => Err(refusal.error("looking at the shared drive")),
        }
    }

    fn unseen_drive(&self, id: &str) -> Error {
        self.unseen("shared drive", "shared_drive_id", id)
    }

    fn own_home(&self) -> Result<Home> {
        // Under the scope drive.file it may be hidden, and still serve as a parent (§2.5).
        let own = self.file(MY_DRIVE)?;
        Ok(Home {
            id: own.map_or_else(|| MY_DRIVE.to_owned(), |own| own.id),
            drive: None,
            name: "My Drive".to_owned(),
            is_writable: true,
            is_known: true,
        })
    }

    /// The error of what is not there, or hidden by the scope: the answer is the same.
    fn unseen(&self, what: &str, key: &str, id: &str) -> Error {
        let credentials = &self.credentials;
        let hint = if credentials.owns_nothing() {
            "share it with the service account's address, as Content manager".to_owned()
        } else if credentials
            .scope()
            .is_some_and(|granted| scope::covers(&granted, scope::DRIVE_READONLY))
        {
            "check the id, and share it with the account".to_owned()
        } else {
            let option = key.replace('_', "-");
            format!(
                "with the scope drive.file only what this client_id made can be seen: do without it \
                 (vertex-backup providers set google_drive --{option} ''), or {LOGIN} --scope drive"
            )
        };
        let who = credentials
            .client_id()
            .map_or_else(String::new, |id| format!(" for {}", printable(id)));
        refused(format!(
            "the {what} '{}' ({key}) is not there, or hidden from this login{who}",
            printable(id)
        ))
        .hint(hint)
    }

    /// Whether the login is known to allow reading alone.
    pub(super) fn is_read_only(&self) -> bool {
        self.credentials.scope().is_some_and(|granted| {
            let covers = |scope| scope::covers(&granted, scope);
            covers(scope::DRIVE_READONLY) && !covers(scope::DRIVE_FILE)
        })
    }

    /// Fails where nothing could be stored, before anything is (§11).
    pub(super) fn refuse_unwritable(&self) -> Result<()> {
        let home = self.home()?;
        let credentials = &self.credentials;
        if credentials.owns_nothing() && home.drive.is_none() {
            let detail = "a service account has no storage of its own, and the folder is not on a shared drive";
            return Err(refused(detail).hint(NO_STORAGE));
        }
        if let Some(granted) = credentials.scope()
            && let Some((why, hint)) = scope::shortfall(&granted)
        {
            return Err(refused(why).hint(hint));
        }
        if !home.is_writable {
            let detail = format!("the account may not write in '{}'", printable(&home.name));
            return Err(refused(detail).hint(
                "give it the right: Editor of the folder, Content manager of the shared drive",
            ));
        }
        Ok(())
    }
}

/// The three ways out for a service account (§11).
pub(super) const NO_STORAGE: &str = "give it a shared drive (vertex-backup providers set google_drive --shared-drive-id ID), \
     let it act for a user (--impersonate USER), or log in as a user: vertex-backup providers login google_drive";

fn refused(detail: impl Into<String>) -> Error {
    Error::new(KIND, Kind::Connection(Reason::Forbidden), detail)
}
