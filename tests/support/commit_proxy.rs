//! A connection that breaks at the worst moment: the server has the COMMIT, and its answer never arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Stands between a hub and its database.
pub(crate) struct Proxy {
    address: String,
    swallow: Arc<AtomicUsize>,
}

impl Proxy {
    /// Stands before the server that a URL names, and gives the URL that leads here.
    pub(crate) async fn before(url: &str) -> (Self, String) {
        let (_, rest) = url.split_once('@').expect("a URL with a password");
        let (server, _) = rest.split_once('/').expect("a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let swallow = Arc::new(AtomicUsize::new(0));
        let through = url.replace(server, &address) + "?sslmode=disable";
        tokio::spawn(accept(listener, server.to_owned(), Arc::clone(&swallow)));
        (Self { address, swallow }, through)
    }

    /// Breaks the connection of each of the next `count` commits, after the server has done them.
    pub(crate) fn swallow_answers_to_commits(&self, count: usize) {
        eprintln!("{} swallows {count} answers", self.address);
        self.swallow.store(count, Ordering::SeqCst);
    }

    /// The number of commits that are still to be broken.
    pub(crate) fn left(&self) -> usize {
        self.swallow.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, server: String, swallow: Arc<AtomicUsize>) {
    while let Ok((client, _)) = listener.accept().await {
        let (server, swallow) = (server.clone(), Arc::clone(&swallow));
        tokio::spawn(async move {
            if let Ok(server) = TcpStream::connect(server).await {
                carry(client, server, &swallow).await;
            }
        });
    }
}

/// Until one end closes, or a commit is to be broken.
async fn carry(mut client: TcpStream, mut server: TcpStream, swallow: &AtomicUsize) {
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    let mut commits = Commits::default();
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Some(sent) = some(read, &up) else { return };
                let breaks = commits.has(sent) && take_one(swallow);
                if server.write_all(sent).await.is_err() {
                    return;
                }
                if breaks {
                    read_until_idle(&mut server).await;
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Some(answered) = some(read, &down) else { return };
                if client.write_all(answered).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn some(read: std::io::Result<usize>, buffer: &[u8]) -> Option<&[u8]> {
    buffer.get(..read.ok().filter(|count| *count > 0)?)
}

/// Tells what commits: COMMIT, and the statement that is a whole append.
#[derive(Default)]
struct Commits {
    /// The name under which the session has prepared that statement.
    prepared: Option<Vec<u8>>,
}

impl Commits {
    fn has(&mut self, sent: &[u8]) -> bool {
        // A simple query ends with its text and NUL. The statement before it may be sent with it.
        if sent.ends_with(b"COMMIT\0") {
            return true;
        }
        // To prepare a statement is a message of a letter, a length of four bytes, a name, NUL and the text.
        if let Some(text) = place(sent, APPEND) {
            let name = sent.get(..text - 1).unwrap_or_default();
            let begin = name.iter().rposition(|byte| *byte == b's');
            let digits = begin
                .and_then(|begin| name.get(begin + 1..))
                .unwrap_or_default();
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return true;
            }
            self.prepared = begin
                .and_then(|begin| name.get(begin..))
                .map(<[u8]>::to_vec);
            return false;
        }
        // To execute it is a message that begins with an empty name, NUL, and its name.
        self.prepared.as_ref().is_some_and(|name| {
            let executed = [b"\0", name.as_slice(), b"\0"].concat();
            place(sent, &executed).is_some()
        })
    }
}

fn place(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

const APPEND: &[u8] = b"SELECT campanile_append(";

/// Reads until the server is in no transaction: then the COMMIT is done.
async fn read_until_idle(server: &mut TcpStream) {
    let mut answered = Vec::new();
    while !answered.ends_with(b"Z\0\0\0\x05I") {
        if !matches!(server.read_buf(&mut answered).await, Ok(1..)) {
            return;
        }
    }
}

fn take_one(swallow: &AtomicUsize) -> bool {
    swallow
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        })
        .is_ok()
}
