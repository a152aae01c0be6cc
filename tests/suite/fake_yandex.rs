//! The fake of Yandex Disk is as strict as it says, and fails as it is told to.

use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use vertex_backup::hash::Sha256;

use crate::support::fake::wire::{Told, Wire, ask};
use crate::support::fake_yandex::{
    CLIENT_ID, CLIENT_SECRET, FakeYandex, Fault, Moment, Op, REFRESH_TOKEN, TOKEN, When,
};

trait Said {
    fn error(&self) -> String;
    fn href(&self) -> String;
}

impl Said for Told {
    /// Status and code of an error; an error has three strings and nothing else.
    fn error(&self) -> String {
        let told = self.json();
        let strings = told.as_object().unwrap().values().filter(|v| v.is_string());
        assert_eq!(strings.count(), 3, "{told}");
        format!("{} {}", self.status, told["error"].as_str().unwrap())
    }

    fn href(&self) -> String {
        self.json()["href"].as_str().unwrap().to_owned()
    }
}

/// One well-formed request of the API.
fn api(fake: &FakeYandex, method: &str, rest: &str) -> Told {
    let authorization = format!("Authorization: OAuth {TOKEN}");
    let url = format!("{}{rest}", fake.api_url());
    ask(method, &url, &[&authorization], b"").unwrap()
}

fn link(fake: &FakeYandex, path: &str) -> Told {
    let rest = format!("/resources/upload?path=disk%3A{path}&overwrite=true");
    api(fake, "GET", &rest)
}

fn put(href: &str, body: &[u8]) -> Result<Told, ErrorKind> {
    let length = format!("Content-Length: {}", body.len());
    ask("PUT", href, &[&length], body)
}

/// An upload with the status it ends with, and what its operation is said to be then.
fn upload(fake: &FakeYandex, path: &str, body: &[u8]) -> (Result<u16, ErrorKind>, String) {
    let told = link(fake, path).json();
    let status = put(told["href"].as_str().unwrap(), body).map(|told| told.status);
    let id = told["operation_id"].as_str().unwrap();
    (status, said(fake, &format!("/operations/{id}")))
}

fn said(fake: &FakeYandex, operation: &str) -> String {
    let told = api(fake, "GET", operation).json();
    told["status"].as_str().unwrap().to_owned()
}

