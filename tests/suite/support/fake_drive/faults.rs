//! What can be made to go wrong, and where.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::fake::http::{Answer, Framing};
use crate::support::fake::rules::Stop;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    About,
    List,
    GenerateIds,
    CreateFolder,
    /// Metadata of one object.
    Get,
    /// A PATCH of metadata: rename, move, trash, properties.
    Update,
    /// For good.
    Delete,
    /// The bytes of a file.
    Media,
    /// The bytes, at the host that a download was redirected to.
    Storage,
    /// The list of shared drives, or one of them.
    Drives,
    /// The begin of an upload.
    Initiate,
    /// Bytes to a session.
    Chunk,
    /// The question how much a session has.
    Status,
    CancelUpload,
    Token,
    DeviceCode,
    Revoke,
    Other,
}

/// What is kept of a chunk that breaks off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// Whole units of 256 KiB.
    #[default]
    Units,
    All,
    Nothing,
}

/// One thing that goes wrong.
#[derive(Clone)]
pub enum Fault {
    /// An error of Drive instead of the work: status, reason, message.
    Error(u16, &'static str, &'static str),
    /// The same with `Retry-After`.
    RetryAfter(u16, &'static str, &'static str),
    /// The work is done, and an error of Drive is answered.
    ErrorAfterWork(u16, &'static str, &'static str),
    /// An error without `errors`, whose reason is in `details`.
    DetailsOnly(u16, &'static str),
    /// An error with neither `errors` nor `details`: status and message.
    NoReason(u16, &'static str),
    /// An error of the token endpoint: status, error, description.
    OAuth(u16, &'static str, &'static str),
    /// The status with plain text, a page or nothing, or any bytes at all; instead of the work.
    Text(u16, &'static str),
    Html(u16),
    Empty(u16),
    Raw(Vec<u8>),
    ResetBeforeWork,
    /// The work is done, and the answer is lost.
    ResetAfterWork,
    /// Chunk: after so many bytes of the body. Media, Storage: after so many sent.
    ResetAtByte(u64),
    /// The same with a clean end of the connection.
    CloseAtByte(u64),
    /// Chunk: a page with this status after so many bytes.
    RefuseAtByte(u64, u16),
    /// The same, and it leads elsewhere.
    LeadAtByte(u64, u16, String),
    /// Nothing happens for so long, then what always happens.
    Stall(Duration),
    /// Any change to the JSON of an answer; see [`Fault::edit`].
    Edit(Edit),
    /// Hashes are missing in this answer.
    NoHashes {
        md5: bool,
        sha256: bool,
    },
    /// Initiate: the address of the session; none where this is empty.
    SessionAt(String),
    /// Chunk: only so many bytes of it are taken, in whole units.
    TakesOnly(u64),
    /// Chunk: none of it is taken, and 308 says so.
    NoProgress,
    /// Chunk, Status: the session has no more than so many bytes from now on.
    Forgets(u64),
    /// Chunk, Status: the range told ends so many bytes later than it does.
    RangeBeyond(u64),
    /// Chunk, Status: the range is told as `0-N`.
    OldRange,
    /// Chunk: a bit flips before it is stored.
    Corrupts,
    /// List: nothing was found to the end.
    Incomplete,
    /// List: a page without files, and a token.
    EmptyPage,
    /// List: 400, the page token is worth nothing.
    RejectsPageToken,
    /// List: a token after the last page, which begins again.
    EndlessPages,
    /// Media, Storage: 200 and everything, whatever was asked for.
    IgnoreRange,
    /// Media, Storage: 206 with a `Content-Range` that begins one byte later.
    WrongContentRange,
    /// Media, Storage: so many bytes too few, and the length told is theirs.
    ShortBody(u64),
    /// Media, Storage: so many bytes too few, and no length at all.
    NoLength {
        missing: u64,
    },
    /// Media, Storage: chunked, and closed before the last chunk.
    Unterminated,
    /// Media, Storage: this encoding is claimed.
    ContentEncoding(&'static str),
    /// Media: redirects anywhere.
    RedirectTo(String),
}

type Edit = Arc<dyn Fn(&mut Value) + Send + Sync>;

impl Fault {
    /// Any change to the JSON of an answer.
    pub fn edit(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Fault::Edit(Arc::new(change))
    }

    /// What the service says when it is asked too often.
    pub fn rate_limit() -> Self {
        Fault::Error(403, "rateLimitExceeded", "Rate Limit Exceeded")
    }

    /// What the service says once 750 GB were uploaded in a day.
    pub fn upload_cap() -> Self {
        Fault::Error(403, "userRateLimitExceeded", "User rate limit exceeded.")
    }

    /// The answer that takes the place of the work.
    pub fn instead(&self) -> Option<Answer> {
        Some(match self {
            Fault::Error(status, reason, message) => {
                Refusal::new(*status, reason, *message).answer()
            }
            Fault::RetryAfter(status, reason, after) => {
                let refusal = Refusal::new(*status, reason, "Try again later.");
                refusal.answer().with("Retry-After", *after)
            }
            Fault::DetailsOnly(status, reason) => {
                let details = json!([{
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": reason,
                    "domain": "googleapis.com",
                }]);
                let mut told = bare(*status, "Quota exceeded for quota metric 'Queries'.");
                told["error"]["details"] = details;
                Answer::json(*status, &told)
            }
            Fault::NoReason(status, message) => Answer::json(*status, &bare(*status, message)),
            Fault::OAuth(status, error, text) => oauth_error(*status, error, text),
            Fault::RejectsPageToken => Refusal::invalid("pageToken").answer(),
            Fault::Text(status, text) => Answer::text(*status, text),
            Fault::Html(status) => Answer::html(*status),
            Fault::Empty(status) => Answer::empty(*status),
            Fault::Raw(bytes) => Answer {
                body: bytes.clone().into(),
                framing: Framing::Raw,
                ..Answer::default()
            },
            _ => return None,
        })
    }

    /// What happens after so many bytes of a body.
    pub fn stop(&self) -> Option<(u64, Stop)> {
        Some(match self {
            Fault::ResetAtByte(at) => (*at, Stop::Reset),
            Fault::CloseAtByte(at) => (*at, Stop::Close),
            Fault::RefuseAtByte(at, status) => (*at, Stop::Refuse(*status, None)),
            Fault::LeadAtByte(at, status, place) => {
                (*at, Stop::Refuse(*status, Some(place.clone())))
            }
            _ => return None,
        })
    }

    /// Whether the fault can happen there: a rule that never does anything tests nothing.
    pub fn fits(&self, op: Op) -> bool {
        use Op::{Chunk, DeviceCode, List, Media, Revoke, Status, Storage, Token};
        let oauth = matches!(op, Token | DeviceCode | Revoke);
        let gives = matches!(op, Media | Storage);
        match self {
            Fault::Error(..)
            | Fault::RetryAfter(..)
            | Fault::ErrorAfterWork(..)
            | Fault::DetailsOnly(..)
            | Fault::NoReason(..) => !oauth && op != Storage,
            Fault::OAuth(..) => oauth,
            Fault::ResetAtByte(_) | Fault::CloseAtByte(_) => gives || op == Chunk,
            Fault::RefuseAtByte(..)
            | Fault::LeadAtByte(..)
            | Fault::TakesOnly(_)
            | Fault::NoProgress
            | Fault::Corrupts => op == Chunk,
            Fault::Forgets(_) | Fault::RangeBeyond(_) | Fault::OldRange => {
                matches!(op, Chunk | Status)
            }
            Fault::NoHashes { .. } => {
                matches!(
                    op,
                    Op::Get | List | Op::Update | Op::CreateFolder | Chunk | Status
                )
            }
            Fault::Edit(_) => {
                !gives && !matches!(op, Revoke | Op::Initiate | Op::CancelUpload | Op::Delete)
            }
            Fault::Incomplete
            | Fault::EmptyPage
            | Fault::RejectsPageToken
            | Fault::EndlessPages => op == List,
            Fault::IgnoreRange
            | Fault::WrongContentRange
            | Fault::ShortBody(_)
            | Fault::NoLength { .. }
            | Fault::Unterminated
            | Fault::ContentEncoding(_) => gives,
            Fault::RedirectTo(_) => op == Media,
            Fault::SessionAt(_) => op == Op::Initiate,
            Fault::Text(..)
            | Fault::Html(_)
            | Fault::Empty(_)
            | Fault::Raw(_)
            | Fault::ResetBeforeWork
            | Fault::ResetAfterWork
            | Fault::Stall(_) => true,
        }
    }

    /// Changes what would have been answered: one file, or a list of them.
    pub fn distort(&self, told: &mut Value) {
        match self {
            Fault::Edit(change) => change(told),
            Fault::NoHashes { md5, sha256 } => {
                let missing = [("md5Checksum", *md5), ("sha256Checksum", *sha256)];
                let forget = |file: &mut Value| {
                    for (name, _) in missing.iter().filter(|(_, missing)| *missing) {
                        file.as_object_mut().unwrap().shift_remove(*name);
                    }
                };
                match told.get_mut("files").and_then(Value::as_array_mut) {
                    Some(files) => files.iter_mut().for_each(forget),
                    None => forget(told),
                }
            }
            Fault::Incomplete => told["incompleteSearch"] = json!(true),
            _ => {}
        }
    }
}

/// An error of Drive.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub status: u16,
    reason: &'static str,
    message: String,
    /// The place in the request, and its kind.
    location: Option<(&'static str, &'static str)>,
}

impl Refusal {
    pub fn new(status: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Refusal {
            status,
            reason,
            message: message.into(),
            location: None,
        }
    }

    /// Names the place in the request.
    pub fn at(mut self, location: &'static str, kind: &'static str) -> Self {
        self.location = Some((location, kind));
        self
    }

    /// Nothing there, or nothing that may be seen.
    pub fn not_found(id: &str) -> Self {
        let refusal = Refusal::new(404, "notFound", format!("File not found: {id}."));
        refusal.at("fileId", "parameter")
    }

    /// A parameter that cannot be read.
    pub fn invalid(parameter: &'static str) -> Self {
        Refusal::new(400, "invalid", "Invalid Value").at(parameter, "parameter")
    }

    pub fn required(parameter: &'static str) -> Self {
        let text = format!("Required parameter: {parameter}");
        Refusal::new(400, "required", text).at(parameter, "parameter")
    }

    pub fn no_room() -> Self {
        let text = "The user's Drive storage quota has been exceeded.";
        Refusal::new(403, "storageQuotaExceeded", text)
    }

    pub fn answer(&self) -> Answer {
        let throttled = self.reason.ends_with("LimitExceeded");
        let mut error = json!({
            "domain": if throttled { "usageLimits" } else { "global" },
            "reason": self.reason,
            "message": self.message,
        });
        if let Some((location, kind)) = self.location {
            error["locationType"] = json!(kind);
            error["location"] = json!(location);
        }
        let mut told = bare(self.status, &self.message);
        told["error"]["errors"] = json!([error]);
        Answer::json(self.status, &told)
    }
}

fn bare(status: u16, message: &str) -> Value {
    json!({"error": {"code": status, "message": message}})
}

/// An error as RFC 6749 shapes it.
pub fn oauth_error(status: u16, error: &str, text: &str) -> Answer {
    let told = json!({"error": error, "error_description": text});
    Answer::json(status, &told)
}
