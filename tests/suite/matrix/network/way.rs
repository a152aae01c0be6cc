//! Where requests are led: redirects (N10), and where credentials go (S3).

use serde_json::json;

use super::line::{
    DOWNLOAD, Fault, SYNC, Step, content, downloads, fails, lines, survives, uploads, whole,
};
use super::somebody::Somebody;
use crate::support::fake::rules::When;

/// Leads from `/N` to `/N-1`, and gives the backup at `/0`.
fn hops(status: &'static str) -> Somebody {
    Somebody::who(move |head| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let left: u32 = path.trim_start_matches('/').parse().unwrap_or(0);
        if left == 0 {
            let body = content();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            return [head.as_bytes(), &body].concat();
        }
        let next = left - 1;
        format!("HTTP/1.1 {status}\r\nLocation: /{next}\r\nContent-Length: 0\r\n\r\n").into()
    })
}

#[test]
fn n10_five_hops_are_followed_and_no_sixth() {
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let somebody = hops(status);
        // The hop to somebody is the first one.
        for line in downloads() {
            line.breaks(Step::Lead, When::Always, Fault::Leads(somebody.url("/4")));
            survives(&*line, status, &DOWNLOAD, 0);
        }
        for line in downloads() {
            line.breaks(Step::Lead, When::Always, Fault::Leads(somebody.url("/5")));
            let told = fails(&*line, status, &DOWNLOAD, "network");
            let detail = told["detail"].as_str().unwrap();
            assert!(detail.contains("too many redirects"), "{detail}");
        }
        for head in somebody.heads() {
            let head = head.to_lowercase();
            assert!(
                !head.contains("authorization") && !head.contains("referer"),
                "{head}"
            );
        }
    }
}

#[test]
fn n10_a_redirect_that_leads_astray_is_not_followed() {
    let somebody = hops("302 Found");
    let with_user = format!("http://user:SECRET@{}/0", somebody.address);
    let places = [
        (with_user.as_str(), "an address with a user in it"),
        (
            "https://169.254.169.254/latest?SECRET",
            "inside this network",
        ),
        (
            "http://169.254.169.254/latest?SECRET",
            "inside this network",
        ),
        (
            "http://[::ffff:169.254.169.254]/SECRET",
            "inside this network",
        ),
        ("http://0xA9FEA9FE/SECRET", "inside this network"),
        ("ftp://127.0.0.1/SECRET", "not one of the web"),
        ("file:///etc/passwd", "an address that cannot be read"),
        ("//127.0.0.1:9/x?SECRET", "not a whole one"),
        ("elsewhere?SECRET", "an address that cannot be read"),
        ("http://[::SECRET/", "an address that cannot be read"),
        ("", "an address that cannot be read"),
    ];
    for (place, words) in places {
        for line in downloads() {
            line.breaks(Step::Lead, When::Always, Fault::Leads(place.to_owned()));
            let before = line.seen(Step::Lead).len();
            let told = fails(&*line, place, &DOWNLOAD, "network");
            let detail = told["detail"].as_str().unwrap();
            assert!(detail.contains(words), "{place}: {detail}");
            assert!(!told.to_string().contains("SECRET"), "{told}");
            // Another one when all is well.
            assert_eq!(line.seen(Step::Lead).len() - before, 2, "{place}");
        }
    }
    for head in [
        "302 Found",
        "301 Moved Permanently",
        "304 Not Modified",
        "300 Choices",
    ] {
        for line in downloads() {
            line.breaks(Step::Lead, When::Always, whole(head, b""));
            let told = fails(&*line, head, &DOWNLOAD, "network");
            let detail = told["detail"].as_str().unwrap();
            assert!(detail.contains("a redirect to nowhere"), "{detail}");
        }
    }
    assert_eq!(somebody.heads(), Vec::<String>::new());
}

/// Bytes of an upload are sent where the service said, and nowhere else: an answer that
/// leads on is a refusal. (The row allows to begin anew elsewhere, too; no upload host of
/// either cloud is known to want that.)
#[test]
fn n10_an_upload_is_not_led_elsewhere() {
    for status in [301, 302, 303, 307, 308] {
        let somebody = hops("302 Found");
        for line in uploads() {
            // The Drive means something else by 308: how much it has.
            if status == 308 && line.provider() == "google_drive" {
                line.breaks(
                    Step::Send,
                    When::First(2),
                    Fault::LeadsAt(1000, status, somebody.url("/0")),
                );
                survives(&*line, "308 in the middle", &SYNC, 0);
                continue;
            }
            let lead = Fault::LeadsAt(100_000, status, somebody.url("/0"));
            line.breaks(Step::Send, When::Always, lead);
            let told = fails(&*line, "in the middle", &SYNC, "network");
            let detail = told["detail"].as_str().unwrap();
            assert!(detail.contains(&status.to_string()), "{detail}");
        }
        assert_eq!(somebody.heads(), Vec::<String>::new(), "{status}");
    }
}

