//! Sending: a session of the service takes the bytes piece by piece, and tells how many it
//! has (§6).
//!
//! What it tells is believed, whatever was sent: after any doubt it is asked, and the next
//! piece begins where it says. A session lives for a week, so a run that was killed, or a
//! machine that was rebooted, goes on with it. The file has its id before its first byte:
//! whether it was finished can always be asked.

use std::io::SeekFrom;

use serde_json::json;

use super::api::{ALL_DRIVES, Call, UPLOAD};
use super::file::{FIELDS, File};
use super::refusal::{Refusal, astray};
use super::seal::seal;
use super::session::Standing;
use super::{GoogleDrive, KIND};
use crate::name::FileName;
use crate::progress::Task;
use crate::provider::error::{Error, Kind, Reason, Repeat, Result, disk, stopped};
use crate::provider::http::{Answer, Broken, Transfer};
use crate::provider::{Content, Object, Session};
use crate::secret::Secret;

/// All pieces but the last are multiples of this (§6.2).
pub const UNIT: u64 = 256 * 1024;

/// How a piece is sent unless configured otherwise: long enough for the pauses between pieces
/// not to count, short enough that little is sent again.
pub const CHUNK: u64 = 32 * 1024 * 1024;

/// How often an upload is begun anew because its id was taken, or its folder vanished.
const SESSIONS: u32 = 5;

/// Answers in a row that bring an upload no further before its session is given up.
const BARREN_ANSWERS: u32 = 8;

/// The way out where pieces arrive otherwise than they were sent.
const MANGLED: &str = "is there a proxy that changes requests? check api_url in the provider file";

/// The type of all that is stored: nothing is to be converted (§3).
const OCTETS: &str = "application/octet-stream";

/// What this process knows of an upload of its own.
#[derive(Clone, Default)]
pub(super) struct Upload {
    /// Something was sent: only the service knows how much it has.
    is_begun: bool,
    /// It cannot have more than as many bytes.
    offered: u64,
    /// The file, as the service told of it when it had the last byte.
    pub(super) finished: Option<File>,
    /// Where its bytes go, where this process began it.
    pub(super) address: Option<Secret>,
}

impl Upload {
    /// Any of its bytes may have been sent.
    fn of_earlier_run(session: &Session) -> Self {
        Upload {
            is_begun: true,
            offered: session.size,
            finished: None,
            address: None,
        }
    }
}

/// How the sending of one file goes.
#[derive(Default)]
struct Course {
    /// What the service had when it was last heard.
    came: Option<u64>,
    /// Answers in a row since then that brought it no further.
    barren: u32,
    /// Where a piece was refused for its token, which was renewed then.
    renewed_at: Option<u64>,
    /// Where a piece was refused for its form.
    mangled_at: Option<u64>,
}

impl GoogleDrive {
    /// What this process knows of an upload, where it has to do with it.
    pub(super) fn upload(&self, session: &Session) -> Upload {
        let uploads = self.uploads();
        let known = uploads.get(&session.handle).cloned();
        known.unwrap_or_else(|| Upload::of_earlier_run(session))
    }

    fn note(&self, session: &Session, change: impl FnOnce(&mut Upload)) {
        let mut uploads = self.uploads();
        let entry = uploads.entry(session.handle.clone());
        change(entry.or_insert_with(|| Upload::of_earlier_run(session)));
    }

    /// As [`Provider::begin`](crate::provider::Provider::begin).
    pub(super) fn begin_upload(&self, name: &FileName, size: u64) -> Result<Session> {
        self.account.refuse_unwritable()?;
        self.account.check_room(size)?;
        self.refuse_stranger()?;
        let unnamed = |error| disk(KIND, "cannot name the upload", error, None);
        let handle = name.temporary().map_err(unnamed)?;
        let (id, address) = self.session(&handle, size)?;
        let mut session = Session {
            name: name.as_str().to_owned(),
            size,
            handle,
            operation: Some(id),
            address: None,
        };
        // What cannot be sealed is not stored: then no later run goes on with it.
        let roots = self.account.credentials.roots();
        session.address = roots
            .first()
            .and_then(|root| seal(root, &session, &address));
        let upload = Upload {
            address: Some(address),
            ..Upload::default()
        };
        self.uploads().insert(session.handle.clone(), upload);
        Ok(session)
    }

