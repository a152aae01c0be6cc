//! What is stored: files and folders by id, with the rules of the service.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::faults::Refusal;
use crate::support::fake::content::{Content, base64url};

/// What a folder says it is.
pub const FOLDER: &str = "application/vnd.google-apps.folder";
/// What a blob says it is, where nothing else was said.
pub const BLOB: &str = "application/octet-stream";
/// The root folder of My Drive, which the alias `root` stands for.
pub const ROOT: &str = "0AFakeRootOfMyDriveUk9PVA";

/// A file, or a folder when it has no content.
#[derive(Clone)]
pub struct Node {
    pub id: String,
    pub name: String,
    pub mime: String,
    pub parent: Option<String>,
    pub content: Option<Content>,
    /// Put into the trash itself, not only with a folder above it.
    pub trashed: bool,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub app_properties: BTreeMap<String, String>,
    /// The shared drive it is on.
    pub drive: Option<String>,
    /// Made by another client: hidden from those that may see only their own.
    pub foreign: bool,
    /// Taken for malware.
    pub abusive: bool,
    pub version: u64,
    name_lag: usize,
    list_lag: usize,
}

impl Node {
    pub fn is_folder(&self) -> bool {
        self.mime == FOLDER
    }

    pub fn size(&self) -> u64 {
        let content = self.content.as_ref();
        content.map_or(0, |content| content.bytes.len() as u64)
    }
}

/// What is asked for when an object is made.
#[derive(Clone)]
pub struct Draft {
    pub id: String,
    pub name: String,
    pub mime: String,
    pub parent: String,
    pub modified: Option<Timestamp>,
    pub app_properties: BTreeMap<String, String>,
}

/// Room, as `about` tells it. What is stored counts on top of what is used.
#[derive(Clone, Copy)]
pub struct Quota {
    pub limit: Option<u64>,
    pub usage: u64,
    pub in_trash: u64,
}

/// What an account may do on shared drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Organizer,
    /// All but to delete for good.
    FileOrganizer,
    /// Neither that nor to use the trash.
    Writer,
}

/// All that one account can reach.
pub struct Drive {
    nodes: BTreeMap<String, Node>,
    given_ids: BTreeSet<String>,
    /// What was deleted for good: its id cannot be used again.
    gone: BTreeSet<String>,
    last: Timestamp,
    pub quota: Quota,
    /// The search for names misses upper-case letters with accents.
    pub accent_blind: bool,
    /// Looks by name, and looks of any kind, that a new object stays hidden for.
    pub lags: (usize, usize),
    /// Everything is seen, not only what this client made.
    pub sees_all: bool,
    /// `files/root` is answered although only what this client made is seen.
    pub shows_root: bool,
    pub role: Role,
}

impl Drive {
    pub fn new() -> Self {
        let mut drive = Drive {
            nodes: BTreeMap::new(),
            given_ids: BTreeSet::new(),
            gone: BTreeSet::new(),
            last: Timestamp::now(),
            quota: Quota {
                limit: Some(15 << 30),
                usage: 0,
                in_trash: 0,
            },
            accent_blind: false,
            lags: (0, 0),
            sees_all: false,
            shows_root: false,
            role: Role::Organizer,
        };
        drive.add_root(ROOT, "My Drive", None);
        drive
    }

    fn add_root(&mut self, id: &str, name: &str, drive: Option<&str>) {
        let draft = Draft {
            id: id.to_owned(),
            name: name.to_owned(),
            mime: FOLDER.to_owned(),
            parent: String::new(),
            modified: None,
            app_properties: BTreeMap::new(),
        };
        let mut root = self.node(draft, None);
        root.parent = None;
        root.drive = drive.map(str::to_owned);
        root.name_lag = 0;
        root.list_lag = 0;
        self.nodes.insert(root.id.clone(), root);
    }

    /// Makes a shared drive.
    pub fn add_shared_drive(&mut self, name: &str) -> String {
        let id = format!("0A{}", &self.fresh_id()[2..19]);
        self.add_root(&id, name, Some(&id));
        id
    }

    /// The shared drives: id and name.
    pub fn shared_drives(&self) -> impl Iterator<Item = (&str, &str)> {
        let roots = self.nodes.values().filter(|node| node.parent.is_none());
        let shared = roots.filter(|node| node.drive.is_some());
        shared.map(|node| (node.id.as_str(), node.name.as_str()))
    }

