//! The connections: logs requests, holds and breaks them where asked to, has them answered.

use std::io::BufReader;
use std::net::TcpStream;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::Value;

use super::faults::{Fault, Op, Refusal};
use super::{Host, Request, Shared, State, Turn};
use crate::support::fake::http::{Answer, Head, form};
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

/// Which request it is.
fn classify(state: &State, host: Host, head: &Head) -> Op {
    let method = head.method.as_str();
    let path = head.path();
    if host == Host::Oauth {
        return match (method, path) {
            ("POST", "/token") => Op::Token,
            ("POST", "/device/code") => Op::DeviceCode,
            ("POST", "/revoke") => Op::Revoke,
            _ => Op::Other,
        };
    }
    if host == Host::Download {
        return if method == "GET" {
            Op::Storage
        } else {
            Op::Other
        };
    }
    if let Some(rest) = path.strip_prefix("/upload/drive/v3/files") {
        let range = head.header("content-range").unwrap_or_default();
        let session = state.sessions.iter().any(|it| it.target == head.target);
        return match method {
            "PUT" | "POST" if session && range.starts_with("bytes */") => Op::Status,
            "PUT" | "POST" if session => Op::Chunk,
            "DELETE" if session => Op::CancelUpload,
            "POST" if rest.is_empty() => Op::Initiate,
            "PATCH" if object_id(rest).is_some() => Op::Initiate,
            // Of a session that nobody knows.
            "PUT" if range.starts_with("bytes */") => Op::Status,
            "PUT" => Op::Chunk,
            "DELETE" => Op::CancelUpload,
            _ => Op::Other,
        };
    }
    let Some(path) = path.strip_prefix("/drive/v3/") else {
        return Op::Other;
    };
    let of_file = path.strip_prefix("files").and_then(object_id).is_some();
    match (method, path) {
        ("GET", "about") => Op::About,
        ("GET", "files/generateIds") => Op::GenerateIds,
        ("GET", "files") => Op::List,
        ("POST", "files") => Op::CreateFolder,
        ("GET", "drives") => Op::Drives,
        ("GET", _) if path.strip_prefix("drives").and_then(object_id).is_some() => Op::Drives,
        ("GET", _) if of_file && head.param("alt") == Some("media") => Op::Media,
        ("GET", _) if of_file => Op::Get,
        ("PATCH", _) if of_file => Op::Update,
        ("DELETE", _) if of_file => Op::Delete,
        _ => Op::Other,
    }
}

