//! Naming: a verified upload gets its final name, and what had it goes to the trash.
//!
//! In this order: for a moment two files have the name, and of those the newer one counts.
//! What a killed run left so, whoever syncs or deletes that file next puts right.

use std::time::{Duration, Instant};

use serde_json::json;

use super::api::{ALL_DRIVES, Call};
use super::file::{File, id_of};
use super::folders::some_of;
use super::query::Query;
use super::refusal::astray;
use super::{GoogleDrive, KIND, no_file};
use crate::name::is_temporary;
use crate::provider::error::{Error, Kind, Repeat, Result};
use crate::provider::http::encoded;
use crate::provider::{Object, ObjectKind, Session};
use crate::text::printable;

impl GoogleDrive {
    /// All files of a name, the one that counts first.
    ///
    /// By what is in the folder, which is true at once; by the index of names only in
    /// want of it, where the folder has many pages.
    pub(super) fn named(&self, name: &str) -> Result<Vec<File>> {
        let account = &self.account;
        let is_it = |file: &File| file.name == name && !file.trashed;
        let mut found = Vec::new();
        for folder in self.folders()? {
            let children = Query::children(&folder);
            let page = account.page(&children, None)?;
            let page = page.map_err(|refusal| self.unlisted(&refusal))?;
            let mut here: Vec<File> = page.files.into_iter().filter(is_it).collect();
            if let Some(next) = page.next_page_token {
                let more = account.find(&children.clone().named(name), None, is_it)?;
                here.extend(more);
                if here.is_empty() {
                    here = account.find(&children, Some(next), is_it)?;
                }
            }
            found.extend(here);
        }
        self.set_right(name, &mut found)?;
        found.sort_by(|one, other| other.precedence().cmp(&one.precedence()));
        found.dedup_by(|one, other| one.id == other.id);
        let blobs = found.iter().filter(|file| file.is_blob());
        let ids: Vec<_> = blobs.map(|file| file.id.clone()).collect();
        if ids.len() > 1 {
            self.tell_of_copies(name, &ids);
        }
        let mut seen = self.seen();
        // Of thousands of files, only the last ones looked at are kept.
        seen.retain(|_, (at, _)| at.elapsed() < LOOK_LASTS);
        seen.insert(name.to_owned(), (Instant::now(), found.clone()));
        Ok(found)
    }

    /// What this process did itself, it knows better than a search that lags (§5).
    fn set_right(&self, name: &str, found: &mut Vec<File>) -> Result<()> {
        found.retain(|file| !self.retired().contains(&file.id));
        let Some(published) = self.published().get(name).cloned() else {
            return Ok(());
        };
        if !found.iter().any(|file| file.id == published)
            && let Some(file) = self.account.file(&published)?
            && file.name == name
            && !file.trashed
        {
            found.push(file);
        }
        Ok(())
    }

    /// `ids` has those of several files of one name, the newest first.
    pub(super) fn tell_of_copies(&self, name: &str, ids: &[String]) {
        self.account.tell_once(format!(
            "'{}' is there {} times on {KIND}: the newest counts, and a sync of that file puts the others into \
             the trash (ids, newest first: {})",
            printable(name),
            ids.len(),
            some_of(ids)
        ));
    }

    /// As [`Provider::publish`](crate::provider::Provider::publish).
    pub(super) fn give_name(&self, session: &Session, staged: &Object) -> Result<Object> {
        let doing = "giving a file its name";
        let id = id_of(&staged.version);
        // Whoever did not look before does now: what has the name must be known to be retired.
        let others = self.seen_or_looked_at(&session.name)?;
        let file = match self.account.update(id, &json!({ "name": session.name }))? {
            Ok(file) => file,
            Err(refusal) if refusal.is_missing() => return Err(self.lost(session)),
            Err(refusal) => return Err(refusal.error(doing)),
        };
        if file.trashed {
            return Err(self.lost(session));
        }
        let published = file.object()?;
        let is_named = file.name == session.name;
        if !is_named || !is_same(&published, staged) {
            if is_named {
                // What has the name so far is to count again.
                self.remove(&file, false)?;
            }
            let detail = format!(
                "'{}' is not what was sent once it has its name",
                session.name
            );
            return Err(Error::new(KIND, Kind::Changed, detail));
        }
        self.published()
            .insert(session.name.clone(), file.id.clone());
        self.retire_others(&file.id, &others)?;
        self.seen().remove(&session.name);
        self.uploads().remove(&session.handle);
        Ok(published)
    }

    /// What had a name a moment ago, or else has it now.
    fn seen_or_looked_at(&self, name: &str) -> Result<Vec<File>> {
        let seen = self.seen().get(name).cloned();
        match seen.filter(|(at, _)| at.elapsed() < LOOK_LASTS) {
            Some((_, files)) => Ok(files),
            None => self.named(name),
        }
    }

