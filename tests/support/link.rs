//! The network between a hub and its database, which can be cut, joined again, slow, or silent in either direction.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The handling of the bytes that are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// It arrives.
    Pass,
    /// It arrives so much later, in each direction.
    Delay(Duration),
    /// It does not arrive, and nobody is told; what was held arrives when this ends.
    Hold(Way),
    /// Connections break at once, and new ones too.
    Cut,
}

/// The direction in which bytes are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToHub,
    Both,
}

/// The link; its end comes with the test's runtime.
pub(crate) struct Link {
    conduct: watch::Sender<Conduct>,
}

impl Link {
    /// Stands before the server that a URL names, and gives the URL that leads here.
    pub(crate) async fn before(url: &str) -> (Self, String) {
        let (_, rest) = url.split_once('@').expect("a URL with a password");
        let (server, _) = rest.split_once('/').expect("a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let (conduct, watched) = watch::channel(Conduct::Pass);
        tokio::spawn(accept(listener, server.to_owned(), watched));
        (Self { conduct }, url.replace(server, &address))
    }

    /// Changes what happens from now on.
    pub(crate) fn now(&self, conduct: Conduct) {
        self.conduct.send_replace(conduct);
    }
}

impl Conduct {
    fn holds(self, way: Way) -> bool {
        matches!(self, Self::Hold(held) if held == way || held == Way::Both)
    }
}

async fn accept(listener: TcpListener, server: String, conduct: watch::Receiver<Conduct>) {
    while let Ok((client, _address)) = listener.accept().await {
        tokio::spawn(carry(client, server.clone(), conduct.clone()));
    }
}

async fn carry(client: TcpStream, server: String, mut conduct: watch::Receiver<Conduct>) {
    if *conduct.borrow() == Conduct::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    client.set_nodelay(true).expect("a socket");
    server.set_nodelay(true).expect("a socket");
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let up = pass(from_client, to_server, Way::ToServer, conduct.clone());
    let down = pass(from_server, to_client, Way::ToHub, conduct.clone());
    tokio::select! {
        () = up => {}
        () = down => {}
        _cut = conduct.wait_for(|conduct| *conduct == Conduct::Cut) => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    mut conduct: watch::Receiver<Conduct>,
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(size @ 1..) = from.read(&mut buffer).await {
        let arrives = conduct.wait_for(|conduct| !conduct.holds(way)).await;
        let Some(now) = arrives.ok().map(|conduct| *conduct) else {
            return;
        };
        if let Conduct::Delay(time) = now {
            tokio::time::sleep(time).await;
        }
        if to.write_all(&buffer[..size]).await.is_err() {
            return;
        }
    }
}
