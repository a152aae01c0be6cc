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

/// The address that a host is written as, also an IPv4 one in the clothes of IPv6.
fn literal(host: &str) -> Option<IpAddr> {
    let host = host.trim_matches(['[', ']']);
    let address: IpAddr = host.trim_end_matches('.').parse().ok()?;
    Some(address.to_canonical())
}

/// Whether the system would read a host as a number, such as `0x7f.1` or `2130706433`:
/// an address that nobody writes like that who has nothing to hide.
fn is_number(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let last = host.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let is_hex = hex.is_some_and(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
    is_hex || !last.is_empty() && last.bytes().all(|digit| digit.is_ascii_digit())
}

pub(super) fn is_loopback(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || literal(host).is_some_and(|address| address.is_loopback())
}

pub(super) fn is_private(host: &str) -> bool {
    if is_loopback(host) {
        return true;
    }
    match literal(host) {
        Some(IpAddr::V4(v4)) => {
            let [first, second, ..] = v4.octets();
            // Those that providers of access and of machines share among their customers.
            let is_shared = first == 100 && second & 0b1100_0000 == 64;
            let is_none = first == 0 || v4.is_multicast() || v4.is_broadcast();
            v4.is_private() || v4.is_link_local() || is_shared || is_none
        }
        Some(IpAddr::V6(v6)) => {
            let is_none = v6.is_unspecified() || v6.is_multicast();
            v6.is_unique_local() || v6.is_unicast_link_local() || is_none
        }
        None => is_number(host),
    }
}

/// Addresses that no gateway has: those of a machine's own provider, which tells its secrets there.
pub(super) fn is_link_local(host: &str) -> bool {
    match literal(host) {
        Some(IpAddr::V4(v4)) => v4.is_link_local(),
        Some(IpAddr::V6(v6)) => v6.is_unicast_link_local(),
        None => is_number(host),
    }
}
