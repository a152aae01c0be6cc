//! Resumable uploads: sessions that take a file in chunks, and say how much they have.

use serde_json::{Value, json};

use super::drive::Draft;
use super::faults::{Fault, Kept, Refusal};
use super::fields::{Field, trim};
use super::server::id_of;
use super::{Host, Op, State};
use crate::support::fake::content::Content;
use crate::support::fake::http::{Answer, Head};

/// Chunks, but the last one, are multiples of this.
pub const UNIT: u64 = 256 * 1024;

/// An upload that was begun.
pub struct Session {
    /// Path and query of its address.
    pub target: String,
    pub what: Target,
    mask: Option<Vec<Field>>,
    /// The size, once it is told.
    pub total: Option<u64>,
    pub bytes: Vec<u8>,
    longest: u64,
    /// It was said to have more than it has.
    lied: bool,
    pub stand: Stand,
}

/// What becomes of the bytes.
#[derive(Clone)]
pub enum Target {
    New(Draft),
    /// New content of this file.
    Content(String),
}

/// How a session stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    Open,
    Finished,
    /// Forgotten or cancelled: every use of it has this answer.
    Gone(u16),
}

impl Session {
    pub fn id(&self) -> &str {
        match &self.what {
            Target::New(draft) => &draft.id,
            Target::Content(id) => id,
        }
    }

    /// How many bytes it has.
    pub fn has(&self) -> u64 {
        match (self.stand, self.total) {
            (Stand::Finished, Some(total)) => total,
            _ => self.bytes.len() as u64,
        }
    }
}

/// A chunk whose head is read.
pub struct Chunk {
    session: usize,
    offset: u64,
    length: u64,
    total: Option<u64>,
}

impl State {
    /// Begins a session.
    pub fn initiate(
        &mut self,
        head: &Head,
        body: &[u8],
        faults: &[Fault],
    ) -> Result<Answer, Refusal> {
        let mask = self.mask(Op::Initiate, head)?;
        if head.param("uploadType") != Some("resumable") {
            self.violate(head, "only resumable uploads can be gone on with");
            return Err(Refusal::invalid("uploadType"));
        }
        let Some(total) = head.header("x-upload-content-length") else {
            self.violate(
                head,
                "no X-Upload-Content-Length: no room would show too late",
            );
            return Err(Refusal::required("X-Upload-Content-Length"));
        };
        let total = total.parse().map_err(|_| {
            self.violate(head, "X-Upload-Content-Length is no number");
            Refusal::invalid("X-Upload-Content-Length")
        })?;
        let body = self.object(head, body)?;
        let (what, parent) = match id_of(head) {
            None => {
                let draft = self.draft(head, &body)?;
                let parent = draft.parent.clone();
                (Target::New(draft), parent)
            }
            Some(id) => {
                self.check_writable(head, &body)?;
                let node = self.drive.get(id)?;
                let parent = node.parent.clone().unwrap_or_default();
                (Target::Content(id.to_owned()), parent)
            }
        };
        self.may_store(head, &parent, total)?;
        let id = self.unique();
        // As odd as the real ones: the address has to be used byte for byte.
        let target = format!(
            "/upload/drive/v3/files?uploadType=resumable&supportsAllDrives=true\
             &upload_id=ADPycd{id}&upload_protocol=resumable&x=%2fa+b~:@"
        );
        let own = format!("{}{target}", self.url(Host::Api));
        let other = faults.iter().find_map(|fault| match fault {
            Fault::SessionAt(place) => Some(place.clone()),
            _ => None,
        });
        self.sessions.push(Session {
            target,
            what,
            mask,
            total: Some(total),
            bytes: Vec::new(),
            longest: 0,
            lied: false,
            stand: Stand::Open,
        });
        let begun = Answer::empty(200).with("X-GUploader-UploadID", id);
        Ok(match other.unwrap_or(own) {
            nowhere if nowhere.is_empty() => begun,
            place => begun.with("Location", place),
        })
    }

    /// The number of a session that can still be used; else the answer.
    fn session(&mut self, head: &Head) -> Result<usize, Answer> {
        self.authorised(head)?;
        let mut all = self.sessions.iter();
        let Some(number) = all.position(|it| it.target == head.target) else {
            self.violate(head, "nobody was given that session");
            return Err(Answer::text(404, "Not Found"));
        };
        match self.sessions[number].stand {
            Stand::Gone(status) => Err(Answer::text(status, "Upload has been terminated.")),
            _ => Ok(number),
        }
    }

