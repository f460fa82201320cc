//! The open connections: a bound on their number, and an idle time after which one is closed. Streams are counted by the hub.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::body::BodySize;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;

/// All of them, counted; every worker holds a clone.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    open: Arc<AtomicUsize>,
    most: usize,
    open_files: usize,
}

/// One of them, as the requests on it see it.
pub(crate) struct Connection {
    all: Connections,
    refused: bool,
    /// True if it may be idle: it carries a stream, or its protocol has a rule of its own.
    kept: Cell<bool>,
    under_way: Cell<usize>,
    idle_since: Cell<Instant>,
}

/// A request under way: its connection is not idle.
pub(crate) struct Busy(Rc<Connection>);

/// In the extensions of a request that stands for one which could not be read: the status it is to be answered with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unreadable(pub(crate) StatusCode);

/// In the extensions of an answer that is not ready yet: its body is one piece, which comes when it is. The head is sent with
/// it. Until then the connection holds nothing of the request but that body.
#[derive(Debug, Default)]
pub(crate) struct Late {
    /// A field that tells the seconds that are left until a time (in seconds since the Unix epoch) when the answer is sent.
    pub(crate) countdown: Option<(HeaderName, i64)>,
}

impl Connections {
    /// As many as a process with so many open files can hold and still work.
    pub(crate) fn within(open_files: usize) -> Self {
        Self {
            open: Arc::default(),
            open_files,
            most: open_files.saturating_sub((open_files / 10).max(LEAST_RESERVE)),
        }
    }

    /// A number of connections that is never reached: one that is refused needs an open file as well.
    pub(crate) fn out_of_reach(&self) -> usize {
        self.open_files
    }

    /// Takes in a connection before its first byte. One too many is taken in to be told so.
    pub(crate) fn admit(&self) -> Rc<Connection> {
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        Rc::new(Connection {
            all: self.clone(),
            refused: open > self.most,
            kept: Cell::new(false),
            under_way: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
        })
    }
}

impl Connection {
    /// True if it is one more than the hub can hold.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused
    }

    /// A request came on it.
    pub(crate) fn begin(self: &Rc<Self>) -> Busy {
        self.under_way.set(self.under_way.get() + 1);
        Busy(Rc::clone(self))
    }

    /// It is not to be ended for being idle: a stream is long silent by right and has heartbeats of its own, and HTTP/2
    /// has a rule of its own.
    pub(crate) fn keep(&self) {
        self.kept.set(true);
    }

    /// Waits until it has been idle for too long; for ever if it is kept. A connection that is refused has a moment to hear
    /// so, whatever its protocol and whatever it does: each holds one of the few files that are left.
    pub(crate) async fn idled_out(&self) {
        if self.refused {
            return Box::pin(actix_web::rt::time::sleep(REFUSED_FOR)).await;
        }
        while !self.kept.get() {
            // A request that is under way ends later than now, and its connection is idle for as long after that.
            let idle = match self.under_way.get() {
                0 => self.idle_since.get().elapsed(),
                _ => Duration::ZERO,
            };
            let Some(left) = IDLE_FOR.checked_sub(idle).filter(|left| !left.is_zero()) else {
                return;
            };
            // Boxed: a connection that is kept has no use for the room. Each look wakes the whole connection, so it looks
            // when the time may be over and not before.
            Box::pin(actix_web::rt::time::sleep(left)).await;
        }
        std::future::pending().await
    }
}

impl Busy {
    /// The request is answered with a body of that size.
    pub(crate) fn answered(self, size: BodySize) {
        if size == BodySize::Stream {
            self.0.keep();
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
    }
}

/// The time a connection may be without a request, half a head included. The protocols' own limits are shorter; this one
/// also covers a TLS handshake that is never finished.
const IDLE_FOR: Duration = Duration::from_secs(20);

/// Enough for a TLS handshake, a request and its answer from afar.
const REFUSED_FOR: Duration = Duration::from_secs(3);

/// The database, its log, the listener and the workers have files open as well.
const LEAST_RESERVE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// The framework leaves a client above its own limit waiting without an answer. By default that limit is 25,600 for each
    /// worker, which a process with more open files would reach first.
    #[test]
    fn the_limit_of_the_framework_is_above_that_of_the_hub_however_many_files_may_be_open() {
        for open_files in [
            65,
            256,
            1_024,
            20_000,
            25_600,
            25_601,
            30_000,
            1_048_576,
            1_073_741_816,
        ] {
            let connections = Connections::within(open_files);

            let reserve = connections.out_of_reach() - connections.most;
            assert!(reserve >= LEAST_RESERVE, "{open_files} open files");
        }
    }
}
