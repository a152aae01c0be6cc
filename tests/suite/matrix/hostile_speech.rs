//! A server that says something and does not stop, and things for it to say (S14).

use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::fake::http::Head;
use crate::support::fake::server::{Server, bind};

/// What a server says: something, and then something else for ever.
#[derive(Clone, Default)]
pub struct Speech {
    begin: Vec<u8>,
    again: Vec<u8>,
}

impl Speech {
    pub fn new(begin: &str, again: &str) -> Self {
        Speech {
            begin: begin.as_bytes().to_vec(),
            // In large pieces, so that it is quick.
            again: again.as_bytes().repeat(64 * 1024 / again.len().max(1)),
        }
    }

    /// Says something and ends.
    pub fn whole(body: &str) -> Self {
        let head = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        Speech {
            begin: (head + body).into_bytes(),
            again: Vec::new(),
        }
    }

    fn say(&self, mut stream: &TcpStream) {
        let mut said = stream.write_all(&self.begin);
        while said.is_ok() && !self.again.is_empty() {
            said = stream.write_all(&self.again);
        }
    }
}

/// What a server answers to a request.
type Answers = dyn Fn(&Head) -> Speech + Send + Sync;

/// A server on this machine.
pub struct Speaker {
    server: Server,
    address: String,
    requests: Arc<AtomicUsize>,
}

impl Speaker {
    pub fn new(answers: impl Fn(&Head) -> Speech + Send + Sync + 'static) -> Self {
        let (sockets, [address]) = bind();
        let requests = Arc::new(AtomicUsize::new(0));
        let (counted, answers): (_, Box<Answers>) = (Arc::clone(&requests), Box::new(answers));
        let serve = move |_, stream: &TcpStream| {
            let mut reader = BufReader::new(stream);
            if let Some(head) = Head::read(&mut reader) {
                counted.fetch_add(1, Ordering::SeqCst);
                answers(&head).say(stream);
            }
        };
        Speaker {
            server: Server::start(sockets, serve),
            address: address.to_string(),
            requests,
        }
    }

    pub fn always(speech: Speech) -> Self {
        Self::new(move |_| speech.clone())
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.server.stop();
    }
}
/// Speeches without end, each in another part of an answer.
pub fn endless() -> Vec<(&'static str, Speech)> {
    let ok = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
    let chunked = format!("{ok}Transfer-Encoding: chunked\r\n\r\n");
    vec![
        ("status line", Speech::new("HTTP/1.1 200 ", "O")),
        ("header", Speech::new(&format!("{ok}X: "), "a")),
        ("headers", Speech::new(ok, "X-A: b\r\n")),
        (
            "interim answers",
            Speech::new("", "HTTP/1.1 100 Continue\r\n\r\n"),
        ),
        ("page", Speech::new(&format!("{ok}\r\n{{\"a\": \""), "x")),
        (
            "page with a length",
            Speech::new(
                &format!("{ok}Content-Length: 9000000000000000000\r\n\r\n[\""),
                "x",
            ),
        ),
        (
            "values",
            Speech::new(&format!("{ok}\r\n{{\"items\": ["), "0,"),
        ),
        ("brackets", Speech::new(&format!("{ok}\r\n"), "[")),
        ("chunks", Speech::new(&chunked, "1\r\n[\r\n")),
        (
            "chunk",
            Speech::new(&format!("{chunked}ffffffffffffff\r\n\""), "x"),
        ),
        ("chunk's length", Speech::new(&chunked, "0")),
        (
            "chunk's extension",
            Speech::new(&format!("{chunked}1;"), "x"),
        ),
        ("trailer", Speech::new(&format!("{chunked}0\r\nX: "), "a")),
        (
            "trailers",
            Speech::new(&format!("{chunked}0\r\n"), "X-A: b\r\n"),
        ),
        (
            "error",
            Speech::new("HTTP/1.1 403 No\r\nConnection: close\r\n\r\n", "no way "),
        ),
        (
            "error in chunks",
            Speech::new(
                "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n",
                "2\r\nno\r\n",
            ),
        ),
    ]
}

/// Answers of the size of a page that would be a hundred times as large in memory.
pub fn bombs() -> Vec<(&'static str, Speech)> {
    let size = 4 * 1024 * 1024;
    let many = |begin: &str, piece: &str, end: &str| {
        let pieces = piece.repeat((size - begin.len()) / piece.len());
        Speech::whole(&format!("{begin}{pieces}{end}"))
    };
    vec![
        ("numbers", many("{\"user\":{\"uid\":[", "0,", "0]}}")),
        (
            "quota",
            many("{\"storageQuota\":{\"limit\":[", "0,", "0]}}"),
        ),
        ("unknown key", many("{\"x\":[", "[],", "[]]}")),
        ("objects", many("{\"x\":[", "{\"a\":0},", "0]}")),
        (
            "entries",
            many("{\"files\":[", "{\"id\":\"\",\"name\":\"\"},", "0]}"),
        ),
        (
            "items",
            many(
                "{\"type\":\"dir\",\"_embedded\":{\"total\":1,\"items\":[",
                "{},",
                "{}]}}",
            ),
        ),
        (
            "parents",
            many(
                "{\"id\":\"1\",\"name\":\"\",\"parents\":[",
                "\"\",",
                "\"\"]}",
            ),
        ),
        (
            "time",
            many("{\"access_token\":\"a\",\"expires_in\":[", "0,", "0]}"),
        ),
    ]
}
