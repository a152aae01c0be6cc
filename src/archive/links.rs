//! Where the entries of an archive would end up, were it unpacked.
//!
//! Nothing may leave the folder: not by its name, not by where a link leads,
//! and not by a link that an earlier entry put in its way.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use tar::EntryType;

/// More links than any storage has; each costs a few bytes while the archive is read.
const MAX_LINKS: usize = 1 << 20;

/// The links met so far: through none of them may a later entry be reached.
#[derive(Default)]
pub(super) struct Links {
    state: RandomState,
    seen: HashSet<u64>,
}

impl Links {
    /// Why an entry must not be unpacked, if it must not.
    pub(super) fn check(
        &mut self,
        kind: EntryType,
        path: &[u8],
        link: &[u8],
        size: u64,
    ) -> Result<(), &'static str> {
        let depth = self.inside(path)?;
        let data = match kind {
            EntryType::Char | EntryType::Block => return Err("is a device"),
            EntryType::Symlink => {
                lead_inside(depth.saturating_sub(1), link)?;
                self.remember(path)?;
                false
            }
            EntryType::Link => {
                self.inside(link)
                    .map_err(|_| "is a second name of something outside the archive")?;
                false
            }
            EntryType::Directory | EntryType::Fifo => false,
            _ => !path.ends_with(b"/"),
        };
        // Programs differ in where such bytes would end and the next entry begin.
        if size > 0 && !data {
            return Err("has bytes, which its kind cannot have");
        }
        Ok(())
    }

    /// How deep a name is below the archive's root.
    fn inside(&self, path: &[u8]) -> Result<usize, &'static str> {
        if path.is_empty() {
            return Err("has no name");
        }
        if path.starts_with(b"/") {
            return Err("has an absolute name");
        }
        if path.contains(&0) {
            return Err("has a NUL in its name");
        }
        let mut hasher = self.state.build_hasher();
        let mut depth = 0;
        for name in names(path) {
            if name == b".." {
                return Err("leaves the archive's folder");
            }
            if depth > 0 && self.seen.contains(&hasher.finish()) {
                return Err("lies behind a link");
            }
            hasher.write(name);
            hasher.write_u8(b'/');
            depth += 1;
        }
        Ok(depth)
    }

    fn remember(&mut self, path: &[u8]) -> Result<(), &'static str> {
        let mut hasher = self.state.build_hasher();
        for name in names(path) {
            hasher.write(name);
            hasher.write_u8(b'/');
        }
        if self.seen.len() >= MAX_LINKS {
            return Err("is one link too many");
        }
        self.seen.insert(hasher.finish());
        Ok(())
    }
}

/// The names a path is made of.
fn names(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty() && *name != b".")
}

/// A link may climb, and then go down; climbing again would depend on what is there.
pub(super) fn lead_inside(depth: usize, target: &[u8]) -> Result<(), &'static str> {
    const LEAVES: &str = "is a link out of the archive's folder";
    if target.is_empty() || target.starts_with(b"/") || target.contains(&0) {
        return Err(LEAVES);
    }
    let climbs = names(target).take_while(|name| *name == b"..").count();
    let falls_back = names(target).skip(climbs).any(|name| name == b"..");
    if climbs > depth || falls_back {
        return Err(LEAVES);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Follows a target by the book; `None` when it leaves the root on the way.
    fn follow(depth: usize, target: &str) -> Option<usize> {
        target.split('/').try_fold(depth, |depth, name| match name {
            ".." => depth.checked_sub(1),
            "" | "." => Some(depth),
            _ => Some(depth + 1),
        })
    }

    proptest! {
        #[test]
        fn what_is_let_through_stays_inside(depth in 0..4_usize, target in "(\\.\\./|a/|\\./|/){0,6}b?") {
            if lead_inside(depth, target.as_bytes()).is_ok() {
                prop_assert!(follow(depth, &target).is_some(), "{}", target);
            }
        }
    }

    #[test]
    fn ordinary_links_are_let_through() {
        for (depth, target) in [
            (1, "a"),
            (1, "../b"),
            (2, "../../b/c"),
            (0, "a/b"),
            (1, "./a"),
        ] {
            assert!(lead_inside(depth, target.as_bytes()).is_ok(), "{target}");
        }
    }
}