fn stat(fake: &FakeYandex, path: &str) -> Told {
    api(fake, "GET", &format!("/resources?path=disk%3A{path}"))
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
    let told = link(&fake, "/a/dump-partial").error();
    assert_eq!(told, "409 DiskPathDoesntExistsError");
    assert_eq!(api(&fake, "PUT", "/resources?path=disk%3A%2Fa").status, 201);
    let told = link(&fake, "/a/dump-partial").json();
    let operation = format!("/operations/{}", told["operation_id"].as_str().unwrap());
    assert_eq!(said(&fake, &operation), "in-progress");
    let stored = put(told["href"].as_str().unwrap(), b"abc").unwrap();
    assert_eq!((stored.status, stored.body.len()), (201, 0));
    assert_eq!(said(&fake, &operation), "success");

    let fields = "/resources?path=disk:/a/dump-partial&fields=size,md5,sha256";
    let told = json!({
        "size": 3,
        "md5": "900150983cd24fb0d6963f7d28e17f72",
        "sha256": Sha256::of(b"abc"),
    });
    assert_eq!(api(&fake, "GET", fields).json(), told);

    let rename = "/resources/move?from=disk:/a/dump-partial&path=disk:/a/x%2B+y.db";
    assert_eq!(api(&fake, "POST", rename).status, 201);
    assert_eq!(fake.names("/a"), ["x+ y.db"]);
    let first = api(&fake, "GET", "/resources/download?path=disk:/a/x%2B+y.db").href();
    let hop = ask("GET", &first, &[], b"").unwrap();
    let storage = hop.header("Location").unwrap();
    assert_eq!(hop.status, 302);
    assert_eq!(ask("GET", storage, &[], b"").unwrap().body, b"abc");
    for (range, status, told, body) in [
        ("bytes=1-", 206, "bytes 1-2/3", Some("bc")),
        ("bytes=0-0", 206, "bytes 0-0/3", Some("a")),
        ("bytes=3-", 416, "bytes */3", None),
    ] {
        let part = ask("GET", storage, &[&format!("Range: {range}")], b"").unwrap();
        let found = (part.status, part.header("Content-Range"));
        assert_eq!(found, (status, Some(told)));
        assert!(body.is_none_or(|body| body.as_bytes() == part.body));
    }
    assert_eq!(fake.braked_uploads(), Vec::<String>::new());
    assert_eq!(fake.count(Op::Put), 1);
    let log = fake.requests();
    assert_eq!(log[4].path, "/a/dump-partial");
    assert_eq!(log[2].param("overwrite"), Some("true"));
    assert!(
        log.iter()
            .all(|request| !format!("{request:?}").contains(TOKEN))
    );
    assert_eq!(log[4].headers[1], ("content-length".into(), "3".into()));
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
        assert_eq!(told.error(), "401 UnauthorizedError");
        expect(&fake, &["the authorization is not"]);
    }
    let token = format!("Authorization: OAuth {TOKEN}");
    let framed = "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n";
    for (headers, body, told) in [
        (token.as_str(), "x", "201 the token was sent to"),
        ("Content-Type: multipart/x", "x", "201 a multipart body"),
        ("Content-Range: bytes 0-0/1", "x", "412 content-range"),
        ("Accept: */*", framed, "201 the framing of a form"),
        ("", "", "411 an upload without a length"),
        (
            "Transfer-Encoding: chunked",
            "0\r\n\r\n",
            "411 an upload without a length",
        ),
    ] {
        let href = link(&fake, "/a/new").href();
        let (status, words) = told.split_once(' ').unwrap();
        let length = format!("Content-Length: {}", body.len());
        let headers = [headers, &length];
        let sent = if status == "411" {
            &headers[..usize::from(!body.is_empty())]
        } else {
            &headers
        };
        assert_eq!(
            ask("PUT", &href, sent, body.as_bytes())
                .unwrap()
                .status
                .to_string(),
            status
        );
        expect(&fake, &[words]);
    }
    let href = link(&fake, "/a/new").href();
    assert_eq!(put(&href.replace("%2f", "/"), b"x").unwrap().status, 404);
    expect(&fake, &["nobody was given that link"]);
    assert_eq!(put(&href, b"x").unwrap().status, 201);
    assert_eq!(put(&href, b"x").unwrap().status, 400);
    expect(&fake, &["a second PUT to one link"]);

    let down = api(&fake, "GET", "/resources/download?path=disk:/a/x.db").href();
    let hop = ask("GET", &down, &[&token], b"").unwrap();
    ask("GET", hop.header("Location").unwrap(), &[&token], b"").unwrap();
    expect(&fake, &["to the host Download", "to the host Storage"]);

    for (rest, told) in [
        ("/resources?path=/a/x.db", "200 does not begin with disk:/"),
        ("/resources?path=a:b", "400 does not begin with disk:/"),
        (
            "/resources?path=disk:/a&path=disk:/",
            "200 path is there twice",
        ),
        (
            "/resources?path=disk:/a&sorted=name",
            "200 the parameter sorted",
        ),
        ("/resources?path=disk:/%ff", "400 no percent-encoded UTF-8"),
        ("/resources/files", "404 the service has nothing there"),
    ] {
        let (status, words) = told.split_once(' ').unwrap();
        assert_eq!(api(&fake, "GET", rest).status.to_string(), status);
        assert!(fake.forgive()[0].contains(words), "{words}");
    }
    for (header, words) in [
        ("User-Agent: Yandex.Disk {}", "poses as a program"),
        ("Accept-Encoding: gzip", "accepts gzip"),
        ("Referer: http://x/", "no referer"),
        ("Content-Length: 1", "a body where none belongs"),
    ] {
        assert_eq!(
            ask("GET", &disk, &[&token, header], b"x").unwrap().status,
            200
        );
        expect(&fake, &[words]);
    }
    assert_eq!(link(&fake, "/a/y.tar.gz").status, 200);
    assert_eq!(fake.braked_uploads(), ["/a/y.tar.gz"]);
    fake.revoke();
    assert_eq!(api(&fake, "GET", "").status, 401);
    fake.accept(TOKEN);
    assert_eq!(api(&fake, "GET", "/").status, 200);
}

