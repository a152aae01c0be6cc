//! A Google Drive that answers oddly: stale, echoing, mangled, or short of what it should say.

use std::fs;

use serde_json::{Value, json};

use crate::support::backups::noise;
use crate::support::drive::FOLDER;
use crate::support::fake_drive::{FOLDER as FOLDER_TYPE, Fault, Moment, Op, ROOT, When};
use crate::support::outgoing::{NAME, Outgoing, PIECES, reason};

/// Each search also shows this, whatever it was for.
fn shows(folder: Value) -> Fault {
    Fault::edit(move |told| {
        if let Some(files) = told["files"].as_array_mut() {
            files.insert(0, folder.clone());
        }
    })
}

#[test]
fn a_folder_that_a_search_still_shows_is_not_written_to_in_the_trash() {
    for (parent, trashed) in [(false, false), (false, true), (true, false)] {
        let upload = Outgoing::replacing();
        let fake = upload.fake();
        let old = fake.folder(&FOLDER).unwrap();
        let above = fake.folder(&FOLDER[..2]).unwrap();
        // In the trash, or moved elsewhere; the search tells it as it was, or as it is.
        if parent {
            fake.move_to(&old, ROOT);
        } else {
            fake.trash(&old);
        }
        let parents = if parent { ROOT.to_owned() } else { above };
        let stale = json!({
            "id": old, "name": FOLDER[2], "mimeType": FOLDER_TYPE, "parents": [parents],
            "createdTime": "2020-01-01T00:00:00.000Z", "trashed": trashed,
        });
        fake.fail(Op::List, When::Always, shows(stale));
        upload.send(0);
        let new = fake.folder(&FOLDER).unwrap();
        assert_ne!(new, old);
        assert_eq!(upload.chunks(), PIECES, "{parent} {trashed}");
        assert_eq!(fake.content(&FOLDER, NAME).as_ref(), Some(&upload.bytes));
    }
}

#[test]
fn what_it_says_of_secrets_is_not_repeated() {
    let message = "see http://x/upload?upload_id=ECHO1 or /upload?upload_id=ECHO2, token Bearer ECHO3 ya29.ECHO4 1//ECHO5";
    for status in [403, 400, 404, 503] {
        let upload = Outgoing::new();
        let echo = Fault::Error(status, "forbidden", message);
        upload.fake().fail(Op::Initiate, When::Always, echo);
        let call = upload
            .drive
            .call(["sync", "acme-corp", NAME, "-vv", "--json"]);
        let told = call.run().code(6);
        let history = upload.drive.run(["history", "--json"]);
        for text in [&told.stdout, &told.stderr, &history.stdout] {
            assert!(!text.contains("ECHO"), "{text}");
        }
    }
}

#[test]
fn a_piece_that_is_refused_for_its_form_is_told_of_in_its_words() {
    let mangled = Fault::Error(400, "badRequest", "mangled by a proxy");
    let upload = Outgoing::replacing().with(&vec![(Op::Chunk, When::Always, mangled)]);
    let told = upload.fails(6);
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains("mangled by a proxy"), "{told}");
    // Each of three sessions has it twice.
    assert_eq!(upload.chunks(), 6);
    assert_eq!((upload.noted(), upload.fake().sessions().len()), (0, 0));
    upload.settled_with(6 + PIECES);
}

#[test]
fn p18_a_session_and_a_file_that_are_gone_without_a_reason_are_begun_anew() {
    for gone in [
        Fault::NoReason(404, "File not found: x"),
        Fault::Text(404, "Not Found"),
        Fault::Empty(404),
    ] {
        let lost = Fault::Text(404, "Not Found");
        let upload = Outgoing::new();
        let fake = upload.fake();
        fake.fail(Op::Chunk, When::Nth(2), lost);
        let hold = fake.hold(Op::Chunk, 2, Moment::BeforeWork);
        let child = upload.call().spawn();
        hold.reached();
        fake.fail(Op::Get, When::Nth(1), gone);
        drop(hold);
        upload.ended(child).code(0);
        assert_eq!(fake.count(Op::Initiate), 2);
        upload.settled();
    }
}

#[test]
fn p18_a_session_that_refuses_every_token_is_begun_anew() {
    let refused = Fault::Error(401, "authError", "Invalid Credentials");
    let faults = vec![
        (Op::Chunk, When::Nth(2), Fault::ResetAtByte(0)),
        (Op::Status, When::First(2), refused),
    ];
    let upload = Outgoing::new().with(&faults);
    upload.send(0);
    assert_eq!(upload.fake().count(Op::Initiate), 2);
    upload.settled();
}

#[test]
fn p24_what_it_leaves_out_or_writes_otherwise_does_not_matter() {
    let upload = Outgoing::replacing();
    let about = Fault::edit(|told| {
        *told = json!({ "user": null, "storageQuota": { "limit": "", "usage": 1.5 } });
    });
    upload.fake().fail(Op::About, When::Always, about);
    let nulls = Fault::edit(|told| {
        for file in told["files"].as_array_mut().into_iter().flatten() {
            for key in ["parents", "trashed", "createdTime", "driveId"] {
                file[key] = Value::Null;
            }
        }
    });
    upload.fake().fail(Op::List, When::Always, nulls);
    let once = Fault::edit(|told| {
        if let Some(ids) = told["ids"].as_array_mut() {
            let first = ids[0].clone();
            ids.fill(first);
        }
    });
    upload.fake().fail(Op::GenerateIds, When::Always, once);
    upload.send(0);
    upload.settled();
}

#[test]
fn nothing_is_deleted_with_the_login_of_somebody_else() {
    let upload = Outgoing::new();
    upload.send(0);
    let stranger = Fault::edit(|told| told["user"]["permissionId"] = json!("0999"));
    upload.fake().fail(Op::About, When::Always, stranger);
    let call = ["delete", "acme-corp", NAME, "--yes", "--json"];
    let told = upload.drive.run(call).code(6).json();
    reason(&told, "forbidden");
    assert!(
        told["hint"].as_str().unwrap().ends_with("--accept"),
        "{told}"
    );
    assert_eq!(upload.named().len(), 1);
}

#[test]
fn a_source_that_changes_is_noticed_before_the_next_piece() {
    let upload = Outgoing::new();
    let hold = upload.fake().hold(Op::Chunk, 2, Moment::BeforeWork);
    let child = upload.call().spawn();
    hold.reached();
    fs::write(upload.drive.file(NAME), noise(9, upload.bytes.len())).unwrap();
    drop(hold);
    let told = upload.ended(child).code(12);
    told.stderr_has("changed while it was read");
    assert_eq!(upload.chunks(), 2);
    assert_eq!((upload.noted(), upload.fake().sessions().len()), (0, 0));
}
