//! What is to be sent is no file that can be sent (L29, L34).

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use serde_json::{Value, json};

use super::local_source::ended;
use crate::support::backups::noise;
use crate::support::invariants::{Watch, grounds};
use crate::support::outgoing::until;
use crate::support::{Call, DB, Outcome, Sandbox};

/// Runs a command that must end by itself.
#[track_caller]
fn bounded(call: Call<'_>, sandbox: &Sandbox) -> Outcome {
    let mut child = call.spawn();
    until("its end", || child.try_wait().unwrap().is_some());
    ended(child, sandbox)
}

fn fifo(path: &Path) {
    rustix::fs::mkfifoat(rustix::fs::CWD, path, 0o600.into()).unwrap();
}

/// A link to nothing is no missing file: its name is there, and what it lacks is told.
#[test]
fn l29_what_is_no_regular_file_is_refused_at_once_when_it_is_named() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        fs::create_dir(sandbox.file("folder.db")).unwrap();
        fifo(&sandbox.file("pipe.db"));
        let _socket = UnixListener::bind(sandbox.file("socket.db")).unwrap();
        for (link, target) in [
            ("dangling.db", "nowhere"),
            ("to-pipe.db", "pipe.db"),
            ("to-folder.db", "folder.db"),
            ("to-zero.db", "/dev/zero"),
            ("loop.db", "loop.db"),
        ] {
            symlink(target, sandbox.file(link)).unwrap();
        }
        for (source, why) in [
            ("folder.db", "is a directory"),
            ("pipe.db", "is a device, pipe or socket"),
            ("socket.db", "is a device, pipe or socket"),
            ("/dev/null", "is a device, pipe or socket"),
            ("/dev/zero", "is a device, pipe or socket"),
            ("dangling.db", "is a link to 'nowhere', which is not there"),
            ("to-pipe.db", "is a device, pipe or socket"),
            ("to-folder.db", "is a directory"),
            ("to-zero.db", "is a device, pipe or socket"),
            ("loop.db", "too many levels of symbolic links"),
            ("/proc/self/status", "is a file of the system"),
            ("/proc/version", "is a file of the system"),
            (".", "is a directory"),
            ("..", "is a directory"),
        ] {
            let call = ground.call(&["sync", "acme-corp", source, "--json"]);
            let outcome = bounded(call, sandbox);
            let told = outcome.json();
            let case = format!("{provider}: {source}: {told}");
            assert_eq!(
                (outcome.code, &told["code"]),
                (12, &json!("local_io")),
                "{case}"
            );
            assert!(told["detail"].as_str().unwrap().contains(why), "{case}");
        }
        assert_eq!(ground.stored(), []);
    }
}

#[test]
fn l29_a_named_link_to_a_file_is_followed_and_told_of() {
    for ground in grounds() {
        let sandbox = ground.sandbox();
        sandbox.write("real/other.tar", "content");
        symlink("real/other.tar", sandbox.file("link.tar")).unwrap();
        let watch = Watch::over(&*ground).may_store("link.tar", b"content");
        let outcome = ground
            .call(&["sync", "acme-corp", "link.tar", "-v"])
            .run()
            .code(0);
        let outcome = outcome.stderr_has("'link.tar' is a link to 'real/other.tar'");
        watch.holds_after(&outcome);
        let stored = ground.stored();
        assert!(
            stored.iter().any(|(path, _)| path.ends_with("/link.tar")),
            "{stored:?}"
        );
    }
}

#[test]
fn l29_among_the_backups_only_regular_files_count() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        sandbox.without_backups();
        let bytes = noise(1, 3000);
        sandbox.backup("backups/database", DB, &bytes);
        let place = |day: u32, end: &str| {
            sandbox.file(&format!(
                "backups/database/db_backup_202502{day:02}_010000.{end}"
            ))
        };
        let secret = sandbox.write("secret.db", noise(2, 2000));
        fifo(&place(1, "db"));
        let _socket = UnixListener::bind(place(2, "db")).unwrap();
        symlink(&secret, place(3, "db")).unwrap();
        symlink("nowhere", place(4, "db")).unwrap();
        symlink("/dev/zero", place(5, "db")).unwrap();
        symlink("/proc/self/status", place(6, "db")).unwrap();
        fs::create_dir(place(7, "db")).unwrap();
        // And where a sidecar or a manifest would be.
        fs::write(place(8, "db"), noise(3, 3000)).unwrap();
        fifo(&place(8, "json"));
        fs::create_dir_all(sandbox.file("backups/full")).unwrap();
        fifo(&sandbox.file("backups/full/full_backup_20250208_010000.json"));
        for words in [
            vec!["sync", "acme-corp", "--dry-run", "--json"],
            vec!["sync", "acme-corp", "--json"],
            vec!["backup", "list", "--json"],
            vec!["backup", "verify", "--json"],
            vec!["backup", "rotate", "--keep-last", "5", "--yes", "--json"],
            vec!["status", "--json"],
        ] {
            let outcome = bounded(ground.call(&words), sandbox);
            assert_eq!(outcome.code, 0, "{provider} {words:?}: {outcome:?}");
        }
        let stored = ground.stored().into_iter().map(|(path, _)| path);
        let mut names: Vec<_> = stored
            .filter_map(|path| Some(path.rsplit_once('/')?.1.to_owned()))
            .collect();
        names.sort();
        let second = "db_backup_20250208_010000.db".to_owned();
        assert_eq!(
            names,
            [DB.to_owned(), DB.replace(".db", ".json"), second],
            "{provider}"
        );
    }
}

