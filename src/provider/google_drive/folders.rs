//! Folders: from a remote directory to the ids it has, found or made once (§5).
//!
//! Names are not unique here, and a search lags behind what was just made. A folder that is
//! not found is looked for in three ways before it counts as missing; its id is noted
//! before it is made, so that who makes it again makes the same one; where two runs made
//! one each all the same, both choose the older one, and what is in the other is seen, too.

use serde_json::json;

use super::api::{ALL_DRIVES, Account, Call, about, read};
use super::file::{FIELDS, File};
use super::query::{FOLDER, Query};
use super::refusal::{Refusal, astray};
use super::{KIND, MY_DRIVE};
use crate::provider::error::{Error, Kind, Repeat, Result};
use crate::provider::locked;
use crate::remote_path::RemotePath;
use crate::text::printable;

/// How often a chain of folders is looked for anew because a search showed one that is gone.
const SEARCHES: usize = 3;

/// So many folders of one name are looked into; more of them are nobody's accident.
const MOST_TWINS: usize = 100;

/// One folder's place: in which folders it is looked for, and what it is called.
struct Segment<'a> {
    parents: &'a [String],
    name: &'a str,
    /// The remote directory it is, from where all begin.
    path: String,
}

impl Account {
    /// The ids of a remote directory, the one that is written to first; none where it is missing.
    pub(super) fn folders(&self, directory: &RemotePath) -> Result<Vec<String>> {
        self.resolve(directory, false)
    }

    /// As [`Account::folders`]; what is missing is made.
    pub(super) fn made_folders(&self, directory: &RemotePath) -> Result<Vec<String>> {
        if let Some(known) = self.known_folders(directory.as_str())
            && self.is_sound(&known[0])?
        {
            return Ok(known);
        }
        let _alone = locked(&self.making);
        for _ in 0..SEARCHES {
            let found = self.resolve(directory, true)?;
            if self.is_sound(&found[0])? {
                return Ok(found);
            }
            // A folder in the trash takes what is in it along: it may be any one on the way.
            self.drop_gone(directory)?;
        }
        let detail =
            format!("the folder '{directory}' is in the trash, and a search still shows it");
        Err(astray(detail).repeat(Repeat::Soon))
    }

    /// Whether a folder is there, by what is true at once: a search may lag (§4).
    fn is_sound(&self, id: &str) -> Result<bool> {
        if id == MY_DRIVE || locked(&self.sound).contains(id) {
            return Ok(true);
        }
        let is_there = self.file(id)?.is_some_and(|folder| !folder.trashed);
        if is_there {
            locked(&self.sound).insert(id.to_owned());
        }
        Ok(is_there)
    }

    /// Finds out which folders of a directory are gone, whatever a search shows.
    fn drop_gone(&self, directory: &RemotePath) -> Result<()> {
        for path in prefixes(directory) {
            for id in self.known_folders(&path).unwrap_or_default() {
                if !self.is_sound(&id)? {
                    locked(&self.gone).insert(id);
                }
            }
        }
        self.forget_folders(directory);
        Ok(())
    }

    /// What was found of a directory and below it may be outdated.
    pub(super) fn forget_folders(&self, directory: &RemotePath) {
        let mut known = locked(&self.folders);
        for path in prefixes(directory) {
            known.remove(&path);
        }
        locked(&self.sound).clear();
    }

    /// The error of a folder that is not there any more; all are looked for anew then.
    pub(super) fn folder_vanished(&self) -> Error {
        locked(&self.folders).clear();
        locked(&self.sound).clear();
        astray("a folder vanished while it was used").repeat(Repeat::Soon)
    }

    fn known_folders(&self, path: &str) -> Option<Vec<String>> {
        locked(&self.folders).get(path).cloned()
    }

    fn resolve(&self, directory: &RemotePath, make: bool) -> Result<Vec<String>> {
        let mut parents = vec![self.home()?.id];
        for (path, name) in prefixes(directory).zip(directory.components()) {
            if let Some(known) = self.known_folders(&path) {
                parents = known;
                continue;
            }
            let segment = Segment {
                parents: &parents,
                name,
                path,
            };
            let mut found = self.look_for(&segment)?;
            if found.is_empty() && make {
                found = self.make(&segment)?;
            }
            if found.is_empty() {
                return Ok(found);
            }
            locked(&self.folders).insert(segment.path, found.clone());
            parents = found;
        }
        Ok(parents)
    }

