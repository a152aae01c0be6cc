//! Where a download goes: a directory held open, and a name in it.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::dir::{Dir, folder_of, lacks_room, make_folders, who_may_write};
use crate::failure::{Code, Failure};
use crate::hash::Sha256;
use crate::name::MAX_NAME_BYTES;
use crate::provider::error::unsmuggle;
use crate::sidecar::{MAX_SIDECAR_BYTES, says_the_same};
use crate::staging::Staging;
use crate::text::{bytes, system_reason};
use crate::wanted::Wanted;

/// Where a download goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The application's own folder, `backups/<type>/`.
    Default,
    /// A folder, or a file.
    Path(PathBuf),
}

/// Where the bytes go: a directory held open, and a name in it.
pub(crate) struct Target {
    /// The directory.
    pub(crate) dir: Dir,
    /// The name in it.
    pub(crate) name: String,
    /// With the sidecar beside it: not when the operator chose the file's name.
    pub(crate) whole_backup: bool,
}

impl Target {
    /// Finds the place an operator means, for a backup of that name and type.
    ///
    /// One of several has its type's folder below a chosen folder, as the application lays them out.
    pub(crate) fn find(
        output: &Output,
        backup_dir: &Path,
        wanted: &Wanted,
        one_of_several: bool,
    ) -> Result<Self, Failure> {
        let name = wanted.name.as_str().to_owned();
        let kind = wanted.backup_type.name();
        let (folder, name, whole_backup) = match output {
            Output::Default => {
                let folder = backup_dir.join(kind);
                make_folder(&folder)?;
                (folder, name, true)
            }
            Output::Path(path)
                if path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/') =>
            {
                let folder = if one_of_several {
                    path.join(kind)
                } else {
                    path.clone()
                };
                if one_of_several {
                    make_folder(&folder)?;
                }
                (folder, name, true)
            }
            Output::Path(path) if one_of_several => {
                let detail = format!(
                    "-o '{}' is one file, but a full backup is several",
                    path.display()
                );
                return Err(Failure::new(Code::Usage, detail).hint("choose a folder with -o DIR/"));
            }
            Output::Path(path) => {
                let no_file = || {
                    Failure::new(
                        Code::Usage,
                        format!("-o '{}' names no file", path.display()),
                    )
                };
                let name = path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .ok_or_else(no_file)?;
                (folder_of(path).to_owned(), name.to_owned(), false)
            }
        };
        let dir = Dir::open(&folder).map_err(|error| {
            let detail = format!(
                "cannot open the folder '{}': {}",
                folder.display(),
                system_reason(&error)
            );
            let hint = "make the folder, or choose another with -o DIR";
            match who_may_write(&folder, &error) {
                Some(who) => Failure::new(Code::LocalIo, detail).hint(who),
                None => Failure::new(Code::LocalIo, detail).hint(hint),
            }
        })?;
        Ok(Target {
            dir,
            name,
            whole_backup,
        })
    }

