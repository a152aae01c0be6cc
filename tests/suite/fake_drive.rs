//! The fake of Google Drive is as strict as it says: what is stored, searched and changed.

use serde_json::{Value, json};

use crate::support::fake::wire::{Told, Wire, ask};
use crate::support::fake_drive::caller::{FILE, LIST, names, reason};
use crate::support::fake_drive::{FOLDER, FakeDrive, Fault, Op, ROOT, Role, TOKEN, When};

/// Exactly these violations, which are forgiven.
#[track_caller]
pub fn expect(fake: &FakeDrive, words: &[&str]) {
    let found = fake.forgive();
    assert_eq!(found.len(), words.len(), "{found:?}");
    for (violation, words) in found.iter().zip(words) {
        assert!(violation.contains(words), "{violation}");
    }
}

#[test]
fn folders_are_made_once() {
    let fake = FakeDrive::start();
    let id = fake.new_id();
    assert_eq!((id.len(), id.starts_with('1')), (33, true));
    let made = fake.create(&id, "root", "vertex-ar").json();
    assert_eq!([&made["id"], &made["parents"][0]], [id.as_str(), ROOT]);
    assert_eq!(made.get("size"), None);
    assert_eq!(
        reason(&fake.create(&id, "root", "other")),
        "409 fileIdInUse"
    );
    let below = fake.new_id();
    assert_eq!(fake.create(&below, &id, "acme-corp").status, 200);
    assert_eq!(fake.folder(&["vertex-ar", "acme-corp"]), Some(below));
    assert_eq!(fake.folder(&["vertex-ar", "ACME-corp"]), None);
    // Another one of the same name, by whomever.
    let twin = fake.put_folder(ROOT, "vertex-ar");
    assert_eq!(fake.folder(&["vertex-ar"]), Some(id.clone()));
    fake.age(&twin, "2020-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(fake.folder(&["vertex-ar"]), Some(twin.clone()));
    let created = fake.get(&twin).json()["createdTime"].clone();
    assert_eq!(created, "2020-01-01T00:00:00.000Z");
    assert_eq!(
        fake.make_folders(&["vertex-ar", "x"]),
        fake.children(&twin)[0].id
    );
    let log = fake.requests_of(Op::CreateFolder);
    assert_eq!(
        (log[0].id.as_deref(), log[0].status),
        (Some(id.as_str()), Some(200))
    );
    assert_eq!(
        (log[1].name.as_deref(), log[1].status),
        (Some("other"), Some(409))
    );
    assert_eq!(log[0].body.as_ref().unwrap()["mimeType"], FOLDER);
    assert_eq!(
        (log[0].method.as_str(), log[0].header("content-length")),
        ("POST", Some("128"))
    );
    assert!(!format!("{:?}", fake.requests()).contains(TOKEN));
}

#[test]
fn what_no_client_should_ask_is_written_down() {
    let fake = FakeDrive::start();
    let file = fake.put_file(ROOT, "x.db", b"x");
    let q = "q=trashed=false";
    let both = "supportsAllDrives=true&includeItemsFromAllDrives=true";
    for (target, status, words) in [
        (
            "files/FILE?fields=id".into(),
            200,
            vec!["no supportsAllDrives=true"],
        ),
        (
            "files/FILE?supportsAllDrives=true".into(),
            200,
            vec!["no fields"],
        ),
        (
            "files/FILE?fields=id,nme&supportsAllDrives=true".into(),
            400,
            vec!["nme is no field"],
        ),
        (
            "files/FILE?fields=id,(&supportsAllDrives=true".into(),
            400,
            vec!["id,( is no field"],
        ),
        (
            format!("files/FILE?{FILE}&filds=id"),
            200,
            vec!["the parameter filds"],
        ),
        (
            format!("files/FILE?{FILE}&access_token=x"),
            200,
            vec!["a secret", "the parameter"],
        ),
        (
            format!("files/FILE?{FILE}&x={TOKEN}"),
            200,
            vec!["a secret", "the parameter"],
        ),
        (
            format!("files/FILE?{FILE}&fields=id"),
            200,
            vec!["fields is there twice"],
        ),
        (format!("files?{LIST}"), 200, vec!["in the trash"]),
        (
            format!("files?q=name=%27x.db%27&{LIST}"),
            200,
            vec!["in the trash"],
        ),
        (
            format!("files?q=trashed=true&{LIST}"),
            200,
            vec!["in the trash"],
        ),
        (
            format!("files?{q}+or+name=%27x%27&{LIST}"),
            200,
            vec!["in the trash"],
        ),
        (
            format!("files?{q}&fields=files(id),nextPageToken&{both}"),
            200,
            vec!["without incomplete"],
        ),
        (
            format!("files?{q}&fields=files,incompleteSearch&{both}"),
            200,
            vec!["without nextPage"],
        ),
        (format!("files?{q}&fields=*&{both}"), 200, vec![]),
        (format!("files?{q}&{both}"), 200, vec!["no fields"]),
        (
            format!("files?{q}&fields=*&supportsAllDrives=true"),
            200,
            vec!["no includeItems"],
        ),
        (
            format!("files?{q}&{LIST}&corpora=drive"),
            400,
            vec!["belong together"],
        ),
        (
            format!("files?{q}&{LIST}&pageToken=x"),
            400,
            vec!["is not of this list"],
        ),
        (format!("files?{q}&{LIST}&pageSize=0"), 400, vec![]),
        (format!("files?{q}&{LIST}&orderBy=size"), 400, vec![]),
        (format!("files?{q}&{LIST}&spaces=photos"), 400, vec![]),
        ("about".into(), 400, vec!["no fields"]),
        (
            "about?fields=user&supportsAllDrives=true".into(),
            200,
            vec!["the parameter supports"],
        ),
        ("files/generateIds?count=1001".into(), 400, vec![]),
        ("changes".into(), 404, vec!["nothing there"]),
        ("files/FILE/copy".into(), 404, vec!["nothing there"]),
    ] {
        let target = format!("/drive/v3/{}", target.replace("FILE", &file));
        assert_eq!(fake.ask("GET", &target, None).status, status, "{target}");
        expect(&fake, &words);
    }
    let target = format!("/drive/v3/files/{file}?{FILE}");
    for (header, words) in [
        ("Accept-Encoding: gzip", "accepts gzip"),
        ("Referer: http://x/", "no referer"),
        (
            "Content-Length: 0\r\nTransfer-Encoding: chunked",
            "a body where none belongs",
        ),
    ] {
        assert_eq!(
            fake.ask_with("GET", &target, &[header], None)
                .unwrap()
                .status,
            200
        );
        expect(&fake, &[words]);
    }
    let url = format!("{}{target}", fake.api_url());
    for header in [
        "Accept: */*",
        "Authorization: OAuth x",
        "Authorization: Basic x",
    ] {
        assert_eq!(
            reason(&ask("GET", &url, &[header], b"").unwrap()),
            "401 required"
        );
        expect(&fake, &["the authorization is not"]);
    }
    let wrong = ask("GET", &url, &["Authorization: Bearer other"], b"").unwrap();
    assert_eq!(reason(&wrong), "401 authError");
    assert!(wrong.header("WWW-Authenticate").is_some());
    let token = format!("Authorization: Bearer {TOKEN}");
    ask(
        "POST",
        &fake.token_uri(),
        &[&token, "Content-Length: 0"],
        b"",
    )
    .unwrap();
    let found = fake.forgive();
    assert!(
        found[0].contains("the token was sent to the host Oauth"),
        "{found:?}"
    );
}

#[test]
#[should_panic(expected = "the authorization is not")]
fn a_violation_fails_the_test() {
    let fake = FakeDrive::start();
    let _ = ask(
        "GET",
        &format!("{}/drive/v3/about", fake.api_url()),
        &[],
        b"",
    );
}

#[test]
fn what_cannot_be_made_is_refused() {
    let fake = FakeDrive::start();
    let file = fake.put_file(ROOT, "x.db", b"x");
    let long = "v".repeat(123);
    let many: Value = (0..31)
        .map(|n| (n.to_string(), json!("v")))
        .collect::<Value>();
    for (change, told, words) in [
        (
            json!({"id": null}),
            "400 invalid",
            "id is of the wrong type",
        ),
        (
            json!({"id": "1made-up"}),
            "400 invalid",
            "not given by generateIds",
        ),
        (
            json!({"parents": [ROOT, file]}),
            "403 cannotAddParent",
            "more than one parent",
        ),
        (json!({"parents": [file]}), "403 parentNotAFolder", ""),
        (json!({"parents": ["1nowhere"]}), "404 notFound", ""),
        (json!({"name": ""}), "400 required", "no name"),
        (
            json!({"mimeType": "text/plain"}),
            "200 ",
            "a file without bytes",
        ),
        (
            json!({"kind": "x"}),
            "403 fieldNotWritable",
            "kind cannot be written",
        ),
        (json!({"modifiedTime": "soon"}), "400 invalid", ""),
        (json!({"appProperties": {"k": long}}), "200 ", ""),
        (
            json!({"appProperties": {"kk": long}}),
            "403 propertyLengthLimitExceeded",
            "",
        ),
        (
            json!({"appProperties": many}),
            "403 propertyCountExceeded",
            "",
        ),
    ] {
        let mut body = json!({"id": fake.new_id(), "name": "n", "mimeType": FOLDER});
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let made = fake.ask("POST", &format!("/drive/v3/files?{FILE}"), Some(&body));
        assert!(
            reason(&made).starts_with(told),
            "{change}: {}",
            reason(&made)
        );
        expect(
            &fake,
            if words.is_empty() {
                &[]
            } else {
                std::slice::from_ref(&words)
            },
        );
    }
    let create = |body: &[u8], headers: &[&str]| {
        let token = format!("Authorization: Bearer {TOKEN}");
        let url = format!("{}/drive/v3/files?{FILE}", fake.api_url());
        let headers = [&[token.as_str()], headers].concat();
        reason(&ask("POST", &url, &headers, body).unwrap())
    };
    let kind = "Content-Type: application/json";
    assert_eq!(
        create(b"[1]", &[kind, "Content-Length: 3"]),
        "400 parseError"
    );
    expect(&fake, &["no JSON object"]);
    assert!(create(b"", &[kind]).starts_with("411"));
    expect(&fake, &["a body without a length"]);
    let chunked = create(b"0\r\n\r\n", &[kind, "Transfer-Encoding: chunked"]);
    assert!(chunked.starts_with("411"));
    expect(&fake, &["a body without a length"]);
    let text = r#"{"name":"n","mimeType":"application/vnd.google-apps.folder"}"#;
    let length = format!("Content-Length: {}", text.len());
    assert!(create(text.as_bytes(), &[&length]).starts_with("200"));
    expect(
        &fake,
        &["not said to be JSON", "without an id cannot be repeated"],
    );
}

#[test]
fn objects_change_as_they_are_told_to() {
    let fake = FakeDrive::start();
    let (a, b) = (fake.put_folder(ROOT, "a"), fake.put_folder(ROOT, "b"));
    let file = fake.put_file(&a, "x.db", b"x");
    let told = fake
        .patch(
            &file,
            "",
            &json!({"name": "y.db", "appProperties": {"k": "v"}}),
        )
        .json();
    assert_eq!([&told["name"], &told["appProperties"]["k"]], ["y.db", "v"]);
    assert!(fake.file(&file).unwrap().modified > fake.file(&file).unwrap().created);
    let clear = json!({"appProperties": {"k": null}, "modifiedTime": "2025-01-31T04:00:00Z"});
    let told = fake.patch(&file, "", &clear).json();
    assert_eq!(told.get("appProperties"), None);
    assert_eq!(told["modifiedTime"], "2025-01-31T04:00:00.000Z");
    let moves = |add: &str, remove: &str| format!("&addParents={add}&removeParents={remove}");
    let told = fake.patch(&file, &moves(&b, &a), &json!({})).json();
    assert_eq!(told["parents"], json!([b]));
    assert_eq!(
        fake.patch(&file, &moves(&b, &b), &json!({"name": "z"}))
            .json()["name"],
        "z"
    );
    assert_eq!(
        reason(&fake.patch(&file, &moves(&a, &a), &json!({}))),
        "404 notFound"
    );
    assert_eq!(
        reason(&fake.patch(&file, &format!("&addParents={a}"), &json!({}))),
        "403 cannotAddParent"
    );
    expect(&fake, &["exactly one parent"]);
    assert_eq!(
        reason(&fake.patch(&file, "", &json!({"parents": [a]}))),
        "403 fieldNotWritable"
    );
    expect(&fake, &["parents cannot be written here"]);
    assert_eq!(
        reason(&fake.patch("1nowhere", "", &json!({}))),
        "404 notFound"
    );

    assert_eq!(fake.patch(&b, "", &json!({"trashed": true})).status, 200);
    let told = fake.ask("GET", &format!("/drive/v3/files/{file}?fields=trashed,explicitlyTrashed,version,capabilities(canDelete)&supportsAllDrives=true"), None);
    assert_eq!(
        told.json(),
        json!({"trashed": true, "explicitlyTrashed": false, "version": "5", "capabilities": {"canDelete": true}})
    );
    assert_eq!(fake.names(&["b"]), [""; 0]);
    assert_eq!(fake.folder(&["b"]), None);
    assert_eq!(fake.patch(&b, "", &json!({"trashed": false})).status, 200);
    assert_eq!(fake.names(&["b"]), ["z"]);
    let delete = |id: &str| {
        fake.ask(
            "DELETE",
            &format!("/drive/v3/files/{id}?supportsAllDrives=true"),
            None,
        )
    };
    assert_eq!((delete(&b).status, delete(&file).status), (204, 404));
    assert_eq!(fake.all_files().len(), 1);
    // The id of something deleted cannot be used again.
    assert_eq!(reason(&fake.create(&b, "root", "b")), "409 fileIdInUse");
    fake.rename(&a, "c");
    fake.move_to(&a, &fake.put_folder(ROOT, "d"));
    assert_eq!(fake.folder(&["d", "c"]), Some(a.clone()));
    fake.delete(&a);
    assert_eq!(fake.folder(&["d", "c"]), None);
}

#[test]
fn shared_drives_have_roles() {
    let fake = FakeDrive::start();
    let drive = fake.add_shared_drive("Backups");
    fake.grant_scope("https://www.googleapis.com/auth/drive");
    let told = fake.ask(
        "GET",
        "/drive/v3/drives?pageSize=100&fields=nextPageToken,drives(id,name)",
        None,
    );
    assert_eq!(
        told.json(),
        json!({"drives": [{"id": drive, "name": "Backups"}]})
    );
    let one = |id: &str| fake.ask("GET", &format!("/drive/v3/drives/{id}?fields=name"), None);
    assert_eq!(one(&drive).json(), json!({"name": "Backups"}));
    assert_eq!(reason(&one("0Anowhere")), "404 notFound");
    fake.grant_scope("https://www.googleapis.com/auth/drive.file");
    let folder = fake.new_id();
    assert_eq!(
        fake.create(&folder, &drive, "x").json()["driveId"],
        json!(drive)
    );
    fake.put_folder(ROOT, "mine");
    let only = format!("&corpora=drive&driveId={drive}");
    assert_eq!(names(&fake.search("trashed = false", &only).json()), ["x"]);
    assert_eq!(fake.folder_in(&drive, &["x"]), Some(folder.clone()));
    assert_eq!(fake.file(&folder).unwrap().drive_id, Some(drive.clone()));
    let trash = |trashed: bool| fake.patch(&folder, "", &json!({"trashed": trashed})).status;
    let delete = || {
        let target = format!("/drive/v3/files/{folder}?supportsAllDrives=true");
        fake.ask("DELETE", &target, None).status
    };
    fake.role(Role::Writer);
    assert_eq!((trash(true), delete()), (403, 403));
    fake.role(Role::FileOrganizer);
    assert_eq!((trash(true), delete()), (200, 403));
    fake.role(Role::Organizer);
    assert_eq!(delete(), 204);
    fake.make_foreign(&drive);
    assert_eq!(fake.get(&drive).status, 404);
    assert_eq!(fake.create(&fake.new_id(), &drive, "y").status, 200);
}

#[test]
fn room_runs_out() {
    let fake = FakeDrive::start();
    let drive = fake.add_shared_drive("Backups");
    let about = || {
        let told = fake.ask(
            "GET",
            "/drive/v3/about?fields=user/emailAddress,storageQuota",
            None,
        );
        told.json()
    };
    let begin = |parent: &str, size: usize| {
        let metadata = json!({"id": fake.new_id(), "name": "x", "parents": [parent]});
        reason(&fake.initiate(&metadata, size).unwrap())
    };
    fake.quota(Some(100), 50, 20);
    fake.trash(&fake.put_file(ROOT, "x", b"0123456789"));
    let told = about();
    let quota =
        json!({"limit": "100", "usage": "60", "usageInDrive": "60", "usageInDriveTrash": "30"});
    assert_eq!(told["storageQuota"], quota);
    assert_eq!(
        told["user"],
        json!({"emailAddress": "operator@example.com"})
    );
    assert_eq!(begin(ROOT, 40), "200 ");
    assert_eq!(begin(ROOT, 41), "403 storageQuotaExceeded");
    assert_eq!(begin(&drive, 41), "200 ");
    fake.quota(None, 50, 20);
    assert_eq!(about()["storageQuota"].get("limit"), None);
    assert_eq!(begin(ROOT, 1 << 40), "200 ");
    fake.robot(true);
    assert_eq!(begin(ROOT, 1), "403 storageQuotaExceeded");
    let folder = |parent: &str| reason(&fake.create(&fake.new_id(), parent, "x"));
    assert_eq!(folder(ROOT), "403 storageQuotaExceeded");
    assert!(folder(&drive).starts_with("200"));
    assert_eq!(begin(&drive, 1), "200 ");
    assert_eq!(about()["storageQuota"]["limit"], "0");
}

#[test]
fn requests_fail_as_they_are_told_to() {
    let fake = FakeDrive::start();
    let id = fake.put_file(ROOT, "x.db", b"x");
    let get = || fake.ask_with("GET", &format!("/drive/v3/files/{id}?{FILE}"), &[], None);
    let error = |fault: Fault| -> (Told, Value) {
        fake.fail(Op::Get, When::Once, fault);
        let told = get().unwrap();
        let body = serde_json::from_slice(&told.body).unwrap_or_default();
        (told, body)
    };
    let (told, body) = error(Fault::upload_cap());
    let entry = json!({
        "domain": "usageLimits",
        "reason": "userRateLimitExceeded",
        "message": "User rate limit exceeded.",
    });
    let whole = json!({"code": 403, "message": "User rate limit exceeded.", "errors": [entry]});
    assert_eq!((told.status, &body["error"]), (403, &whole));
    assert_eq!(
        reason(&error(Fault::rate_limit()).0),
        "403 rateLimitExceeded"
    );
    let (told, _) = error(Fault::RetryAfter(503, "backendError", "7"));
    assert_eq!((told.status, told.header("Retry-After")), (503, Some("7")));
    let (_, body) = error(Fault::DetailsOnly(429, "RATE_LIMIT_EXCEEDED"));
    assert_eq!(body["error"]["details"][0]["reason"], "RATE_LIMIT_EXCEEDED");
    assert_eq!(body["error"].get("errors"), None);
    let (_, body) = error(Fault::NoReason(404, "Not found."));
    assert_eq!(
        body,
        json!({"error": {"code": 404, "message": "Not found."}})
    );
    assert_eq!(error(Fault::Text(404, "Not Found")).0.body, b"Not Found");
    assert!(error(Fault::Html(502)).0.body.starts_with(b"<html>"));
    assert_eq!(error(Fault::Empty(500)).0.body, b"");
    let raw = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx".to_vec();
    assert_eq!(error(Fault::Raw(raw)).0.body, b"x");
    let hashes = Fault::NoHashes {
        md5: false,
        sha256: true,
    };
    let (_, body) = error(hashes);
    assert_eq!(
        (body["md5Checksum"].is_string(), body.get("sha256Checksum")),
        (true, None)
    );
    let (_, body) = error(Fault::Stall(std::time::Duration::from_millis(1)));
    assert_eq!(body["size"], "1");
    fake.fail(Op::Get, When::Always, Fault::ResetBeforeWork);
    assert!(get().is_err());
    fake.heal();
    assert!(get().is_ok());
    // Done, and nobody hears of it.
    let folder = fake.new_id();
    let body = json!({"id": folder, "name": "f", "mimeType": FOLDER});
    fake.fail(Op::CreateFolder, When::Once, Fault::ResetAfterWork);
    let lost = fake.ask_with("POST", &format!("/drive/v3/files?{FILE}"), &[], Some(&body));
    assert!(lost.is_err());
    assert_eq!(fake.requests().last().unwrap().status, None);
    assert_eq!(
        reason(&fake.create(&folder, "root", "f")),
        "409 fileIdInUse"
    );
    fake.fail(
        Op::Update,
        When::Once,
        Fault::ErrorAfterWork(500, "internalError", "x"),
    );
    assert_eq!(
        reason(&fake.patch(&folder, "", &json!({"name": "g"}))),
        "500 internalError"
    );
    assert_eq!(fake.file(&folder).unwrap().name, "g");
    // Somebody else is faster.
    fake.before(Op::CreateFolder, 1, |drive| {
        drop(drive.put(ROOT, "race", None));
    });
    assert_eq!(fake.create(&fake.new_id(), "root", "race").status, 200);
    let twins = fake
        .children(ROOT)
        .into_iter()
        .filter(|it| it.name == "race");
    assert_eq!(twins.count(), 2);
}

#[test]
#[should_panic(expected = "that cannot go wrong at About")]
fn a_fault_that_cannot_happen_is_a_mistake() {
    FakeDrive::start().fail(Op::About, When::Once, Fault::NoProgress);
}

#[test]
fn one_connection_serves_many_requests() {
    let fake = FakeDrive::start();
    let folder = fake.put_folder(ROOT, "x");
    let token = format!("Authorization: Bearer {TOKEN}");
    let mut wire = Wire::to(&fake.api_url());
    let json = "Content-Type: application/json";
    for (method, target, body, status) in [
        ("GET", format!("files/{folder}?{FILE}"), "", 200),
        (
            "PATCH",
            format!("files/{folder}?{FILE}"),
            "{\"name\":\"y\"}",
            200,
        ),
        (
            "DELETE",
            format!("files/{folder}?supportsAllDrives=true"),
            "",
            204,
        ),
        ("GET", format!("files/{folder}?{FILE}"), "", 404),
    ] {
        let url = format!("{}/drive/v3/{target}", fake.api_url());
        let length = format!("Content-Length: {}", body.len());
        let headers = [&token, json, length.as_str()];
        let sent = if body.is_empty() {
            &headers[..1]
        } else {
            &headers
        };
        wire.send(method, &url, sent, body.as_bytes());
        assert_eq!(wire.answer().unwrap().status, status);
    }
}