    /// The folders that a segment has, oldest first.
    fn look_for(&self, segment: &Segment<'_>) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for parent in segment.parents {
            let query = Query::children(parent).folders().named(segment.name);
            found.extend(self.find(&query, None, |file| self.is_it(file, segment))?);
        }
        if let Some(id) = self.notes.recall(&self.note_key(&segment.path))
            && !found.iter().any(|folder| folder.id == id)
        {
            found.extend(self.noted(segment, &id)?);
        }
        if found.is_empty() {
            // The index of names lags, and misses some letters (§4).
            found = self.all_of(segment)?;
        }
        if found.len() > MOST_TWINS {
            let (path, times) = (&segment.path, found.len());
            let detail = format!("the folder '{path}' is there {times} times");
            return Err(Error::new(KIND, Kind::Misplaced, detail)
                .hint("move what is in them into one of them by hand, and remove the others"));
        }
        Ok(self.chosen(segment, found))
    }

    /// All folders of that name, by what is in their parents.
    fn all_of(&self, segment: &Segment<'_>) -> Result<Vec<File>> {
        let mut found = Vec::new();
        for parent in segment.parents {
            let query = Query::children(parent).folders();
            found.extend(self.find(&query, None, |file| self.is_it(file, segment))?);
        }
        Ok(found)
    }

    /// The folder whose id an earlier run noted, if it is still the one.
    fn noted(&self, segment: &Segment<'_>, id: &str) -> Result<Option<File>> {
        let folder = self.file(id)?;
        Ok(folder.filter(|folder| self.is_it(folder, segment) && self.is_in(folder, segment)))
    }

    /// Whether a folder that was found is a segment's: the search ignores case, lags, and the
    /// service's idea of a name is not ours (§4).
    fn is_it(&self, file: &File, segment: &Segment<'_>) -> bool {
        is_folder_named(file, segment.name)
            && !file.trashed
            && !locked(&self.gone).contains(&file.id)
            && (file.parents.is_empty() || self.is_in(file, segment))
    }

    /// Whether a folder is where it is looked for. Of a Drive that does not tell its id, what
    /// was noted when a folder was made in it tells; until then, that the folder is ours does.
    fn is_in(&self, folder: &File, segment: &Segment<'_>) -> bool {
        let is_parent = |id: &String| folder.parents.contains(id);
        segment.parents.iter().any(is_parent)
            || segment.parents.iter().any(|id| id == MY_DRIVE)
                && (self.notes.recall(&self.note_key("/"))).is_none_or(|id| is_parent(&id))
    }

    /// Several of one name are an accident that nobody here mends: all are looked into.
    fn chosen(&self, segment: &Segment<'_>, mut found: Vec<File>) -> Vec<String> {
        found.sort_by(|one, other| one.age().cmp(&other.age()));
        if found.len() > 1 {
            let ids: Vec<_> = found.iter().map(|folder| folder.id.clone()).collect();
            self.tell_once(format!(
                "the folder '{}' is there {} times on {KIND} (ids {}): the oldest is written to, all are read",
                printable(&segment.path),
                found.len(),
                some_of(&ids)
            ));
        }
        found.into_iter().map(|folder| folder.id).collect()
    }

    fn note(&self, path: &str, id: &str) -> Result<()> {
        let key = self.note_key(path);
        if self.notes.recall(&key).as_deref() == Some(id) {
            return Ok(());
        }
        self.notes.note(&key, id).map_err(|failure| {
            let why = format!("cannot note the folder '{path}': {failure}");
            Error::new(KIND, Kind::Body(failure.into()), why)
        })
    }

    /// Ids are noted apart for each place where directories may begin.
    fn note_key(&self, path: &str) -> String {
        let options = &self.options;
        let home = options
            .folder_id
            .as_deref()
            .or(options.shared_drive_id.as_deref());
        format!("{KIND}:{}:{path}", home.unwrap_or(MY_DRIVE))
    }

    /// Makes a folder, and settles who wins where somebody else did the same.
    fn make(&self, segment: &Segment<'_>) -> Result<Vec<String>> {
        let made = self.create(segment)?;
        if segment.parents[0] == MY_DRIVE
            && let Some(parent) = made.parents.first()
        {
            self.note("/", parent)?;
        }
        let mut found = self.all_of(segment)?;
        if !found.iter().any(|folder| folder.id == made.id) {
            found.push(made.clone());
        }
        if found.iter().any(|folder| folder.age() < made.age()) && self.is_empty(&made.id)? {
            // Nobody has seen it yet.
            match self.trash(&made.id)? {
                Ok(_) => found.retain(|folder| folder.id != made.id),
                Err(refusal) => log::info!("{}", refusal.error("removing a folder made twice")),
            }
        }
        let chosen = self.chosen(segment, found);
        self.note(&segment.path, &chosen[0])?;
        Ok(chosen)
    }

    fn is_empty(&self, folder: &str) -> Result<bool> {
        let page = self.page(&Query::children(folder), None)?;
        let page = page.map_err(|refusal| refusal.error("listing a folder"))?;
        Ok(page.files.is_empty() && page.next_page_token.is_none())
    }

    /// Makes a folder with an id of our own: however often it is asked for, it is one.
    fn create(&self, segment: &Segment<'_>) -> Result<File> {
        let parent = &segment.parents[0];
        // One that was noted and is nowhere may be on its way still.
        if let Some(id) = self.notes.recall(&self.note_key(&segment.path)) {
            match self.create_as(&id, parent, segment.name)? {
                Ok(Some(folder)) if self.is_in(&folder, segment) => return Ok(folder),
                Ok(_) => {}
                Err(refusal) => {
                    let error = refusal.error("making a folder");
                    // It may be there all the same: another id would make a twin of it.
                    if error.is_open() {
                        return Err(error);
                    }
                }
            }
        }
        let id = self.new_id()?;
        self.note(&segment.path, &id)?;
        match self.create_as(&id, parent, segment.name)? {
            Ok(Some(folder)) => Ok(folder),
            Ok(None) => {
                let detail = format!("the folder '{}' vanished as it was made", segment.path);
                Err(astray(detail).repeat(Repeat::Soon))
            }
            Err(refusal) if refusal.is_gone() => Err(self.folder_vanished()),
            Err(refusal) => Err(refusal.error("making a folder")),
        }
    }

    /// A folder of that id; `None` where the id is taken by something else, or gone.
    fn create_as(
        &self,
        id: &str,
        parent: &str,
        name: &str,
    ) -> Result<std::result::Result<Option<File>, Refusal>> {
        let folder = json!({ "id": id, "name": name, "mimeType": FOLDER, "parents": [parent] });
        let asked = self.ask(Call {
            method: "POST",
            path: "/files",
            query: &[("fields", FIELDS), ALL_DRIVES],
            json: Some(&folder.to_string()),
            ..Call::default()
        })?;
        match asked {
            Ok(answer) => {
                let made = about(id, Ok(read(&answer, "making a folder")?))?;
                Ok(made.map(Some))
            }
            // It is there: an unanswered try has made it.
            Err(refusal) if refusal.status == 409 => {
                let folder = self.file(id)?;
                Ok(Ok(folder.filter(|folder| {
                    is_folder_named(folder, name) && !folder.trashed
                })))
            }
            Err(refusal) => Ok(Err(refusal)),
        }
    }
}

/// Ids in words, of many the first few.
pub(super) fn some_of(ids: &[String]) -> String {
    let (shown, left) = ids.split_at(ids.len().min(10));
    let shown: Vec<_> = shown.iter().map(|id| printable(id)).collect();
    match left.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn is_folder_named(file: &File, name: &str) -> bool {
    file.is_folder() && file.name == name
}

/// Each directory on the way, from the outermost on.
fn prefixes(directory: &RemotePath) -> impl Iterator<Item = String> {
    let components: Vec<String> = directory.components().map(str::to_owned).collect();
    (1..=components.len()).map(move |depth| format!("/{}", components[..depth].join("/")))
}
