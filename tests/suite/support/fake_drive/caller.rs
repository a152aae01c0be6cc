//! A well-formed client of a few lines, to try the fake with.

use std::io::ErrorKind;

use serde_json::{Value, json};

use super::{FOLDER, FakeDrive, TOKEN};
use crate::support::fake::http::encode;
use crate::support::fake::wire::{Told, ask};

/// What is asked for of a file.
pub const FILE: &str = "fields=id,name,mimeType,size,md5Checksum,sha256Checksum,parents,\
                        createdTime,modifiedTime,trashed,appProperties,driveId\
                        &supportsAllDrives=true";

/// What a list has to be asked for.
pub const LIST: &str = "fields=nextPageToken,incompleteSearch,files(id,name)\
                        &supportsAllDrives=true&includeItemsFromAllDrives=true";

/// The reason of an error of Drive, after its status; of others the text.
pub fn reason(told: &Told) -> String {
    let body = serde_json::from_slice::<Value>(&told.body).unwrap_or_default();
    let reason = body["error"]["errors"][0]["reason"].as_str();
    let reason = reason.or(body["error"].as_str()).map(str::to_owned);
    let text = reason.unwrap_or_else(|| String::from_utf8_lossy(&told.body).into_owned());
    format!("{} {text}", told.status)
}

impl FakeDrive {
    /// A request with a token, and the JSON if there is any.
    pub fn ask(&self, method: &str, target: &str, body: Option<&Value>) -> Told {
        self.ask_with(method, target, &[], body).unwrap()
    }

    /// The same with more headers; how it ended when no answer came.
    pub fn ask_with(
        &self,
        method: &str,
        target: &str,
        more: &[&str],
        body: Option<&Value>,
    ) -> Result<Told, ErrorKind> {
        let text = body.map(Value::to_string).unwrap_or_default();
        let token = format!("Authorization: Bearer {TOKEN}");
        let length = format!("Content-Length: {}", text.len());
        let mut headers = vec![token.as_str()];
        if body.is_some() {
            headers.extend([&length, "Content-Type: application/json; charset=UTF-8"]);
        }
        headers.extend(more);
        let url = format!("{}{target}", self.api_url());
        ask(method, &url, &headers, text.as_bytes())
    }

    /// An id for a new object.
    pub fn new_id(&self) -> String {
        let told = self.ask("GET", "/drive/v3/files/generateIds?count=1", None);
        told.json()["ids"][0].as_str().unwrap().to_owned()
    }

    /// Makes a folder.
    pub fn create(&self, id: &str, parent: &str, name: &str) -> Told {
        let body = json!({"id": id, "name": name, "mimeType": FOLDER, "parents": [parent]});
        self.ask("POST", &format!("/drive/v3/files?{FILE}"), Some(&body))
    }

    /// The metadata of a file.
    pub fn get(&self, id: &str) -> Told {
        self.ask("GET", &format!("/drive/v3/files/{id}?{FILE}"), None)
    }

    /// A PATCH of metadata; `more` begins with `&`.
    pub fn patch(&self, id: &str, more: &str, body: &Value) -> Told {
        let target = format!("/drive/v3/files/{id}?{FILE}{more}");
        self.ask("PATCH", &target, Some(body))
    }

    /// A list; `more` begins with `&`.
    pub fn search(&self, q: &str, more: &str) -> Told {
        let target = format!("/drive/v3/files?q={}&{LIST}{more}", encode(q));
        self.ask("GET", &target, None)
    }

    /// The names that a search string finds.
    pub fn found(&self, q: &str) -> Vec<String> {
        names(&self.search(q, "").json())
    }

    /// Begins an upload.
    pub fn initiate(&self, metadata: &Value, size: usize) -> Result<Told, ErrorKind> {
        let size = format!("X-Upload-Content-Length: {size}");
        let kind = "X-Upload-Content-Type: application/octet-stream";
        let target = format!("/upload/drive/v3/files?uploadType=resumable&{FILE}");
        self.ask_with("POST", &target, &[&size, kind], Some(metadata))
    }

    /// Begins an upload to the root: the address of the session.
    pub fn session(&self, name: &str, size: usize) -> String {
        let metadata = json!({"id": self.new_id(), "name": name, "parents": ["root"]});
        let begun = self.initiate(&metadata, size).unwrap();
        begun.header("Location").unwrap().to_owned()
    }

    /// The bytes of a file.
    pub fn download(&self, id: &str, more: &[&str]) -> Result<Told, ErrorKind> {
        let target = format!("/drive/v3/files/{id}?alt=media&supportsAllDrives=true");
        self.ask_with("GET", &target, more, None)
    }
}

/// The names in a list.
pub fn names(list: &Value) -> Vec<String> {
    let files = list["files"].as_array().unwrap().iter();
    files
        .map(|file| file["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Sends a chunk to a session, or asks how much it has (`*/TOTAL` and no bytes).
pub fn send(session: &str, range: &str, bytes: &[u8]) -> Result<Told, ErrorKind> {
    let headers = [
        format!("Authorization: Bearer {TOKEN}"),
        format!("Content-Length: {}", bytes.len()),
        format!("Content-Range: bytes {range}"),
    ];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    ask("PUT", session, &headers, bytes)
}

/// Status and range of the answer to a chunk or a question; or how it ended.
pub fn stand(told: &Result<Told, ErrorKind>) -> String {
    match told {
        Ok(told) => format!("{} {}", told.status, told.header("Range").unwrap_or("-")),
        Err(kind) => format!("{kind:?}"),
    }
}
