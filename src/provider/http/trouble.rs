//! What the errors of a connection mean.

use std::io;
use std::time::Duration;

use ureq::Timeout;

use super::proxy::is_unreachable;
use crate::provider::ProviderKind;
use crate::provider::error::{Error, Kind, Reason, Repeat, unsmuggle};
use crate::text::{printable, system_reason};

const CHECK_THE_WAY: &str =
    "check the network and the firewall of this machine, and api_url in the provider file";

const WAIT_LONGER: &str = "try again later, or wait longer for it with --timeout";

/// What a connection's errors mean.
#[derive(Clone, Copy)]
pub(super) struct Trouble {
    pub(super) kind: ProviderKind,
    pub(super) stall: Duration,
}

impl Trouble {
    /// An error of a request to a host.
    pub(super) fn error(self, host: &str, error: ureq::Error) -> Error {
        let say = |reason, detail: String| Error::new(self.kind, Kind::Connection(reason), detail);
        match error {
            ureq::Error::Io(error) => match unsmuggle(error) {
                Ok(inner) => Error::new(self.kind, Kind::Body(inner), "reading what is to be sent"),
                Err(error) => self.io(host, &error),
            },
            ureq::Error::HostNotFound => {
                say(Reason::Dns, format!("the name {host} cannot be resolved"))
                    .hint("check the name server, and api_url in the provider file")
                    .repeat(Repeat::Soon)
            }
            ureq::Error::Timeout(Timeout::Resolve) => {
                say(Reason::Dns, format!("no name server answers for {host}")).repeat(Repeat::Soon)
            }
            ureq::Error::Timeout(Timeout::Connect) => say(
                Reason::Timeout,
                format!("{host} cannot be reached: it does not answer"),
            )
            .hint(CHECK_THE_WAY)
            .repeat(Repeat::Soon),
            ureq::Error::Timeout(Timeout::RecvResponse) => {
                say(Reason::Timeout, format!("{host} gave no answer"))
                    .hint(WAIT_LONGER)
                    .repeat(Repeat::Soon)
            }
            ureq::Error::Timeout(_) => {
                let stall = self.stall.as_secs_f64();
                say(
                    Reason::Timeout,
                    format!("{host} moved no byte for {stall} s"),
                )
                .hint(WAIT_LONGER)
                .repeat(Repeat::Soon)
            }
            ureq::Error::Rustls(error) => self.tls(host, &error),
            ureq::Error::Tls(why) => say(Reason::Tls, format!("no TLS with {host}: {why}")),
            ureq::Error::ConnectProxyFailed(why) => {
                let why = printable(&why).into_owned();
                say(
                    Reason::Network,
                    format!("the proxy does not connect to {host}: {why}"),
                )
                .hint("check HTTPS_PROXY, HTTP_PROXY and NO_PROXY")
            }
            ureq::Error::InvalidProxyUrl => say(
                Reason::Network,
                "the address of the proxy cannot be read".to_owned(),
            )
            .hint("check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"),
            ureq::Error::ConnectionFailed => {
                say(Reason::Network, format!("{host} cannot be reached")).repeat(Repeat::Soon)
            }
            ureq::Error::LargeResponseHeader(..) | ureq::Error::Protocol(_) => {
                say(Reason::Network, format!("what {host} answers is not HTTP"))
                    .repeat(Repeat::Soon)
            }
            _ => say(Reason::Network, format!("{host} cannot be asked")),
        }
    }

    fn io(self, host: &str, error: &io::Error) -> Error {
        let inner = error.get_ref();
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return self.tls(host, error);
        }
        let why = system_reason(error);
        let say = |detail: String| {
            Error::new(self.kind, Kind::Connection(Reason::Network), detail).repeat(Repeat::Soon)
        };
        if is_unreachable(error) {
            return say(format!("{host} cannot be reached: {why}")).hint(CHECK_THE_WAY);
        }
        say(format!("the connection to {host} broke: {why}"))
    }

    fn tls(self, host: &str, error: &rustls::Error) -> Error {
        let why = printable(&error.to_string()).into_owned();
        let what = match error {
            rustls::Error::InvalidCertificate(_) => "cannot prove who it is",
            _ => "does not speak TLS as we do",
        };
        let detail = format!("{host} {what}: {why}");
        let hint = match error {
            rustls::Error::InvalidCertificate(
                rustls::CertificateError::Expired
                | rustls::CertificateError::ExpiredContext { .. }
                | rustls::CertificateError::NotValidYet
                | rustls::CertificateError::NotValidYetContext { .. },
            ) => "check the clock of this machine first",
            rustls::Error::InvalidCertificate(_) => {
                "is there a proxy that opens TLS? name its certificate authority with SSL_CERT_FILE"
            }
            _ => "check api_url in the provider file, and whether a proxy is in the way",
        };
        Error::new(self.kind, Kind::Connection(Reason::Tls), detail).hint(hint)
    }
}