#[test]
#[should_panic(expected = "the authorization is not")]
fn a_violation_fails_the_test() {
    let fake = FakeYandex::start();
    let _ = ask("GET", &fake.api_url(), &[], b"");
}

#[test]
fn one_connection_serves_many_requests() {
    let fake = FakeYandex::start();
    fake.put("/a/x.db", b"x");
    let mut wire = Wire::to(&fake.api_url());
    let token = format!("Authorization: OAuth {TOKEN}");
    for told in [
        "200 GET ",
        "204 DELETE /resources?path=disk:/a/x.db&permanently=true",
        "404 GET /resources?path=disk:/a/x.db",
        "201 PUT /resources?path=disk:/b",
    ] {
        let (status, request) = told.split_once(' ').unwrap();
        let (method, rest) = request.split_once(' ').unwrap();
        wire.send(method, &format!("{}{rest}", fake.api_url()), &[&token], b"");
        assert_eq!(wire.answer().unwrap().status.to_string(), status);
    }
}

#[test]
fn conflicts_have_names() {
    let fake = FakeYandex::start();
    fake.put("/a/x.db", b"x");
    fake.put("/a/y.db", b"yy");
    let long = format!(
        "400 FieldValidationError GET /resources?path=disk:/{}",
        "n".repeat(256)
    );
    for told in [
        "409 DiskPathPointsToExistentDirectoryError PUT /resources?path=disk:/a",
        "409 DiskResourceAlreadyExistsError PUT /resources?path=disk:/a/x.db",
        "409 DiskPathDoesntExistsError PUT /resources?path=disk:/b/c",
        "409 DiskResourceAlreadyExistsError GET /resources/upload?path=disk:/a/x.db",
        "409 DiskPathPointsToExistentDirectoryError GET /resources/upload?path=disk:/a",
        "404 DiskNotFoundError GET /resources/download?path=disk:/a/z.db",
        "409 DiskResourceAlreadyExistsError POST /resources/move?from=disk:/a/x.db&path=disk:/a/y.db",
        "404 DiskNotFoundError POST /resources/move?from=disk:/a/z.db&path=disk:/a/y.db",
        "409 DiskPathDoesntExistsError POST /resources/move?from=disk:/a/x.db&path=disk:/b/y.db",
        "409 MD5DifferError DELETE /resources?path=disk:/a/x.db&md5=00",
        "404 DiskNotFoundError DELETE /resources?path=disk:/a/z.db",
        "400 FieldValidationError GET /resources?path=disk:/a/../b",
        "400 FieldValidationError GET /resources?path=disk:/a&limit=x",
        "404 DiskOperationNotFoundError GET /operations/none",
        &long,
    ] {
        let words: Vec<&str> = told.split(' ').collect();
        let error = api(&fake, words[2], words[3]).error();
        assert_eq!(error, words[..2].join(" "), "{told}");
    }
    let over = "/resources/move?from=disk:/a/x.db&path=disk:/a/y.db&overwrite=true";
    fake.on(Op::Move, When::First(1), Fault::IgnoreOverwrite);
    assert_eq!(api(&fake, "POST", over).status, 409);
    assert_eq!(api(&fake, "POST", over).status, 201);
    assert_eq!(fake.names("/a"), ["y.db"]);
    assert_eq!(fake.read("/a/y.db").unwrap(), b"x");
    let right = "/resources?path=disk:/a/y.db&md5=9dd4e461268c8034f5c8564e155c67a6";
    assert_eq!(api(&fake, "DELETE", right).status, 204);
    assert_eq!(fake.trash(), ["/a/y.db"]);
    assert_eq!(api(&fake, "DELETE", "/trash/resources").status, 204);
    assert_eq!(fake.trash().len(), 0);
    fake.put("/a/z.db", b"z");
    let folder = api(&fake, "DELETE", "/resources?path=disk:/a&permanently=true");
    assert_eq!((folder.status, fake.names("/a").len()), (202, 1));
    let operation = folder.href().replace(&fake.api_url(), "");
    assert_eq!(said(&fake, &operation), "in-progress");
    assert_eq!(said(&fake, &operation), "success");
    assert_eq!(fake.names("/").len(), 0);
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
    let rename = |told: &mut Value| told["_embedded"]["items"][0]["name"] = json!("../x");
    fake.on(Op::List, When::Nth(2), Fault::PageRepeats);
    fake.on(Op::List, When::Nth(3), Fault::EndlessPages);
    fake.on(Op::List, When::Nth(4), Fault::WrongTotal(7));
    fake.on(Op::List, When::Nth(5), Fault::edit(rename));
    fake.before(Op::List, 6, |disk| disk.remove("/a/00"));
    assert_eq!(names(&page("&limit=2&offset=2")), ["02", "03"]);
    assert_eq!(names(&page("&limit=2&offset=4")), ["02", "03"]);
    assert_eq!(names(&page("&limit=2&offset=1000")), ["00", "01"]);
    assert_eq!(page("&limit=2")["_embedded"]["total"], 7);
    assert_eq!(names(&page("&limit=2")), ["../x", "01"]);
    assert_eq!(names(&page("&limit=1")), ["01"]);
    fake.mkdir("/a/b/c");
    fake.set_modified("/a/07", "2025-01-31T04:00:00Z".parse().unwrap());
    let told = page("&limit=1&sort=modified");
    let item = &told["_embedded"]["items"][0];
    assert_eq!(item["modified"], "2025-01-31T04:00:00+00:00");
    assert_eq!(names(&page("&limit=1&sort=-name")), ["b"]);
}