/// A database with a change that is not in its file yet.
fn unfinished(sandbox: &Sandbox, name: &str, companion: &str, bytes: &[u8]) {
    sandbox.write(name, noise(1, 3000));
    sandbox.write(&format!("{name}{companion}"), bytes);
}

#[test]
fn l34_a_database_that_somebody_writes_to_is_never_sent() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        symlink(sandbox.db(), sandbox.file("alias.db")).unwrap();
        fs::hard_link(sandbox.db(), sandbox.file("link.db")).unwrap();
        unfinished(sandbox, "wal.db", "-wal", b"frames");
        unfinished(sandbox, "hot.db", "-journal", b"pages");
        symlink("hot.db", sandbox.file("to-hot.db")).unwrap();
        // What is empty, or no file, holds nothing.
        unfinished(sandbox, "calm.db", "-wal", b"");
        fs::create_dir(sandbox.file("calm.db-journal")).unwrap();
        let watch = Watch::over(&*ground).may_store("calm.db", &noise(1, 3000));
        for (source, why) in [
            ("app_data.db", "it is written to all the time"),
            ("alias.db", "it is written to all the time"),
            ("link.db", "it is written to all the time"),
            ("app_data.backup-state.db", "it is written to all the time"),
            ("wal.db", "'wal.db-wal' beside it"),
            ("hot.db", "'hot.db-journal' beside it"),
            ("to-hot.db", "'hot.db-journal' beside it"),
        ] {
            let outcome = ground.call(&["sync", "acme-corp", source, "--json"]).run();
            let told = outcome.json();
            let case = format!("{provider}: {source}: {told}");
            assert_eq!(
                (outcome.code, &told["code"]),
                (12, &json!("live_database")),
                "{case}"
            );
            assert!(told["detail"].as_str().unwrap().contains(why), "{case}");
            assert!(
                told["hint"]
                    .as_str()
                    .unwrap()
                    .contains("vertex-backup backup create"),
                "{case}"
            );
            watch.holds_after(&outcome);
        }
        assert_eq!(ground.stored(), []);
        ground
            .call(&["sync", "acme-corp", "calm.db", "-q"])
            .run()
            .code(0);
        watch.holds();
    }
}

#[test]
fn l34_one_live_database_among_the_backups_does_not_stop_the_others() {
    for ground in grounds() {
        let sandbox = ground.sandbox();
        sandbox.without_backups();
        sandbox.backup("backups/database", DB, &noise(1, 3000));
        unfinished(
            sandbox,
            "backups/database/db_backup_20250301_010000.db",
            "-wal",
            b"frames",
        );
        fs::hard_link(
            sandbox.db(),
            sandbox.file("backups/database/db_backup_20250302_010000.db"),
        )
        .unwrap();
        let outcome = ground.call(&["sync", "acme-corp", "--json"]).run().code(3);
        let told = outcome.json();
        let results = told["results"].as_array().unwrap().iter();
        let codes: Vec<&Value> = results
            .map(|one| &one["code"])
            .filter(|code| !code.is_null())
            .collect();
        assert_eq!(codes, ["live_database", "live_database"], "{told}");
        assert_eq!(ground.stored().len(), 2);
    }
}

/// A download reads what has the target's name, to compare it, and then takes its place: both
/// would harm who has that database open.
#[test]
fn l34_a_download_never_takes_the_place_of_a_live_database() {
    for ground in grounds() {
        let sandbox = ground.sandbox();
        sandbox.write("one.db", noise(1, 3000));
        ground
            .call(&["sync", "acme-corp", "one.db", "-q"])
            .run()
            .code(0);
        fs::hard_link(sandbox.db(), sandbox.file("link.db")).unwrap();
        let watch = Watch::over(&*ground);
        let before = fs::read(sandbox.db()).unwrap();
        for target in ["app_data.db", "link.db", "app_data.backup-state.db"] {
            let words = [
                "download",
                "acme-corp",
                "one.db",
                "-o",
                target,
                "--force",
                "--json",
            ];
            let outcome = ground.call(&words).run();
            let told = outcome.json();
            assert_eq!(
                (outcome.code, &told["code"]),
                (12, &json!("live_database")),
                "{target}: {told}"
            );
            watch.holds_after(&outcome);
        }
        assert_eq!(fs::read(sandbox.db()).unwrap(), before);
    }
}