#[test]
fn n10_a_question_to_the_api_is_not_led_elsewhere() {
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Moved",
        "308 Moved",
    ] {
        let somebody = hops("302 Found");
        let lead = || {
            whole(
                &format!("{status}\r\nLocation: {}", somebody.url("/0")),
                b"",
            )
        };
        for step in [Step::Account, Step::Begin, Step::Name] {
            for line in uploads() {
                line.breaks(step, When::Always, lead());
                let told = fails(&*line, status, &SYNC, "network");
                let hint = told["hint"].as_str().unwrap();
                assert!(
                    hint.contains("whether the network wants a login"),
                    "{step:?}: {told}"
                );
            }
        }
        for line in lines() {
            line.breaks(Step::Token, When::Always, lead());
            line.breaks(Step::List, When::Always, lead());
            let told = line
                .call(&["files", "acme-corp", "--json"])
                .run()
                .code(6)
                .json();
            assert_eq!(told["reason"], "network", "{told}");
        }
        assert_eq!(somebody.heads(), Vec::<String>::new(), "{status}");
    }
}

/// The credentials of all requests that came to somebody.
fn credentials(heads: &[String]) -> usize {
    let with = heads.iter().filter(|head| {
        let head = head.to_lowercase();
        head.contains("authorization:") || head.contains("token=") || head.contains("canary")
    });
    with.count()
}

/// On every other host of theirs the fakes take a token amiss, and fail their test for it; so
/// they are tried first.
#[test]
fn s3_the_fakes_take_credentials_amiss_anywhere_but_at_the_api() {
    use crate::support::fake::wire::ask;
    use crate::support::fake_drive::{FakeDrive, TOKEN as DRIVE_TOKEN};
    use crate::support::fake_yandex::{FakeYandex, TOKEN};
    let disk = FakeYandex::start();
    let own = format!("Authorization: OAuth {TOKEN}");
    for host in disk.hosts() {
        let _ = ask("GET", &format!("{host}/x"), &[&own], b"");
    }
    let told = disk.forgive();
    let sent = told
        .iter()
        .filter(|flaw| flaw.contains("the token was sent to the host"));
    assert_eq!(sent.count(), disk.hosts().len() - 1, "{told:?}");
    let drive = FakeDrive::start();
    let own = format!("Authorization: Bearer {DRIVE_TOKEN}");
    for host in [drive.api_url(), drive.oauth_url(), drive.download_url()] {
        let _ = ask("GET", &format!("{host}/x"), &[&own], b"");
    }
    let told = drive.forgive();
    let sent = told
        .iter()
        .filter(|flaw| flaw.contains("the token was sent to the host"));
    assert_eq!(sent.count(), 2, "{told:?}");
}

#[test]
fn s3_another_port_of_the_same_host_is_another_place() {
    // Whatever leads there: bytes may go, credentials may not.
    let somebody = Somebody::who(|_| b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into());
    for line in downloads() {
        line.breaks(Step::Lead, When::Always, Fault::Leads(somebody.url("/x")));
        fails(&*line, "a download", &DOWNLOAD, "network");
    }
    let place = format!("200 OK\r\nLocation: {}", somebody.url("/x"));
    for line in uploads() {
        // The address of an upload: in the head for one, in the body for the other.
        let body = json!({"href": somebody.url("/x"), "method": "PUT", "templated": false});
        line.breaks(
            Step::Begin,
            When::Always,
            whole(&place, body.to_string().as_bytes()),
        );
        line.call(&SYNC).run().code(6);
    }
    let heads = somebody.heads();
    assert!(heads.len() >= 4, "{heads:?}");
    assert_eq!(credentials(&heads), 0, "{heads:?}");
}

#[test]
fn s3_nothing_is_asked_of_anybody_before_the_address_is_a_safe_one() {
    // Plain HTTP is for this machine alone, however its name is written.
    for url in [
        "http://cloud.example/v1",
        "http://127.0.0.1.cloud.example/v1",
        "http://localhost.cloud.example/v1",
        "http://10.0.0.1/v1",
        "http://[::ffff:10.0.0.1]/v1",
        "ftp://127.0.0.1/v1",
        "//127.0.0.1/v1",
        "HTTP://cloud.example/v1",
    ] {
        for line in lines() {
            line.configure(url, &line.token_url());
            let told = line
                .call(&["files", "acme-corp", "--json"])
                .run()
                .code(5)
                .json();
            assert_eq!(told["code"], "config_invalid", "{url}: {told}");
        }
    }
}
