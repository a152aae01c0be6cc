//! Names and links that would lead out of where they belong (S8).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vertex_backup::backup::is_json;

use super::local_names::names;
use crate::support::backups::{noise, sidecar, sidecar_of};
use crate::support::cloud::{Cloud, FOLDER};
use crate::support::drive::{Drive, FOLDER as DRIVE_FOLDER};
use crate::support::fake_yandex::{Fault, Op, When};
use crate::support::invariants::{Ground, grounds};
use crate::support::{DB, STORAGE, Sandbox};

/// What a file that escaped would be called: found by nobody else's test.
fn mark(sandbox: &Sandbox) -> String {
    let own = sandbox.path().file_name().unwrap().to_string_lossy();
    format!("escaped-{own}")
}

/// Two hundred names, of which each would lead somewhere if it were anything but a name.
fn hostile(mark: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let ends = [
        mark.to_owned(),
        format!("db_backup_20990101_000000-{mark}.db"),
    ];
    for end in &ends {
        for depth in 1..=12 {
            names.push(format!("{}{end}", "../".repeat(depth)));
            names.push(format!("{}{end}", "..\\".repeat(depth)));
            names.push(format!("x/{}{end}", "../".repeat(depth + 1)));
            names.push(format!("./{}{end}", "../".repeat(depth)));
            names.push(format!("{}{end}", "..%2f".repeat(depth)));
            names.push(format!("{}{end}", "..\u{2215}".repeat(depth)));
        }
        for before in [
            "/",
            "//",
            "/tmp/",
            "/etc/cron.d/",
            "~/",
            "C:\\",
            "\\\\host\\",
            "file:///tmp/",
            "a\0/../",
            "\n../",
            "\u{1b}]0;x\u{7}../",
            "\u{202e}",
            ".//../",
            "$(touch ../",
            "`touch ../",
            "; touch ../",
            "| tee ../",
            "-o../",
            "--output=../",
            "config/",
            "backups/../../",
        ] {
            names.push(format!("{before}{end}"));
        }
    }
    for name in [
        "",
        ".",
        "..",
        "...",
        "/",
        "//",
        "../",
        "../..",
        "./",
        "x/",
        "x/.",
        "x/..",
        "\0",
        "a\0b",
        ".one.db.partial",
        ".one.db.orig",
        "vertex-backup-partial-0123456789abcdef-01234567",
    ] {
        names.push(name.to_owned());
    }
    assert!(names.len() >= 200, "{}", names.len());
    names
}

/// All below a folder but what our state and the folder `out` hold: where, which mode, and what.
fn all_but_out(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_ours = name.starts_with("app_data.") && name != "app_data.db";
            if is_ours || name == "out" {
                continue;
            }
            let meta = path.symlink_metadata().unwrap();
            let bytes = if meta.is_file() {
                fs::read(&path).unwrap()
            } else {
                Vec::new()
            };
            if meta.is_dir() {
                todo.push(path.clone());
            }
            found.insert(path, (meta.mode(), bytes));
        }
    }
    found
}

/// Nothing of that name is in any folder above, nor where an absolute one would lead.
#[track_caller]
fn nothing_escaped(sandbox: &Sandbox, case: &str) {
    let mark = mark(sandbox);
    let above = sandbox.app();
    let others = ["/tmp", "/etc/cron.d", "/"].map(Path::new);
    for folder in above.ancestors().chain(others) {
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        for entry in entries {
            let name = entry.unwrap().file_name();
            assert!(
                !name.to_string_lossy().contains(&mark),
                "{case}: {} in {}",
                name.display(),
                folder.display()
            );
        }
    }
}

/// The three providers, each with two backups of ours and two hundred hostile names.
fn besieged() -> Vec<Box<dyn Ground>> {
    let grounds: Vec<Box<dyn Ground>> = {
        let (local, cloud, drive) = (Sandbox::assigned(), Cloud::new(), Drive::new());
        for ground in [&local as &dyn Ground, &cloud, &drive] {
            ground
                .call(&["sync", "acme-corp", "-q", "--type", "database"])
                .run()
                .code(0);
        }
        let remote = local.remote("acme-corp");
        for name in hostile(&mark(&local)) {
            // On a disk, some of them cannot be.
            let _ = fs::write(remote.join(name.replace(['/', '\0'], "\u{2215}")), "theirs");
        }
        let names = hostile(&mark(&cloud));
        cloud.fake.put(&format!("{FOLDER}/template"), b"theirs");
        let listed = Fault::edit(move |answer: &mut Value| {
            let items = answer["_embedded"]["items"].as_array_mut().unwrap();
            let place = items.iter().position(|item| item["name"] == "template");
            let template = items.remove(place.unwrap());
            for name in &names {
                let mut item = template.clone();
                item["name"] = json!(name);
                items.push(item);
            }
            answer["_embedded"]["total"] =
                json!(answer["_embedded"]["items"].as_array().unwrap().len());
        });
        cloud.fake.on(Op::List, When::Always, listed);
        let folder = drive.fake.folder(&DRIVE_FOLDER).unwrap();
        for name in hostile(&mark(&drive)) {
            drive.fake.put_file(&folder, &name, b"theirs");
        }
        vec![Box::new(local), Box::new(cloud), Box::new(drive)]
    };
    grounds
}

