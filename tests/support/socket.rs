//! Bare sockets, for clients no library would let be so bad.

use std::io;
use std::time::Duration;

use futures::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::TestApp;

/// A connection whose kernel takes as little as it can.
pub(crate) async fn connect(app: &TestApp) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    let address = app.address().parse().expect("an address");
    socket.connect(address).await.expect("a connection")
}

/// Asks for a stream and never reads a byte of it.
pub(crate) async fn stuck(app: &TestApp, token: &str) -> TcpStream {
    unread(app, token, "/api/stream", "*/*").await
}

/// Asks for something of this type and never reads a byte of it; the hub holds what the kernel does not take.
pub(crate) async fn unread(app: &TestApp, token: &str, path: &str, accept: &str) -> TcpStream {
    let mut socket = connect(app).await;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nAccept: {accept}\r\n\r\n",
        app.address()
    );
    socket
        .write_all(request.as_bytes())
        .await
        .expect("a request");
    socket
}

/// The first bytes of what came back so far, which stay where they are.
pub(crate) fn begun(socket: &TcpStream) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    let seen = match socket.peek(&mut bytes).now_or_never() {
        Some(seen) => seen.expect("an open connection"),
        None => 0,
    };
    bytes.truncate(seen);
    bytes
}

/// Sends `first` and then a byte a second; everything that came back, once the server has ended the connection.
pub(crate) async fn drip(app: &TestApp, first: &[u8], limit: Duration) -> String {
    let mut socket = connect(app).await;
    socket.write_all(first).await.expect("the beginning");
    let (mut reader, mut writer) = socket.into_split();
    let mut answer = Vec::new();
    let dripping = async {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            second.tick().await;
            if writer.write_all(b"a").await.is_err() {
                return;
            }
        }
    };
    let both = async {
        tokio::select! {
            end = reader.read_to_end(&mut answer) => ended(end),
            // A reset comes to the writer first; what was answered is read all the same.
            () = dripping => {}
        }
    };
    let ended = tokio::time::timeout(limit, both).await;
    assert!(ended.is_ok(), "still open after {limit:?}");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends everything at once and reads to the end of the connection.
pub(crate) async fn send(app: &TestApp, request: &[u8], limit: Duration) -> String {
    let mut socket = TcpStream::connect(app.address())
        .await
        .expect("a connection");
    let mut answer = Vec::new();
    let both = async {
        // A server that has read enough may end the connection before all is sent.
        socket.write_all(request).await.ok();
        ended(socket.read_to_end(&mut answer).await);
    };
    let ended = tokio::time::timeout(limit, both).await;
    assert!(ended.is_ok(), "still open after {limit:?}");
    String::from_utf8_lossy(&answer).into_owned()
}

fn ended(read: io::Result<usize>) {
    if let Err(error) = read {
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
    }
}
