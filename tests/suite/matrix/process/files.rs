//! The provider file and other files of ours: damaged, odd, open to others (X44, S2, S4).
//!
//! The rest of these numbers is in `provider_file.rs` and `settings.rs`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::inotify;
use serde_json::{Value, json};
use vertex_backup::hash::Sha256;

use super::{nobody_elsewhere, shell};
use crate::support::cloud::{Cloud, PROVIDER_FILE};
use crate::support::drive::Drive;
use crate::support::fake_yandex::TOKEN;
use crate::support::invariants::grounds;
use crate::support::{DB, NOBODY, Outcome, STORAGE, Sandbox, make_private};

/// What no output may ever hold.
const CANARY: &str = "y0_CaNaRy";

fn put(sandbox: &Sandbox, text: impl AsRef<[u8]>) -> PathBuf {
    let path = sandbox.write(PROVIDER_FILE, text);
    make_private(&path);
    path
}

#[track_caller]
fn assert_secret(run: &Outcome) {
    let told = run.stdout.contains(CANARY) || run.stderr.contains(CANARY);
    assert!(!told, "{run:?}");
}

/// A file of 1 GB without a block on the disk.
fn sparse(path: &Path) {
    File::create(path).unwrap().set_len(1 << 30).unwrap();
    make_private(path);
}

/// Without a provider file, or with an empty one, a cloud that a company has is not
/// configured or cannot be told: nothing passes for "nothing to do".
#[test]
fn x44_a_cloud_without_its_provider_file_is_not_configured() {
    let cloud = Cloud::new();
    let file = format!("backups/database/{DB}");
    fs::remove_file(cloud.file(PROVIDER_FILE)).unwrap();
    for words in [&["sync", "acme-corp", &file][..], &["files", "acme-corp"]] {
        let error = cloud.json(5, words);
        assert_eq!(error["code"], "provider_not_configured", "{words:?}");
    }
    put(&cloud, "");
    for words in [&["sync", "acme-corp", &file][..], &["files", "acme-corp"]] {
        let error = cloud.json(5, words);
        assert_eq!(error["code"], "config_invalid", "{words:?}");
        assert!(error["detail"].as_str().unwrap().contains(":1:0: "));
    }
}

/// What is a gigabyte long is no file of settings and no secret, and is not read as one.
#[test]
fn x44_a_file_of_a_gigabyte_is_refused_in_little_memory() {
    let sandbox = Sandbox::new();
    sparse(&sandbox.file("huge.json"));
    let huge = sandbox.file("huge.json");
    let run = |words: &[&str]| {
        let words = [words, &["--json"]].concat();
        sandbox.command(words).limited("-v 65536").run()
    };
    for option in ["--remote-config", "--config"] {
        let error = run(&[option, "huge.json", "providers"]).code(5).json();
        assert_eq!(error["code"], "config_invalid", "{option}");
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.contains("larger than 1 MiB"), "{detail}");
    }
    for (section, why) in [
        (
            json!({"yandex_disk": {"enabled": true, "oauth_token_file": huge}}),
            "larger than 65536 bytes",
        ),
        (
            json!({"google_drive": {"enabled": true, "credentials": {"access_token_file": huge}}}),
            "larger than 65536 bytes",
        ),
        (
            json!({"google_drive": {"enabled": true, "credentials": {"service_account_file": huge}}}),
            "larger than 1 MiB",
        ),
    ] {
        put(&sandbox, section.to_string());
        let list = run(&["providers"]).code(0).json();
        let text = list.to_string();
        assert!(text.contains(why), "{text}");
    }
    // A secret of an odd size is no secret cut short.
    let line = sandbox.write("long.txt", "x".repeat(70_000));
    make_private(&line);
    let section = json!({"yandex_disk": {"enabled": true, "oauth_token_file": line}});
    put(&sandbox, section.to_string());
    let error = run(&["providers", "test", "yandex_disk"]).code(5).json();
    assert_eq!(error["code"], "provider_not_configured");
}

/// How often a file is opened while something is done.
fn opened(path: &Path, act: impl FnOnce()) -> usize {
    // Two of a kind that follow each other would be told as one.
    let both = inotify::WatchFlags::OPEN | inotify::WatchFlags::CLOSE_NOWRITE;
    let watch = watched(path, both);
    act();
    let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(&watch, &mut buffer);
    let mut count = 0;
    while let Ok(event) = events.next() {
        count += usize::from(event.events().contains(inotify::ReadFlags::OPEN));
    }
    count
}