    /// A time in milliseconds that no other call was given.
    pub fn now(&mut self) -> Timestamp {
        let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
        let next = self.last + SignedDuration::from_millis(1);
        self.last = Timestamp::from_millisecond(now.max(next).as_millisecond()).unwrap();
        self.last
    }

    fn fresh_id(&mut self) -> String {
        let number = self.given_ids.len() as u64 + self.nodes.len() as u64;
        let seed = format!("{ROOT} {number} {}", self.now());
        let digest = ring::digest::digest(&ring::digest::SHA256, seed.as_bytes());
        format!("1{}", &base64url(digest.as_ref())[..32])
    }

    /// An id that a file or a folder can be made with.
    pub fn generate_id(&mut self) -> String {
        let id = self.fresh_id();
        self.given_ids.insert(id.clone());
        id
    }

    fn node(&mut self, draft: Draft, content: Option<Content>) -> Node {
        let now = self.now();
        let drive = self.nodes.get(&draft.parent);
        Node {
            drive: drive.and_then(|parent| parent.drive.clone()),
            id: draft.id,
            name: draft.name,
            mime: draft.mime,
            parent: Some(draft.parent),
            content,
            trashed: false,
            created: now,
            modified: draft.modified.unwrap_or(now),
            app_properties: draft.app_properties,
            foreign: false,
            abusive: false,
            version: 1,
            name_lag: self.lags.0,
            list_lag: self.lags.1,
        }
    }

    /// An object that is there, seen by the client or not.
    pub fn find(&self, id: &str) -> Option<&Node> {
        self.nodes.get(real(id))
    }

    #[track_caller]
    pub fn find_mut(&mut self, id: &str) -> &mut Node {
        let real = real(id).to_owned();
        let node = self.nodes.get_mut(&real);
        node.unwrap_or_else(|| panic!("nothing has the id {id}"))
    }

