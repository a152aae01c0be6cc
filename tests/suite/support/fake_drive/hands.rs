//! What a test does behind the client's back: looks at what is stored, and changes it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::drive::{Node, Quota, Role, real};
use super::faults::Kept;
use super::upload::Stand;
use super::{Drive, FakeDrive, ROOT};
use crate::support::fake::content::Content;

/// All that is known of a file or folder.
#[derive(Clone, Debug)]
pub struct File {
    pub id: String,
    pub name: String,
    pub mime: String,
    pub parents: Vec<String>,
    /// It, or a folder above it.
    pub trashed: bool,
    pub size: Option<u64>,
    pub md5: Option<String>,
    pub sha256: Option<String>,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub app_properties: BTreeMap<String, String>,
    pub drive_id: Option<String>,
    /// Made by another client.
    pub foreign: bool,
}

/// A session that still takes bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// The file it will be.
    pub id: String,
    /// Its whole address.
    pub uri: String,
    /// How many bytes it has, of how many.
    pub stored: u64,
    pub total: Option<u64>,
}

impl File {
    fn of(node: &Node, drive: &Drive) -> Self {
        let content = node.content.as_ref();
        File {
            id: node.id.clone(),
            name: node.name.clone(),
            mime: node.mime.clone(),
            parents: node.parent.iter().cloned().collect(),
            trashed: drive.is_trashed(&node.id),
            size: content.map(|_| node.size()),
            md5: content.map(|content| content.md5.clone()),
            sha256: content.map(|content| content.sha256.clone()),
            created: node.created,
            modified: node.modified,
            app_properties: node.app_properties.clone(),
            drive_id: node.drive.clone(),
            foreign: node.foreign,
        }
    }
}

impl FakeDrive {
    /// Changes or reads what is stored.
    pub fn drive<T>(&self, f: impl FnOnce(&mut Drive) -> T) -> T {
        f(&mut self.shared.lock().drive)
    }

    /// The folder at these exact names below the root of My Drive; of twins the oldest.
    pub fn folder(&self, names: &[&str]) -> Option<String> {
        self.folder_in(ROOT, names)
    }

    /// The same below any folder.
    pub fn folder_in(&self, root: &str, names: &[&str]) -> Option<String> {
        self.drive(|drive| drive.walk(root, names))
    }

    /// Makes the folders that are missing.
    pub fn make_folders(&self, names: &[&str]) -> String {
        let mut parent = ROOT.to_owned();
        for name in names {
            let found = self.folder_in(&parent, &[name]);
            parent = found.unwrap_or_else(|| self.put_folder(&parent, name));
        }
        parent
    }

    /// Makes a folder, as this client did some time.
    pub fn put_folder(&self, parent: &str, name: &str) -> String {
        self.drive(|drive| drive.put(parent, name, None))
    }

    /// Stores a file, as this client did some time.
    pub fn put_file(&self, parent: &str, name: &str, bytes: &[u8]) -> String {
        self.drive(|drive| drive.put(parent, name, Some(Content::new(bytes))))
    }

    /// Makes a folder as another client: nobody sees it under `drive.file`.
    pub fn put_foreign_folder(&self, parent: &str, name: &str) -> String {
        let id = self.put_folder(parent, name);
        self.make_foreign(&id);
        id
    }

    /// Stores a file as another client: nobody sees it under `drive.file`.
    pub fn put_foreign_file(&self, parent: &str, name: &str, bytes: &[u8]) -> String {
        let id = self.put_file(parent, name, bytes);
        self.make_foreign(&id);
        id
    }

    /// All that is in a folder, oldest first; what lies in the trash, too.
    pub fn children(&self, parent: &str) -> Vec<File> {
        self.drive(|drive| {
            let found = drive.children(parent);
            found.iter().map(|it| File::of(it, drive)).collect()
        })
    }

    /// The names of the files at a path that are not in the trash, sorted; twice where there
    /// are two.
    pub fn names(&self, path: &[&str]) -> Vec<String> {
        let Some(folder) = self.folder(path) else {
            return Vec::new();
        };
        let all = self.children(&folder).into_iter();
        let files = all.filter(|file| file.size.is_some() && !file.trashed);
        let mut names: Vec<_> = files.map(|file| file.name).collect();
        names.sort();
        names
    }

    /// The files at a path with this name that are not in the trash, oldest first.
    pub fn files(&self, path: &[&str], name: &str) -> Vec<File> {
        let Some(folder) = self.folder(path) else {
            return Vec::new();
        };
        let all = self.children(&folder).into_iter();
        all.filter(|file| file.name == name && !file.trashed)
            .collect()
    }

