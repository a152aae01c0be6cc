//! The REST API of Yandex Disk: requests, answers, and what its errors mean.
//!
//! Source of all of it: `protocols/yandex_disk.md`; the numbers are its sections.

use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroize as _;

use super::refusal::{Asked, NOT_THE_DISK, Refusal, astray};
use super::token::Token;
use crate::json;
use crate::provider::error::{Error, Kind, Repeat, Result, Shortage};
use crate::provider::http::{Answer, Http, Rate, Request, encoded, origin, with_query};
use crate::provider::lenient::{many, readable, scalar};
use crate::provider::locked;
use crate::provider::oauth::{Client, Endpoints, OAuth, Renew, Service};
use crate::provider::retry::Policy;
use crate::provider::{ProviderKind, Quota};
use crate::secret::Secret;
use crate::text::bytes;

pub(super) const KIND: ProviderKind = ProviderKind::YandexDisk;

/// Where the API is, unless configured otherwise (§1).
const API_URL: &str = "https://cloud-api.yandex.net/v1/disk";

/// Where tokens come from, unless configured otherwise.
const OAUTH_URL: &str = "https://oauth.yandex.com";

/// The hosts that are one and the same API (§1).
const API_HOSTS: [&str; 2] = ["cloud-api.yandex.net", "cloud-api.yandex.com"];

/// With a burst, no second has more requests than the 40 of the terms of use (§1).
const RATE: Rate = Rate {
    burst: 5,
    per_second: 35,
};

/// Room is asked for anew after this time.
const ROOM_LASTS: Duration = Duration::from_secs(60);

/// The OAuth service of Yandex, as an application of the operator's sees it.
pub fn oauth(url: Option<&str>, client: Client, policy: Policy) -> OAuth {
    let endpoints = Endpoints::below(url.unwrap_or(OAUTH_URL));
    OAuth::new(Service::Yandex, endpoints, client, policy)
}

/// One account, shared by all companies whose backups it has.
pub struct Account {
    http: Http,
    base: String,
    token: Token,
    room: Mutex<Option<Room>>,
    /// Whose account it is, once that was asked.
    owner: OnceLock<Owner>,
}

/// Whose account it is.
#[derive(Clone)]
pub(super) struct Owner {
    pub(super) login: String,
    /// The same for ever, whatever the login becomes.
    pub(super) id: Option<String>,
}

/// The room as it was when it was asked for, less what was begun since.
struct Room {
    at: Instant,
    disk: Disk,
    begun: u64,
}

/// `GET /disk`.
#[derive(Clone, Deserialize)]
pub(super) struct Disk {
    total_space: Option<u64>,
    used_space: Option<u64>,
    trash_size: Option<u64>,
    max_file_size: Option<u64>,
    paid_max_file_size: Option<u64>,
    is_paid: Option<bool>,
    user: Option<User>,
}

#[derive(Clone, Deserialize)]
struct User {
    login: Option<String>,
    #[serde(default, deserialize_with = "scalar")]
    uid: Option<String>,
}

/// A file or folder. All but what was asked for may be missing.
#[derive(Deserialize)]
pub(super) struct Resource {
    pub(super) name: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) md5: Option<String>,
    pub(super) sha256: Option<String>,
    #[serde(default, deserialize_with = "readable")]
    pub(super) modified: Option<Timestamp>,
    #[serde(default, deserialize_with = "readable")]
    pub(super) revision: Option<u64>,
    #[serde(rename = "_embedded")]
    pub(super) embedded: Option<Embedded>,
}

#[derive(Deserialize)]
pub(super) struct Embedded {
    #[serde(deserialize_with = "many")]
    pub(super) items: Vec<Resource>,
    pub(super) total: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Link {
    href: String,
    #[serde(default)]
    templated: bool,
    pub(super) operation_id: Option<String>,
}

#[derive(Deserialize)]
struct Operation {
    status: String,
}

/// How an operation on the server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    UnderWay,
    Done,
    Failed,
    /// The server knows nothing of it.
    Unknown,
}

impl Account {
    /// The account of a token.
    pub fn new(api_url: Option<&str>, token: Secret, policy: Policy) -> Self {
        let base = api_url.unwrap_or(API_URL).trim_end_matches('/').to_owned();
        Account {
            http: Http::new(KIND, &base, RATE, policy),
            base,
            token: Token::new(token),
            room: Mutex::new(None),
            owner: OnceLock::new(),
        }
    }

    /// Says when the token ends, and how to get the next one.
    #[must_use]
    pub fn renewed_by(
        mut self,
        expires_at: Option<Timestamp>,
        renewal: Option<Box<dyn Renew>>,
    ) -> Self {
        self.token = self.token.renewed_by(expires_at, renewal);
        self
    }

