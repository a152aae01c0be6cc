//! The connections: logs requests, holds and breaks them where asked to, has them answered.

use std::io::BufReader;
use std::net::TcpStream;
use std::time::Instant;

use super::api::classify;
use super::faults::{Fault, Op, Refusal};
use super::{Host, Request, Shared, State, Turn};
use crate::support::fake::http::Head;
use crate::support::fake::rules::{Moment, Stop};
use crate::support::fake::server::{self, End};

/// Serves one connection.
pub fn converse(shared: &Shared, host: usize, stream: &TcpStream) {
    let host = Host::ALL[host];
    server::converse(stream, |head, reader| {
        let (turn, op) = begin(shared, host, head);
        let done = exchange(shared, (host, op), head, reader, stream, &turn);
        if let Err(End::Refuse(status, _)) = &done {
            shared.lock().log[turn.index].status = Some(*status);
        }
        done
    });
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
        at: Instant::now(),
    });
    let index = state.log.len() - 1;
    (state.rules.begin(op, index, &mut state.disk), op)
}

fn check(state: &mut State, host: Host, head: &Head) {
    let mut flaws = head.flaws.clone();
    if host != Host::Api && head.header("authorization").is_some() {
        flaws.push(format!("the token was sent to the host {host:?}"));
    }
    if !head.is_for(state.addresses[host as usize]) {
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
    reader: &mut BufReader<&TcpStream>,
    stream: &TcpStream,
    turn: &Turn,
) -> Result<bool, End> {
    let upload = match op {
        Op::Put => Some(shared.lock().begin_put(head)),
        _ => None,
    };
    let received = before_work(turn).and_then(|()| receive(shared, (host, op), head, reader, turn));
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
    turn.pause(Moment::AfterWork)?;
    for fault in &turn.faults {
        match fault {
            Fault::ResetAfterWork => return Err(End::Reset),
            Fault::StatusAfterWork { status, error } => answer = Refusal(*status, error).answer(),
            _ => {}
        }
    }
    shared.lock().log[turn.index].status = Some(answer.status);
    let keep = server::keeps(head, &answer) && (op != Op::Put || head.length().is_some());
    server::send(&answer, stream, keep, &stops(op == Op::Storage, turn))?;
    Ok(keep)
}

fn before_work(turn: &Turn) -> Result<(), End> {
    turn.pause(Moment::BeforeWork)?;
    for fault in &turn.faults {
        match fault {
            Fault::Stall(time) => turn.stall(*time),
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
    reader: &mut BufReader<&TcpStream>,
    turn: &Turn,
) -> Result<Vec<u8>, End> {
    let told = head.length().unwrap_or(0) > 0 || head.header("transfer-encoding").is_some();
    if op != Op::Put && host != Host::Oauth && told {
        shared.lock().violate(head, "a body where none belongs");
    }
    let mut body = Vec::new();
    server::receive(head, reader, &stops(op == Op::Put, turn), &mut body)?;
    if op == Op::Put && body.starts_with(b"--") && has(&body, b"\r\nContent-Disposition:") {
        shared
            .lock()
            .violate(head, "the framing of a form is in the body");
    }
    Ok(body)
}

/// What happens in the middle of a body, if it is this one that is broken.
fn stops(broken: bool, turn: &Turn) -> Vec<(u64, Stop)> {
    if broken {
        turn.stops(Fault::stop)
    } else {
        Vec::new()
    }
}

fn has(body: &[u8], words: &[u8]) -> bool {
    let start = &body[..body.len().min(1024)];
    start.windows(words.len()).any(|window| window == words)
}
