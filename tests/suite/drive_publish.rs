//! What arrived on Google Drive is compared, and gets its name: the real binary against the fake.
//!
//! Names are not unique there: what else has one is told, and goes once a verified file has it.

use serde_json::{Value, json};

use crate::support::backups::noise;
use crate::support::drive::FOLDER;
use crate::support::fake_drive::{Fault, Op, When};
use crate::support::outgoing::{Faults, NAME, OLD, Outgoing, PIECES, failing, units};

fn no_hashes(md5: bool, sha256: bool) -> Fault {
    Fault::NoHashes { md5, sha256 }
}

/// The answer to the last piece lacks hashes.
fn unhashed(md5: bool, sha256: bool) -> Faults {
    vec![(Op::Chunk, When::Nth(PIECES), no_hashes(md5, sha256))]
}

#[test]
fn p15_what_the_last_answer_lacks_is_asked_for() {
    for make in [Outgoing::new, Outgoing::replacing] {
        for (md5, sha256) in [(false, true), (true, true)] {
            let upload = make().with(&unhashed(md5, sha256));
            upload.send(0);
            assert_eq!(upload.fake().count(Op::Media), 0);
            upload.settled_with(PIECES);
        }
    }
}

#[test]
fn p15_in_want_of_a_sha256_the_md5_does() {
    let mut faults = unhashed(false, true);
    for op in [Op::Get, Op::Update, Op::List] {
        faults.push((op, When::Always, no_hashes(false, true)));
    }
    let upload = Outgoing::new().with(&faults);
    upload.send(0);
    assert_eq!(upload.fake().count(Op::Media), 0);
    upload.settled_with(PIECES);
}

#[test]
fn p15_without_any_hash_it_is_read_back() {
    for is_damaged in [false, true] {
        let mut faults = unhashed(true, true);
        for op in [Op::Get, Op::Update, Op::List] {
            faults.push((op, When::Always, no_hashes(true, true)));
        }
        faults.push((Op::Chunk, When::Nth(PIECES * 2), no_hashes(true, true)));
        if is_damaged {
            faults.push((Op::Chunk, When::Nth(2), Fault::Corrupts));
        }
        let upload = Outgoing::new().with(&faults);
        let told = upload.send(0);
        let times = 1 + usize::from(is_damaged);
        assert_eq!(upload.fake().count(Op::Media), times, "{}", told.stderr);
        upload.settled_with(PIECES * times);
    }
}

#[test]
fn p15_hashes_that_come_and_go_prove_nothing_wrong() {
    for fault in [
        no_hashes(true, false),
        no_hashes(false, true),
        no_hashes(true, true),
    ] {
        let upload = Outgoing::replacing().with(&vec![(Op::Update, When::Nth(1), fault)]);
        upload.send(0);
        upload.settled_with(PIECES);
    }
}

#[test]
fn p24_a_page_of_somebody_else_is_no_end() {
    // A network that wants a login answers in its place: 200, and a page.
    for nth in [2, PIECES] {
        let page = (Op::Chunk, When::Nth(nth), Fault::Html(200));
        let upload = Outgoing::new().with(&vec![page, (Op::Get, When::Nth(2), Fault::Html(200))]);
        upload
            .send(0)
            .stderr_has("what answers is not Google Drive");
        assert_eq!(upload.fake().count(Op::Initiate), 1);
        upload.settled_with(PIECES + 1);
    }
}

#[test]
fn p15_a_size_that_is_wrong_is_no_match() {
    let shorter = Fault::edit(|file| file["size"] = json!("1"));
    let upload = Outgoing::replacing().with(&vec![(Op::Chunk, When::Nth(PIECES), shorter)]);
    upload
        .send(0)
        .stderr_has("was stored on google_drive with 1 bytes");
    upload.settled_with(PIECES * 2);
}

#[test]
fn p15_what_is_stored_wrong_is_sent_again_once() {
    for nth in [1, 3, PIECES] {
        for hidden in [false, true] {
            let mut faults = vec![(Op::Chunk, When::Nth(nth), Fault::Corrupts)];
            if hidden {
                // Only the MD5 tells.
                faults.extend(unhashed(false, true));
                faults.push((Op::Get, When::Always, no_hashes(false, true)));
            }
            let upload = Outgoing::replacing().with(&faults);
            upload.send(0).stderr_has("it is sent again");
            upload.settled_with(PIECES * 2);
        }
    }
}

