//! One remote directory under two names (X48).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use vertex_backup::progress::Silent;

use super::local::{NAME, text, told};
use crate::promises::{Desk, Swapping, code_of};
use crate::support::cloud::Cloud;
use crate::support::drive::{Drive, FOLDER};
use crate::support::invariants::Watch;
use crate::support::{BINARY, Outcome, Sandbox};

/// Runs words with one directory mounted over another, where an ordinary user may do that.
fn with_a_mount(
    sandbox: &Sandbox,
    (from, over): (&Path, &Path),
    words: &[&str],
) -> Option<Outcome> {
    let may = Command::new("unshare").args(["-rm", "true"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let plain = sandbox.command(words);
    let mut command = Command::new("unshare");
    let script = "mount --bind \"$1\" \"$2\" || exit 99; shift 2; exec \"$@\"";
    command
        .args(["-rm", "sh", "-c", script, "sh"])
        .arg(from)
        .arg(over);
    command
        .arg(BINARY)
        .args(words)
        .env_clear()
        .current_dir(sandbox.app());
    for (name, value) in plain.command.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let outcome = Outcome::of(&command.output().unwrap(), sandbox);
    (outcome.code != 99).then_some(outcome)
}

#[test]
fn x48_one_directory_under_two_names_is_nobodys() {
    let sandbox = Sandbox::assigned();
    sandbox.write(NAME, "backup");
    sandbox
        .run(["config", "set", "globex", "--provider", "local", "-q"])
        .code(0);
    for company in ["acme-corp", "globex"] {
        sandbox.run(["sync", company, NAME, "-q"]).code(0);
    }
    sandbox.write("two.tar", "another");
    let (acme, globex) = (sandbox.remote("acme-corp"), sandbox.remote("globex"));
    let above = globex.parent().unwrap();
    let inside = acme.join("inside");
    fs::create_dir(&inside).unwrap();
    let watch = Watch::over(&sandbox);
    for (from, over) in [
        (&*globex, &*acme),
        (&*acme, &*globex),
        // Not itself, but what is above or below it.
        (above, &*acme),
        (&*globex, &*inside),
    ] {
        let case = format!("{} over {}", from.display(), over.display());
        for words in [
            vec!["sync", "acme-corp", "two.tar", "--json"],
            vec!["files", "acme-corp", "--json"],
            vec!["download", "acme-corp", NAME, "-o", "out", "--json"],
            vec!["delete", "acme-corp", NAME, "-y", "--json"],
            vec![
                "config",
                "set",
                "acme-corp",
                "--provider",
                "local",
                "--json",
            ],
        ] {
            let Some(outcome) = with_a_mount(&sandbox, (from, over), &words) else {
                return;
            };
            if over == inside {
                // What is mounted below the directory is a directory in it, no more: nothing
                // here ever goes into one.
                continue;
            }
            let why = told(&outcome, 5, "remote_path_conflict");
            assert_eq!(why["other_company_id"], "globex", "{case} {words:?}: {why}");
            watch.holds();
        }
    }
    sandbox.run(["sync", "acme-corp", "two.tar", "-q"]).code(0);
}

/// A directory that becomes a link into another company's while bytes are on their way.
#[test]
fn x48_a_directory_swapped_for_a_link_meanwhile_leads_nowhere() {
    let sandbox = Sandbox::assigned();
    sandbox
        .run(["config", "set", "globex", "--provider", "local", "-q"])
        .code(0);
    let source = sandbox.write(NAME, "backup of acme");
    let theirs = sandbox.write("other.tar", "theirs");
    fs::create_dir_all(sandbox.remote("globex")).unwrap();
    fs::copy(&theirs, sandbox.remote("globex").join(NAME)).unwrap();
    for instant in ["begin", "send", "inspect"] {
        let mut desk = Desk::new(&sandbox);
        let inner = desk.remote.provider;
        let (ours, theirs) = (sandbox.remote("acme-corp"), sandbox.remote("globex"));
        let swapped = ours.with_file_name("swapped");
        let (from, away) = (ours.clone(), swapped.clone());
        desk.remote.provider = Box::new(Swapping {
            inner,
            instant,
            swap: Box::new(move || {
                fs::rename(&from, &away).unwrap();
                symlink(&theirs, &from).unwrap();
            }),
        });
        let result = desk.sync(&source, &Silent);
        let code = code_of(result);
        assert_eq!(code.name(), "remote_path_conflict", "{instant}");
        drop(desk);
        let theirs = sandbox.remote("globex");
        assert_eq!(Sandbox::names_in(&theirs), [NAME], "{instant}");
        assert_eq!(fs::read(theirs.join(NAME)).unwrap(), b"theirs", "{instant}");
        fs::remove_file(&ours).unwrap();
        fs::rename(&swapped, &ours).unwrap();
    }
    sandbox.run(["sync", "acme-corp", NAME, "-q"]).code(0);
    assert_eq!(Sandbox::names_in(&sandbox.remote("acme-corp")), [NAME]);
}

/// The service takes `disk:/a`, `/a` and `a` for one folder; `app:/a` is one that only it knows.
#[test]
fn x48_spellings_of_one_folder_of_a_disk_are_one() {
    let cloud = Cloud::new();
    cloud.write(NAME, "backup");
    cloud.sync(NAME).code(0);
    let watch = Watch::over(&cloud);
    for stored in [
        "disk:/vertex-ar/acme-corp/backups",
        "disk:vertex-ar/acme-corp/backups/",
        "vertex-ar/acme-corp",
        "disk:/vertex-ar//acme-corp/backups/inside",
    ] {
        cloud.sandbox.assign("globex", "yandex_disk", stored);
        for words in [
            vec!["sync", "globex", NAME, "--json"],
            vec!["sync", "acme-corp", NAME, "--json"],
            vec!["files", "globex", "--json"],
            vec!["delete", "globex", NAME, "-y", "--json"],
        ] {
            let mark = cloud.mark();
            let outcome = cloud.call(&words).run();
            told(&outcome, 5, "remote_path_conflict");
            watch.holds_after(&outcome);
            assert_eq!(cloud.since(mark).len(), 0, "{stored} {words:?}");
        }
    }
    for stored in ["app:/vertex-ar/acme-corp/backups", "trash:/x"] {
        cloud.sandbox.assign("globex", "yandex_disk", stored);
        let outcome = cloud.call(["sync", "globex", NAME, "--json"]).run();
        let why = told(&outcome, 2, "invalid_remote_path");
        assert!(text(&why, "detail").contains(stored), "{why}");
        watch.holds_after(&outcome);
        let words = [
            "config",
            "set",
            "globex",
            "--provider",
            "yandex_disk",
            "--json",
        ];
        let outcome = cloud
            .call([&words[..], &["--remote-path", stored]].concat())
            .run();
        told(&outcome, 2, "invalid_remote_path");
    }
    // Its own directory is the same one under the service's spelling.
    cloud.sandbox.assign("globex", "yandex_disk", "/elsewhere");
    cloud.sandbox.assign(
        "acme-corp",
        "yandex_disk",
        "disk:/vertex-ar/acme-corp/backups",
    );
    assert_eq!(cloud.json(0, ["files", "acme-corp"])["count"], 1);
}

/// Drive folders have one parent and any number of names like theirs: a shortcut to another
/// company's folder is not followed, and an id that was noted counts only where it belongs.
#[test]
fn x48_another_companys_folder_on_a_drive_is_reached_by_no_shortcut_and_no_note() {
    let drive = Drive::new();
    drive.write(NAME, "backup");
    drive.assign("globex", &[]);
    drive.call(["sync", "globex", NAME, "-q"]).run().code(0);
    let theirs = drive
        .fake
        .folder(&["vertex-ar", "globex", "backups"])
        .unwrap();
    let above = drive.fake.folder(&["vertex-ar"]).unwrap();
    let shortcut = drive.fake.put_folder(&above, "acme-corp");
    drive.fake.drive(|files| {
        "application/vnd.google-apps.shortcut".clone_into(&mut files.find_mut(&shortcut).mime);
    });
    let state = rusqlite::Connection::open(drive.state()).unwrap();
    for path in ["/vertex-ar/acme-corp", "/vertex-ar/acme-corp/backups"] {
        let note = "INSERT OR REPLACE INTO storages VALUES (?1, ?2, '2026-01-01T00:00:00Z')";
        let keys = state.prepare("SELECT key FROM storages WHERE key LIKE 'google_drive:%'");
        let keys: Vec<String> = keys
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let like = keys.iter().find(|key| key.contains("/vertex-ar")).unwrap();
        let home = &like[..like.find(":/vertex-ar").unwrap()];
        let id = if path.ends_with("backups") {
            theirs.clone()
        } else {
            drive.fake.folder(&["vertex-ar", "globex"]).unwrap()
        };
        state.execute(note, [format!("{home}:{path}"), id]).unwrap();
    }
    drop(state);
    let watch = Watch::over(&drive).may_store(NAME, b"backup");
    drive.sync(NAME).code(0);
    assert_eq!(drive.fake.children(&theirs).len(), 1);
    assert_eq!(drive.fake.children(&shortcut).len(), 0);
    assert_eq!(drive.fake.names(&FOLDER), [NAME]);
    watch.holds();
}
