//! What holds of headers, addresses and other people's words, whatever they are.

use std::io;

use jiff::Timestamp;
use ureq::http::Uri;

use super::address::{host_of, is_private, origin, site_of, with_query};
use super::headers::{content_range, date, retry_after};
use super::{Http, Incoming, Rate, said};
use crate::provider::retry::Policy;
use crate::provider::{Object, ObjectKind, ProviderKind};
use crate::text::{acts_on_terminal, encoded};

/// What headers say: nothing overflows, and no more is believed than was asked for.
pub(crate) fn headers(text: &str) {
    let _ = date(text);
    if let Some(pause) = retry_after(text, Some(Timestamp::now())) {
        assert!(pause.as_secs() <= 366 * 86_400 || date(text).is_some());
        assert!(Timestamp::now().checked_add(pause).is_ok());
    }
    let range = content_range(text);
    let numbers: Vec<u64> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect();
    let first = |at: usize, usual| numbers.get(at).copied().unwrap_or(usual);
    let (size, offset) = (first(0, 10).max(1), first(1, 3));
    let length = numbers.get(2).copied();
    for status in [200, 206, 416, 500] {
        let incoming = Incoming {
            status,
            length,
            range,
            retry_after: None,
            reader: Box::new(io::empty()),
        };
        let taken = incoming.rest_of(ProviderKind::YandexDisk, &object(size), offset % size);
        assert!(taken.is_err() || matches!(status, 200 | 206));
        if taken.is_ok() && status == 206 {
            let fits = |(from, total): (u64, Option<u64>)| {
                from == offset % size && total.is_none_or(|total| total == size)
            };
            assert!(range.is_some_and(fits), "{text}");
        }
    }
}

fn object(size: u64) -> Object {
    Object {
        name: "x.db".to_owned(),
        kind: ObjectKind::File,
        size,
        modified: None,
        sha256: None,
        md5: None,
        version: "1".to_owned(),
    }
}

/// Addresses, and the words of others: no bytes go where no cloud is, and what is shown is
/// short and harmless.
pub(crate) fn addresses(text: &str) {
    let http = client();
    if let Ok(url) = http.transfer_url(text) {
        let url = url.expose();
        assert!(url.starts_with("https://"), "{url}");
        let (scheme, host, _) = origin(url).unwrap_or_default();
        assert_eq!(scheme, "https");
        assert!(!is_private(&host), "{url}");
    }
    assert!(text.starts_with(site_of(text)));
    for shown in [host_of(text), said(text)] {
        assert!(!shown.contains(acts_on_terminal), "{shown:?}");
    }
    // Each of the two hundred may be written with ten.
    assert!(said(text).len() <= 2000);
    if text.len() < 4000 {
        let url = with_query(
            "https://disk/x".to_owned(),
            &[("path", text), ("limit", "1")],
        );
        let read = url.parse::<Uri>();
        let query = read.ok().and_then(|uri| uri.query().map(str::to_owned));
        assert_eq!(query, Some(format!("path={}&limit=1", encoded(text))));
    }
    let decoded = percent_encoding::percent_decode_str(&encoded(text))
        .decode_utf8_lossy()
        .into_owned();
    assert_eq!(decoded, text);
    proxy(text);
}

/// The address of a proxy may hold a password, which nothing shows.
fn proxy(text: &str) {
    let Ok(proxy) = ureq::Proxy::new(text) else {
        return;
    };
    let shown = format!("{proxy:?}");
    if let Some(password) = proxy.password().filter(|password| password.len() >= 12) {
        assert!(!shown.contains(password), "{shown}");
    }
    for error in [ureq::Error::HostNotFound, ureq::Error::ConnectionFailed] {
        let told = super::proxy::unreached(ProviderKind::YandexDisk, Some(&proxy), "disk", &error);
        assert!(told.is_none_or(|error| error.detail.len() < 200));
    }
}

/// Of a provider in the net: to make one takes longer than all that is done with it.
fn client() -> &'static Http {
    static CLIENT: std::sync::OnceLock<Http> = std::sync::OnceLock::new();
    CLIENT.get_or_init(|| {
        let rate = Rate {
            burst: 1,
            per_second: 1,
        };
        Http::new(
            ProviderKind::YandexDisk,
            "https://disk.test",
            rate,
            Policy::default(),
        )
    })
}
