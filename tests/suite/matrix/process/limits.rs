//! A run with hardly any surroundings: no environment, no folder, few files, threads, memory (X46).
//!
//! The rest of this number is in `settings.rs`; that files are 0600 whatever the mask is S4
//! (`files.rs`).

use std::fs;
use std::os::unix::process::CommandExt as _;

use serde_json::json;

use super::{never_broke, nobody_elsewhere, shell, through_shell};
use crate::support::invariants::{Ground, Watch, grounds};
use crate::support::{Call, DB, NOBODY, Outcome, STORAGE, Sandbox, give_to_nobody, make_private};

const FILE: &str = "backups/database/db_backup_20250131_040000.db";
const SIDECAR: &str = "db_backup_20250131_040000.json";

fn watch(ground: &dyn Ground) -> Watch<'_> {
    let folder = ground.sandbox().file("backups/database");
    let bytes = |name| fs::read(folder.join(name)).unwrap();
    Watch::over(ground)
        .may_store(DB, &bytes(DB))
        .may_store(SIDECAR, &bytes(SIDECAR))
}

/// Nothing is in the environment, not even a home or a path to look for programs.
#[test]
fn x46_without_any_environment_what_is_named_works() {
    let sandbox = Sandbox::new();
    let root = sandbox.path().join("nas");
    fs::create_dir(&root).unwrap();
    let provider_file = json!({"local": {"root": root}}).to_string();
    make_private(&sandbox.write("config/remote_storage.json", provider_file));
    // Keeps a configuration of whoever runs the tests out.
    sandbox.write("ours.json", "{}");
    let run = |words: &[&str]| {
        let mut call = sandbox.command([&["--config", "ours.json"], words].concat());
        call.command.env_clear();
        call.run().code(0)
    };
    run(&["config", "set", "acme-corp", "--provider", "local"]);
    run(&["sync", "acme-corp", FILE]);
    assert_eq!(run(&["files", "acme-corp", "--json"]).json()["count"], 1);
    run(&["download", "acme-corp", DB, "-o", "back.db"]);
    run(&["verify", "acme-corp", "--download"]);
    run(&["restore-test", "acme-corp"]);
    run(&["status"]);
    let history = run(&["history", "--json"]).json();
    assert_eq!(history["runs"][0]["verdict"], "ok", "{history}");
    assert!(
        root.join(format!("vertex-ar/acme-corp/backups/{DB}"))
            .exists()
    );
}

/// From `/`, everything named by its full path works, and nothing is written there.
#[test]
fn x46_from_the_root_folder_what_is_named_works() {
    for ground in grounds() {
        let sandbox = ground.sandbox();
        let watch = watch(&*ground);
        let before = Sandbox::names_in("/".as_ref());
        let (db, config) = (sandbox.db(), sandbox.file("config/remote_storage.json"));
        let file = sandbox.file(FILE);
        let run = |words: &[&str]| {
            let call = ground.call(words).env("VERTEX_BACKUP_DB", &db);
            let call = call.cwd("/".as_ref());
            if ground.provider() == "local" {
                return call.run();
            }
            call.env("REMOTE_STORAGE_CONFIG", &config).run()
        };
        let sync = run(&["sync", "acme-corp", file.to_str().unwrap()]).code(0);
        watch.holds_after(&sync);
        fs::remove_file(&file).unwrap();
        run(&["download", "acme-corp", DB]).code(0);
        watch.holds();
        run(&["sync", "acme-corp", "nothing.db"]).code(4);
        run(&["verify", "acme-corp"]).code(0);
        assert_eq!(
            Sandbox::names_in("/".as_ref()),
            before,
            "{}",
            ground.provider()
        );
    }
}

