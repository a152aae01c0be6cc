//! The stored tree and its rules. Paths begin with `/` and have no scheme here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::faults::{Fault, Refusal};
use crate::support::fake::content::Content;

const NOT_FOUND: Refusal = Refusal(404, "DiskNotFoundError");
const NO_PARENT: Refusal = Refusal(409, "DiskPathDoesntExistsError");
const EXISTS: Refusal = Refusal(409, "DiskResourceAlreadyExistsError");
const IS_FOLDER: Refusal = Refusal(409, "DiskPathPointsToExistentDirectoryError");

/// How an object looks for a while, or for ever, other than it is.
#[derive(Clone, Copy, Default)]
pub struct Guise {
    late: usize,
    no_md5: usize,
    no_sha256: usize,
    lying: bool,
    upper: bool,
}

impl Guise {
    pub fn of(faults: &[Fault]) -> Self {
        let mut guise = Guise::default();
        for fault in faults {
            match fault {
                Fault::Late { looks } => guise.late = *looks,
                Fault::NoHashes { md5, sha256, looks } => {
                    guise.no_md5 = looks * usize::from(*md5);
                    guise.no_sha256 = looks * usize::from(*sha256);
                }
                Fault::LyingHash => guise.lying = true,
                Fault::UpperCaseHash => guise.upper = true,
                _ => {}
            }
        }
        guise
    }

    fn and(self, other: Guise) -> Self {
        Guise {
            late: self.late.max(other.late),
            no_md5: self.no_md5.max(other.no_md5),
            no_sha256: self.no_sha256.max(other.no_sha256),
            lying: self.lying || other.lying,
            upper: self.upper || other.upper,
        }
    }

    /// The hash as it is shown, if it is.
    fn shown(self, hash: &str, missing: usize) -> Option<String> {
        let mut shown = hash.to_owned();
        if self.lying {
            let first = if hash.starts_with('0') { "1" } else { "0" };
            shown.replace_range(..1, first);
        }
        if self.upper {
            shown.make_ascii_uppercase();
        }
        (missing == 0).then_some(shown)
    }
}

/// A file, or a folder when it has no content.
#[derive(Clone)]
pub struct Node {
    pub content: Option<Content>,
    created: Timestamp,
    modified: Timestamp,
    revision: u64,
    id: u64,
    guise: Guise,
}

/// A change that is made in one step, now or when an operation ends.
pub struct Work {
    /// The paths it is about.
    pub about: Vec<String>,
    pub run: Run,
}

/// Does something to the disk, or nothing.
pub type Run = Box<dyn Fn(&mut Disk) -> Result<(), Refusal> + Send>;

/// All that one account holds.
#[derive(Clone)]
pub struct Disk {
    nodes: BTreeMap<String, Node>,
    trash: Vec<(String, Node)>,
    revision: u64,
    pub total_space: u64,
    pub max_file_size: u64,
    pub is_paid: bool,
}

/// The largest file of an account that pays.
pub const PAID_MAX_FILE_SIZE: u64 = 53_687_091_200;

impl Disk {
    pub fn new() -> Self {
        let mut disk = Disk {
            nodes: BTreeMap::new(),
            trash: Vec::new(),
            revision: 1_720_000_000_000_000,
            total_space: 10 << 30,
            max_file_size: 1 << 30,
            is_paid: false,
        };
        let root = disk.node(None, Guise::default());
        disk.nodes.insert("/".to_owned(), root);
        disk
    }

    fn node(&mut self, content: Option<Content>, guise: Guise) -> Node {
        self.revision += 1;
        let now = Timestamp::now();
        Node {
            content,
            created: now,
            modified: now,
            revision: self.revision,
            id: self.revision,
            guise,
        }
    }

    /// Stores a file and makes its parents, behind the client's back.
    pub fn put(&mut self, path: &str, bytes: &[u8]) {
        self.mkdir(parent(path));
        let file = self.node(Some(Content::new(bytes)), Guise::default());
        self.nodes.insert(path.to_owned(), file);
    }

    /// Makes a folder and its parents, behind the client's back.
    pub fn mkdir(&mut self, path: &str) {
        if path != "/" && !self.nodes.contains_key(path) {
            self.mkdir(parent(path));
            let folder = self.node(None, Guise::default());
            self.nodes.insert(path.to_owned(), folder);
        }
    }

    /// Takes a file or a tree away, behind the client's back; for good.
    pub fn remove(&mut self, path: &str) {
        for gone in self.subtree(path) {
            self.nodes.remove(&gone);
        }
    }

    /// Flips a bit of the stored bytes; the hashes are those of what is stored now.
    pub fn corrupt(&mut self, path: &str) {
        let file = self.nodes.get_mut(path).filter(|it| it.content.is_some());
        let content = &mut file.unwrap_or_else(|| panic!("{path}: no file")).content;
        *content = content.as_ref().map(Content::corrupted);
    }