fn watched(path: &Path, what: inotify::WatchFlags) -> std::os::fd::OwnedFd {
    let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
    let watch = inotify::init(flags).unwrap();
    inotify::add_watch(&watch, path, what).unwrap();
    watch
}

/// The application saves the file in place: who comes in the middle reads it once more, and
/// no oftener. Also who means to change it.
#[test]
fn x44_a_torn_file_is_read_once_more() {
    let sandbox = Sandbox::new();
    let commands = [
        &["providers", "--no-check"][..],
        &["providers", "set", "local", "--root", "/nas"],
    ];
    for words in commands {
        let path = put(&sandbox, "{\"local\": {\"enab");
        let count = opened(&path, || {
            sandbox.run(words).code(5);
        });
        assert_eq!(count, 2, "{words:?}");
        let path = put(&sandbox, r#"{"local": {"enabled": true}}"#);
        let count = opened(&path, || {
            sandbox.run(words).code(0);
        });
        assert_eq!(count, 1, "{words:?}");
    }
}

/// And what is whole by then counts. (A tenth of a second can pass unused on a machine that
/// is busy, so one of many attempts is enough; `json_file.rs` has it without a clock.)
#[test]
fn x44_a_file_that_is_whole_when_it_is_read_again_counts() {
    let sandbox = Sandbox::new();
    let whole = r#"{"local": {"root": "/nowhere"}, "other": 1}"#;
    for words in [
        &["providers", "--no-check"][..],
        &["providers", "set", "local", "--root", "/nas"],
    ] {
        let came_in_time = (0..100).any(|_| {
            let path = put(&sandbox, "{\"local\": {\"ro");
            let watch = watched(&path, inotify::WatchFlags::CLOSE_NOWRITE);
            let mut run = sandbox.command(words).spawn();
            let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
            let mut events = inotify::Reader::new(&watch, &mut buffer);
            let mut is_saved = false;
            while run.try_wait().unwrap().is_none() {
                if !is_saved && events.next().is_ok() {
                    fs::write(&path, whole).unwrap();
                    is_saved = true;
                }
                thread::yield_now();
            }
            run.wait().unwrap().success()
        });
        assert!(came_in_time, "{words:?}");
    }
    let now: Value =
        serde_json::from_str(&fs::read_to_string(sandbox.file(PROVIDER_FILE)).unwrap()).unwrap();
    assert_eq!(
        (&now["other"], &now["local"]["root"]),
        (&json!(1), &json!("/nas"))
    );
}

/// A blank within a token is none to be trimmed: it would end a header. It is refused before
/// anybody is asked, and not shown.
#[test]
fn x44_a_token_with_a_line_break_in_it_goes_nowhere() {
    let token = format!("{CANARY}\r\nX-Evil: 1");
    let (cloud, drive) = (Cloud::new(), Drive::new());
    cloud.configure(&token);
    drive.configure(&json!({"access_token": token}));
    let marks = (cloud.mark(), drive.mark());
    for (sandbox, provider) in [
        (&cloud.sandbox, "yandex_disk"),
        (&drive.sandbox, "google_drive"),
    ] {
        let run = sandbox
            .run(["providers", "test", provider, "--json", "-vv"])
            .code(6);
        assert_secret(&run);
        let error = run.json();
        assert_eq!(error["reason"], "auth", "{error}");
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.contains("characters that no token has"), "{detail}");
    }
    let asked = (cloud.since(marks.0).len(), drive.since(marks.1).len());
    assert_eq!(asked, (0, 0));
}

/// A line break behind it is what an editor leaves: it is trimmed, and the token works.
#[test]
fn x44_a_token_with_a_line_break_behind_it_works_with_a_warning() {
    let cloud = Cloud::new();
    cloud.configure(&format!("{TOKEN}\n"));
    let run = cloud.run(["providers", "test", "yandex_disk"]).code(0);
    assert!(run.stderr.contains("blanks around it"), "{run:?}");
    assert!(!run.stderr.contains(TOKEN), "{run:?}");
}

/// A link is followed, one that leads nowhere or in a circle is told.
#[test]
fn x44_a_link_that_leads_nowhere_is_told() {
    let sandbox = Sandbox::new();
    let link = sandbox.file("link.json");
    symlink("link.json", &link).unwrap();
    let error = sandbox.json(12, ["--remote-config", "link.json", "providers"]);
    assert_eq!(error["code"], "local_io", "{error}");
    fs::remove_file(&link).unwrap();
    symlink("nowhere.json", &link).unwrap();
    sandbox
        .run(["--remote-config", "link.json", "providers", "--no-check"])
        .code(0)
        .stderr("warning: the provider file 'link.json' (--remote-config) does not exist\n");
}

