//! As much of HTTP/1.1 as a service and a careful client need.

use std::fmt::Write as _;
use std::io::{self, BufRead, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use serde_json::Value;

/// A request without its body.
pub struct Head {
    pub method: String,
    /// Path and query, byte for byte.
    pub target: String,
    /// The query, form-decoded: `+` is a space.
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// What no client should send.
    pub flaws: Vec<String>,
}

impl Head {
    /// Reads a head; `None` when the client has gone.
    pub fn read(reader: &mut impl BufRead) -> Option<Self> {
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            let mut limited = reader.by_ref().take(64 * 1024);
            if limited.read_until(b'\n', &mut line).ok()? == 0 {
                return None;
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let mut flaws = Vec::new();
        let mut first = lines.first()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
        if first.next() != Some("HTTP/1.1") {
            flaws.push("not HTTP/1.1".to_owned());
        }
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let query = form(query, &mut flaws);
        let headers: Vec<_> = lines[1..]
            .iter()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Head {
            method,
            target,
            query,
            headers,
            flaws,
        })
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn param(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the host is the one of an address, or this machine's name for itself.
    pub fn is_for(&self, address: SocketAddr) -> bool {
        let names = [address.to_string(), format!("localhost:{}", address.port())];
        let host = self.header("host");
        host.is_some_and(|host| names.iter().any(|name| name == host))
    }

    /// The length of the body, when it is told in digits.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }
}

/// The pairs of a form or a query.
pub fn form(text: &str, flaws: &mut Vec<String>) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (decode(name), decode(value)) else {
            flaws.push(format!("{pair} is no percent-encoded UTF-8"));
            continue;
        };
        if pairs.iter().any(|(known, _)| *known == name) {
            flaws.push(format!("{name} is there twice"));
        }
        pairs.push((name, value));
    }
    pairs
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Everything but letters, digits and `-._~` percent-encoded.
pub fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
        encoded
    })
}

/// The first and last byte of `bytes=from-` or `bytes=from-to`.
pub fn byte_range(range: &str, size: usize) -> Option<(usize, usize)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let last = size.saturating_sub(1);
    let to = if to.is_empty() {
        last
    } else {
        to.parse::<usize>().ok()?.min(last)
    };
    let from: usize = from.parse().ok()?;
    (from <= to || from >= size).then_some((from, to))
}

/// How an answer tells where its body ends.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Framing {
    /// With the length of the body.
    #[default]
    Length,
    /// With this length, right or wrong.
    Claimed(u64),
    /// Not at all: the connection closes.
    UntilClose,
    /// In a chunk after which no last one comes.
    Unterminated,
    /// The body is the whole answer, status line and all.
    Raw,
}

/// An answer about to be sent.
#[derive(Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Arc<[u8]>,
    pub framing: Framing,
}

impl Answer {
    /// No body at all.
    pub fn empty(status: u16) -> Self {
        Answer {
            status,
            ..Answer::default()
        }
    }

    fn of_type(status: u16, kind: &str, body: String) -> Self {
        Answer {
            headers: vec![("Content-Type", kind.to_owned())],
            body: body.into_bytes().into(),
            ..Answer::empty(status)
        }
    }

    pub fn json(status: u16, value: &Value) -> Self {
        let kind = if status < 400 {
            "application/json; charset=utf-8"
        } else {
            "application/json"
        };
        Answer::of_type(status, kind, value.to_string())
    }

    /// Plain text, as some front ends answer.
    pub fn text(status: u16, text: &str) -> Self {
        Answer::of_type(status, "text/plain; charset=utf-8", text.to_owned())
    }

    pub fn html(status: u16) -> Self {
        let page = format!("<html><body><h1>{status}</h1></body></html>\n");
        Answer::of_type(status, "text/html", page)
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Writes everything that comes before the body.
    pub fn send_head(&self, mut stream: &TcpStream, keep: bool) -> io::Result<()> {
        let word = if self.status < 400 { "Fine" } else { "Trouble" };
        let mut head = format!("HTTP/1.1 {} {word}\r\n", self.status);
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        let length = self.body.len() as u64;
        match self.framing {
            Framing::Raw => return Ok(()),
            Framing::UntilClose => {}
            Framing::Length if self.status == 204 => {}
            Framing::Length => write!(head, "Content-Length: {length}\r\n").unwrap(),
            Framing::Claimed(other) => write!(head, "Content-Length: {other}\r\n").unwrap(),
            Framing::Unterminated => head += "Transfer-Encoding: chunked\r\n",
        }
        if !keep {
            head += "Connection: close\r\n";
        }
        head += "\r\n";
        if self.framing == Framing::Unterminated {
            write!(head, "{length:x}\r\n").unwrap();
        }
        stream.write_all(head.as_bytes())
    }
}
