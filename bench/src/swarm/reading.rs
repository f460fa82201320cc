//! The means of reading that all streams share: one large buffer and the patterns to look for.

use memchr::memmem::{self, Finder};

use crate::stamp::Scanner;

/// The reader's tools.
pub(crate) struct Reading {
    pub(crate) buffer: Vec<u8>,
    pub(crate) scanner: Scanner,
    first_event: &'static [u8],
    first_event_end: &'static [u8],
    farewell: Finder<'static>,
}

impl Reading {
    pub(crate) fn new(first_event: &'static [u8], first_event_end: &'static [u8]) -> Self {
        Self {
            buffer: vec![0; BUFFER_BYTES],
            scanner: Scanner::new(),
            first_event,
            first_event_end,
            farewell: Finder::new(FAREWELL),
        }
    }

    /// The end of a stream's first event, once it has arrived.
    pub(crate) fn first_event_end(&self, bytes: &[u8]) -> Option<usize> {
        let start = memmem::find(bytes, self.first_event)?;
        let after = start + self.first_event.len();
        let length = memmem::find(bytes.get(after..)?, self.first_event_end)?;
        Some(after + length + self.first_event_end.len())
    }

    /// Returns true if the server tells a slow reader to come back later.
    pub(crate) fn is_farewell(&self, bytes: &[u8]) -> bool {
        self.farewell.find(bytes).is_some()
    }
}

/// The size of the buffer for one read: several hundred events.
const BUFFER_BYTES: usize = 256 * 1024;

/// In the hub's `bye`.
const FAREWELL: &[u8] = b"\"reason\":\"slow\"";
