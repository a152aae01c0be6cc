//! Sandboxes: an empty HOME, an installation, and the command run in it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

pub mod backups;
pub mod cloud;
pub mod drive;
pub mod fake;
pub mod fake_drive;
pub mod fake_yandex;
pub mod forward;
pub mod hole;
pub mod invariants;
pub mod outgoing;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub mod shim;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub mod tracer;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_vertex-backup");

/// Data made by the real application.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The fixture's backups, by the names the tests use.
pub const DB: &str = "db_backup_20250131_040000.db";
pub const DB_SHA256: &str = "a4eeb5ce731dd75e585041668b1878102e0d1d760f180334604106a46766aca1";
pub const STORAGE: &str = "storage_backup_20250131_040000.tar.gz";

/// A scratch folder with an empty home and, if asked for, an installation.
pub struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    /// Nothing but an empty HOME.
    pub fn empty() -> Self {
        Self::empty_in(&std::env::temp_dir())
    }

    /// As [`Sandbox::new`], in memory where the system offers that: for tests of many runs.
    pub fn quick() -> Self {
        let memory = Path::new("/dev/shm");
        let has_room =
            rustix::fs::statvfs(memory).is_ok_and(|it| it.f_bavail * it.f_frsize > 64 << 20);
        let is_ours = rustix::fs::access(memory, rustix::fs::Access::WRITE_OK).is_ok();
        let sandbox = if has_room && is_ours {
            Self::empty_in(memory)
        } else {
            Self::empty()
        };
        copy_tree(&fixtures().join("vertex-ar"), &sandbox.app());
        sandbox
    }

    fn empty_in(folder: &Path) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("vertex-")
            .tempdir_in(folder)
            .unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for folder in ["home", "app"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        Sandbox { dir }
    }

    /// The application's installation: database, backups, example provider file.
    pub fn new() -> Self {
        let sandbox = Self::empty();
        copy_tree(&fixtures().join("vertex-ar"), &sandbox.app());
        sandbox
    }

    /// An installation whose company `acme-corp` is assigned to the local provider.
    pub fn assigned() -> Self {
        let sandbox = Self::new();
        sandbox
            .run(["config", "set", "acme-corp", "--provider", "local", "-q"])
            .code(0);
        sandbox
    }

    /// The scratch folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The installation, which is also the working directory.
    pub fn app(&self) -> PathBuf {
        self.path().join("app")
    }

    /// A file below the installation.
    pub fn file(&self, name: &str) -> PathBuf {
        self.app().join(name)
    }

    /// The application's database.
    pub fn db(&self) -> PathBuf {
        self.file("app_data.db")
    }

    /// Our state beside it.
    pub fn state(&self) -> PathBuf {
        self.file("app_data.backup-state.db")
    }

    /// The built-in root of the local provider.
    pub fn root(&self) -> PathBuf {
        self.path().join("home/.local/share/vertex-backup/remote")
    }

    /// A company's default remote directory below the built-in root.
    pub fn remote(&self, company: &str) -> PathBuf {
        self.root().join(format!("vertex-ar/{company}/backups"))
    }

    /// Writes a file below the installation.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Opens the application's database as the application would.
    pub fn sql(&self) -> Connection {
        Connection::open(self.db()).unwrap()
    }

    /// A command that can be changed before it is run.
    pub fn command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Call<'_> {
        let mut command = Command::new(BINARY);
        command
            .args(arguments)
            .current_dir(self.app())
            .env_clear()
            .env("HOME", self.path().join("home"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("USER", "operator")
            .env("TZ", "UTC")
            // No test leaves this machine, and none waits to ask again.
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .env("VERTEX_BACKUP_RETRY_PAUSE", "2ms")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Call {
            sandbox: self,
            command,
        }
    }

    /// Runs the command and waits for its end.
    #[track_caller]
    pub fn run<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Outcome {
        self.command(arguments).run()
    }

    /// Runs the command with `--json`, expects the code, and parses stdout.
    #[track_caller]
    pub fn json<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(
        &self,
        code: i32,
        arguments: I,
    ) -> Value {
        let mut words: Vec<OsString> = arguments
            .into_iter()
            .map(|word| word.as_ref().to_owned())
            .collect();
        words.push("--json".into());
        self.run(words).code(code).json()
    }

    /// Every file below a folder of the sandbox, relative to it, sorted.
    pub fn files_below(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        collect(folder, folder, &mut found);
        found.sort();
        found
    }
}

