//! The network between a hub and its database, which can be cut and joined again.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The handling of the bytes that are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// It arrives.
    Pass,
    /// Connections break at once, and new ones too.
    Cut,
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

async fn accept(listener: TcpListener, server: String, conduct: watch::Receiver<Conduct>) {
    while let Ok((client, _address)) = listener.accept().await {
        tokio::spawn(carry(client, server.clone(), conduct.clone()));
    }
}

async fn carry(mut client: TcpStream, server: String, mut conduct: watch::Receiver<Conduct>) {
    if *conduct.borrow() == Conduct::Cut {
        return;
    }
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    tokio::select! {
        _ended = copy_bidirectional(&mut client, &mut server) => {}
        _cut = conduct.wait_for(|conduct| *conduct == Conduct::Cut) => {}
    }
}
