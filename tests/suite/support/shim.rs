//! A world with other names and another time, as one process sees it.
//!
//! Neither name servers nor clocks can be changed by who is not root. What a process asks
//! the C library for both can be answered by `shim.c`, which is put before it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::Call;

/// Builds the library, once.
fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/support/shim.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let built = folder.join("shim.so");
        // Under a name of its own first: another run of the tests may be using it.
        let new = folder.join(format!("shim-{}.so", std::process::id()));
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&new, &source])
            .arg("-ldl")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{said}");
        fs::rename(new, &built).unwrap();
        built
    })
}

impl Call<'_> {
    /// Runs where names stand for these addresses; see `shim.c`.
    pub fn with_names(self, names: &str) -> Self {
        self.env("LD_PRELOAD", library()).env("FAKE_NAMES", names)
    }

    /// Runs by a clock that is so many seconds ahead of the right time; see `shim.c`.
    pub fn by_clock(self, ahead: &str) -> Self {
        self.env("LD_PRELOAD", library()).env("FAKE_CLOCK", ahead)
    }
}
