//! A file on its way here: the bytes that were asked for, as many as there must be.

use std::io::{self, Read};

use std::time::Duration;

use ureq::Body;
use ureq::http::{Response, header};

use super::address::{host_of, site_of};
use super::headers::{content_range, pause, text};
use super::trouble::Trouble;
use super::{Answer, Http, MAX_ERROR, Token};
use crate::provider::error::{Error, Kind, Reason, Repeat, Result, smuggle};
use crate::provider::{Object, ProviderKind};
use crate::secret::Secret;
use crate::text::printable;

/// Redirects followed on the way to a file.
const MAX_HOPS: usize = 5;

/// The bytes of a file on their way here.
pub struct Incoming {
    /// 200, 206 or what else it is.
    pub status: u16,
    /// The length announced, in bytes.
    pub length: Option<u64>,
    /// Of a 206: the first byte, and the size of the whole.
    pub range: Option<(u64, Option<u64>)>,
    /// When it wants to be asked again, where it says so.
    pub retry_after: Option<Duration>,
    /// The bytes.
    pub reader: Box<dyn Read>,
}

impl Http {
    /// Opens a file at an address from `offset` on, and follows where it leads, without
    /// credentials.
    ///
    /// # Errors
    /// When no answer came, or one that leads astray.
    pub fn get(&self, url: &str, offset: u64, token: Option<Token<'_>>) -> Result<Incoming> {
        let mut hop: Option<Secret> = None;
        let mut token = token;
        self.rested()?;
        for _ in 0..=MAX_HOPS {
            let url = hop.as_ref().map_or(url, Secret::expose);
            let host = host_of(url);
            let mut call = ureq::http::Request::get(url);
            if offset > 0 {
                call = call.header(header::RANGE, format!("bytes={offset}-"));
            }
            call = match token.take() {
                Some(token) => call.header(header::AUTHORIZATION, self.authorization(token)?),
                None => call.header(header::CONNECTION, "close"),
            };
            let response = call
                .body(())
                .map_err(ureq::Error::Http)
                .and_then(|call| self.run(call, None))
                .map_err(|error| self.failed(&host, error))?;
            if !response.status().is_redirection() {
                return self.incoming(host, response);
            }
            let location = text(response.headers(), header::LOCATION);
            let mut next = location.ok_or_else(|| self.astray(&host, "a redirect to nowhere"))?;
            if next.starts_with('/') && !next.starts_with("//") {
                next.insert_str(0, site_of(url));
            }
            if url.starts_with("https://") && !next.starts_with("https://") {
                return Err(self.astray(&host, "a redirect away from TLS"));
            }
            hop = Some(self.transfer_url(&next)?);
        }
        let url = hop.as_ref().map_or(url, Secret::expose);
        Err(self.astray(&host_of(url), "too many redirects"))
    }

    fn incoming(&self, host: String, response: Response<Body>) -> Result<Incoming> {
        let headers = response.headers();
        if let Some(encoding) = text(headers, header::CONTENT_ENCODING)
            && !encoding.eq_ignore_ascii_case("identity")
        {
            let why = format!("a file in the encoding '{}'", printable(&encoding));
            return Err(self.astray(&host, &why));
        }
        let range = text(headers, header::CONTENT_RANGE).and_then(|range| content_range(&range));
        let pause = pause(headers);
        self.heed(response.status(), pause);
        let status = response.status().as_u16();
        let length = text(headers, header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let reader = FromWire {
            reader: response.into_body().into_with_config().reader(),
            trouble: self.trouble(),
            host,
        };
        Ok(Incoming {
            status,
            retry_after: pause,
            length,
            range,
            reader: Box::new(reader),
        })
    }
}

impl Incoming {
    /// What it says where it is no file.
    pub fn into_answer(self) -> Answer {
        let mut body = Vec::new();
        // How an error was worded does not matter.
        let _ = self.reader.take(MAX_ERROR).read_to_end(&mut body);
        Answer {
            status: self.status,
            retry_after: self.retry_after,
            body,
            ..Answer::default()
        }
    }