    /// The id of a file to come, and where its bytes go.
    fn session(&self, handle: &str, size: u64) -> Result<(String, Secret)> {
        let doing = "beginning an upload";
        let length = size.to_string();
        let mut tries = 0;
        loop {
            tries += 1;
            let folder = self.made_folder()?;
            let id = self.account.new_id()?;
            let file = json!({ "id": id, "name": handle, "mimeType": OCTETS, "parents": [folder] });
            let asked = self.account.ask_at(
                UPLOAD,
                Call {
                    method: "POST",
                    path: "/files",
                    query: &[("uploadType", "resumable"), ("fields", FIELDS), ALL_DRIVES],
                    json: Some(&file.to_string()),
                    headers: &[
                        ("x-upload-content-type", OCTETS),
                        ("x-upload-content-length", &length),
                    ],
                },
            )?;
            match asked {
                Ok(answer) => return Ok((id, self.address(&answer)?)),
                // Another took the id, or the folder vanished since it was looked up.
                Err(refusal) if tries < SESSIONS && refusal.status == 409 => {}
                Err(refusal) if tries < SESSIONS && refusal.is_missing() => self.forget_folders(),
                Err(refusal) if refusal.is_missing() => {
                    let detail = format!("the company's folder vanished, or is hidden ({doing})");
                    let error = Error::new(KIND, Kind::Connection(Reason::Forbidden), detail);
                    return Err(error
                        .hint("look for the folder on Google Drive, and run the command again"));
                }
                Err(refusal) => return Err(self.refused(&refusal, size, doing)),
            }
        }
    }

    /// Where a session takes its bytes, byte for byte as the service has it (§1).
    fn address(&self, answer: &Answer) -> Result<Secret> {
        let location = answer.location.as_deref();
        let location = location
            .ok_or_else(|| astray("it does not say where to upload").repeat(Repeat::Soon))?;
        let whole = match location.strip_prefix('/') {
            Some(path) if !path.starts_with('/') => self.account.url("/", path, &[]),
            _ => location.to_owned(),
        };
        self.account.http().transfer_url(&whole)
    }

    /// What a no to an upload means.
    pub(super) fn refused(&self, refusal: &Refusal, size: u64, doing: &str) -> Error {
        let error = refusal.error(doing);
        match error.kind {
            Kind::Full(_) => self.account.no_room(size),
            _ => error,
        }
    }

    /// As [`Provider::send`](crate::provider::Provider::send).
    pub(super) fn send_body(
        &self,
        session: &Session,
        body: &mut dyn Content,
        task: &dyn Task,
    ) -> Result<()> {
        if !self.uploads().contains_key(&session.handle) {
            // It would end where the company's backups are not looked for any more.
            self.refuse_stranger()?;
        }
        let upload = self.upload(session);
        if upload.finished.is_some() {
            return Ok(());
        }
        let mut standing = if upload.is_begun {
            self.standing(session)?
        } else {
            self.note(session, |upload| upload.is_begun = true);
            Standing::Has(0)
        };
        let mut course = Course::default();
        loop {
            let has = match standing {
                Standing::Finished(file) => {
                    self.note(session, |upload| upload.finished = Some(*file));
                    return Ok(());
                }
                Standing::Has(has) => has,
            };
            if has > self.upload(session).offered {
                // What else it believes to have is not ours.
                let what = format!("the upload session of '{}'", session.name);
                let why = format!("{what} claims bytes that it was not sent");
                return Err(self.given_up(session, why));
            }
            // It may also forget some: what it says is what it has.
            if course.came.is_some_and(|came| has <= came) {
                course.barren += 1;
                if course.barren >= BARREN_ANSWERS {
                    let why = format!(
                        "the upload session of '{}' takes no more bytes",
                        session.name
                    );
                    return Err(self.given_up(session, why));
                }
                self.pause()?;
            } else {
                course.barren = 0;
            }
            course.came = Some(has);
            standing = self.send_piece(session, has, body, task, &mut course)?;
        }
    }

