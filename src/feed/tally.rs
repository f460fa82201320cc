//! The events and bytes that one stream has carried, for the log and the metrics.

use std::time::Instant;

use crate::alarm::UserId;
use crate::hub::{ClientId, Entry, Frame, Pushes, PushesTo};
use crate::metrics::OpenStream;

/// The count of one stream. Its end is logged when it is dropped.
pub(crate) struct Tally {
    _open: OpenStream,
    pushes: PushesTo,
    client_id: ClientId,
    is_logged: bool,
    began: Instant,
    events: u64,
    bytes: u64,
    reason: &'static str,
}

/// The way in which a stream came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner<'a> {
    /// The transport.
    pub(crate) transport: &'static str,
    /// The version of HTTP.
    pub(crate) http: &'static str,
    /// The pattern of its route.
    pub(crate) route: &'a str,
    /// True for an answer that ends by itself: its request is logged, and that is enough.
    pub(crate) is_poll: bool,
    /// The user of the stream.
    pub(crate) user_id: &'a UserId,
}

impl Tally {
    pub(super) fn begin(
        open: OpenStream,
        pushes: &Pushes,
        client_id: ClientId,
        manner: Manner<'_>,
    ) -> Self {
        let Manner {
            transport,
            http,
            route,
            is_poll,
            user_id,
        } = manner;
        if !is_poll {
            log::info!(
                client_id = client_id.to_string().as_str(), transport, http, route;
                "stream {client_id} opened: {transport} over HTTP/{http}, {route}"
            );
        }
        Self {
            _open: open,
            pushes: pushes.to(client_id, user_id.clone()),
            client_id,
            is_logged: !is_poll,
            began: Instant::now(),
            events: 0,
            bytes: 0,
            reason: "client gone",
        }
    }

    pub(super) fn count(&mut self, frame: &Frame) {
        self.events += 1;
        self.bytes += frame.data().len() as u64;
        if let Some(Entry::Alarm(alarm)) = frame.entry() {
            self.pushes.note(alarm.id);
        }
    }

    pub(super) fn ends_because(&mut self, reason: &'static str) {
        self.reason = reason;
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        if !self.is_logged {
            return;
        }
        let Self {
            client_id,
            events,
            bytes,
            reason,
            ..
        } = *self;
        let seconds = self.began.elapsed().as_secs_f64();
        log::info!(
            client_id = client_id.to_string().as_str(), seconds, events, bytes, reason;
            "stream {client_id} ended after {seconds:.3} s: {events} events, {bytes} bytes, {reason}"
        );
    }
}
