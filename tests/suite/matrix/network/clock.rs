//! A clock that is wrong, or is set while a command runs (N14).
//!
//! What is told of our clock by comparing it with a service's is in `drive_token`
//! (`n14_a_wrong_clock_is_named`), what TLS makes of it in `tls`, dates of a service in
//! `waits`. Tokens end by a clock that nobody can set, counted from when they were asked for
//! (`protocols/google_drive.md` §2.1), not by the service's `Date` as the matrix has it: a
//! `Date` says nothing of the time between two answers either.

use serde_json::{Value, json};

use super::line::{DOWNLOAD, Fault, NAME, SYNC, Step, content, downloads, lines, uploads, whole};
use crate::support::fake::rules::When;
use crate::support::{DB, Sandbox};

const DAY: &str = "86400";

/// By a day too late, a day too early, and by a clock that jumps between both at each look.
const CLOCKS: [&str; 5] = [
    "86400",
    "-86400",
    "86400,-86400",
    "0,0,0,0,0,0,-86400",
    "3600,0",
];

#[test]
fn n14_whatever_the_clock_says_backups_go_and_come() {
    for clock in CLOCKS {
        for line in uploads() {
            // Waits are in it, too.
            for step in [Step::Account, Step::Begin, Step::Send, Step::Name] {
                line.breaks(step, When::Nth(1), whole("503 No\r\nRetry-After: 1", b""));
            }
            let call = line.call(&SYNC).env("VERTEX_BACKUP_RETRY_PAUSE", "20ms");
            call.by_clock(clock).run().code(0);
            let stored = line.stored();
            assert!(
                stored
                    .iter()
                    .any(|(path, bytes)| path.ends_with(NAME) && *bytes == content())
            );
            line.sandbox().run(["history", "--check"]).code(0);
            let outcome = line.call(&SYNC).by_clock(clock).run();
            assert_eq!(outcome.code, 0, "{clock}: {}", outcome.stderr);
        }
        for line in downloads() {
            line.breaks(Step::Fetch, When::Nth(1), Fault::CloseAt(100_000));
            line.call(&DOWNLOAD).by_clock(clock).run().code(0);
            let came = std::fs::read(line.sandbox().file(super::line::OUT)).unwrap();
            assert!(came == content(), "{clock}");
        }
    }
}

#[test]
fn n14_a_run_is_not_shortened_by_a_clock_that_is_set() {
    // Silence is measured by a clock that nobody sets: it lasts as long as it lasts.
    for clock in ["0,86400", "86400,0"] {
        for line in lines() {
            line.put(NAME, &content());
            let told = line
                .call(&["files", "acme-corp"])
                .by_clock(clock)
                .run()
                .code(0);
            assert!(
                !told.stderr.contains("retrying"),
                "{clock}: {}",
                told.stderr
            );
        }
    }
}

/// The state of affairs of `acme-corp`, by a clock.
fn status(sandbox: &Sandbox, clock: &str, code: i32) -> (Value, String) {
    let words = [
        "status",
        "acme-corp",
        "--no-check",
        "--max-age",
        "26h",
        "--json",
    ];
    let outcome = sandbox.command(words).by_clock(clock).run().code(code);
    (outcome.json()["companies"][0].clone(), outcome.stderr)
}

#[test]
fn n14_a_backup_from_the_future_is_not_called_the_newest() {
    let sandbox = Sandbox::assigned();
    // Stored when the clock was ten days ahead; then it was put right.
    let file = format!("backups/database/{DB}");
    let sync = ["sync", "acme-corp", &file, "-q"];
    sandbox.command(sync).by_clock("864000").run().code(0);
    let (told, said) = status(&sandbox, "0", 9);
    assert_eq!(told["health"], "stale", "{told}");
    assert!(
        said.contains("warning: a backup of 'acme-corp' is from the future"),
        "{said}"
    );
    // One made now is the newest, whatever that one says of itself.
    let future = "db_backup_29990101_040000.db";
    let now = "db_backup_20260101_040000.db";
    sandbox.backup("made", future, b"made by a wrong clock");
    sandbox.backup("made", now, b"made by a right one");
    for name in [future, now] {
        let path = format!("made/{name}");
        sandbox.run(["sync", "acme-corp", &path, "-q"]).code(0);
    }
    let (told, said) = status(&sandbox, "0", 0);
    assert_eq!(told["health"], "ok", "{told}");
    assert_eq!(told["newest"][0]["name"], now, "{told}");
    assert!(
        said.contains("2 backups of 'acme-corp' are from the future"),
        "{said}"
    );
    // An hour ahead is what summer time does, and no word is lost about it.
    let summer = Sandbox::assigned();
    summer.command(sync).by_clock("3600").run().code(0);
    let (told, said) = status(&summer, "0", 0);
    assert_eq!((&told["health"], said.as_str()), (&json!("ok"), ""));
}

#[test]
fn n14_by_a_wrong_clock_nothing_is_removed_that_is_needed() {
    // The rule is by age. By a clock a day behind, some are from the future, and stay; by one
    // a day ahead, what is due tomorrow is due today, but never the newest verified one.
    for clock in [DAY, "-86400", "864000000"] {
        let sandbox = Sandbox::assigned();
        sandbox.run(["sync", "acme-corp", "-q"]).code(0);
        let set = ["retention", "set", "acme-corp", "--keep-last", "1"];
        sandbox.run(set).code(0);
        let words = ["prune", "acme-corp", "--yes", "--json"];
        let told = sandbox.command(words).by_clock(clock).run().code(0).json();
        let listed = sandbox.json(0, ["files", "acme-corp"]);
        let listed = listed.to_string();
        assert!(listed.contains(DB), "{clock}: {told}");
    }
}
