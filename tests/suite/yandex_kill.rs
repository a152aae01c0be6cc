//! Runs that are killed while they upload to Yandex Disk, at every step.
//!
//! After the kill the final name holds what it held or what was sent, and beside it is at
//! most what the next run knows of. That run sends nothing again that had arrived.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::backups::noise;
use crate::support::cloud::Cloud;
use crate::support::fake_yandex::{FakeYandex, Fault, Moment, Op, Request, When};
use crate::support::{Call, Outcome, signal};
use crate::yandex_upload::{NAME, OLD, Upload, ended, until};

/// Kills a run at a moment. What it asked for is done, though nobody waits for it any more.
#[track_caller]
fn kill_at(fake: &FakeYandex, call: Call<'_>, (op, nth, at): (Op, usize, Moment)) {
    let hold = fake.hold(op, nth, at);
    let mut child = call.spawn();
    hold.reached();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(hold);
    is_done(fake);
}

/// Waits until the service has nothing to do; a body that broke off is never answered.
#[track_caller]
pub fn is_done(fake: &FakeYandex) {
    let answered = |request: &Request| request.status.is_some() || request.op == Op::Put;
    until("the end of its work", || {
        fake.requests().iter().all(answered)
    });
}

/// What a kill may leave: the name old or new, and one name of ours at the most.
#[track_caller]
fn is_sound(upload: &Upload, old: Option<&Vec<u8>>) {
    let content = upload.cloud.content(NAME);
    assert!(content.as_ref() == old || content.as_ref() == Some(&upload.bytes));
    let staged = upload.staged();
    let all = usize::from(content.is_some()) + usize::from(staged.is_some());
    assert_eq!(upload.names().len(), all);
}

#[test]
fn x35_a_killed_upload_is_finished_by_the_next_run() {
    // A step, the how manieth of its kind, and how many PUTs there are in the end.
    let steps = [
        (Op::Disk, 1, Moment::AfterWork, 1),
        (Op::Link, 1, Moment::BeforeWork, 1),
        (Op::Link, 1, Moment::AfterWork, 1),
        (Op::Put, 1, Moment::BeforeWork, 2),
        (Op::Put, 1, Moment::Body(1000), 2),
        (Op::Put, 1, Moment::AfterWork, 1),
        // The looks are for the name, at what is staged, and at the name it was given.
        (Op::Stat, 2, Moment::BeforeWork, 1),
        (Op::Move, 1, Moment::BeforeWork, 1),
        (Op::Move, 1, Moment::AfterWork, 1),
        (Op::Stat, 3, Moment::AfterWork, 1),
    ];
    for make in [Upload::new, Upload::replacing] {
        for (op, nth, at, puts) in steps {
            let mut upload = make();
            if puts == 2 {
                upload = upload.larger();
            }
            let old = upload.cloud.content(NAME);
            kill_at(upload.fake(), upload.call(), (op, nth, at));
            is_sound(&upload, old.as_ref());
            upload.settled(puts);
        }
    }
}

#[test]
fn x35_what_the_server_still_stores_when_its_sender_dies_is_waited_for() {
    let upload = Upload::replacing().larger();
    let all = Moment::Body(upload.bytes.len() as u64);
    let arrived = upload.fake().hold(Op::Put, 1, all);
    let looked = upload.fake().hold(Op::Stat, 3, Moment::AfterWork);
    let mut child = upload.call().spawn();
    arrived.reached();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(upload.names(), [NAME]);
    // The next run looks for the name, and for what was sent: not there yet.
    let child = upload.call().spawn();
    looked.reached();
    drop((arrived, looked));
    ended(child, &upload).code(0);
    upload.settled(1);
}

#[test]
fn x35_what_arrives_after_it_was_sent_again_is_removed() {
    let upload = Upload::replacing();
    let all = Moment::Body(upload.bytes.len() as u64);
    let arrived = upload.fake().hold(Op::Put, 1, all);
    let mut child = upload.call().spawn();
    arrived.reached();
    child.kill().unwrap();
    child.wait().unwrap();
    // So little is sent again sooner than waited for.
    upload.send(0);
    assert_eq!((upload.puts(), upload.noted()), (2, 1));
    drop(arrived);
    until("the late arrival", || upload.staged().is_some());
    upload.settled(2);
}

#[test]
fn x35_what_was_put_aside_is_never_lost() {
    // The server replaces nothing: the old file is moved aside, the new one into its place.
    let steps = [
        (Op::Move, 1, Moment::AfterWork),
        (Op::Move, 2, Moment::BeforeWork),
        (Op::Move, 2, Moment::AfterWork),
        (Op::Move, 3, Moment::BeforeWork),
        (Op::Move, 3, Moment::AfterWork),
        (Op::Delete, 1, Moment::BeforeWork),
        (Op::Delete, 1, Moment::AfterWork),
    ];
    for (op, nth, at) in steps {
        for is_changed in [false, true] {
            let mut upload = Upload::replacing();
            upload
                .fake()
                .on(Op::Move, When::Always, Fault::IgnoreOverwrite);
            kill_at(upload.fake(), upload.call(), (op, nth, at));
            let all: Vec<_> = upload
                .names()
                .iter()
                .map(|name| upload.cloud.content(name).unwrap())
                .collect();
            let is_new = upload.cloud.content(NAME).as_ref() == Some(&upload.bytes);
            assert!(
                is_new || all.iter().any(|content| content == OLD),
                "{:?}",
                upload.names()
            );
            if is_changed {
                // What was sent is of no use any more: the name has what it had, and gets another.
                upload.bytes = noise(8, 5000);
                upload.cloud.write(NAME, &upload.bytes);
                upload.cloud.write("other.tar", "x");
                upload.cloud.sync("other.tar").code(0);
                let content = upload.cloud.content(NAME).unwrap();
                assert!(content == OLD || is_new);
                upload.fake().remove(&Cloud::path("other.tar"));
            }
            upload.send(0);
            upload.settled(1 + 2 * usize::from(is_changed));
        }
    }
}