    /// The error of a session that is of no more use, and ends: another one may be.
    fn given_up(&self, session: &Session, why: String) -> Error {
        match self.cancel(session) {
            Err(error) if matches!(error.kind, Kind::Body(_)) => error,
            _ => Error::new(KIND, Kind::Missing, why),
        }
    }

    fn pause(&self) -> Result<()> {
        let pause = self.account.policy().pause;
        let slept = crate::interrupt::sleep(pause);
        slept.map_err(|failure| stopped(KIND, failure))
    }

    /// Sends the piece that begins at `from`, and says what the service has then.
    /// For each piece, the token is renewed once, and one refused for its form is sent again.
    fn send_piece(
        &self,
        session: &Session,
        from: u64,
        body: &mut dyn Content,
        task: &dyn Task,
        course: &mut Course,
    ) -> Result<Standing> {
        let unread = |error| disk(KIND, "cannot read what is to be sent", error, None);
        body.seek(SeekFrom::Start(from)).map_err(unread)?;
        body.taken(from);
        if session.size == 0 {
            // There is no range of no bytes (§6.4).
            body.read(&mut [0]).map_err(unread)?;
            return self.asked(session, &[]);
        }
        if from >= session.size {
            return self.standing(session);
        }
        // A session that takes nothing is not offered much.
        let most = match course.barren {
            0 => self.account.options.chunk,
            _ => UNIT,
        };
        let size = most.min(session.size - from);
        let end = from + size;
        let range = format!("bytes {from}-{}/{}", end - 1, session.size);
        let is_last = end == session.size;
        self.note(session, |upload| upload.offered = upload.offered.max(end));
        let policy = self.account.policy();
        let Some(url) = self.address_of(session) else {
            return self.finished(session);
        };
        let token = self.account.credentials.now()?;
        let is_ours = self.account.is_ours(url.expose());
        let transfer = Transfer {
            url: url.expose(),
            size,
            token: is_ours.then_some(("Bearer", &token)),
            range: Some(&range),
            is_last,
            silence: if is_last {
                policy.checking(session.size)
            } else {
                policy.stall
            },
        };
        let answer = match self.account.http().put(&transfer, &mut *body, task) {
            Ok(answer) => answer,
            Err(Broken { error, .. }) => return Err(error),
        };
        log::debug!("PUT {range}: {}", answer.status);
        match answer.status {
            401 if course.renewed_at != Some(from)
                && self.account.credentials.after(&token)?.is_some() =>
            {
                course.renewed_at = Some(from);
                self.standing(session)
            }
            // A proxy may have mangled it: the session may be as good as before.
            400 if course.mangled_at != Some(from) => {
                log::info!("{}", Refusal::of(&answer).error("uploading"));
                course.mangled_at = Some(from);
                self.standing(session)
            }
            400 => {
                let words = Refusal::of(&answer).words();
                let why = format!(
                    "a piece of '{}' is refused: it answers {words}",
                    session.name
                );
                Err(self.given_up(session, why).hint(MANGLED))
            }
            _ => self.understood(session, &answer, "uploading"),
        }
    }

    /// As [`Provider::inspect`](crate::provider::Provider::inspect).
    pub(super) fn look_for(&self, session: &Session) -> Result<Object> {
        let missing = || {
            self.forget_folders();
            let detail = format!("the upload of '{}' did not arrive", session.name);
            Error::new(KIND, Kind::Missing, detail)
        };
        let finished = self.upload(session).finished;
        let told = finished.and_then(|file| file.object().ok());
        if let Some(object) = told
            && object.sha256.is_some()
        {
            return Ok(object);
        }
        // The SHA-256 may come a moment later, or never: then the MD5 must do (§6.5).
        let id = session.operation.as_deref().ok_or_else(missing)?;
        let file = self.account.file(id)?.filter(|file| !file.trashed);
        file.ok_or_else(missing)?.object()
    }
}
