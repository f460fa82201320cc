//! A proxy's process in front of a hub, run from the block of the documentation.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::http2::Connection;
use crate::support::tls::Identity;
use crate::support::{DEADLINE, until};

/// A running proxy. Dropping it ends its process.
pub(crate) struct Proxy {
    pub(crate) identity: Identity,
    port: u16,
    child: Child,
    folder: TempDir,
}

impl Proxy {
    /// Starts what `command` makes of a folder, once the configuration lies in it as `proxy.conf`.
    pub(crate) async fn start(
        identity: Identity,
        folder: TempDir,
        port: u16,
        configuration: &str,
        mut command: Command,
    ) -> Self {
        identity.write(folder.path());
        std::fs::write(folder.path().join("proxy.conf"), configuration).expect("a configuration");
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let child = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log"))
            .stderr(log)
            .spawn()
            .expect("the proxy's program, from its package");
        let mut proxy = Self {
            identity,
            port,
            child,
            folder,
        };
        until("the proxy listens", DEADLINE, async || {
            TcpStream::connect(proxy.address()).await.ok().map(drop)
        })
        .await;
        let ended = proxy.child.try_wait().expect("its state");
        assert!(ended.is_none(), "{}", proxy.log());
        proxy
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// As a browser names it.
    pub(crate) fn origin(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// A connection of HTTP/2, as browsers open.
    pub(crate) async fn http2(&self) -> Connection {
        let stream = self.identity.connect(&self.address(), "h2").await;
        Connection::over(stream, &self.origin()).await
    }

    /// A connection of HTTP/1.1, as browsers open for a WebSocket.
    pub(crate) async fn http1(&self) -> TlsStream<TcpStream> {
        self.identity.connect(&self.address(), "http/1.1").await
    }

    /// Everything it has written to its log files and its output.
    pub(crate) fn logged(&self) -> String {
        ["log", "access.log", "error.log"]
            .map(|name| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default())
            .concat()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        if self.child.kill().is_ok() {
            self.child.wait().expect("the end of the proxy's process");
        }
        if std::thread::panicking() {
            eprintln!("---- the proxy's log ----\n{}", self.log());
        }
    }
}

/// The one block of that language in the documentation, with what depends on the place replaced. Each of `changes` must apply.
pub(crate) fn documented(language: &str, changes: &[(&str, &str)]) -> String {
    let page = include_str!("../../docs/guide/proxies.md");
    let (_, block) = page
        .split_once(&format!("```{language}\n"))
        .expect("a block of that language");
    let (block, _) = block.split_once("```").expect("its end");
    changes.iter().fold(block.to_owned(), |text, (from, to)| {
        assert!(
            text.contains(from),
            "{from:?} is in the documentation:\n{text}"
        );
        text.replace(from, to)
    })
}