#[test]
fn x37_a_signal_ends_an_upload_and_the_next_run_goes_on() {
    for (op, at, order, code, puts) in [
        (Op::Put, Moment::Body(1000), Signal::TERM, 143, 2),
        (Op::Put, Moment::AfterWork, Signal::INT, 130, 1),
        (Op::Move, Moment::BeforeWork, Signal::HUP, 129, 1),
        (Op::Move, Moment::AfterWork, Signal::TERM, 143, 1),
    ] {
        let mut upload = Upload::replacing();
        if puts == 2 {
            upload = upload.larger();
        }
        let old = upload.cloud.content(NAME);
        let held = upload.fake().hold(op, 1, at);
        let mut child = upload.call().spawn();
        held.reached();
        signal(&child, order);
        // It ends while the server is silent.
        until("the end", || child.try_wait().unwrap().is_some());
        let told: Outcome = ended(child, &upload).code(code);
        told.stderr_has("error: Interrupted by SIG");
        drop(held);
        is_done(upload.fake());
        is_sound(&upload, old.as_ref());
        upload.settled(puts);
    }
}

/// A backup in three parts, of the content that belongs to a number, and what it stores.
fn split(cloud: &Cloud, seed: u64) -> Vec<(String, Vec<u8>)> {
    let parts = [seed, seed + 1, seed + 2].map(|seed| noise(seed, 1000));
    let folder = "backups/storage";
    let names = cloud.split(folder, "storage_backup_20250301_030000", &parts);
    let sidecar = names[0].replace(".gz", ".json");
    let text = std::fs::read(cloud.file(&format!("{folder}/{sidecar}"))).unwrap();
    let mut files: Vec<_> = names.into_iter().zip(parts).collect();
    files.push((sidecar, text));
    files.sort();
    files
}

#[test]
fn x35_a_killed_set_is_finished_by_the_next_run() {
    let stored = |cloud: &Cloud| -> Vec<_> {
        let all = cloud
            .names()
            .into_iter()
            .map(|name| (name.clone(), cloud.content(&name).unwrap()));
        all.collect()
    };
    let put = |nth| (Op::Put, nth, Moment::AfterWork);
    let moves = (1..=4)
        .flat_map(|nth| [Moment::BeforeWork, Moment::AfterWork].map(|at| (Op::Move, nth, at)));
    let steps = moves.chain([put(1), put(3), put(4), (Op::Delete, 1, Moment::AfterWork)]);
    for (op, nth, at) in steps {
        let cloud = Cloud::new();
        let old = split(&cloud, 1);
        let path = format!("backups/storage/{}", old[0].0);
        cloud.sync(&path).code(0);
        assert!(stored(&cloud) == old);
        let new = split(&cloud, 7);
        let call = cloud.call(["sync", "acme-corp", &path]);
        kill_at(&cloud.fake, call, (op, nth, at));
        // With a sidecar it is the one set or the other, whole.
        let found = stored(&cloud);
        let is_told = found.iter().any(|(name, _)| *name == old[1].0);
        let final_names = found
            .into_iter()
            .filter(|(name, _)| !name.starts_with("vertex-backup-partial-"));
        let found: Vec<_> = final_names.collect();
        assert!(!is_told || found == old || found == new);
        cloud.sync(&path).code(0);
        assert!(stored(&cloud) == new);
        assert_eq!(cloud.fake.count(Op::Put), 8);
        let verified: Value = cloud.json(0, ["verify", "acme-corp"]);
        assert_eq!(verified["success"], Value::Bool(true));
        cloud.run(["history", "--check"]).code(0);
    }
}

#[test]
fn x35_what_was_put_aside_is_back_before_another_backup_goes() {
    // Large enough for a note that all was sent, which keeps the upload for the run that wants it.
    let upload = Upload::replacing().larger();
    upload
        .fake()
        .on(Op::Move, When::Always, Fault::IgnoreOverwrite);
    let moved = (Op::Move, 2, Moment::AfterWork);
    kill_at(upload.fake(), upload.call(), moved);
    assert_eq!(upload.cloud.content(NAME), None);
    upload.cloud.write("other.tar", "x");
    upload.cloud.sync("other.tar").code(0);
    assert!(upload.cloud.content(NAME).unwrap() == OLD);
    upload.fake().remove(&Cloud::path("other.tar"));
    upload.settled(2);
}

#[test]
fn x35_what_was_put_aside_does_not_go_for_a_folder() {
    let upload = Upload::replacing();
    upload
        .fake()
        .on(Op::Move, When::Always, Fault::IgnoreOverwrite);
    kill_at(
        upload.fake(),
        upload.call(),
        (Op::Move, 2, Moment::AfterWork),
    );
    upload.fake().mkdir(&Cloud::path(NAME));
    upload.send(11);
    let kept = upload.names();
    let kept: Vec<_> = kept
        .iter()
        .filter_map(|name| upload.cloud.content(name))
        .collect();
    assert!(kept.iter().any(|content| content == OLD));
    upload.fake().remove(&Cloud::path(NAME));
    upload.settled(1);
}
