//! The fake of Google Drive takes and gives bytes as it says, and breaks where it is told to.

use std::io::ErrorKind;
use std::thread;

use serde_json::{Value, json};
use vertex_backup::hash::Sha256;

use crate::fake_drive::expect;
use crate::support::fake::wire::{Told, Wire, ask};
use crate::support::fake_drive::caller::{FILE, reason, send, stand};
use crate::support::fake_drive::{
    FakeDrive, Fault, File, Kept, Moment, Op, OpenSession, ROOT, TOKEN, UNIT, When,
};

const U: usize = 256 * 1024;

/// So many bytes, no two units of which are the same.
fn data(size: usize) -> Vec<u8> {
    let byte = |n: usize| u8::try_from((n / U * 7 + n) % 251).unwrap();
    (0..size).map(byte).collect()
}

#[test]
fn a_file_goes_up_in_chunks_and_comes_down() {
    let fake = FakeDrive::start();
    let folder = fake.make_folders(&["vertex-ar", "acme-corp", "backups"]);
    let path = ["vertex-ar", "acme-corp", "backups"];
    let bytes = data(2 * U + 10);
    let id = fake.new_id();
    let metadata = json!({
        "id": id,
        "name": "x.db",
        "parents": [folder],
        "appProperties": {"sha256": "0"},
        "modifiedTime": "2025-01-31T04:00:00Z",
    });
    let begun = fake.initiate(&metadata, bytes.len()).unwrap();
    assert_eq!((begun.status, begun.body.len()), (200, 0));
    let session = begun.header("Location").unwrap();
    let open = OpenSession {
        id: id.clone(),
        uri: session.to_owned(),
        stored: 0,
        total: Some(bytes.len() as u64),
    };
    assert_eq!(fake.sessions(), [open]);
    let all = bytes.len();
    let asked = send(session, &format!("*/{all}"), b"").unwrap();
    assert_eq!((asked.status, asked.header("Range")), (308, None));
    assert_eq!(asked.header("Content-Length"), Some("0"));
    assert_eq!(asked.header("Location"), None);
    let first = send(session, &format!("0-{}/{all}", U - 1), &bytes[..U]);
    assert_eq!(stand(&first), "308 bytes=0-262143");
    let second = send(session, &format!("{U}-{}/*", 2 * U - 1), &bytes[U..2 * U]);
    assert_eq!(stand(&second), "308 bytes=0-524287");
    assert_eq!(stand(&send(session, "*/*", b"")), "308 bytes=0-524287");
    assert_eq!((fake.names(&path), fake.get(&id).status), (vec![], 404));
    let rest = format!("{}-{}/{all}", 2 * U, all - 1);
    let done = send(session, &rest, &bytes[2 * U..]).unwrap().json();
    let file: File = fake.file(&id).unwrap();
    assert_eq!(done["sha256Checksum"], json!(Sha256::of(&bytes)));
    assert_eq!(done["sha256Checksum"], json!(file.sha256));
    assert_eq!(done["md5Checksum"], json!(file.md5));
    assert_eq!([&done["size"], &done["name"]], ["524298", "x.db"]);
    assert_eq!(done["appProperties"], json!({"sha256": "0"}));
    assert_eq!(done["modifiedTime"], "2025-01-31T04:00:00.000Z");
    assert_eq!(done.get("kind"), None);
    assert_eq!(
        (file.size, file.trashed, file.parents),
        (Some(all as u64), false, vec![folder])
    );
    assert_eq!(file.mime, "application/octet-stream");
    assert_eq!(file.app_properties["sha256"], "0");
    // Who missed that asks again.
    assert_eq!(
        send(session, &format!("*/{all}"), b"").unwrap().json(),
        done
    );
    assert_eq!(fake.sessions(), []);
    assert_eq!(fake.session_uris(), [session]);
    assert_eq!(fake.content(&path, "x.db").unwrap(), bytes);
    assert_eq!(fake.files(&path, "x.db").len(), 1);

    let ranged = |range: &str| {
        let told = fake.download(&id, &[&format!("Range: {range}")]).unwrap();
        (
            told.status,
            told.header("Content-Range").unwrap().to_owned(),
            told.body,
        )
    };
    assert_eq!(fake.download(&id, &[]).unwrap().body, bytes);
    let (status, range, body) = ranged("bytes=524288-");
    assert_eq!(
        (status, range.as_str()),
        (206, "bytes 524288-524297/524298")
    );
    assert_eq!(body, bytes[2 * U..]);
    assert_eq!(ranged("bytes=0-0").1, "bytes 0-0/524298");
    assert_eq!(
        (
            ranged("bytes=524298-").0,
            ranged("bytes=524298-").1.as_str()
        ),
        (416, "bytes */524298")
    );
    let log = fake.requests_of(Op::Chunk);
    assert_eq!((log.len(), fake.count(Op::Status)), (3, 3));
    assert_eq!(
        (log[0].id.as_deref(), log[0].status),
        (Some(id.as_str()), Some(308))
    );
    assert_eq!(
        log[0].header("content-range"),
        Some("bytes 0-262143/524298")
    );
    assert_eq!(fake.requests_of(Op::Media)[0].param("alt"), Some("media"));
    assert!(fake.requests_of(Op::Media)[0].query.len() == 2);
    assert_eq!(fake.wasted(), 0);
}

