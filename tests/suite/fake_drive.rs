//! The fake of Google Drive is as strict as it says, and fails as it is told to.

use serde_json::{Value, json};

use crate::support::fake::wire::{Told, ask};
use crate::support::fake_drive::{
    CLIENT_ID, CLIENT_SECRET, FOLDER, FakeDrive, Op, REFRESH_TOKEN, TOKEN,
};

const FILE: &str = "fields=id,name,mimeType,size,md5Checksum,sha256Checksum,parents,createdTime,modifiedTime,trashed,appProperties,driveId&supportsAllDrives=true";

/// One well-formed request of the API.
fn api(fake: &FakeDrive, method: &str, rest: &str, body: Option<&Value>) -> Told {
    let text = body.map(Value::to_string).unwrap_or_default();
    let authorization = format!("Authorization: Bearer {TOKEN}");
    let length = format!("Content-Length: {}", text.len());
    let kind = "Content-Type: application/json; charset=UTF-8";
    let mut headers = vec![authorization.as_str(), &length, kind];
    if body.is_none() {
        headers.truncate(1);
    }
    let url = format!("{}/drive/v3/{rest}", fake.api_url());
    ask(method, &url, &headers, text.as_bytes()).unwrap()
}

fn id(fake: &FakeDrive) -> String {
    let told = api(
        fake,
        "GET",
        "files/generateIds?count=1&space=drive&type=files",
        None,
    );
    told.json()["ids"][0].as_str().unwrap().to_owned()
}

fn initiate(fake: &FakeDrive, metadata: &Value, size: usize) -> Told {
    let text = metadata.to_string();
    let headers = [
        format!("Authorization: Bearer {TOKEN}"),
        format!("Content-Length: {}", text.len()),
        format!("X-Upload-Content-Length: {size}"),
        "X-Upload-Content-Type: application/octet-stream".to_owned(),
        "Content-Type: application/json; charset=UTF-8".to_owned(),
    ];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let place = "upload/drive/v3/files?uploadType=resumable";
    let url = format!("{}/{place}&{FILE}", fake.api_url());
    ask("POST", &url, &headers, text.as_bytes()).unwrap()
}

fn put(session: &str, range: &str, bytes: &[u8]) -> Told {
    let headers = [
        format!("Authorization: Bearer {TOKEN}"),
        format!("Content-Length: {}", bytes.len()),
        format!("Content-Range: bytes {range}"),
    ];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    ask("PUT", session, &headers, bytes).unwrap()
}

#[test]
fn a_file_goes_up_and_comes_down() {
    let fake = FakeDrive::start();
    let folder = id(&fake);
    let make = json!({"id": folder, "name": "backups", "mimeType": FOLDER, "parents": ["root"]});
    let made = api(&fake, "POST", &format!("files?{FILE}"), Some(&make));
    assert_eq!(made.status, 200, "{}", made.json());
    let file = id(&fake);
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let metadata = json!({"id": file, "name": "x.db", "parents": [folder]});
    let begun = initiate(&fake, &metadata, bytes.len());
    assert_eq!(begun.status, 200);
    let session = begun.header("Location").unwrap();
    let asked = put(session, "*/300000", b"");
    assert_eq!((asked.status, asked.header("Range")), (308, None));
    let part = put(session, "0-262143/300000", &bytes[..262_144]);
    assert_eq!(
        (part.status, part.header("Range")),
        (308, Some("bytes=0-262143"))
    );
    assert_eq!(fake.sessions()[0].stored, 262_144);
    assert_eq!(fake.names(&["backups"]), Vec::<String>::new());
    let done = put(session, "262144-299999/300000", &bytes[262_144..]);
    assert_eq!((done.status, &done.json()["size"]), (200, &json!("300000")));
    assert_eq!(fake.names(&["backups"]), ["x.db"]);
    assert_eq!(fake.content(&["backups"], "x.db").unwrap(), bytes);
    let media = format!("files/{file}?alt=media&supportsAllDrives=true");
    assert_eq!(api(&fake, "GET", &media, None).body, bytes);
    let q = format!("%27{folder}%27+in+parents+and+name+%3D+%27X.db%27+and+trashed+%3D+false");
    let mask = "nextPageToken,incompleteSearch,files(id,name)";
    let list =
        format!("files?q={q}&fields={mask}&supportsAllDrives=true&includeItemsFromAllDrives=true");
    let told = api(&fake, "GET", &list, None).json();
    assert_eq!(
        told,
        json!({"incompleteSearch": false, "files": [{"id": file, "name": "x.db"}]})
    );
    let rename = json!({"name": "y.db", "appProperties": {"a": "b"}});
    let told = api(
        &fake,
        "PATCH",
        &format!("files/{file}?{FILE}"),
        Some(&rename),
    )
    .json();
    assert_eq!([&told["name"], &told["appProperties"]["a"]], ["y.db", "b"]);
    let gone = api(
        &fake,
        "DELETE",
        &format!("files/{file}?supportsAllDrives=true"),
        None,
    );
    assert_eq!(gone.status, 204);
    assert_eq!(
        api(&fake, "GET", &format!("files/{file}?{FILE}"), None).status,
        404
    );
    assert_eq!(fake.count(Op::Chunk), 2);
}

#[test]
fn tokens_are_renewed() {
    let fake = FakeDrive::start();
    let form = format!(
        "grant_type=refresh_token&refresh_token={}&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}",
        REFRESH_TOKEN.replace('/', "%2F")
    );
    let length = format!("Content-Length: {}", form.len());
    let headers = ["Content-Type: application/x-www-form-urlencoded", &length];
    let told = ask("POST", &fake.token_uri(), &headers, form.as_bytes()).unwrap();
    assert_eq!(
        (told.status, &told.json()["token_type"]),
        (200, &json!("Bearer"))
    );
}
