//! One of the servers of an address.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_postgres::Config;

/// One server, and all that is needed to connect to it.
#[derive(Clone)]
pub(super) struct Host {
    name: String,
    config: Config,
    within: Duration,
    /// True if a pooler was seen there; shared by all clones.
    is_pooler: Arc<AtomicBool>,
}

impl Host {
    pub(super) fn new(name: String, config: Config, within: Duration) -> Self {
        Self {
            name,
            config,
            within,
            is_pooler: Arc::default(),
        }
    }

    /// Its name and port.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// True if a pooler was seen there.
    pub(super) fn is_pooler(&self) -> bool {
        self.is_pooler.load(Ordering::Relaxed)
    }

    pub(super) fn note_pooler(&self) {
        self.is_pooler.store(true, Ordering::Relaxed);
    }

    /// The time that connecting may take.
    pub(super) fn within(&self) -> Duration {
        self.within
    }
}