#[test]
fn every_legal_form_of_an_upload_is_taken() {
    let fake = FakeDrive::start();
    let token = format!("Authorization: Bearer {TOKEN}");
    let whole = |session: &str, bytes: &[u8]| {
        let length = format!("Content-Length: {}", bytes.len());
        ask("PUT", session, &[&token, &length], bytes).unwrap()
    };
    // Zero bytes, in both forms.
    let session = fake.session("empty", 0);
    assert_eq!(whole(&session, b"").json()["size"], "0");
    let session = fake.session("empty", 0);
    assert_eq!(send(&session, "*/0", b"").unwrap().json()["size"], "0");
    let id = fake.files(&[], "empty")[0].id.clone();
    let told = fake.download(&id, &["Range: bytes=0-"]).unwrap();
    assert_eq!(
        (told.status, told.header("Content-Range")),
        (416, Some("bytes */0"))
    );
    // All at once.
    let bytes = data(U + 1);
    fake.created_status(201);
    let session = fake.session("whole", bytes.len());
    assert_eq!(whole(&session, &bytes).status, 201);
    assert_eq!(fake.content(&[], "whole").unwrap(), bytes);
    // Known bytes are skipped.
    let session = fake.session("again", bytes.len());
    let all = bytes.len();
    send(&session, &format!("0-{}/{all}", U - 1), &bytes[..U]).unwrap();
    assert_eq!(
        send(&session, &format!("0-{}/{all}", all - 1), &bytes)
            .unwrap()
            .status,
        201
    );
    assert_eq!(
        (fake.content(&[], "again").unwrap(), fake.wasted()),
        (bytes, UNIT)
    );
    // New content of a file that is there.
    let id = fake.files(&[], "again")[0].id.clone();
    let target = format!("/upload/drive/v3/files/{id}?uploadType=resumable&{FILE}");
    let size = "X-Upload-Content-Length: 3";
    let begun = fake
        .ask_with("PATCH", &target, &[size], Some(&json!({})))
        .unwrap();
    let session = begun.header("Location").unwrap();
    assert_eq!(send(session, "0-2/3", b"new").unwrap().status, 200);
    assert_eq!(fake.bytes(&id).unwrap(), b"new");
    // A session lives on when its token does not, and ends when it is cancelled.
    let session = fake.session("gone", 3);
    let cancel = || ask("DELETE", &session, &[&token], b"").unwrap().status;
    assert_eq!((cancel(), cancel(), fake.sessions().len()), (499, 499, 0));
    assert_eq!(stand(&send(&session, "0-2/3", b"new")), "499 -");
    let session = fake.session("forgotten", 3);
    fake.forget_sessions(410);
    assert_eq!(stand(&send(&session, "*/3", b"")), "410 -");
    let session = fake.session("expired", 3);
    fake.expire_tokens();
    assert_eq!(
        reason(&send(&session, "0-2/3", b"new").unwrap()),
        "401 authError"
    );
    assert_eq!(fake.sessions()[0].stored, 0);
}

