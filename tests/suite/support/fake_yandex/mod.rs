//! Yandex Disk on loopback: the REST API as far as it is known, and as strict as can be.
//!
//! Five hosts, each a port of its own: the API, the host that takes uploads, the two
//! hosts a download goes through, and the one that gives tokens. What the service is
//! known to do, it does; what a client should not do although the service bears it, or
//! what goes nowhere, is a violation: the fake writes it down, and dropping the fake
//! fails the test.
//!
//! `api` and `transfer` say what the service does, `disk` what it stores, `faults` what
//! can be made to go wrong, `server` what happens when.
//!
//! Where nobody knows what the service does, this does one of the likely things: 410 and
//! a page for an old link of either kind, 400 for names it cannot take, 409 for a conflict
//! that arises during an upload, a listing sorted by name, an upload that broke off
//! reported as `failed`, a download link that keeps giving the bytes it was made for.

mod api;
mod disk;
mod faults;
mod oauth;
mod server;
mod transfer;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use rustls::ServerConfig;
use vertex_backup::hash::Sha256;

use super::fake::http::Head;
use super::fake::rules::{Hold, Rules};
use super::fake::server::{Server, bind};
use super::fake::tls;
use api::Operation;
use transfer::{Download, Upload};

pub use super::fake::rules::{Moment, When};
pub use disk::Disk;
pub use faults::{Fault, Op};
pub use oauth::{CLIENT_ID, CLIENT_SECRET, Consent, REFRESH_TOKEN};

type Turn = super::fake::rules::Turn<Fault>;

/// The token that is valid from the start. No output and no file of ours may show it.
pub const TOKEN: &str = "y0_CANARY-token-of-the-fake-AgAAAABkZq8AADLWywA";

/// A request, as the log has it.
#[derive(Clone, Debug)]
pub struct Request {
    pub op: Op,
    /// What it was about: a path such as `/vertex-ar/x.db`, where there is one.
    pub path: String,
    /// All parameters, decoded.
    pub query: Vec<(String, String)>,
    /// Names in lower case; without the authorization.
    pub headers: Vec<(String, String)>,
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
}

/// A host of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Api,
    Upload,
    Download,
    Storage,
    Oauth,
}

impl Host {
    const ALL: [Host; 5] = [
        Self::Api,
        Self::Upload,
        Self::Download,
        Self::Storage,
        Self::Oauth,
    ];
}

/// What the threads share.
struct State {
    disk: Disk,
    uploads: Vec<Upload>,
    downloads: Vec<Download>,
    operations: Vec<Operation>,
    tokens: Vec<String>,
    consent: Consent,
    rules: Rules<Op, Fault, Disk>,
    log: Vec<Request>,
    braked: Vec<String>,
    violations: Vec<String>,
    /// Of all addresses it tells.
    scheme: &'static str,
    addresses: [SocketAddr; 5],
    ids: u64,
}

impl State {
    fn url(&self, host: Host) -> String {
        format!("{}://{}", self.scheme, self.addresses[host as usize])
    }

