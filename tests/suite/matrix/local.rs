//! Places that cannot be written to (L26).
//!
//! The siblings have the rest of what goes wrong on this machine: `local_source` (L27, L28),
//! `local_kinds` (L29, L34), `local_sizes` (L30), `local_names` (L31, L32), `local_roots`
//! (L33), `local_aliases` (X48), `local_escapes` (S8).

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::local_source::holding;
use crate::support::backups::noise;
use crate::support::invariants::{Watch, grounds};
use crate::support::{Outcome, Sandbox, give_to_nobody};

pub const NAME: &str = "one.tar";

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The code, and what scripts are told.
#[track_caller]
pub fn told(outcome: &Outcome, exit: i32, code: &str) -> Value {
    assert_eq!(outcome.code, exit, "{outcome:?}");
    let told = outcome.json();
    assert_eq!(told["code"], code, "{told}");
    told
}

/// A text that scripts are told.
pub fn text<'v>(told: &'v Value, key: &str) -> &'v str {
    told[key].as_str().unwrap_or_default()
}

/// A folder on another file system than a path, where this machine has one.
fn another_file_system(than: &Path) -> Option<TempDir> {
    let device = fs::metadata(than).unwrap().dev();
    let places = [
        "/dev/shm",
        "/tmp",
        "/var/tmp",
        "/run",
        env!("CARGO_TARGET_TMPDIR"),
    ];
    let other = |place: &&str| fs::metadata(place).is_ok_and(|meta| meta.dev() != device);
    let mut made = places
        .iter()
        .filter(|place| other(place))
        .filter_map(|place| {
            let made = tempfile::tempdir_in(place).ok()?;
            mode(made.path(), 0o777);
            Some(made)
        });
    made.next()
}

#[test]
fn l26_a_folder_that_cannot_take_a_download_is_named_with_who_may_write() {
    for ground in grounds() {
        let sandbox = ground.sandbox();
        sandbox.write(NAME, "backup");
        sandbox.write("file", "precious");
        let sealed = sandbox.file("sealed");
        fs::create_dir(&sealed).unwrap();
        ground
            .call(&["sync", "acme-corp", NAME, "-q"])
            .run()
            .code(0);
        give_to_nobody(sandbox.path());
        mode(&sealed, 0o500);
        let watch = Watch::over(&*ground);
        for (output, hint) in [
            ("sealed", "with the mode 0500"),
            ("sealed/one.tar", "with the mode 0500"),
            // It belongs to somebody else.
            ("/", "'/' belongs to uid 0"),
            ("none/one.tar", "make the folder"),
            ("file/one.tar", "make the folder"),
        ] {
            let case = format!("{} to {output}", ground.provider());
            let words = ["download", "acme-corp", NAME, "-o", output, "--json"];
            let outcome = ground.call(&words).unprivileged().run();
            watch.holds_after(&outcome);
            let told = told(&outcome, 12, "local_io");
            let folder = output.trim_end_matches("one.tar");
            assert!(
                text(&told, "detail").contains(folder.trim_end_matches('/')),
                "{case}: {told}"
            );
            assert!(text(&told, "hint").contains(hint), "{case}: {told}");
        }
        assert_eq!(Sandbox::names_in(&sealed), [""; 0]);
        // The application's own folder, where nothing else is chosen.
        mode(&sandbox.file("backups/full"), 0o500);
        let words = ["download", "acme-corp", NAME, "--json"];
        let outcome = ground.call(&words).unprivileged().run();
        let told = told(&outcome, 12, "local_io");
        assert!(text(&told, "detail").contains("backups/full"), "{told}");
        assert!(text(&told, "hint").contains("this ran as uid"), "{told}");
        mode(&sandbox.file("backups/full"), 0o755);
        mode(&sealed, 0o700);
    }
}

/// The state's folder is read-only: what changes something is not begun, a backup still
/// comes back, because a bad day may be the one on which that disk fails.
#[test]
fn l26_without_a_state_that_can_be_written_nothing_is_sent_and_backups_come_all_the_same() {
    for ground in grounds() {
        let (sandbox, name) = (ground.sandbox(), ground.provider());
        sandbox.write(NAME, "backup");
        sandbox.write("two.tar", "another");
        ground
            .call(&["sync", "acme-corp", NAME, "-q"])
            .run()
            .code(0);
        let sealed = sandbox.file("sealed");
        fs::create_dir(&sealed).unwrap();
        give_to_nobody(sandbox.path());
        mode(&sealed, 0o500);
        let watch = Watch::over(&*ground).may_hold("back.tar", b"backup");
        let sync = ["sync", "acme-corp", "two.tar", "--json"];
        let call = ground
            .call(&sync)
            .env("VERTEX_BACKUP_STATE", sealed.join("state.db"));
        let outcome = call.unprivileged().run();
        let why = told(&outcome, 12, "local_io");
        assert!(text(&why, "detail").contains("sealed"), "{name}: {why}");
        assert!(
            text(&why, "hint").contains("with the mode 0500"),
            "{name}: {why}"
        );
        watch.holds_after(&outcome);
        let back = ["download", "acme-corp", NAME, "-o", "back.tar"];
        let call = ground
            .call(&back)
            .env("VERTEX_BACKUP_STATE", sealed.join("state.db"));
        let outcome = call.unprivileged().run().code(0);
        watch.holds_after(&outcome);
        assert_eq!(fs::read(sandbox.file("back.tar")).unwrap(), b"backup");
        mode(&sealed, 0o700);
    }
}

