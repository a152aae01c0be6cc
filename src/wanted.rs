//! A backup on the remote that somebody wants, and all that is known of its content.

use std::io::{self, Read};

use crate::backup::BackupType;
use crate::failure::{Code, Failure};
use crate::files;
use crate::hash::Sha256;
use crate::installation::{Remote, shell_word};
use crate::name::FileName;
use crate::provider::Object;
use crate::provider::error::smuggle;
use crate::remote_set::{RemoteFiles, read_json};
use crate::sets::{Set, in_words};
use crate::sidecar::Facts;
use crate::state::State;

/// What a backup without a sidecar is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// With what was recorded when it was stored.
    Record,
    /// With nothing, if it changed since: the operator wants it as it is.
    Remote,
}

/// A remote backup and all that is known of its content before a byte is read.
pub struct Wanted {
    /// Its name: that of the file, the joined parts, or the manifest.
    pub name: FileName,
    /// What it holds.
    pub backup_type: BackupType,
    /// The database and the storage backup of a full one.
    pub halves: Vec<Wanted>,
    /// The files it is made of, in order; of a full backup, the manifest.
    objects: Vec<Object>,
    /// The sidecar's name and bytes.
    sidecar: Option<(FileName, Vec<u8>)>,
    expected: Vec<(&'static str, Sha256)>,
}

impl Wanted {
    /// Looks up the backup that a name belongs to: its file, a part, its sidecar or manifest.
    ///
    /// # Errors
    /// `remote_file_not_found`, with a near name; `integrity_failed` when it is not whole.
    pub fn find(
        remote: &Remote,
        state: Option<&State>,
        name: &str,
        trust: Trust,
    ) -> anyhow::Result<Self> {
        let name = FileName::new(name)?;
        let files = RemoteFiles::around(remote, state, &name)?;
        match files.find(name.as_str()) {
            Some(set) => Self::of(remote, state, &files, set, trust),
            None => Err(not_found(remote, &name).into()),
        }
    }

    /// The newest backup on the remote, of one type if it is given.
    ///
    /// # Errors
    /// `remote_file_not_found` when there is none.
    pub fn latest(
        remote: &Remote,
        state: Option<&State>,
        of_type: Option<BackupType>,
        trust: Trust,
    ) -> anyhow::Result<Self> {
        let listed = RemoteFiles::list(remote, state)?;
        let newest = files::newest(&listed, of_type);
        if let Some(set) = newest {
            return Self::of(remote, state, &listed, set, trust);
        }
        let what = of_type.map_or_else(|| "backup".to_owned(), |kind| format!("{kind} backup"));
        let (directory, provider) = (&remote.place.directory, remote.place.provider);
        let detail = format!("There is no {what} in '{directory}' on {provider}");
        Err(Failure::new(Code::RemoteFileNotFound, detail).into())
    }

    /// A set of a listing.
    ///
    /// # Errors
    /// `integrity_failed` when it is not whole.
    pub fn of(
        remote: &Remote,
        state: Option<&State>,
        files: &RemoteFiles,
        set: &Set,
        trust: Trust,
    ) -> anyhow::Result<Self> {
        let is_gap = set.files.is_empty() && !set.is_full()
            || set.problems.iter().any(crate::sets::Problem::is_gap);
        if is_gap || !set.is_complete() && trust == Trust::Record {
            return Err(not_whole(remote, set, is_gap).into());
        }
        let halves = files
            .halves(set)
            .map(|half| Self::of(remote, state, files, half, trust));
        let halves: Vec<Wanted> = halves.collect::<anyhow::Result<_>>()?;
        let members = if set.is_full() {
            set.json.as_slice()
        } else {
            &set.files[..]
        };
        let objects = members
            .iter()
            .filter_map(|member| files.object(member).cloned());
        let sidecar = match set.json.as_ref().filter(|_| !set.is_full()) {
            Some(json) => match files.object(json) {
                Some(object) => Some((FileName::new(&json.name)?, read_json(remote, object)?)),
                None => None,
            },
            None => None,
        };
        let mut wanted = Wanted {
            name: FileName::new(&set.name)?,
            backup_type: set.backup_type,
            halves,
            objects: objects.collect(),
            sidecar,
            expected: Vec::new(),
        };
        wanted.expect(remote, state, set, trust)?;
        Ok(wanted)
    }

    /// Gathers what is known of the whole's digest.
    fn expect(
        &mut self,
        remote: &Remote,
        state: Option<&State>,
        set: &Set,
        trust: Trust,
    ) -> anyhow::Result<()> {
        let listed = set.checksum();
        // A listing takes a sidecar by its name: what it says may have been read only now.
        let text = self.sidecar.as_ref().map(|(_, text)| text.as_slice());
        let read = text.and_then(|text| Facts::parse(text)?.sidecar()?.checksum);
        let read = read.filter(|read| listed != Some(*read));
        let told = listed.into_iter().chain(read);
        self.expected
            .extend(told.map(|checksum| ("sidecar", checksum)));
        // Of parts nothing but the sidecar tells what they join to.
        let ([object], false) = (self.objects.as_slice(), set.split) else {
            return Ok(());
        };
        let known = match state {
            Some(state) => state.known(&remote.place, &object.name)?,
            None => None,
        };
        // Our record takes the place of a sidecar, also when the object changed behind our back:
        // then the two differ, and that must show.
        let nobody_else =
            self.expected.is_empty() && object.sha256.is_none() && trust == Trust::Record;
        let known = known.filter(|known| known.version == object.version || nobody_else);
        self.expected
            .extend(known.map(|known| ("record", known.sha256)));
        self.expected
            .extend(object.sha256.map(|sha256| ("provider", sha256)));
        Ok(())
    }

