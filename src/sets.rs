//! Backup sets: which files of a folder or remote directory belong together.
//!
//! Pure: names and sizes in, sets out, the same for every order of the listing.
//! A sidecar says what belongs to it; where none does, names tell. Whatever a
//! sidecar names, only files of the listing ever become members.

mod grouping;

use std::fmt;

use serde::{Serialize, Serializer};

use crate::backup::BackupType;
use crate::hash::Sha256;
use crate::sidecar::{Facts, Sidecar};

pub use self::grouping::group;

/// What was learnt of a JSON file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learnt {
    /// What it says.
    Facts(Facts),
    /// It was not looked into, for its name tells enough.
    NotRead,
    /// It is neither a sidecar nor a manifest; why.
    Neither(String),
    /// It cannot be read; why. What it says matters all the same.
    Unreadable(String),
}

/// One file of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Why a set is not whole, or not what its sidecar says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A part that should be there.
    PartMissing(u32),
    /// A file that should be there.
    FileMissing(String),
    /// Parts without a sidecar: nothing tells how many there should be.
    SidecarMissing,
    /// The sidecar lists a part twice.
    ListedTwice(String),
    /// The sidecar lists what is no part of this backup.
    NotAPart(String),
    /// The files together have another size than the sidecar says.
    SizeDiffers {
        /// Bytes there are.
        found: u64,
        /// Bytes there should be.
        told: u64,
    },
    /// The sidecar or manifest cannot be read.
    Unreadable(String, String),
    /// The manifest has no such half: making it failed.
    HalfFailed(BackupType),
    /// The manifest's half is not whole.
    HalfBroken(String, String),
    /// The manifest and its half's own sidecar disagree.
    HalfDiffers(String),
}

impl Problem {
    /// Whether something is missing that nobody can make up for.
    pub fn is_gap(&self) -> bool {
        matches!(
            self,
            Problem::PartMissing(_) | Problem::FileMissing(_) | Problem::HalfFailed(_)
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::PartMissing(number) => write!(f, "part{number:03} missing"),
            Problem::FileMissing(name) => write!(f, "{name} missing"),
            Problem::SidecarMissing => f.write_str("sidecar missing"),
            Problem::ListedTwice(name) => write!(f, "the sidecar lists {name} twice"),
            Problem::NotAPart(name) => {
                write!(
                    f,
                    "the sidecar lists {name}, which is no part of this backup"
                )
            }
            Problem::SizeDiffers { found, told } => {
                write!(f, "size differs: {found} bytes, the sidecar says {told}")
            }
            Problem::Unreadable(name, why) => write!(f, "{name} cannot be read: {why}"),
            Problem::HalfFailed(half) => write!(f, "the manifest has no {half} backup"),
            Problem::HalfBroken(name, why) => write!(f, "{name}: {why}"),
            Problem::HalfDiffers(name) => {
                write!(
                    f,
                    "checksum differs between the manifest and the sidecar of {name}"
                )
            }
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The problems in one line.
pub fn in_words(problems: &[Problem]) -> String {
    let words: Vec<String> = problems.iter().map(Problem::to_string).collect();
    words.join(", ")
}

/// One logical backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Its name: that of its file, of the joined parts, or of the manifest.
    pub name: String,
    /// What it holds.
    pub backup_type: BackupType,
    /// The files that hold it, in the order in which they are joined. None in a full backup.
    pub files: Vec<Member>,
    /// Whether the files are parts to be joined.
    pub split: bool,
    /// The sidecar, or the manifest of a full backup.
    pub json: Option<Member>,
    /// What the sidecar says.
    pub sidecar: Option<Sidecar>,
    /// The names of the sets a full backup is made of.
    pub halves: Vec<String>,
    /// What is missing or does not match.
    pub problems: Vec<Problem>,
    /// Whether name or sidecar say that it is a backup; others' files are left alone.
    pub recognised: bool,
}

impl Set {
    /// Bytes of the files that hold it; of a full backup, its manifest's.
    pub fn own_size(&self) -> u64 {
        let members = if self.halves.is_empty() {
            &self.files[..]
        } else {
            self.json.as_slice()
        };
        total(members)
    }

    /// The SHA-256 of the whole, where the sidecar tells it.
    pub fn checksum(&self) -> Option<Sha256> {
        self.sidecar.as_ref()?.checksum
    }

    /// Whether nothing is known to be missing.
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty()
    }

    /// Every name that belongs to it: files in order, the sidecar or manifest last.
    pub fn members(&self) -> impl DoubleEndedIterator<Item = &Member> {
        self.files.iter().chain(&self.json)
    }

    /// Whether a name is this set's or one of its members'.
    pub fn has(&self, name: &str) -> bool {
        self.name == name || self.members().any(|member| member.name == name)
    }

    /// The name of the file its parts join to; its own name for what has no parts.
    pub fn whole_name(&self) -> Option<&str> {
        if !self.split {
            return Some(&self.name);
        }
        self.sidecar.as_ref()?.of_file.as_deref()
    }

    /// Whether it is a full backup.
    pub fn is_full(&self) -> bool {
        self.backup_type == BackupType::Full && self.files.is_empty()
    }
}

/// Bytes of files together: of sizes that others told, so that no sum is too large.
pub(crate) fn total<'m>(members: impl IntoIterator<Item = &'m Member>) -> u64 {
    let sizes = members.into_iter().map(|member| member.size);
    sizes.fold(0, u64::saturating_add)
}

impl Set {
    /// A file that stands for itself.
    pub fn alone(file: Member, recognised: bool) -> Self {
        Set {
            name: file.name.clone(),
            backup_type: BackupType::of_name(&file.name),
            files: vec![file],
            split: false,
            json: None,
            sidecar: None,
            halves: Vec::new(),
            problems: Vec::new(),
            recognised,
        }
    }
}

/// The set a name belongs to: the set of that name, else the one with that member.
pub fn find<'s>(sets: &'s [Set], name: &str) -> Option<&'s Set> {
    named(sets, name).or_else(|| sets.iter().find(|set| set.has(name)))
}

/// The set of that name, among sets as [`group`] sorts them.
pub fn named<'s>(sets: &'s [Set], name: &str) -> Option<&'s Set> {
    let at = sets.binary_search_by(|set| set.name.as_str().cmp(name));
    at.ok().map(|at| &sets[at])
}

#[cfg(test)]
mod tests;
