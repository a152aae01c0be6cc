//! What fails on the way to a proxy is not the provider's fault, and is not told as if it were.

use std::io;

use ureq::http::Uri;
use ureq::{Proxy, Timeout};

use crate::provider::ProviderKind;
use crate::provider::error::{Error, Kind, Reason, Repeat};
use crate::text::system_reason;

/// The way out where a proxy may be what is wrong.
pub(super) const CHECK_THE_PROXY: &str = "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY";

/// The proxy through which a host is asked, if there is one.
pub(super) fn to<'a>(proxy: Option<&'a Proxy>, host: &str) -> Option<&'a Proxy> {
    let to: Uri = host.parse().ok()?;
    proxy.filter(|proxy| !proxy.is_no_proxy(&to))
}

/// Whether an error says that a connection did not come about.
pub(super) fn is_unreachable(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    matches!(
        error.kind(),
        ConnectionRefused | HostUnreachable | NetworkUnreachable
    )
}

/// The error of a proxy that cannot be reached, where a host is asked through one.
pub(super) fn unreached(
    kind: ProviderKind,
    proxy: Option<&Proxy>,
    host: &str,
    error: &ureq::Error,
) -> Option<Error> {
    let proxy = to(proxy, host)?;
    let (reason, why) = match error {
        // Of a proxy that is given addresses, it may be the name of the host.
        ureq::Error::HostNotFound | ureq::Error::Timeout(Timeout::Resolve)
            if !proxy.resolve_target() =>
        {
            (Reason::Dns, "its name cannot be resolved".to_owned())
        }
        ureq::Error::Timeout(Timeout::Connect) => {
            (Reason::Timeout, "it does not answer".to_owned())
        }
        ureq::Error::Io(error) if is_unreachable(error) => (Reason::Network, system_reason(error)),
        _ => return None,
    };
    let detail = format!("the proxy cannot be reached: {why}");
    let error = Error::new(kind, Kind::Connection(reason), detail)
        .hint(CHECK_THE_PROXY)
        .repeat(Repeat::Soon);
    Some(error)
}
