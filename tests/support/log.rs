//! The output of a server on stdout and stderr, and waiting for a line of it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::DEADLINE;

/// The output of a server so far, read by threads of its own so that its pipes never fill.
#[derive(Clone)]
pub(super) struct Log {
    text: Arc<Mutex<String>>,
    grown: watch::Sender<usize>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            text: Arc::default(),
            grown: watch::Sender::new(0),
        }
    }
}

impl Log {
    /// All of it so far.
    pub(super) fn text(&self) -> String {
        self.text.lock().expect("the log").clone()
    }

    /// Takes in what comes through `pipe`, until its other end is closed.
    pub(super) fn collect(&self, pipe: OwnedFd) {
        let log = self.clone();
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(File::from(pipe));
            let mut line = Vec::new();
            while pipe
                .by_ref()
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                log.append(&String::from_utf8_lossy(&line));
                line.clear();
            }
            log.append("");
        });
    }

    fn append(&self, line: &str) {
        let mut text = self.text.lock().expect("the log");
        text.push_str(line);
        self.grown.send_replace(text.len());
    }

    /// Waits for a whole line with `needle` after the first `from` bytes, and gives the word that follows it.
    pub(super) async fn wait_for(&self, needle: &str, from: usize) -> String {
        let mut grown = self.grown.subscribe();
        let found = tokio::time::timeout(DEADLINE, async {
            loop {
                if let Some(word) = self.find(needle, from) {
                    return word;
                }
                grown.changed().await.expect("the log's other end");
            }
        });
        found.await.unwrap_or_else(|_| {
            panic!(
                "the log did not say {needle:?} within {DEADLINE:?}:\n{}",
                self.text()
            )
        })
    }

    fn find(&self, needle: &str, from: usize) -> Option<String> {
        let text = self.text.lock().expect("the log");
        let (_, rest) = text.get(from..)?.split_once(needle)?;
        let (line, _) = rest.split_once('\n')?;
        Some(
            line.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned(),
        )
    }
}
