//! The hosts that take and give the bytes. They know links, and no tokens.

use serde_json::{Value, json};

use super::api::link;
use super::disk::{Guise, Work};
use super::faults::{Fault, Op, Refusal};
use super::{Host, State};
use crate::support::fake::content::Content;
use crate::support::fake::http::{Answer, Framing, Head, byte_range};

/// A link to upload to: good for one PUT.
#[derive(Clone)]
pub struct Upload {
    target: String,
    pub path: String,
    overwrite: bool,
    operation: String,
    used: bool,
}

/// A link to download from. It belongs to the content, not to the name.
pub struct Download {
    /// At the first host, and at the one it redirects to.
    targets: [String; 2],
    pub path: String,
    content: Content,
}

impl State {
    pub fn upload_link(&mut self, path: String, overwrite: bool) -> Value {
        let id = self.unique();
        // Odd but legal: the href has to be used byte for byte.
        let target = format!("/upload-target/20261122T101112.345.utd.{id}-k1man.7?s=%2fa+b~:@&e=");
        let operation = self.begin_operation(None);
        let mut told = link("PUT", &format!("{}{target}", self.url(Host::Upload)));
        told["operation_id"] = json!(operation);
        self.uploads.push(Upload {
            target,
            path,
            overwrite,
            operation,
            used: false,
        });
        told
    }

    pub fn download_link(&mut self, path: &str, content: Content) -> Value {
        let id = self.unique();
        let query = format!("uid=42&filename=%d1%8f+b&etag={}", content.md5);
        let target = format!("/disk/{id}/66893f1b/x==?{query}");
        let told = link("GET", &format!("{}{target}", self.url(Host::Download)));
        self.downloads.push(Download {
            targets: [target, format!("/rdisk/{id}/66893f1b/y==?{query}")],
            path: path.to_owned(),
            content,
        });
        told
    }

    pub fn upload(&self, head: &Head) -> Option<&Upload> {
        let mut all = self.uploads.iter();
        all.find(|upload| upload.target == head.target)
    }

    pub fn download(&self, head: &Head) -> Option<&Download> {
        let mut all = self.downloads.iter();
        all.find(|download| download.targets.contains(&head.target))
    }

    /// Takes the link, before the first byte of the body.
    pub fn begin_put(&mut self, head: &Head) -> Result<Upload, Answer> {
        if let Some(kind) = head.header("content-type")
            && kind.starts_with("multipart/")
        {
            self.violate(head, "a multipart body is stored with its framing");
        }
        for name in ["content-range", "content-encoding"] {
            if head.header(name).is_some() {
                self.violate(head, &format!("{name} on an upload"));
            }
        }
        if head.header("transfer-encoding").is_some() || head.length().is_none() {
            self.violate(head, "an upload without a length");
            return Err(Answer::html(411));
        }
        if head.header("content-range").is_some() {
            return Err(Answer::html(412));
        }
        let mut all = self.uploads.iter_mut();
        let Some(upload) = all.find(|upload| upload.target == head.target) else {
            self.violate(head, "nobody was given that link");
            return Err(Answer::html(404));
        };
        if std::mem::replace(&mut upload.used, true) {
            self.violate(head, "a second PUT to one link");
            return Err(Answer::html(400));
        }
        Ok(upload.clone())
    }

    /// Stores a body that arrived whole, now or when its operation ends.
    pub fn finish_put(&mut self, upload: &Upload, body: &[u8], faults: &[Fault]) -> Answer {
        let size = body.len() as u64;
        let stored = if size > self.disk.max_file_size {
            Err(Refusal(413, ""))
        } else if self.disk.used() + size > self.disk.total_space {
            // While it is replaced there are two: both need their room.
            Err(Refusal::NO_ROOM)
        } else {
            let (path, overwrite) = (upload.path.clone(), upload.overwrite);
            let (content, guise) = (Content::new(body), Guise::of(faults));
            let work = Work {
                about: vec![path.clone()],
                run: Box::new(move |disk| disk.store(&path, overwrite, content.clone(), guise)),
            };
            if let Some((polls, ends)) = faults.iter().find_map(Fault::accepted) {
                self.operation(upload).pending = Some((work, polls, ends));
                return Answer::empty(202);
            }
            (work.run)(&mut self.disk)
        };
        match stored {
            Ok(()) => {
                self.operation(upload).status = "success";
                Answer::empty(201)
            }
            Err(Refusal(status, _)) => {
                self.fail_put(upload);
                Answer::html(status)
            }
        }
    }

    /// Ends the operation of an upload that broke off or was refused.
    pub fn fail_put(&mut self, upload: &Upload) {
        self.operation(upload).status = "failed";
    }

    fn operation(&mut self, upload: &Upload) -> &mut super::api::Operation {
        let mut all = self.operations.iter_mut();
        all.find(|known| known.id == upload.operation).unwrap()
    }

    /// Answers at the two hosts a download goes through.
    pub fn give(&mut self, op: Op, head: &Head, faults: &[Fault]) -> Answer {
        let Some(download) = self.download(head) else {
            self.violate(head, "nobody was given that link");
            return Answer::html(404);
        };
        if op == Op::Download {
            let storage = format!("{}{}", self.url(Host::Storage), download.targets[1]);
            let first = format!("{}{}", self.url(Host::Download), download.targets[0]);
            let location = faults.iter().find_map(|fault| match fault {
                Fault::RedirectLoop => Some(first.clone()),
                Fault::RedirectTo(other) => Some(other.clone()),
                _ => None,
            });
            return Answer::empty(302).with("Location", location.unwrap_or(storage));
        }
        let whole = download.content.bytes.clone();
        let asked = head.header("range").filter(|_| {
            let ignored = |fault: &Fault| matches!(fault, Fault::IgnoreRange);
            !faults.iter().any(ignored)
        });
        let mut answer = match asked.map(|range| byte_range(range, whole.len())) {
            None => Answer {
                body: whole,
                ..Answer::empty(200)
            },
            Some(None) => {
                self.violate(head, "a range that is not bytes=from-[to]");
                Answer::html(400)
            }
            Some(Some((from, _))) if from >= whole.len() => {
                Answer::html(416).with("Content-Range", format!("bytes */{}", whole.len()))
            }
            Some(Some((from, to))) => {
                let wrong = |fault: &Fault| matches!(fault, Fault::WrongContentRange);
                let told = from + usize::from(faults.iter().any(wrong));
                let range = format!("bytes {told}-{to}/{}", whole.len());
                let body = whole[from..=to].into();
                Answer {
                    body,
                    ..Answer::empty(206)
                }
                .with("Content-Range", range)
            }
        };
        answer = answer
            .with("Content-Type", "application/octet-stream")
            .with("Accept-Ranges", "bytes");
        let length = answer.body.len() as u64;
        for fault in faults {
            match fault {
                Fault::NoLength { missing } => {
                    answer.framing = Framing::UntilClose;
                    let kept = usize::try_from(length.saturating_sub(*missing)).unwrap();
                    answer.body = answer.body[..kept].into();
                }
                Fault::Unterminated => answer.framing = Framing::Unterminated,
                Fault::ShorterLength(by) => answer.framing = Framing::Claimed(length - by),
                Fault::LongerLength(by) => answer.framing = Framing::Claimed(length + by),
                Fault::ContentEncoding(name) => {
                    answer
                        .headers
                        .push(("Content-Encoding", (*name).to_owned()));
                }
                _ => {}
            }
        }
        answer
    }
}
