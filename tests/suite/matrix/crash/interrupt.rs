//! Asked to stop: SIGINT, SIGTERM and SIGHUP at any moment, twice, and a run that was stopped (X37).
//!
//! That a run ends within two seconds is not measured. It ends while the service is silent, and
//! would be for ever, with a patience of ten minutes: only who hears the signal ends at all.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal as Traced;
use rustix::process::Signal;

use super::sweep::{Told, requests};
use super::trials::{Asked, Fetching, Sending, Testing, Trial, drive, local, yandex};
use crate::support::fake::rules::Moment;
use crate::support::invariants::{Ground, Watch};
use crate::support::outgoing::until;
use crate::support::tracer::{Deed, Step};
use crate::support::{Outcome, Sandbox, signal};

/// The signals, and the codes they end with.
const ORDERS: [(Signal, Traced, i32); 3] = [
    (Signal::INT, Traced::SIGINT, 130),
    (Signal::TERM, Traced::SIGTERM, 143),
    (Signal::HUP, Traced::SIGHUP, 129),
];

/// Interrupts one run after the other, each at another request, while the service is silent.
fn at_each_request<T: Trial<Ground: Asked>>(mut trial: T) {
    let asked = requests(&mut trial);
    let moments = [Moment::BeforeWork, Moment::AfterWork, Moment::Body(100)];
    for (index, (op, nth)) in asked.into_iter().enumerate() {
        for at in moments {
            if matches!(at, Moment::Body(_)) && !T::Ground::is_media(op) {
                continue;
            }
            let (order, _, code) = ORDERS[index % ORDERS.len()];
            trial.prepare();
            let _told = Told(format!("{order:?} at {op:?} {nth} {at:?}"));
            let watch = trial.watch();
            let hold = trial.ground().hold(op, nth, at);
            let call = trial.call().env("VERTEX_BACKUP_TIMEOUT", "10m");
            let mut child = call.spawn();
            hold.reached();
            signal(&child, order);
            until("the end", || child.try_wait().unwrap().is_some());
            let sandbox = trial.ground().sandbox();
            let outcome = Outcome::of(&child.wait_with_output().unwrap(), sandbox);
            drop(hold);
            trial.ground().is_idle();
            ends_well(&trial, &watch, &outcome, code);
        }
    }
}

/// Interrupts one run after the other, each a step further on the file system.
fn at_each_step<T: Trial>(mut trial: T) {
    for nth in 1.. {
        let (_, order, code) = ORDERS[nth % ORDERS.len()];
        trial.prepare();
        let watch = trial.watch();
        let (outcome, is_reached) = trial.call().at_step(nth, Deed::Signal(order));
        let _told = Told(format!("{order} at step {nth}: {outcome:?}"));
        if !is_reached {
            outcome.code(0);
            return trial.is_done();
        }
        if outcome.code == 0 {
            // All was done already.
            watch.holds_after(&outcome);
            trial.is_done();
        } else {
            ends_well(&trial, &watch, &outcome, code);
        }
    }
}

/// What an interrupted run says, what it leaves, and that the next run ends well.
fn ends_well<T: Trial>(trial: &T, watch: &Watch<'_>, outcome: &Outcome, code: i32) {
    assert_eq!(outcome.code, code, "{outcome:?}");
    watch.holds_after(outcome);
    trial.is_sound();
    let lines = lines(&outcome.stderr);
    let count = |word: &str| lines.get(word).copied().unwrap_or_default();
    assert_eq!((count("error"), count("hint")), (1, 1), "{outcome:?}");
    assert!(outcome.stderr.contains("nterrupted by SIG"), "{outcome:?}");
    let told = outcome.stderr.lines().filter(|line| line.contains("kept"));
    let told = told.count();
    assert!(told <= 1, "{outcome:?}");
    let left = unfinished(trial.ground());
    assert!(
        left.is_empty() || told == 1,
        "{left:?} is left, and nothing told of it: {outcome:?}"
    );
    let history = trial
        .ground()
        .sandbox()
        .json(0, ["history", "--limit", "1"]);
    let verdict = &history["runs"][0]["verdict"];
    assert!(verdict == "interrupted" || verdict == "ok", "{history}");
    let words = trial.words();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    watch.settles(&words);
    trial.is_done();
}