    /// The remote objects it is made of, in order.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// Its sidecar: name and bytes.
    pub fn sidecar(&self) -> Option<(&FileName, &[u8])> {
        self.sidecar
            .as_ref()
            .map(|(name, text)| (name, text.as_slice()))
    }

    /// Whether it is a database and a storage backup, and a manifest that names them.
    pub fn is_full(&self) -> bool {
        !self.halves.is_empty()
    }

    /// Whether it lies in parts that have to be joined.
    pub fn is_split(&self) -> bool {
        self.objects
            .first()
            .is_some_and(|object| object.name != self.name.as_str())
    }

    /// The digest its bytes must have, where anybody knows one.
    pub fn expected(&self) -> Option<Sha256> {
        self.expected.first().map(|(_, sha256)| *sha256)
    }

    /// Its size in bytes; of a full backup, the manifest's.
    pub fn size(&self) -> u64 {
        self.objects
            .iter()
            .map(|object| object.size)
            .fold(0, u64::saturating_add)
    }

    /// Changes whenever the content of any of its files may have changed.
    pub fn version(&self) -> String {
        let versions: Vec<_> = self
            .objects
            .iter()
            .map(|object| object.version.as_str())
            .collect();
        match versions.as_slice() {
            [one] => (*one).to_owned(),
            all => Sha256::of(all.join("\n").as_bytes()).to_string(),
        }
    }

    /// Opens its bytes from `offset` on, the parts one after another.
    pub fn open<'a>(&'a self, remote: &'a Remote, offset: u64) -> Joined<'a> {
        Joined {
            remote,
            objects: &self.objects,
            offset,
            current: None,
        }
    }

    /// Fails unless the digest is the one everybody expects; who those are.
    ///
    /// # Errors
    /// `integrity_failed` with both digests.
    pub fn compare(&self, sha256: Sha256) -> Result<Vec<&'static str>, Failure> {
        for (who, expected) in &self.expected {
            if *expected != sha256 {
                let detail = format!(
                    "'{}' has the SHA-256 {sha256}, but the {who} says {expected}: the remote copy was changed",
                    self.name
                );
                let hint = match *who {
                    "record" => {
                        "nothing was written; if somebody replaced it on purpose, take it with --force"
                    }
                    _ => {
                        "choose another backup: `vertex-backup files` lists them; the bytes as they are go to stdout with -o -"
                    }
                };
                return Err(Failure::new(Code::RemoteChanged, detail)
                    .hint(hint)
                    .field("expected", expected.to_string())
                    .field("found", sha256.to_string()));
            }
        }
        Ok(self.expected.iter().map(|(who, _)| *who).collect())
    }
}

/// Objects read as one file.
pub struct Joined<'a> {
    remote: &'a Remote,
    objects: &'a [Object],
    /// Bytes still to be passed over.
    offset: u64,
    current: Option<Box<dyn Read>>,
}

impl Read for Joined<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(reader) = &mut self.current {
                match reader.read(buffer) {
                    Ok(0) if !buffer.is_empty() => self.current = None,
                    result => return result,
                }
            }
            let Some((next, rest)) = self.objects.split_first() else {
                return Ok(0);
            };
            self.objects = rest;
            if self.offset >= next.size {
                self.offset -= next.size;
                continue;
            }
            let reader = self.remote.provider.read(next, self.offset);
            self.current = Some(reader.map_err(|error| smuggle(Failure::from(error).into()))?);
            self.offset = 0;
        }
    }
}

fn not_whole(remote: &Remote, set: &Set, is_gap: bool) -> Failure {
    let words = in_words(&set.problems);
    let (directory, provider) = (&remote.place.directory, remote.place.provider);
    let detail = format!(
        "The backup '{}' in '{directory}' on {provider} is not whole: {words}",
        set.name
    );
    let id = shell_word(&remote.company.id);
    let hint = if is_gap {
        format!(
            "sync it again where it still exists, or choose another: `vertex-backup files {id}`"
        )
    } else {
        "choose another backup, or take it as it is with --force".to_owned()
    };
    Failure::new(Code::IntegrityFailed, detail)
        .hint(hint)
        .field("problems", words)
}

/// The failure for a name the remote does not have, with a near one.
pub(crate) fn not_found(remote: &Remote, name: &FileName) -> Failure {
    let place = format!("'{}' on {}", remote.place.directory, remote.place.provider);
    let failure = Failure::new(
        Code::RemoteFileNotFound,
        format!("Remote file '{name}' not found in {place}"),
    );
    let listed = RemoteFiles::list(remote, None)
        .map(|files| files.sets)
        .unwrap_or_default();
    let near = crate::text::nearest(name.as_str(), listed.iter().map(|set| set.name.as_str()));
    let id = shell_word(&remote.company.id);
    match near {
        Some(near) => failure.hint(format!(
            "did you mean '{near}'? `vertex-backup files {id}` lists all"
        )),
        None => failure.hint(format!("vertex-backup files {id}")),
    }
}
