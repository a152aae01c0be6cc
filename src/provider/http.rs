//! HTTP: the one place that speaks it.
//!
//! Credentials are a header of a single request to a single address; nothing
//! follows a redirect with them. Every wait is bounded and hears signals.
//! Errors name hosts, never addresses: those of transfers are signed, and as
//! good as a password.

mod gate;
mod transport;

use std::cell::Cell;
use std::io::{self, Read};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use ureq::http::{HeaderMap, Response, StatusCode, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy, SendBody, Timeout};

use self::gate::Gate;
use super::ProviderKind;
use super::error::{Error, Kind, Reason, Repeat, Result, smuggle, unsmuggle};
use super::retry::Policy;
use crate::failure::{Code, Failure};
use crate::progress::Task;
use crate::secret::Secret;
use crate::text::{bytes, printable, system_reason};

/// No page of a provider's answers is larger.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;

/// Of an answer that only tells of an error, no more is read.
const MAX_ERROR: u64 = 64 * 1024;

/// Redirects followed on the way to a file.
const MAX_HOPS: usize = 5;

/// Uploads slower than this, in bytes a second, are worth a word to the operator
/// (`protocols/yandex_disk.md` §5.1).
const CRAWL: u64 = 200_000;

/// A word is said only of files at least as large.
const LARGE: u64 = 32 * 1024 * 1024;

/// A client for one provider, shared by all who talk to it.
pub struct Http {
    kind: ProviderKind,
    agent: Agent,
    gate: Gate,
    policy: Policy,
    /// Requests go to this machine, without TLS: then so may transfers.
    is_local: bool,
    /// Requests go to a private address: then so may transfers.
    is_private: bool,
}

/// A request to the API.
pub struct Request<'a> {
    /// Such as `GET`.
    pub method: &'static str,
    /// Where to.
    pub url: &'a str,
    /// The `Authorization`: its scheme, and the secret.
    pub token: Option<(&'static str, &'a Secret)>,
    /// A form to be sent as the body.
    pub form: Option<&'a str>,
}

/// An answer of the API.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// When it wants to be asked again, where it says so.
    pub retry_after: Option<Duration>,
    /// What it says.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether it is a yes.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The beginning of what it says, fit to be shown.
    pub fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let words: Vec<_> = text.split_whitespace().collect();
        let short: String = words.join(" ").chars().take(200).collect();
        let safe = match short.find("://") {
            // Whatever address an error page holds, it may be a signed one.
            Some(position) => short[..position].to_owned(),
            None => short,
        };
        printable(&safe).into_owned()
    }
}

/// An upload that got no answer.
pub struct Broken {
    /// Why.
    pub error: Error,
    /// Whether all bytes had gone out: then they may have arrived.
    pub all_sent: bool,
}

/// The bytes of a file on their way here.
pub struct Incoming {
    /// 200, 206 or what else it is.
    pub status: u16,
    /// The length announced, in bytes.
    pub length: Option<u64>,
    /// Of a 206: the first byte, and the size of the whole.
    pub range: Option<(u64, Option<u64>)>,
    /// The bytes.
    pub reader: Box<dyn Read>,
}