    /// The bytes of the file with this name at a path; of twins the oldest.
    pub fn content(&self, path: &[&str], name: &str) -> Option<Vec<u8>> {
        let file = self.files(path, name).into_iter().next()?;
        self.bytes(&file.id)
    }

    /// The bytes of a file.
    pub fn bytes(&self, id: &str) -> Option<Vec<u8>> {
        self.drive(|drive| Some(drive.find(id)?.content.as_ref()?.bytes.to_vec()))
    }

    /// All that is known of a file or folder.
    pub fn file(&self, id: &str) -> Option<File> {
        self.drive(|drive| Some(File::of(drive.find(id)?, drive)))
    }

    /// Everything there is, oldest first, without the roots.
    pub fn all_files(&self) -> Vec<File> {
        self.drive(|drive| {
            let all = drive.all().filter(|node| node.parent.is_some());
            let mut files: Vec<_> = all.map(|node| File::of(node, drive)).collect();
            files.sort_by_key(|file| file.created);
            files
        })
    }

    /// Flips a bit of the stored bytes; the hashes told are those of what is stored. For the
    /// id a name that only one file has does, too.
    #[track_caller]
    pub fn corrupt(&self, id_or_name: &str) {
        self.drive(|drive| {
            let named = drive.all().filter(|node| node.name == id_or_name);
            let named: Vec<_> = named.map(|node| node.id.clone()).collect();
            assert!(named.len() <= 1, "{id_or_name}: which one?");
            let id = named.into_iter().next();
            let id = id.unwrap_or_else(|| id_or_name.to_owned());
            drive.corrupt(&id);
        });
    }

    /// Stores other bytes.
    pub fn replace(&self, id: &str, bytes: &[u8]) {
        self.drive(|drive| drive.replace(id, bytes));
    }

    /// Puts something into the trash.
    pub fn trash(&self, id: &str) {
        self.drive(|drive| drive.find_mut(id).trashed = true);
    }

    /// Deletes something for good.
    pub fn delete(&self, id: &str) {
        self.drive(|drive| drive.delete(id));
    }

    pub fn rename(&self, id: &str, name: &str) {
        self.drive(|drive| name.clone_into(&mut drive.find_mut(id).name));
    }

    pub fn move_to(&self, id: &str, parent: &str) {
        self.drive(|drive| drive.relocate(id, parent)).unwrap();
    }

    /// Changes when something was made and last changed.
    pub fn age(&self, id: &str, when: Timestamp) {
        self.drive(|drive| {
            let node = drive.find_mut(id);
            (node.created, node.modified) = (when, when);
        });
    }

    /// Sets a property that this client sees.
    pub fn set_property(&self, id: &str, key: &str, value: &str) {
        self.drive(|drive| {
            let properties = &mut drive.find_mut(id).app_properties;
            properties.insert(key.to_owned(), value.to_owned());
        });
    }

    /// The service takes a file for malware.
    pub fn flag_as_abusive(&self, id: &str) {
        self.drive(|drive| drive.find_mut(id).abusive = true);
    }

    /// Makes a shared drive; its id is also the one of its root.
    pub fn add_shared_drive(&self, name: &str) -> String {
        self.drive(|drive| drive.add_shared_drive(name))
    }

    /// The room there is, in bytes, and what is used beside what is stored.
    pub fn quota(&self, limit: Option<u64>, usage: u64, in_trash: u64) {
        let quota = Quota {
            limit,
            usage,
            in_trash,
        };
        self.drive(|drive| drive.quota = quota);
    }

    /// New objects are not found by name in the next so many lists that ask for one.
    pub fn name_lag(&self, lists: usize) {
        self.drive(|drive| drive.lags.0 = lists);
    }

    /// New objects are in none of the next so many lists.
    pub fn list_lag(&self, lists: usize) {
        self.drive(|drive| drive.lags.1 = lists);
    }

    /// The search for names misses upper-case letters with accents.
    pub fn accent_blind(&self, blind: bool) {
        self.drive(|drive| drive.accent_blind = blind);
    }

    /// `files/root` is answered under `drive.file`, too.
    pub fn show_root(&self, shown: bool) {
        self.drive(|drive| drive.shows_root = shown);
    }

    /// The most files a page has.
    pub fn page_size(&self, files: usize) {
        self.shared.lock().page_size = files;
    }

    /// What is kept of chunks that break off.
    pub fn keep_of_broken_chunks(&self, kept: Kept) {
        self.shared.lock().kept = kept;
    }

    /// The status of a finished upload of a new file: 200 or 201.
    pub fn created_status(&self, status: u16) {
        self.shared.lock().created_status = status;
    }

