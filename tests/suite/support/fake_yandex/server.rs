//! The connections: reads requests, holds and breaks them where asked to, sends answers.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::api::classify;
use super::faults::{Deed, Fault, Moment, Op, Refusal, Stop, Turn};
use super::http::{Answer, Framing, Head};
use super::{Host, Request, Shared, State};

/// The threads that serve somebody, and what they read from.
#[derive(Clone, Default)]
pub struct Connections(Arc<Mutex<Vec<Connection>>>);

type Connection = (JoinHandle<()>, Weak<TcpStream>);

/// A port for each host.
pub fn bind() -> (Vec<TcpListener>, [SocketAddr; 5]) {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let sockets = Host::ALL.map(|_| bind());
    let addresses = sockets
        .each_ref()
        .map(|socket| socket.local_addr().unwrap());
    (sockets.into(), addresses)
}

/// Serves each host until it is stopped.
pub fn listen(
    sockets: Vec<TcpListener>,
    shared: &Arc<Shared>,
    connections: &Connections,
) -> Vec<JoinHandle<()>> {
    let serve = |(socket, host): (TcpListener, Host)| {
        let (shared, connections) = (Arc::clone(shared), connections.clone());
        thread::spawn(move || {
            for stream in socket.incoming() {
                if shared.lock().stopping {
                    return;
                }
                let stream = Arc::new(stream.unwrap());
                // An answer in two pieces would otherwise wait 40 ms between them.
                stream.set_nodelay(true).unwrap();
                let weak = Arc::downgrade(&stream);
                let shared = Arc::clone(&shared);
                let thread = thread::spawn(move || converse(&shared, host, &stream));
                connections.0.lock().unwrap().push((thread, weak));
            }
        })
    };
    sockets.into_iter().zip(Host::ALL).map(serve).collect()
}

/// Ends every thread and waits for it; whether none of them panicked.
pub fn stop(
    addresses: &[SocketAddr],
    listeners: &mut Vec<JoinHandle<()>>,
    connections: &Connections,
) -> bool {
    for address in addresses {
        // Wakes the listener. If that cannot be done, it is not worth a second panic.
        drop(TcpStream::connect(address));
    }
    let mut sound = true;
    for thread in listeners.drain(..) {
        sound &= thread.join().is_ok();
    }
    for (thread, stream) in connections.0.lock().unwrap().drain(..) {
        if let Some(stream) = stream.upgrade() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        sound &= thread.join().is_ok();
    }
    sound
}

/// Why a connection ends before its time.
enum End {
    /// It is closed as usual.
    Close,
    /// It is cut: the other end sees a reset.
    Reset,
    /// With an answer nobody waited for yet.
    Refuse(u16),
}

fn converse(shared: &Shared, host: Host, mut stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    while let Some(head) = Head::read(&mut reader) {
        let (turn, op) = begin(shared, host, &head);
        match exchange(shared, (host, op), &head, &mut reader, stream, &turn) {
            Ok(true) => {}
            Ok(false) | Err(End::Close) => return linger(stream),
            Err(End::Refuse(status)) => {
                shared.lock().log[turn.index].status = Some(status);
                let answer = Answer::html(status);
                let sent = answer.send_head(stream, false);
                let _ = sent.and_then(|()| stream.write_all(&answer.body));
                return linger(stream);
            }
            Err(End::Reset) => {
                let now = Some(Duration::ZERO);
                rustix::net::sockopt::set_socket_linger(stream, now).unwrap();
                return;
            }
        }
    }
}

/// Reads what is still under way: closing before that would take the answer away again.
fn linger(mut stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = io::copy(&mut stream, &mut io::sink());
}