#[test]
fn what_no_client_should_send_is_written_down() {
    let fake = FakeDrive::start();
    let bytes = data(3 * U);
    let all = 3 * U;
    for (range, sent, told, words) in [
        (
            format!("0-99/{all}"),
            100,
            "308 -",
            "not a multiple of 256 KiB",
        ),
        (
            format!("0-{}/{all}", U + 9),
            U + 10,
            "308 bytes=0-262143",
            "not a multiple",
        ),
        (
            format!("0-{}/{all}", U - 1),
            U - 1,
            "400 -",
            "does not have 262143 bytes",
        ),
        (
            format!("0-{}/{}", U - 1, all + 1),
            U,
            "400 -",
            "not the size told before",
        ),
        (
            format!("0-{}/{}", U - 1, U - 1),
            U,
            "400 -",
            "ends after the end",
        ),
        (
            format!("{U}-{}/{all}", 2 * U - 1),
            U,
            "503 -",
            "a chunk after a gap",
        ),
        ("0--1/0".to_owned(), 0, "400 -", "is no range"),
        ("0-10".to_owned(), 11, "400 -", "is no range"),
        (
            format!("*/{}", all + 1),
            0,
            "400 -",
            "not the size told before",
        ),
        ("*/x".to_owned(), 0, "400 -", "not the size told before"),
        (format!("*/{all}"), 1, "308 -", "a question with a body"),
    ] {
        let session = fake.session("x", all);
        let found = send(&session, &range, &bytes[..sent]);
        assert_eq!(stand(&found), told, "{range}");
        expect(&fake, &[words]);
    }
    let session = fake.session("x", all);
    let gap = send(&session, &format!("{U}-{}/{all}", 2 * U - 1), &bytes[..U]).unwrap();
    let text = String::from_utf8(gap.body).unwrap();
    assert!(
        text.contains("262144 byte(s), which exceeds already uploaded size of 0"),
        "{text}"
    );
    fake.forgive();
    // Chunk after chunk again.
    for n in [0, 1, 0] {
        let range = format!("{}-{}/{all}", n * U, (n + 1) * U - 1);
        send(&session, &range, &bytes[n * U..(n + 1) * U]).unwrap();
    }
    expect(&fake, &["more than a chunk is sent again"]);
    assert_eq!(fake.wasted(), UNIT);
    let token = format!("Authorization: Bearer {TOKEN}");
    for (headers, status, words) in [
        (
            vec!["Content-Length: 3"],
            401,
            vec!["the authorization is not"],
        ),
        (
            vec![&token, "Transfer-Encoding: chunked"],
            411,
            vec!["a chunk without a length"],
        ),
        (vec![&token], 411, vec!["a chunk without a length"]),
        (
            vec![&token, "Content-Range: bytes */3"],
            411,
            vec!["a question without"],
        ),
        (
            vec![&token, "Content-Length: 3", "Content-Encoding: gzip"],
            200,
            vec!["content-encoding"],
        ),
    ] {
        let session = fake.session("x", 3);
        let body = if status == 411 {
            b"".as_slice()
        } else {
            b"abc"
        };
        assert_eq!(ask("PUT", &session, &headers, body).unwrap().status, status);
        expect(&fake, &words);
    }
    let other = session.replace("%2f", "/");
    assert_eq!(stand(&send(&other, "*/3", b"")), "404 -");
    expect(&fake, &["nobody was given that session"]);

    let metadata = json!({"id": fake.new_id(), "name": "x"});
    let begin = |target: &str, headers: &[&str]| {
        let target = format!("/upload/drive/v3/files?{target}");
        reason(
            &fake
                .ask_with("POST", &target, headers, Some(&metadata))
                .unwrap(),
        )
    };
    let size = "X-Upload-Content-Length: 3";
    let kind = "X-Upload-Content-Type: x/y";
    let resumable = format!("uploadType=resumable&{FILE}");
    assert_eq!(begin(&resumable, &[size, kind]), "200 ");
    for (target, headers, told, words) in [
        (
            resumable.as_str(),
            vec![kind],
            "400 required",
            "no X-Upload-Content-Length",
        ),
        (
            &resumable,
            vec!["X-Upload-Content-Length: all", kind],
            "400 invalid",
            "is no number",
        ),
        (&resumable, vec![size], "200 ", "no mimeType"),
        (
            &format!("uploadType=media&{FILE}"),
            vec![size, kind],
            "400 invalid",
            "only resumable",
        ),
        (
            "uploadType=resumable&fields=id",
            vec![size, kind],
            "200 ",
            "no supportsAllDrives",
        ),
        (
            "uploadType=resumable&supportsAllDrives=true",
            vec![size, kind],
            "200 ",
            "no fields",
        ),
    ] {
        assert_eq!(begin(target, &headers), told, "{words}");
        expect(&fake, &[words]);
    }
    let taken = json!({"id": fake.put_file(ROOT, "x", b"x"), "name": "x"});
    assert_eq!(
        reason(&fake.initiate(&taken, 3).unwrap()),
        "409 fileIdInUse"
    );
    let nowhere = json!({"id": fake.new_id(), "name": "x", "parents": ["1nowhere"]});
    assert_eq!(reason(&fake.initiate(&nowhere, 3).unwrap()), "404 notFound");
}

