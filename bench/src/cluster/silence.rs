//! The way to the bell: it passes everything on, until it passes on nothing and tells nobody.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::error::Result;

/// A relay before the database server. Its threads end with the connections of both sides.
pub(super) struct Relay {
    pub(super) address: SocketAddr,
    silent: Arc<AtomicBool>,
}

impl Relay {
    pub(super) fn before(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let silent = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&silent);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A connection that cannot be relayed ends.
                let _ = carry(client, server, &told);
            }
        });
        Ok(Self { address, silent })
    }

    /// From now on nothing arrives, in either direction.
    pub(super) fn fall_silent(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }
}

fn carry(client: TcpStream, server: SocketAddr, silent: &Arc<AtomicBool>) -> std::io::Result<()> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let back = (server.try_clone()?, client.try_clone()?);
    for (from, to) in [(client, server), back] {
        let silent = Arc::clone(silent);
        thread::spawn(move || pass(from, to, &silent));
    }
    Ok(())
}

fn pass(mut from: TcpStream, mut to: TcpStream, silent: &AtomicBool) {
    let mut buffer = [0; 8_192];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        // The bytes are swallowed.
        if silent.load(Ordering::SeqCst) {
            continue;
        }
        let read = buffer.get(..count).unwrap_or_default();
        if to.write_all(read).is_err() {
            break;
        }
    }
    // The other side may have closed it already.
    let _ = to.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_relay_passes_on_until_it_falls_silent() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay::before(listener.local_addr().unwrap()).unwrap();
        let mut client = TcpStream::connect(relay.address).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let mut byte = [0];

        client.write_all(b"a").unwrap();
        server.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"a");
        relay.fall_silent();
        server.write_all(b"b").unwrap();
        let patience = Some(Duration::from_millis(100));
        client.set_read_timeout(patience).unwrap();

        let nothing = client.read(&mut byte).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    }
}