/// Logs a request, checks what holds for all of them, and says what is to happen.
fn begin(shared: &Shared, host: Host, head: &Head) -> (Turn, Op) {
    let state = &mut *shared.lock();
    let op = match (host, head.method.as_str(), head.path()) {
        (Host::Api, ..) => classify(head).0,
        (Host::Upload, "PUT", _) => Op::Put,
        (Host::Download, "GET", _) => Op::Download,
        (Host::Storage, "GET", _) => Op::Storage,
        (Host::Oauth, "POST", "/device/code") => Op::OauthDevice,
        (Host::Oauth, "POST", "/token") => Op::OauthToken,
        _ => Op::Other,
    };
    check(state, host, head);
    let path = match op {
        Op::Put => state.upload(head).map(|upload| upload.path.clone()),
        Op::Download | Op::Storage => state.download(head).map(|link| link.path.clone()),
        _ => head.param("path").map(|path| path.replacen("disk:", "", 1)),
    };
    let headers = head.headers.iter();
    state.log.push(Request {
        op,
        path: path.unwrap_or_else(|| head.path().to_owned()),
        query: head.query.clone(),
        headers: headers
            .filter(|(name, _)| name != "authorization")
            .cloned()
            .collect(),
        status: None,
    });
    let index = state.log.len() - 1;
    (
        Turn::begin(op, index, &mut state.rules, &mut state.disk),
        op,
    )
}

fn check(state: &mut State, host: Host, head: &Head) {
    let mut flaws = head.flaws.clone();
    if host != Host::Api && head.header("authorization").is_some() {
        flaws.push(format!("the token was sent to the host {host:?}"));
    }
    if head.header("host") != Some(&state.addresses[host as usize].to_string()) {
        flaws.push("the host is not the one of the address".to_owned());
    }
    if head.header("referer").is_some() {
        flaws.push("links are secret, and no referer".to_owned());
    }
    let agent = head.header("user-agent").unwrap_or_default();
    if agent.contains("Yandex") {
        flaws.push(format!("{agent} poses as a program of the service"));
    }
    let encodings = head.header("accept-encoding").unwrap_or("identity");
    if encodings != "identity" {
        flaws.push(format!(
            "accepts {encodings}: it would not be what is stored"
        ));
    }
    for flaw in flaws {
        state.violate(head, &flaw);
    }
}

/// One request and its answer; whether the connection goes on.
fn exchange(
    shared: &Shared,
    (host, op): (Host, Op),
    head: &Head,
    reader: &mut impl BufRead,
    stream: &TcpStream,
    turn: &Turn,
) -> Result<bool, End> {
    let upload = match op {
        Op::Put => Some(shared.lock().begin_put(head)),
        _ => None,
    };
    let received = before_work(shared, turn)
        .and_then(|()| receive(shared, (host, op), head, reader, stream, turn));
    let early = turn.faults.iter().find_map(Fault::instead);
    if let Some(Ok(upload)) = &upload
        && (received.is_err() || early.is_some())
    {
        shared.lock().fail_put(upload);
    }
    let body = received?;
    let faults = &turn.faults;
    let mut answer = early.unwrap_or_else(|| {
        let mut state = shared.lock();
        match (host, upload) {
            (_, Some(Ok(upload))) => state.finish_put(&upload, &body, faults),
            (_, Some(Err(refused))) => refused,
            (Host::Api, _) => state.api(op, head, faults),
            (Host::Oauth, _) => state.oauth(op, head, &body),
            _ => state.give(op, head, faults),
        }
    });
    pause(shared, turn, Moment::AfterWork)?;
    for fault in &turn.faults {
        match fault {
            Fault::ResetAfterWork => return Err(End::Reset),
            Fault::StatusAfterWork { status, error } => answer = Refusal(*status, error).answer(),
            _ => {}
        }
    }
    shared.lock().log[turn.index].status = Some(answer.status);
    // Where a body of unknown length may follow, no other request can.
    let keep = head
        .header("connection")
        .is_none_or(|word| !word.eq_ignore_ascii_case("close"))
        && head.header("transfer-encoding").is_none()
        && (op != Op::Put || head.length().is_some())
        && answer.framing == Framing::Length;
    let stops = if op == Op::Storage {
        turn.stops()
    } else {
        Vec::new()
    };
    send(shared, &answer, stream, keep, &stops)?;
    Ok(keep)
}