/// A chunk of two units and some bytes goes wrong: how it ended, and what the session says then.
fn broken(kept: Kept, fault: Fault) -> (String, String) {
    let fake = FakeDrive::start();
    let bytes = data(4 * U);
    let session = fake.session("x", bytes.len());
    send(&session, &format!("0-{}/{}", U - 1, 4 * U), &bytes[..U]).unwrap();
    fake.keep_of_broken_chunks(kept);
    fake.fail(Op::Chunk, When::Once, fault);
    let range = format!("{U}-{}/{}", 3 * U - 1, 4 * U);
    let told = send(&session, &range, &bytes[U..3 * U]);
    let asked = send(&session, &format!("*/{}", 4 * U), b"");
    (stand(&told), stand(&asked))
}

#[test]
fn chunks_break_where_they_are_told_to() {
    let reset = format!("{:?}", ErrorKind::ConnectionReset);
    let closed = format!("{:?}", ErrorKind::UnexpectedEof);
    let first = "308 bytes=0-262143";
    let second = "308 bytes=0-524287";
    let third = "308 bytes=0-786431";
    let at = UNIT + 100;
    for (kept, fault, told, asked) in [
        (Kept::Units, Fault::ResetBeforeWork, reset.as_str(), first),
        (Kept::Units, Fault::ResetAtByte(100), &reset, first),
        (Kept::Units, Fault::ResetAtByte(at), &reset, second),
        (Kept::Nothing, Fault::ResetAtByte(at), &reset, first),
        (
            Kept::All,
            Fault::ResetAtByte(100),
            &reset,
            "308 bytes=0-262243",
        ),
        (Kept::Units, Fault::CloseAtByte(at), &closed, second),
        (Kept::Units, Fault::RefuseAtByte(at, 503), "503 -", second),
        (Kept::Units, Fault::ResetAfterWork, &reset, third),
        (
            Kept::Units,
            Fault::ErrorAfterWork(500, "internalError", "x"),
            "500 -",
            third,
        ),
        (
            Kept::All,
            Fault::Error(503, "backendError", "x"),
            "503 -",
            first,
        ),
        (Kept::Units, Fault::TakesOnly(at), second, second),
        (Kept::Units, Fault::TakesOnly(100), first, first),
        (Kept::Units, Fault::NoProgress, first, first),
        (Kept::Units, Fault::Forgets(UNIT), first, first),
        (Kept::Units, Fault::Forgets(0), "308 -", "308 -"),
        (
            Kept::Units,
            Fault::RangeBeyond(UNIT),
            "308 bytes=0-1048575",
            third,
        ),
        (Kept::Units, Fault::OldRange, "308 0-786431", third),
    ] {
        assert_eq!(broken(kept, fault), (told.to_owned(), asked.to_owned()));
    }
}

