//! An address where connections are neither taken nor refused.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net;

/// As long as this is kept, nobody is taken in.
pub struct Hole {
    pub address: SocketAddr,
    _socket: OwnedFd,
    _waiting: Vec<TcpStream>,
}

/// Makes one; the port may be 0.
pub fn at(address: SocketAddr) -> Hole {
    let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).unwrap();
    net::bind(&socket, &address).unwrap();
    net::listen(&socket, 0).unwrap();
    let address: SocketAddr = net::getsockname(&socket).unwrap().try_into().unwrap();
    let wait = Duration::from_millis(300);
    let waiting = std::iter::from_fn(|| TcpStream::connect_timeout(&address, wait).ok());
    let waiting: Vec<_> = waiting.take(100).collect();
    assert!(waiting.len() < 100, "somebody is taken in all the time");
    Hole {
        address,
        _socket: socket,
        _waiting: waiting,
    }
}