fn before_work(shared: &Shared, turn: &Turn) -> Result<(), End> {
    pause(shared, turn, Moment::BeforeWork)?;
    for fault in &turn.faults {
        match fault {
            Fault::Stall(time) => {
                let state = shared.lock();
                let wait = |state: &mut State| !state.stopping;
                drop(shared.changed.wait_timeout_while(state, *time, wait));
            }
            Fault::ResetBeforeWork => return Err(End::Reset),
            _ => {}
        }
    }
    Ok(())
}

/// Reads the body, up to where it is broken.
fn receive(
    shared: &Shared,
    (host, op): (Host, Op),
    head: &Head,
    reader: &mut impl BufRead,
    mut stream: &TcpStream,
    turn: &Turn,
) -> Result<Vec<u8>, End> {
    let length = head.length().unwrap_or(0);
    let form = host == Host::Oauth;
    if op != Op::Put && !form && (length > 0 || head.header("transfer-encoding").is_some()) {
        shared.lock().violate(head, "a body where none belongs");
    }
    if head.header("expect").is_some() {
        let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    let mut body = Vec::new();
    let mut read_to = |at: u64, body: &mut Vec<u8>| {
        let missing = at - body.len() as u64;
        let read = reader.by_ref().take(missing).read_to_end(body);
        if read.is_ok_and(|read| read as u64 == missing) {
            Ok(())
        } else {
            Err(End::Close)
        }
    };
    let stops = if op == Op::Put {
        turn.stops()
    } else {
        Vec::new()
    };
    for (at, stop) in stops {
        assert!(at <= length, "a fault at byte {at} of {length}");
        read_to(at, &mut body)?;
        halt(shared, stop)?;
    }
    read_to(length, &mut body)?;
    if op == Op::Put && body.starts_with(b"--") && has(&body, b"\r\nContent-Disposition:") {
        shared
            .lock()
            .violate(head, "the framing of a form is in the body");
    }
    Ok(body)
}

fn has(body: &[u8], words: &[u8]) -> bool {
    let start = &body[..body.len().min(1024)];
    start.windows(words.len()).any(|window| window == words)
}

fn send(
    shared: &Shared,
    answer: &Answer,
    mut stream: &TcpStream,
    keep: bool,
    stops: &[(u64, Stop)],
) -> Result<(), End> {
    answer.send_head(stream, keep).map_err(|_| End::Close)?;
    let mut sent = 0;
    let mut send_to = |at: usize| {
        let part = &answer.body[sent..at];
        sent = at;
        stream.write_all(part).map_err(|_| End::Close)
    };
    for (at, stop) in stops {
        let at = usize::try_from(*at).unwrap();
        if at <= answer.body.len() {
            send_to(at)?;
            halt(shared, *stop)?;
        }
    }
    send_to(answer.body.len())
}

fn halt(shared: &Shared, stop: Stop) -> Result<(), End> {
    match stop {
        Stop::Hold(rule) => wait(shared, rule),
        Stop::Reset => Err(End::Reset),
        Stop::Close => Err(End::Close),
        Stop::Refuse(status) => Err(End::Refuse(status)),
    }
}

fn pause(shared: &Shared, turn: &Turn, moment: Moment) -> Result<(), End> {
    let mut held = turn.holds.iter().filter(|(_, at)| *at == moment);
    held.try_for_each(|(rule, _)| wait(shared, *rule))
}

/// Waits until a hold is released.
fn wait(shared: &Shared, rule: usize) -> Result<(), End> {
    let mut state = shared.lock();
    if let Deed::Hold { reached, .. } = &mut state.rules[rule].deed {
        *reached = true;
    }
    shared.changed.notify_all();
    let held = |state: &mut State| {
        let here = &state.rules[rule].deed;
        !state.stopping && matches!(here, Deed::Hold { released, .. } if !released)
    };
    let state = shared.changed.wait_while(state, held).unwrap();
    if state.stopping {
        Err(End::Close)
    } else {
        Ok(())
    }
}
