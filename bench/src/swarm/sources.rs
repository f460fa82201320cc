//! The source addresses of connections: many addresses of the loopback network, since each has only some 28,000 ports.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mio::net::TcpStream;
use socket2::{Domain, Socket, Type};

/// Takes one address after another.
#[derive(Debug)]
pub(crate) struct Sources(u8);

/// Addresses used: 127.0.0.2 and on. Closed connections hold their ports for a minute.
const ADDRESSES: u8 = 100;

impl Sources {
    pub(crate) fn new() -> Self {
        Self(0)
    }

    /// Begins a connection; it is writable when it is made.
    pub(crate) fn connect(&mut self, to: SocketAddr) -> std::io::Result<TcpStream> {
        self.0 = (self.0 + 1) % ADDRESSES;
        let from = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2 + self.0));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        socket.bind(&SocketAddr::new(from, 0).into())?;
        match socket.connect(&to.into()) {
            Err(cause) if cause.raw_os_error() != Some(IN_PROGRESS) => Err(cause),
            _ => Ok(TcpStream::from_std(socket.into())),
        }
    }
}

/// EINPROGRESS on Linux: not an error of a socket that does not wait.
const IN_PROGRESS: i32 = 115;