#[test]
fn uploads_break_where_they_are_told_to() {
    let error = "DiskServiceUnavailableError";
    let after = Fault::StatusAfterWork { status: 500, error };
    let raw = Fault::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx".to_vec());
    let reset = Err(ErrorKind::ConnectionReset);
    for (fault, status, operation) in [
        (Fault::ResetBeforeWork, reset, "failed"),
        (Fault::ResetAtByte(2), reset, "failed"),
        (
            Fault::CloseAtByte(3),
            Err(ErrorKind::UnexpectedEof),
            "failed",
        ),
        (Fault::RefuseAtByte(1, 507), Ok(507), "failed"),
        (Fault::status(503, error), Ok(503), "failed"),
        (Fault::Html(413), Ok(413), "failed"),
        (Fault::Empty(500), Ok(500), "failed"),
        (Fault::Expired, Ok(410), "failed"),
        (raw, Ok(200), "failed"),
        (Fault::ResetAfterWork, reset, "success"),
        (after, Ok(500), "success"),
        (Fault::Stall(Duration::from_millis(1)), Ok(201), "success"),
    ] {
        let fake = FakeYandex::start();
        fake.on(Op::Put, When::Nth(1), fault);
        assert_eq!(upload(&fake, "/x", b"abc"), (status, operation.to_owned()));
        let stored = (operation == "success").then(|| b"abc".to_vec());
        assert_eq!(fake.read("/x"), stored);
        assert_eq!(upload(&fake, "/x", b"abc").0, Ok(201));
    }
}

