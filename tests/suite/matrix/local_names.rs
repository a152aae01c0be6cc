//! Names that are odd or too long (L31, L32).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde_json::{Value, json};

use super::local_source::holding;
use crate::support::backups::{noise, sidecar_of};
use crate::support::cloud::Cloud;
use crate::support::drive::{Drive, FOLDER as DRIVE_FOLDER};
use crate::support::invariants::{DIRECTORY, Files, Ground, Watch, grounds};
use crate::support::{DB, Outcome, Sandbox};

/// Names that are kept as they are; the last two look the same.
const KEPT: [&str; 31] = [
    "quote\".db",
    "it's.db",
    "back\\slash.db",
    "50%.db",
    "%2e%2e%2fx.db",
    "%00.db",
    "a+b c.db",
    "#1.db",
    "what?.db",
    "what?x=1&y=2.db",
    "c:x.db",
    "disk:x.db",
    "star*.db",
    "-rf.db",
    "--json",
    "dot.",
    "dots...",
    "blank ",
    " blank.db",
    "...",
    "..db",
    ".hidden.db",
    "~",
    "<x>|y;z.db",
    "$(touch x).db",
    "`touch x`.db",
    "трава 🌼.tar.gz",
    "👩‍👩‍👧.db",
    "名前.tar",
    "é.db",
    "e\u{301}.db",
];

/// Names that are refused, and how what is wrong with them is shown.
const REFUSED: [(&[u8], &str); 11] = [
    (b"new\nline.db", "\\n"),
    (b"tab\t.db", "\\t"),
    (b"return\r.db", "\\r"),
    (b"esc\x1b[2J.db", "\\u{1b}"),
    (b"del\x7f.db", "\\u{7f}"),
    ("c1\u{9b}31m.db".as_bytes(), "\\u{9b}"),
    ("right\u{202e}bd.db".as_bytes(), "\\u{202e}"),
    ("line\u{2028}.db".as_bytes(), "\\u{2028}"),
    (b"bad\xff.db", "\\xff"),
    (b"caf\xe9.db", "\\xe9"),
    (b"vertex-backup-partial-x", "unfinished transfers"),
];

/// What is stored for `acme-corp`, by name.
pub fn names(stored: Files) -> BTreeMap<String, Vec<u8>> {
    let own = stored.into_iter().filter_map(|(path, bytes)| {
        let name = path.strip_prefix(&format!("{DIRECTORY}/"))?;
        Some((name.to_owned(), bytes))
    });
    own.collect()
}

#[test]
fn l31_odd_names_come_back_byte_for_byte() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        let mut words = vec!["sync", "acme-corp", "--"];
        for name in KEPT {
            sandbox.write(name, name);
            words.push(name);
        }
        ground.call(&words).run().code(0);
        let expected = KEPT.map(|name| (name.to_owned(), name.as_bytes().to_vec()));
        assert_eq!(
            names(ground.stored()),
            BTreeMap::from(expected),
            "{provider}"
        );
        let listed = sandbox.json(0, ["files", "acme-corp"]);
        let listed = listed["files"].as_array().unwrap().iter();
        let mut listed: Vec<&str> = listed.map(|file| file["name"].as_str().unwrap()).collect();
        listed.sort_unstable();
        let mut kept = KEPT.to_vec();
        kept.sort_unstable();
        assert_eq!(listed, kept, "{provider}");
        fs::create_dir(sandbox.file("back")).unwrap();
        for name in KEPT {
            let words = ["download", "acme-corp", "-q", "-o", "back", "--", name];
            let outcome = ground.call(&words).run();
            assert_eq!(outcome.code, 0, "{provider} {name:?}: {}", outcome.stderr);
        }
        let mut back = Sandbox::names_in(&sandbox.file("back"));
        back.sort_unstable();
        assert_eq!(back, kept, "{provider}");
        for name in KEPT {
            let bytes = fs::read(sandbox.file("back").join(name)).unwrap();
            assert_eq!(bytes, name.as_bytes(), "{provider} {name:?}");
        }
        // One of two that look alike is one, and not the other.
        ground
            .call(&["delete", "acme-corp", "é.db", "-y", "-q"])
            .run()
            .code(0);
        let left = names(ground.stored());
        assert!(
            !left.contains_key("é.db") && left.contains_key("e\u{301}.db"),
            "{provider}"
        );
    }
}

#[track_caller]
fn refused(outcome: &Outcome, shown: &str, case: &str) {
    let told = outcome.json();
    let found = (outcome.code, &told["code"]);
    assert_eq!(found, (2, &json!("invalid_name")), "{case}: {told}");
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains(shown), "{case}: {detail}");
    let raw = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(
        !outcome.stderr.contains(raw),
        "{case}: {:?}",
        outcome.stderr
    );
}