    /// Looks at the head of a chunk, before its first byte.
    pub fn begin_chunk(&mut self, head: &Head) -> Result<Chunk, Answer> {
        let length = head.length();
        let Some(length) = length.filter(|_| head.header("transfer-encoding").is_none()) else {
            self.violate(head, "a chunk without a length");
            return Err(Answer::html(411));
        };
        if head.header("content-encoding").is_some() {
            self.violate(head, "content-encoding on a chunk");
        }
        let number = self.session(head)?;
        let (offset, total) = match head.header("content-range") {
            None => (0, Some(length)),
            Some(text) => {
                let Some((offset, end, total)) = content_range(text) else {
                    return Err(self.bad_range(head, &format!("{text} is no range")));
                };
                if end + 1 - offset != length {
                    let wrong = format!("{text} does not have {length} bytes");
                    return Err(self.bad_range(head, &wrong));
                }
                if total.is_some_and(|total| end >= total) {
                    return Err(self.bad_range(head, &format!("{text} ends after the end")));
                }
                (offset, total)
            }
        };
        let session = &mut self.sessions[number];
        if session.total.is_some() && total.is_some() && session.total != total {
            let wrong = format!("{total:?} is not the size told before");
            return Err(self.bad_range(head, &wrong));
        }
        let total = session.total.or(total);
        let last = total == Some(offset + length);
        let (has, open) = (session.has(), session.stand == Stand::Open);
        session.longest = session.longest.max(length);
        let known = (has.saturating_sub(offset)).min(length);
        let longest = session.longest;
        if !last && length % UNIT != 0 {
            self.violate(head, "a chunk in the middle is not a multiple of 256 KiB");
        }
        if open && offset > has {
            if !self.sessions[number].lied {
                self.violate(head, "a chunk after a gap");
            }
            let text = format!(
                "Invalid request. According to the Content-Range header, the upload offset is \
                 {offset} byte(s), which exceeds already uploaded size of {has} byte(s)."
            );
            return Err(Answer::text(503, &text));
        }
        self.wasted += known;
        if has.saturating_sub(offset) > longest {
            self.violate(head, "more than a chunk is sent again");
        }
        Ok(Chunk {
            session: number,
            offset,
            length,
            total,
        })
    }

    fn bad_range(&mut self, head: &Head, wrong: &str) -> Answer {
        self.violate(head, wrong);
        let text = format!("Invalid request. According to the Content-Range header, {wrong}.");
        Answer::text(400, &text)
    }

    /// Keeps what came of a chunk that broke off.
    pub fn break_chunk(&mut self, chunk: &Chunk, body: &[u8]) {
        let kept = self.kept;
        let session = &mut self.sessions[chunk.session];
        if session.stand != Stand::Open {
            return;
        }
        let had = session.has();
        let whole = chunk.offset + body.len() as u64;
        let keep = match kept {
            Kept::All => whole,
            Kept::Units => whole / UNIT * UNIT,
            Kept::Nothing => had,
        };
        session.total = chunk.total;
        store(session, chunk, body, keep.max(had));
    }

    /// Stores a chunk that arrived whole.
    pub fn finish_chunk(
        &mut self,
        chunk: &Chunk,
        body: &[u8],
        head: &Head,
        faults: &[Fault],
    ) -> Answer {
        let session = &mut self.sessions[chunk.session];
        match session.stand {
            Stand::Gone(status) => return Answer::text(status, "Upload has been terminated."),
            Stand::Finished => return self.finished(chunk.session, faults),
            Stand::Open => {}
        }
        session.total = chunk.total;
        let end = chunk.offset + chunk.length;
        let complete = session.total == Some(end);
        let mut keep = if complete { end } else { end / UNIT * UNIT };
        let mut body = body.to_vec();
        for fault in faults {
            match fault {
                Fault::TakesOnly(bytes) => keep = (chunk.offset + bytes).min(keep) / UNIT * UNIT,
                Fault::NoProgress => keep = session.has(),
                Fault::Corrupts if !body.is_empty() => body[0] ^= 1,
                _ => {}
            }
        }
        store(session, chunk, &body, keep.max(session.has()));
        self.progress(chunk.session, head, faults)
    }