    /// What the account may do on shared drives.
    pub fn role(&self, role: Role) {
        self.drive(|drive| drive.role = role);
    }

    /// It is as if another client had made it. A shared drive can still be a parent.
    pub fn make_foreign(&self, id: &str) {
        self.drive(|drive| drive.find_mut(id).foreign = true);
    }

    /// A search in a folder that is not there, or not seen, finds nothing: no 404.
    pub fn unseen_parents_are_empty(&self, empty: bool) {
        self.shared.lock().unseen_is_empty = empty;
    }

    /// Downloads are redirected to another host.
    pub fn redirect_media(&self, redirected: bool) {
        self.shared.lock().redirects_media = redirected;
    }

    /// The sessions that still take bytes, in the order they were begun.
    pub fn sessions(&self) -> Vec<OpenSession> {
        let state = self.shared.lock();
        let open = state.sessions.iter().filter(|it| it.stand == Stand::Open);
        let told = open.map(|session| OpenSession {
            id: session.id().to_owned(),
            uri: format!("{}{}", state.url(super::Host::Api), session.target),
            stored: session.has(),
            total: session.total,
        });
        told.collect()
    }

    /// Every session that is open has this answer from now on: 404, 410 or 499.
    pub fn forget_sessions(&self, status: u16) {
        for session in &mut self.shared.lock().sessions {
            if session.stand == Stand::Open {
                session.stand = Stand::Gone(status);
            }
        }
    }

    /// The addresses of all sessions there ever were, which are secrets.
    pub fn session_uris(&self) -> Vec<String> {
        let state = self.shared.lock();
        let api = state.url(super::Host::Api);
        let all = state.sessions.iter();
        all.map(|session| format!("{api}{}", session.target))
            .collect()
    }

    /// How many bytes were sent that the service already had.
    pub fn wasted(&self) -> u64 {
        self.shared.lock().wasted
    }

    /// Every access token given so far is answered with 401 from now on.
    pub fn expire_tokens(&self) {
        self.shared.lock().accounts.expire();
    }

    /// What tokens are said to last, in seconds.
    pub fn token_lifetime(&self, seconds: u64) {
        self.shared.lock().accounts.lifetime = seconds;
    }

    /// Each renewal gives a new refresh token, and the old one is worth nothing.
    pub fn rotate_refresh_token(&self, rotated: bool) {
        self.shared.lock().accounts.rotates = rotated;
    }

    /// Every grant is refused from now on.
    pub fn refuse_grants(&self, error: &str, description: &str) {
        let refusal = (error.to_owned(), description.to_owned());
        self.shared.lock().accounts.refuses = Some(refusal);
    }

    /// Grants are given again.
    pub fn accept_grants(&self) {
        self.shared.lock().accounts.refuses = None;
    }

    /// What all tokens may do, in full: `https://www.googleapis.com/auth/drive`.
    pub fn grant_scope(&self, scope: &str) {
        let state = &mut *self.shared.lock();
        scope.clone_into(&mut state.accounts.scope);
        state.drive.sees_all = state.accounts.sees_all();
    }

    /// All tokens given so far are of a service account that acts for nobody.
    pub fn robot(&self, robot: bool) {
        self.shared.lock().accounts.set_robot(robot);
    }

    /// The service's clock is so far ahead of ours.
    pub fn skew_clock(&self, by: SignedDuration) {
        self.shared.lock().accounts.skew = by;
    }

    /// Every token there ever was: none may be shown.
    pub fn secrets(&self) -> Vec<String> {
        self.shared.lock().accounts.secrets()
    }
}

impl Drive {
    /// The folder at these names; of twins the oldest. What is in the trash does not count.
    pub fn walk(&self, root: &str, names: &[&str]) -> Option<String> {
        let mut parent = real(root).to_owned();
        for name in names {
            let children = self.children(&parent);
            let mut fitting = children
                .iter()
                .filter(|it| it.is_folder() && it.name == *name);
            parent = fitting.find(|it| !self.is_trashed(&it.id))?.id.clone();
        }
        Some(parent)
    }

    /// Flips a bit of the stored bytes.
    pub fn corrupt(&mut self, id: &str) {
        let node = self.find_mut(id);
        node.content = node.content.as_ref().map(Content::corrupted);
        node.version += 1;
    }

    /// Stores other bytes.
    pub fn replace(&mut self, id: &str, bytes: &[u8]) {
        let now = self.now();
        let node = self.find_mut(id);
        node.content = Some(Content::new(bytes));
        (node.modified, node.version) = (now, node.version + 1);
    }
}
