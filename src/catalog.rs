//! What the state knows of remote objects, of uploads and downloads under way,
//! and of the storages they are on.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::dir::Stamp;
use crate::failure::{Code, Failure};
use crate::hash::Sha256;
use crate::provider::{ProviderKind, Session};
use crate::remote_path::RemotePath;
use crate::sidecar::Facts;
use crate::state::{State, signed, time, unsigned, written};

/// A company's directory at a provider: what objects are remembered under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The company's id.
    pub company_id: String,
    /// The provider.
    pub provider: ProviderKind,
    /// The remote directory.
    pub directory: RemotePath,
}

/// One object, by what [`Place::key`] gives.
pub(crate) const OBJECT: &str =
    "company_id = ?1 AND provider = ?2 AND directory = ?3 AND name = ?4";

/// One upload, by what [`Place::key`] gives for its handle.
const UPLOAD: &str = "company_id = ?1 AND provider = ?2 AND directory = ?3 AND handle = ?4";

/// What [`read_known`] takes.
const COLUMNS: &str = "name, size, sha256, version, source, stored_at, verified_at, facts";

impl Place {
    /// The values that all rows of the place share.
    pub(crate) fn whole(&self) -> [&str; 3] {
        [
            &self.company_id,
            self.provider.name(),
            self.directory.as_str(),
        ]
    }

    pub(crate) fn key<'a>(&'a self, name: &'a str) -> [&'a str; 4] {
        [
            &self.company_id,
            self.provider.name(),
            self.directory.as_str(),
            name,
        ]
    }
}

/// What is known of one remote object since it was last verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 it was verified to have.
    pub sha256: Sha256,
    /// The version of the object that was verified.
    pub version: String,
    /// The source it was made from, as [`source_key`] writes it.
    pub source: Option<String>,
    /// What it says, where it is the sidecar or manifest of others.
    pub facts: Option<Facts>,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// When its bytes were last compared; absent since they were found to differ.
    pub verified_at: Option<Timestamp>,
}

impl Known {
    /// Whether the file at a path is the very source it was made from, unchanged since.
    pub fn is_of(&self, path: &Path) -> bool {
        let key = Stamp::at(path).ok().map(|stamp| source_key(&stamp));
        key.is_some() && self.source == key
    }
}

/// An upload that a run began and did not end.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// Whose it is, and where it was to go.
    pub place: Place,
    /// The upload itself.
    pub session: Session,
    /// The source as it was then, as [`source_key`] writes it.
    source: String,
    /// Where the source lay.
    path: PathBuf,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// When the last of its bytes had gone out.
    pub sent_at: Option<Timestamp>,
    /// What the provider was last known to have of it, where it can be resumed.
    pub taken: Option<Taken>,
}

/// The first bytes of a source that a provider has for good.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// How many.
    pub bytes: u64,
    /// Their SHA-256: the source must still begin with them when it goes on.
    pub sha256: Sha256,
}

impl Unfinished {
    /// Whether it was made from a source as it is now.
    pub fn is_from(&self, source: &Stamp) -> bool {
        self.source == source_key(source)
    }

    /// Whether its source is still there, the same, and not on the remote by another upload.
    pub fn is_wanted(&self, known: Option<&Known>) -> bool {
        let is_stored = known.is_some_and(|known| known.source.as_ref() == Some(&self.source));
        !is_stored && Stamp::at(&self.path).is_ok_and(|stamp| self.is_from(&stamp))
    }
}

/// A source file as it was when it was read: the same key means the same bytes.
/// The device is left out: its number may be another after a reboot.
pub fn source_key(stamp: &Stamp) -> String {
    format!(
        "{}:{}:{}:{}",
        stamp.inode, stamp.size, stamp.modified, stamp.changed
    )
}

impl State {
    /// What is known of an object.
    pub fn known(&self, place: &Place, name: &str) -> Result<Option<Known>, Failure> {
        let sql = format!("SELECT {COLUMNS} FROM objects WHERE {OBJECT}");
        let key = place.key(name);
        let found = self
            .connection
            .prepare_cached(&sql)
            .and_then(|mut known| known.query_row(key, read_known).optional());
        found.map_err(|error| self.failed(&error))
    }

