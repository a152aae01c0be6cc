//! HTTP: the one place that speaks it.
//!
//! Credentials are a header of a single request to a single address; nothing
//! follows a redirect with them. Every wait is bounded and hears signals.
//! Errors name hosts, never addresses: those of transfers are signed, and as
//! good as a password.

mod address;
mod body;
mod gate;
mod headers;
mod incoming;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod proxy;
mod transport;
mod trouble;

use std::cell::Cell;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ureq::http::{Response, StatusCode, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy, SendBody};
use zeroize::Zeroizing;

use self::address::{host_of, is_link_local, is_loopback, is_private};
use self::body::Exactly;
use self::gate::Gate;
use self::headers::{date, pause, text};
use self::trouble::Trouble;
use super::ProviderKind;
use super::error::{Error, Kind, Reason, Result, stopped};
use super::retry::Policy;
use crate::progress::Task;
use crate::secret::Secret;
use crate::text::bytes;

pub use self::address::{origin, with_query};
pub use self::gate::Rate;
pub use self::incoming::Incoming;
pub use crate::redact::said;
pub use crate::text::encoded;

/// No page of a provider's answers is larger: four times a thousand files with the longest names.
const MAX_ANSWER: u64 = 8 * 1024 * 1024;

/// Of an answer that only tells of an error, no more is read.
const MAX_ERROR: u64 = 64 * 1024;

/// A client for one provider, shared by all who talk to it.
pub struct Http {
    kind: ProviderKind,
    agent: Agent,
    gate: Gate,
    policy: Policy,
    /// No answer is larger.
    most: u64,
    /// Requests go to this machine, without TLS: then so may transfers.
    is_local: bool,
    /// Requests go to a private address: then so may transfers.
    is_private: bool,
}

/// A request to the API.
#[derive(Clone, Copy, Default)]
pub struct Request<'a> {
    /// Such as `GET`.
    pub method: &'static str,
    /// Where to.
    pub url: &'a str,
    /// The `Authorization`: its scheme, and the secret.
    pub token: Option<Token<'a>>,
    /// A form to be sent as the body.
    pub form: Option<&'a str>,
    /// A JSON document to be sent as the body.
    pub json: Option<&'a str>,
    /// What else the head says.
    pub headers: &'a [(&'static str, &'a str)],
}

/// The scheme of an `Authorization`, and the secret.
pub type Token<'a> = (&'static str, &'a Secret);

/// Bytes of a file on their way to an address.
#[derive(Clone, Copy, Default)]
pub struct Transfer<'a> {
    /// Where to.
    pub url: &'a str,
    /// How many.
    pub size: u64,
    /// What the address itself does not prove, where that is needed.
    pub token: Option<Token<'a>>,
    /// Which bytes of the file they are, as a `Content-Range`, unless they are all.
    pub range: Option<&'a str>,
    /// Whether they are the last ones: then the server may check what it has.
    pub is_last: bool,
    /// How long the other side may be silent when all is sent.
    pub silence: Duration,
}

/// An answer of the API.
#[derive(Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// When it wants to be asked again, where it says so.
    pub retry_after: Option<Duration>,
    /// What time it is over there.
    pub date: Option<Timestamp>,
    /// Where something was made, or is to be found.
    pub location: Option<String>,
    /// Which bytes it speaks of.
    pub range: Option<String>,
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
        said(&String::from_utf8_lossy(&self.body))
    }
}

/// An upload that got no answer.
pub struct Broken {
    /// Why.
    pub error: Error,
    /// Whether all bytes had gone out: then they may have arrived.
    pub all_sent: bool,
}

