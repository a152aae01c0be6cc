//! What the errors of a connection mean.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use rustls::CertificateError;
use rustls::pki_types::UnixTime;
use ureq::Timeout;

use super::proxy::{self, is_unreachable};
use crate::provider::ProviderKind;
use crate::provider::error::{Error, Kind, Reason, Repeat, unsmuggle};
use crate::text::{printable, system_reason};

const CHECK_THE_WAY: &str =
    "check the network and the firewall of this machine, and api_url in the provider file";

const CHECK_THE_PROXY: &str =
    "check api_url in the provider file, and whether a proxy is in the way";

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
            ureq::Error::Tls(why) => self.no_tls(host, why),
            ureq::Error::ConnectProxyFailed(why) => {
                let why = printable(&why).into_owned();
                say(
                    Reason::Network,
                    format!("the proxy does not connect to {host}: {why}"),
                )
                .hint(proxy::CHECK_THE_PROXY)
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
        // As `rustls` tells of an end within its handshake; of any later one it says more.
        if error.kind() == io::ErrorKind::UnexpectedEof && inner.is_none() {
            return self.no_tls(
                host,
                "the connection was cut in the middle of the handshake",
            );
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

    /// A handshake that came to nothing; who cut it may be another one next time.
    fn no_tls(self, host: &str, why: &str) -> Error {
        let detail = format!("no TLS with {host}: {why}");
        Error::new(self.kind, Kind::Connection(Reason::Tls), detail)
            .hint(CHECK_THE_PROXY)
            .repeat(Repeat::Soon)
    }

    fn tls(self, host: &str, error: &rustls::Error) -> Error {
        let rustls::Error::InvalidCertificate(flaw) = error else {
            let why = printable(&error.to_string()).into_owned();
            let detail = format!("{host} does not speak TLS as we do: {why}");
            return Error::new(self.kind, Kind::Connection(Reason::Tls), detail)
                .hint(CHECK_THE_PROXY);
        };
        let (why, is_time) = flaw_in_words(flaw);
        let hint = if is_time {
            "check the clock of this machine first"
        } else {
            "is there a proxy that opens TLS? name its certificate authority with SSL_CERT_FILE"
        };
        let detail = format!("{host} cannot prove who it is: {why}");
        Error::new(self.kind, Kind::Connection(Reason::Tls), detail).hint(hint)
    }
}

/// What is wrong with a certificate, and whether it is its time.
fn flaw_in_words(flaw: &CertificateError) -> (String, bool) {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, UnknownIssuer,
    };
    let clock = "the clock of this machine says";
    match flaw {
        ExpiredContext { time, not_after } => {
            let (now, end) = (moment(*time), moment(*not_after));
            (
                format!("its certificate ended at {end}, and {clock} {now}"),
                true,
            )
        }
        NotValidYetContext { time, not_before } => {
            let (now, start) = (moment(*time), moment(*not_before));
            let why = format!("its certificate begins at {start}, and {clock} {now}");
            (why, true)
        }
        Expired => ("its certificate has ended".to_owned(), true),
        NotValidYet => ("its certificate has not begun yet".to_owned(), true),
        UnknownIssuer => {
            let why = "nobody whom this machine trusts signed its certificate";
            (why.to_owned(), false)
        }
        NotValidForName | NotValidForNameContext { .. } => {
            ("its certificate is for another name".to_owned(), false)
        }
        other => (printable(&other.to_string()).into_owned(), false),
    }
}

fn moment(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(
        |_| "a time far away".to_owned(),
        |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}
