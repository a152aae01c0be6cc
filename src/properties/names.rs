//! Names, directories, listings, lengths of time: short texts that others chose.

use std::path::{Component, Path};

use jiff::Timestamp;

use super::{assert_inert, text};
use crate::backup::{
    BackupType, is_json, looks_like_backup, made_at, moment, part_of, sidecar_name,
};
use crate::duration;
use crate::name::{FileName, MAX_NAME_BYTES, is_temporary};
use crate::remote_path::RemotePath;
use crate::sets::{Learnt, find, group, in_words};
use crate::sidecar::Facts;
use crate::text::{Nearest, nearest, printable, printable_lines, system_reason};

/// A name that is taken is one component of a path, and harmless; so is all that comes of it.
pub fn names(bytes: &[u8]) {
    let text = text(bytes);
    let _ = (BackupType::of_name(&text), looks_like_backup(&text));
    if let Some(at) = made_at(&text) {
        moment(at);
    }
    if let Some((whole, _)) = part_of(&text) {
        assert!(whole.len() < text.len());
    }
    let sidecar = sidecar_name(&text);
    let Ok(name) = FileName::new(&text) else {
        return;
    };
    assert_eq!(name.as_str(), text);
    assert!(sidecar.is_none_or(|json| is_json(&json) || json == ".json"));
    assert_inert(name.as_str());
    assert!(name.as_str().len() <= MAX_NAME_BYTES && !is_temporary(name.as_str()));
    let path = Path::new("base").join(name.as_str());
    let components: Vec<_> = path.components().collect();
    assert!(
        matches!(components[..], [Component::Normal(base), Component::Normal(_)] if base == "base")
    );
    let temporary = name.temporary().unwrap_or_default();
    assert!(is_temporary(&temporary) && temporary.len() <= MAX_NAME_BYTES);
}

/// A directory that is taken has no way out, and is written as it is read.
pub fn remote_paths(bytes: &[u8]) {
    let text = text(bytes);
    let (one, two) = text.split_once('\n').unwrap_or((&text, &text));
    for path in [
        RemotePath::parse(one),
        RemotePath::parse_stored(one),
        RemotePath::default_for(one),
    ] {
        let Ok(path) = path else { continue };
        assert_inert(path.as_str());
        let way = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('/');
        assert!(path.components().all(way), "{path}");
        assert_eq!(RemotePath::parse(path.as_str()).ok().as_ref(), Some(&path));
        let Ok(other) = RemotePath::parse(two) else {
            continue;
        };
        assert_eq!(path.overlaps(&other), other.overlaps(&path));
        let (mine, theirs) = (Path::new(path.as_str()), Path::new(other.as_str()));
        let inside = mine.starts_with(theirs) || theirs.starts_with(mine);
        assert_eq!(path.overlaps(&other), inside, "{path} {other}");
    }
}

/// A listing: lines of a size and a name; what follows a tab is what the file says.
///
/// Every file ends in exactly one set, and no set has what is not listed.
pub fn listing(bytes: &[u8]) {
    let text = text(bytes);
    let mut files = std::collections::BTreeMap::new();
    for line in text.lines() {
        let (size, rest) = line.split_once(' ').unwrap_or(("0", line));
        let (name, says) = rest.split_once('\t').unwrap_or((rest, ""));
        let size = size.parse::<u64>().unwrap_or(u64::MAX);
        files.insert(name.to_owned(), (size, says));
    }
    let learn = |name: &str, _| -> Result<Learnt, ()> {
        let says = files.get(name).map_or("", |(_, says)| says);
        Ok(match Facts::parse(says.as_bytes()) {
            Some(facts) => Learnt::Facts(facts),
            None if says == "?" => Learnt::Unreadable("it is locked".to_owned()),
            None if says.is_empty() => Learnt::NotRead,
            None => Learnt::Neither("it is something else".to_owned()),
        })
    };
    let listed = files.iter().map(|(name, (size, _))| (name.clone(), *size));
    let sets = group(listed, learn).unwrap_or_default();
    let mut taken = std::collections::BTreeSet::new();
    for set in &sets {
        for member in set.members() {
            let listed = files.get(&member.name).map(|(size, _)| *size);
            assert_eq!(listed, Some(member.size), "{}", member.name);
            assert!(taken.insert(&member.name), "{} is there twice", member.name);
        }
        let _ = (
            set.own_size(),
            set.whole_name(),
            in_words(&set.problems).len(),
        );
        assert!(find(&sets, &set.name).is_some());
    }
    let fit = files.keys().filter(|name| FileName::new(name).is_ok());
    for name in fit {
        assert!(taken.contains(name), "{name} is in no set");
    }
}

/// Lengths of time of the command line and of settings: as written, so read.
pub fn durations(bytes: &[u8]) {
    let text = text(bytes);
    if let Ok(length) = duration::parse(&text) {
        let written = duration::write(length);
        assert_eq!(duration::parse(&written), Ok(length), "{written}");
        assert!(duration::show(length).len() < 40);
        let _ = Timestamp::now().checked_sub(length);
    }
}

/// What is shown to people: nothing of it acts on a terminal, and it is as it was where
/// nothing did.
pub fn terminal(bytes: &[u8]) {
    let text = text(bytes);
    let shown = printable(&text);
    assert_inert(&shown);
    assert_eq!(printable(&shown), shown);
    let lines = printable_lines(&text);
    assert_eq!(lines.matches('\n').count(), text.matches('\n').count());
    assert_inert(&lines.replace('\n', ""));
    let _ = nearest(&text, ["backup_dir", "storage_dir"]);
    let mut near = Nearest::to(&text);
    near.offer([&*text, "acme"], || text.clone().into_owned());
    assert!(near.labels().len() <= 3);
    let _ = system_reason(&std::io::Error::other(text.into_owned()));
}
