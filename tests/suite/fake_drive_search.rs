//! The fake of Google Drive finds what it says it finds, and hides what it says it hides.

use serde_json::{Value, json};

use crate::fake_drive::expect;
use crate::support::fake_drive::caller::{names, reason};
use crate::support::fake_drive::{FakeDrive, Fault, Op, ROOT, When};

#[test]
fn search_strings_are_read_to_the_letter() {
    let fake = FakeDrive::start();
    let folder = fake.put_folder(ROOT, "O'Brien \\ co");
    let file = fake.put_file(&folder, "db_backup.db", b"x");
    fake.put_file(&folder, "DB_Backup.db", b"y");
    fake.put_file(&folder, "Ärger.tar", b"y");
    let trashed = fake.put_file(&folder, "old.db", b"z");
    fake.trash(&trashed);
    fake.age(&file, "2025-01-31T04:00:00Z".parse().unwrap());
    fake.set_property(&file, "company", "acme'corp");
    let inside = format!("'{folder}' in parents and trashed = false");
    for (q, found) in [
        ("'root' in parents and trashed=false", vec!["O'Brien \\ co"]),
        (
            r"name = 'o\'brien \\ CO' and trashed = false",
            vec!["O'Brien \\ co"],
        ),
        (
            "trashed = false and mimeType = 'application/vnd.google-apps.folder'",
            vec!["O'Brien \\ co"],
        ),
        ("INSIDE", vec!["Ärger.tar", "DB_Backup.db", "db_backup.db"]),
        (
            "INSIDE and name = 'db_backup.DB'",
            vec!["DB_Backup.db", "db_backup.db"],
        ),
        ("INSIDE and name != 'db_backup.DB'", vec!["Ärger.tar"]),
        ("INSIDE and not name = 'db_backup.db'", vec!["Ärger.tar"]),
        (
            "INSIDE and name contains 'back'",
            vec!["DB_Backup.db", "db_backup.db"],
        ),
        ("INSIDE and name contains 'ackup'", vec![]),
        (
            "INSIDE and (name = 'ärger.tar' or modifiedTime < '2025-02-01T00:00:00')",
            vec!["Ärger.tar", "db_backup.db"],
        ),
        (
            "INSIDE and createdTime >= '2025-01-31T04:00:00.001Z'",
            vec!["Ärger.tar", "DB_Backup.db"],
        ),
        (
            r"trashed != true and appProperties has { key='company' and value='acme\'corp' }",
            vec!["db_backup.db"],
        ),
        (
            "INSIDE and mimeType contains 'application/' and mimeType != 'application/octet-stream'",
            vec![],
        ),
    ] {
        let q = q.replace("INSIDE", &inside);
        assert_eq!(fake.found(&q), found, "{q}");
    }
    for q in [
        "name = 'O'Brien' and trashed = false",
        r"name = 'a\b' and trashed = false",
        "name = 'a and trashed = false",
        "name = \"a\" and trashed = false",
        "name == 'a' and trashed = false",
        "name < 'a' and trashed = false",
        "name = 'a' trashed = false",
        "(name = 'a' and trashed = false",
        "trashed = 'false'",
        "trashed = false and",
        "title = 'a' and trashed = false",
        "'x' in owners and trashed = false",
        "modifiedTime > 'yesterday' and trashed = false",
        "appProperties has { key='a' } and trashed = false",
        "",
    ] {
        let told = fake.search(q, "");
        assert_eq!(reason(&told), "400 invalid", "{q}");
        assert_eq!(told.json()["error"]["errors"][0]["location"], "q");
        expect(&fake, &["no search string"]);
    }
    fake.accent_blind(true);
    assert_eq!(
        fake.found("name = 'Ärger.tar' and trashed = false"),
        [""; 0]
    );
    let nowhere = "'1nowhere' in parents and trashed = false";
    let told = fake.search(nowhere, "");
    assert_eq!(reason(&told), "404 notFound");
    assert_eq!(told.json()["error"]["message"], "File not found: .");
    fake.unseen_parents_are_empty(true);
    assert_eq!(fake.found(nowhere), [""; 0]);
}

