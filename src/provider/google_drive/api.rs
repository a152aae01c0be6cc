//! The REST API of Google Drive: requests with their token, and what one account has.
//!
//! Source of all of it: `protocols/google_drive.md`; the numbers are its sections.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::file::{FIELDS, File};
use super::home::Home;
use super::refusal::{Asked, NOT_THE_DRIVE, Refusal, astray};
use super::room::{Room, StorageQuota};
use super::token::Credentials;
use super::{KIND, MY_DRIVE};
use crate::json;
use crate::provider::Notes;
use crate::provider::error::{Error, Kind, Repeat, Result};
use crate::provider::http::{Answer, Http, Rate, Request, encoded, origin, with_query};
use crate::provider::lenient::{many, or_default};
use crate::provider::locked;
use crate::provider::retry::Policy;
use crate::secret::Secret;

/// Where the API is, unless configured otherwise (§1).
const API_URL: &str = "https://www.googleapis.com";

/// No minute has as many requests that it could have more than the 3250 listings an
/// account is allowed (§9): each listing costs 100 of its 325 000 units.
const RATE: Rate = Rate {
    burst: 100,
    per_second: 50,
};

/// Ids asked for at a time.
const IDS: &str = "20";

/// What is configured of an account.
pub struct Options {
    /// Where the API is, if not where it usually is.
    pub api_url: Option<String>,
    /// Below which folder all goes.
    pub folder_id: Option<String>,
    /// On which shared drive.
    pub shared_drive_id: Option<String>,
    /// How many bytes go in one request, a multiple of [`UNIT`](super::UNIT).
    pub chunk: u64,
    /// Files that Google takes for malware are read all the same.
    pub acknowledges_abuse: bool,
}

/// One account, shared by all companies whose backups it has.
pub struct Account {
    pub(super) options: Options,
    pub(super) credentials: Credentials,
    pub(super) notes: Arc<dyn Notes>,
    http: Http,
    base: String,
    ids: Mutex<Vec<String>>,
    used_ids: Mutex<HashSet<String>>,
    pub(super) home: Mutex<Option<Home>>,
    /// The folders of a remote directory that were found: more than one where it has twins.
    pub(super) folders: Mutex<HashMap<String, Vec<String>>>,
    /// The ids of folders that are known to be there.
    pub(super) sound: Mutex<HashSet<String>>,
    /// The ids of folders that a search still shows, and which are not there any more.
    pub(super) gone: Mutex<HashSet<String>>,
    /// Only one of our threads makes folders.
    pub(super) making: Mutex<()>,
    pub(super) room: Mutex<Option<Room>>,
    user: OnceLock<User>,
    /// What was told once.
    told: Mutex<HashSet<String>>,
}

/// Whose account it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct User {
    display_name: Option<String>,
    email_address: Option<String>,
    /// The same for ever, whatever the address becomes.
    permission_id: Option<String>,
}

/// What the service tells of itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct About {
    #[serde(default, deserialize_with = "or_default")]
    user: User,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) storage_quota: StorageQuota,
}

/// Ids for what is to be made.
#[derive(Deserialize)]
pub(super) struct Ids {
    #[serde(deserialize_with = "many")]
    pub(super) ids: Vec<String>,
}

/// A request to the API, without address and token.
#[derive(Clone, Copy, Default)]
pub(super) struct Call<'a> {
    pub(super) method: &'static str,
    /// The path below the API's own.
    pub(super) path: &'a str,
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) json: Option<&'a str>,
    pub(super) headers: &'a [(&'static str, &'a str)],
}

/// The path of the metadata.
pub(super) const API: &str = "/drive/v3";

/// The path of uploads.
pub(super) const UPLOAD: &str = "/upload/drive/v3";

/// Shared drives are there for those who say that they know of them (§3).
pub(super) const ALL_DRIVES: (&str, &str) = ("supportsAllDrives", "true");

#[cfg(any(test, fuzzing))]
impl About {
    /// Whatever it tells can be worked with.
    pub(super) fn check(&self) {
        let _ = (self.user.name(), self.user.id());
        self.storage_quota.check();
    }
}