/// A file of another user, once and with who it is; the application's own user may own it.
/// Only root can give a file away, so the rest of this is in `json_file.rs`.
#[test]
fn x44_a_file_of_another_user_is_warned_of() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let sandbox = Sandbox::new();
    let path = put(&sandbox, "{}");
    chown(&path, Some(NOBODY), None).unwrap();
    let run = sandbox.run(["providers", "--no-check"]).code(0);
    let warning = format!(
        "warning: './{PROVIDER_FILE}' belongs to another user (uid {NOBODY}), who can read and \
         change it; run: chown 0 './{PROVIDER_FILE}'\n"
    );
    assert_eq!(run.stderr, warning);
    sandbox
        .run(["providers", "--no-check", "-q"])
        .code(0)
        .stderr("");
    // The application's user: it shares this file with us.
    chown(sandbox.db(), Some(NOBODY), None).unwrap();
    sandbox.run(["providers", "--no-check"]).code(0).stderr("");
    // Nobody but we should own our own file.
    let ours = sandbox.write(
        "ours.json",
        json!({"yandex_disk": {"oauth_token": CANARY}}).to_string(),
    );
    make_private(&ours);
    chown(&ours, Some(NOBODY), None).unwrap();
    let run = sandbox
        .run(["--config", "ours.json", "config", "list"])
        .code(0);
    assert_secret(&run);
    assert!(run.stderr.contains("belongs to another user"), "{run:?}");
}

/// The keys of a section, as the product's own declaration has them.
fn keys_of(source: &str, name: &str) -> Vec<String> {
    let start = source.find(&format!("struct {name} {{")).unwrap();
    let body = &source[start..][..source[start..].find("\n}").unwrap()];
    let fields = body.lines().skip(1).map(str::trim);
    fields
        .filter(|line| !line.starts_with('#') && !line.starts_with('/'))
        .map(|line| line.split(':').next().unwrap().trim_start_matches("pub "))
        .map(str::to_owned)
        .collect()
}

/// Every key that a provider file may have, dotted.
fn provider_keys() -> Vec<String> {
    let disk = include_str!("../../../../src/sections/yandex_disk.rs");
    let drive = include_str!("../../../../src/sections/google_drive.rs");
    let sections = include_str!("../../../../src/sections.rs");
    let mut keys = keys_of(sections, "RawSections");
    for (source, name, prefix) in [
        (disk, "RawYandexDisk", "yandex_disk"),
        (drive, "RawGoogleDrive", "google_drive"),
        (drive, "RawCredentials", "google_drive.credentials"),
        (sections, "RawLocal", "local"),
    ] {
        let found = keys_of(source, name);
        assert!(!found.is_empty());
        keys.extend(found.iter().map(|key| format!("{prefix}.{key}")));
    }
    keys
}

/// Gives every key each type in turn. What is refused is refused with place and key; no
/// value is ever told; and every key refuses something, or it was not read.
fn fuzz(keys: &[String], file: &str, options: &[&str]) {
    let values = [
        json!(CANARY),
        json!({ CANARY: CANARY }),
        json!([[CANARY]]),
        json!(7_355_608),
        json!(true),
    ];
    let fuzzed = |key: &String| {
        let sandbox = Sandbox::empty();
        let mut refused = 0;
        for value in &values {
            let whole = key
                .rsplit('.')
                .fold(value.clone(), |inner, key| json!({ key: inner }));
            make_private(&sandbox.write(file, format!("\n{whole}")));
            let words = [options, &["providers", "--no-check", "--json", "-vv"]].concat();
            let run = sandbox.run(words);
            assert!([0, 5].contains(&run.code), "{whole} {run:?}");
            if run.code == 0 {
                // What a path or an id is, is no secret.
                continue;
            }
            refused += 1;
            assert_secret(&run);
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(!said.contains("7355608"), "{whole} {said}");
            let error = run.json();
            assert_eq!(error["code"], "config_invalid", "{key}");
            let detail = error["detail"].as_str().unwrap();
            let (place, what) = detail.split_once(": ").unwrap();
            let place: Vec<_> = place.rsplitn(3, ':').collect();
            assert!(place[0].parse::<u32>().is_ok(), "{detail}");
            assert!(place[1] == "2" && place[2].ends_with(file), "{detail}");
            // Of a list of words it says which of them it is.
            let what = what.replacen("[0]: ", ": ", 1);
            assert!(what.starts_with(&format!("{key}: expected ")), "{detail}");
        }
        assert!(refused >= 2, "{key} takes anything");
    };
    thread::scope(|scope| {
        for part in keys.chunks(keys.len().div_ceil(8)) {
            scope.spawn(move || part.iter().for_each(fuzzed));
        }
    });
}