    /// How much a session has, or what became of it.
    pub fn session_status(&mut self, head: &Head, faults: &[Fault]) -> Answer {
        match head.length() {
            Some(0) => {}
            Some(_) => self.violate(head, "a question with a body"),
            None => {
                self.violate(head, "a question without a length");
                return Answer::html(411);
            }
        }
        let number = match self.session(head) {
            Ok(number) => number,
            Err(refused) => return refused,
        };
        let session = &self.sessions[number];
        let range = head.header("content-range").unwrap_or_default();
        let told = range.strip_prefix("bytes */").unwrap_or_default();
        let total = told.parse().ok();
        let strange = total.is_none() && told != "*";
        if strange || total.is_some() && session.total.is_some() && session.total != total {
            return self.bad_range(head, &format!("{range} is not the size told before"));
        }
        if session.stand == Stand::Finished {
            return self.finished(number, faults);
        }
        self.progress(number, head, faults)
    }

    /// Cancels an upload.
    pub fn cancel(&mut self, head: &Head) -> Answer {
        match self.session(head) {
            Err(refused) => refused,
            Ok(number) => {
                let session = &mut self.sessions[number];
                if session.stand == Stand::Open {
                    session.stand = Stand::Gone(499);
                    session.bytes = Vec::new();
                }
                Answer::empty(499)
            }
        }
    }

    /// 308, or the file when it is complete.
    fn progress(&mut self, number: usize, head: &Head, faults: &[Fault]) -> Answer {
        let session = &mut self.sessions[number];
        for fault in faults {
            match fault {
                Fault::Forgets(left) => session.bytes.truncate(usize::try_from(*left).unwrap()),
                Fault::RangeBeyond(_) => session.lied = true,
                _ => {}
            }
        }
        if session.total == Some(session.has()) {
            return match self.complete(number, head) {
                Ok(()) => self.finished(number, faults),
                Err(refusal) => refusal.answer(),
            };
        }
        let (mut has, mut unit) = (session.has(), "bytes=");
        for fault in faults {
            match fault {
                Fault::RangeBeyond(more) => has += more,
                Fault::OldRange => unit = "",
                _ => {}
            }
        }
        let answer = Answer::empty(308);
        if has == 0 {
            return answer;
        }
        answer.with("Range", format!("{unit}0-{}", has - 1))
    }

    /// Makes the file visible.
    fn complete(&mut self, number: usize, head: &Head) -> Result<(), Refusal> {
        let session = &self.sessions[number];
        let content = Content::new(&session.bytes);
        let size = session.has();
        match session.what.clone() {
            Target::New(draft) => {
                self.may_store(head, &draft.parent, size)?;
                self.drive.make(draft, Some(content))?;
            }
            Target::Content(id) => {
                self.drive.get(&id)?;
                let now = self.drive.now();
                let node = self.drive.find_mut(&id);
                node.content = Some(content);
                node.modified = now;
                node.version += 1;
            }
        }
        let session = &mut self.sessions[number];
        session.stand = Stand::Finished;
        session.bytes = Vec::new();
        Ok(())
    }

    /// The file that a session became.
    fn finished(&self, number: usize, faults: &[Fault]) -> Answer {
        let session = &self.sessions[number];
        let mut told = match self.drive.find(session.id()) {
            Some(node) => self.drive.resource(node),
            None => json!({"kind": "drive#file", "id": session.id()}),
        };
        for fault in faults {
            fault.distort(&mut told);
        }
        if let Some(mask) = &session.mask {
            trim(&mut told, mask);
        }
        let created = matches!(session.what, Target::New(_));
        let status = if created { self.created_status } else { 200 };
        Answer::json(status, &Value::clone(&told))
    }
}

/// Appends what is new in a chunk, up to so many bytes in all.
fn store(session: &mut Session, chunk: &Chunk, body: &[u8], keep: u64) {
    if chunk.offset > session.has() {
        // Forgotten while the chunk was under way: there would be a gap.
        return;
    }
    let known = usize::try_from(session.has() - chunk.offset).unwrap();
    let wanted = usize::try_from(keep - session.has()).unwrap();
    let new = body.get(known..).unwrap_or_default();
    session
        .bytes
        .extend_from_slice(&new[..wanted.min(new.len())]);
}

/// The first and last byte and the total of `bytes A-B/TOTAL`; the total may be `*`.
fn content_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (from, to) = range.split_once('-')?;
    let (from, to): (u64, u64) = (from.parse().ok()?, to.parse().ok()?);
    let total = match total {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    (from <= to).then_some((from, to, total))
}
