//! The listening socket.

use std::net::{SocketAddr, TcpListener};

use crate::app::error::StartError;

/// Binds and listens.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let failed = |cause| StartError::Listen { address, cause };
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::STREAM,
        None,
    );
    let socket = socket.map_err(failed)?;
    // A restart need not wait until the kernel forgets the connections of the last run.
    socket.set_reuse_address(true).map_err(failed)?;
    socket.bind(&address.into()).map_err(failed)?;
    socket.listen(BACKLOG).map_err(failed)?;
    Ok(socket.into())
}

/// A storm of clients coming back fits in the queue of the kernel.
const BACKLOG: i32 = 4_096;