/// The folder it is run in was deleted: what is named by its full path works, what is not
/// is told as missing.
#[test]
fn x46_from_a_folder_that_was_deleted_what_is_named_works() {
    let sandbox = Sandbox::assigned();
    let (db, file) = (sandbox.db(), sandbox.file(FILE));
    let (db, file) = (db.to_str().unwrap(), file.to_str().unwrap());
    let run = |words: &[&str]| {
        let gone = sandbox.path().join("gone");
        fs::create_dir(&gone).unwrap();
        let before = format!("cd '{0}' && rmdir '{0}'", gone.display());
        let run = shell(sandbox.command(words), &before).run();
        assert!(!gone.exists(), "{words:?}");
        assert!(!run.stderr.contains("os error"), "{run:?}");
        run
    };
    let back = sandbox.path().join("back.db");
    run(&["--db", db, "config", "list"]).code(0);
    run(&["--db", db, "sync", "acme-corp", file]).code(0);
    run(&[
        "--db",
        db,
        "download",
        "acme-corp",
        DB,
        "-o",
        back.to_str().unwrap(),
    ])
    .code(0);
    assert!(fs::read(&back).unwrap() == fs::read(file).unwrap());
    run(&["--db", db, "restore-test", "acme-corp"]).code(0);
    run(&["--version"]).code(0);
    for (words, code) in [
        (&["config", "list"][..], 4),
        (&["--db", "app_data.db", "config", "list"], 4),
        (&["--db", db, "sync", "acme-corp", "one.db"], 4),
        (
            &["--db", db, "download", "acme-corp", DB, "-o", "two.db"],
            12,
        ),
        (
            &["--db", db, "providers", "set", "local", "--root", "nas"],
            2,
        ),
    ] {
        let run = run(words).code(code);
        assert!(run.stderr.contains("error: "), "{run:?}");
    }
}

/// Names in any alphabet are the same bytes whatever the language is said to be.
#[test]
fn x46_the_language_changes_no_byte() {
    let sandbox = Sandbox::assigned();
    let name = "резервная копия ☃.db";
    sandbox.write(name, "x");
    sandbox.run(["sync", "acme-corp", name, "-q"]).code(0);
    for words in [
        &["config", "list"][..],
        &["config", "get", "ООО «Ромашка»"],
        &["company", "show", "romashka", "--json"],
    ] {
        let usual = sandbox.run(words).code(0);
        for (variable, language) in [
            ("LANG", "C"),
            ("LC_ALL", "C"),
            ("LC_ALL", "POSIX"),
            ("LC_ALL", "ru_RU.KOI8-R"),
            ("LANG", "not-a-language"),
        ] {
            let run = sandbox.command(words).env(variable, language).run().code(0);
            assert_eq!(run.stdout, usual.stdout, "{words:?} {language}");
            assert_eq!(run.stderr, usual.stderr, "{words:?} {language}");
        }
    }
    let files = ["files", "acme-corp", "--json"];
    let files = sandbox
        .command(files)
        .env("LC_ALL", "C")
        .run()
        .code(0)
        .json();
    assert_eq!(files["files"][0]["name"], name);
    let back = ["download", "acme-corp", name, "-o", "back.db"];
    sandbox.command(back).env("LC_ALL", "C").run().code(0);
    assert_eq!(fs::read(sandbox.file("back.db")).unwrap(), b"x");
}

/// What a night does, and what follows a bad one.
const WORK: [&[&str]; 8] = [
    &["sync", "--all", "--jobs", "8"],
    &["sync", "acme-corp", FILE],
    &["files", "acme-corp"],
    &["verify", "acme-corp", "--download"],
    &[
        "download",
        "acme-corp",
        STORAGE,
        "-o",
        "back.tar.gz",
        "--force",
    ],
    &["restore-test", "acme-corp"],
    &["backup", "create", "--type", "database"],
    &["status"],
];

/// An installation with a dozen companies on the ground's provider, and nobody elsewhere.
fn crowded(ground: &dyn Ground) -> &Sandbox {
    let sandbox = ground.sandbox();
    nobody_elsewhere(sandbox);
    sandbox.companies(12, ground.provider());
    sandbox
}

#[test]
fn x46_thirty_two_files_are_enough() {
    for ground in grounds() {
        crowded(&*ground);
        for words in WORK {
            let run = shell(ground.call(words), "ulimit -n 32").run();
            assert_eq!(run.code, 0, "{} {words:?} {run:?}", ground.provider());
        }
        ground.sandbox().run(["history", "--check"]).code(0);
    }
}

