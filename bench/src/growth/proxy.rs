//! A proxy before a PostgreSQL that makes each round trip longer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::error::Result;

/// Listens for as long as the bench runs; everything from the client arrives so much later.
pub(super) fn before(server: SocketAddr, delay: Duration) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if let Ok(server) = TcpStream::connect(server) {
                // A connection that fails is one that the hub opens again.
                let _ = carry(client, server, delay);
            }
        }
    });
    Ok(port)
}

fn carry(client: TcpStream, server: TcpStream, delay: Duration) -> Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || pass(from_client, to_server, delay));
    thread::spawn(move || pass(server, client, Duration::ZERO));
    Ok(())
}

fn pass(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let mut bytes = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if delay > Duration::ZERO {
            wait(delay);
        }
        if to
            .write_all(bytes.get(..count).unwrap_or_default())
            .is_err()
        {
            break;
        }
    }
    // The other end may be gone already.
    let _ = to.shutdown(std::net::Shutdown::Both);
}

#[expect(
    clippy::disallowed_methods,
    reason = "the delay is what is wanted, and the thread has nothing else to do"
)]
fn wait(delay: Duration) {
    thread::sleep(delay);
}
