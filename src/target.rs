//! Where a download goes: a directory held open, and a name in it.

use std::path::{Path, PathBuf};

use crate::dir::Dir;
use crate::failure::{Code, Failure};
use crate::hash::Sha256;
use crate::name::MAX_NAME_BYTES;
use crate::text::system_reason;
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
    /// Finds the place an operator means, for a file of that name and type.
    pub(crate) fn find(
        output: &Output,
        backup_dir: &Path,
        wanted: &Wanted,
    ) -> Result<Self, Failure> {
        let name = wanted.name.as_str().to_owned();
        let (folder, name, whole_backup) = match output {
            Output::Default => {
                let folder = backup_dir.join(wanted.backup_type().name());
                make_folder(&folder)?;
                (folder, name, true)
            }
            Output::Path(path)
                if path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/') =>
            {
                (path.clone(), name, true)
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
                let parent = path
                    .parent()
                    .filter(|parent| !parent.as_os_str().is_empty());
                (
                    parent.unwrap_or(Path::new(".")).to_owned(),
                    name.to_owned(),
                    false,
                )
            }
        };
        let dir = Dir::open(&folder).map_err(|error| {
            let detail = format!(
                "cannot open the folder '{}': {}",
                folder.display(),
                system_reason(&error)
            );
            Failure::new(Code::LocalIo, detail)
                .hint("make the folder, or choose another with -o DIR")
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
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| {
            let detail = format!(
                "cannot make the folder '{}': {}",
                folder.display(),
                system_reason(&error)
            );
            Failure::new(Code::LocalIo, detail)
                .hint("choose another with -o DIR or --backup-dir DIR")
        })
}
