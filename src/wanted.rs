//! A backup on the remote that somebody wants, and all that is known of its content.

use crate::backup::{BackupType, is_json, is_part};
use crate::failure::{Code, Failure};
use crate::files;
use crate::hash::Sha256;
use crate::installation::{Remote, shell_word};
use crate::name::FileName;
use crate::provider::{Object, ObjectKind};
use crate::remote_sidecar::{RemoteSidecar, sidecar_of};
use crate::state::State;

/// What a backup without a sidecar is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// With what was recorded when it was stored.
    Record,
    /// With nothing, if it changed since: the operator wants it as it is.
    Remote,
}

/// A remote backup file and all that is known of its content before a byte is read.
pub struct Wanted {
    /// Its name.
    pub name: FileName,
    object: Object,
    sidecar: Option<RemoteSidecar>,
    expected: Vec<(&'static str, Sha256)>,
}

impl Wanted {
    /// Looks a file up on the remote.
    ///
    /// # Errors
    /// `remote_file_not_found`, with a near name.
    pub fn find(
        remote: &Remote,
        state: Option<&State>,
        name: &str,
        trust: Trust,
    ) -> anyhow::Result<Self> {
        let name = FileName::new(name)?;
        let object = remote.provider.stat(&name).map_err(Failure::from)?;
        let Some(object) = object.filter(|object| object.kind == ObjectKind::File) else {
            return Err(not_found(remote, &name).into());
        };
        let sidecar = sidecar_of(remote, &name)?;
        let mut expected = Vec::new();
        // The checksum of a split backup is that of the joined whole.
        let whole = sidecar
            .as_ref()
            .map(|(_, _, sidecar)| sidecar)
            .filter(|sidecar| !sidecar.split);
        expected.extend(
            whole
                .and_then(|sidecar| sidecar.checksum)
                .map(|checksum| ("sidecar", checksum)),
        );
        let known = match state {
            Some(state) => state.known(&remote.place, name.as_str())?,
            None => None,
        };
        // Our record takes the place of a sidecar, also when the object changed behind our back:
        // then the two differ, and that must show.
        let nobody_else = expected.is_empty() && object.sha256.is_none() && trust == Trust::Record;
        let known = known.filter(|known| known.version == object.version || nobody_else);
        expected.extend(known.map(|known| ("record", known.sha256)));
        expected.extend(object.sha256.map(|sha256| ("provider", sha256)));
        Ok(Wanted {
            name,
            object,
            sidecar,
            expected,
        })
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
        let files = files::list(remote, state, false)?;
        // One part is no backup to restore from, nor is a manifest, unless a full backup is asked for.
        let newest = files.iter().find(|file| {
            let is_whole =
                !is_part(&file.name) && (!is_json(&file.name) || of_type == Some(BackupType::Full));
            let is_wanted = of_type.is_none() || file.backup_type == of_type;
            is_whole && is_wanted && FileName::new(&file.name).is_ok()
        });
        if let Some(file) = newest {
            return Self::find(remote, state, &file.name, trust);
        }
        let what = of_type.map_or_else(|| "backup".to_owned(), |kind| format!("{kind} backup"));
        let (directory, provider) = (&remote.place.directory, remote.place.provider);
        let detail = format!("There is no {what} in '{directory}' on {provider}");
        Err(Failure::new(Code::RemoteFileNotFound, detail).into())
    }

    /// The remote object.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// Its sidecar: name, bytes and what they say.
    pub fn sidecar(&self) -> Option<&RemoteSidecar> {
        self.sidecar.as_ref()
    }

    /// The digest its bytes must have, where anybody knows one.
    pub fn expected(&self) -> Option<Sha256> {
        self.expected.first().map(|(_, sha256)| *sha256)
    }

    /// What it holds: by its sidecar, else by its name.
    pub fn backup_type(&self) -> BackupType {
        let told = self
            .sidecar
            .as_ref()
            .and_then(|(_, _, sidecar)| sidecar.backup_type);
        told.unwrap_or_else(|| BackupType::of_name(self.name.as_str()))
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.object.size
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
                        "nothing was written; choose another backup: `vertex-backup files` lists them"
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

/// The failure for a name the remote does not have, with a near one.
pub(crate) fn not_found(remote: &Remote, name: &FileName) -> Failure {
    let place = format!("'{}' on {}", remote.place.directory, remote.place.provider);
    let failure = Failure::new(
        Code::RemoteFileNotFound,
        format!("Remote file '{name}' not found in {place}"),
    );
    let listed = files::list(remote, None, false).unwrap_or_default();
    let near = crate::text::nearest(name.as_str(), listed.iter().map(|file| file.name.as_str()));
    let id = shell_word(&remote.company.id);
    match near {
        Some(near) => failure.hint(format!(
            "did you mean '{near}'? `vertex-backup files {id}` lists all"
        )),
        None => failure.hint(format!("vertex-backup files {id}")),
    }
}