    /// An id nobody could guess.
    fn unique(&mut self) -> String {
        self.ids += 1;
        Sha256::of(format!("{} {}", self.addresses[0], self.ids).as_bytes()).to_string()
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
pub struct FakeYandex {
    shared: Arc<Shared>,
    server: Server,
}

impl FakeYandex {
    /// An empty disk of a free account, behind five ports.
    pub fn start() -> Self {
        let (sockets, addresses) = bind();
        let shared = Arc::new(Shared(Mutex::new(State {
            disk: Disk::new(),
            uploads: Vec::new(),
            downloads: Vec::new(),
            operations: Vec::new(),
            tokens: vec![TOKEN.to_owned()],
            consent: Consent::default(),
            rules: Rules::default(),
            log: Vec::new(),
            braked: Vec::new(),
            violations: Vec::new(),
            scheme: "http",
            addresses,
            ids: 0,
        })));
        let served = Arc::clone(&shared);
        let serve = move |host, stream: &_| server::converse(&served, host, stream);
        FakeYandex {
            shared,
            server: Server::start(sockets, serve),
        }
    }

    /// What stands for `https://cloud-api.yandex.net/v1/disk`.
    pub fn api_url(&self) -> String {
        format!("{}/v1/disk", self.shared.lock().url(Host::Api))
    }

    /// What stands for `https://oauth.yandex.com`.
    pub fn oauth_url(&self) -> String {
        self.shared.lock().url(Host::Oauth)
    }

    /// Where each of its hosts is, the API first.
    pub fn hosts(&self) -> [String; 5] {
        let state = self.shared.lock();
        Host::ALL.map(|host| state.url(host))
    }

    /// No token is valid any more.
    pub fn revoke(&self) {
        self.shared.lock().tokens.clear();
    }

    /// This token is valid, too.
    pub fn accept(&self, token: &str) {
        self.shared.lock().tokens.push(token.to_owned());
    }

    /// Changes or reads what is stored, behind the client's back.
    pub fn disk<T>(&self, f: impl FnOnce(&mut Disk) -> T) -> T {
        f(&mut self.shared.lock().disk)
    }

    /// Stores a file; makes its parents. Paths are like `/vertex-ar/acme/backups/x.db`.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        self.disk(|disk| disk.put(path, bytes));
    }

    /// Makes a folder and its parents.
    pub fn mkdir(&self, path: &str) {
        self.disk(|disk| disk.mkdir(path));
    }

    /// Takes a file or a tree away.
    pub fn remove(&self, path: &str) {
        self.disk(|disk| disk.remove(path));
    }

    /// Flips a bit of the stored bytes; the hashes told are those of what is stored.
    pub fn corrupt(&self, path: &str) {
        self.disk(|disk| disk.corrupt(path));
    }

    /// Changes when a file was written.
    pub fn set_modified(&self, path: &str, when: Timestamp) {
        self.disk(|disk| disk.set_modified(path, when));
    }

    /// The bytes of a file.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.disk(|disk| disk.read(path))
    }

    /// The names in a folder, sorted; none where it is missing.
    pub fn names(&self, folder: &str) -> Vec<String> {
        self.disk(|disk| disk.names(folder))
    }

    /// Where what lies in the trash was.
    pub fn trash(&self) -> Vec<String> {
        self.disk(|disk| disk.trash())
    }

    /// The room there is, in bytes.
    pub fn set_quota(&self, total: u64, max_file_size: u64) {
        self.disk(|disk| (disk.total_space, disk.max_file_size) = (total, max_file_size));
    }

    /// The account pays, and may store larger files.
    pub fn set_paid(&self) {
        self.disk(|disk| (disk.is_paid, disk.max_file_size) = (true, disk::PAID_MAX_FILE_SIZE));
    }

    /// Changes what the user does when asked for consent.
    pub fn consent(&self, f: impl FnOnce(&mut Consent)) {
        f(&mut self.shared.lock().consent);
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

    /// How many requests of a kind there were.
    pub fn count(&self, op: Op) -> usize {
        let state = self.shared.lock();
        state.log.iter().filter(|request| request.op == op).count()
    }

    /// The paths links were asked for whose name has an extension: the service slows
    /// down uploads of some of them until they take hours.
    pub fn braked_uploads(&self) -> Vec<String> {
        self.shared.lock().braked.clone()
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
    pub fn on(&self, op: Op, when: When, fault: Fault) {
        assert!(fault.fits(op), "that cannot go wrong at {op:?}");
        self.shared.lock().rules.fail(op, when, fault);
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
    pub fn before(&self, op: Op, nth: usize, f: impl FnOnce(&mut Disk) + Send + 'static) {
        self.shared.lock().rules.before(op, nth, Box::new(f));
    }
}

impl Drop for FakeYandex {
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
