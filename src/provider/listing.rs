//! A whole listing from its pages.
//!
//! Guards that a listing which cannot be trusted is an error, never a short
//! one: what is believed to be absent is sent again, or counted as pruned. And
//! that one without an end has one all the same: what is listed is kept.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use super::error::{Error, Kind, Reason};
use super::{Object, Provider};
use crate::failure::Failure;

/// How often a directory is listed anew because it changed meanwhile.
const LISTINGS: u8 = 4;

/// Pages in a row that may bring nothing new before the provider is going in circles.
pub(super) const BARREN_PAGES: usize = 10;

/// More files in one directory are an error: a hundred a day for years, or a provider that
/// makes them up.
pub(super) const MOST_OBJECTS: usize = 100_000;

/// Nor are their names longer than this, all together and in bytes.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What is said of a directory that has more.
pub(super) const TOO_MANY: &str =
    "its listing of the directory has more than 100000 files, or more than 16 MiB of names";

/// The way out for a directory that has more.
pub(super) const TOO_MANY_HINT: &str =
    "move what is not needed any more out of it by hand, or choose another --remote-path";

/// In which round each name was seen last. Of a name it keeps 128 bits by a secret hash,
/// so that long ones cost no more than short ones, and nobody can make two meet.
struct Seen {
    keys: [RandomState; 2],
    rounds: HashMap<[u64; 2], u8>,
    /// How long all names are.
    bytes: usize,
}

impl Seen {
    fn new() -> Self {
        Seen {
            keys: [RandomState::new(), RandomState::new()],
            rounds: HashMap::new(),
            bytes: 0,
        }
    }

    /// Notes a name, and returns in which round it was seen before.
    fn insert(&mut self, name: &str, round: u8) -> Option<u8> {
        let hash = self.keys.each_ref().map(|key| key.hash_one(name));
        let before = self.rounds.insert(hash, round);
        if before.is_none() {
            self.bytes += name.len();
        }
        before
    }
}

impl dyn Provider {
    /// Visits every object of the directory once, in no order, foreign and
    /// temporary ones included. A missing directory is an empty one; any doubt
    /// about completeness is an error. The visitor may stop it with an error.
    ///
    /// # Errors
    /// Those of the visitor, and a settled failure where the provider cannot say.
    pub fn list(&self, visit: &mut dyn FnMut(Object) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let settled = |error: anyhow::Error| match error.downcast::<Error>() {
            Ok(error) => Failure::from(error).into(),
            Err(error) => error,
        };
        let mut seen = Seen::new();
        for round in 1.. {
            match self.list_round(round, &mut seen, visit) {
                Err(error) if is_changed(&error) => {
                    if round == LISTINGS {
                        let why = format!("{error}, each of {LISTINGS} times");
                        return Err(settled(Error::new(self.kind(), Kind::Locked, why).into()));
                    }
                }
                result => return result.map_err(settled),
            }
        }
        Ok(())
    }

    /// `seen` tells of each name in which round it was seen last.
    fn list_round(
        &self,
        round: u8,
        seen: &mut Seen,
        visit: &mut dyn FnMut(Object) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut page: Option<String> = None;
        let mut barren = 0;
        loop {
            barren += 1;
            let next = self.list_page(page.as_deref(), &mut |object| {
                let before = seen.insert(&object.name, round);
                if before != Some(round) {
                    barren = 0;
                }
                if seen.rounds.len() > MOST_OBJECTS || seen.bytes > MOST_BYTES {
                    return Err(self.astray(TOO_MANY).hint(TOO_MANY_HINT).into());
                }
                match before {
                    None => visit(object),
                    Some(_) => Ok(()),
                }
            })?;
            let Some(next) = next else {
                return Ok(());
            };
            if barren >= BARREN_PAGES {
                let why = "its listing of the directory goes in circles";
                return Err(self.astray(why).into());
            }
            page = Some(next);
        }
    }

    /// The error of a listing that cannot be believed, however often it is asked for.
    fn astray(&self, why: &str) -> Error {
        Error::new(self.kind(), Kind::Connection(Reason::Network), why)
    }
}

fn is_changed(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<Error>()
        .is_some_and(|error| matches!(error.kind, Kind::Changed))
}
