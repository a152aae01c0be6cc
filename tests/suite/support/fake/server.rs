//! The ports and the threads: accepts connections, reads requests, sends answers.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::http::{Answer, Framing, Head};
use super::rules::Stop;

/// Why a connection ends before its time.
pub enum End {
    /// It is closed as usual.
    Close,
    /// It is cut: the other end sees a reset.
    Reset,
    /// With an answer nobody waited for yet, and perhaps another place to go to.
    Refuse(u16, Option<String>),
}

/// The threads that serve somebody, and what they read from.
type Connections = Mutex<Vec<(JoinHandle<()>, Weak<TcpStream>)>>;

/// Ports with threads behind them.
pub struct Server {
    addresses: Vec<SocketAddr>,
    listeners: Vec<JoinHandle<()>>,
    connections: Arc<Connections>,
    stopping: Arc<AtomicBool>,
}

/// A port for each host.
pub fn bind<const HOSTS: usize>() -> ([TcpListener; HOSTS], [SocketAddr; HOSTS]) {
    let sockets = [(); HOSTS].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let addresses = sockets
        .each_ref()
        .map(|socket| socket.local_addr().unwrap());
    (sockets, addresses)
}

impl Server {
    /// Serves each host until it is stopped; `serve` is given the number of the host.
    pub fn start<const HOSTS: usize>(
        sockets: [TcpListener; HOSTS],
        serve: impl Fn(usize, &TcpStream) + Send + Sync + 'static,
    ) -> Self {
        let serve = Arc::new(serve);
        let connections = Arc::new(Connections::default());
        let stopping = Arc::new(AtomicBool::new(false));
        let addresses = sockets.iter().map(|socket| socket.local_addr().unwrap());
        let addresses = addresses.collect();
        let listen = |(host, socket): (usize, TcpListener)| {
            let (serve, connections) = (Arc::clone(&serve), Arc::clone(&connections));
            let stopping = Arc::clone(&stopping);
            thread::spawn(move || {
                for stream in socket.incoming() {
                    if stopping.load(Ordering::SeqCst) {
                        return;
                    }
                    let stream = Arc::new(stream.unwrap());
                    // An answer in two pieces would otherwise wait 40 ms between them.
                    stream.set_nodelay(true).unwrap();
                    let weak = Arc::downgrade(&stream);
                    let serve = Arc::clone(&serve);
                    let thread = thread::spawn(move || serve(host, &stream));
                    connections.lock().unwrap().push((thread, weak));
                }
            })
        };
        Server {
            addresses,
            listeners: sockets.into_iter().enumerate().map(listen).collect(),
            connections,
            stopping,
        }
    }

    /// Whether nobody is served: every connection has ended.
    pub fn is_idle(&self) -> bool {
        let connections = self.connections.lock().unwrap();
        connections.iter().all(|(thread, _)| thread.is_finished())
    }

    /// Ends every thread and waits for it; whether none of them panicked.
    pub fn stop(&mut self) -> bool {
        self.stopping.store(true, Ordering::SeqCst);
        for address in &self.addresses {
            // Wakes the listener. If that cannot be done, it is not worth a second panic.
            drop(TcpStream::connect(address));
        }
        let mut sound = true;
        for thread in self.listeners.drain(..) {
            sound &= thread.join().is_ok();
        }
        for (thread, stream) in self.connections.lock().unwrap().drain(..) {
            if let Some(stream) = stream.upgrade() {
                let _ = stream.shutdown(Shutdown::Both);
            }
            sound &= thread.join().is_ok();
        }
        sound
    }
}

/// Reads requests until `exchange` says that no other one follows, or how it ends.
pub fn converse(
    mut stream: &TcpStream,
    exchange: impl Fn(&Head, &mut BufReader<&TcpStream>) -> Result<bool, End>,
) {
    let mut reader = BufReader::new(stream);
    while let Some(head) = Head::read(&mut reader) {
        match exchange(&head, &mut reader) {
            Ok(true) => {}
            Ok(false) | Err(End::Close) => return linger(stream),
            Err(End::Refuse(status, place)) => {
                let mut answer = Answer::html(status);
                answer
                    .headers
                    .extend(place.map(|place| ("Location", place)));
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

/// Whether another request may follow: not where a body of unknown length may.
pub fn keeps(head: &Head, answer: &Answer) -> bool {
    head.header("connection")
        .is_none_or(|word| !word.eq_ignore_ascii_case("close"))
        && head.header("transfer-encoding").is_none()
        && answer.framing == Framing::Length
}

/// Reads a body of the length told, up to where it is broken; what came is in `body`.
pub fn receive(
    head: &Head,
    reader: &mut BufReader<&TcpStream>,
    stops: &[(u64, Stop)],
    body: &mut Vec<u8>,
) -> Result<(), End> {
    let length = head.length().unwrap_or(0);
    if head.header("expect").is_some() {
        let _ = reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    for (at, stop) in stops {
        assert!(*at <= length, "a fault at byte {at} of {length}");
        read_to(reader, *at, body)?;
        stop.halt()?;
    }
    read_to(reader, length, body)
}

fn read_to(reader: &mut impl BufRead, at: u64, body: &mut Vec<u8>) -> Result<(), End> {
    let missing = at - body.len() as u64;
    let read = reader.take(missing).read_to_end(body);
    if read.is_ok_and(|read| read as u64 == missing) {
        Ok(())
    } else {
        Err(End::Close)
    }
}

/// Sends an answer, up to where it is broken.
pub fn send(
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
            stop.halt()?;
        }
    }
    send_to(answer.body.len())
}
