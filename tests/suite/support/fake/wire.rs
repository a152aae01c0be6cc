//! A client of a few lines: one connection, and what came back on it byte for byte.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

/// What was answered: the body as far as it came.
pub struct Told {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Told {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// One connection, and whether it was cut while it was written to.
pub struct Wire(TcpStream, bool);

impl Wire {
    pub fn to(url: &str) -> Self {
        let host = url.split('/').nth(2).unwrap();
        Wire(TcpStream::connect(host).unwrap(), false)
    }

    pub fn send(&mut self, method: &str, url: &str, headers: &[&str], body: &[u8]) {
        let rest = url.strip_prefix("http://").unwrap();
        let slash = rest.find('/').unwrap_or(rest.len());
        let (host, target) = rest.split_at(slash);
        let headers: String = headers.iter().flat_map(|it| [*it, "\r\n"]).collect();
        let sent = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");
        let sent = [sent.as_bytes(), body].concat();
        // The server may cut the connection after any part of it.
        self.1 = self.0.write_all(&sent).is_err();
    }

    /// How it ended, when no answer comes.
    pub fn answer(&mut self) -> Result<Told, ErrorKind> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            let read = self.0.read_exact(&mut byte);
            // A reset is told once: who heard of it while writing reads a clean end.
            if self.1 {
                read.map_err(|_| ErrorKind::ConnectionReset)?;
            } else {
                read.map_err(|error| error.kind())?;
            }
            head.push(byte[0]);
        }
        let mut told = Told {
            status: std::str::from_utf8(&head[9..12]).unwrap().parse().unwrap(),
            head: String::from_utf8(head).unwrap(),
            body: Vec::new(),
        };
        let length = match told.header("Content-Length") {
            Some(length) => length.parse().unwrap(),
            None if told.status == 204 => 0,
            None => u64::MAX,
        };
        let _ = (&self.0).take(length).read_to_end(&mut told.body);
        Ok(told)
    }
}

/// One request on a connection of its own.
pub fn ask(method: &str, url: &str, headers: &[&str], body: &[u8]) -> Result<Told, ErrorKind> {
    let mut wire = Wire::to(url);
    wire.send(method, url, headers, body);
    wire.answer()
}
