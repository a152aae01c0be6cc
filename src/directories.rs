//! Which company has which remote directory: two may not share one, nor one lie inside the other's.
//!
//! One look at all companies answers for as many of them as are asked about.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::OnceLock;

use crate::company::{Companies, Company, Filter};
use crate::dir::Dir;
use crate::failure::{Code, Failure};
use crate::provider::ProviderKind;
use crate::remote_path::RemotePath;

pub use crate::text::shell_word;

/// The directories of all companies that have one.
#[derive(Default)]
pub struct Directories {
    /// By provider: path components joined by a character no path holds, to the company's id and name.
    taken: HashMap<ProviderKind, BTreeMap<String, Vec<(String, String)>>>,
    /// What the local ones are on the disk, once somebody asked.
    places: OnceLock<Places>,
}

/// Device and inode.
type Place = (u64, u64);

/// By what a directory is on the disk: the keys of those that are it, and of those below it.
#[derive(Default)]
struct Places {
    here: HashMap<Place, Vec<String>>,
    below: HashMap<Place, Vec<String>>,
}

impl Directories {
    /// Reads all assignments, or those of one provider.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn read(companies: &Companies, provider: Option<ProviderKind>) -> anyhow::Result<Self> {
        let mut directories = Directories::default();
        let filter = Filter {
            provider,
            configured: Some(true),
        };
        companies.pages(&filter, |page, _| {
            for company in page {
                // A directory nobody can use cannot be shared.
                if let Ok((kind, directory)) = assignment(company) {
                    let owner = (company.id.clone(), company.name.clone());
                    let taken = directories.taken.entry(kind).or_default();
                    taken.entry(key(&directory)).or_default().push(owner);
                }
            }
            Ok(())
        })?;
        Ok(directories)
    }

    /// Fails when another company's directory on the same provider is this one,
    /// or one of the two lies inside the other.
    ///
    /// # Errors
    /// `remote_path_conflict`, naming the other company.
    pub fn refuse_shared(
        &self,
        id: &str,
        kind: ProviderKind,
        directory: &RemotePath,
    ) -> Result<(), Failure> {
        let Some(taken) = self.taken.get(&kind) else {
            return Ok(());
        };
        let ours = key(directory);
        let above = ours.match_indices(END).map(|(at, _)| &ours[..=at]);
        let above = above.filter_map(|path| taken.get_key_value(path));
        let inside = taken
            .range(ours.clone()..)
            .take_while(|(path, _)| path.starts_with(&ours));
        for (path, owners) in above.chain(inside) {
            if let Some(owner) = owners.iter().find(|(other, _)| other != id) {
                return Err(conflict((directory, kind), "overlaps", path, owner));
            }
        }
        Ok(())
    }

    /// Fails when another company's directory below a local root is this one on the disk, or
    /// one lies in the other, whatever they are called: by a bind mount, say, or on a file
    /// system that does not tell `ACME` from `acme`.
    ///
    /// # Errors
    /// `remote_path_conflict`, naming the other company.
    pub fn refuse_alias(
        &self,
        id: &str,
        root: &Path,
        directory: &RemotePath,
    ) -> Result<(), Failure> {
        let kind = ProviderKind::Local;
        // Without its root there is nothing yet that could be the same.
        let (Ok(root), Some(taken)) = (Dir::open(root), self.taken.get(&kind)) else {
            return Ok(());
        };
        let (ours, all_there) = places(&root, directory.components());
        let known = self.places.get_or_init(|| Places::of(&root, taken));
        let above = ours.iter().filter_map(|place| known.here.get(place));
        let below = ours.last().filter(|_| all_there);
        let below = below.and_then(|place| known.below.get(place));
        for path in above.chain(below).flatten() {
            let owner = taken[path].iter().find(|(other, _)| other != id);
            if let Some(owner) = owner {
                return Err(conflict(
                    (directory, kind),
                    "is on the disk the same as, or overlaps,",
                    path,
                    owner,
                ));
            }
        }
        Ok(())
    }

    /// Whether any company has its backups there.
    pub fn is_used(&self, kind: ProviderKind) -> bool {
        self.taken.get(&kind).is_some_and(|taken| !taken.is_empty())
    }
}