#[test]
fn p15_what_is_stored_wrong_twice_is_given_up() {
    for make in [Outgoing::new, Outgoing::replacing] {
        let upload = make().with(&vec![(Op::Chunk, When::Always, Fault::Corrupts)]);
        let told = upload.fails(7);
        assert_eq!(told["code"], json!("integrity_failed"));
        assert!(told["expected"].is_string() && told["found"].is_string());
        assert_eq!(upload.chunks(), PIECES * 2);
        assert_eq!((upload.noted(), upload.partial()), (0, Vec::new()));
        let named: Vec<_> = upload.named().into_iter().map(|file| file.id).collect();
        let old: Vec<_> = upload.old.iter().map(|(_, id)| id.clone()).collect();
        assert_eq!(named, old);
        upload.is_sound();
        upload.settled_with(PIECES * 3);
    }
}

#[test]
fn p15_what_changes_before_it_gets_its_name_is_not_published() {
    // Somebody else writes to it between the last byte and the name.
    let upload = Outgoing::replacing();
    upload.fake().before(Op::Update, 1, |drive| {
        let all = drive.all();
        let ours = all.filter(|file| file.name.starts_with("vertex-backup-partial-"));
        let id = ours.map(|file| file.id.clone()).next().unwrap();
        drive.replace(&id, b"something else");
    });
    upload.fails(7);
    upload.is_sound();
    upload.settled();
}

#[test]
fn p23_what_vanishes_before_it_gets_its_name_is_sent_again() {
    for is_trashed in [false, true] {
        let upload = Outgoing::replacing();
        upload.fake().before(Op::Update, 1, move |drive| {
            let all = drive.all();
            let ours = all.filter(|file| file.name.starts_with("vertex-backup-partial-"));
            let id = ours.map(|file| file.id.clone()).next().unwrap();
            if is_trashed {
                drive.find_mut(&id).trashed = true;
            } else {
                drive.delete(&id);
            }
        });
        upload.send(0).stderr_has("'site.tar' is sent again");
        upload.is_sound();
        upload.settled_with(PIECES * 2);
    }
}

/// Another tool put files of that name beside each other; the ids, oldest first.
fn copies(upload: &Outgoing, contents: &[&[u8]]) -> Vec<String> {
    let folder = upload.fake().make_folders(&FOLDER);
    let put = |bytes: &&[u8]| upload.fake().put_file(&folder, NAME, bytes);
    contents.iter().map(put).collect()
}

#[test]
fn p19_of_two_files_of_a_name_the_newest_counts() {
    // The same content: nothing is sent, and the other one goes to the trash.
    let upload = Outgoing::new();
    let ids = copies(&upload, &[OLD, &upload.bytes]);
    let told = upload.send(0);
    let warnings: Vec<_> = told
        .stderr
        .lines()
        .filter(|it| it.contains("is there 2 times"))
        .collect();
    assert_eq!(warnings.len(), 1, "{}", told.stderr);
    assert!(
        warnings[0].contains(&format!("{}, {}", ids[1], ids[0])),
        "{}",
        warnings[0]
    );
    assert_eq!(upload.chunks(), 0);
    let named: Vec<_> = upload.named().into_iter().map(|file| file.id).collect();
    assert_eq!(named, [ids[1].clone()]);
    assert!(upload.fake().file(&ids[0]).unwrap().trashed);
    let told = upload.send(0);
    assert!(!told.stderr.contains("times"), "{}", told.stderr);
    upload.settled_with(0);
}

#[test]
fn p19_of_two_files_of_a_name_one_is_left_when_another_is_sent() {
    // The newest is the one that is compared, whatever the older one holds.
    let upload = Outgoing::new();
    let ids = copies(&upload, &[&upload.bytes, b"of another tool", OLD]);
    upload.send(0).stderr_has("is there 3 times");
    assert_eq!(upload.named().len(), 1);
    for id in ids {
        assert!(upload.fake().file(&id).unwrap().trashed);
    }
    upload.settled_with(PIECES);
}

#[test]
fn p19_a_file_that_comes_while_another_is_sent_goes_with_the_next_sync() {
    let upload = Outgoing::replacing();
    upload.fake().before(Op::Chunk, 3, |drive| {
        let folder = drive.walk("root", &FOLDER).unwrap();
        let other = crate::support::fake::content::Content::new(b"of another tool");
        drive.put(&folder, NAME, Some(other));
    });
    upload.send(0);
    upload.is_sound();
    // It was verified last, and counts.
    upload.settled();
}

