//! A faulty proxy between a browser and the hub: it can hold streams back, lose answers, or stop forwarding without
//! closing the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The handling of the next request by the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// Passes everything on.
    Pass,
    /// Takes a request for an event stream and never answers.
    HoldStreams,
    /// Passes the head of an event stream on and none of its events, as one that collects before it passes on.
    KeepEvents,
    /// Answers a request for an event stream with an error of its own.
    RefuseStreams,
    /// Passes a POST on and cuts the connection in place of its answer; holds streams, so that nothing else tells.
    LoseAnswers,
}

/// A running proxy; its end comes with the test's runtime.
pub(crate) struct Proxy {
    /// `http://127.0.0.1:PORT`.
    pub(crate) base_url: String,
    conduct: watch::Sender<Conduct>,
    /// Connections older than this bring nothing any more.
    muted_before: Arc<AtomicU64>,
    opened: Arc<AtomicU64>,
    listening: JoinHandle<()>,
}

struct Passage {
    upstream: String,
    conduct: Conduct,
    number: u64,
    muted_before: Arc<AtomicU64>,
}

impl Proxy {
    /// A proxy before the hub at `upstream`, `127.0.0.1:PORT`.
    pub(crate) async fn before(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (conduct, now) = watch::channel(Conduct::Pass);
        let (opened, muted_before) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (upstream, counter, muted) =
            (upstream.to_owned(), opened.clone(), muted_before.clone());
        let listening = tokio::spawn(async move {
            while let Ok((client, _address)) = listener.accept().await {
                let passage = Passage {
                    upstream: upstream.clone(),
                    conduct: *now.borrow(),
                    number: counter.fetch_add(1, Ordering::SeqCst),
                    muted_before: muted.clone(),
                };
                tokio::spawn(passage.carry(client));
            }
        });
        Self {
            base_url: format!("http://{address}"),
            conduct,
            muted_before,
            opened,
            listening,
        }
    }

    /// Changes what happens to the requests that come from now on.
    pub(crate) fn now(&self, conduct: Conduct) {
        self.conduct.send_replace(conduct);
    }

    /// From now on the connections there are bring nothing, and nobody is told; new ones do.
    pub(crate) fn fall_silent(&self) {
        let opened = self.opened.load(Ordering::SeqCst);
        self.muted_before.store(opened, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Passage {
    async fn carry(self, mut client: TcpStream) {
        let Some((head, rest)) = read_head(&mut client).await else {
            return;
        };
        let streams = head.to_ascii_lowercase().contains("text/event-stream");
        let loses = self.conduct == Conduct::LoseAnswers && head.starts_with("POST ");
        match self.conduct {
            Conduct::HoldStreams | Conduct::LoseAnswers if streams => {
                return wait_for_end(client).await;
            }
            Conduct::RefuseStreams if streams => {
                client.write_all(BAD_GATEWAY).await.ok();
                return;
            }
            _ => {}
        }
        let Ok(mut hub) = TcpStream::connect(&self.upstream).await else {
            return;
        };
        if hub.write_all(head.as_bytes()).await.is_err() || hub.write_all(&rest).await.is_err() {
            return;
        }
        if loses {
            // The hub has answered once this is over; the client never hears of it.
            hub.read_to_end(&mut Vec::new()).await.ok();
            return;
        }
        let keeps = streams && self.conduct == Conduct::KeepEvents;
        self.pass_both_ways(client, hub, keeps).await;
    }

    async fn pass_both_ways(&self, client: TcpStream, hub: TcpStream, mut keeps: bool) {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_hub, mut to_hub) = hub.into_split();
        let up = async {
            tokio::io::copy(&mut from_client, &mut to_hub).await.ok();
        };
        let down = async {
            let mut buffer = vec![0; 16 * 1024];
            let mut passed_head = false;
            while let Ok(size) = from_hub.read(&mut buffer).await {
                let muted = self.number < self.muted_before.load(Ordering::SeqCst);
                let Some(chunk) = buffer.get(..size).filter(|chunk| !chunk.is_empty()) else {
                    break;
                };
                let chunk = if keeps && !passed_head {
                    up_to_body(chunk)
                } else {
                    chunk
                };
                let silent = muted || (keeps && passed_head);
                if !silent && to_client.write_all(chunk).await.is_err() {
                    break;
                }
                passed_head = true;
            }
            keeps = false;
        };
        // Whichever side ends, ends both.
        tokio::select! { () = up => {}, () = down => {} }
    }
}

/// The head of one request, made to be the connection's only one, and what came after it.
async fn read_head(client: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        let size = client
            .read(&mut buffer)
            .await
            .ok()
            .filter(|size| *size > 0)?;
        bytes.extend_from_slice(buffer.get(..size)?);
    };
    let rest = bytes.split_off(end);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let lines = head.split("\r\n");
    let kept: Vec<&str> = lines
        .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"))
        .collect();
    Some((format!("{}\r\nConnection: close", kept.join("\r\n")), rest))
}

fn up_to_body(chunk: &[u8]) -> &[u8] {
    let end = chunk.windows(4).position(|window| window == b"\r\n\r\n");
    end.map_or(chunk, |at| chunk.get(..at + 4).unwrap_or(chunk))
}

async fn wait_for_end(mut client: TcpStream) {
    client.read_to_end(&mut Vec::new()).await.ok();
}

const BAD_GATEWAY: &[u8] =
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
