//! Downloads: the bytes of a file, at the API or where it redirects to.

use super::faults::{Fault, Refusal};
use super::server::id_of;
use super::{Host, State};
use crate::support::fake::content::Content;
use crate::support::fake::http::{Answer, Framing, Head, byte_range};

/// An address to download from, which needs no token. It belongs to the content.
pub struct Download {
    target: String,
    content: Content,
}

impl State {
    /// The bytes of a file, or where they are.
    pub fn media(&mut self, head: &Head, faults: &[Fault]) -> Result<Answer, Refusal> {
        let id = id_of(head).unwrap_or_default();
        let node = self.drive.get(id)?;
        let (abusive, content) = (node.abusive, node.content.clone());
        let Some(content) = content else {
            let text = "Only files with binary content can be downloaded.";
            let refusal = Refusal::new(403, "fileNotDownloadable", text);
            return Err(refusal.at("alt", "parameter"));
        };
        let acknowledged = head.param("acknowledgeAbuse") == Some("true");
        if acknowledged && !abusive {
            self.violate(head, "acknowledgeAbuse for a file that is not flagged");
        }
        if abusive && !acknowledged {
            let text = "This file has been identified as malware or spam and cannot be \
                        downloaded.";
            return Err(Refusal::new(403, "cannotDownloadAbusiveFile", text));
        }
        let elsewhere = faults.iter().find_map(|fault| match fault {
            Fault::RedirectTo(place) => Some(place.clone()),
            _ => None,
        });
        if let Some(place) = elsewhere {
            return Ok(Answer::empty(302).with("Location", place));
        }
        if self.redirects_media {
            let target = format!("/download/{}?e=download&x=%2f", self.unique());
            let place = format!("{}{target}", self.url(Host::Download));
            self.downloads.push(Download { target, content });
            return Ok(Answer::empty(302).with("Location", place));
        }
        Ok(self.give(head, &content, faults))
    }

    /// Answers at the host that was redirected to.
    pub fn give_stored(&mut self, head: &Head, faults: &[Fault]) -> Answer {
        let mut all = self.downloads.iter();
        let Some(download) = all.find(|it| it.target == head.target) else {
            return self.nothing_there(head);
        };
        let content = download.content.clone();
        self.give(head, &content, faults)
    }

    fn give(&mut self, head: &Head, content: &Content, faults: &[Fault]) -> Answer {
        let whole = &content.bytes;
        let has = |wanted: fn(&Fault) -> bool| faults.iter().any(wanted);
        let ignored = has(|fault| matches!(fault, Fault::IgnoreRange));
        let asked = head.header("range").filter(|_| !ignored);
        let mut answer = match asked.map(|range| byte_range(range, whole.len())) {
            None => Answer {
                body: whole.clone(),
                ..Answer::empty(200)
            },
            Some(None) => {
                self.violate(head, "a range that is not bytes=from-[to]");
                Answer::html(400)
            }
            Some(Some((from, _))) if from >= whole.len() => {
                let text = "Requested range not satisfiable";
                let refusal = Refusal::new(416, "requestedRangeNotSatisfiable", text);
                let answer = refusal.at("Range", "header").answer();
                return answer.with("Content-Range", format!("bytes */{}", whole.len()));
            }
            Some(Some((from, to))) => {
                let wrong = has(|fault| matches!(fault, Fault::WrongContentRange));
                let told = from + usize::from(wrong);
                let range = format!("bytes {told}-{to}/{}", whole.len());
                let answer = Answer {
                    body: whole[from..=to].into(),
                    ..Answer::empty(206)
                };
                answer.with("Content-Range", range)
            }
        };
        answer = answer.with("Content-Type", "application/octet-stream");
        for fault in faults {
            match fault {
                Fault::ShortBody(missing) => answer.body = shorter(&answer, *missing),
                Fault::NoLength { missing } => {
                    answer.framing = Framing::UntilClose;
                    answer.body = shorter(&answer, *missing);
                }
                Fault::Unterminated => answer.framing = Framing::Unterminated,
                Fault::ContentEncoding(name) => {
                    answer = answer.with("Content-Encoding", *name);
                }
                _ => {}
            }
        }
        answer
    }
}

fn shorter(answer: &Answer, missing: u64) -> std::sync::Arc<[u8]> {
    let missing = usize::try_from(missing).unwrap();
    answer.body[..answer.body.len().saturating_sub(missing)].into()
}