impl User {
    pub(super) fn name(&self) -> &str {
        let names = [&self.email_address, &self.display_name, &self.permission_id];
        let name = names.into_iter().find_map(Option::as_deref);
        name.unwrap_or("unknown")
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.permission_id
            .as_deref()
            .or(self.email_address.as_deref())
    }
}

impl Account {
    /// The account of these credentials.
    pub fn new(
        options: Options,
        credentials: Credentials,
        notes: Arc<dyn Notes>,
        policy: Policy,
    ) -> Self {
        let url = options.api_url.as_deref().unwrap_or(API_URL);
        let base = url.trim_end_matches('/').trim_end_matches(API).to_owned();
        Account {
            http: Http::new(KIND, &base, RATE, policy),
            base,
            options,
            credentials,
            notes,
            ids: Mutex::default(),
            used_ids: Mutex::default(),
            sound: Mutex::default(),
            gone: Mutex::default(),
            home: Mutex::default(),
            folders: Mutex::default(),
            making: Mutex::default(),
            room: Mutex::default(),
            user: OnceLock::new(),
            told: Mutex::default(),
        }
    }

    pub(super) fn http(&self) -> &Http {
        &self.http
    }

    pub(super) fn policy(&self) -> &Policy {
        self.http.policy()
    }

    /// Says something once in a run.
    pub(super) fn tell_once(&self, what: String) {
        if !locked(&self.told).contains(&what) {
            log::warn!("{what}");
            locked(&self.told).insert(what);
        }
    }

    /// The address of a path of the API.
    pub(super) fn url(&self, api: &str, path: &str, query: &[(&str, &str)]) -> String {
        with_query(format!("{}{api}{path}", self.base), query)
    }

    /// Asks for metadata.
    pub(super) fn ask(&self, call: Call<'_>) -> Result<Asked<Answer>> {
        self.ask_at(API, call)
    }

    /// Asks a part of the API.
    pub(super) fn ask_at(&self, api: &str, call: Call<'_>) -> Result<Asked<Answer>> {
        let url = self.url(api, call.path, call.query);
        let answer = self.ask_with_token(&Request {
            method: call.method,
            url: &url,
            json: call.json,
            headers: call.headers,
            ..Request::default()
        })?;
        log::debug!("{} {api}{}: {}", call.method, call.path, answer.status);
        Ok(if answer.is_success() {
            Ok(answer)
        } else {
            Err(self.refusal(&answer))
        })
    }

    /// A no; who is asked too often is left alone for a while by all of us (§9).
    pub(super) fn refusal(&self, answer: &Answer) -> Refusal {
        let refusal = Refusal::of(answer);
        if refusal.is_throttle() {
            self.http
                .rest(answer.retry_after.unwrap_or(self.policy().pause));
        }
        refusal
    }

    /// Asks with a token, and with the next one where that is refused.
    pub(super) fn ask_with_token(&self, request: &Request<'_>) -> Result<Answer> {
        let ask = |token: &Secret| {
            let token = self.is_ours(request.url).then_some(("Bearer", token));
            self.http.ask(&Request { token, ..*request })
        };
        self.with_token(ask, |answer| answer.status)
    }

    /// Does something with a token, and with the next one where that is refused.
    pub(super) fn with_token<T>(
        &self,
        ask: impl Fn(&Secret) -> Result<T>,
        status: impl Fn(&T) -> u16,
    ) -> Result<T> {
        let token = self.credentials.now()?;
        let answer = ask(&token)?;
        if status(&answer) == 401
            && let Some(token) = self.credentials.after(&token)?
        {
            return ask(&token);
        }
        Ok(answer)
    }

    /// Whether an address is the API's, which the token may be sent to: those of uploads
    /// are the service's to choose.
    pub(super) fn is_ours(&self, url: &str) -> bool {
        let (ours, theirs) = (origin(&self.base), origin(url));
        let google = ("https".to_owned(), "www.googleapis.com".to_owned(), 443);
        theirs.is_some() && theirs == ours
            || theirs == Some(google) && self.base.starts_with("https:")
    }

    /// One file or folder; `None` where there is none, or none for these eyes.
    pub(super) fn file(&self, id: &str) -> Result<Option<File>> {
        self.file_with(id, FIELDS)
    }