#[test]
fn lists_have_pages_and_an_order() {
    let fake = FakeDrive::start();
    for name in ["b", "a", "C"] {
        fake.put_file(ROOT, name, b"x");
    }
    let q = "'root' in parents and trashed = false";
    let ordered = |order: &str| names(&fake.search(q, &format!("&orderBy={order}")).json());
    assert_eq!(fake.found(q), ["C", "a", "b"]);
    assert_eq!(ordered("createdTime"), ["b", "a", "C"]);
    assert_eq!(ordered("folder,name+desc"), ["C", "b", "a"]);
    let page = |size: usize, token: &Value| {
        let token = token.as_str().map(|token| format!("&pageToken={token}"));
        let more = format!("&pageSize={size}{}", token.unwrap_or_default());
        fake.search(q, &more)
    };
    let first = page(2, &Value::Null).json();
    assert_eq!(
        (names(&first), &first["incompleteSearch"]),
        (vec!["C".into(), "a".into()], &json!(false))
    );
    let token = &first["nextPageToken"];
    let second = page(2, token).json();
    assert_eq!(
        (names(&second), second.get("nextPageToken")),
        (vec!["b".into()], None)
    );
    assert_eq!(reason(&page(3, token)), "400 invalid");
    expect(&fake, &["is not of this list"]);
    fake.page_size(1);
    assert_eq!(names(&page(1000, &Value::Null).json()), ["C"]);
    fake.page_size(1000);
    fake.fail(Op::List, When::Once, Fault::EmptyPage);
    fake.fail(Op::List, When::Nth(2), Fault::Incomplete);
    fake.fail(Op::List, When::Nth(3), Fault::EndlessPages);
    fake.fail(Op::List, When::Nth(4), Fault::RejectsPageToken);
    fake.fail(
        Op::List,
        When::Nth(5),
        Fault::edit(|list| list["files"][0]["name"] = json!("../x")),
    );
    let empty = page(9, &Value::Null).json();
    assert_eq!(names(&empty), [""; 0]);
    let whole = page(9, &empty["nextPageToken"]).json();
    assert_eq!(
        (names(&whole).len(), &whole["incompleteSearch"]),
        (3, &json!(true))
    );
    let endless = page(9, &Value::Null).json();
    assert_eq!(names(&endless).len(), 3);
    let token = &endless["nextPageToken"];
    let refused = page(9, token);
    assert_eq!(reason(&refused), "400 invalid");
    assert_eq!(
        refused.json()["error"]["errors"][0]["location"],
        "pageToken"
    );
    assert_eq!(names(&page(9, token).json()), ["../x", "a", "b"]);
}

#[test]
fn new_objects_are_found_late() {
    let fake = FakeDrive::start();
    fake.name_lag(2);
    assert_eq!(fake.create(&fake.new_id(), "root", "x").status, 200);
    let by_name = "name = 'x' and 'root' in parents and trashed = false";
    let by_parent = "'root' in parents and trashed = false";
    assert_eq!(fake.found(by_name), [""; 0]);
    assert_eq!(fake.found(by_parent), ["x"]);
    assert_eq!(fake.found(by_name), [""; 0]);
    assert_eq!(fake.found(by_name), ["x"]);
    fake.list_lag(1);
    fake.name_lag(0);
    let id = fake.new_id();
    assert_eq!(fake.create(&id, "root", "y").status, 200);
    assert_eq!(fake.get(&id).status, 200);
    assert_eq!(fake.found(by_parent), ["x"]);
    assert_eq!(fake.found(by_parent), ["y", "x"]);
}

#[test]
fn only_what_this_client_made_is_seen() {
    let fake = FakeDrive::start();
    let folder = fake.put_foreign_folder(ROOT, "theirs");
    let file = fake.put_foreign_file(&folder, "x.db", b"x");
    for id in [&folder, &file, "root", ROOT] {
        assert_eq!(reason(&fake.get(id)), "404 notFound");
    }
    assert_eq!(fake.found("trashed = false"), [""; 0]);
    assert_eq!(
        reason(&fake.search(&format!("'{folder}' in parents and trashed = false"), "")),
        "404 notFound"
    );
    assert_eq!(
        reason(&fake.create(&fake.new_id(), &folder, "x")),
        "404 notFound"
    );
    assert_eq!(
        reason(&fake.ask("GET", "/drive/v3/drives", None)),
        "403 insufficientPermissions"
    );
    fake.show_root(true);
    assert_eq!(fake.get("root").json()["id"], ROOT);
    assert_eq!(
        reason(&fake.patch("root", "", &json!({"name": "x"}))),
        "403 insufficientFilePermissions"
    );
    fake.grant_scope("https://www.googleapis.com/auth/drive");
    assert_eq!(fake.found("trashed = false"), ["x.db", "theirs"]);
    assert!(fake.file(&file).unwrap().foreign);
    fake.grant_scope("https://www.googleapis.com/auth/drive.readonly");
    assert_eq!(fake.download(&file, &[]).unwrap().body, b"x");
    assert_eq!(
        reason(&fake.patch(&file, "", &json!({"name": "x"}))),
        "403 insufficientPermissions"
    );
    fake.grant_scope("https://www.googleapis.com/auth/drive.metadata.readonly");
    assert_eq!(
        reason(&fake.download(&file, &[]).unwrap()),
        "403 insufficientPermissions"
    );
}