/// With fewer it ends with what was missing, at whichever file that is: nothing half done is
/// called done, and nothing is left that the next run does not mend.
#[test]
fn x46_too_few_files_are_told() {
    for ground in grounds() {
        let watch = watch(&*ground);
        let mut failed = 0;
        for count in 4..20 {
            let call = ground.call(&["sync", "acme-corp", FILE, "--json"]);
            let run = shell(call, &format!("ulimit -n {count}")).run();
            let what = format!("{} {count}", ground.provider());
            never_broke(&run, &what);
            watch.holds();
            if run.code != 0 {
                failed += 1;
                let told = run.json();
                assert!([12, 6].contains(&run.code), "{what} {told}");
                let said = told["detail"].as_str().unwrap();
                let names = ["too many open files", "unable to open database file"];
                assert!(
                    names.iter().any(|name| said.contains(name)),
                    "{what} {told}"
                );
            }
        }
        assert!(failed > 0, "{}", ground.provider());
        watch.settles(&["sync", "acme-corp", FILE]);
    }
}

/// A run that gets no thread beside its first one. Limits of processes do not hold for root,
/// so the tests then run it as somebody else.
fn alone<'a>(ground: &'a dyn Ground, words: &[&str]) -> Call<'a> {
    let call = ground.call(words).unprivileged();
    // Two shells, two names for the limit.
    let set = "ulimit -u 0 2>/dev/null || ulimit -p 0";
    let line = format!("({set}) >/dev/null 2>&1 || exit 99; {set}; exec \"$0\" \"$@\"");
    // A limit of processes keeps the subshell from being started once it is there.
    let mut call = through_shell(call, &line);
    if rustix::process::geteuid().is_root() {
        call.command.uid(NOBODY).gid(NOBODY);
    }
    call
}

#[test]
fn x46_without_threads_it_works_alone_or_says_so() {
    for ground in grounds() {
        let sandbox = crowded(&*ground);
        give_to_nobody(sandbox.path());
        let watch = watch(&*ground);
        let is_local = ground.provider() == "local";
        for words in WORK.into_iter().filter(|words| words[0] != "backup") {
            let run: Outcome = alone(&*ground, words).run();
            let what = format!("{} {words:?}", ground.provider());
            never_broke(&run, &what);
            // A name is looked up and a connection made beside, to be given up in time.
            let needs_threads = !is_local && words[0] != "status";
            if needs_threads {
                assert!([12, 3].contains(&run.code), "{what} {run:?}");
                assert!(run.stderr.contains("no more threads"), "{what} {run:?}");
            } else {
                assert_eq!(run.code, 0, "{what} {run:?}");
            }
        }
        if !is_local {
            assert_eq!(ground.stored(), Vec::new());
        }
        for mode in ["bar", "json"] {
            let words = ["sync", "acme-corp", FILE, "--progress", mode];
            never_broke(&alone(&*ground, &words).run(), mode);
        }
        if !is_local {
            watch.holds();
        }
    }
}

/// A command for a secret needs a process: that is told, too.
#[test]
fn x46_without_processes_a_command_for_a_secret_is_told() {
    let sandbox = Sandbox::new();
    let section = json!({"yandex_disk": {"enabled": true, "oauth_token_command": "echo x"}});
    make_private(&sandbox.write("config/remote_storage.json", section.to_string()));
    give_to_nobody(sandbox.path());
    let run = alone(&sandbox, &["providers", "test", "yandex_disk"]).run();
    run.code(5).stderr_has("oauth_token: cannot run 'echo'");
}

#[test]
fn x46_sixty_four_mebibytes_are_enough() {
    for ground in grounds() {
        let sandbox = crowded(&*ground);
        sandbox.write("storage/acme-corp/a.bin", vec![7; 300_000]);
        for words in WORK.into_iter().chain([&["backup", "create"][..]]) {
            let run = shell(ground.call(words), "ulimit -v 65536").run();
            assert_eq!(run.code, 0, "{} {words:?} {run:?}", ground.provider());
        }
    }
}
