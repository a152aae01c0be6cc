//! Where the browser comes back to: a port of this machine, or a line that is pasted here.
//!
//! Whatever else connects is answered and forgotten: browsers connect ahead of time and ask for
//! icons, and only who knows this login's state can end it.

use std::collections::HashSet;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;
use rustix::fs::FileType;

use crate::failure::{Code, Failure};
use crate::interrupt::{TICK, check, no_threads};
use crate::secret::Secret;
use crate::text::system_reason;

/// Nobody is waited for longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);

/// A request is small, and comes at once.
const LONGEST_HEAD: u64 = 16 * 1024;
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The code that a token is given for.
    Code(Secret),
    /// The service's word for why there is none.
    Refused(String),
    /// Nothing of this login.
    Stray(&'static str),
}

/// What happened while waiting.
enum Event {
    Visited(Answer),
    Pasted(String),
}

/// A port of this machine, for the browser to come to.
pub(super) struct Port {
    listener: TcpListener,
    pub(super) number: u16,
}

impl Port {
    /// Takes a port; 0 lets the system choose one.
    ///
    /// # Errors
    /// `local_io` when it is in use.
    pub(super) fn take(number: u16) -> Result<Self, Failure> {
        let failed = |error: io::Error| {
            let why = system_reason(&error);
            let detail = format!("cannot listen on port {number} of 127.0.0.1: {why}");
            Failure::new(Code::LocalIo, detail).hint("choose another with --port, or leave it out")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, number)).map_err(failed)?;
        let number = listener.local_addr().map_err(failed)?.port();
        Ok(Port { listener, number })
    }

    /// Waits until the browser has come here with what belongs to this state, or until it
    /// was pasted, where somebody may paste it.
    ///
    /// # Errors
    /// When nobody came; a signal to stop.
    pub(super) fn wait(
        self,
        state: &str,
        may_paste: bool,
        stray: impl Fn(&str),
    ) -> Result<Option<Answer>, Failure> {
        let (sender, events) = channel();
        let visits = sender.clone();
        let known: Arc<str> = state.into();
        // These end with the process, or when nobody listens to them any more.
        beside(move || listen(&self.listener, &known, &visits))?;
        if may_paste {
            beside(move || read_lines(&sender))?;
        }
        receive(&events, state, stray)
    }
}

fn beside(work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let spawned = std::thread::Builder::new().spawn(work);
    spawned.map(drop).map_err(|_| no_threads())
}

fn receive(
    events: &Receiver<Event>,
    state: &str,
    stray: impl Fn(&str),
) -> Result<Option<Answer>, Failure> {
    let started = Instant::now();
    // Any page in a browser can come here, as often as it likes.
    let mut strays = HashSet::new();
    while started.elapsed() < PATIENCE {
        check()?;
        let answer = match events.recv_timeout(TICK) {
            Ok(Event::Visited(Answer::Stray(why))) if !strays.insert(why) => continue,
            Ok(Event::Visited(answer)) => answer,
            Ok(Event::Pasted(line)) if line.trim().is_empty() => continue,
            Ok(Event::Pasted(line)) => pasted(&line, state),
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        match answer {
            Answer::Stray(why) => stray(why),
            answer => return Ok(Some(answer)),
        }
    }
    Ok(None)
}

/// Whether somebody may paste a line: the lines of a file are meant for somebody else.
pub(super) fn takes_lines() -> bool {
    let stat = rustix::fs::fstat(io::stdin());
    stat.is_ok_and(|stat| !FileType::from_raw_mode(stat.st_mode).is_file())
}

fn read_lines(events: &Sender<Event>) {
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        if events.send(Event::Pasted(line)).is_err() {
            return;
        }
    }
}

fn listen(listener: &TcpListener, state: &Arc<str>, events: &Sender<Event>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            std::thread::sleep(TICK);
            continue;
        };
        // Of two connections, the one that says nothing must not keep the other waiting.
        let (state, events) = (Arc::clone(state), events.clone());
        // Without a thread for it, it comes to nothing, as if nobody were here.
        let _ = std::thread::Builder::new().spawn(move || {
            serve(stream, &state, |answer| {
                // Nobody waits any more: then it is of no use.
                let _ = events.send(Event::Visited(answer));
            })
        });
    }
}