#[test]
fn work_ends_later_or_shows_later() {
    let fake = FakeYandex::start();
    let accepted = |polls, ends| Fault::Accepted { polls, ends };
    let later = "in-progress".to_owned();
    fake.on(Op::Put, When::Nth(1), accepted(2, "success"));
    assert_eq!(upload(&fake, "/x", b"abc"), (Ok(202), later.clone()));
    assert_eq!(
        [stat(&fake, "/x").status, stat(&fake, "/x").status],
        [404, 200]
    );
    fake.on(Op::Put, When::Nth(1), accepted(0, "failed"));
    assert_eq!(upload(&fake, "/y", b"abc"), (Ok(202), "failed".to_owned()));
    fake.on(Op::Put, When::Nth(1), accepted(usize::MAX, "success"));
    assert_eq!(upload(&fake, "/y", b"abc"), (Ok(202), later.clone()));
    assert_eq!(stat(&fake, "/y").status, 404);
    fake.on(Op::Operation, When::Nth(1), Fault::OperationSays("failure"));
    assert_eq!(upload(&fake, "/z", b"abc"), (Ok(201), "failure".to_owned()));

    fake.on(Op::Move, When::Always, accepted(0, "success"));
    let told = api(&fake, "POST", "/resources/move?from=disk:/x&path=disk:/m");
    assert_eq!(
        (told.status, fake.names("/")),
        (202, vec!["x".into(), "z".into()])
    );
    assert_eq!(
        said(&fake, &told.href().replace(&fake.api_url(), "")),
        "success"
    );
    assert_eq!(fake.names("/"), ["m", "z"]);

    let missing = Fault::NoHashes {
        md5: false,
        sha256: true,
        looks: 1,
    };
    fake.on(Op::Put, When::Nth(1), Fault::Late { looks: 1 });
    fake.on(Op::Put, When::Nth(1), missing);
    fake.on(Op::Put, When::Nth(1), Fault::UpperCaseHash);
    assert_eq!(upload(&fake, "/l", b"abc").0, Ok(201));
    assert_eq!(stat(&fake, "/l").status, 404);
    assert_eq!(stat(&fake, "/l").json()["sha256"], Value::Null);
    let hash = Sha256::of(b"abc").to_string();
    assert_eq!(stat(&fake, "/l").json()["sha256"], hash.to_uppercase());
    fake.on(Op::Stat, When::Nth(1), Fault::LyingHash);
    assert_ne!(stat(&fake, "/z").json()["sha256"], hash);
    fake.corrupt("/z");
    assert_eq!(
        stat(&fake, "/z").json()["sha256"],
        json!(Sha256::of(b"`bc"))
    );

    fake.on(Op::Link, When::Nth(1), Fault::HrefTemplated);
    fake.on(Op::Link, When::Nth(1), Fault::HrefScheme("https"));
    fake.on(
        Op::Link,
        When::Nth(2),
        Fault::HrefRaw("file:///etc/passwd".into()),
    );
    let told = link(&fake, "/n").json();
    assert_eq!(told["templated"], true);
    assert!(
        told["href"]
            .as_str()
            .unwrap()
            .starts_with("https://127.0.0.1:")
    );
    assert_eq!(link(&fake, "/n").href(), "file:///etc/passwd");
}

#[test]
fn downloads_break_where_they_are_told_to() {
    let ask_for = |fault: Fault| {
        let fake = FakeYandex::start();
        fake.put("/x", b"abc");
        let first = api(&fake, "GET", "/resources/download?path=disk:/x").href();
        let hop = ask("GET", &first, &[], b"").unwrap();
        let storage = hop.header("Location").unwrap();
        fake.on(Op::Storage, When::Always, fault);
        ask("GET", storage, &["Range: bytes=1-"], b"").unwrap()
    };
    for (fault, status, header, body) in [
        (Fault::IgnoreRange, 200, "Content-Length: 3", &b"abc"[..]),
        (
            Fault::WrongContentRange,
            206,
            "Content-Range: bytes 2-2/3",
            b"bc",
        ),
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
        (Fault::ShorterLength(1), 206, "Content-Length: 1", b"b"),
        (Fault::LongerLength(1), 206, "Content-Length: 3", b"bc"),
        (Fault::CloseAtByte(1), 206, "Content-Length: 2", b"b"),
        (
            Fault::ContentEncoding("gzip"),
            206,
            "Content-Encoding: gzip",
            b"bc",
        ),
    ] {
        let told = ask_for(fault);
        assert_eq!(
            (told.status, told.body.as_slice()),
            (status, body),
            "{header}"
        );
        assert!(told.head.contains(header), "{}", told.head);
    }
    assert_eq!(ask_for(Fault::Expired).status, 410);

    let fake = FakeYandex::start();
    fake.put("/x", b"abc");
    let first = api(&fake, "GET", "/resources/download?path=disk:/x").href();
    fake.on(Op::Download, When::First(1), Fault::RedirectLoop);
    fake.on(
        Op::Download,
        When::AllAfter(1),
        Fault::RedirectTo("http://[::1]:1/".into()),
    );
    for place in [first.as_str(), "http://[::1]:1/"] {
        let hop = ask("GET", &first, &[], b"").unwrap();
        assert_eq!(hop.header("Location"), Some(place));
    }
}