    /// When the token ends, as far as that is known.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.token.expires_at()
    }

    pub(super) fn http(&self) -> &Http {
        &self.http
    }

    pub(super) fn policy(&self) -> &Policy {
        self.http.policy()
    }

    /// Asks, with all parameters in the query (§1).
    pub(super) fn ask(
        &self,
        method: &'static str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Asked<Answer>> {
        let url = with_query(format!("{}{path}", self.base), query);
        self.ask_at(method, &url)
    }

    fn ask_at(&self, method: &'static str, url: &str) -> Result<Asked<Answer>> {
        let token = self.token.now();
        let mut answer = self.ask_with(&token, method, url)?;
        if answer.status == 401
            && let Some(token) = self.token.after(&token)?
        {
            answer = self.ask_with(&token, method, url)?;
        }
        Ok(if answer.is_success() {
            Ok(answer)
        } else {
            Err(Refusal::of(&answer))
        })
    }

    fn ask_with(&self, token: &Secret, method: &'static str, url: &str) -> Result<Answer> {
        let answer = self.http.ask(&Request {
            method,
            url,
            token: Some(("OAuth", token)),
            ..Request::default()
        })?;
        log::debug!("{method} {}: {}", shown(url), answer.status);
        Ok(answer)
    }

    /// The account's room, as it is now.
    pub(super) fn disk(&self) -> Result<Disk> {
        let doing = "asking for the room";
        let answer = self.ask("GET", "/", &[])?;
        let disk: Disk = read(&answer.map_err(|refusal| refusal.error(doing))?, doing)?;
        *self.room() = Some(Room {
            at: Instant::now(),
            disk: disk.clone(),
            begun: 0,
        });
        let _ = self.owner.set(disk.owner());
        Ok(disk)
    }

    /// Whose account it is.
    pub(super) fn owner(&self) -> Result<&Owner> {
        if let Some(owner) = self.owner.get() {
            return Ok(owner);
        }
        let owner = self.disk()?.owner();
        Ok(self.owner.get_or_init(|| owner))
    }

    /// The account's room as it was a moment ago, where nothing was begun since, else as it is now.
    pub(super) fn recent_disk(&self) -> Result<Disk> {
        let recent = match &*self.room() {
            Some(room) if room.begun == 0 && room.at.elapsed() < ROOM_LASTS => {
                Some(room.disk.clone())
            }
            _ => None,
        };
        recent.map_or_else(|| self.disk(), Ok)
    }

    fn room(&self) -> MutexGuard<'_, Option<Room>> {
        locked(&self.room)
    }

    /// The next question after room goes to the server.
    pub(super) fn forget_room(&self) {
        *self.room() = None;
    }

    /// Fails when the account is known not to take a file as large (§5.6).
    pub(super) fn check_room(&self, size: u64) -> Result<()> {
        let remembered = match &mut *self.room() {
            Some(room) if room.at.elapsed() < ROOM_LASTS => {
                let fits = room.disk.takes(size, room.begun).is_ok();
                room.begun += size;
                fits
            }
            _ => false,
        };
        if remembered {
            return Ok(());
        }
        self.disk()?.takes(size, 0)
    }

    /// How an operation stands.
    pub(super) fn operation(&self, id: &str) -> Result<Standing> {
        let asked = self.ask("GET", &format!("/operations/{}", encoded(id)), &[])?;
        Self::standing(asked)
    }

    pub(super) fn standing(asked: Asked<Answer>) -> Result<Standing> {
        let doing = "asking how it went";
        match asked {
            Ok(answer) => {
                let operation: Operation = read(&answer, doing)?;
                Ok(match operation.status.as_str() {
                    "success" => Standing::Done,
                    "failed" | "failure" => Standing::Failed,
                    _ => Standing::UnderWay,
                })
            }
            // Whoever says it: what is not known cannot be waited for.
            Err(refusal) if refusal.status == 404 => Ok(Standing::Unknown),
            Err(refusal) => Err(refusal.error(doing)),
        }
    }

    /// Waits for what a 202 said to be under way; whether it is known to have succeeded.
    pub(super) fn wait_for(&self, accepted: &Answer, limit: Duration) -> Result<bool> {
        let link: Link = read(accepted, "waiting for an operation")?;
        let url = self.api_url(&link)?;
        let ended = self.policy().until(KIND, limit, || {
            let standing = match self.ask_at("GET", &url) {
                Ok(asked) => Self::standing(asked),
                Err(error) => Err(error),
            };
            match standing {
                Ok(Standing::UnderWay) => Ok(None),
                // A look that fails says nothing of the operation.
                Err(error) if error.is_open() => Ok(None),
                ended => ended.map(Some),
            }
        })?;
        Ok(ended == Some(Standing::Done))
    }

    /// The address of a link that the token is sent to.
    pub(super) fn api_url(&self, link: &Link) -> Result<String> {
        let href = self.http.checked_url(link.href()?)?;
        let ours = origin(&self.base);
        let same = match (&ours, origin(&href)) {
            (Some(ours), Some(theirs)) => {
                *ours == theirs
                    || [ours.1.as_str(), theirs.1.as_str()]
                        .iter()
                        .all(|host| API_HOSTS.contains(host))
            }
            _ => false,
        };
        if same {
            return Ok(href);
        }
        let why = "it refers to an address that is not the API's, and the token is not sent there";
        Err(astray(why).hint(NOT_THE_DISK))
    }

    /// The address of a link, byte for byte (§1).
    pub(super) fn transfer_url(&self, link: &Link) -> Result<Secret> {
        self.http.transfer_url(link.href()?)
    }
}

