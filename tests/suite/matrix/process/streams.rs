//! Stdin, stdout and stderr closed, full, or left by whoever read them (X45).
//!
//! The rest of this number is in `bad_input.rs`.
//!
//! A stream that is closed from the start is `/dev/null` by the time the command looks at
//! it: Rust's start-up opens that in its place, so that no file of ours can land there. So
//! a result for a closed stdout is like one for `> /dev/null`, and no failure.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use super::{shell, through_shell};
use crate::support::backups::noise;
use crate::support::invariants::{DIRECTORY, Ground, Watch, grounds};
use crate::support::{Call, DB, Outcome, Sandbox};

const FILE: &str = "backups/database/db_backup_20250131_040000.db";
const SIDECAR: &str = "db_backup_20250131_040000.json";

/// A stream whose reader has gone.
fn left() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// A disk without room.
fn full() -> Stdio {
    let file = fs::OpenOptions::new().write(true).open("/dev/full");
    file.unwrap().into()
}

/// The commands that only tell something.
const LISTS: [&[&str]; 13] = [
    &["config", "list"],
    &["config", "get", "acme-corp"],
    &["company", "list"],
    &["company", "show", "acme-corp"],
    &["providers", "--all"],
    &["providers", "info", "local"],
    &["files", "acme-corp"],
    &["status"],
    &["history"],
    &["backup", "list"],
    &["retention", "list"],
    &["verify", "acme-corp"],
    &["prune", "--all", "--dry-run"],
];

#[test]
fn x45_a_list_that_nobody_reads_ends_quietly_and_a_document_does_not() {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp", FILE, "-q"]).code(0);
    let retention = ["retention", "set", "acme-corp", "--keep-last", "3", "-q"];
    sandbox.run(retention).code(0);
    for words in LISTS {
        let run = |form: fn() -> Stdio, json: &[&str]| {
            let mut call = sandbox.command([words, json].concat());
            call.command.stdout(form());
            call.run()
        };
        let gone = run(left, &[]);
        assert!(
            gone.code == 0 && !gone.stderr.contains("error"),
            "{words:?} {gone:?}"
        );
        // Whoever reads a document may hold half of it for all.
        let why = |gone: &Outcome, reason: &str| {
            let line = format!("error: cannot write the result to stdout: {reason}\n");
            let is_told = gone.code == 12 && gone.stderr.contains(&line);
            assert!(is_told, "{words:?} {reason} {gone:?}");
        };
        let left = run(left, &["--json"]);
        assert_eq!(left.code, 12, "{words:?} {left:?}");
        why(&run(full, &[]), "no space left on device");
        why(&run(full, &["--json"]), "no space left on device");
    }
}

/// Whoever reads the first lines only has seen enough: `| head -n 1`.
#[test]
fn x45_a_long_list_whose_reader_leaves_ends_quietly() {
    let sandbox = Sandbox::new();
    sandbox.companies(5000, "local");
    for command in ["config list", "company list", "status"] {
        let line = format!("\"$0\" {command} 2>/dev/null | head -n 1");
        let run = through_shell(sandbox.command([""; 0]), &line).run().code(0);
        assert_eq!(run.stdout.lines().count(), 1, "{command} {run:?}");
    }
    // And its code says that it went well.
    let mut list = sandbox.command(["config", "list"]).spawn();
    let mut stdout = list.stdout.take().unwrap();
    std::io::Read::read_exact(&mut stdout, &mut [0]).unwrap();
    drop(stdout);
    let output = list.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
}

/// `acme-corp`'s backups by what is stored of them.
fn stored(ground: &dyn Ground) -> usize {
    let names = ground.stored().into_iter().map(|(name, _)| name);
    let ours = names.filter(|name| name.starts_with(DIRECTORY));
    let ours = ours.filter(|name| Path::new(name).extension().is_some_and(|end| end == "db"));
    ours.filter(|name| !name.contains("partial")).count()
}

/// Work is done to its end, whoever reads of it or not, and its code says whether the
/// result could be told.
#[test]
fn x45_work_is_finished_whatever_becomes_of_its_output() {
    for ground in grounds() {
        let sandbox = ground.sandbox();
        sandbox.without_backups();
        let mut expected = 0;
        for (number, (form, json, code)) in [
            (left as fn() -> Stdio, false, 0),
            (left, true, 12),
            (full, false, 12),
            (full, true, 12),
        ]
        .into_iter()
        .enumerate()
        {
            for day in 1..=3 {
                let name = format!("db_backup_202501{:02}_020000.db", number * 3 + day);
                let bytes = noise(number as u64 * 3 + day as u64, 3000);
                sandbox.backup("backups/database", &name, &bytes);
            }
            expected += 3;
            let json: &[&str] = if json { &["--json"] } else { &[] };
            for words in [&["sync", "--all"][..], &["sync", "acme-corp"]] {
                let mut call = ground.call(&[words, json].concat());
                call.command.stdout(form());
                let run = call.run();
                let what = format!("{} {words:?} {number} {run:?}", ground.provider());
                // A company of the fixture has a provider that is not configured.
                let partial =
                    code == 0 && words[1] == "--all" && ground.provider() != "google_drive";
                assert_eq!(run.code, if partial { 3 } else { code }, "{what}");
                assert_eq!(stored(&*ground), expected, "{what}");
            }
        }
        sandbox.run(["history", "--check"]).code(0);
    }
}

