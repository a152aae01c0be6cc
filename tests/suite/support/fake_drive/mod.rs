//! Google Drive on loopback: version 3 of the API as far as it is known, and as strict as can be.
//!
//! Three hosts, each a port of its own: the API, which takes uploads, too; the one that
//! gives tokens; and one that downloads are redirected to when a test wants that. What
//! the service is known to do, it does; what a client should not do although the service
//! bears it, or what goes nowhere, is a violation: the fake writes it down, and dropping
//! the fake fails the test.
//!
//! `api` has the metadata and `checks` what no client should ask there, `upload` and
//! `media` the bytes, `oauth`, `consent` and `assertion` the tokens, `drive` what is
//! stored, `query` and `fields` two little languages, `faults` what can be made to go
//! wrong, `server` what happens when, `hands` what a test does behind the client's back,
//! `caller` a client to try all that with.
//!
//! Where nobody knows what the service does, this does one of the likely things: 409 for
//! an id of something deleted for good, a list with the newest first, a new time of
//! modification for a new name, 499 for a session that was cancelled, a chunk for a
//! finished session answered like the last one. A search in a folder that nobody sees was
//! seen to give 404 and to give nothing: a test has either.

mod api;
mod assertion;
pub mod caller;
mod checks;
mod consent;
mod drive;
mod faults;
mod fields;
mod hands;
mod media;
mod oauth;
mod query;
mod server;
mod upload;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustls::ServerConfig;
use serde_json::Value;

use super::fake::http::Head;
use super::fake::rules::{Hold, Rules};
use super::fake::server::{Server, bind};
use super::fake::tls;
use api::Page;
use media::Download;
use oauth::Accounts;
use upload::Session;

pub use super::fake::rules::{Moment, When};
pub use assertion::{SERVICE_ACCOUNT, USER};
pub use drive::{Drive, FOLDER, ROOT, Role};
pub use faults::{Fault, Kept, Op};
pub use hands::{File, OpenSession};
pub use oauth::{CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, TOKEN};
pub use upload::UNIT;

type Turn = super::fake::rules::Turn<Fault>;

/// A request, as the log has it.
#[derive(Clone, Debug)]
pub struct Request {
    pub op: Op,
    pub method: String,
    /// The object it was about, where the address or the body names one.
    pub id: Option<String>,
    /// The name in the body; of a token request, the kind of grant.
    pub name: Option<String>,
    /// All parameters, decoded.
    pub query: Vec<(String, String)>,
    /// Names in lower case; without the authorization.
    pub headers: Vec<(String, String)>,
    /// The JSON that was sent, if any.
    pub body: Option<Value>,
    /// What was answered, if anything.
    pub status: Option<u16>,
    /// When it came.
    pub at: Instant,
}

impl Request {
    pub fn param(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A host of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Api,
    Oauth,
    Download,
}

impl Host {
    const ALL: [Host; 3] = [Self::Api, Self::Oauth, Self::Download];
}

/// What the threads share.
struct State {
    drive: Drive,
    sessions: Vec<Session>,
    pages: Vec<Page>,
    downloads: Vec<Download>,
    accounts: Accounts,
    rules: Rules<Op, Fault, Drive>,
    log: Vec<Request>,
    violations: Vec<String>,
    /// Of all addresses it tells.
    scheme: &'static str,
    addresses: [SocketAddr; 3],
    ids: u64,
    page_size: usize,
    kept: Kept,
    created_status: u16,
    unseen_is_empty: bool,
    redirects_media: bool,
    wasted: u64,
}

impl State {
    fn url(&self, host: Host) -> String {
        format!("{}://{}", self.scheme, self.addresses[host as usize])
    }

    /// Something nobody could guess.
    fn unique(&mut self) -> String {
        self.ids += 1;
        let seed = format!("{} {}", self.addresses[0], self.ids);
        let digest = ring::digest::digest(&ring::digest::SHA256, seed.as_bytes());
        super::fake::content::base64url(digest.as_ref())
    }