#[test]
fn s8_two_hundred_hostile_names_write_nothing_outside_of_what_was_chosen() {
    for ground in besieged() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        let out = sandbox.file("out");
        fs::create_dir(&out).unwrap();
        let before = all_but_out(&sandbox.app());
        let database = fs::read(sandbox.file("backups/database").join(DB)).unwrap();
        for words in [
            vec!["files", "acme-corp", "--all"],
            vec!["download", "acme-corp", "--latest", "-o", "out"],
            vec!["restore-test", "acme-corp"],
            vec!["verify", "acme-corp"],
            vec!["verify", "acme-corp", "--download"],
            vec!["sync", "acme-corp", "--type", "database"],
        ] {
            let case = format!("{provider} {words:?}");
            let outcome = ground.call(&words).run();
            assert!(
                [0, 3, 4, 6, 7].contains(&outcome.code),
                "{case}: {outcome:?}"
            );
            let raw = |c: char| c.is_control() && !"\n\t".contains(c);
            assert!(
                !outcome.stdout.contains(raw) && !outcome.stderr.contains(raw),
                "{case}"
            );
            nothing_escaped(sandbox, &case);
            assert!(all_but_out(&sandbox.app()) == before, "{case}");
        }
        for name in hostile(&mark(sandbox)) {
            if name.contains('\0') {
                // Nobody can type it.
                continue;
            }
            let case = format!("{provider} {name:?}");
            let words = ["download", "acme-corp", "-q", "-o", "out", "--", &name];
            let outcome = ground.call(&words).run();
            assert!(
                [0, 2, 4, 7, 11].contains(&outcome.code),
                "{case}: {outcome:?}"
            );
            let words = ["restore-test", "acme-corp", "-q", "--", &name];
            let outcome = ground.call(&words).run();
            assert!([0, 2, 4, 7].contains(&outcome.code), "{case}: {outcome:?}");
            assert!(
                !name.contains('/') || outcome.code == 2,
                "{case}: {outcome:?}"
            );
        }
        nothing_escaped(sandbox, provider);
        assert!(all_but_out(&sandbox.app()) == before, "{provider}");
        // What did come is where it belongs, a file, and under a name alone.
        for entry in fs::read_dir(&out).unwrap() {
            assert!(entry.unwrap().file_type().unwrap().is_file(), "{provider}");
        }
        assert_eq!(
            fs::read(sandbox.file("backups/database").join(DB)).unwrap(),
            database
        );
    }
}

/// The sidecar's own words for where its file lies lead nowhere, on the way there and back.
#[test]
fn s8_two_hundred_hostile_places_in_sidecars_lead_nowhere() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        sandbox.without_backups();
        let bytes = noise(1, 500);
        let hostile = hostile(&mark(sandbox));
        // A file for each, and a sidecar that places it there.
        for (number, place) in hostile.iter().enumerate() {
            let name = format!("db_backup_2025{number:04}.db");
            let mut told = sidecar("database", &name, &bytes, &[]);
            told["backup_path"] = json!(place);
            if number % 2 == 0 {
                told["split_files"] = json!([place, name]);
            }
            let json = format!("backups/database/{}", sidecar_of(&name));
            sandbox.write(&json, told.to_string());
            sandbox.write(&format!("backups/database/{name}"), &bytes);
        }
        let before = all_but_out(&sandbox.app());
        let outcome = ground.call(&["sync", "acme-corp", "-q", "--force"]).run();
        assert!([0, 3, 7].contains(&outcome.code), "{provider}: {outcome:?}");
        let stored = names(ground.stored());
        assert!(!stored.is_empty() && stored.keys().all(|name| name.starts_with("db_backup_2025")));
        assert!(all_but_out(&sandbox.app()) == before, "{provider}");
        fs::create_dir(sandbox.file("out")).unwrap();
        let mut came = 0;
        for name in stored.keys().filter(|name| !is_json(name)) {
            let words = ["download", "acme-corp", "-q", "-o", "out", name];
            let outcome = ground.call(&words).run();
            assert!(
                [0, 7].contains(&outcome.code),
                "{provider} {name}: {outcome:?}"
            );
            came += usize::from(outcome.code == 0);
        }
        assert!(came > 50, "{provider}: {came}");
        let landed = Sandbox::names_in(&sandbox.file("out"));
        let is_ours = |name: &String| name.trim_start_matches('.').starts_with("db_backup_2025");
        assert!(landed.iter().all(is_ours), "{provider}: {landed:?}");
        nothing_escaped(sandbox, provider);
        assert!(all_but_out(&sandbox.app()) == before, "{provider}");
    }
}

