//! The connections the hub holds: never more than it can, and none for nothing. A stream is the registry's business.

use std::cell::{Cell, OnceCell, RefCell};
use std::net::Shutdown;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::body::BodySize;
use actix_web::rt::net::TcpStream;
use actix_web::rt::task::JoinHandle;
use socket2::{SockRef, Socket};

/// All of them, counted; every worker holds a clone.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    open: Arc<AtomicUsize>,
    most: usize,
}

/// One of them, as the requests on it see it.
pub(crate) struct Connection {
    all: Connections,
    refused: bool,
    /// Ends the socket from outside: a client that says nothing is waited for inside the framework.
    handle: RefCell<Option<Socket>>,
    under_way: Cell<usize>,
    idle_since: Cell<Instant>,
    watch: OnceCell<JoinHandle<()>>,
}

/// A request under way: its connection is not idle.
pub(crate) struct Busy(Rc<Connection>);

impl Connections {
    /// As many as a process with so many open files can hold and still work.
    pub(crate) fn within(open_files: usize) -> Self {
        Self {
            open: Arc::default(),
            most: open_files.saturating_sub((open_files / 10).max(LEAST_RESERVE)),
        }
    }

    /// Takes in a connection before its first byte. One too many is taken in to be told so.
    pub(crate) fn admit(&self, stream: &TcpStream) -> Rc<Connection> {
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        let handle = SockRef::from(stream)
            .try_clone()
            .inspect_err(|cause| log::debug!("a connection is not watched: {cause}"));
        let connection = Rc::new(Connection {
            all: self.clone(),
            refused: open > self.most,
            handle: RefCell::new(handle.ok()),
            under_way: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            watch: OnceCell::new(),
        });
        let watch = actix_web::rt::spawn(watch(Rc::downgrade(&connection)));
        let _only = connection.watch.set(watch);
        connection
    }
}

impl Connection {
    /// Whether it is one more than the hub can hold.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused
    }

    /// A request came on it.
    pub(crate) fn begin(self: &Rc<Self>) -> Busy {
        self.under_way.set(self.under_way.get() + 1);
        Busy(Rc::clone(self))
    }

    /// Ends the watch: a stream is long silent by right and has heartbeats of its own, and HTTP/2 has a rule of its own.
    pub(crate) fn release(&self) {
        self.handle.take();
        if let Some(watch) = self.watch.get() {
            watch.abort();
        }
    }

    fn end_if_idle(&self) {
        let idle = self.under_way.get() == 0 && self.idle_since.get().elapsed() >= IDLE_FOR;
        if let Some(socket) = self.handle.borrow().as_ref().filter(|_| idle) {
            // It may be gone by itself.
            socket.shutdown(Shutdown::Both).ok();
        }
    }
}

impl Busy {
    /// The request is answered with a body of that size.
    pub(crate) fn answered(self, size: BodySize) {
        if size == BodySize::Stream {
            self.0.release();
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
        self.0.idle_since.set(Instant::now());
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.all.open.fetch_sub(1, Ordering::Relaxed);
        self.release();
    }
}

/// Looks after one connection as long as it lasts and no stream has begun on it.
async fn watch(connection: Weak<Connection>) {
    loop {
        actix_web::rt::time::sleep(LOOK_EVERY).await;
        let Some(connection) = connection.upgrade() else {
            return;
        };
        connection.end_if_idle();
    }
}

/// How long a connection may be without a request, half a head included. The framework's own limits end most sooner,
/// but not one that never says anything, nor one that is slow with the head of its second request.
const IDLE_FOR: Duration = Duration::from_secs(20);

const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The database, its log, the listener and the workers have files open as well.
const LEAST_RESERVE: usize = 64;