impl Http {
    /// A client of the provider whose API is at an address.
    pub fn new(kind: ProviderKind, api_url: &str, rate: Rate, policy: Policy) -> Self {
        let crypto = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(crypto)
            .build();
        let api = api_url.parse::<Uri>().ok();
        let is_local = api.as_ref().and_then(Uri::scheme_str) == Some("http");
        let is_private = api.as_ref().and_then(Uri::host).is_some_and(is_private);
        // What is on this machine is not asked for through another.
        let proxy = Proxy::try_from_env().filter(|_| !is_local);
        // It is entered as a secret by being made one.
        let _ = proxy.as_ref().and_then(Proxy::password).map(Secret::new);
        let config = Agent::config_builder()
            .proxy(proxy)
            .tls_config(tls)
            .user_agent(concat!("vertex-backup/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(64 * 1024)
            .timeout_resolve(Some(transport::patience(policy.stall)))
            .timeout_connect(Some(policy.stall))
            .timeout_send_request(Some(policy.stall))
            .timeout_per_write(Some(policy.stall))
            .build();
        Http {
            kind,
            agent: transport::agent(config),
            gate: Gate::new(rate),
            policy,
            most: MAX_ANSWER,
            is_local,
            is_private,
        }
    }

    /// Of one whose answers are a few words: nothing longer is one of them.
    #[must_use]
    pub fn of_few_words(self) -> Self {
        Http {
            most: MAX_ERROR,
            ..self
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
        self.gate
            .pass()
            .map_err(|failure| stopped(self.kind, failure))?;
        let host = host_of(request.url);
        let mut call = ureq::http::Request::builder()
            .method(request.method)
            .uri(request.url)
            .header(header::ACCEPT, "application/json");
        if let Some(token) = request.token {
            call = call.header(header::AUTHORIZATION, self.authorization(token)?);
        }
        for (name, value) in request.headers {
            call = call.header(*name, *value);
        }
        let (body, content_type) = match (request.form, request.json) {
            (Some(form), _) => (Some(form), "application/x-www-form-urlencoded"),
            (None, json) => (json, "application/json; charset=UTF-8"),
        };
        if body.is_some() {
            call = call.header(header::CONTENT_TYPE, content_type);
        } else if matches!(request.method, "PUT" | "POST") {
            // Otherwise an empty body would go out in chunks.
            call = call.header(header::CONTENT_LENGTH, 0);
        }
        // A page that comes a byte a minute is not waited for.
        let limit = Some(self.policy.stall * 5);
        let answered = match body {
            Some(body) => call.body(body).map(|call| self.run(call, limit)),
            None => call.body(()).map(|call| self.run(call, limit)),
        };
        let response = answered
            .map_err(ureq::Error::Http)
            .and_then(|answered| answered)
            .map_err(|error| self.failed(&host, error))?;
        self.read_answer(&host, response)
    }

    /// Nobody asks the API before this time is over, unless nobody would wait for as long:
    /// then each is told, and ends.
    pub fn rest(&self, pause: Duration) {
        if pause <= self.policy.longest_wait() {
            self.gate.rest(pause);
        }
    }

    /// Gives the provider the rest that it asks for, whichever of its hosts does.
    fn heed(&self, status: StatusCode, retry_after: Option<Duration>) {
        if status == StatusCode::TOO_MANY_REQUESTS
            && let Some(pause) = retry_after
        {
            self.rest(pause);
        }
    }

    /// Waits while the provider asks for a rest.
    fn rested(&self) -> Result<()> {
        self.gate
            .rested()
            .map_err(|failure| stopped(self.kind, failure))
    }

    fn authorization(&self, (scheme, token): Token<'_>) -> Result<ureq::http::HeaderValue> {
        let text = Zeroizing::new(format!("{scheme} {}", token.expose()));
        let value = ureq::http::HeaderValue::from_str(&text);
        let mut value = value.map_err(|_| {
            let why = "the token holds characters that no token has";
            Error::new(self.kind, Kind::Connection(Reason::Auth), why)
                .hint("store the token anew, with nothing before or behind it")
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Runs a request with the usual patience with silence; all of an answer may take `limit`.
    fn run<S: ureq::AsSendBody>(
        &self,
        call: ureq::http::Request<S>,
        limit: Option<Duration>,
    ) -> std::result::Result<Response<Body>, ureq::Error> {
        let stall = Some(self.policy.stall);
        let call = self
            .agent
            .configure_request(call)
            .timeout_recv_response(stall)
            .timeout_per_read(stall)
            .timeout_recv_body(limit)
            .build();
        self.agent.run(call)
    }

    /// Puts bytes of a file to an address: exactly as many of the body as are announced.
    ///
    /// # Errors
    /// When no answer came. An error of the body comes back as [`Kind::Body`].
    pub fn put(
        &self,
        transfer: &Transfer<'_>,
        body: &mut dyn Read,
        task: &dyn Task,
    ) -> std::result::Result<Answer, Broken> {
        let host = host_of(transfer.url);
        let all_sent = Cell::new(false);
        self.rested().map_err(|error| Broken {
            error,
            all_sent: false,
        })?;
        let mut exact = Exactly::new(body, transfer, task, &all_sent);
        let mut call = ureq::http::Request::builder()
            .method("PUT")
            .uri(transfer.url)
            .header(header::CONTENT_LENGTH, transfer.size)
            .header(header::CONTENT_TYPE, "application/octet-stream");
        if let Some(range) = transfer.range {
            call = call.header(header::CONTENT_RANGE, range);
        }
        if let Some(token) = transfer.token {
            let value = self.authorization(token).map_err(|error| Broken {
                error,
                all_sent: false,
            })?;
            call = call.header(header::AUTHORIZATION, value);
        } else {
            // Such an address is of a machine of its own: the connection is of no more use.
            call = call.header(header::CONNECTION, "close");
        }
        let call = call.body(SendBody::from_reader(&mut exact));
        let answered = call.map_err(ureq::Error::Http).and_then(|call| {
            let call = self.agent.configure_request(call);
            let call = call.timeout_recv_response(Some(transfer.silence));
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

    /// Checks an address that bytes are to go to or come from: such a one is as good as a
    /// password.
    ///
    /// # Errors
    /// As [`checked_url`](Self::checked_url).
    pub fn transfer_url(&self, href: &str) -> Result<Secret> {
        let url = Zeroizing::new(self.checked_url(href)?);
        Ok(Secret::address(&url))
    }

    /// Checks an address that the provider gives.
    ///
    /// What is plain HTTP is made HTTPS; a private address is none of a cloud's.
    ///
    /// # Errors
    /// When no provider would give such an address.
    pub fn checked_url(&self, href: &str) -> Result<String> {
        let refuse = |why: &str| Err(self.astray("the provider", why));
        let Ok(uri) = href.parse::<Uri>() else {
            return refuse("an address that cannot be read");
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
            // However it is written, those who look at the text find it.
            "https" => Ok(format!("https{}", &href["https".len()..])),
            "http" if self.is_local && is_loopback(authority.host()) => Ok(href.to_owned()),
            "http" => Ok(format!("https{}", &href["http".len()..])),
            _ => refuse("an address that is not one of the web"),
        }
    }

    fn read_answer(&self, host: &str, response: Response<Body>) -> Result<Answer> {
        let status = response.status();
        let limit = if status.is_success() {
            self.most
        } else {
            MAX_ERROR
        };
        let said = |name| text(response.headers(), name);
        let retry_after = pause(response.headers());
        self.heed(status, retry_after);
        let date = said(header::DATE).and_then(|text| date(&text));
        let (location, range) = (said(header::LOCATION), said(header::RANGE));
        let mut body = Vec::new();
        let mut reader = response
            .into_body()
            .into_with_config()
            .reader()
            .take(limit + 1);
        let read = reader.read_to_end(&mut body);
        if body.len() as u64 > limit {
            if status.is_success() {
                let limit = bytes(limit);
                return Err(self.astray(host, &format!("more than {limit}")));
            }
            body.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        } else if status != StatusCode::NO_CONTENT && status.is_success() {
            // How an error was worded does not matter.
            read.map_err(|error| self.failed(host, ureq::Error::from(error)))?;
        }
        Ok(Answer {
            status: status.as_u16(),
            retry_after,
            date,
            location,
            range,
            body,
        })
    }

    /// An answer that the provider would not give.
    fn astray(&self, host: &str, what: &str) -> Error {
        let detail = format!("{host} answers with {what}");
        Error::new(self.kind, Kind::Connection(Reason::Network), detail)
    }

    fn failed(&self, host: &str, error: ureq::Error) -> Error {
        let proxy = self.agent.config().proxy();
        if let Some(error) = proxy::unreached(self.kind, proxy, host, &error) {
            return error;
        }
        let error = self.trouble().error(host, error);
        let is_open = matches!(error.kind, Kind::Connection(Reason::Network));
        // What is not HTTP, or breaks, may be what stands between.
        if error.hint.is_none() && is_open && proxy::to(proxy, host).is_some() {
            return error.hint(proxy::CHECK_THE_PROXY);
        }
        error
    }

    fn trouble(&self) -> Trouble {
        Trouble {
            kind: self.kind,
            stall: self.policy.stall,
        }
    }
}

#[cfg(test)]
mod tests;