#[test]
fn s8_no_bits_that_lend_rights_are_kept() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        let path = sandbox.write("one.db", "backup");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        set(&path, 0o6777);
        ground
            .call(&["sync", "acme-corp", "one.db", "-q"])
            .run()
            .code(0);
        if provider == "local" {
            assert_eq!(mode(&sandbox.remote("acme-corp").join("one.db")), 0o600);
        }
        ground
            .call(&["download", "acme-corp", "one.db", "-o", "back", "-q"])
            .run()
            .code(0);
        assert_eq!(mode(&sandbox.file("back")), 0o600, "{provider}");
        // Also not those of what is replaced, here or there.
        fs::write(sandbox.file("back"), "other").unwrap();
        set(&sandbox.file("back"), 0o4755);
        let force = [
            "download",
            "acme-corp",
            "one.db",
            "-o",
            "back",
            "-q",
            "--force",
        ];
        ground.call(&force).run().code(0);
        assert_eq!(mode(&sandbox.file("back")), 0o600, "{provider}");
        if provider == "local" {
            let stored = sandbox.remote("acme-corp").join("one.db");
            set(&stored, 0o6755);
            fs::write(&path, "newer").unwrap();
            ground
                .call(&["sync", "acme-corp", "one.db", "-q"])
                .run()
                .code(0);
            assert_eq!(mode(&stored), 0o600);
        }
        // Joined from parts, too.
        let names = sandbox.split(
            "backups/storage",
            "storage_backup_20250301_010000",
            &[noise(1, 2000), noise(2, 2000)],
        );
        for name in &names {
            set(&sandbox.file("backups/storage").join(name), 0o6777);
        }
        let first = format!("backups/storage/{}", names[0]);
        ground
            .call(&["sync", "acme-corp", &first, "-q"])
            .run()
            .code(0);
        fs::create_dir(sandbox.file("joined")).unwrap();
        ground
            .call(&["download", "acme-corp", &names[0], "-o", "joined", "-q"])
            .run()
            .code(0);
        for name in Sandbox::names_in(&sandbox.file("joined")) {
            assert_eq!(
                mode(&sandbox.file("joined").join(&name)),
                0o600,
                "{provider} {name}"
            );
        }
    }
}

#[test]
fn s8_links_where_a_download_goes_are_not_followed() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        sandbox.backup(".", "db_one.db", b"backup");
        ground
            .call(&["sync", "acme-corp", "db_one.db", "-q"])
            .run()
            .code(0);
        let precious = sandbox.write("precious", "precious");
        for (link, target) in [
            ("to-file", "precious"),
            ("to-nothing", "created"),
            ("to-itself", "to-itself"),
        ] {
            symlink(target, sandbox.file(link)).unwrap();
            for force in [&[][..], &["--force"]] {
                let words = ["download", "acme-corp", "db_one.db", "-o", link, "--json"];
                let outcome = ground.call(&[&words[..], force].concat()).run();
                let told = outcome.json();
                let case = format!("{provider} {link}: {told}");
                assert_eq!(
                    (outcome.code, &told["code"]),
                    (11, &json!("already_exists")),
                    "{case}"
                );
                assert!(sandbox.file(link).is_symlink(), "{case}");
            }
        }
        // Planted where the unfinished file will be, where the sidecar will be, or both names of one file.
        for partial in [".out.partial", ".db_one.db.partial"] {
            let _ = fs::remove_file(sandbox.file(partial));
            symlink("precious", sandbox.file(partial)).unwrap();
        }
        ground
            .call(&["download", "acme-corp", "db_one.db", "-o", "out", "-q"])
            .run()
            .code(0);
        assert_eq!(fs::read(sandbox.file("out")).unwrap(), b"backup");
        let folder = sandbox.file("folder");
        fs::create_dir(&folder).unwrap();
        fs::hard_link(&precious, folder.join(".db_one.db.partial")).unwrap();
        symlink(&precious, folder.join("db_one.json")).unwrap();
        let words = [
            "download",
            "acme-corp",
            "db_one.db",
            "-o",
            "folder",
            "--json",
            "--force",
        ];
        let outcome = ground.call(&words).run();
        assert_eq!(outcome.code, 12, "{provider}: {outcome:?}");
        symlink("precious", sandbox.file("backups/database/db_one.db")).unwrap();
        let words = ["download", "acme-corp", "db_one.db", "--force", "-q"];
        ground.call(&words).run().code(11);
        assert_eq!(fs::read(&precious).unwrap(), b"precious", "{provider}");
        assert!(!sandbox.file("created").exists(), "{provider}");
        assert!(sandbox.file("backups/storage").join(STORAGE).exists());
    }
}
