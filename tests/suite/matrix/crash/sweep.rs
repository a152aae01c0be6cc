//! A process that is killed at each step it takes, and at each request it makes (X35, X36).
//!
//! Nothing is picked by hand. A first run, which nothing disturbs, is counted; then one run after
//! the other is killed one step further, until one gets to its end before its step comes. After
//! each the invariants hold, the history calls the run interrupted, and the same command again ends
//! well, with nothing left over.

use std::thread;

use serde_json::Value;

use super::trials::{Asked, Fetching, Sending, Testing, Trial, drive, local, yandex};
use crate::support::fake::rules::Moment;
use crate::support::invariants::{Ground, Watch};
use crate::support::tracer::{Deed, Step};

/// Runs go on beside each other, each on a ground of its own.
const BESIDE: usize = 2;

/// After so many steps the ground is a new one: what all runs left there would make them slow.
const RENEWED: usize = 20 * BESIDE;

/// Kills one run after the other, each a step further. Nothing that is killed has fewer steps.
fn at_each_step<T: Trial>(make: impl Fn() -> T + Sync, at_least: usize) {
    thread::scope(|scope| {
        for first in 1..=BESIDE {
            let make = &make;
            scope.spawn(move || {
                let mut trial = make();
                trial.prepare();
                let (outcome, steps) = trial.call().steps();
                outcome.code(0);
                trial.is_done();
                let count = steps.len();
                assert!(count >= at_least, "{count} steps: {steps:?}");
                let mut nth = first;
                while is_killed(&mut trial, nth) {
                    nth += BESIDE;
                    if nth % RENEWED < BESIDE {
                        trial = make();
                    }
                }
                // A step more or less: it depends on what the state has room for.
                assert!(nth + 8 >= count, "ended at step {nth} of {count}");
            });
        }
    });
}

/// Kills a run at a step, if it comes so far.
fn is_killed<T: Trial>(trial: &mut T, nth: usize) -> bool {
    trial.prepare();
    let watch = trial.watch();
    let mut at = None;
    let outcome = trial.call().trace(&mut |step: &Step| {
        if step.number != nth {
            return Deed::Go;
        }
        at = Some(step.clone());
        Deed::Kill
    });
    let Some(step) = at else {
        outcome.code(0);
        watch.holds();
        trial.is_done();
        return false;
    };
    let _told = Told(format!("killed before {step:?}"));
    outcome.code(-9);
    ends_well(trial, &watch);
    true
}

/// What holds after a kill, and that the next run ends well.
fn ends_well<T: Trial>(trial: &T, watch: &Watch<'_>) {
    watch.holds();
    trial.is_sound();
    let words = trial.words();
    let last = last_run(trial.ground(), &words[0]);
    if let Some(last) = &last {
        assert!(["ok", "interrupted"].contains(&verdict(last)), "{last}");
    }
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    watch.settles(&words);
    trial.is_done();
    let now = last_run(trial.ground(), words[0]).unwrap();
    assert!(["ok", "skipped"].contains(&verdict(&now)), "{now}");
    assert!(last.is_none_or(|last| last["run"] != now["run"]));
}

/// The newest run of that operation.
fn last_run(ground: &dyn Ground, operation: &str) -> Option<Value> {
    let told = ground.sandbox().json(0, ["history", "--limit", "2"]);
    let runs = told["runs"].as_array().unwrap().clone();
    let mut runs = runs.into_iter();
    runs.find(|run| run["operation"] == operation)
}

fn verdict(run: &Value) -> &str {
    run["verdict"].as_str().unwrap()
}

/// Says on a failure where it was.
pub struct Told(pub String);

impl Drop for Told {
    #[expect(
        clippy::print_stderr,
        reason = "a panic can say only what it is about itself"
    )]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