#[test]
fn questions_are_answered_as_they_are_told_to() {
    let fake = FakeDrive::start();
    let bytes = data(3 * U);
    let session = fake.session("x", 3 * U);
    send(
        &session,
        &format!("0-{}/{}", 2 * U - 1, 3 * U),
        &bytes[..2 * U],
    )
    .unwrap();
    let ask = || stand(&send(&session, &format!("*/{}", 3 * U), b""));
    for (fault, told) in [
        (Fault::OldRange, "308 0-524287"),
        (Fault::RangeBeyond(3 * UNIT), "308 bytes=0-1310719"),
        (Fault::Error(404, "notFound", "x"), "404 -"),
        (Fault::Html(502), "502 -"),
        (Fault::Forgets(UNIT), "308 bytes=0-262143"),
        (Fault::Forgets(0), "308 -"),
    ] {
        fake.fail(Op::Status, When::Once, fault);
        assert_eq!(ask(), told);
    }
    assert_eq!(fake.sessions()[0].stored, 0);
    // Who believed that it has more is told, and did nothing wrong.
    let gap = format!("{U}-{}/{}", 2 * U - 1, 3 * U);
    assert_eq!(stand(&send(&session, &gap, &bytes[U..2 * U])), "503 -");
    // The service forgets while a chunk is under way.
    send(&session, &format!("0-{}/{}", U - 1, 3 * U), &bytes[..U]).unwrap();
    let held = fake.hold(Op::Chunk, 1, Moment::Body(1));
    let range = format!("{U}-{}/{}", 2 * U - 1, 3 * U);
    let told = thread::scope(|scope| {
        let sent = scope.spawn(|| stand(&send(&session, &range, &bytes[U..2 * U])));
        held.reached();
        fake.fail(Op::Status, When::Once, Fault::Forgets(0));
        assert_eq!(ask(), "308 -");
        drop(held);
        sent.join().unwrap()
    });
    assert_eq!(told, "308 -");
}