    pub(super) fn file_with(&self, id: &str, fields: &str) -> Result<Option<File>> {
        match self.ask_for(id, fields)? {
            Ok(file) => Ok(Some(file)),
            Err(refusal) if refusal.is_missing() => Ok(None),
            Err(refusal) => Err(refusal.error("looking at a file")),
        }
    }

    /// As [`Account::file`], with the refusal where there is one.
    pub(super) fn ask_for(&self, id: &str, fields: &str) -> Result<Asked<File>> {
        let asked = self.ask(Call {
            method: "GET",
            path: &format!("/files/{}", encoded(id)),
            query: &[("fields", fields), ALL_DRIVES],
            ..Call::default()
        })?;
        about(id, read_asked(asked, "looking at a file")?)
    }

    /// Changes a file.
    pub(super) fn update(&self, id: &str, change: &serde_json::Value) -> Result<Asked<File>> {
        let asked = self.ask(Call {
            method: "PATCH",
            path: &format!("/files/{}", encoded(id)),
            query: &[("fields", FIELDS), ALL_DRIVES],
            json: Some(&change.to_string()),
            ..Call::default()
        })?;
        about(id, read_asked(asked, "changing a file")?)
    }

    /// Puts a file or folder into the trash.
    pub(super) fn trash(&self, id: &str) -> Result<Asked<File>> {
        self.update(id, &json!({ "trashed": true }))
    }

    /// An id for something new: with it, a create that is repeated makes no twin (§5).
    pub(super) fn new_id(&self) -> Result<String> {
        let mut ids = locked(&self.ids);
        if let Some(id) = ids.pop() {
            return Ok(id);
        }
        let doing = "asking for ids";
        let asked = self.ask(Call {
            method: "GET",
            path: "/files/generateIds",
            query: &[("count", IDS), ("space", "drive"), ("type", "files")],
            ..Call::default()
        })?;
        let answer = asked.map_err(|refusal| refusal.error(doing))?;
        let used = &mut *locked(&self.used_ids);
        *ids = read::<Ids>(&answer, doing)?.ids;
        // Each is given out once, whatever the service does.
        ids.retain(|id| used.insert(id.clone()));
        ids.pop()
            .ok_or_else(|| astray("it gives no ids for new files"))
    }

    /// What the service tells of the account, as it is now.
    pub(super) fn about(&self) -> Result<About> {
        let doing = "asking for the account";
        let asked = self.ask(Call {
            method: "GET",
            path: "/about",
            query: &[("fields", "user,storageQuota")],
            ..Call::default()
        })?;
        let about: About = read(&asked.map_err(|refusal| refusal.error(doing))?, doing)?;
        let _ = self.user.set(about.user.clone());
        Ok(about)
    }

    /// Whose account it is.
    pub(super) fn user(&self) -> Result<&User> {
        if let Some(user) = self.user.get() {
            return Ok(user);
        }
        let user = self.about()?.user;
        Ok(self.user.get_or_init(|| user))
    }

    /// How the operator gave access.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }
}

/// Reads an answer of the kind that was asked for.
pub(super) fn read<T: DeserializeOwned>(answer: &Answer, doing: &str) -> Result<T> {
    json::read(&answer.body).ok_or_else(|| {
        // What it says instead is not quoted: it may hold anything.
        let why = format!("what answers is not Google Drive, or only a part of it ({doing})");
        astray(why).hint(NOT_THE_DRIVE).repeat(Repeat::Soon)
    })
}

/// Fails when a file is not the one that was asked about: what is remembered of it, and done
/// with it, would be remembered of another.
pub(super) fn about(id: &str, asked: Asked<File>) -> Result<Asked<File>> {
    match asked {
        Ok(file) if file.id != id && id != MY_DRIVE => {
            let why = "it tells of another file than it was asked about";
            Err(astray(why).hint(NOT_THE_DRIVE).repeat(Repeat::Soon))
        }
        asked => Ok(asked),
    }
}

/// As [`read`], of what may have been refused.
pub(super) fn read_asked<T: DeserializeOwned>(
    asked: Asked<Answer>,
    doing: &str,
) -> Result<Asked<T>> {
    match asked {
        Ok(answer) => read(&answer, doing).map(Ok),
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// The error of something that is not there any more.
pub(super) fn vanished(what: &str) -> Error {
    Error::new(KIND, Kind::Missing, format!("{what} vanished"))
}