impl Places {
    fn of(root: &Dir, taken: &BTreeMap<String, Vec<(String, String)>>) -> Self {
        let mut known = Places::default();
        for path in taken.keys() {
            let components = path.split_terminator(END);
            let (mut found, all_there) = places(root, components);
            let leaf = found.pop().filter(|_| all_there);
            if let Some(leaf) = leaf {
                known.here.entry(leaf).or_default().push(path.clone());
                for above in found {
                    known.below.entry(above).or_default().push(path.clone());
                }
            }
        }
        known
    }
}

/// What the directories on a way below a root are, as far as they are there and no links;
/// and whether all of them are.
fn places<'a>(root: &Dir, components: impl Iterator<Item = &'a str>) -> (Vec<Place>, bool) {
    let mut found = Vec::new();
    let mut here: Option<Dir> = None;
    for name in components {
        let next = here.as_ref().unwrap_or(root).descend(name);
        let Ok((next, stamp)) = next.and_then(|next| next.stamp().map(|stamp| (next, stamp)))
        else {
            return (found, false);
        };
        found.push((stamp.device, stamp.inode));
        here = Some(next);
    }
    (found, true)
}

fn conflict(
    (directory, kind): (&RemotePath, ProviderKind),
    how: &str,
    path: &str,
    (other, name): &(String, String),
) -> Failure {
    let theirs = format!("/{}", path.trim_end_matches(END).replace(END, "/"));
    let detail = format!(
        "The remote directory '{directory}' on {kind} {how} '{theirs}' of company '{name}' ({other})"
    );
    Failure::new(Code::RemotePathConflict, detail)
        .hint("give each company a directory of its own: config set COMPANY --remote-path DIR")
        .field("other_company_id", other.clone())
}

/// Ends each component, so that `/a/b` is inside `/a` and not inside `/a/bc`.
const END: char = '\0';

fn key(directory: &RemotePath) -> String {
    directory
        .components()
        .flat_map(|component| [component.to_owned(), END.to_string()])
        .collect()
}

/// What a company is assigned, read strictly.
///
/// # Errors
/// `no_backup_provider`, `invalid_provider`, `invalid_remote_path`.
pub fn assignment(company: &Company) -> Result<(ProviderKind, RemotePath), Failure> {
    let Some(provider) = &company.provider else {
        let detail = format!(
            "Company '{}' does not have a backup provider configured",
            company.name
        );
        return Err(Failure::new(Code::NoBackupProvider, detail).hint(format!(
            "vertex-backup config set {} --provider local",
            shell_word(&company.id)
        )));
    };
    let kind = provider.parse()?;
    let directory = match &company.remote_path {
        Some(stored) if kind == ProviderKind::YandexDisk => parse_on_disk(stored)?,
        Some(stored) => RemotePath::parse_stored(stored)?,
        None => RemotePath::default_for(&company.id)?,
    };
    Ok((kind, directory))
}

/// A directory as the service spells it, too: `disk:/a` is `/a`. What `app:/a` is, only the
/// service knows, and it may be another company's.
fn parse_on_disk(stored: &str) -> Result<RemotePath, Failure> {
    for scheme in ["app:", "trash:"] {
        if stored.starts_with(scheme) {
            let detail = format!(
                "'{stored}' cannot be a remote directory: it begins with '{scheme}', which leads to a place of its own"
            );
            return Err(Failure::new(Code::InvalidRemotePath, detail)
                .hint("give the whole way from the Disk's root, such as /vertex-ar/acme/backups"));
        }
    }
    RemotePath::parse_stored(stored.strip_prefix("disk:").unwrap_or(stored))
}
