//! Somebody else's site: a page of its own origin that takes the hub's module or its npm package, and a back end that signs
//! tokens.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::{AppBuilder, Claims, TestApp, sign};

/// Somebody else's web server: one page, tokens from its back end under `/token/USER/SECONDS`, and the files of the npm package
/// under `/package/`.
pub(crate) struct Site {
    port: u16,
    pub(crate) tokens_given: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Site {
    /// Takes a port; the hub must know the origin before there is a page.
    pub(crate) async fn bind() -> (TcpListener, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        (listener, port)
    }

    pub(crate) fn serve(listener: TcpListener, page: String) -> Self {
        Self::serve_with(listener, page, String::new())
    }

    /// Serves a page and its script, `/site.js`.
    pub(crate) fn serve_with(listener: TcpListener, page: String, script: String) -> Self {
        let port = listener.local_addr().expect("an address").port();
        let tokens_given = Arc::<AtomicUsize>::default();
        let counter = tokens_given.clone();
        let serving = tokio::spawn(async move {
            while let Ok((client, _address)) = listener.accept().await {
                tokio::spawn(answer(
                    client,
                    page.clone(),
                    script.clone(),
                    counter.clone(),
                ));
            }
        });
        Self {
            port,
            tokens_given,
            serving,
        }
    }

    /// An address to which cookies of 127.0.0.1 are not sent.
    pub(crate) fn elsewhere(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }

    /// Another origin of the same site: cookies know no port.
    pub(crate) fn next_door(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(
    mut client: TcpStream,
    page: String,
    script: String,
    tokens_given: Arc<AtomicUsize>,
) {
    let mut head = Vec::new();
    let mut buffer = [0; 2048];
    while !head.ends_with(b"\r\n\r\n") {
        match client.read(&mut buffer).await {
            Ok(size) if size > 0 => head.extend_from_slice(buffer.get(..size).unwrap_or_default()),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let (kind, body) = if let Some(claims) = asked_for(&head) {
        tokens_given.fetch_add(1, Ordering::SeqCst);
        ("text/plain", sign(&claims))
    } else if let Some(file) = packaged(&head) {
        ("text/javascript", file)
    } else if head.starts_with("GET /site.js ") {
        ("text/javascript", script)
    } else {
        ("text/html", page)
    };
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    client.write_all(answer.as_bytes()).await.ok();
}

/// The token a request asks for, if it asks for one.
fn asked_for(head: &str) -> Option<Claims> {
    let path = head.strip_prefix("GET /token/")?.split(' ').next()?;
    let (user, seconds) = path.split_once('/')?;
    let life = Duration::from_secs(seconds.parse().ok()?);
    Some(Claims::of(user, "user").lasting(life))
}

/// A file of the npm package as it is committed, if a request asks for one.
fn packaged(head: &str) -> Option<String> {
    let name = head.strip_prefix("GET /")?.split(' ').next()?;
    let name = name.starts_with("package/").then_some(name)?;
    let package = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/campanile-client.tgz");
    let file = Command::new("tar").args(["-xzOf", package, name]).output();
    let file = file.expect("tar").stdout;
    Some(String::from_utf8(file).expect("text"))
}

/// A hub that lets the pages of a port in, under both of its names.
pub(crate) async fn hub_for(port: u16) -> TestApp {
    let origins = format!("http://localhost:{port},http://127.0.0.1:{port}");
    let app = AppBuilder::default().env("CAMPANILE_CORS_ORIGINS", &origins);
    app.spawn().await
}

pub(crate) fn page_with(app: &TestApp, body: &str) -> String {
    let script = format!(
        "<script type=\"module\" src=\"{}/campanile.js\"></script>",
        app.base_url
    );
    format!("<!doctype html><html lang=\"en\"><title>Elsewhere</title><body>{script}{body}</body>")
}
