//! Companies are apart: what a command may touch goes by whole names on the way, not by text
//! (S10).
//!
//! That each command asks a cloud about its own company's paths and ids alone stands in
//! `yandex_files` and `drive_folders`; directories that are one by a link, a mount or another
//! spelling of the service's in `local`.

use std::path::Path;

use super::provider::with_json;
use crate::support::invariants::{Files, grounds};

/// A path of one to three short names, as people and programs spell it; the same for a seed.
fn path(seed: u64) -> String {
    let names = [
        "a", "b", "bc", "ab", "B", "é", "e\u{301}", "a b", "a.b", "..a", "a'", "%61",
    ];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % limit
    };
    let mut path = String::new();
    for _ in 0..=next(3) {
        path.push_str(["/", "/", "/", "//"][next(4)]);
        // Mostly the first few, so that many pairs overlap.
        let most = [4, 4, names.len()][next(3)];
        path.push_str(names[next(most)]);
    }
    path.push_str(["", "", "/", "//"][next(4)]);
    path
}

/// What the file system says: by components, byte for byte.
fn overlap(one: &str, other: &str) -> bool {
    let (one, other) = (Path::new(one), Path::new(other));
    one.starts_with(other) || other.starts_with(one)
}

#[test]
fn s10_two_directories_overlap_as_their_names_do_and_not_as_texts() {
    for ground in grounds() {
        let sandbox = ground.sandbox();
        let mut refused = 0;
        let mut pairs: Vec<(String, String)> = (0..60)
            .map(|n| (path(2 * n + 1), path(2 * n + 2)))
            .collect();
        let named = [
            ("/a/b", "/a/bc"),
            ("/a/bc", "/a/b"),
            ("/a/b", "//a///b/"),
            ("/a/b", "/a/B"),
            ("/a/é", "/a/e\u{301}"),
            ("/a/b", "/a"),
            ("/a", "/a/b"),
            ("/a/b", "a/b"),
            ("/a b", "/a%20b"),
        ];
        pairs.extend(named.map(|(one, other)| (one.to_owned(), other.to_owned())));
        for (one, other) in pairs {
            // As the application stores it: without a look, and without its first slash at times.
            sandbox.assign("globex", ground.provider(), &other);
            let rooted = format!("/{}", other.trim_start_matches('/'));
            let expected = overlap(&one, &rooted);
            let set = [
                "config",
                "set",
                "acme-corp",
                "--provider",
                ground.provider(),
            ];
            let more = ["--remote-path", &one, "--no-test", "--json"];
            let outcome = sandbox.run(set.iter().chain(&more));
            let what = format!("{}: {one:?} {other:?}", ground.provider());
            assert_eq!(
                outcome.code,
                if expected { 5 } else { 0 },
                "{what}: {outcome:?}"
            );
            if expected {
                assert_eq!(outcome.json()["code"], "remote_path_conflict", "{what}");
                refused += 1;
            }
        }
        assert!((10..60).contains(&refused), "{refused} pairs overlap");
    }
}

fn below<'f>(files: &'f Files, directory: &str) -> Vec<&'f (String, Vec<u8>)> {
    let inside = format!("{directory}/");
    files
        .iter()
        .filter(|(path, _)| path.starts_with(&inside))
        .collect()
}

/// Directories that look alike are two: what one company does, the other does not notice.
#[test]
fn s10_directories_that_look_alike_are_apart_in_every_command() {
    let pairs = [
        ("/a/b", "/a/bc"),
        ("/a/B", "/a/b"),
        ("/a/é", "/a/e\u{301}"),
        ("/a/b", "/a/b "),
        ("/a b", "/a%20b"),
        ("/a+b", "/a b"),
        ("/O'Brien", "/O\\'Brien"),
    ];
    for ground in grounds() {
        let sandbox = ground.sandbox();
        sandbox.without_backups();
        sandbox.write("acme/site.tar", b"of acme");
        sandbox.write("globex/site.tar", b"of globex, and longer");
        for (one, other) in pairs {
            let what = format!("{}: {one:?} {other:?}", ground.provider());
            sandbox.assign("acme-corp", ground.provider(), one);
            sandbox.assign("globex", ground.provider(), other);
            ground
                .call(&["sync", "globex", "globex/site.tar", "-q"])
                .run()
                .code(0);
            let theirs = ground.stored();
            let theirs = below(&theirs, other);
            assert_eq!(theirs.len(), 1, "{what}");
            let keep = ["retention", "set", "--default", "--keep-last", "1", "-q"];
            let words: [&[&str]; 7] = [
                &["sync", "acme-corp", "acme/site.tar", "-q"],
                &keep,
                &["files", "acme-corp", "--all", "-q"],
                &["prune", "acme-corp", "--yes", "-q"],
                &["verify", "acme-corp", "--download", "-q"],
                &[
                    "download",
                    "acme-corp",
                    "site.tar",
                    "-o",
                    "out",
                    "--force",
                    "-q",
                ],
                &["delete", "acme-corp", "site.tar", "--permanent", "-y", "-q"],
            ];
            for words in words {
                let outcome = ground.call(words).run();
                assert_eq!(outcome.code, 0, "{what} {words:?}: {}", outcome.stderr);
                let now = ground.stored();
                assert_eq!(below(&now, other), theirs, "{what} {words:?}");
            }
            let out = std::fs::read(sandbox.file("out")).unwrap();
            assert_eq!(out, b"of acme", "{what}");
            assert_eq!(below(&ground.stored(), one).len(), 0, "{what}");
            let delete = ["delete", "globex", "site.tar", "--permanent", "-y"];
            ground.call(&with_json(&delete)).run().code(0);
        }
    }
}

/// A pair that overlaps, as the application stored it, is refused before anything is asked.
#[test]
fn s10_directories_in_one_another_stop_every_transfer_of_both() {
    for ground in grounds() {
        let sandbox = ground.sandbox();
        let keep = ["retention", "set", "--default", "--keep-last", "1", "-q"];
        sandbox.run(keep).code(0);
        for (one, other) in [("/a/b", "/a//b/"), ("/a", "/a/b/c"), ("a/b", "/a")] {
            sandbox.assign("acme-corp", ground.provider(), one);
            sandbox.assign("globex", ground.provider(), other);
            let before = ground.stored();
            for company in ["acme-corp", "globex"] {
                for command in ["sync", "files", "verify", "prune", "restore-test"] {
                    let words = [command, company, "--json"];
                    let outcome = ground.call(&words).run();
                    let what = format!("{}: {words:?}", ground.provider());
                    assert_eq!(outcome.code, 5, "{what}: {outcome:?}");
                    let told = outcome.json();
                    let error = told["results"].get(0).unwrap_or(&told);
                    assert_eq!(error["code"], "remote_path_conflict", "{what}: {told}");
                }
            }
            assert!(ground.stored() == before);
        }
    }
}