    fn violate(&mut self, head: &Head, what: &str) {
        let violation = format!("{} {}: {what}", head.method, head.target);
        self.violations.push(violation);
    }
}

struct Shared(Mutex<State>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The service. Dropping it stops it, and panics if it was used as it should not be.
pub struct FakeDrive {
    shared: Arc<Shared>,
    server: Server,
}

impl FakeDrive {
    /// An empty My Drive of a user with 15 GiB, behind three ports.
    pub fn start() -> Self {
        let (sockets, addresses) = bind();
        let shared = Arc::new(Shared(Mutex::new(State {
            drive: Drive::new(),
            sessions: Vec::new(),
            pages: Vec::new(),
            downloads: Vec::new(),
            accounts: Accounts::default(),
            rules: Rules::default(),
            log: Vec::new(),
            violations: Vec::new(),
            scheme: "http",
            addresses,
            ids: 0,
            page_size: 1000,
            kept: Kept::default(),
            created_status: 200,
            unseen_is_empty: false,
            redirects_media: false,
            wasted: 0,
        })));
        let served = Arc::clone(&shared);
        let serve = move |host, stream: &_| server::converse(&served, host, stream);
        FakeDrive {
            shared,
            server: Server::start(sockets, serve),
        }
    }

    /// What stands for `https://www.googleapis.com`.
    pub fn api_url(&self) -> String {
        self.shared.lock().url(Host::Api)
    }

    /// What stands for `https://oauth2.googleapis.com`.
    pub fn oauth_url(&self) -> String {
        self.shared.lock().url(Host::Oauth)
    }

    /// What stands for `https://oauth2.googleapis.com/token`.
    pub fn token_uri(&self) -> String {
        format!("{}/token", self.oauth_url())
    }

    /// Another host, which no token may reach: downloads are redirected there.
    pub fn download_url(&self) -> String {
        self.shared.lock().url(Host::Download)
    }

    /// The page where a user consents.
    pub fn auth_uri(&self) -> String {
        format!("{}/o/oauth2/v2/auth", self.oauth_url())
    }

    /// From now on it is to be found behind other addresses, which speak TLS.
    pub fn behind_tls(&self, config: &Arc<ServerConfig>) {
        let mut state = self.shared.lock();
        state.scheme = "https";
        state.addresses = state.addresses.map(|behind| tls::front(config, behind));
    }

    /// Everything that was asked for, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().log.clone()
    }

    /// The requests of a kind, in order.
    pub fn requests_of(&self, op: Op) -> Vec<Request> {
        let state = self.shared.lock();
        let found = state.log.iter().filter(|request| request.op == op);
        found.cloned().collect()
    }

    /// How many requests of a kind there were.
    pub fn count(&self, op: Op) -> usize {
        self.requests_of(op).len()
    }

    /// How often tokens were asked for.
    pub fn token_requests(&self) -> usize {
        self.count(Op::Token)
    }

    /// What no client should have done.
    pub fn violations(&self) -> Vec<String> {
        self.shared.lock().violations.clone()
    }

    /// Takes the violations out.
    pub fn forgive(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().violations)
    }

    /// Makes something go wrong from now on. Several rules for one request all hold.
    #[track_caller]
    pub fn fail(&self, op: Op, when: When, fault: Fault) {
        assert!(fault.fits(op), "that cannot go wrong at {op:?}");
        self.shared.lock().rules.fail(op, when, fault);
    }

    /// Whether nobody is served: what a client left that was killed is done.
    pub fn is_idle(&self) -> bool {
        self.server.is_idle()
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.shared.lock().rules.heal();
    }

    /// Holds the nth request from now on at a moment, until what is returned is dropped.
    #[must_use]
    pub fn hold(&self, op: Op, nth: usize, at: Moment) -> Hold {
        self.shared.lock().rules.hold(op, nth, at)
    }

    /// Runs something right before the nth request from now on.
    pub fn before(&self, op: Op, nth: usize, f: impl FnOnce(&mut Drive) + Send + 'static) {
        self.shared.lock().rules.before(op, nth, Box::new(f));
    }
}

impl Drop for FakeDrive {
    fn drop(&mut self) {
        self.shared.lock().rules.stop();
        let sound = self.server.stop();
        let violations = self.violations();
        if !std::thread::panicking() {
            assert!(sound, "the fake itself panicked");
            assert!(violations.is_empty(), "{}", violations.join("\n"));
        }
    }
}