/// The id in `/ID`.
pub fn object_id(rest: &str) -> Option<&str> {
    let id = rest.strip_prefix('/')?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

/// The id at the end of the address of a file.
pub fn id_of(head: &Head) -> Option<&str> {
    let places = [
        "/drive/v3/files",
        "/upload/drive/v3/files",
        "/drive/v3/drives",
    ];
    let mut rests = places.iter().filter_map(|it| head.path().strip_prefix(it));
    rests.find_map(object_id)
}

/// Logs a request, checks what holds for all of them, and says what is to happen.
fn begin(shared: &Shared, host: Host, head: &Head) -> (Turn, Op) {
    let state = &mut *shared.lock();
    let op = classify(state, host, head);
    state.check(host, head);
    let session = state.sessions.iter().find(|it| it.target == head.target);
    let id = session.map(|session| session.id().to_owned());
    let headers = head.headers.iter();
    state.log.push(Request {
        op,
        method: head.method.clone(),
        id: id.or_else(|| id_of(head).map(str::to_owned)),
        name: None,
        query: head.query.clone(),
        headers: headers
            .filter(|(name, _)| name != "authorization")
            .cloned()
            .collect(),
        body: None,
        status: None,
        at: Instant::now(),
    });
    let index = state.log.len() - 1;
    (state.rules.begin(op, index, &mut state.drive), op)
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
    before_work(turn)?;
    let chunk = match op {
        Op::Chunk => Some(shared.lock().begin_chunk(head)),
        _ => None,
    };
    let mut body = Vec::new();
    let received = server::receive(head, reader, &stops(op == Op::Chunk, turn), &mut body);
    if received.is_err()
        && let Some(Ok(chunk)) = &chunk
    {
        shared.lock().break_chunk(chunk, &body);
    }
    received?;
    if host == Host::Api && op != Op::Chunk || host == Host::Oauth {
        note(&mut shared.lock().log[turn.index], host, &body);
    }
    let faults = &turn.faults;
    let early = faults.iter().find_map(Fault::instead);
    let mut answer = early.unwrap_or_else(|| {
        let mut state = shared.lock();
        match (host, chunk) {
            (_, Some(Ok(chunk))) => state.finish_chunk(&chunk, &body, head, faults),
            (_, Some(Err(refused))) => refused,
            (Host::Api, _) => state.api(op, head, &body, faults),
            (Host::Oauth, _) => state.oauth(op, head, &body, faults),
            (Host::Download, _) => state.give_stored(head, faults),
        }
    });
    turn.pause(Moment::AfterWork)?;
    for fault in faults {
        match fault {
            Fault::ResetAfterWork => return Err(End::Reset),
            Fault::ErrorAfterWork(status, reason, message) => {
                answer = Refusal::new(*status, reason, *message).answer();
            }
            _ => {}
        }
    }
    answer = {
        let mut state = shared.lock();
        state.log[turn.index].status = Some(answer.status);
        let now = Timestamp::now() + state.accounts.skew;
        answer.with(
            "Date",
            now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        )
    };
    let sized = head.length().is_some() || !matches!(head.method.as_str(), "PUT" | "POST");
    let keep = server::keeps(head, &answer) && sized;
    let gives = matches!(op, Op::Media | Op::Storage);
    server::send(&answer, stream, keep, &stops(gives, turn))?;
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

/// What happens in the middle of a body, if it is this one that is broken.
fn stops(broken: bool, turn: &Turn) -> Vec<(u64, Stop)> {
    if broken {
        turn.stops(Fault::stop)
    } else {
        Vec::new()
    }
}

/// Adds to the log what the body says, without secrets.
fn note(request: &mut Request, host: Host, body: &[u8]) {
    if host == Host::Oauth {
        let pairs = form(&String::from_utf8_lossy(body), &mut Vec::new());
        let grant = pairs.into_iter().find(|(name, _)| name == "grant_type");
        request.name = grant.map(|(_, value)| value);
        return;
    }
    request.body = serde_json::from_slice(body).ok();
    if let Some(body) = &request.body {
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        request.name = text("name");
        request.id = request.id.take().or_else(|| text("id"));
    }
}

impl State {
    /// Finds what no request should have, wherever it goes.
    fn check(&mut self, host: Host, head: &Head) {
        let mut flaws = head.flaws.clone();
        let token = head.header("authorization").is_some();
        if host != Host::Api && token {
            flaws.push(format!("the token was sent to the host {host:?}"));
        }
        if !head.is_for(self.addresses[host as usize]) {
            flaws.push("the host is not the one of the address".to_owned());
        }
        if head.header("referer").is_some() {
            flaws.push("session addresses are secret, and no referer".to_owned());
        }
        let encodings = head.header("accept-encoding").unwrap_or("identity");
        if encodings != "identity" {
            flaws.push(format!(
                "accepts {encodings}: it would not be what is stored"
            ));
        }
        let secret = |name: &str| matches!(name, "access_token" | "oauth_token" | "key");
        if head.query.iter().any(|(name, _)| secret(name)) || self.accounts.tells(&head.target) {
            flaws.push("a secret is in the address".to_owned());
        }
        let method = head.method.as_str();
        let bodiless = matches!(method, "GET" | "DELETE");
        let body = head.length().unwrap_or(0) > 0 || head.header("transfer-encoding").is_some();
        if bodiless && body {
            flaws.push("a body where none belongs".to_owned());
        }
        for flaw in flaws {
            self.violate(head, &flaw);
        }
    }

    /// The JSON object in a body; what is no such thing is a violation.
    pub fn object(&mut self, head: &Head, body: &[u8]) -> Result<Value, Refusal> {
        let kind = head.header("content-type").unwrap_or_default();
        if !kind.starts_with("application/json") {
            self.violate(head, "the body is not said to be JSON");
        }
        if let Ok(Value::Object(object)) = serde_json::from_slice(body) {
            return Ok(Value::Object(object));
        }
        self.violate(head, "the body is no JSON object");
        Err(Refusal::new(400, "parseError", "Parse Error"))
    }

    /// An address where nothing is.
    pub fn nothing_there(&mut self, head: &Head) -> Answer {
        self.violate(head, "the service has nothing there");
        Answer::text(404, "Not Found")
    }
}