#[test]
fn the_end_of_an_upload_breaks_where_it_is_told_to() {
    let end = |op: Op, fault: Option<Fault>| -> (FakeDrive, String, Result<Told, ErrorKind>) {
        let fake = FakeDrive::start();
        let session = fake.session("x", 3);
        if let Some(fault) = fault {
            fake.fail(op, When::Once, fault);
        }
        let told = send(&session, "0-2/3", b"abc");
        (fake, session, told)
    };
    let (fake, session, lost) = end(Op::Chunk, Some(Fault::ResetAfterWork));
    assert!(lost.is_err());
    assert_eq!(fake.content(&[], "x").unwrap(), b"abc");
    fake.fail(
        Op::Status,
        When::Once,
        Fault::NoHashes {
            md5: true,
            sha256: true,
        },
    );
    let told = send(&session, "*/3", b"").unwrap().json();
    assert_eq!(
        (&told["size"], told.get("md5Checksum")),
        (&json!("3"), None)
    );
    // The same bytes again, to a session that is over.
    assert_eq!(send(&session, "0-2/3", b"abc").unwrap().status, 200);
    assert_eq!((fake.wasted(), fake.all_files().len()), (3, 1));

    let (fake, _, told) = end(Op::Chunk, Some(Fault::Corrupts));
    let told = told.unwrap().json();
    assert_ne!(told["sha256Checksum"], json!(Sha256::of(b"abc")));
    assert_eq!(fake.content(&[], "x").unwrap(), b"`bc");
    let (_, _, told) = end(
        Op::Chunk,
        Some(Fault::edit(|file| file["size"] = json!("4"))),
    );
    assert_eq!(told.unwrap().json()["size"], "4");
    let (_, session, told) = end(Op::Chunk, Some(Fault::TakesOnly(2)));
    assert_eq!(stand(&told), "308 -");
    drop(session);
    // Room and id are gone by then.
    let (fake, session, _) = end(Op::Chunk, Some(Fault::NoProgress));
    fake.quota(Some(2), 0, 0);
    let told = send(&session, "0-2/3", b"abc").unwrap();
    assert_eq!(reason(&told), "403 storageQuotaExceeded");
    let fake = FakeDrive::start();
    let metadata = json!({"id": fake.new_id(), "name": "x", "parents": ["root"]});
    let sessions = [0, 1].map(|_| fake.initiate(&metadata, 3).unwrap());
    let ends = sessions.map(|begun| {
        let session = begun.header("Location").unwrap().to_owned();
        send(&session, "0-2/3", b"abc").unwrap().status
    });
    assert_eq!(ends, [200, 409]);
    // The begin is broken, too.
    fake.fail(
        Op::Initiate,
        When::Once,
        Fault::SessionAt("https://[::1]/x".into()),
    );
    fake.fail(Op::Initiate, When::Nth(2), Fault::SessionAt(String::new()));
    let places = [0, 1].map(|_| {
        let metadata = json!({"id": fake.new_id(), "name": "x"});
        let begun = fake.initiate(&metadata, 3).unwrap();
        begun.header("Location").map(str::to_owned)
    });
    assert_eq!(places, [Some("https://[::1]/x".to_owned()), None]);
}