    pub fn all(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// Whether a client sees it.
    pub fn sees(&self, node: &Node) -> bool {
        let hidden = node.foreign || node.id == ROOT && !self.shows_root;
        self.sees_all || !hidden
    }

    /// What a client sees at an id.
    pub fn get(&self, id: &str) -> Result<&Node, Refusal> {
        let node = self.find(id).filter(|node| self.sees(node));
        node.ok_or_else(|| Refusal::not_found(id))
    }

    /// Whether it or a folder above it is in the trash.
    pub fn is_trashed(&self, id: &str) -> bool {
        let mut next = self.nodes.get(id);
        while let Some(node) = next {
            if node.trashed {
                return true;
            }
            next = node.parent.as_ref().and_then(|id| self.nodes.get(id));
        }
        false
    }

    /// What is in a folder, oldest first; what lies in the trash, too.
    pub fn children(&self, parent: &str) -> Vec<&Node> {
        let parent = Some(real(parent));
        let all = self.nodes.values();
        let mut found: Vec<_> = all
            .filter(|node| node.parent.as_deref() == parent)
            .collect();
        found.sort_by_key(|node| (node.created, &node.id));
        found
    }

    /// Whether something can be made with this id in this folder.
    pub fn may_make(&self, draft: &Draft) -> Result<(), Refusal> {
        self.is_parent(&draft.parent)?;
        if self.nodes.contains_key(&draft.id) || self.gone.contains(&draft.id) {
            let text = "A file already exists with the provided ID.";
            return Err(Refusal::new(409, "fileIdInUse", text));
        }
        if !self.given_ids.contains(&draft.id) {
            let text = "The provided file ID is not usable.";
            return Err(Refusal::new(400, "invalid", text).at("file.id", "other"));
        }
        Ok(())
    }

    fn is_parent(&self, id: &str) -> Result<(), Refusal> {
        let folder = self
            .find(id)
            .filter(|node| self.sees(node) || node.parent.is_none());
        let folder = folder.ok_or_else(|| Refusal::not_found(id))?;
        if folder.is_folder() {
            return Ok(());
        }
        let text = "The specified parent is not a folder.";
        Err(Refusal::new(403, "parentNotAFolder", text).at("parents", "other"))
    }

    /// Makes a file or a folder.
    pub fn make(&mut self, draft: Draft, content: Option<Content>) -> Result<&Node, Refusal> {
        self.may_make(&draft)?;
        let id = draft.id.clone();
        let node = self.node(draft, content);
        self.nodes.insert(id.clone(), node);
        Ok(&self.nodes[&id])
    }

    /// Makes something behind the client's back.
    #[track_caller]
    pub fn put(&mut self, parent: &str, name: &str, content: Option<Content>) -> String {
        let kind = if content.is_some() { BLOB } else { FOLDER };
        let draft = Draft {
            id: self.generate_id(),
            name: name.to_owned(),
            mime: kind.to_owned(),
            parent: real(parent).to_owned(),
            modified: None,
            app_properties: BTreeMap::new(),
        };
        let id = draft.id.clone();
        let node = self.node(draft, content);
        self.nodes.insert(id.clone(), node);
        id
    }

    /// Moves an object into another folder.
    pub fn relocate(&mut self, id: &str, to: &str) -> Result<(), Refusal> {
        self.is_parent(to)?;
        let to = real(to).to_owned();
        let mut above = self.nodes.get(&to);
        while let Some(node) = above {
            assert_ne!(node.id, id, "a folder cannot be moved into itself");
            above = node.parent.as_ref().and_then(|id| self.nodes.get(id));
        }
        let drive = self.nodes[&to].drive.clone();
        let node = self.find_mut(id);
        node.parent = Some(to);
        node.drive = drive;
        Ok(())
    }

    /// Deletes for good; a folder with all that is below it.
    pub fn delete(&mut self, id: &str) {
        let below: Vec<_> = self.children(id).iter().map(|it| it.id.clone()).collect();
        for child in below {
            self.delete(&child);
        }
        self.nodes.remove(id);
        self.gone.insert(id.to_owned());
    }

    /// Whether a search shows a match yet; counts the look.
    pub fn looked(&mut self, id: &str, by_name: bool) -> bool {
        let node = self.find_mut(id);
        if node.list_lag > 0 {
            node.list_lag -= 1;
            return false;
        }
        if by_name && node.name_lag > 0 {
            node.name_lag -= 1;
            return false;
        }
        true
    }

    /// What is taken of My Drive, and how much of that lies in the trash.
    pub fn used(&self) -> (u64, u64) {
        let mut used = (self.quota.usage, self.quota.in_trash);
        for node in self.nodes.values().filter(|node| node.drive.is_none()) {
            used.0 += node.size();
            if self.is_trashed(&node.id) {
                used.1 += node.size();
            }
        }
        used
    }

    /// Whether so many bytes have room in a folder.
    pub fn has_room(&self, parent: &str, size: u64) -> bool {
        let shared = self.find(parent).is_some_and(|node| node.drive.is_some());
        let limit = self.quota.limit;
        shared || limit.is_none_or(|limit| self.used().0 + size <= limit)
    }

    /// Whether it can be put into the trash, and deleted for good.
    pub fn may_trash_and_delete(&self, node: &Node) -> (bool, bool) {
        let role = match node.drive {
            Some(_) => self.role,
            None => Role::Organizer,
        };
        let inside = node.parent.is_some();
        (
            inside && role != Role::Writer,
            inside && role == Role::Organizer,
        )
    }

    /// The answer about an object, with all its fields.
    pub fn resource(&self, node: &Node) -> Value {
        let (can_trash, can_delete) = self.may_trash_and_delete(node);
        let mut told = json!({
            "kind": "drive#file",
            "id": node.id,
            "name": node.name,
            "mimeType": node.mime,
            "trashed": self.is_trashed(&node.id),
            "explicitlyTrashed": node.trashed,
            "createdTime": time(node.created),
            "modifiedTime": time(node.modified),
            "version": node.version.to_string(),
            "quotaBytesUsed": node.size().to_string(),
            "ownedByMe": !node.foreign && node.drive.is_none(),
            "capabilities": {
                "canTrash": can_trash,
                "canDelete": can_delete,
                "canDownload": !node.is_folder(),
                "canAddChildren": node.is_folder(),
            },
        });
        if let Some(parent) = &node.parent {
            told["parents"] = json!([parent]);
        }
        if !node.app_properties.is_empty() {
            told["appProperties"] = json!(node.app_properties);
        }
        if let Some(drive) = &node.drive {
            told["driveId"] = json!(drive);
        }
        if let Some(content) = &node.content {
            told["size"] = json!(content.bytes.len().to_string());
            told["md5Checksum"] = json!(content.md5);
            told["sha256Checksum"] = json!(content.sha256);
            told["headRevisionId"] = json!(format!("0B{}-{}", &node.id[1..9], node.version));
        }
        told
    }
}

/// What an id or the alias stands for.
pub fn real(id: &str) -> &str {
    if id == "root" { ROOT } else { id }
}

/// RFC 3339, UTC, with milliseconds.
pub fn time(when: Timestamp) -> String {
    when.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