    /// Changes when a file was written.
    pub fn set_modified(&mut self, path: &str, when: Timestamp) {
        self.nodes.get_mut(path).unwrap().modified = when;
    }

    /// The bytes of a file.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        let content = self.nodes.get(path)?.content.as_ref()?;
        Some(content.bytes.to_vec())
    }

    /// The names in a folder, sorted; those that are late, too.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let names = self.children(folder);
        names.map(|(path, _)| name(path).to_owned()).collect()
    }

    /// Every file, by its path.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let all = self.nodes.iter();
        all.filter_map(|(path, node)| Some((path.clone(), node.content.as_ref()?.bytes.to_vec())))
            .collect()
    }

    /// Where what lies in the trash was.
    pub fn trash(&self) -> Vec<String> {
        self.trash.iter().map(|(path, _)| path.clone()).collect()
    }

    pub fn empty_trash(&mut self) {
        self.trash.clear();
    }

    fn children(&self, folder: &str) -> impl Iterator<Item = (&String, &Node)> {
        let prefix = format!("{}/", folder.trim_end_matches('/'));
        self.nodes.iter().filter(move |(path, _)| {
            path.strip_prefix(prefix.as_str())
                .is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
        })
    }

    fn subtree(&self, path: &str) -> Vec<String> {
        let below = format!("{path}/");
        let all = self.nodes.keys();
        let inside = all.filter(|known| *known == path || known.starts_with(&below));
        inside.cloned().collect()
    }

    /// What is there for a client to see.
    pub fn get(&self, path: &str) -> Result<&Node, Refusal> {
        let node = self.nodes.get(path).filter(|node| node.guise.late == 0);
        node.ok_or(NOT_FOUND)
    }

    /// Counts a look at an object that is late or without hashes.
    pub fn looked(&mut self, path: &str) {
        if let Some(Node { guise, .. }) = self.nodes.get_mut(path) {
            let count = |left: &mut usize| {
                if *left > 0 && *left != usize::MAX {
                    *left -= 1;
                }
            };
            if guise.late > 0 {
                return count(&mut guise.late);
            }
            count(&mut guise.no_md5);
            count(&mut guise.no_sha256);
        }
    }

    /// What is taken; the trash counts.
    pub fn used(&self) -> u64 {
        let trash = self.trash.iter().map(|(_, node)| node.size());
        trash.chain(self.nodes.values().map(Node::size)).sum()
    }

    /// Whether a file could be written there.
    pub fn may_store(&self, path: &str, overwrite: bool) -> Result<(), Refusal> {
        self.in_folder(path)?;
        match self.nodes.get(path) {
            Some(node) if node.content.is_none() => Err(IS_FOLDER),
            Some(_) if !overwrite => Err(EXISTS),
            _ if self.used() >= self.total_space => Err(Refusal::NO_ROOM),
            _ => Ok(()),
        }
    }

    fn in_folder(&self, path: &str) -> Result<(), Refusal> {
        let parent = self.nodes.get(parent(path));
        let folder = parent.is_some_and(|node| node.content.is_none());
        if folder { Ok(()) } else { Err(NO_PARENT) }
    }

    pub fn make_folder(&mut self, path: &str) -> Result<(), Refusal> {
        match self.nodes.get(path) {
            Some(node) if node.content.is_none() => return Err(IS_FOLDER),
            Some(_) => return Err(EXISTS),
            None => self.in_folder(path)?,
        }
        self.mkdir(path);
        Ok(())
    }

    /// Whether a folder has anything in it. The service takes its time with those.
    pub fn is_full(&self, path: &str) -> bool {
        self.get(path).is_ok() && self.children(path).next().is_some()
    }

    /// Stores a file, in place of what has its name or not.
    pub fn store(
        &mut self,
        path: &str,
        overwrite: bool,
        content: Content,
        guise: Guise,
    ) -> Result<(), Refusal> {
        self.may_store(path, overwrite)?;
        let old = self.nodes.get(path).map(|old| (old.id, old.created));
        let mut file = self.node(Some(content), guise);
        (file.id, file.created) = old.unwrap_or((file.id, file.created));
        self.nodes.insert(path.to_owned(), file);
        Ok(())
    }

    /// Moves or copies a file or a tree.
    pub fn relocate(
        &mut self,
        (from, to): (&str, &str),
        overwrite: bool,
        copy: bool,
        guise: Guise,
    ) -> Result<(), Refusal> {
        self.get(from)?;
        if to == from || to.starts_with(&format!("{from}/")) {
            return Err(EXISTS);
        }
        self.in_folder(to)?;
        match self.nodes.get(to) {
            Some(node) if !overwrite || node.content.is_none() => return Err(EXISTS),
            _ => {}
        }
        for path in self.subtree(from) {
            let mut node = self.nodes[&path].clone();
            self.revision += 1;
            node.revision = self.revision;
            if copy {
                node.id = self.revision;
            } else {
                self.nodes.remove(&path);
            }
            node.guise = node.guise.and(guise);
            let place = format!("{to}{}", &path[from.len()..]);
            self.nodes.insert(place, node);
        }
        Ok(())
    }

    /// Deletes a file or a tree: if its hash is this one, where one is given.
    pub fn delete(
        &mut self,
        path: &str,
        permanently: bool,
        md5: Option<&str>,
    ) -> Result<(), Refusal> {
        let content = &self.get(path)?.content;
        let held = content.as_ref().map(|content| content.md5.as_str());
        if path == "/" {
            return Err(IS_FOLDER);
        }
        if md5.is_some() && md5 != held {
            return Err(Refusal(409, "MD5DifferError"));
        }
        for path in self.subtree(path) {
            let gone = self.nodes.remove(&path).unwrap();
            if !permanently {
                self.trash.push((path, gone));
            }
        }
        Ok(())
    }

    /// The answer about the account.
    pub fn info(&self) -> Value {
        let trash: u64 = self.trash.iter().map(|(_, node)| node.size()).sum();
        json!({
            "total_space": self.total_space,
            "used_space": self.used(),
            "trash_size": trash,
            "max_file_size": self.max_file_size,
            "paid_max_file_size": PAID_MAX_FILE_SIZE,
            "is_paid": self.is_paid,
            "revision": self.revision,
            "system_folders": {"downloads": "disk:/Загрузки/", "applications": "disk:/Приложения"},
            "user": {
                "login": "backup.operator",
                "uid": "1100000000000042",
                "display_name": "Backup Operator",
                "country": "ru",
                "is_child": false,
                "reg_time": "2019-03-01T10:20:30+00:00",
            },
        })
    }

    /// The answer about an object, without what a folder holds.
    pub fn resource(path: &str, node: &Node, seen: Guise) -> Value {
        let mut told = json!({
            "name": if path == "/" { "disk" } else { name(path) },
            "path": format!("disk:{path}"),
            "type": if node.content.is_some() { "file" } else { "dir" },
            "created": time(node.created),
            "modified": time(node.modified),
            "revision": node.revision,
            "resource_id": format!("1100000000000042:{:064x}", node.id),
            "exif": {},
            "comment_ids": {},
        });
        if let Some(content) = &node.content {
            let guise = node.guise.and(seen);
            told["size"] = json!(content.bytes.len());
            told["mime_type"] = json!("application/octet-stream");
            told["media_type"] = json!("data");
            told["antivirus_status"] = json!("clean");
            let hashes = [
                ("md5", guise.shown(&content.md5, guise.no_md5)),
                ("sha256", guise.shown(&content.sha256, guise.no_sha256)),
            ];
            for (name, hash) in hashes {
                if let Some(hash) = hash {
                    told[name] = json!(hash);
                }
            }
        }
        told
    }

    /// A page of what a folder holds, and how much it holds in all.
    pub fn page(
        &self,
        folder: &str,
        (limit, offset): (usize, usize),
        sort: &str,
        seen: Guise,
    ) -> (Vec<Value>, usize) {
        let visible = self
            .children(folder)
            .filter(|(_, node)| node.guise.late == 0);
        let mut items: Vec<(&String, &Node)> = visible.collect();
        match sort.trim_start_matches('-') {
            "size" => items.sort_by_key(|(_, node)| node.size()),
            "created" => items.sort_by_key(|(_, node)| node.created),
            "modified" => items.sort_by_key(|(_, node)| node.modified),
            _ => {}
        }
        if sort.starts_with('-') {
            items.reverse();
        }
        let page = items.iter().skip(offset).take(limit);
        let told = page.map(|(path, node)| Disk::resource(path, node, seen));
        (told.collect(), items.len())
    }

    /// The answer about what lies in the trash.
    pub fn trash_items(&self) -> Vec<Value> {
        let told = self.trash.iter().map(|(path, node)| {
            let mut item = Disk::resource(path, node, Guise::default());
            item["origin_path"] = item["path"].take();
            item["path"] = json!(format!("trash:/{}_{:040x}", name(path), node.id));
            item["deleted"] = json!(time(Timestamp::now()));
            item
        });
        told.collect()
    }
}

impl Node {
    pub fn size(&self) -> u64 {
        let content = self.content.as_ref();
        content.map_or(0, |content| content.bytes.len() as u64)
    }
}

impl Refusal {
    pub const NO_ROOM: Refusal = Refusal(507, "DiskStorageQuotaExhaustedError");
}

fn time(when: Timestamp) -> String {
    when.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// The folder a path is in.
pub fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(slash) => &path[..slash],
    }
}

/// The last component of a path.
pub fn name(path: &str) -> &str {
    &path[path.rfind('/').map_or(0, |slash| slash + 1)..]
}
