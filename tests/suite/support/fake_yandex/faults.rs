//! What can be made to go wrong, where and when.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Shared;
use super::disk::Disk;
use super::http::{Answer, Framing};

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

/// Which requests of an operation. They are counted from 1, and from when the rule was made.
#[derive(Clone, Copy, Debug)]
pub enum When {
    Nth(usize),
    First(usize),
    AllAfter(usize),
    Always,
}

impl When {
    fn hits(self, number: usize) -> bool {
        match self {
            When::Nth(nth) => number == nth,
            When::First(count) => number <= count,
            When::AllAfter(count) => number > count,
            When::Always => true,
        }
    }
}

/// A point of a request at which the server can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The head is read, nothing else.
    BeforeWork,
    /// The work is done, nothing is answered.
    AfterWork,
    /// So many bytes of the body of a PUT are read, or of a download sent.
    Body(u64),
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
            Fault::RefuseAtByte(..) => op == Put,
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

/// Something to do at certain requests.
pub struct Rule {
    pub op: Op,
    pub when: When,
    pub seen: usize,
    pub deed: Deed,
}

/// Done to the disk, once.
pub type Run = Box<dyn FnOnce(&mut Disk) + Send>;

pub enum Deed {
    Fault(Fault),
    Hold {
        at: Moment,
        reached: bool,
        released: bool,
    },
    Run(Option<Run>),
}

/// What is to happen during one request.
#[derive(Default)]
pub struct Turn {
    /// The line of the log.
    pub index: usize,
    pub faults: Vec<Fault>,
    /// The rules that hold it, by number.
    pub holds: Vec<(usize, Moment)>,
}

impl Turn {
    /// Counts a request and says what is to happen. Runs what is to run before it.
    pub fn begin(op: Op, index: usize, rules: &mut [Rule], disk: &mut Disk) -> Self {
        let mut turn = Turn {
            index,
            ..Turn::default()
        };
        for (number, rule) in rules.iter_mut().enumerate() {
            if rule.op != op {
                continue;
            }
            rule.seen += 1;
            if !rule.when.hits(rule.seen) {
                continue;
            }
            match &mut rule.deed {
                Deed::Fault(fault) => turn.faults.push(fault.clone()),
                Deed::Hold { at, .. } => turn.holds.push((number, *at)),
                Deed::Run(run) => run.take().into_iter().for_each(|run| run(disk)),
            }
        }
        turn
    }

    /// What happens after so many bytes of a body, in order.
    pub fn stops(&self) -> Vec<(u64, Stop)> {
        let faults = self.faults.iter().filter_map(|fault| match fault {
            Fault::ResetAtByte(at) => Some((*at, Stop::Reset)),
            Fault::CloseAtByte(at) => Some((*at, Stop::Close)),
            Fault::RefuseAtByte(at, status) => Some((*at, Stop::Refuse(*status))),
            _ => None,
        });
        let holds = self.holds.iter().filter_map(|(rule, at)| match at {
            Moment::Body(at) => Some((*at, Stop::Hold(*rule))),
            _ => None,
        });
        let mut stops: Vec<_> = holds.chain(faults).collect();
        stops.sort_by_key(|(at, _)| *at);
        stops
    }
}

/// What happens in the middle of a body.
#[derive(Clone, Copy)]
pub enum Stop {
    Hold(usize),
    Reset,
    Close,
    Refuse(u16),
}

/// A point at which the server waits, until this is dropped.
pub struct Hold {
    pub(super) shared: Arc<Shared>,
    pub(super) rule: usize,
}

impl Hold {
    /// Waits until the server is there.
    pub fn reached(&self) {
        let state = self.shared.lock();
        let wait = self.shared.changed.wait_timeout_while(
            state,
            Duration::from_secs(60),
            |state| matches!(state.rules[self.rule].deed, Deed::Hold { reached, .. } if !reached),
        );
        let (_state, late) = wait.unwrap();
        assert!(!late.timed_out(), "no request came to where it is held");
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Deed::Hold { released, .. } = &mut self.shared.lock().rules[self.rule].deed {
            *released = true;
        }
        self.shared.changed.notify_all();
    }
}
