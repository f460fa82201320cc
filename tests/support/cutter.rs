//! A proxy of TCP between clients and a hub that breaks connections: all at once or some at random, in order, by a reset, or in the middle of
//! an event.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// The time a connection has for the event in whose middle it is to break.
const MIDWAY: Duration = Duration::from_secs(2);

/// The way in which a connection ends.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// With all that was sent before.
    Close,
    /// With a reset.
    Reset,
    /// After half of the bytes that come next.
    Midway,
}

/// The proxy; its end comes with the test's runtime.
pub(crate) struct Cutter {
    /// `http://127.0.0.1:PORT`.
    pub(crate) base_url: String,
    port: u16,
    passages: Arc<Passages>,
}

#[derive(Default)]
struct Passages {
    /// The hub's address, while there is one.
    upstream: Mutex<Option<String>>,
    open: Mutex<BTreeMap<u64, oneshot::Sender<Cut>>>,
    /// The connections that were broken.
    broken: AtomicUsize,
}

impl Cutter {
    /// Listens on so many addresses of the loopback network, as a browser opens few connections to one host.
    pub(crate) async fn start(hosts: u8) -> Self {
        let listeners = loop {
            // A port that is free at one address may be taken at another.
            if let Ok(listeners) = listen(hosts).await {
                break listeners;
            }
        };
        let port = listeners[0].local_addr().expect("an address").port();
        let passages = Arc::<Passages>::default();
        for listener in listeners {
            tokio::spawn(accept(listener, Arc::clone(&passages)));
        }
        Self {
            base_url: format!("http://127.0.0.1:{port}"),
            port,
            passages,
        }
    }

    /// The same proxy by the name of another address.
    pub(crate) fn url_of_host(&self, host: usize) -> String {
        format!("http://127.0.0.{host}:{}", self.port)
    }

    /// Leads to that hub from now on, or to none: then a connection ends as soon as it is opened.
    pub(crate) fn lead_to(&self, upstream: Option<&str>) {
        *lock(&self.passages.upstream) = upstream.map(str::to_owned);
    }

    /// Breaks every connection.
    pub(crate) fn cut_all(&self) {
        for (_, passage) in std::mem::take(&mut *lock(&self.passages.open)) {
            self.break_off(passage);
        }
    }

    /// Breaks each connection with that probability.
    pub(crate) fn cut_some(&self, probability: f64) {
        let mut open = lock(&self.passages.open);
        open.retain(|_, passage| !passage.is_closed());
        let chosen: Vec<u64> = open
            .keys()
            .copied()
            .filter(|_| rand::rng().random_bool(probability))
            .collect();
        for passage in chosen.iter().filter_map(|number| open.remove(number)) {
            self.break_off(passage);
        }
    }

    /// The number of connections that were broken so far.
    pub(crate) fn broken(&self) -> usize {
        self.passages.broken.load(Ordering::SeqCst)
    }

    fn break_off(&self, passage: oneshot::Sender<Cut>) {
        // One that ended by itself is not broken.
        if passage.send(any_cut()).is_ok() {
            self.passages.broken.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn any_cut() -> Cut {
    match rand::rng().random_range(0..3) {
        0 => Cut::Close,
        1 => Cut::Reset,
        _ => Cut::Midway,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(hosts: u8) -> std::io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    let mut port = 0;
    for host in 1..=hosts {
        let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), port));
        let listener = TcpListener::bind(address).await?;
        port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(listeners)
}

async fn accept(listener: TcpListener, passages: Arc<Passages>) {
    while let Ok((client, _address)) = listener.accept().await {
        let Some(upstream) = lock(&passages.upstream).clone() else {
            continue;
        };
        let (sender, cut) = oneshot::channel();
        let mut open = lock(&passages.open);
        let number = open.last_key_value().map_or(0, |(last, _)| last + 1);
        open.insert(number, sender);
        drop(open);
        tokio::spawn(carry(client, upstream, cut));
    }
}

async fn carry(client: TcpStream, upstream: String, cut: oneshot::Receiver<Cut>) {
    let Ok(hub) = TcpStream::connect(upstream).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_hub, mut to_hub) = hub.into_split();
    let up = async {
        tokio::io::copy(&mut from_client, &mut to_hub).await.ok();
    };
    let down = async {
        tokio::io::copy(&mut from_hub, &mut to_client).await.ok();
    };
    let how = tokio::select! {
        () = up => return,
        () = down => return,
        how = cut => how.unwrap_or(Cut::Close),
    };
    if matches!(how, Cut::Midway) {
        let mut buffer = [0; 16 * 1024];
        let next = tokio::time::timeout(MIDWAY, from_hub.read(&mut buffer)).await;
        if let Ok(Ok(size)) = next {
            to_client.write_all(&buffer[..size / 2]).await.ok();
        }
    }
    if matches!(how, Cut::Reset) {
        let client = from_client.reunite(to_client).expect("its two halves");
        let socket = socket2::SockRef::from(&client);
        socket.set_linger(Some(Duration::ZERO)).ok();
    }
}