#[test]
fn s2_no_key_of_the_provider_file_tells_its_value() {
    fuzz(&provider_keys(), PROVIDER_FILE, &[]);
}

#[test]
fn s2_no_key_of_our_own_configuration_tells_its_value() {
    let mut keys = keys_of(include_str!("../../../../src/config_file.rs"), "Values");
    assert!(keys.len() >= 11, "{keys:?}");
    keys.extend(provider_keys());
    fuzz(&keys, "ours.json", &["--config", "ours.json"]);
}

/// A token that was put in the place of a word or a time is not told either.
#[test]
fn s2_a_token_in_the_wrong_place_is_not_told() {
    let sandbox = Sandbox::new();
    for key in [
        "format",
        "progress",
        "color",
        "lock_wait",
        "timeout",
        "retry_pause",
    ] {
        let text = json!({ key: CANARY }).to_string();
        make_private(&sandbox.write("ours.json", text));
        let run = sandbox
            .run(["--config", "ours.json", "config", "list", "--json", "-vv"])
            .code(5);
        assert_secret(&run);
        let detail = run.json()["detail"].clone();
        let start = format!("ours.json:1:{}: {key}: expected ", key.len() + 16);
        assert!(detail.as_str().unwrap().starts_with(&start), "{detail}");
    }
}

/// All that is below a folder, folders too, with its mode.
fn modes(folder: &Path, found: &mut Vec<(PathBuf, u32, bool)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_symlink() {
            continue;
        }
        found.push((
            path.clone(),
            meta.permissions().mode() & 0o7777,
            meta.is_dir(),
        ));
        if meta.is_dir() {
            modes(&path, found);
        }
    }
}

/// Each command that writes, on each provider, under a mask that takes nothing away and one
/// that takes everything: what is there afterwards and was not before is for its owner alone.
/// (`man --out-dir` and `completions` write what everybody is to read, as the mask says.)
#[test]
fn s4_whatever_is_made_is_for_its_owner_alone() {
    let backup = format!("backups/database/{DB}");
    for mask in ["000", "077", "777"] {
        for ground in grounds() {
            let sandbox = ground.sandbox();
            nobody_elsewhere(sandbox);
            // They are made anew.
            fs::remove_dir_all(sandbox.state().with_extension("locks")).unwrap();
            for end in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(format!("{}{end}", sandbox.state().display()));
            }
            let mut before = Vec::new();
            modes(sandbox.path(), &mut before);
            let before: BTreeSet<_> = before.into_iter().map(|(path, ..)| path).collect();
            let storage = sandbox.file("storage/acme-corp");
            fs::create_dir_all(&storage).unwrap();
            fs::write(storage.join("a.jpg"), "a picture").unwrap();
            let new_db = sandbox.path().join("home/new/standalone.db");
            let new_db = new_db.to_str().unwrap();
            fs::create_dir(sandbox.path().join("home/new")).unwrap();
            let ours: BTreeSet<_> = [
                sandbox.file("storage"),
                storage.clone(),
                storage.join("a.jpg"),
                sandbox.path().join("home/new"),
            ]
            .into();
            for words in [
                &["--db", new_db, "init"][..],
                &["company", "add", "x", "--name", "X"],
                &["company", "update", "x", "--name", "Y"],
                &["config", "set", "x", "--provider", ground.provider()],
                &["sync", "acme-corp", &backup],
                &["sync", "--all"],
                &["download", "acme-corp", DB, "-o", "back.db"],
                &["download", "acme-corp", STORAGE, "-o", "back.tar.gz"],
                &[
                    "download",
                    "acme-corp",
                    "--latest",
                    "--type",
                    "database",
                    "--force",
                ],
                &["backup", "create"],
                &["verify", "acme-corp", "--download"],
                &["restore-test", "acme-corp"],
                &["retention", "set", "acme-corp", "--keep-last", "1"],
                &["prune", "acme-corp", "--yes"],
                &["backup", "rotate", "--keep", "1", "--yes"],
                &["delete", "x", "nothing.db", "--yes"],
                &[
                    "providers",
                    "set",
                    "local",
                    "--root",
                    "/nas",
                    "--remote-config",
                    "made/p.json",
                ],
                &["status"],
                &["history"],
            ] {
                let run = shell(ground.call(words), &format!("umask {mask}")).run();
                let what = format!("{} {mask} {words:?}", ground.provider());
                super::never_broke(&run, &what);
                assert!(matches!(run.code, 0 | 2 | 4), "{what} {run:?}");
            }
            let mut after = Vec::new();
            modes(sandbox.path(), &mut after);
            let made: Vec<_> = after
                .into_iter()
                .filter(|(path, ..)| !before.contains(path) && !ours.contains(path))
                .collect();
            for end in [
                "standalone.db",
                "back.db",
                ".backup-state.db",
                ".lock",
                "p.json",
                "back.tar.gz",
            ] {
                let is_there = made
                    .iter()
                    .any(|(path, ..)| path.to_str().unwrap().ends_with(end));
                assert!(is_there, "{} {mask} {end}: {made:?}", ground.provider());
            }
            for (path, mode, is_dir) in made {
                let expected = if is_dir { 0o700 } else { 0o600 };
                let what = format!("{} {mask} {}", ground.provider(), path.display());
                assert_eq!(mode, expected, "{what} {mode:o}");
            }
        }
    }
}