impl Http {
    /// A client of the provider whose API is at an address.
    pub fn new(kind: ProviderKind, api_url: &str, policy: Policy) -> Self {
        let crypto = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(crypto)
            .build();
        let api = api_url.parse::<Uri>().ok();
        let is_local = api.as_ref().and_then(Uri::scheme_str) == Some("http");
        let is_private = api.as_ref().and_then(Uri::host).is_some_and(is_private);
        let config = Agent::config_builder()
            // What is on this machine is not asked for through another.
            .proxy(Proxy::try_from_env().filter(|_| !is_local))
            .tls_config(tls)
            .user_agent(concat!("vertex-backup/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(64 * 1024)
            .timeout_resolve(Some(transport::CONNECT))
            .timeout_connect(Some(policy.stall))
            .timeout_send_request(Some(policy.stall))
            .timeout_per_write(Some(policy.stall))
            .build();
        Http {
            kind,
            agent: transport::agent(config),
            gate: Gate::new(),
            policy,
            is_local,
            is_private,
        }
    }

    /// How patient to be.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Asks the API.
    ///
    /// # Errors
    /// When no answer came; an answer of any status is none.
    pub fn ask(&self, request: &Request<'_>) -> Result<Answer> {
        self.gate.pass().map_err(|failure| self.stopped(failure))?;
        let host = host_of(request.url);
        let mut call = ureq::http::Request::builder()
            .method(request.method)
            .uri(request.url)
            .header(header::ACCEPT, "application/json");
        if let Some((scheme, token)) = request.token {
            let value = format!("{scheme} {}", token.expose());
            let value = ureq::http::HeaderValue::try_from(value).map_err(|_| {
                let why = "the token holds characters that no token has";
                Error::new(self.kind, Kind::Connection(Reason::Auth), why)
            })?;
            call = call.header(header::AUTHORIZATION, value);
        }
        let form = request.form.unwrap_or_default();
        if request.form.is_some() {
            call = call.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        } else if matches!(request.method, "PUT" | "POST") {
            // Otherwise an empty body would go out in chunks.
            call = call.header(header::CONTENT_LENGTH, 0);
        }
        let agent = &self.agent;
        // A page that comes a byte a minute is not waited for.
        let limit = Some(self.policy.stall * 5);
        let answered = match request.form {
            Some(_) => call
                .body(form)
                .map(|call| self.patiently(call, limit, |call| agent.run(call))),
            None => call
                .body(())
                .map(|call| self.patiently(call, limit, |call| agent.run(call))),
        };
        let response = answered
            .map_err(ureq::Error::Http)
            .and_then(|answered| answered)
            .map_err(|error| self.failed(&host, error))?;
        let answer = self.read_answer(&host, response)?;
        if let Some(pause) = answer.retry_after.filter(|_| answer.status == 429) {
            self.gate.rest(pause.min(self.policy.longest_wait()));
        }
        Ok(answer)
    }

    /// The usual patience with silence; all of an answer may take `limit`.
    fn patiently<S: ureq::AsSendBody>(
        &self,
        call: ureq::http::Request<S>,
        limit: Option<Duration>,
        run: impl FnOnce(ureq::http::Request<S>) -> std::result::Result<Response<Body>, ureq::Error>,
    ) -> std::result::Result<Response<Body>, ureq::Error> {
        let stall = Some(self.policy.stall);
        run(self
            .agent
            .configure_request(call)
            .timeout_recv_response(stall)
            .timeout_per_read(stall)
            .timeout_recv_body(limit)
            .build())
    }

    /// Puts a body of exactly `size` bytes to an address of a transfer, without credentials.
    ///
    /// When all is sent, the other side may be silent for `silence`.
    ///
    /// # Errors
    /// When no answer came. An error of the body comes back as [`Kind::Body`].
    pub fn put(
        &self,
        url: &str,
        size: u64,
        body: &mut dyn Read,
        silence: Duration,
        task: &dyn Task,
    ) -> std::result::Result<Answer, Broken> {
        let host = host_of(url);
        let all_sent = Cell::new(false);
        let mut exact = Exactly {
            body,
            size,
            left: size,
            task,
            all_sent: &all_sent,
            pace: Pace::new(size),
        };
        exact.note_end();
        let call = ureq::http::Request::builder()
            .method("PUT")
            .uri(url)
            .header(header::CONTENT_LENGTH, size)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            // Each upload has a machine of its own: the connection is of no more use.
            .header(header::CONNECTION, "close")
            .body(SendBody::from_reader(&mut exact));
        let answered = call.map_err(ureq::Error::Http).and_then(|call| {
            let call = self.agent.configure_request(call);
            let call = call.timeout_recv_response(Some(silence));
            self.agent
                .run(call.timeout_recv_body(Some(self.policy.stall)).build())
        });
        let broken = |error| Broken {
            error,
            all_sent: all_sent.get(),
        };
        let response = answered.map_err(|error| broken(self.failed(&host, error)))?;
        self.read_answer(&host, response).map_err(broken)
    }

    /// Opens a file at an address of a transfer from `offset` on, without credentials, and
    /// follows where it leads.
    ///
    /// # Errors
    /// When no answer came, or one that leads astray.
    pub fn get(&self, url: &str, offset: u64) -> Result<Incoming> {
        let mut url = url.to_owned();
        for _ in 0..=MAX_HOPS {
            let host = host_of(&url);
            let mut call = ureq::http::Request::get(url.as_str());
            if offset > 0 {
                call = call.header(header::RANGE, format!("bytes={offset}-"));
            }
            let agent = &self.agent;
            let response = call
                .header(header::CONNECTION, "close")
                .body(())
                .map_err(ureq::Error::Http)
                .and_then(|call| self.patiently(call, None, |call| agent.run(call)))
                .map_err(|error| self.failed(&host, error))?;
            if !response.status().is_redirection() {
                return self.incoming(host, response);
            }
            let location = text(response.headers(), header::LOCATION);
            let next = location.ok_or_else(|| self.astray(&host, "a redirect to nowhere"))?;
            if url.starts_with("https://") && !next.starts_with("https://") {
                return Err(self.astray(&host, "a redirect away from TLS"));
            }
            url = self.transfer_url(&next)?;
        }
        Err(self.astray(&host_of(&url), "too many redirects"))
    }

    fn incoming(&self, host: String, response: Response<Body>) -> Result<Incoming> {
        let headers = response.headers();
        if let Some(encoding) = text(headers, header::CONTENT_ENCODING)
            && !encoding.eq_ignore_ascii_case("identity")
        {
            let why = format!("a file in the encoding '{}'", printable(&encoding));
            return Err(self.astray(&host, &why));
        }
        let range = text(headers, header::CONTENT_RANGE).and_then(|range| content_range(&range));
        let status = response.status().as_u16();
        let length = text(headers, header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let reader = FromWire {
            reader: response.into_body().into_with_config().reader(),
            failed: Failed {
                kind: self.kind,
                stall: self.policy.stall,
            },
            host,
        };
        Ok(Incoming {
            status,
            length,
            range,
            reader: Box::new(reader),
        })
    }

    /// Checks an address that bytes are to go to or come from.
    ///
    /// What is plain HTTP is made HTTPS; a private address is none of a cloud's.
    ///
    /// # Errors
    /// When no provider would give such an address.
    pub fn transfer_url(&self, href: &str) -> Result<String> {
        let refuse = |why: &str| Err(self.astray("the provider", why));
        let Ok(uri) = href.parse::<Uri>() else {
            return refuse("an address that is none");
        };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return refuse("an address that is not a whole one");
        };
        if authority.as_str().contains('@') {
            return refuse("an address with a user in it");
        }
        let is_near = self.is_private && !is_link_local(authority.host());
        if is_private(authority.host()) && !is_near {
            return refuse("an address inside this network");
        }
        match scheme {
            "https" => Ok(href.to_owned()),
            "http" if self.is_local && is_loopback(authority.host()) => Ok(href.to_owned()),
            "http" => Ok(format!("https{}", &href["http".len()..])),
            _ => refuse("an address that is not one of the web"),
        }
    }

    fn read_answer(&self, host: &str, response: Response<Body>) -> Result<Answer> {
        let status = response.status();
        let limit = if status.is_success() {
            MAX_ANSWER
        } else {
            MAX_ERROR
        };
        let retry_after =
            text(response.headers(), header::RETRY_AFTER).and_then(|text| retry_after(&text));
        let mut body = Vec::new();
        let mut reader = response
            .into_body()
            .into_with_config()
            .reader()
            .take(limit + 1);
        let read = reader.read_to_end(&mut body);
        if body.len() as u64 > limit {
            if status.is_success() {
                return Err(self.astray(host, "more than anybody asked for"));
            }
            body.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        } else if status != StatusCode::NO_CONTENT && status.is_success() {
            // How an error was worded does not matter.
            read.map_err(|error| self.failed(host, ureq::Error::from(error)))?;
        }
        Ok(Answer {
            status: status.as_u16(),
            retry_after,
            body,
        })
    }

    fn stopped(&self, failure: Failure) -> Error {
        Error::new(self.kind, Kind::Body(failure.into()), "stopped")
    }

    /// An answer that the provider would not give.
    fn astray(&self, host: &str, what: &str) -> Error {
        let detail = format!("{host} answers with {what}");
        Error::new(self.kind, Kind::Connection(Reason::Network), detail)
    }

    fn failed(&self, host: &str, error: ureq::Error) -> Error {
        let failed = Failed {
            kind: self.kind,
            stall: self.policy.stall,
        };
        failed.error(host, error)
    }
}

/// What a connection's errors mean.
#[derive(Clone, Copy)]
struct Failed {
    kind: ProviderKind,
    stall: Duration,
}

impl Failed {
    fn error(self, host: &str, error: ureq::Error) -> Error {
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
            .repeat(Repeat::Soon),
            ureq::Error::Timeout(Timeout::RecvResponse) => {
                say(Reason::Timeout, format!("{host} gave no answer")).repeat(Repeat::Soon)
            }
            ureq::Error::Timeout(_) => {
                let stall = self.stall.as_secs();
                say(
                    Reason::Timeout,
                    format!("{host} moved no byte for {stall} s"),
                )
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
                "the address of the proxy is none".to_owned(),
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
        let detail = match error.kind() {
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable => format!("{host} cannot be reached: {why}"),
            _ => format!("the connection to {host} broke: {why}"),
        };
        Error::new(self.kind, Kind::Connection(Reason::Network), detail).repeat(Repeat::Soon)
    }

    fn tls(self, host: &str, error: &rustls::Error) -> Error {
        let why = printable(&error.to_string()).into_owned();
        let detail = format!("{host} cannot prove who it is: {why}");
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

/// A file from the wire, its errors in our words.
struct FromWire {
    reader: ureq::BodyReader<'static>,
    failed: Failed,
    host: String,
}

impl Read for FromWire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer).map_err(|error| {
            let error = self.failed.error(&self.host, ureq::Error::from(error));
            smuggle(anyhow::Error::new(error))
        })
    }
}

/// A body that gives as many bytes as were announced, or an error: `ureq` 3.5.2 would
/// otherwise wait for the rest for ever, at full speed.
struct Exactly<'a> {
    body: &'a mut dyn Read,
    size: u64,
    left: u64,
    task: &'a dyn Task,
    all_sent: &'a Cell<bool>,
    pace: Pace,
}

impl Exactly<'_> {
    fn note_end(&self) {
        if self.left == 0 {
            self.all_sent.set(true);
            self.task.waiting("sent, the server is checking");
        }
    }
}

