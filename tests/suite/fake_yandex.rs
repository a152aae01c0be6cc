//! The fake of Yandex Disk is as strict as it says.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};
use vertex_backup::hash::Sha256;

use crate::support::fake_yandex::{FakeYandex, Fault, Op, TOKEN, When};

/// What was answered.
#[derive(Debug)]
struct Told {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Told {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status and code of an error; an error has three strings and nothing else.
    fn error(&self) -> (u16, String) {
        let told = self.json();
        assert_eq!(told.as_object().unwrap().len(), 3);
        for name in ["description", "message"] {
            assert!(told[name].is_string());
        }
        (self.status, told["error"].as_str().unwrap().to_owned())
    }

    fn href(&self) -> String {
        self.json()["href"].as_str().unwrap().to_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// One connection.
struct Wire {
    stream: TcpStream,
    host: String,
}

impl Wire {
    fn to(url: &str) -> (Self, String) {
        let rest = url.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let wire = Wire {
            stream: TcpStream::connect(host).unwrap(),
            host: host.to_owned(),
        };
        (wire, format!("/{path}"))
    }

    fn send(&mut self, method: &str, target: &str, headers: &[&str], body: &[u8]) {
        let host = format!("Host: {}", self.host);
        let lines: Vec<&str> = std::iter::once(host.as_str())
            .chain(headers.iter().copied())
            .collect();
        let head = format!(
            "{method} {target} HTTP/1.1\r\n{}\r\n\r\n",
            lines.join("\r\n")
        );
        self.stream.write_all(head.as_bytes()).unwrap();
        self.stream.write_all(body).unwrap();
    }

    /// An answer with its whole body, or as much of it as came; `None` when none came.
    fn answer(&mut self) -> Option<Told> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            if self.stream.read(&mut byte).ok()? == 0 {
                return None;
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let status = head[9..12].parse().unwrap();
        let mut told = Told {
            status,
            head,
            body: Vec::new(),
        };
        let length = match told.header("Content-Length") {
            Some(length) => length.parse().unwrap(),
            None if told.status == 204 => 0,
            None => u64::MAX,
        };
        let mut body = Vec::new();
        let _ = (&self.stream).take(length).read_to_end(&mut body);
        told.body = body;
        Some(told)
    }
}

/// One request on a connection of its own.
fn ask(method: &str, url: &str, headers: &[&str], body: &[u8]) -> Option<Told> {
    let (mut wire, target) = Wire::to(url);
    wire.send(method, &target, headers, body);
    wire.answer()
}

/// One well-formed request of the API.
fn api(fake: &FakeYandex, method: &str, rest: &str) -> Told {
    let authorization = format!("Authorization: OAuth {TOKEN}");
    ask(
        method,
        &format!("{}{rest}", fake.api_url()),
        &[&authorization],
        b"",
    )
    .unwrap()
}

fn link(fake: &FakeYandex, path: &str) -> Told {
    api(
        fake,
        "GET",
        &format!("/resources/upload?path=disk%3A{path}&overwrite=true"),
    )
}

fn put(href: &str, body: &[u8]) -> Option<Told> {
    ask(
        "PUT",
        href,
        &[&format!("Content-Length: {}", body.len())],
        body,
    )
}

fn stat(fake: &FakeYandex, path: &str) -> Told {
    api(
        fake,
        "GET",
        &format!("/resources?path=disk%3A{path}&fields=name,size,md5,sha256,revision"),
    )
}

/// Exactly these violations, which are forgiven.
#[track_caller]
fn expect(fake: &FakeYandex, words: &[&str]) {
    let found = fake.forgive();
    assert_eq!(found.len(), words.len(), "{found:?}");
    for (violation, words) in found.iter().zip(words) {
        assert!(violation.contains(words), "{violation}");
    }
}

#[test]
fn a_file_goes_up_and_comes_down() {
    let fake = FakeYandex::start();
    assert_eq!(
        link(&fake, "/a/dump-partial").error(),
        (409, "DiskPathDoesntExistsError".into())
    );
    assert_eq!(api(&fake, "PUT", "/resources?path=disk%3A%2Fa").status, 201);
    let told = link(&fake, "/a/dump-partial").json();
    let operation = format!("/operations/{}", told["operation_id"].as_str().unwrap());
    assert_eq!(
        api(&fake, "GET", &operation).json(),
        json!({"status": "in-progress"})
    );
    let stored = put(told["href"].as_str().unwrap(), b"abc").unwrap();
    assert_eq!(
        (stored.status, stored.body.as_slice()),
        (201, b"".as_slice())
    );
    assert_eq!(
        api(&fake, "GET", &operation).json(),
        json!({"status": "success"})
    );

    let seen = stat(&fake, "/a/dump-partial").json();
    assert_eq!(seen["sha256"], Sha256::of(b"abc").to_string());
    assert_eq!(seen["md5"], "900150983cd24fb0d6963f7d28e17f72");
    let mut fields: Vec<&String> = seen.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["md5", "name", "revision", "sha256", "size"]);

    let rename = "/resources/move?from=disk:/a/dump-partial&path=disk:/a/x%2B+y.db";
    assert_eq!(api(&fake, "POST", rename).status, 201);
    assert_eq!(fake.names("/a"), ["x+ y.db"]);
    let first = api(&fake, "GET", "/resources/download?path=disk:/a/x%2B+y.db").href();
    let hop = ask("GET", &first, &[], b"").unwrap();
    assert_eq!(hop.status, 302);
    let storage = hop.header("Location").unwrap();
    assert_eq!(ask("GET", storage, &[], b"").unwrap().body, b"abc");
    let rest = ask("GET", storage, &["Range: bytes=1-"], b"").unwrap();
    assert_eq!(
        (rest.status, rest.header("Content-Range")),
        (206, Some("bytes 1-2/3"))
    );
    assert_eq!(rest.body, b"bc");
    let beyond = ask("GET", storage, &["Range: bytes=3-"], b"").unwrap();
    assert_eq!(
        (beyond.status, beyond.header("Content-Range")),
        (416, Some("bytes */3"))
    );
    assert_eq!(fake.braked_uploads(), Vec::<String>::new());
    assert_eq!(fake.count(Op::Put), 1);
    assert_eq!(fake.requests()[4].path, "/a/dump-partial");
}

#[test]
fn what_no_client_should_do_is_written_down() {
    let fake = FakeYandex::start();
    fake.put("/a/x.db", b"x");
    let disk = fake.api_url();
    for header in [
        "Accept: */*",
        "Authorization: Bearer y0_CANARY",
        "Authorization: y0_CANARY",
    ] {
        let told = ask("GET", &disk, &[header], b"").unwrap();
        assert_eq!(told.error(), (401, "UnauthorizedError".into()));
        expect(&fake, &["the authorization is not"]);
    }
    let href = || link(&fake, "/a/new").href();
    let token = format!("Authorization: OAuth {TOKEN}");
    let put =
        |href: &str, headers: &[&str], body: &[u8]| ask("PUT", href, headers, body).unwrap().status;
    assert_eq!(put(&href(), &[&token, "Content-Length: 1"], b"x"), 201);
    expect(&fake, &["the token was sent to the host Upload"]);
    let form = [
        "Content-Type: multipart/form-data; boundary=b",
        "Content-Length: 1",
    ];
    assert_eq!(put(&href(), &form, b"x"), 201);
    expect(&fake, &["a multipart body"]);
    let framed = b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n";
    assert_eq!(
        put(
            &href(),
            &[&format!("Content-Length: {}", framed.len())],
            framed
        ),
        201
    );
    expect(&fake, &["the framing of a form"]);
    assert_eq!(
        put(
            &href(),
            &["Transfer-Encoding: chunked"],
            b"1\r\nx\r\n0\r\n\r\n"
        ),
        411
    );
    expect(&fake, &["an upload without a length"]);
    assert_eq!(put(&href(), &[], b""), 411);
    expect(&fake, &["an upload without a length"]);
    let range = ["Content-Range: bytes 0-0/1", "Content-Length: 1"];
    assert_eq!(put(&href(), &range, b"x"), 412);
    expect(&fake, &["content-range on an upload"]);
    let once = href();
    assert_eq!(put(&once, &["Content-Length: 1"], b"x"), 201);
    assert_eq!(put(&once, &["Content-Length: 1"], b"x"), 400);
    expect(&fake, &["a second PUT to one link"]);
    assert_eq!(
        put(&href().replace("%2f", "/"), &["Content-Length: 1"], b"x"),
        404
    );
    expect(&fake, &["nobody was given that link"]);

    let down = api(&fake, "GET", "/resources/download?path=disk:/a/x.db").href();
    let hop = ask("GET", &down, &[&token], b"").unwrap();
    ask("GET", hop.header("Location").unwrap(), &[&token], b"").unwrap();
    expect(&fake, &["to the host Download", "to the host Storage"]);

    assert_eq!(api(&fake, "GET", "/resources?path=/a/x.db").status, 200);
    expect(&fake, &["does not begin with disk:/"]);
    assert_eq!(api(&fake, "GET", "/resources?path=a:b").error().0, 400);
    expect(&fake, &["does not begin with disk:/"]);
    api(
        &fake,
        "GET",
        "/resources?path=disk:/a&path=disk:/a&sorted=name",
    );
    expect(&fake, &["path is there twice", "the parameter sorted"]);
    let body = [token.as_str(), "Content-Length: 2"];
    ask(
        "POST",
        &format!("{disk}/resources/move?from=disk:/a&path=disk:/b"),
        &body,
        b"{}",
    );
    expect(&fake, &["a body where none belongs"]);
    api(&fake, "GET", "/resources/files");
    expect(&fake, &["the service has nothing there"]);
    let posing = [
        token.as_str(),
        "User-Agent: Yandex.Disk {\"os\":\"windows\"}",
    ];
    ask("GET", &disk, &posing, b"").unwrap();
    expect(&fake, &["poses as"]);
    assert_eq!(link(&fake, "/a/y.tar.gz").status, 200);
    assert_eq!(fake.braked_uploads(), ["/a/y.tar.gz"]);
    fake.revoke();
    assert_eq!(api(&fake, "GET", "").error().0, 401);
    fake.accept(TOKEN);
    assert_eq!(api(&fake, "GET", "/").status, 200);
}

#[test]
#[should_panic(expected = "the authorization is not")]
fn a_violation_fails_the_test() {
    let fake = FakeYandex::start();
    ask("GET", &fake.api_url(), &[], b"");
}

#[test]
fn one_connection_serves_many_requests() {
    let fake = FakeYandex::start();
    fake.put("/a/x.db", b"x");
    let (mut wire, root) = Wire::to(&fake.api_url());
    let token = format!("Authorization: OAuth {TOKEN}");
    for (method, rest, status) in [
        ("GET", "", 200),
        (
            "DELETE",
            "/resources?path=disk:/a/x.db&permanently=true",
            204,
        ),
        ("GET", "/resources?path=disk:/a/x.db", 404),
        ("PUT", "/resources?path=disk:/b", 201),
    ] {
        wire.send(method, &format!("{root}{rest}"), &[&token], b"");
        assert_eq!(wire.answer().unwrap().status, status, "{method} {rest}");
    }
}

#[test]
fn conflicts_have_names() {
    let fake = FakeYandex::start();
    fake.put("/a/x.db", b"x");
    fake.put("/a/y.db", b"yy");
    let long = "n".repeat(256);
    for (method, rest, status, error) in [
        (
            "PUT",
            "/resources?path=disk:/a",
            409,
            "DiskPathPointsToExistentDirectoryError",
        ),
        (
            "PUT",
            "/resources?path=disk:/a/x.db",
            409,
            "DiskResourceAlreadyExistsError",
        ),
        (
            "PUT",
            "/resources?path=disk:/b/c",
            409,
            "DiskPathDoesntExistsError",
        ),
        (
            "GET",
            "/resources/upload?path=disk:/a/x.db",
            409,
            "DiskResourceAlreadyExistsError",
        ),
        (
            "GET",
            "/resources/upload?path=disk:/a&overwrite=true",
            409,
            "DiskPathPointsToExistentDirectoryError",
        ),
        (
            "POST",
            "/resources/move?from=disk:/a/x.db&path=disk:/a/y.db",
            409,
            "DiskResourceAlreadyExistsError",
        ),
        (
            "POST",
            "/resources/move?from=disk:/a/z.db&path=disk:/a/y.db",
            404,
            "DiskNotFoundError",
        ),
        (
            "POST",
            "/resources/move?from=disk:/a/x.db&path=disk:/b/y.db",
            409,
            "DiskPathDoesntExistsError",
        ),
        (
            "DELETE",
            "/resources?path=disk:/a/x.db&md5=00",
            409,
            "MD5DifferError",
        ),
        (
            "DELETE",
            "/resources?path=disk:/a/z.db",
            404,
            "DiskNotFoundError",
        ),
        (
            "GET",
            "/resources?path=disk:/a/../b",
            400,
            "FieldValidationError",
        ),
        (
            "GET",
            &format!("/resources?path=disk:/{long}"),
            400,
            "FieldValidationError",
        ),
        (
            "GET",
            "/resources?path=disk:/a&limit=x",
            400,
            "FieldValidationError",
        ),
        ("GET", "/operations/none", 404, "DiskOperationNotFoundError"),
    ] {
        assert_eq!(
            api(&fake, method, rest).error(),
            (status, error.into()),
            "{method} {rest}"
        );
    }
    let over = "/resources/move?from=disk:/a/x.db&path=disk:/a/y.db&overwrite=true";
    assert_eq!(api(&fake, "POST", over).status, 201);
    assert_eq!(
        (fake.names("/a"), fake.read("/a/y.db").unwrap()),
        (vec!["y.db".into()], b"x".to_vec())
    );
    assert_eq!(
        api(&fake, "DELETE", "/resources?path=disk:/a/y.db").status,
        204
    );
    assert_eq!(fake.trash(), ["/a/y.db"]);
    assert_eq!(api(&fake, "DELETE", "/trash/resources").status, 204);
    fake.put("/a/z.db", b"z");
    let folder = api(&fake, "DELETE", "/resources?path=disk:/a&permanently=true");
    assert_eq!((folder.status, fake.names("/a").len()), (202, 1));
    let operation = folder.href();
    let rest = operation.strip_prefix(&fake.api_url()).unwrap();
    assert_eq!(api(&fake, "GET", rest).json()["status"], "in-progress");
    assert_eq!(api(&fake, "GET", rest).json()["status"], "success");
    assert_eq!(fake.names("/"), Vec::<String>::new());
}

#[test]
fn listings_have_pages() {
    let fake = FakeYandex::start();
    for number in 0..25 {
        fake.put(&format!("/a/{number:02}"), b"x");
    }
    let page = |rest: &str| api(&fake, "GET", &format!("/resources?path=disk:/a{rest}")).json();
    let names = |page: &Value| -> Vec<String> {
        let items = page["_embedded"]["items"].as_array().unwrap().iter();
        items
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&page("")).len(), 20);
    let told = page("&limit=2&offset=23&fields=_embedded.items.name,_embedded.total");
    let items = json!([{"name": "23"}, {"name": "24"}]);
    assert_eq!(told, json!({"_embedded": {"items": items, "total": 25}}));
    fake.on(Op::List, When::Nth(2), Fault::PageRepeats);
    fake.on(Op::List, When::Nth(3), Fault::EndlessPages);
    fake.on(Op::List, When::Nth(4), Fault::WrongTotal(7));
    fake.on(
        Op::List,
        When::Nth(5),
        Fault::edit(|told| told["_embedded"]["items"][0]["name"] = json!("../x")),
    );
    fake.before(Op::List, 6, |disk| disk.remove("/a/00"));
    assert_eq!(names(&page("&limit=2&offset=2")), ["02", "03"]);
    assert_eq!(names(&page("&limit=2&offset=4")), ["02", "03"]);
    assert_eq!(names(&page("&limit=2&offset=1000")), ["00", "01"]);
    assert_eq!(page("&limit=2")["_embedded"]["total"], 7);
    assert_eq!(names(&page("&limit=2")), ["../x", "01"]);
    assert_eq!(names(&page("&limit=1")), ["01"]);
}
