//! TLS before a port: authorities and certificates of our own, and what unpacks a connection.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustix::event::{PollFd, PollFlags, poll};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection};

/// Years in which a certificate is good, whatever the clock of this machine says.
pub const ALWAYS: Range<i32> = 1980..2200;

/// Somebody who signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        // Each has a name of its own, as authorities do.
        let name = format!("Authority {:x?}", &key.public_key_raw()[..8]);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Authority {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// What `SSL_CERT_FILE` is to name for this one to be trusted.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Who these names are, signed; good in these years.
    pub fn certify(&self, names: &[&str], years: Range<i32>) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(years.start, 1, 1);
        params.not_after = date_time_ymd(years.end, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let crypto = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(crypto)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into());
        Arc::new(config.unwrap())
    }
}

/// A port where TLS is spoken; what comes is passed on to another, unpacked.
pub fn front(config: &Arc<ServerConfig>, behind: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let config = Arc::clone(config);
    thread::spawn(move || {
        for client in listener.incoming() {
            let config = Arc::clone(&config);
            // A connection that breaks is the client's business.
            thread::spawn(move || client.and_then(|client| serve(config, &client, behind)));
        }
    });
    address
}

fn serve(config: Arc<ServerConfig>, client: &TcpStream, behind: SocketAddr) -> io::Result<()> {
    client.set_nodelay(true)?;
    let tls = ServerConnection::new(config).map_err(io::Error::other)?;
    let behind = TcpStream::connect(behind)?;
    behind.set_nodelay(true)?;
    let done = carry(tls, client, &behind);
    if let Err(error) = &done
        && error.kind() == ErrorKind::ConnectionReset
    {
        // Who is cut off behind is cut off here.
        let now = Some(std::time::Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(client, now)?;
    }
    done
}

fn carry(mut tls: ServerConnection, client: &TcpStream, behind: &TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let (from_client, from_behind) = readable(client, behind)?;
        if from_client {
            if tls.read_tls(&mut &*client)? == 0 {
                return behind.shutdown(Shutdown::Both);
            }
            let read = tls.process_new_packets();
            flush(&mut tls, client)?;
            read.map_err(io::Error::other)?;
            loop {
                match tls.reader().read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => (&*behind).write_all(&buffer[..count])?,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
        }
        if from_behind {
            let count = (&*behind).read(&mut buffer)?;
            if count == 0 {
                tls.send_close_notify();
                flush(&mut tls, client)?;
                return client.shutdown(Shutdown::Both);
            }
            tls.writer().write_all(&buffer[..count])?;
            flush(&mut tls, client)?;
        }
    }
}

fn flush(tls: &mut ServerConnection, mut client: &TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(&mut client)?;
    }
    Ok(())
}

/// Which of the two has something to be read.
fn readable(one: &TcpStream, other: &TcpStream) -> io::Result<(bool, bool)> {
    let mut both = [one, other].map(|stream| PollFd::new(stream, PollFlags::IN));
    poll(&mut both, None)?;
    let [one, other] = both.map(|stream| !stream.revents().is_empty());
    Ok((one, other))
}
