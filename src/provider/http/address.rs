//! Addresses: what may stand in one, and what one is good for.

use std::net::IpAddr;

use ureq::http::Uri;

use crate::text::{encoded, printable};

/// An address with parameters, each of them percent-encoded.
pub fn with_query(address: String, parameters: &[(&str, &str)]) -> String {
    let mut url = address;
    for (index, (key, value)) in parameters.iter().enumerate() {
        let mark = if index == 0 { '?' } else { '&' };
        url.extend([mark]);
        url.extend([*key, "=", &encoded(value)]);
    }
    url
}

/// The scheme, host and port of an address: what credentials belong to.
pub fn origin(url: &str) -> Option<(String, String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    if authority.as_str().contains('@') {
        return None;
    }
    let usual = if scheme == "https" { 443 } else { 80 };
    let port = authority.port_u16().unwrap_or(usual);
    Some((scheme.to_owned(), authority.host().to_lowercase(), port))
}

pub(super) fn host_of(url: &str) -> String {
    let uri = url.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or("the provider");
    printable(host).into_owned()
}

/// What stands before the path of an address.
pub(super) fn site_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |position| position + 3);
    let end = url[host..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |end| host + end);
    &url[..end]
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || literal(host).is_some_and(|address| address.is_loopback())
}

pub(super) fn is_private(host: &str) -> bool {
    is_loopback(host)
        || literal(host).is_some_and(|address| match address {
            IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_unspecified(),
            IpAddr::V6(v6) => {
                v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified()
            }
        })
}

/// Addresses that no gateway has: those of a machine's own provider, which tells its secrets there.
pub(super) fn is_link_local(host: &str) -> bool {
    literal(host).is_some_and(|address| match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    })
}