impl Link {
    fn href(&self) -> Result<&str> {
        if self.templated {
            return Err(astray("it gives an address with placeholders in it"));
        }
        Ok(&self.href)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.href.zeroize();
    }
}

#[cfg(any(test, fuzzing))]
impl Disk {
    /// Whatever it tells, a file fits or does not.
    pub(super) fn check(&self) {
        for size in [0, 1, u64::MAX] {
            let _ = (self.takes(size, 0), self.takes(size, u64::MAX));
        }
        assert!(!self.owner().login.is_empty() || self.user.is_some());
    }
}

impl Disk {
    fn owner(&self) -> Owner {
        let user = self.user.as_ref();
        let id = user.and_then(|user| user.uid.clone());
        let login = user.and_then(|user| user.login.clone());
        let login = login.or_else(|| id.clone());
        Owner {
            login: login.unwrap_or_else(|| "unknown".to_owned()),
            id,
        }
    }

    /// Absent where the service names no limit.
    fn free(&self) -> Option<u64> {
        Some(self.total_space?.saturating_sub(self.used_space?))
    }

    fn max_file_size(&self) -> Option<u64> {
        let paid = self
            .paid_max_file_size
            .filter(|_| self.is_paid == Some(true));
        self.max_file_size.max(paid).filter(|limit| *limit > 0)
    }

    pub(super) fn quota(&self) -> Quota {
        Quota {
            total: self.total_space,
            used: self.used_space,
            available: self.free(),
            trash: self.trash_size,
            max_file_size: self.max_file_size(),
        }
    }

    fn takes(&self, size: u64, begun: u64) -> Result<()> {
        if let Some(limit) = self.max_file_size().filter(|limit| size > *limit) {
            let detail = format!(
                "Yandex Disk takes files up to {} from this account, this one has {}",
                bytes(limit),
                bytes(size)
            );
            let hint = match self.paid_max_file_size {
                Some(paid) if paid > limit => format!(
                    "with a subscription it takes up to {}; or let Vertex AR split its backups",
                    bytes(paid)
                ),
                _ => "let Vertex AR split its backups".to_owned(),
            };
            return Err(Error::new(KIND, Kind::TooLarge(Some(limit)), detail).hint(hint));
        }
        let free = self.free().map(|free| free.saturating_sub(begun));
        let Some(free) = free.filter(|free| size > *free) else {
            return Ok(());
        };
        let detail = format!(
            "the Disk has no room: {} are needed, {} are free",
            bytes(size),
            bytes(free)
        );
        let shortage = Shortage {
            needed: size,
            free: Some(free),
        };
        let hint = match self.trash_size {
            Some(trash) if trash > 0 => format!(
                "the trash holds {}: empty it; or remove old backups: vertex-backup prune --all --permanent",
                bytes(trash)
            ),
            _ => "remove old backups: vertex-backup prune --all --permanent".to_owned(),
        };
        Err(Error::new(KIND, Kind::Full(shortage), detail).hint(hint))
    }
}

/// Reads an answer of the kind that was asked for.
pub(super) fn read<T: DeserializeOwned>(answer: &Answer, doing: &str) -> Result<T> {
    json::read(&answer.body).ok_or_else(|| {
        // What it says instead is not quoted: it may hold anything.
        let why = format!("what answers is not Yandex Disk, or only a part of it ({doing})");
        astray(why).hint(NOT_THE_DISK).repeat(Repeat::Soon)
    })
}

/// An address of the API without its host, for `-vv`: its query holds names, no secrets.
fn shown(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or(rest, |position| &rest[position..])
}
