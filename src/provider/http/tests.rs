//! What the world says in headers, addresses and bodies, read without trust.

use std::io;

use super::address::site_of;
use super::headers::{content_range, retry_after};
use super::*;
use crate::provider::error::unsmuggle;

#[test]
fn retry_after_is_a_time_or_nothing() {
    let told = |text| retry_after(text, None);
    assert_eq!(told("7"), Some(Duration::from_secs(7)));
    assert_eq!(told("0"), Some(Duration::ZERO));
    let year = Duration::from_secs(366 * 86_400);
    assert_eq!(told("1000000000000000000"), Some(year));
    for nonsense in ["", "soon", "-1", "1e18", "99999999999999999999999", "1.5"] {
        assert_eq!(told(nonsense), None, "{nonsense}");
    }
    assert_eq!(told("Sun, 06 Nov 1994 08:49:37 GMT"), None);
    assert_eq!(told("Fri, 06 Nov 2150 08:49:37 GMT"), Some(year));
    // Counted by the clock over there, wherever ours stands.
    let there = date("Sun, 06 Nov 1994 08:49:30 GMT");
    let later = retry_after("Sun, 06 Nov 1994 08:49:37 GMT", there);
    assert_eq!(later, Some(Duration::from_secs(7)));
}

#[test]
fn ranges_are_read_or_refused() {
    assert_eq!(content_range("bytes 10-19/20"), Some((10, Some(20))));
    assert_eq!(content_range("bytes 10-19/*"), Some((10, None)));
    for nonsense in [
        "",
        "bytes */20",
        "10-19/20",
        "bytes -19/20",
        "bytes 99999999999999999999-1/2",
    ] {
        assert_eq!(content_range(nonsense), None, "{nonsense}");
    }
}

#[test]
fn values_are_data() {
    assert_eq!(
        encoded("disk:/a b+%#&я.db"),
        "disk%3A%2Fa%20b%2B%25%23%26%D1%8F.db"
    );
}

const RATE: Rate = Rate {
    burst: 1,
    per_second: 1,
};

#[test]
fn bytes_go_to_no_strange_place() {
    let cloud = Http::new(
        ProviderKind::YandexDisk,
        "https://cloud-api.yandex.net",
        RATE,
        Policy::default(),
    );
    for kept in [
        "https://uploader1.disk.yandex.net:443/upload-target/x?y=z",
        "https://8.8.8.8/x",
        "https://100.63.0.1/x",
        "https://0xfeed.example/x",
        "https://[2606:4700::1111]/x",
    ] {
        assert_eq!(cloud.checked_url(kept).unwrap(), kept);
    }
    assert_eq!(
        cloud.checked_url("http://a.example/x").unwrap(),
        "https://a.example/x"
    );
    for strange in [
        "ftp://a.example/x",
        "file:///etc/passwd",
        "//a.example/x",
        "/x",
        "",
        "https://user@a.example/x",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/x",
        "https://[::1]/x",
        "http://localhost/x",
        "https://LOCALHOST./x",
        "https://a.localhost/x",
        "https://127.0.0.1./x",
        "https://127.1/x",
        "https://0x7f.0.0.1/x",
        "https://2130706433/x",
        "https://0xA9FEA9FE/latest",
        "https://[::ffff:169.254.169.254]/latest",
        "https://[::ffff:10.0.0.1]/x",
        "https://[fd00:ec2::254]/latest",
        "https://[::]/x",
        "https://0.0.0.0/x",
        "https://100.100.100.200/latest",
    ] {
        assert!(cloud.checked_url(strange).is_err(), "{strange}");
    }
    let here = Http::new(
        ProviderKind::YandexDisk,
        "http://127.0.0.1:8080",
        RATE,
        Policy::default(),
    );
    let near = "http://127.0.0.1:9090/x";
    assert_eq!(here.checked_url(near).unwrap(), near);
    let gateway = Http::new(
        ProviderKind::YandexDisk,
        "https://localhost:8443",
        RATE,
        Policy::default(),
    );
    let near = "https://localhost:9443/x";
    assert_eq!(gateway.checked_url(near).unwrap(), near);
    for strange in [
        "https://169.254.169.254/latest",
        "https://[::ffff:169.254.169.254]/latest",
        "https://0xA9FEA9FE/latest",
        "https://2852039166/latest",
        "https://[fe80::1]/x",
    ] {
        assert!(here.checked_url(strange).is_err(), "{strange}");
    }
}

#[test]
fn an_error_page_is_shown_short_and_without_addresses() {
    let answer = |text: &str| Answer {
        status: 502,
        body: text.as_bytes().to_vec(),
        ..Answer::default()
    };
    assert_eq!(
        answer("Bad\n  Gateway\u{1b}[2J").excerpt(),
        "Bad Gateway\\u{1b}[2J"
    );
    let shown = answer("see https://uploader/SIGNED").excerpt();
    assert!(!shown.contains("SIGNED"), "{shown}");
    assert_eq!(answer(&"x ".repeat(5000)).excerpt().len(), 200);
}

#[test]
fn a_source_that_ends_early_is_an_error_and_no_endless_wait() {
    let all_sent = Cell::new(false);
    let mut source = &b"abc"[..];
    let transfer = Transfer {
        size: 5,
        ..Transfer::default()
    };
    let mut body = Exactly::new(&mut source, &transfer, &crate::progress::Silent, &all_sent);
    let error = io::copy(&mut body, &mut io::sink()).unwrap_err();
    let error = unsmuggle(error).unwrap();
    assert_eq!(error.to_string(), "the source ended after 3 of 5 bytes");
    assert!(!all_sent.get());
}

#[test]
fn a_redirect_may_leave_the_host_out() {
    assert_eq!(site_of("https://a.example:1/b/c?d"), "https://a.example:1");
    assert_eq!(site_of("https://a.example"), "https://a.example");
    assert_eq!(site_of("https://a.example?x=/y"), "https://a.example");
}