    /// What is known of all objects in a place, by name.
    pub fn known_objects(&self, place: &Place) -> Result<HashMap<String, Known>, Failure> {
        let sql = format!(
            "SELECT {COLUMNS} FROM objects WHERE company_id = ?1 AND provider = ?2 AND directory = ?3"
        );
        let read = || -> rusqlite::Result<HashMap<String, Known>> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let rows = statement.query_map(place.whole(), read_known)?;
            rows.map(|row| row.map(|known| (known.name.clone(), known)))
                .collect()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// Remembers a verified object.
    pub(crate) fn remember(
        connection: &Connection,
        place: &Place,
        known: &Known,
    ) -> rusqlite::Result<()> {
        let sql = "INSERT INTO objects
                   (company_id, provider, directory, name, size, sha256, version, source, stored_at, verified_at, is_sidecar, facts)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                   ON CONFLICT DO UPDATE SET size = ?5, sha256 = ?6, version = ?7, source = ?8, stored_at = ?9,
                   verified_at = ?10, is_sidecar = ?11, facts = ?12";
        let facts = known
            .facts
            .as_ref()
            .and_then(|facts| serde_json::to_string(facts).ok());
        connection.execute(
            sql,
            params![
                place.company_id,
                place.provider.name(),
                place.directory.as_str(),
                known.name,
                signed(known.size),
                known.sha256.to_string(),
                known.version,
                known.source,
                written(known.stored_at),
                known.verified_at.map(written),
                facts.is_some(),
                facts,
            ],
        )?;
        Ok(())
    }

    /// Remembers a verified object.
    pub fn record(&mut self, place: &Place, known: &Known) -> Result<(), Failure> {
        self.transaction(|connection| Self::remember(connection, place, known))
    }

    /// Remembers a verified object; the upload that made it is over.
    pub fn record_upload(
        &mut self,
        place: &Place,
        known: &Known,
        session: &Session,
    ) -> Result<(), Failure> {
        self.transaction(|connection| {
            Self::remember(connection, place, known)?;
            Self::end_upload(connection, place, session)
        })
    }

    /// Takes back that an object is verified: it was found to differ.
    pub fn distrust(&mut self, place: &Place, name: &str) -> Result<(), Failure> {
        self.transaction(|connection| {
            let sql = format!(
                "UPDATE objects SET verified_at = NULL
                       WHERE {OBJECT}"
            );
            let key = place.key(name);
            connection.execute(&sql, key).map(drop)
        })
    }

    /// Forgets an object that is gone.
    pub fn forget(&mut self, place: &Place, name: &str) -> Result<(), Failure> {
        self.transaction(|connection| {
            let sql = format!("DELETE FROM objects WHERE {OBJECT}");
            let key = place.key(name);
            connection.execute(&sql, key).map(drop)
        })
    }

    /// Stores an upload session, before its first byte is sent.
    pub fn begin_upload(
        &mut self,
        place: &Place,
        session: &Session,
        path: &Path,
        source: &str,
    ) -> Result<(), Failure> {
        let text = serde_json::to_string(session).map_err(|error| {
            Failure::new(
                Code::LocalIo,
                format!("cannot store the upload session: {error}"),
            )
        })?;
        // From wherever the next run is started, it must find the source.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.transaction(|connection| {
            let sql =
                "INSERT INTO uploads VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, NULL, NULL, NULL)";
            let row = params![
                place.company_id,
                place.provider.name(),
                place.directory.as_str(),
                session.handle,
                session.name,
                text,
                source,
                path.to_string_lossy(),
                written(Timestamp::now()),
            ];
            connection.execute(sql, row).map(drop)
        })
    }

    /// Notes that all bytes of an upload have gone out: they may arrive whatever becomes of us.
    ///
    /// Waits for no other writer for long: the last of the bytes wait meanwhile, and with
    /// them a server that may lose its patience.
    pub fn note_sent(&mut self, place: &Place, session: &Session) -> Result<(), Failure> {
        self.hasty_transaction(|connection| {
            let sql = format!("UPDATE uploads SET sent_at = ?5 WHERE {UPLOAD}");
            let [company, provider, directory, handle] = place.key(&session.handle);
            let now = written(Timestamp::now());
            connection
                .execute(&sql, [company, provider, directory, handle, &now])
                .map(drop)
        })
    }

    /// Notes how far the provider has an upload.
    pub fn note_taken(
        &mut self,
        place: &Place,
        session: &Session,
        taken: Taken,
    ) -> Result<(), Failure> {
        self.hasty_transaction(|connection| {
            let sql = format!("UPDATE uploads SET taken = ?5, taken_sha256 = ?6 WHERE {UPLOAD}");
            let [company, provider, directory, handle] = place.key(&session.handle);
            let (bytes, sha256) = (signed(taken.bytes), taken.sha256.to_string());
            connection
                .execute(
                    &sql,
                    params![company, provider, directory, handle, bytes, sha256],
                )
                .map(drop)
        })
    }

    fn end_upload(
        connection: &Connection,
        place: &Place,
        session: &Session,
    ) -> rusqlite::Result<()> {
        let sql = format!("DELETE FROM uploads WHERE {UPLOAD}");
        let key = place.key(&session.handle);
        connection.execute(&sql, key).map(drop)
    }

    /// Forgets an upload of which nothing is left.
    pub fn drop_upload(&mut self, place: &Place, session: &Session) -> Result<(), Failure> {
        self.transaction(|connection| Self::end_upload(connection, place, session))
    }

    /// The uploads that earlier runs of a company left.
    pub fn uploads(&self, company_id: &str) -> Result<Vec<Unfinished>, Failure> {
        let read = |row: &Row<'_>| -> rusqlite::Result<Option<Unfinished>> {
            let text = |index| row.get::<_, String>(index);
            let (provider, directory, session) = (text(0)?, text(1)?, text(2)?);
            let (source, path, begun_at) = (text(3)?, text(4)?, time(row.get(5)?));
            let sent_at = time(row.get(6)?);
            let taken: (Option<i64>, Option<String>) = (row.get(7)?, row.get(8)?);
            // A row of another version that cannot be read now may be read by that version again.
            let unfinished = || {
                Some(Unfinished {
                    place: Place {
                        company_id: company_id.to_owned(),
                        provider: provider.parse().ok()?,
                        directory: RemotePath::parse(&directory).ok()?,
                    },
                    session: serde_json::from_str(&session).ok()?,
                    source,
                    path: path.into(),
                    begun_at: begun_at?,
                    sent_at,
                    taken: taken.0.zip(taken.1).and_then(|(bytes, sha256)| {
                        let (bytes, sha256) = (unsigned(bytes), sha256.parse().ok()?);
                        Some(Taken { bytes, sha256 })
                    }),
                })
            };
            Ok(unfinished())
        };
        let rows = || -> rusqlite::Result<Vec<Option<Unfinished>>> {
            let sql = "SELECT provider, directory, session, source, path, begun_at, sent_at, taken, taken_sha256
                       FROM uploads WHERE company_id = ?1 ORDER BY begun_at, handle";
            self.connection
                .prepare_cached(sql)?
                .query_map([company_id], read)?
                .collect()
        };
        let rows = rows().map_err(|error| self.failed(&error))?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// Notes which remote object an unfinished download belongs to.
    pub fn begin_download(&mut self, target: &Path, origin: &str) -> Result<(), Failure> {
        self.transaction(|connection| {
            let sql = "INSERT OR REPLACE INTO downloads VALUES (?1, ?2, ?3)";
            let row = params![target.to_string_lossy(), origin, written(Timestamp::now())];
            connection.execute(sql, row).map(drop)
        })
    }

    /// The remote object an unfinished download of `target` belongs to.
    pub fn download_origin(&self, target: &Path) -> Result<Option<String>, Failure> {
        let sql = "SELECT origin FROM downloads WHERE target = ?1";
        let found = self
            .connection
            .query_row(sql, [target.to_string_lossy()], |row| row.get(0))
            .optional();
        found.map_err(|error| self.failed(&error))
    }

    /// Forgets an unfinished download.
    pub fn end_download(&mut self, target: &Path) -> Result<(), Failure> {
        self.transaction(|connection| {
            connection
                .execute(
                    "DELETE FROM downloads WHERE target = ?1",
                    [target.to_string_lossy()],
                )
                .map(drop)
        })
    }

    /// The identity a storage had when it was first used.
    pub fn identity(&self, storage: &str) -> Result<Option<String>, Failure> {
        let sql = "SELECT identity FROM storages WHERE key = ?1";
        let found = self
            .connection
            .query_row(sql, [storage], |row| row.get(0))
            .optional();
        found.map_err(|error| self.failed(&error))
    }

    /// Whether anything went well on a provider, or with its settings, since the state began.
    pub fn has_used(&self, provider: &str) -> Result<bool, Failure> {
        let sql = "SELECT EXISTS (SELECT 1 FROM history WHERE provider = ?1 AND verdict = 'ok')";
        let found = self.connection.query_row(sql, [provider], |row| row.get(0));
        found.map_err(|error| self.failed(&error))
    }

    /// Notes the identity of a storage; `None` forgets it.
    pub fn set_identity(&mut self, storage: &str, identity: Option<&str>) -> Result<(), Failure> {
        self.transaction(|connection| match identity {
            Some(identity) => {
                let row = params![storage, identity, written(Timestamp::now())];
                connection
                    .execute("INSERT OR REPLACE INTO storages VALUES (?1, ?2, ?3)", row)
                    .map(drop)
            }
            None => connection
                .execute("DELETE FROM storages WHERE key = ?1", [storage])
                .map(drop),
        })
    }
}

fn read_known(row: &Row<'_>) -> rusqlite::Result<Known> {
    let text = |index| row.get::<_, String>(index);
    let damaged = |index, column: &str| {
        rusqlite::Error::InvalidColumnType(index, column.to_owned(), rusqlite::types::Type::Text)
    };
    Ok(Known {
        name: text(0)?,
        size: unsigned(row.get(1)?),
        sha256: text(2)?.parse().map_err(|_| damaged(2, "sha256"))?,
        version: text(3)?,
        source: row.get(4)?,
        stored_at: time(row.get(5)?).ok_or_else(|| damaged(5, "stored_at"))?,
        verified_at: time(row.get(6)?),
        // What cannot be read was written by another version; then the sidecar itself is asked.
        facts: row
            .get::<_, Option<String>>(7)?
            .and_then(|facts| serde_json::from_str(&facts).ok()),
    })
}