/// The files that secrets are read from are looked at like the provider file, and of each
/// the operator is told once, however many companies use it.
#[test]
fn s4_a_wide_file_with_a_secret_is_warned_of_once() {
    let cloud = Cloud::new();
    let token = cloud.write("token.txt", TOKEN);
    let client = cloud.write("client.txt", "not needed now");
    make_private(&client);
    cloud.write_section(&json!({
        "enabled": true, "api_url": cloud.fake.api_url(), "oauth_token_file": token,
        "client_id": "id", "client_secret_file": client,
    }));
    cloud.companies(3, "yandex_disk");
    make_private(&token);
    let sync = ["sync", "--all"];
    assert!(
        !cloud
            .call(sync)
            .run()
            .stderr
            .contains("can be read by others")
    );
    for (path, mode) in [(&token, 0o644), (&token, 0o640), (&client, 0o604)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let run = cloud.call(sync).run();
        let warning = format!(
            "warning: '[DIR]/app/{0}' can be read by others (mode {mode:04o}); run: chmod 600 '[DIR]/app/{0}'\n",
            path.file_name().unwrap().to_str().unwrap()
        );
        assert_eq!(run.stderr.matches(&warning).count(), 1, "{}", run.stderr);
        make_private(path);
    }
    // The provider file itself, too, and no file of a provider that is switched off.
    let path = cloud.file(PROVIDER_FILE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let run = cloud.call(sync).run();
    assert_eq!(run.stderr.matches("can be read by others").count(), 1);
    cloud.write_section(&json!({"enabled": false, "oauth_token_file": token}));
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    cloud.run(["providers", "--no-check"]).code(0).stderr("");
}

/// Nothing is written through a link that somebody put where a secret is going to be written:
/// not in the place of the temporary file, nor of the file while it is replaced.
#[test]
fn s4_a_link_put_in_the_way_of_a_secret_leads_nowhere() {
    let sandbox = Sandbox::new();
    let path = put(&sandbox, r#"{"yandex_disk": {"oauth_token": "old"}}"#);
    let victim = sandbox.write("victim.txt", "mine");
    let name = path.file_name().unwrap().to_str().unwrap();
    let hashed = Sha256::of(name.as_bytes()).to_string();
    let temporary = path.with_file_name(format!(".{}.partial", &hashed[..16]));
    let token = sandbox.write("token.txt", CANARY);
    let set = || {
        let words = ["providers", "set", "yandex_disk", "--token-stdin", "-q"];
        let mut call = sandbox.command(words);
        call.command.stdin(File::open(&token).unwrap());
        call.run()
    };
    symlink(&victim, &temporary).unwrap();
    set().code(0);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(CANARY) && !path.is_symlink());
    assert!(!temporary.exists() && !temporary.is_symlink());

    // Somebody swaps file and link all the time: the victim, which is no provider file, is
    // never written, and the file is at each moment one of the two or the new one.
    let done = std::sync::atomic::AtomicBool::new(false);
    let (aside, link) = (path.with_extension("aside"), path.with_extension("link"));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                fs::write(&aside, r#"{"yandex_disk": {"oauth_token": "old"}}"#).unwrap();
                fs::rename(&aside, &path).unwrap();
                symlink(&victim, &link).unwrap();
                fs::rename(&link, &path).unwrap();
            }
        });
        for _ in 0..40 {
            let run = set();
            super::never_broke(&run, "a file that is swapped");
            assert_eq!(fs::read_to_string(&victim).unwrap(), "mine", "{run:?}");
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
}