/// How many lines begin with each word.
fn lines(text: &str) -> BTreeMap<&str, usize> {
    let mut count = BTreeMap::new();
    for line in text.lines() {
        let word = line.split(':').next().unwrap_or_default();
        *count.entry(word).or_default() += 1;
    }
    count
}

/// Everything of ours that has no final name, there and here.
fn unfinished(ground: &dyn Ground) -> Vec<String> {
    let there = ground.stored().into_iter().map(|(path, _)| path);
    let here = Sandbox::files_below(ground.sandbox().path()).into_iter();
    there
        .chain(here)
        .filter(|path| path.contains("vertex-backup-partial-") || path.ends_with(".partial"))
        .collect()
}

#[test]
fn x37_local_a_signal_at_each_step_of_a_sync() {
    at_each_step(Sending::new(local()));
}

#[test]
fn x37_local_a_signal_at_each_step_of_a_download() {
    at_each_step(Fetching::new(local()));
}

#[test]
fn x37_local_a_signal_at_each_step_of_a_restore_test_leaves_no_scratch() {
    at_each_step(Testing::new(local()));
}

#[test]
fn x37_yandex_a_signal_at_each_request_of_a_sync() {
    at_each_request(Sending::new(yandex()));
}

#[test]
fn x37_drive_a_signal_at_each_request_of_a_sync() {
    at_each_request(Sending::new(drive()));
}

#[test]
fn x37_yandex_a_signal_at_each_request_of_a_download() {
    at_each_request(Fetching::new(yandex()));
}

#[test]
fn x37_drive_a_signal_at_each_request_of_a_download() {
    at_each_request(Fetching::new(drive()));
}

#[test]
fn x37_a_second_signal_ends_the_run_at_once() {
    let mut trial = Sending::new(local());
    for nth in 1.. {
        let (_, order, code) = ORDERS[nth % ORDERS.len()];
        trial.prepare();
        let watch = trial.watch();
        let mut last = 0;
        let outcome = trial.call().trace(&mut |step: &Step| {
            last = step.number;
            if step.number == nth || step.number == nth + 1 {
                Deed::Signal(order)
            } else {
                Deed::Go
            }
        });
        if last <= nth {
            break;
        }
        let _told = Told(format!("{order} at step {nth} and the next: {outcome:?}"));
        assert_eq!((last, outcome.code), (nth + 1, code));
        watch.holds();
        trial.is_sound();
        trial.call().run().code(0);
        trial.is_done();
    }
}

/// Stops runs for longer than they would wait for a service that is silent: it was not, as far as
/// they can know. The pause is the fault itself.
fn is_stopped_at<T: Trial<Ground: Asked>>(mut trial: T) {
    let asked = requests(&mut trial);
    let moments = [Moment::BeforeWork, Moment::AfterWork, Moment::Body(100)];
    let mut seen = Vec::new();
    for (op, nth) in asked {
        // Of each kind of request the first.
        if seen.contains(&op) {
            continue;
        }
        seen.push(op);
        let at = moments[usize::from(T::Ground::is_media(op)) * 2];
        trial.prepare();
        let watch = trial.watch();
        let before = trial.ground().ops().len();
        let hold = trial.ground().hold(op, nth, at);
        let call = trial.call().env("VERTEX_BACKUP_TIMEOUT", "1s");
        let child = call.spawn();
        hold.reached();
        signal(&child, Signal::STOP);
        thread::sleep(Duration::from_millis(1500));
        signal(&child, Signal::CONT);
        drop(hold);
        let sandbox = trial.ground().sandbox();
        let outcome = Outcome::of(&child.wait_with_output().unwrap(), sandbox);
        let _told = Told(format!("stopped at {op:?} {nth} {at:?}: {outcome:?}"));
        let outcome = outcome.code(0);
        watch.holds_after(&outcome);
        trial.is_done();
        // Nothing was asked for twice.
        let again = trial.ground().ops().split_off(before);
        trial.prepare();
        let before = trial.ground().ops().len();
        trial.call().run().code(0);
        assert_eq!(again, trial.ground().ops().split_off(before));
    }
}

#[test]
fn x37_yandex_a_run_that_was_stopped_goes_on() {
    is_stopped_at(Sending::new(yandex()));
    is_stopped_at(Fetching::new(yandex()));
}

#[test]
fn x37_drive_a_run_that_was_stopped_goes_on() {
    is_stopped_at(Sending::new(drive()));
    is_stopped_at(Fetching::new(drive()));
}