/// Reads a request, answers it, and tells what it brought of this login.
fn serve(mut stream: TcpStream, state: &str, tell: impl Fn(Answer)) -> Option<()> {
    stream.set_read_timeout(Some(REQUEST_TIME)).ok()?;
    stream.set_write_timeout(Some(REQUEST_TIME)).ok()?;
    let head = head(&mut stream)?;
    let mut words = head.split_ascii_whitespace();
    let (method, target) = (words.next()?, words.next()?);
    let query = target.strip_prefix("/?");
    let mut answer = query
        .filter(|_| method == "GET")
        .map(|query| of_query(query, state));
    let (status, text) = match &answer {
        Some(Answer::Code(_)) => (
            "200 OK",
            "vertex-backup has its answer. Whether the login went well is told where it was begun.\n\
             You can close this page.\n",
        ),
        Some(Answer::Refused(_)) => (
            "200 OK",
            "Access was not allowed. You can close this page.\n",
        ),
        Some(Answer::Stray(_)) => (
            "400 Bad Request",
            "This belongs to no login that waits here.\n",
        ),
        None => ("404 Not Found", "There is nothing here.\n"),
    };
    let page = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    // What ends the login ends this process: the page goes first. Anything else is told before
    // whoever brought it can bring the next.
    let stray = answer.take_if(|answer| matches!(answer, Answer::Stray(_)));
    stray.map(&tell);
    // A browser that has gone has brought its answer all the same.
    let _ = stream.write_all(page.as_bytes());
    let _ = stream.shutdown(std::net::Shutdown::Write);
    answer.map(tell)
}

/// The head of a request, as far as it is one.
fn head(stream: &mut TcpStream) -> Option<zeroize::Zeroizing<String>> {
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    let mut block = [0; 2048];
    let mut limited = stream.take(LONGEST_HEAD);
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        match limited.read(&mut block) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&block[..count]),
        }
    }
    Some(zeroize::Zeroizing::new(
        str::from_utf8(&bytes).ok()?.to_owned(),
    ))
}

/// What a pasted line is: the address that the browser was sent to, or only the code in it.
pub(super) fn pasted(line: &str, state: &str) -> Answer {
    let line = line.trim();
    if let Some((_, query)) = line.split_once('?') {
        let query = query.split('#').next().unwrap_or_default();
        return of_query(query, state);
    }
    let is_code = line
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/_-.%~".contains(c));
    if is_code && !line.is_empty() {
        Answer::Code(Secret::new(&decoded(line)))
    } else {
        Answer::Stray("what was pasted is neither an address with a code nor a code")
    }
}

fn of_query(query: &str, state: &str) -> Answer {
    let value = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut values = pairs.filter(|(key, _)| *key == name);
        values.next().map(|(_, value)| decoded(value))
    };
    if value("state").as_deref() != Some(state) {
        return Answer::Stray("an answer came that belongs to another login, and was ignored");
    }
    match (value("code"), value("error")) {
        (Some(code), None) if !code.is_empty() => Answer::Code(Secret::new(&code)),
        (_, Some(error)) => Answer::Refused(error),
        _ => Answer::Stray("an answer came with neither a code nor an error in it"),
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Answer {
        Answer::Code(Secret::new(text))
    }

    #[test]
    fn a_code_may_be_pasted_alone_or_in_its_address() {
        for line in [
            " http://127.0.0.1:9/?state=s&code=4%2F0Ab-c_d&scope=x%20y\n",
            "127.0.0.1:9/?code=4/0Ab-c_d&state=s#",
            "4%2F0Ab-c_d",
            "4/0Ab-c_d",
        ] {
            assert_eq!(pasted(line, "s"), code("4/0Ab-c_d"), "{line}");
        }
        let denied = "http://127.0.0.1:9/?error=access_denied&state=s";
        let refused = Answer::Refused("access_denied".to_owned());
        assert_eq!(pasted(denied, "s"), refused);
        for line in [
            "http://127.0.0.1:9/?code=4/0&state=t",
            "http://127.0.0.1:9/?code=4/0",
            "http://127.0.0.1:9/?code=&state=s",
            "http://127.0.0.1:9/?state=s",
            "http://127.0.0.1:9/",
            "two words",
            "",
        ] {
            assert!(matches!(pasted(line, "s"), Answer::Stray(_)), "{line}");
        }
    }
}