    /// The file, as the operator would name it.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join(&self.name)
    }

    /// The same file whatever spelling led to it.
    pub(crate) fn resolved(&self) -> PathBuf {
        let folder =
            std::fs::canonicalize(self.dir.path()).unwrap_or_else(|_| self.dir.path().to_owned());
        folder.join(&self.name)
    }

    /// The unfinished file beside the target.
    pub(crate) fn partial(&self) -> String {
        let plain = format!(".{}.partial", self.name);
        if plain.len() <= MAX_NAME_BYTES {
            return plain;
        }
        format!(
            ".{}.partial",
            &Sha256::of(self.name.as_bytes()).to_string()[..32]
        )
    }

    /// Writes a sidecar or manifest adjusted to where its files now lie, and keeps
    /// the remote's own text beside it. One that says the same is left alone.
    pub(crate) fn write_json(
        &self,
        name: &str,
        original: &[u8],
        adjusted: &[u8],
        replace: bool,
    ) -> anyhow::Result<PathBuf> {
        let path = self.dir.path().join(name);
        let found = self.dir.open_file(name).and_then(|file| {
            let mut found = Vec::new();
            file.take(MAX_SIDECAR_BYTES).read_to_end(&mut found)?;
            Ok(found)
        });
        let mut replace = replace;
        match found {
            Ok(found) if says_the_same(&found, adjusted) => return Ok(path),
            // The same backup, from before its parts were joined: its text is kept below.
            Ok(found) if says_the_same(&found, original) => replace = true,
            Ok(_) if !replace => {
                let detail = format!(
                    "'{}' exists already and differs from the backup's sidecar",
                    path.display()
                );
                return Err(Failure::new(Code::AlreadyExists, detail)
                    .hint("the backup file itself is there; replace the sidecar with --force")
                    .into());
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(cannot_write(&path, &error).into());
            }
            _ => {}
        }
        if original != adjusted {
            self.write_small(&original_name(name), original, true)?;
        }
        self.write_small(name, adjusted, replace)?;
        Ok(path)
    }

    fn write_small(&self, name: &str, text: &[u8], replace: bool) -> Result<(), Failure> {
        let temporary = format!(
            ".{}.partial",
            &Sha256::of(name.as_bytes()).to_string()[..32]
        );
        let write = || -> io::Result<()> {
            let mut staging = Staging::create(&self.dir, &temporary, text.len() as u64)?;
            staging.fill(text)?;
            staging.publish(name, replace)
        };
        write().map_err(|error| self.not_written(name, text.len() as u64, &error))
    }

    /// Fails when what is to be written is known not to fit.
    pub(crate) fn check_space(&self, needed: u64) -> Result<(), Failure> {
        let (_, free) = self
            .dir
            .space()
            .map_err(|error| cannot_write(self.dir.path(), &error))?;
        if free >= needed {
            Ok(())
        } else {
            Err(self.no_room(needed, free))
        }
    }

    /// A failure of ours that passed through a reader, a lack of room, or another error while writing.
    pub(crate) fn write_failed(&self, needed: u64, error: io::Error) -> anyhow::Error {
        let error = match unsmuggle(error) {
            Ok(inner) => return inner,
            Err(error) => error,
        };
        match error.kind() {
            io::ErrorKind::WouldBlock => {
                let detail = format!(
                    "'{}' is being written by another run",
                    self.path().display()
                );
                Failure::new(Code::Locked, detail)
                    .hint("wait for it, or choose another place with -o")
                    .into()
            }
            _ => self.not_written(&self.name, needed, &error).into(),
        }
    }

    /// A lack of room, or another error while writing a file here.
    pub(crate) fn not_written(&self, name: &str, needed: u64, error: &io::Error) -> Failure {
        match self.dir.space() {
            Ok((_, free)) if lacks_room(error) => {
                self.no_room(needed, free).caused_by(system_reason(error))
            }
            _ => cannot_write(&self.dir.path().join(name), error),
        }
    }

    fn no_room(&self, needed: u64, free: u64) -> Failure {
        let folder = self.dir.path().display();
        let detail = format!(
            "no room in '{folder}': {} needed, {} free",
            bytes(needed),
            bytes(free)
        );
        Failure::new(Code::LocalIo, detail)
            .hint("make room, or choose another place with -o DIR")
            .field("needed", needed)
            .field("free", free)
    }
}

/// What a sidecar is kept as that says what the remote's says, byte for byte. Hidden,
/// so that the application's rotation does not count it as a backup.
pub(crate) fn original_name(sidecar: &str) -> String {
    let plain = format!(".{sidecar}.orig");
    if plain.len() <= MAX_NAME_BYTES {
        return plain;
    }
    format!(
        ".{}.orig",
        &Sha256::of(sidecar.as_bytes()).to_string()[..32]
    )
}

/// What the system says of a file here.
pub(crate) fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    let detail = format!(
        "cannot write '{}': {}",
        path.display(),
        system_reason(error)
    );
    let failure = Failure::new(Code::LocalIo, detail);
    match who_may_write(folder_of(path), error) {
        Some(who) => failure.hint(who),
        None => failure,
    }
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    make_folders(folder).map_err(|error| {
        let detail = format!(
            "cannot make the folder '{}': {}",
            folder.display(),
            system_reason(&error)
        );
        let choose = "choose another with -o DIR or --backup-dir DIR";
        let hint = who_may_write(folder, &error).map(|who| format!("{who}; {choose}"));
        Failure::new(Code::LocalIo, detail).hint(hint.unwrap_or_else(|| choose.to_owned()))
    })
}
