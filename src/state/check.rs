//! Looking into the state: whether it can be read, whose it is, whether its chain
//! holds and its records fit each other. Nothing is changed.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::{MIGRATIONS, State, is_absent, trouble};
use crate::backup::part_of;
use crate::catalog::Place;
use crate::failure::Failure;
use crate::lock::Locks;
use crate::remote_path::RemotePath;

/// What was found in a state file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Examination {
    /// Whether there is one.
    pub exists: bool,
    /// In a word: `ok`, `missing`, `gone`, `damaged`, `foreign`, `newer`, `broken` or `inconsistent`.
    pub state: String,
    /// The version it was written by.
    pub version: Option<usize>,
    /// The version this program writes.
    pub current_version: usize,
    /// Rows of the history.
    pub rows: Option<u64>,
    /// The hash of the last of them.
    pub head: Option<String>,
    /// Files known on remotes.
    pub objects: u64,
    /// Backups known on remotes.
    pub sets: u64,
    /// Uploads that were begun and not ended.
    pub uploads: u64,
    /// Runs without a verdict.
    pub running: u64,
    /// What is wrong, in words.
    pub problems: Vec<String>,
}

impl Examination {
    /// Looks into the state at a path.
    ///
    /// # Errors
    /// When it cannot be looked into: it may not be read, or is in use.
    pub fn of(path: &Path, wait: Duration) -> Result<Self, Failure> {
        let mut found = Examination {
            state: "ok".into(),
            current_version: MIGRATIONS.len(),
            ..Examination::default()
        };
        if is_absent(path) {
            let was_made = Locks::beside(path).was_signed(super::repair::THE_STATE);
            found.state = if was_made { "gone" } else { "missing" }.into();
            if was_made {
                found
                    .problems
                    .push("it was made, and is not there any more".into());
            }
            return Ok(found);
        }
        found.exists = true;
        let looked = State::open_to_read(path, wait).and_then(|mut state| {
            found.version = Some(state.version()?);
            state.examine(&mut found)
        });
        match looked {
            Ok(()) => Ok(found),
            Err(failure) => match trouble(&failure) {
                Some(word) => {
                    word.clone_into(&mut found.state);
                    found.problems.push(failure.to_string());
                    Ok(found)
                }
                None => Err(failure),
            },
        }
    }

    fn problem(&mut self, state: &str, words: String) {
        // The first is the worst.
        if self.problems.is_empty() {
            state.clone_into(&mut self.state);
        }
        self.problems.push(words);
    }
}

/// How many problems are told at most.
const MOST_PROBLEMS: usize = 20;

impl State {
    /// What `SQLite` finds wrong with the file, at most so many problems.
    pub(super) fn integrity(&self, most: usize) -> Result<Vec<String>, Failure> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut statement = self
                .connection
                .prepare(&format!("PRAGMA integrity_check({most})"))?;
            let said = statement.query_map([], |row| row.get::<_, String>(0))?;
            said.filter(|said| said.as_deref() != Ok("ok")).collect()
        };
        read().map_err(|error| self.failed(&error))
    }

    fn examine(&mut self, found: &mut Examination) -> Result<(), Failure> {
        for problem in self.integrity(MOST_PROBLEMS)? {
            found.problem("damaged", problem);
        }
        let is_older = found.version < Some(MIGRATIONS.len());
        if !found.problems.is_empty() || is_older {
            return Ok(());
        }
        match self.check_history(None) {
            Ok(chain) => {
                found.rows = Some(chain.rows);
                found.head = Some(chain.head);
            }
            Err(broken) => found.problem("broken", broken.to_string()),
        }
        found.objects = self.count("objects")?;
        found.sets = self.count("sets")?;
        found.uploads = self.count("uploads")?;
        found.running = self.count("running")?;
        for problem in self.unrecorded()? {
            found.problem("inconsistent", problem);
        }
        Ok(())
    }

    fn count(&self, table: &str) -> Result<u64, Failure> {
        let sql = format!("SELECT count(*) FROM {table}");
        let count = self.connection.query_row(&sql, [], |row| row.get(0));
        count
            .map(super::unsigned)
            .map_err(|error| self.failed(&error))
    }

    /// Verified backups of whose files nothing is recorded, and records that cannot be read.
    fn unrecorded(&self) -> Result<Vec<String>, Failure> {
        let mut problems = Vec::new();
        for place in self.places()? {
            let at = format!("{} on {}", place.directory, place.provider);
            let objects = match self.known_objects(&place) {
                Ok(objects) => objects,
                Err(failure) => {
                    problems.push(format!("{}, {at}: {failure}", place.company_id));
                    continue;
                }
            };
            let whole = |name: &String| part_of(name).map(|(whole, _)| whole);
            let names: BTreeSet<String> = objects
                .keys()
                .flat_map(|name| [Some(name.clone()), whole(name)])
                .flatten()
                .collect();
            for set in self.known_sets(&place)?.into_values() {
                let is_there = names.contains(&set.name)
                    || whole(&set.name).is_some_and(|whole| names.contains(&whole));
                if set.verified_at.is_some() && !is_there && problems.len() < MOST_PROBLEMS {
                    problems.push(format!(
                        "{}, {at}: nothing is recorded of the files of '{}'",
                        place.company_id, set.name
                    ));
                }
            }
        }
        Ok(problems)
    }

    fn places(&self) -> Result<Vec<Place>, Failure> {
        let read = || -> rusqlite::Result<Vec<Option<Place>>> {
            let sql = "SELECT company_id, provider, directory FROM sets
                       UNION SELECT company_id, provider, directory FROM objects";
            let mut statement = self.connection.prepare(sql)?;
            let places = statement.query_map([], |row| {
                let (provider, directory): (String, String) = (row.get(1)?, row.get(2)?);
                let company_id = row.get(0)?;
                let parsed = provider
                    .parse()
                    .ok()
                    .zip(RemotePath::parse(&directory).ok());
                Ok(parsed.map(|(provider, directory)| Place {
                    company_id,
                    provider,
                    directory,
                }))
            })?;
            places.collect()
        };
        let places = read().map_err(|error| self.failed(&error))?;
        Ok(places.into_iter().flatten().collect())
    }
}