fn sync_of(path: &Path) -> [OsString; 4] {
    let words: [&OsStr; 4] = [
        "sync".as_ref(),
        "acme-corp".as_ref(),
        path.as_ref(),
        "--json".as_ref(),
    ];
    words.map(OsStr::to_owned)
}

#[test]
fn l31_a_name_that_cannot_be_kept_is_refused_for_the_character_it_has() {
    let local = Sandbox::assigned();
    let clouds = holding();
    let all = clouds
        .iter()
        .map(|cloud| cloud.ground())
        .chain([&local as &dyn Ground]);
    for ground in all {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        let watch = Watch::over(ground);
        let asked = || clouds.iter().map(|cloud| cloud.requests()).sum::<usize>();
        let before = asked();
        for (name, shown) in REFUSED {
            let folder = sandbox.path().join("odd");
            fs::create_dir_all(&folder).unwrap();
            let path = folder.join(OsStr::from_bytes(name));
            fs::write(&path, "x").unwrap();
            let outcome = sandbox.run(sync_of(&path));
            refused(&outcome, shown, &format!("{provider} {name:?}"));
            watch.holds_after(&outcome);
        }
        for (name, shown) in [
            ("../x", "'/'"),
            ("/etc/passwd", "'/'"),
            ("a/b", "'/'"),
            ("..", "directory"),
            (".", "directory"),
            ("", "empty"),
            ("a\nb", "\\n"),
            ("vertex-backup-partial-x", "unfinished"),
        ] {
            for command in ["download", "delete"] {
                let words = [command, "acme-corp", "-y", "--json", "--", name];
                let outcome = ground.call(&words).run();
                refused(&outcome, shown, &format!("{provider} {command} {name:?}"));
            }
        }
        assert_eq!(asked(), before, "{provider}: asked of the provider");
        assert_eq!(ground.stored(), []);
    }
}

/// A backup that cannot be sent is told of, and stops no other.
#[test]
fn l31_a_name_that_cannot_be_kept_among_the_backups_does_not_stop_the_others() {
    for ground in grounds() {
        let sandbox = ground.sandbox();
        sandbox.without_backups();
        sandbox.backup("backups/database", DB, &noise(1, 3000));
        let odd: [&[u8]; 2] = [b"db_backup_2025\n.db", b"db_backup_\xff.db"];
        for name in odd {
            let path = sandbox
                .file("backups/database")
                .join(OsStr::from_bytes(name));
            fs::write(path, "x").unwrap();
        }
        let outcome = ground.call(&["sync", "acme-corp", "--json"]).run().code(3);
        let told = outcome.json();
        let results = told["results"].as_array().unwrap().iter();
        let codes: Vec<&Value> = results
            .map(|one| &one["code"])
            .filter(|code| !code.is_null())
            .collect();
        assert_eq!(codes, ["invalid_name", "invalid_name"], "{told}");
        assert_eq!(names(ground.stored()).len(), 2);
    }
}

#[test]
fn l32_names_of_255_bytes_go_and_come_with_their_sidecars() {
    let plain = [
        format!("{}.db", "x".repeat(252)),
        format!("{}.db", "я".repeat(126)),
        format!("{}.db", "🌼".repeat(63)),
        "z".repeat(255),
    ];
    // Its sidecar has 255 bytes, too.
    let with_sidecar = format!("db_{}.db", "y".repeat(247));
    assert_eq!(sidecar_of(&with_sidecar).len(), 255);
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        sandbox.backup(".", &with_sidecar, &noise(1, 3000));
        for name in &plain {
            assert_eq!(name.len(), 255);
            sandbox.write(name, name);
        }
        let all: Vec<&str> = plain
            .iter()
            .map(String::as_str)
            .chain([&*with_sidecar])
            .collect();
        let words = [&["sync", "acme-corp", "-q"], &all[..]].concat();
        ground.call(&words).run().code(0);
        // Again over what is there, so that each is replaced.
        for name in &plain {
            sandbox.write(name, format!("newer {name}"));
        }
        ground.call(&words).run().code(0);
        let stored = names(ground.stored());
        assert_eq!(stored.len(), 6, "{provider}: {:?}", stored.keys());
        fs::create_dir(sandbox.file("back")).unwrap();
        for name in &all {
            let words = ["download", "acme-corp", name, "-o", "back", "-q"];
            ground.call(&words).run().code(0);
            let back = fs::read(sandbox.file("back").join(name)).unwrap();
            assert!(back == stored[*name], "{provider} {name}");
            assert!(
                back == fs::read(sandbox.file(name)).unwrap(),
                "{provider} {name}"
            );
        }
        let sidecar = sandbox.file("back").join(sidecar_of(&with_sidecar));
        assert!(sidecar.is_file(), "{provider}");
        for name in &all {
            ground
                .call(&["delete", "acme-corp", name, "-y", "-q"])
                .run()
                .code(0);
        }
        assert_eq!(ground.stored(), [], "{provider}");
    }
}