/// A command about to be run.
pub struct Call<'a> {
    sandbox: &'a Sandbox,
    pub command: Command,
}

impl Call<'_> {
    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs in another folder.
    pub fn cwd(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Runs as a user who owns nothing, so that modes count even when the tests run as root.
    ///
    /// The sandbox is made readable for everybody, the binary is copied into it.
    pub fn unprivileged(mut self) -> Self {
        if !rustix::process::geteuid().is_root() {
            return self;
        }
        let binary = self.sandbox.path().join("vertex-backup");
        if !binary.exists() {
            // By another process: a copy that is open for writing in this one, while another
            // test starts a child, could not be executed ("text file busy").
            let copied = Command::new("cp")
                .arg(BINARY)
                .arg(&binary)
                .status()
                .unwrap();
            assert!(copied.success());
        }
        let mut command = Command::new(&binary);
        command.args(self.command.get_args()).env_clear();
        for (name, value) in self.command.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        if let Some(folder) = self.command.get_current_dir() {
            command.current_dir(folder);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .uid(NOBODY)
            .gid(NOBODY);
        self.command = command;
        self
    }

    /// Runs under a limit that `sh`'s `ulimit` sets, such as `-f 100` (blocks of 512 bytes).
    pub fn limited(mut self, limit: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(format!("ulimit {limit}; exec \"$0\" \"$@\""))
            .arg(BINARY)
            .args(self.command.get_args());
        command.env_clear();
        for (name, value) in self.command.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command
            .current_dir(self.sandbox.app())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.command = command;
        self
    }

    /// Starts it and goes on.
    pub fn spawn(mut self) -> Child {
        self.command.spawn().unwrap()
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(mut self) -> Outcome {
        let output = self.command.output().unwrap();
        Outcome::of(&output, self.sandbox)
    }
}

/// The user and group that own nothing.
pub const NOBODY: u32 = 65534;

/// Gives a tree of the sandbox to the unprivileged user, when the tests run as root.
pub fn give_to_nobody(path: &Path) {
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                give_to_nobody(&entry.unwrap().path());
            }
        }
    }
}

/// What a command said and how it ended. The sandbox's path reads `[DIR]`.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    pub fn of(output: &std::process::Output, sandbox: &Sandbox) -> Self {
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes).replace(&*sandbox.path().to_string_lossy(), "[DIR]")
        };
        Outcome {
            code: output
                .status
                .code()
                .unwrap_or_else(|| -output.status.signal().unwrap_or_default()),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Expects the exit code.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "exit code\nstdout: {}\nstderr: {}",
            self.stdout, self.stderr
        );
        self
    }

    /// Expects exactly this on stdout.
    #[track_caller]
    pub fn stdout(self, text: &str) -> Self {
        assert_eq!(self.stdout, text, "stdout; stderr is: {}", self.stderr);
        self
    }

    /// Expects exactly this on stderr.
    #[track_caller]
    pub fn stderr(self, text: &str) -> Self {
        assert_eq!(self.stderr, text, "stderr; stdout is: {}", self.stdout);
        self
    }

    /// Expects this somewhere on stderr.
    #[track_caller]
    pub fn stderr_has(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "{text:?} is not in stderr: {}",
            self.stderr
        );
        self
    }

    /// Expects this somewhere on stdout.
    #[track_caller]
    pub fn stdout_has(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text),
            "{text:?} is not in stdout: {}\nstderr: {}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Expects one JSON document on stdout, and nothing else.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!(
                "{error} in stdout: {}\nstderr: {}",
                self.stdout, self.stderr
            ),
        }
    }
}

/// Makes a file readable for its owner alone.
pub fn make_private(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Sends a signal to a command that was started.
pub fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// The keys of a JSON object, in their order.
pub fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// The name of the user who runs the tests, as the system has it.
pub fn login_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let output = Command::new("id").arg("-un").output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    })
}

/// Whether a system tool is there; such a tool only ever adds to a test.
pub fn has_tool(name: &str) -> bool {
    static PATHS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let paths = PATHS.get_or_init(|| {
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect()
    });
    paths.iter().any(|path| path.join(name).is_file())
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            collect(root, &entry.path(), found);
        } else {
            found.push(
                entry
                    .path()
                    .strip_prefix(root)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned(),
            );
        }
    }
}