/// Kills one run after the other, each at another request, before the service has done it and after.
fn at_each_request<T: Trial<Ground: Asked>>(make: impl Fn() -> T + Sync, at_least: usize) {
    let moments = [Moment::BeforeWork, Moment::AfterWork, Moment::Body(100)];
    thread::scope(|scope| {
        for moment in moments {
            let make = &make;
            scope.spawn(move || {
                let mut trial = make();
                let asked = requests(&mut trial);
                assert!(asked.len() >= at_least, "{asked:?}");
                for (op, nth) in asked {
                    let is_body = matches!(moment, Moment::Body(_));
                    if !is_body || T::Ground::is_media(op) {
                        kill_at(&mut trial, (op, nth, moment));
                    }
                }
            });
        }
    });
}

pub type Op<T> = <<T as Trial>::Ground as Asked>::Op;

/// The requests of a run that nothing disturbs: of which kind, and the how manieth of it.
pub fn requests<T: Trial<Ground: Asked>>(trial: &mut T) -> Vec<(Op<T>, usize)> {
    trial.prepare();
    let before = trial.ground().ops().len();
    trial.call().run().code(0);
    trial.is_done();
    let ops = trial.ground().ops().split_off(before);
    let numbered = ops.iter().enumerate().map(|(index, op)| {
        let same = ops[..=index].iter().filter(|other| *other == op);
        (*op, same.count())
    });
    numbered.collect()
}

fn kill_at<T: Trial<Ground: Asked>>(trial: &mut T, at: (Op<T>, usize, Moment)) {
    trial.prepare();
    let _told = Told(format!("killed at {at:?}"));
    let watch = trial.watch();
    let hold = trial.ground().hold(at.0, at.1, at.2);
    let mut child = trial.call().spawn();
    hold.reached();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(hold);
    trial.ground().is_idle();
    ends_well(trial, &watch);
}

#[test]
fn x35_local_killed_at_each_step_of_a_sync() {
    at_each_step(|| Sending::new(local()), 100);
}

#[test]
fn x35_yandex_killed_at_each_step_of_a_sync() {
    at_each_step(|| Sending::new(yandex()), 80);
}

#[test]
fn x35_drive_killed_at_each_step_of_a_sync() {
    at_each_step(|| Sending::new(drive()), 80);
}

#[test]
fn x35_yandex_killed_at_each_request_of_a_sync() {
    at_each_request(|| Sending::new(yandex()), 10);
}

#[test]
fn x35_drive_killed_at_each_request_of_a_sync() {
    at_each_request(|| Sending::new(drive()), 10);
}

#[test]
fn x36_local_killed_at_each_step_of_a_download_that_joins() {
    at_each_step(|| Fetching::new(local()), 30);
}

#[test]
fn x36_yandex_killed_at_each_step_of_a_download_that_joins() {
    at_each_step(|| Fetching::new(yandex()), 30);
}

#[test]
fn x36_drive_killed_at_each_step_of_a_download_that_joins() {
    at_each_step(|| Fetching::new(drive()), 30);
}

#[test]
fn x36_yandex_killed_at_each_request_of_a_download_that_joins() {
    at_each_request(|| Fetching::new(yandex()), 5);
}

#[test]
fn x36_drive_killed_at_each_request_of_a_download_that_joins() {
    at_each_request(|| Fetching::new(drive()), 5);
}

#[test]
fn x36_local_killed_at_each_step_of_a_restore_test() {
    at_each_step(|| Testing::new(local()), 30);
}

#[test]
fn x36_yandex_killed_at_each_step_of_a_restore_test() {
    at_each_step(|| Testing::new(yandex()), 30);
}

#[test]
fn x36_drive_killed_at_each_step_of_a_restore_test() {
    at_each_step(|| Testing::new(drive()), 30);
}

#[test]
fn x36_yandex_killed_at_each_request_of_a_restore_test() {
    at_each_request(|| Testing::new(yandex()), 5);
}

#[test]
fn x36_drive_killed_at_each_request_of_a_restore_test() {
    at_each_request(|| Testing::new(drive()), 5);
}
