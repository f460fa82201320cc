//! What all streams share to read with: one large buffer, and what to look for.

use memchr::memmem::{self, Finder};

use crate::stamp::Scanner;

/// The reader's tools.
pub(crate) struct Reading {
    pub(crate) buffer: Vec<u8>,
    pub(crate) scanner: Scanner,
    first_event: &'static [u8],
    farewell: Finder<'static>,
}

impl Reading {
    pub(crate) fn new(first_event: &'static [u8]) -> Self {
        Self {
            buffer: vec![0; BUFFER_BYTES],
            scanner: Scanner::new(),
            first_event,
            farewell: Finder::new(FAREWELL),
        }
    }

    /// Where the first event of a stream ends, once it is there.
    pub(crate) fn first_event_end(&self, bytes: &[u8]) -> Option<usize> {
        let start = memmem::find(bytes, self.first_event)?;
        let after = start + self.first_event.len();
        // A comment is over with its line, an event with the empty line after it; either is there at once.
        let length = memmem::find(bytes.get(after..)?, b"\n")?;
        Some(after + length + 1)
    }

    /// Whether a slow reader is told to come back later.
    pub(crate) fn is_farewell(&self, bytes: &[u8]) -> bool {
        self.farewell.find(bytes).is_some()
    }
}

/// What one read may take in: several hundred events.
const BUFFER_BYTES: usize = 256 * 1024;

/// In the hub's `bye`.
const FAREWELL: &[u8] = b"\"reason\":\"slow\"";
