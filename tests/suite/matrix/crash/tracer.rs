//! The tracer itself: it sees all steps, and does to them what it is told.

use std::fs;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use super::trials::local;
use crate::support::tracer::{Act, Deed, Step};
use crate::support::{Outcome, Sandbox};

const FILE: &str = "backup.tar";
const CONTENT: &str = "0123456789";
const SYNC: [&str; 4] = ["sync", "acme-corp", FILE, "-q"];

/// A sync of a small file to the local provider, about to be done.
fn begun() -> Sandbox {
    let sandbox = local();
    sandbox.write(FILE, CONTENT);
    sandbox
}

fn is_unfinished(step: &Step) -> bool {
    step.name().starts_with("vertex-backup-partial-")
}

/// Runs the sync; this is done to such steps on the unfinished file. What they came to.
fn with(sandbox: &Sandbox, act: Act, deed: Deed) -> (Outcome, Vec<i64>) {
    struct One(Act, Deed, Vec<i64>);
    impl crate::support::tracer::Director for One {
        fn before(&mut self, step: &Step) -> Deed {
            let is_meant = is_unfinished(step) && step.act == self.0;
            if is_meant { self.1 } else { Deed::Go }
        }

        fn after(&mut self, step: &Step, result: i64) {
            if is_unfinished(step) && step.act == self.0 {
                self.2.push(result);
            }
        }
    }
    let mut one = One(act, deed, Vec::new());
    let outcome = sandbox.command(SYNC).trace(&mut one);
    (outcome, one.2)
}

#[test]
fn each_step_of_a_sync_is_seen() {
    let sandbox = begun();
    let (outcome, steps) = sandbox.command(SYNC).steps();
    outcome.code(0);
    let numbers: Vec<_> = steps.iter().map(|step| step.number).collect();
    assert_eq!(numbers, (1..=steps.len()).collect::<Vec<_>>());
    let of_the_file = steps.iter().filter(|step| is_unfinished(step));
    let acts: Vec<_> = of_the_file.map(|step| (step.act, step.count)).collect();
    let expected = [
        (Act::Remove, 0),
        (Act::Create, 0),
        (Act::Allocate, 0),
        (Act::Write, CONTENT.len() as u64),
        (Act::Sync, 0),
        (Act::Rename, 0),
    ];
    assert_eq!(acts, expected);
    // The folders on the way, the folder in the end, the state, and nothing outside.
    let folder = sandbox.remote("acme-corp");
    let does = |act, path| {
        steps
            .iter()
            .any(|step| step.act == act && step.path == path)
    };
    assert!(does(Act::MakeFolder, folder.clone()) && does(Act::Sync, folder));
    assert!(does(Act::Write, sandbox.state().with_extension("db-wal")));
    let is_outside = |step: &&Step| !step.path.starts_with(sandbox.path());
    assert_eq!(steps.iter().find(is_outside).map(|step| &step.path), None);
}

#[test]
fn a_step_before_which_the_run_is_killed_is_not_done() {
    let sandbox = begun();
    with(&sandbox, Act::Rename, Deed::Kill).0.code(-9);
    let [left] = &Sandbox::names_in(&sandbox.remote("acme-corp"))[..] else {
        panic!("one file is left");
    };
    assert!(left.starts_with("vertex-backup-partial-"));
    with(&begun(), Act::Rename, Deed::Signal(Signal::SIGKILL))
        .0
        .code(-9);
}

#[test]
fn a_step_that_fails_is_not_done_and_one_that_lies_neither() {
    let sandbox = begun();
    let (outcome, results) = with(&sandbox, Act::Write, Deed::Fail(Errno::EIO));
    outcome.code(12);
    assert_eq!(results, [-i64::from(Errno::EIO as i32)]);
    let (outcome, results) = with(&sandbox, Act::Write, Deed::Lie);
    outcome.code(7);
    // It was sent twice.
    assert_eq!(results, [10; 2]);
    assert_eq!(
        Sandbox::names_in(&sandbox.remote("acme-corp")),
        Vec::<String>::new()
    );
}

#[test]
fn a_short_write_writes_as_much_as_it_says() {
    let sandbox = begun();
    let (outcome, results) = with(&sandbox, Act::Write, Deed::Short(3));
    outcome.code(0);
    assert_eq!(results, [3, 3, 3, 1]);
    let stored = fs::read(sandbox.remote("acme-corp").join(FILE)).unwrap();
    assert_eq!(stored, CONTENT.as_bytes());
}
