//! A proxy between a hub and its PostgreSQL that counts the round trips of each transaction, and can make each take longer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A committed transaction, which may be a statement alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transaction {
    /// The times that the server was waited for, with BEGIN, COMMIT and the check of the connection before it.
    pub(crate) trips: usize,
    /// Its statements.
    pub(crate) sql: String,
}

/// The statements that the server was sent.
#[derive(Default)]
struct Sent {
    committed: Vec<Transaction>,
    /// Those outside of a transaction.
    alone: Vec<String>,
}

/// The proxy; its end comes with the test's runtime.
pub(crate) struct Proxy {
    sent: Arc<Mutex<Sent>>,
    delay: watch::Sender<Duration>,
}

impl Proxy {
    /// Stands before the server that a URL names, and gives the URL that leads here.
    pub(crate) async fn before(url: &str) -> (Self, String) {
        let (_, rest) = url.split_once('@').expect("a URL with a password");
        let (server, _) = rest.split_once('/').expect("a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let through = url.replace(server, &address) + "?sslmode=disable";
        let sent = Arc::<Mutex<Sent>>::default();
        let (delay, delayed) = watch::channel(Duration::ZERO);
        let (server, noted) = (server.to_owned(), Arc::clone(&sent));
        tokio::spawn(async move {
            while let Ok((client, _address)) = listener.accept().await {
                let carried = carry(client, server.clone(), noted.clone(), delayed.clone());
                tokio::spawn(carried);
            }
        });
        (Self { sent, delay }, through)
    }

    /// Adds this to each round trip from now on.
    pub(crate) fn delay_each_trip(&self, time: Duration) {
        self.delay.send_replace(time);
    }

    /// The transactions that were committed since the last call.
    pub(crate) fn committed(&self) -> Vec<Transaction> {
        let mut sent = self.sent.lock().expect("the statements");
        std::mem::take(&mut sent.committed)
    }

    /// The statements outside of a transaction that were sent since the last call.
    pub(crate) fn alone(&self) -> Vec<String> {
        let mut sent = self.sent.lock().expect("the statements");
        std::mem::take(&mut sent.alone)
    }
}

async fn carry(
    client: TcpStream,
    server: String,
    sent: Arc<Mutex<Sent>>,
    delay: watch::Receiver<Duration>,
) {
    let server = TcpStream::connect(server).await.expect("the server");
    client.set_nodelay(true).expect("a socket");
    server.set_nodelay(true).expect("a socket");
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let mut buffer = vec![0; 65_536];
        let mut questions = Questions::new(sent);
        while let Ok(size @ 1..) = from_client.read(&mut buffer).await {
            questions.read(&buffer[..size]);
            let time = *delay.borrow();
            if time > Duration::ZERO {
                tokio::time::sleep(time).await;
            }
            if to_server.write_all(&buffer[..size]).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        tokio::io::copy(&mut from_server, &mut to_client).await.ok();
    };
    tokio::select! { () = up => {}, () = down => {} }
}

/// Reads the messages of a client: after the first, each is a letter and its length with four bytes, and then its content.
struct Questions {
    unread: Vec<u8>,
    is_begun: bool,
    /// True if what was just read holds a question.
    has_asked: bool,
    /// The statements that were prepared, by their names.
    prepared: HashMap<String, String>,
    now: Transaction,
    is_in_transaction: bool,
    sent: Arc<Mutex<Sent>>,
}

impl Questions {
    fn new(sent: Arc<Mutex<Sent>>) -> Self {
        Self {
            unread: Vec::new(),
            is_begun: false,
            has_asked: false,
            prepared: HashMap::new(),
            now: Transaction::default(),
            is_in_transaction: false,
            sent,
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        self.has_asked = false;
        self.unread.extend_from_slice(bytes);
        loop {
            let letters = usize::from(self.is_begun);
            let Some(length) = self.unread.get(letters..letters + 4) else {
                return;
            };
            let length = u32::from_be_bytes(length.try_into().expect("four bytes"));
            let end = letters + usize::try_from(length).expect("a length");
            if self.unread.len() < end {
                return;
            }
            let message: Vec<u8> = self.unread.drain(..end).collect();
            if self.is_begun {
                self.note(message[0], &message[5..]);
            }
            self.is_begun = true;
        }
    }

    /// A simple query, or the end of an extended one, is what the server answers. What is sent together is answered together.
    fn note(&mut self, letter: u8, content: &[u8]) {
        if matches!(letter, b'Q' | b'S') && !self.has_asked {
            self.has_asked = true;
            self.now.trips += 1;
        }
        let text = String::from_utf8_lossy(content);
        let mut parts = text.split('\0');
        let mut part = || parts.next().unwrap_or_default();
        match letter {
            b'Q' => self.begins_or_goes_on(part()),
            b'P' => match (part(), part()) {
                ("", sql) => self.executes(sql),
                (name, sql) => {
                    self.prepared.insert(name.to_owned(), sql.to_owned());
                }
            },
            b'B' => {
                let (_portal, name) = (part(), part());
                if let Some(sql) = self.prepared.get(name).cloned() {
                    self.executes(&sql);
                }
            }
            _ => {}
        }
        let commits = letter == b'Q' && text.contains("COMMIT");
        // The end of a statement outside of a transaction commits it.
        let is_alone = letter == b'S' && !self.is_in_transaction && !self.now.sql.is_empty();
        if commits || is_alone {
            self.is_in_transaction = false;
            let now = std::mem::take(&mut self.now);
            self.sent().committed.push(now);
        }
    }

    fn begins_or_goes_on(&mut self, sql: &str) {
        self.is_in_transaction |= sql.contains("BEGIN");
        self.is_in_transaction &= !sql.contains("ROLLBACK");
        self.now.sql.push_str(sql);
    }

    fn executes(&mut self, sql: &str) {
        self.now.sql.push_str(sql);
        if !self.is_in_transaction {
            self.sent().alone.push(sql.to_owned());
        }
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
