//! A name exactly as it is spelled, also where the file system takes `A.db` for `a.db`.
//!
//! FAT, exFAT and some network file systems ignore case. There a look at one name finds the
//! file of another, and writing to it would replace a backup nobody named.

use std::io;

use crate::dir::{Dir, Entry};

/// What a name stands for.
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// What is stored under that very name.
    Exactly(Entry),
    /// A file that is stored under this other spelling.
    OtherCase(String),
}

impl Found {
    /// What has that very name.
    pub(super) fn entry(self) -> Option<Entry> {
        match self {
            Found::Exactly(entry) => Some(entry),
            Found::Nothing | Found::OtherCase(_) => None,
        }
    }
}

/// Looks a name up; links are not followed.
pub(super) fn find(dir: &Dir, name: &str) -> io::Result<Found> {
    let Some(entry) = dir.entry(name)? else {
        return Ok(Found::Nothing);
    };
    // Where case counts, another spelling is another file: no need to read the directory.
    let spellings = [name.to_lowercase(), name.to_uppercase()];
    let mut others = spellings.iter().filter(|other| *other != name);
    let is_same = |other: &String| {
        let other = dir.entry(other).ok().flatten();
        other.is_some_and(|other| other.stamp.same_file(&entry.stamp))
    };
    if !others.any(is_same) {
        return Ok(Found::Exactly(entry));
    }
    let mut other_case = None;
    for listed in dir.names()? {
        let listed = listed?;
        let Some(listed) = listed.to_str().filter(|listed| *listed != name) else {
            continue;
        };
        let is_twin = listed.to_lowercase() == name.to_lowercase();
        if is_twin && is_same(&listed.to_owned()) {
            other_case = Some(listed.to_owned());
        }
    }
    Ok(other_case.map_or(Found::Exactly(entry), Found::OtherCase))
}