    /// As [`Provider::settle`](crate::provider::Provider::settle).
    pub(super) fn put_copies_away(&self, object: &Object) -> Result<()> {
        let files = self.seen_or_looked_at(&object.name)?;
        let id = id_of(&object.version);
        match files.first() {
            Some(newest) if newest.id == id => self.retire_others(id, &files),
            // One that came since was not verified.
            _ => Ok(()),
        }
    }

    fn retire_others(&self, id: &str, files: &[File]) -> Result<()> {
        let mut others = files.iter().filter(|file| file.is_blob() && file.id != id);
        others.try_for_each(|file| self.retire(file))
    }

    /// Puts a file away that a newer one has replaced.
    fn retire(&self, file: &File) -> Result<()> {
        match self.account.trash(&file.id)? {
            Ok(_) => {}
            Err(refusal) if refusal.is_gone() => {}
            Err(refusal) if refusal.status == 403 && !refusal.is_throttle() => {
                // It is another's. The newer one counts, and who looks is told of both.
                log::warn!(
                    "the replaced '{}' stays beside the new one: {}",
                    printable(&file.name),
                    refusal.error("moving it to the trash")
                );
                return Ok(());
            }
            Err(refusal) => return Err(refusal.error("moving a replaced file to the trash")),
        }
        self.retired().insert(file.id.clone());
        Ok(())
    }

    /// As [`Provider::discard`](crate::provider::Provider::discard).
    pub(super) fn discard_upload(&self, session: &Session) -> Result<bool> {
        self.cancel(session)?;
        self.uploads().remove(&session.handle);
        let Some(id) = &session.operation else {
            return Ok(true);
        };
        // One that was published is a backup. What it replaced goes once it is verified again.
        let stored = self.account.file(id)?;
        if let Some(file) = stored.filter(|file| is_temporary(&file.name)) {
            self.remove(&file, true)?;
        }
        Ok(true)
    }

    /// Deletes all of a name, since the older ones would come to the fore; whether there was one.
    pub(super) fn delete_named(&self, name: &str, for_good: bool) -> Result<bool> {
        self.refuse_stranger()?;
        let found = self.named(name)?;
        let (blobs, others): (Vec<_>, Vec<_>) = found.iter().partition(|file| file.is_blob());
        if blobs.is_empty() && !others.is_empty() {
            return Err(no_file(name));
        }
        for file in &blobs {
            self.remove(file, for_good)?;
        }
        self.seen().remove(name);
        self.published().remove(name);
        Ok(!blobs.is_empty())
    }

    /// Removes a file. Where the account may not delete for good, the trash must do (§11).
    fn remove(&self, file: &File, for_good: bool) -> Result<()> {
        if !(for_good && self.delete_for_good(file)?) {
            match self.account.trash(&file.id)? {
                Ok(_) => {}
                Err(refusal) if refusal.is_gone() => {}
                Err(refusal) => return Err(refusal.error(DELETING)),
            }
        }
        self.retired().insert(file.id.clone());
        Ok(())
    }

    /// Deletes a file for good; whether the account may.
    fn delete_for_good(&self, file: &File) -> Result<bool> {
        let asked = self.account.ask(Call {
            method: "DELETE",
            path: &format!("/files/{}", encoded(&file.id)),
            query: &[ALL_DRIVES],
            ..Call::default()
        })?;
        match asked {
            Ok(_) => Ok(true),
            Err(refusal) if refusal.is_gone() => Ok(true),
            Err(refusal) if refusal.status == 403 && !refusal.is_throttle() => {
                self.account.tell_once(
                    "the account may not delete for good there: what it deletes goes to the trash"
                        .into(),
                );
                Ok(false)
            }
            Err(refusal) => Err(refusal.error(DELETING)),
        }
    }

    /// The file of an object, as it is now.
    pub(super) fn current(&self, object: &Object) -> Result<File> {
        let changed = |what: &str| {
            let detail = format!("'{}' {what}", object.name);
            Error::new(KIND, Kind::Changed, detail)
        };
        let file = self.account.file(id_of(&object.version))?;
        let file = file.filter(|file| !file.trashed);
        let file = file.ok_or_else(|| changed("vanished while it was read"))?;
        let now = file.object()?;
        if now.kind == ObjectKind::Other {
            return Err(
                astray(format!("'{}' is no file any more", object.name)).repeat(Repeat::Never)
            );
        }
        if now.version != object.version {
            return Err(changed("changed while it was read"));
        }
        Ok(file)
    }
}

/// What an error says of a deletion.
const DELETING: &str = "deleting a file";

/// As long nobody is asked again what has a name.
const LOOK_LASTS: Duration = Duration::from_secs(60);

/// Whether one has the content of the other, as far as is told: hashes may come late, or never.
fn is_same(one: &Object, other: &Object) -> bool {
    let may_be = |is_it: Option<bool>| is_it.unwrap_or(true);
    let md5 = one.md5.zip(other.md5).map(|(one, other)| one == other);
    let sha256 = one
        .sha256
        .zip(other.sha256)
        .map(|(one, other)| one == other);
    one.size == other.size && may_be(md5) && may_be(sha256)
}