#[test]
fn p21_a_list_that_lags_loses_nothing_and_ends_with_one_file() {
    for lists in [1, 3, 6] {
        let upload = Outgoing::replacing();
        upload.fake().list_lag(lists);
        upload.fake().name_lag(lists);
        upload.send(0);
        upload.is_sound();
        // The next nights may not see it yet. What the list shows late counts as soon as it does.
        for _ in 0..lists {
            upload.send(0);
            upload.is_sound();
        }
        upload.fake().list_lag(0);
        upload.fake().name_lag(0);
        for _ in 0..=lists {
            upload.send(0);
        }
        upload.settled();
    }
}

#[test]
fn p19_what_is_no_file_is_left_alone() {
    for mime in [
        "application/vnd.google-apps.folder",
        "application/vnd.google-apps.document",
    ] {
        let upload = Outgoing::new();
        let folder = upload.fake().make_folders(&FOLDER);
        let id = upload.fake().put_folder(&folder, NAME);
        upload
            .fake()
            .drive(|drive| mime.clone_into(&mut drive.find_mut(&id).mime));
        let told = upload.fails(11);
        assert_eq!(told["code"], json!("already_exists"), "{told}");
        assert!(
            told["detail"]
                .as_str()
                .unwrap()
                .contains("is not a file, and is left alone")
        );
        assert!(!upload.fake().file(&id).unwrap().trashed);
        assert_eq!((upload.chunks(), upload.noted()), (0, 0));
        upload.fake().delete(&id);
        upload.settled_with(PIECES);
    }
}

#[test]
fn p19_a_folder_that_comes_meanwhile_is_left_alone() {
    let upload = Outgoing::new();
    upload.fake().before(Op::Chunk, 3, |drive| {
        let folder = drive.walk("root", &FOLDER).unwrap();
        drive.put(&folder, NAME, None);
    });
    upload.call().run();
    let folder = upload.fake().folder(&FOLDER).unwrap();
    let mut all = upload.fake().children(&folder).into_iter();
    let kept = all.find(|file| file.size.is_none()).unwrap();
    assert!(!kept.trashed);
    upload.fake().delete(&kept.id);
    upload.settled();
}

#[test]
fn p19_a_file_that_others_own_stays_beside_the_new_one() {
    let refused = Fault::Error(403, "insufficientFilePermissions", "Not yours.");
    let upload = Outgoing::replacing().with(&vec![(Op::Update, When::Nth(2), refused)]);
    upload
        .send(0)
        .stderr_has("the replaced 'site.tar' stays beside the new one");
    assert_eq!(upload.named().len(), 2);
    upload.is_sound();
    assert_eq!(upload.noted(), 0);
    upload.settled_with(PIECES);
}

#[test]
fn g5_a_sync_without_clobbering_changes_nothing() {
    let upload = Outgoing::replacing();
    let call = upload
        .drive
        .call(["sync", "acme-corp", NAME, "--no-clobber"]);
    call.run()
        .code(11)
        .stderr_has("exists already with other content");
    assert_eq!((upload.chunks(), upload.noted()), (0, 0));
    upload.is_sound();
    upload.settled_with(PIECES);
}

#[test]
fn g5_a_name_that_cannot_be_given_is_given_by_the_next_run() {
    for nth in [1, 2] {
        let upload =
            Outgoing::replacing().with(&vec![(Op::Update, When::AllAfter(nth - 1), failing(503))]);
        let told: Value = upload.fails(6);
        assert_eq!(told["retryable"], json!(true), "{told}");
        upload.is_sound();
        assert_eq!(upload.noted(), 1);
        upload.settled_with(PIECES);
    }
}

#[test]
fn g5_names_of_all_kinds_arrive() {
    let names = [
        "O'Brien's \"site\".tar",
        "back\\slash.tar",
        "резервная копия.tar",
        "💾 backup.tar",
        "a' or name contains 'b.tar",
        "100% + 1 & 2 = #3?.tar",
    ];
    let upload = Outgoing::new();
    for (seed, name) in names.into_iter().enumerate() {
        let bytes = noise(seed as u64, units(0, 1000));
        upload.drive.write(name, &bytes);
        let call = || upload.drive.call(["sync", "acme-corp", name]);
        call().run().code(0);
        assert!(
            upload.drive.content(name).as_ref() == Some(&bytes),
            "{name}"
        );
        let sent = upload.fake().count(Op::Chunk);
        call().run().code(0);
        assert_eq!(upload.fake().count(Op::Chunk), sent, "{name}");
    }
    assert_eq!(upload.drive.names().len(), names.len());
}