#[test]
fn l32_what_is_too_long_is_refused_and_stops_nothing_else() {
    let letters = format!("{}.db", "я".repeat(255));
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        sandbox.write("one.db", "backup");
        let long = format!("{}one.db", "d/".repeat(2500));
        for (source, exit, code, why) in [
            (&letters, 2, "invalid_name", "at most 255"),
            (&long, 12, "local_io", "file name too long"),
        ] {
            let outcome = ground.call(&["sync", "acme-corp", source, "--json"]).run();
            let told = outcome.json();
            assert_eq!(
                (outcome.code, &told["code"]),
                (exit, &json!(code)),
                "{provider}: {told}"
            );
            assert!(
                told["detail"].as_str().unwrap().contains(why),
                "{provider}: {told}"
            );
        }
        for directory in [format!("/{letters}"), "/abcdefghi".repeat(500)] {
            let set = ["config", "set", "globex", "--provider", provider, "--json"];
            let outcome = ground
                .call(&[&set[..], &["--remote-path", &directory]].concat())
                .run();
            let told = outcome.json();
            assert_eq!(
                (outcome.code, &told["code"]),
                (2, &json!("invalid_remote_path")),
                "{told}"
            );
        }
        assert_eq!(ground.stored(), []);
        ground
            .call(&["sync", "acme-corp", "one.db", "-q"])
            .run()
            .code(0);
        for output in [letters.clone(), "d/".repeat(2500), long.clone()] {
            let words = ["download", "acme-corp", "one.db", "-o", &output, "--json"];
            let outcome = ground.call(&words).run();
            let told = outcome.json();
            assert_eq!(
                (outcome.code, &told["code"]),
                (12, &json!("local_io")),
                "{provider}: {told}"
            );
        }
    }
}

/// Clouds count letters, not bytes: a name that no file system here has room for may lie there.
#[test]
fn l32_a_longer_name_on_the_remote_is_shown_and_left_alone() {
    let letters = format!("{}.db", "я".repeat(252));
    let (cloud, drive) = (Cloud::new(), Drive::new());
    cloud.fake.put(&Cloud::path(&letters), b"theirs");
    let folder = drive.fake.make_folders(&DRIVE_FOLDER);
    drive.fake.put_file(&folder, &letters, b"theirs");
    for ground in [&cloud as &dyn Ground, &drive] {
        let sandbox = ground.sandbox();
        ground.call(&["sync", "acme-corp", "-q"]).run().code(0);
        let listed = sandbox.json(0, ["files", "acme-corp", "--all"]);
        let listed = listed["files"].as_array().unwrap().iter();
        let theirs: Vec<&Value> = listed
            .filter(|file| file["name"] == json!(letters))
            .collect();
        assert_eq!(theirs[0]["kind"], "foreign", "{theirs:?}");
        let outcome = ground
            .call(&["download", "acme-corp", &letters, "--json"])
            .run();
        refused(&outcome, "it has 507 bytes", ground.provider());
        for words in [
            vec![
                "download",
                "acme-corp",
                "--latest",
                "--type",
                "database",
                "-o",
                "out/",
                "-q",
            ],
            vec!["verify", "acme-corp", "-q"],
            vec!["restore-test", "acme-corp", "-q"],
        ] {
            fs::create_dir_all(sandbox.file("out")).unwrap();
            ground.call(&words).run().code(0);
        }
        let stored = names(ground.stored());
        assert_eq!(stored[&letters], b"theirs");
    }
}

/// Below a local root the way is gone step by step: no limit of the system's for a path counts.
#[test]
fn l32_a_remote_directory_here_may_be_longer_than_a_path_may_be() {
    let sandbox = Sandbox::new();
    let root = sandbox.path().join("r".repeat(200));
    let root = root.to_str().unwrap();
    sandbox
        .run(["providers", "set", "local", "--root", root, "-q"])
        .code(0);
    let directory = format!("/{}{}", "abcdefghi/".repeat(399), "z".repeat(8));
    assert!(root.len() + directory.len() > 4096);
    sandbox.write("one.db", "backup");
    let set = [
        "config",
        "set",
        "acme-corp",
        "--provider",
        "local",
        "-q",
        "--remote-path",
    ];
    sandbox.run([&set[..], &[&directory]].concat()).code(0);
    sandbox.run(["sync", "acme-corp", "one.db", "-q"]).code(0);
    assert_eq!(sandbox.json(0, ["files", "acme-corp"])["count"], 1);
    sandbox.run(["verify", "acme-corp", "-q"]).code(0);
    sandbox
        .run(["download", "acme-corp", "one.db", "-o", "back", "-q"])
        .code(0);
    assert_eq!(fs::read(sandbox.file("back")).unwrap(), b"backup");
    sandbox
        .run(["delete", "acme-corp", "one.db", "-y", "-q"])
        .code(0);
    assert_eq!(sandbox.json(0, ["files", "acme-corp"])["count"], 0);
}