/// Nobody hears what goes to stderr: that is no reason to stop, nor to fail.
#[test]
fn x45_a_stderr_that_nobody_reads_stops_nothing() {
    for ground in grounds() {
        let sandbox = ground.sandbox();
        for (number, (form, mode)) in [
            (left as fn() -> Stdio, "plain"),
            (left, "json"),
            (full, "bar"),
            (full, "json"),
        ]
        .into_iter()
        .enumerate()
        {
            let name = format!("n{number}.db");
            sandbox.write(&name, noise(number as u64, 3000));
            let words = ["sync", "acme-corp", &name, "-vv", "--progress", mode];
            let mut call = ground.call(&words);
            call.command.stderr(form());
            let run = call.run().code(0);
            assert_eq!(stored(&*ground), number + 1, "{mode} {run:?}");
            // Nor does an error: its code is left.
            let mut call = ground.call(&["sync", "acme-corp", "none.db", "--json"]);
            call.command.stderr(form());
            assert_eq!(call.run().code(4).json()["exit_code"], 4);
        }
    }
}

/// Without stdin there is nobody to ask, and no secret.
#[test]
fn x45_a_closed_stdin_is_an_empty_one() {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp", FILE, "-q"]).code(0);
    let run = |words: &[&str]| through_shell(sandbox.command(words), "\"$0\" \"$@\" <&-").run();
    run(&["providers", "set", "yandex_disk", "--token-stdin"])
        .code(2)
        .stderr_has("came from stdin");
    run(&["delete", "acme-corp", DB]).code(10);
    run(&["files", "acme-corp"]).code(0);
    assert!(sandbox.remote("acme-corp").join(DB).exists());
}

/// With all three closed, the first files that are opened would be stdin, stdout and stderr,
/// and what is said would be written into them.
#[test]
fn x45_no_file_takes_the_place_of_a_closed_stream() {
    for ground in grounds() {
        let sandbox = ground.sandbox();
        let bytes = |name| fs::read(sandbox.file("backups/database").join(name)).unwrap();
        let watch = Watch::over(&*ground)
            .may_store(DB, &bytes(DB))
            .may_store(SIDECAR, &bytes(SIDECAR))
            .may_hold("back.db", &bytes(DB));
        let closed = |words: &[&str], streams: &str| {
            let line = format!("exec \"$0\" \"$@\" {streams}");
            through_shell(ground.call(words), &line).run()
        };
        for streams in ["<&- >&- 2>&-", ">&-", "2>&-", "<&- >&-"] {
            let what = format!("{} {streams}", ground.provider());
            for words in [
                &["sync", "acme-corp", FILE, "-vv", "--json"][..],
                &["sync", "acme-corp", "none.db", "-vv"],
                &[
                    "download",
                    "acme-corp",
                    DB,
                    "-o",
                    "back.db",
                    "--force",
                    "-vv",
                ],
                &["verify", "acme-corp", "--download", "-vv"],
                &["config", "list", "-vv"],
                &["providers", "--all", "-vv"],
                &["history", "-vv"],
            ] {
                let code = if words.contains(&"none.db") { 4 } else { 0 };
                let run = closed(words, streams);
                assert_eq!(run.code, code, "{what} {words:?} {run:?}");
            }
            watch.holds();
            sandbox.run(["history", "--check"]).code(0);
            let back = fs::read(sandbox.file("back.db")).unwrap();
            assert!(back == bytes(DB), "{what}");
            fs::remove_file(sandbox.file("back.db")).unwrap();
        }
        watch.settles(&["sync", "acme-corp", FILE]);
    }
}

/// A file that goes to stdout is whole there, or the code says that it is not.
#[test]
fn x45_a_file_that_stdout_does_not_take_is_an_error() {
    for ground in grounds() {
        let sandbox = ground.sandbox();
        let big = noise(5, 3_000_000);
        sandbox.write("big.tar", &big);
        ground
            .call(&["sync", "acme-corp", "big.tar", "-q"])
            .run()
            .code(0);
        let download = || ground.call(&["download", "acme-corp", "big.tar", "-o", "-"]);
        for form in [left as fn() -> Stdio, full] {
            let mut call: Call<'_> = download();
            call.command.stdout(form());
            let run = call.run().code(12);
            assert!(run.stderr.contains("cannot write to stdout"), "{run:?}");
        }
        // Cut by a reader that has had enough of it.
        let line = "{ \"$0\" \"$@\"; echo $? > code; } | head -c 100000 > part";
        let cut = through_shell(download(), line).run();
        let code = fs::read_to_string(sandbox.file("code")).unwrap();
        assert_eq!(code.trim(), "12", "{} {cut:?}", ground.provider());
        let part = fs::read(sandbox.file("part")).unwrap();
        assert!(part == big[..100_000], "{}", ground.provider());
    }
}

/// What the parser of the command line prints by itself goes the same way.
#[test]
fn x45_help_and_version_that_cannot_be_written_are_errors() {
    let sandbox = Sandbox::new();
    for words in [
        &["--version"][..],
        &["--help"],
        &["sync", "--help"],
        &["-V"],
        &["man"],
        &["completions", "zsh"],
    ] {
        let run = |form: fn() -> Stdio| {
            let mut call = sandbox.command(words);
            call.command.stdout(form());
            call.run()
        };
        run(full).code(12).stderr_has("no space left on device");
        run(left).code(0).stderr("");
        // Nor does it matter what is wrong with the other streams.
        shell(sandbox.command(words), "exec <&- 2>&-").run().code(0);
    }
    for words in [&["nonsense"][..], &["sync"], &["--json", "nonsense"]] {
        let mut call = sandbox.command(words);
        call.command.stdout(full()).stderr(left());
        let code = call.run().code;
        assert_eq!(code, if words[0] == "--json" { 12 } else { 2 }, "{words:?}");
    }
}