impl Read for Exactly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX);
        let wanted = wanted.min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.body.read(&mut buffer[..wanted])?;
        if count == 0 {
            let (sent, size) = (self.size - self.left, self.size);
            let detail = format!("the source ended after {sent} of {size} bytes");
            return Err(smuggle(Failure::new(Code::SourceChanged, detail).into()));
        }
        self.left -= count as u64;
        self.pace.note(count as u64);
        self.note_end();
        Ok(count)
    }
}

/// Notices an upload that crawls.
struct Pace {
    is_told: bool,
    since: Instant,
    sent: u64,
}

impl Pace {
    fn new(size: u64) -> Self {
        Pace {
            is_told: size < LARGE,
            since: Instant::now(),
            sent: 0,
        }
    }

    fn note(&mut self, count: u64) {
        self.sent += count;
        let elapsed = self.since.elapsed();
        if self.is_told || elapsed < Duration::from_secs(60) {
            return;
        }
        let speed = self.sent / elapsed.as_secs().max(1);
        if speed < CRAWL {
            self.is_told = true;
            let speed = bytes(speed);
            log::warn!("the service seems to be limiting this upload: {speed} a second");
        }
        (self.since, self.sent) = (Instant::now(), 0);
    }
}

/// Percent-encodes a value for a query or a form, so that nothing in it is anything but data.
pub fn encoded(text: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const DATA: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(text, DATA).to_string()
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

fn host_of(url: &str) -> String {
    let uri = url.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or("the provider");
    printable(host).into_owned()
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || literal(host).is_some_and(|address| address.is_loopback())
}

fn is_private(host: &str) -> bool {
    is_loopback(host)
        || literal(host).is_some_and(|address| match address {
            IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_unspecified(),
            IpAddr::V6(v6) => {
                v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified()
            }
        })
}

/// Addresses that no gateway has: those of a machine's own provider, which tells its secrets there.
fn is_link_local(host: &str) -> bool {
    literal(host).is_some_and(|address| match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    })
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

/// `bytes 10-19/20`: the first byte, and the size of the whole.
fn content_range(range: &str) -> Option<(u64, Option<u64>)> {
    let (span, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = span.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()))
}

/// Seconds, or a date; nonsense and what has passed say nothing.
fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        // What is longer than a year means as much, and does not overflow.
        return Some(Duration::from_secs(seconds.min(366 * 86_400)));
    }
    let at = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Duration::try_from(at.duration_since(Timestamp::now())).ok()
}

#[cfg(test)]
mod tests;