#[test]
fn a_request_is_held_where_it_is_told_to() {
    let fake = FakeYandex::start();
    let href = link(&fake, "/x").href();
    let middle = fake.hold(Op::Put, 1, Moment::Body(2));
    let end = fake.hold(Op::Put, 1, Moment::AfterWork);
    let before = fake.hold(Op::Stat, 1, Moment::BeforeWork);
    thread::scope(|scope| {
        let sent = scope.spawn(|| put(&href, b"abc").unwrap().status);
        middle.reached();
        assert_eq!(fake.read("/x"), None);
        drop(middle);
        end.reached();
        assert_eq!(fake.read("/x").unwrap(), b"abc");
        assert!(!sent.is_finished());
        let looked = scope.spawn(|| stat(&fake, "/x").status);
        before.reached();
        fake.remove("/x");
        drop(before);
        assert_eq!(looked.join().unwrap(), 404);
        drop(end);
        assert_eq!(sent.join().unwrap(), 201);
    });
    // A client that dies in the middle stores nothing.
    let href = link(&fake, "/y").href();
    let mut wire = Wire::to(&href);
    wire.send("PUT", &href, &["Content-Length: 3"], b"ab");
    drop(wire);
    assert_eq!(fake.read("/y"), None);
}

#[test]
fn room_runs_out() {
    let fake = FakeYandex::start();
    fake.set_quota(10, 4);
    assert_eq!(upload(&fake, "/x", b"12345"), (Ok(413), "failed".into()));
    assert_eq!(upload(&fake, "/x", b"1234").0, Ok(201));
    assert_eq!(upload(&fake, "/y", b"1234").0, Ok(201));
    assert_eq!(upload(&fake, "/x", b"123"), (Ok(507), "failed".into()));
    assert_eq!(api(&fake, "DELETE", "/resources?path=disk:/x").status, 204);
    let told = api(&fake, "GET", "").json();
    assert_eq!([&told["used_space"], &told["trash_size"]], [8, 4]);
    assert_eq!(upload(&fake, "/z", b"12").0, Ok(201));
    assert_eq!(
        link(&fake, "/w").error(),
        "507 DiskStorageQuotaExhaustedError"
    );
    fake.set_paid();
    assert_eq!(
        api(&fake, "GET", "").json()["max_file_size"],
        53_687_091_200_u64
    );
}

#[test]
fn tokens_are_given_to_whom_the_user_trusts() {
    let fake = FakeYandex::start();
    let form = "Content-Type: application/x-www-form-urlencoded";
    let post = |path: &str, body: &str| {
        let length = format!("Content-Length: {}", body.len());
        let url = format!("{}{path}", fake.oauth_url());
        let told = ask("POST", &url, &[form, &length], body.as_bytes());
        told.unwrap().json()
    };
    let secret = format!("client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}");
    let grant = |rest: &str| {
        let told = post("/token", &format!("{secret}&grant_type={rest}"));
        let word = told["error"].as_str().or(told["access_token"].as_str());
        word.unwrap().to_owned()
    };
    assert_eq!(
        post("/device/code", "client_id=other")["error"],
        "invalid_client"
    );
    let told = post("/device/code", &format!("client_id={CLIENT_ID}"));
    let device = format!("device_code&code={}", told["device_code"].as_str().unwrap());
    fake.consent(|consent| consent.polls = 1);
    assert_eq!(grant(&device), "authorization_pending");
    assert_eq!(grant(&device), TOKEN);
    fake.consent(|consent| consent.denied = true);
    assert_eq!(grant(&device), "access_denied");
    fake.consent(|consent| consent.expired = true);
    assert_eq!(grant(&device), "invalid_grant");
    assert_eq!(grant("authorization_code&code=x"), "bad_verification_code");
    assert_eq!(grant("authorization_code&code=1234567"), "invalid_grant");
    assert_eq!(grant("authorization_code&code=7654321"), TOKEN);
    assert_eq!(
        grant(&format!("refresh_token&refresh_token={REFRESH_TOKEN}")),
        TOKEN
    );

    // The example of RFC 7636.
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let page = format!("response_type=code&client_id={CLIENT_ID}&code_challenge={challenge}");
    let url = format!("{}/authorize?{page}", fake.oauth_url());
    assert!(
        ask("GET", &url, &[], b"")
            .unwrap()
            .body
            .starts_with(b"<p>7654321")
    );
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let typed = "authorization_code&code=7654321&code_verifier=";
    assert_eq!(grant(&format!("{typed}{verifier}")), TOKEN);
    assert_eq!(grant(&format!("{typed}other")), "invalid_grant");
    assert_eq!(fake.count(Op::OauthToken), 10);
}