#[test]
fn l26_a_remote_directory_here_that_cannot_be_written_is_named_with_who_may_write() {
    let sandbox = Sandbox::assigned();
    sandbox.write(NAME, "old");
    sandbox.run(["sync", "acme-corp", NAME, "-q"]).code(0);
    sandbox.write(NAME, "new");
    sandbox.write("two.tar", "another");
    give_to_nobody(sandbox.path());
    let remote = sandbox.remote("acme-corp");
    mode(&remote, 0o500);
    let watch = Watch::over(&sandbox);
    for file in [NAME, "two.tar"] {
        let call = sandbox.command(["sync", "acme-corp", file, "--json"]);
        let outcome = call.unprivileged().run();
        watch.holds_after(&outcome);
        let told = told(&outcome, 12, "local_io");
        assert!(
            text(&told, "detail").contains("acme-corp/backups"),
            "{told}"
        );
        assert!(text(&told, "hint").contains("with the mode 0500"), "{told}");
    }
    // One that would have to be made where nothing can be.
    mode(&remote, 0o700);
    mode(&sandbox.root().join("vertex-ar"), 0o500);
    sandbox.assign("globex", "local", "/vertex-ar/globex/backups");
    let call = sandbox.command(["sync", "globex", NAME, "--json"]);
    let outcome = call.unprivileged().run();
    let why = told(&outcome, 12, "local_io");
    assert!(text(&why, "detail").contains("vertex-ar/globex"), "{why}");
    assert!(
        text(&why, "hint").contains("vertex-ar' belongs to uid"),
        "{why}"
    );
    mode(&sandbox.root().join("vertex-ar"), 0o700);
    let call = sandbox.command(["sync", "acme-corp", NAME, "-q"]);
    call.unprivileged().run().code(0);
    // A root that is a file is not a storage at all: that is the provider's failure.
    fs::write(sandbox.file("file"), "precious").unwrap();
    sandbox
        .run(["providers", "set", "local", "--root", "file", "-q"])
        .code(0);
    let outcome = sandbox.run(["sync", "acme-corp", NAME, "--json"]);
    let why = told(&outcome, 6, "provider_connection_failed");
    assert_eq!(why["reason"], "forbidden");
    assert_eq!(fs::read(sandbox.file("file")).unwrap(), b"precious");
}

/// What is unfinished lies beside where it will be: so nothing is ever moved between file systems.
#[test]
fn l26_a_download_grows_beside_its_target_also_on_another_file_system() {
    let bytes = noise(3, 300_000);
    for cloud in holding() {
        let ground = cloud.ground();
        let sandbox = ground.sandbox();
        let other = another_file_system(sandbox.path());
        let real = other
            .as_ref()
            .map_or(sandbox.path(), |other| other.path())
            .join("far");
        fs::create_dir(&real).unwrap();
        symlink(&real, sandbox.file("far")).unwrap();
        sandbox.write(NAME, &bytes);
        ground
            .call(&["sync", "acme-corp", NAME, "-q"])
            .run()
            .code(0);
        let temporary = sandbox.path().join("tmp");
        fs::create_dir(&temporary).unwrap();
        let hold = cloud.hold_download(100_000);
        let words = ["download", "acme-corp", NAME, "-o", "far"];
        let child = ground.call(&words).env("TMPDIR", &temporary).spawn();
        hold.reached();
        crate::support::outgoing::until("some of it to be there", || {
            Sandbox::names_in(&real) == [".one.tar.partial"]
        });
        assert_eq!(Sandbox::names_in(&temporary), [""; 0]);
        drop(hold);
        let outcome = Outcome::of(&child.wait_with_output().unwrap(), sandbox);
        outcome.code(0);
        assert_eq!(Sandbox::names_in(&real), [NAME]);
        assert!(fs::read(real.join(NAME)).unwrap() == bytes);
    }
}

#[test]
fn l26_a_root_on_another_file_system_takes_and_gives_backups() {
    let sandbox = Sandbox::new();
    let other = another_file_system(sandbox.path());
    let root = other
        .as_ref()
        .map_or(sandbox.path(), |other| other.path())
        .join("nas");
    fs::create_dir(&root).unwrap();
    let root_text = root.to_str().unwrap();
    sandbox
        .run(["providers", "set", "local", "--root", root_text, "-q"])
        .code(0);
    sandbox
        .run(["config", "set", "acme-corp", "--provider", "local", "-q"])
        .code(0);
    sandbox.write(NAME, "backup");
    sandbox.run(["sync", "acme-corp", NAME, "-q"]).code(0);
    sandbox
        .run(["download", "acme-corp", NAME, "-o", "back", "-q"])
        .code(0);
    assert_eq!(fs::read(sandbox.file("back")).unwrap(), b"backup");
}
