//! What can be made to go wrong, and where.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::support::fake::http::{Answer, Framing};
use crate::support::fake::rules::Stop;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// What the account has: quota, limits, user.
    Disk,
    /// Metadata of one object.
    Stat,
    /// Metadata with `limit`, or with `_embedded` among its fields.
    List,
    Mkdir,
    /// The link to upload to.
    Link,
    /// The bytes, to that link.
    Put,
    Move,
    Copy,
    Delete,
    /// How an operation stands.
    Operation,
    DownloadLink,
    /// The first hop of a download, which redirects.
    Download,
    /// Its second hop, which has the bytes.
    Storage,
    Trash,
    OauthDevice,
    OauthToken,
    Other,
}

/// One thing that goes wrong.
#[derive(Clone)]
pub enum Fault {
    /// An error in JSON instead of the work.
    Status {
        status: u16,
        error: &'static str,
        headers: Vec<(&'static str, String)>,
    },
    /// The work is done, and an error in JSON is answered.
    StatusAfterWork {
        status: u16,
        error: &'static str,
    },
    /// The status with a page, with nothing, or any bytes at all; instead of the work.
    Html(u16),
    Empty(u16),
    Raw(Vec<u8>),
    ResetBeforeWork,
    ResetAfterWork,
    /// PUT: after so many bytes of the body, nothing stored. Storage: after so many sent.
    ResetAtByte(u64),
    /// The same with a clean end of the connection.
    CloseAtByte(u64),
    /// PUT: a page with this status after so many bytes, nothing stored.
    RefuseAtByte(u64, u16),
    /// The same, and it leads elsewhere.
    LeadAtByte(u64, u16, String),
    /// Nothing happens for so long, then what always happens.
    Stall(Duration),
    /// 202: in progress for so many looks at the operation or at a path it is about
    /// (`usize::MAX`: for ever), then `success` or `failed`. Until success nothing is done.
    Accepted {
        polls: usize,
        ends: &'static str,
    },
    /// What the operation is said to be, whatever it is.
    OperationSays(&'static str),
    /// PUT, Move: what was made is not there for so many looks at it.
    Late {
        looks: usize,
    },
    /// PUT, Move: hashes are missing for so many looks. Stat, List: in that answer.
    NoHashes {
        md5: bool,
        sha256: bool,
        looks: usize,
    },
    /// PUT, Move: the hashes are not those of the stored bytes. Stat, List: in that answer.
    LyingHash,
    UpperCaseHash,
    /// Move: 409 where the target exists, `overwrite=true` or not.
    IgnoreOverwrite,
    /// Links: with another scheme, marked as a template, or anything else.
    HrefScheme(&'static str),
    HrefTemplated,
    HrefRaw(String),
    /// Any change to the JSON of an answer; see [`Fault::edit`].
    Edit(Edit),
    /// Storage: 200 and everything, whatever was asked for.
    IgnoreRange,
    /// Storage: 206 with a `Content-Range` that begins one byte later.
    WrongContentRange,
    /// Storage: neither length nor chunks, and so many bytes too few.
    NoLength {
        missing: u64,
    },
    /// Storage: chunked, and closed before the last chunk.
    Unterminated,
    /// Storage: this encoding is claimed.
    ContentEncoding(&'static str),
    /// Storage: the length told is so many bytes off.
    ShorterLength(u64),
    LongerLength(u64),
    /// 410 with a page: the link is too old.
    Expired,
    /// Download: redirects to itself, or anywhere.
    RedirectLoop,
    RedirectTo(String),
    /// List: the page before the one asked for.
    PageRepeats,
    /// List: full pages without end.
    EndlessPages,
    /// List: this total.
    WrongTotal(u64),
}

type Edit = Arc<dyn Fn(&mut Value) + Send + Sync>;

impl Fault {
    /// [`Fault::Status`] without headers.
    pub fn status(status: u16, error: &'static str) -> Self {
        let headers = Vec::new();
        Fault::Status {
            status,
            error,
            headers,
        }
    }

    /// Any change to the JSON of an answer.
    pub fn edit(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Fault::Edit(Arc::new(change))
    }

    /// The answer that takes the place of the work.
    pub fn instead(&self) -> Option<Answer> {
        Some(match self {
            Fault::Status {
                status,
                error,
                headers,
            } => {
                let mut answer = Refusal(*status, error).answer();
                answer.headers.extend(headers.iter().cloned());
                answer
            }
            Fault::Html(status) => Answer::html(*status),
            Fault::Empty(status) => Answer::empty(*status),
            Fault::Expired => Answer::html(410),
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

    /// How many looks an operation takes, and how it ends.
    pub fn accepted(&self) -> Option<(usize, &'static str)> {
        match self {
            Fault::Accepted { polls, ends } => Some((*polls, *ends)),
            _ => None,
        }
    }

    /// Whether the fault can happen there: a rule that never does anything tests nothing.
    pub fn fits(&self, op: Op) -> bool {
        use Op::{Copy, Delete, Download, DownloadLink, Link, List, Move, Operation, Put, Storage};
        match self {
            Fault::ResetAtByte(_) | Fault::CloseAtByte(_) => matches!(op, Put | Storage),
            Fault::RefuseAtByte(..) | Fault::LeadAtByte(..) => op == Put,
            Fault::Accepted { .. } => matches!(op, Put | Move | Copy | Delete),
            Fault::OperationSays(_) => op == Operation,
            Fault::Late { .. } => matches!(op, Put | Move | Copy),
            Fault::NoHashes { .. } | Fault::LyingHash | Fault::UpperCaseHash => {
                matches!(op, Put | Move | Copy | Op::Stat | List)
            }
            Fault::IgnoreOverwrite => matches!(op, Move | Copy),
            Fault::HrefScheme(_) | Fault::HrefTemplated | Fault::HrefRaw(_) => {
                matches!(op, Link | DownloadLink | Move | Copy | Delete)
            }
            Fault::IgnoreRange
            | Fault::WrongContentRange
            | Fault::NoLength { .. }
            | Fault::Unterminated
            | Fault::ContentEncoding(_)
            | Fault::ShorterLength(_)
            | Fault::LongerLength(_) => op == Storage,
            Fault::Expired => matches!(op, Put | Download | Storage),
            Fault::RedirectLoop | Fault::RedirectTo(_) => op == Download,
            Fault::PageRepeats | Fault::EndlessPages | Fault::WrongTotal(_) => op == List,
            Fault::Edit(_) => !matches!(
                op,
                Put | Download | Storage | Op::OauthDevice | Op::OauthToken
            ),
            _ => true,
        }
    }
}

/// An error of the API: the status, and the code that says which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal(pub u16, pub &'static str);

impl Refusal {
    /// Exactly three strings, the last one in the user's language.
    pub fn answer(self) -> Answer {
        let told = serde_json::json!({
            "error": self.1,
            "description": format!("The request was refused: {}.", self.1),
            "message": "Запрос отклонён.",
        });
        Answer::json(self.0, &told)
    }
}
