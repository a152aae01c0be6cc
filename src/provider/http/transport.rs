//! Sockets that hear signals: every wait is cut into short ones.
//!
//! `ureq` leaves a blocked socket alone until its time-out; here somebody who
//! presses Ctrl-C in the middle of a minute of silence is heard at once. A process
//! that was stopped and goes on again has not waited meanwhile.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::Scheme;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout,
    RustlsConnector, SocksConnector, Transport,
};
use ureq::{Agent, Error, Timeout};

use crate::failure::Failure;
use crate::interrupt::{TICK, beside, check};
use crate::provider::error::smuggle;

/// How long one address may take to answer.
pub(super) const CONNECT: Duration = Duration::from_secs(10);

/// Whoever is that impatient with silence still gives a connection this time to come about.
const CONNECT_AT_LEAST: Duration = Duration::from_secs(2);

/// How long to wait for a name, or for one address, where so much silence is borne.
pub(super) fn patience(stall: Duration) -> Duration {
    stall.clamp(CONNECT_AT_LEAST, CONNECT)
}

/// An agent on such sockets.
pub(super) fn agent(config: Config) -> Agent {
    let chain =
        ().chain(SocksConnector::default())
            .chain(ConnectProxyConnector::default())
            .chain(SocketConnector)
            .chain(RustlsConnector::default());
    Agent::with_parts(config, chain, Names)
}

fn stopped(failure: Failure) -> Error {
    Error::Io(smuggle(failure.into()))
}

/// Looks names up, and is not kept by a name server that does not answer.
#[derive(Debug)]
struct Names;

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let authority = uri
            .authority()
            .ok_or_else(|| Error::BadUri("no host".into()))?;
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let port = authority
            .port_u16()
            .unwrap_or(if is_tls { 443 } else { 80 });
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let limit = timeout.not_zero().map_or(CONNECT, |limit| *limit);
        let found = beside(limit, move || (host.as_str(), port).to_socket_addrs());
        let found = found
            .map_err(stopped)?
            .ok_or(Error::Timeout(Timeout::Resolve))?;
        let mut addresses = self.empty();
        for address in found.map_err(|_| Error::HostNotFound)?.take(16) {
            addresses.push(address);
        }
        if addresses.is_empty() {
            return Err(Error::HostNotFound);
        }
        Ok(addresses)
    }
}

/// Opens a connection to the first address that answers.
#[derive(Debug)]
struct SocketConnector;

impl<In: Transport> Connector<In> for SocketConnector {
    type Out = Either<In, Socket>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if let Some(transport) = chained {
            return Ok(Some(Either::A(transport)));
        }
        let mut last = Error::ConnectionFailed;
        let config = details.config;
        let patience = patience(config.timeouts().connect.unwrap_or(CONNECT));
        for address in &details.addrs {
            match open(*address, patience).map_err(stopped)? {
                Some(Ok(stream)) => {
                    let sizes = (config.input_buffer_size(), config.output_buffer_size());
                    let buffers = LazyBuffers::new(sizes.0, sizes.1);
                    return Ok(Some(Either::B(Socket {
                        stream,
                        buffers,
                        is_greeting: details.needs_tls(),
                    })));
                }
                Some(Err(error)) if error.kind() != io::ErrorKind::TimedOut => {
                    last = Error::Io(error);
                }
                Some(Err(_)) | None => last = Error::Timeout(Timeout::Connect),
            }
        }
        Err(last)
    }
}

fn open(address: SocketAddr, patience: Duration) -> Result<Option<io::Result<TcpStream>>, Failure> {
    beside(patience + TICK, move || {
        let stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TICK))?;
        stream.set_write_timeout(Some(TICK))?;
        // A silent server and a dead line look the same; the system can tell.
        rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
        Ok(stream)
    })
}

/// A connection whose reads and writes return every [`TICK`].
struct Socket {
    stream: TcpStream,
    buffers: LazyBuffers,
    /// A TLS handshake is begun, and nothing of the other side's part of it has come.
    is_greeting: bool,
}

/// The end of a connection whose other side never began to speak TLS.
const NO_HELLO: Error = Error::Tls("the connection was cut in the middle of the handshake");

/// Counts silence; time in which the process itself stood still does not count.
struct Silence {
    limit: Option<Duration>,
    reason: Timeout,
    since: Instant,
    waited: Duration,
}

impl Silence {
    fn new(timeout: NextTimeout) -> Self {
        Silence {
            limit: timeout.not_zero().map(|limit| *limit),
            reason: timeout.reason,
            since: Instant::now(),
            waited: Duration::ZERO,
        }
    }

    /// After one fruitless wait.
    fn go_on(&mut self) -> Result<(), Error> {
        check().map_err(stopped)?;
        self.waited += self.since.elapsed().min(TICK * 5);
        self.since = Instant::now();
        match self.limit {
            Some(limit) if self.waited >= limit => Err(Error::Timeout(self.reason)),
            _ => Ok(()),
        }
    }
}

fn is_fruitless(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let mut output = &self.buffers.output()[..amount];
        let mut silence = Silence::new(timeout.for_write());
        while !output.is_empty() {
            match self.stream.write(output) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(count) => {
                    output = &output[count..];
                    silence = Silence::new(timeout.for_write());
                }
                Err(error) if is_fruitless(&error) => silence.go_on()?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let mut silence = Silence::new(timeout.for_read());
        loop {
            match self.stream.read(self.buffers.input_append_buf()) {
                Ok(0) if self.is_greeting => return Err(NO_HELLO),
                Ok(count) => {
                    self.is_greeting = false;
                    self.buffers.input_appended(count);
                    return Ok(count > 0);
                }
                Err(error) if is_fruitless(&error) => silence.go_on()?,
                Err(_) if self.is_greeting => return Err(NO_HELLO),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether a connection from the pool can be used: nothing waits in it, not even its end.
    fn is_open(&mut self) -> bool {
        let quiet = self.stream.set_nonblocking(true).is_ok()
            && matches!(self.stream.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).is_ok() && quiet
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").finish_non_exhaustive()
    }
}