    /// The error of an answer that is no file, with what it says.
    fn no_file(self, kind: ProviderKind) -> Error {
        let answer = self.into_answer();
        let words = match answer.excerpt() {
            none if none.is_empty() => answer.status.to_string(),
            words => format!("{}: {words}", answer.status),
        };
        let reason = match answer.status {
            429 => Reason::Quota,
            _ => Reason::Network,
        };
        let detail = format!("it answers {words} (asking for a file)");
        let repeat = answer.retry_after.map_or(Repeat::Soon, Repeat::After);
        Error::new(kind, Kind::Connection(reason), detail).repeat(repeat)
    }

    /// The object's bytes from `offset` on, which is before its end, in whichever form
    /// they are sent.
    ///
    /// # Errors
    /// When other bytes are sent; [`Kind::Changed`] when they show that the object is another.
    pub fn rest_of(
        self,
        kind: ProviderKind,
        object: &Object,
        offset: u64,
    ) -> Result<Box<dyn Read>> {
        let changed =
            |what: &str| Error::new(kind, Kind::Changed, format!("'{}' {what}", object.name));
        let again = |detail: &str| astray(kind, detail).repeat(Repeat::Soon);
        let left = object.size - offset;
        let skip = match (self.status, self.range) {
            // Whoever does not give a part gives all: what is there already is passed over.
            (200, _) => offset,
            (206, Some((first, total)))
                if first == offset && total.is_none_or(|total| total == object.size) =>
            {
                0
            }
            (206, _) => return Err(again("it sends other bytes than it was asked for")),
            (416, _) => return Err(changed("has fewer bytes than its listing says")),
            _ => return Err(self.no_file(kind)),
        };
        if let Some(length) = self.length.filter(|length| *length != left + skip) {
            let detail = format!(
                "has {} bytes in the listing, but {} are sent",
                object.size,
                (length - length.min(skip)).saturating_add(offset)
            );
            return Err(changed(&detail).repeat(Repeat::Once));
        }
        Ok(Box::new(Remaining {
            kind,
            reader: self.reader,
            name: object.name.clone(),
            skip,
            left,
        }))
    }
}

/// A file from the wire, its errors in our words.
struct FromWire {
    reader: ureq::BodyReader<'static>,
    trouble: Trouble,
    host: String,
}

impl Read for FromWire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer).map_err(|error| {
            let error = self.trouble.error(&self.host, ureq::Error::from(error));
            smuggle(anyhow::Error::new(error))
        })
    }
}

fn astray(kind: ProviderKind, why: &str) -> Error {
    Error::new(kind, Kind::Connection(Reason::Network), why)
}

/// As many bytes of a file as are left; an end before that is an error, and so is more.
struct Remaining {
    kind: ProviderKind,
    reader: Box<dyn Read>,
    name: String,
    skip: u64,
    left: u64,
}

impl Read for Remaining {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let failed = |error: Error| Err(smuggle(anyhow::Error::new(error)));
        let ended =
            || astray(self.kind, "the file ended before all of it had come").repeat(Repeat::Soon);
        while self.skip > 0 {
            let room = usize::try_from(self.skip)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            match self.reader.read(&mut buffer[..room])? {
                0 => return failed(ended()),
                count => self.skip -= count as u64,
            }
        }
        if self.left == 0 {
            // Without a length announced, only this shows that there is more.
            if self.reader.read(&mut [0])? == 0 {
                return Ok(0);
            }
            let detail = format!("'{}' has more bytes than its listing says", self.name);
            return failed(Error::new(self.kind, Kind::Changed, detail));
        }
        let room = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        match self.reader.read(&mut buffer[..room])? {
            0 if room > 0 => failed(ended()),
            count => {
                self.left -= count as u64;
                Ok(count)
            }
        }
    }
}
