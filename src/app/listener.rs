//! The listening socket.

use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, SockRef, Socket, Type};

use crate::app::error::StartError;
use crate::server::socket;

/// Binds and listens.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let failed = |cause| StartError::Listen { address, cause };
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None);
    let socket = socket.map_err(failed)?;
    // A restart need not wait until the kernel forgets the connections of the last run.
    socket.set_reuse_address(true).map_err(failed)?;
    // Before it listens: clients that come while the database is opened have them as well.
    socket::prepare(SockRef::from(&socket));
    socket.bind(&address.into()).map_err(failed)?;
    socket.listen(BACKLOG).map_err(failed)?;
    Ok(socket.into())
}

/// A storm of clients coming back fits in the queue of the kernel.
const BACKLOG: i32 = 4_096;

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_client_that_comes_before_anybody_accepts_has_the_options_of_the_hub() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _address) = listener.accept().unwrap();

        assert!(SockRef::from(&accepted).tcp_nodelay().unwrap());
    }
}