#[test]
fn downloads_break_where_they_are_told_to() {
    let ask_for = |fault: Fault| {
        let fake = FakeDrive::start();
        let id = fake.put_file(ROOT, "x", b"abc");
        fake.fail(Op::Media, When::Always, fault);
        fake.download(&id, &["Range: bytes=1-"]).unwrap()
    };
    for (fault, status, header, body) in [
        (Fault::IgnoreRange, 200, "Content-Length: 3", &b"abc"[..]),
        (
            Fault::WrongContentRange,
            206,
            "Content-Range: bytes 2-2/3",
            b"bc",
        ),
        (Fault::ShortBody(1), 206, "Content-Length: 1", b"b"),
        (
            Fault::NoLength { missing: 1 },
            206,
            "Connection: close",
            b"b",
        ),
        (
            Fault::Unterminated,
            206,
            "Transfer-Encoding: chunked",
            b"2\r\nbc",
        ),
        (Fault::CloseAtByte(1), 206, "Content-Length: 2", b"b"),
        (Fault::ResetAtByte(2), 206, "Content-Length: 2", b"bc"),
        (
            Fault::ContentEncoding("gzip"),
            206,
            "Content-Encoding: gzip",
            b"bc",
        ),
        (
            Fault::RedirectTo("http://[::1]:1/".into()),
            302,
            "Location: http://[::1]:1/",
            b"",
        ),
        (Fault::Empty(416), 416, "Content-Length: 0", b""),
    ] {
        let told = ask_for(fault);
        assert_eq!(
            (told.status, told.body.as_slice()),
            (status, body),
            "{header}"
        );
        assert!(told.head.contains(header), "{}", told.head);
    }

    let fake = FakeDrive::start();
    let id = fake.put_file(ROOT, "x", b"abc");
    fake.redirect_media(true);
    let hop = fake.download(&id, &[]).unwrap();
    let place = hop.header("Location").unwrap();
    assert!(hop.status == 302 && place.starts_with(&fake.download_url()));
    assert_ne!(fake.download_url(), fake.api_url());
    assert_eq!(
        ask("GET", place, &["Range: bytes=2-"], b"").unwrap().body,
        b"c"
    );
    fake.fail(Op::Storage, When::Once, Fault::ShortBody(2));
    assert_eq!(ask("GET", place, &[], b"").unwrap().body, b"a");
    ask(
        "GET",
        place,
        &[&format!("Authorization: Bearer {TOKEN}")],
        b"",
    )
    .unwrap();
    expect(&fake, &["the token was sent to the host Download"]);
    assert_eq!(
        ask("GET", &place.replace("%2f", "/"), &[], b"")
            .unwrap()
            .status,
        404
    );
    expect(&fake, &["the service has nothing there"]);
    fake.redirect_media(false);

    let acknowledged =
        format!("/drive/v3/files/{id}?alt=media&supportsAllDrives=true&acknowledgeAbuse=true");
    assert_eq!(fake.ask("GET", &acknowledged, None).body, b"abc");
    expect(&fake, &["a file that is not flagged"]);
    fake.flag_as_abusive(&id);
    assert_eq!(
        reason(&fake.download(&id, &[]).unwrap()),
        "403 cannotDownloadAbusiveFile"
    );
    assert_eq!(fake.ask("GET", &acknowledged, None).body, b"abc");
    let folder = fake.put_folder(ROOT, "f");
    assert_eq!(
        reason(&fake.download(&folder, &[]).unwrap()),
        "403 fileNotDownloadable"
    );
    let other = fake.put_file(ROOT, "y", b"abc");
    fake.corrupt("y");
    assert_eq!(fake.download(&other, &[]).unwrap().body, b"`bc");
    assert_eq!(fake.download(&other, &["Range: 1-2"]).unwrap().status, 400);
    expect(&fake, &["a range that is not"]);
    let changing = other.clone();
    fake.before(Op::Media, 1, move |drive| drive.replace(&changing, b"new"));
    let revision = || {
        let target =
            format!("/drive/v3/files/{other}?fields=headRevisionId&supportsAllDrives=true");
        fake.ask("GET", &target, None).json()
    };
    let before: Value = revision();
    assert_eq!(fake.download(&other, &[]).unwrap().body, b"new");
    assert_ne!(before, revision());
    fake.replace(&other, b"newer");
    assert_eq!(fake.bytes(&other).unwrap(), b"newer");
}

#[test]
fn a_request_is_held_where_it_is_told_to() {
    let fake = FakeDrive::start();
    let session = fake.session("x", 3);
    let middle = fake.hold(Op::Chunk, 1, Moment::Body(2));
    let end = fake.hold(Op::Chunk, 1, Moment::AfterWork);
    let before = fake.hold(Op::Update, 1, Moment::BeforeWork);
    thread::scope(|scope| {
        let sent = scope.spawn(|| stand(&send(&session, "0-2/3", b"abc")));
        middle.reached();
        assert_eq!(fake.content(&[], "x"), None);
        drop(middle);
        end.reached();
        assert_eq!(fake.content(&[], "x").unwrap(), b"abc");
        assert!(!sent.is_finished());
        let id = fake.files(&[], "x")[0].id.clone();
        let fake = &fake;
        let changed = scope.spawn(move || fake.patch(&id, "", &json!({"name": "y"})).status);
        before.reached();
        fake.delete(&fake.files(&[], "x")[0].id);
        drop(before);
        assert_eq!(changed.join().unwrap(), 404);
        drop(end);
        assert_eq!(sent.join().unwrap(), "200 -");
    });
    // A client that dies in the middle leaves whole units.
    let bytes = data(U + 7);
    let session = fake.session("y", 2 * U);
    let mut wire = Wire::to(&session);
    let headers = [
        format!("Authorization: Bearer {TOKEN}"),
        format!("Content-Length: {}", 2 * U),
    ];
    wire.send("PUT", &session, &[&headers[0], &headers[1]], &bytes);
    drop(wire);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while fake.sessions()[0].stored != UNIT {
        assert!(std::time::Instant::now() < deadline);
        thread::yield_now();
    }
}
