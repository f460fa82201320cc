//! The bell between the hubs of one database: it says that there is something to read, and not what. It may be late or lost,
//! as each hub looks at the database from time to time all the same.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::metrics::Metrics;
use crate::store::{Address, Listener, Ringer, StoreError, hang};

/// A way to reach all hubs at once. PostgreSQL's is [`Address`]; another one needs these three traits.
pub(crate) trait Bell {
    /// The side that rings.
    type Rope: Rope;
    /// The side that hears.
    type Ear: Ear;

    /// Connects both sides.
    fn hang(&self) -> impl Future<Output = Result<(Self::Rope, Self::Ear), StoreError>>;
}

/// The side of a bell that rings.
pub(crate) trait Rope {
    /// Rings at every hub, this one included, with a short text.
    fn ring(&self, text: &str) -> impl Future<Output = Result<(), StoreError>>;
}

/// The side of a bell that hears.
pub(crate) trait Ear {
    /// Waits for the next text; `None` if there will be none.
    fn heard(&mut self) -> impl Future<Output = Option<String>>;
}

impl Bell for Address {
    type Rope = Ringer;
    type Ear = Listener;

    async fn hang(&self) -> Result<(Ringer, Listener), StoreError> {
        hang(self).await
    }
}

impl Rope for Ringer {
    async fn ring(&self, text: &str) -> Result<(), StoreError> {
        Self::ring(self, text).await
    }
}

impl Ear for Listener {
    async fn heard(&mut self) -> Option<String> {
        Self::heard(self).await
    }
}

/// The state of the bell, for the task that looks; all clones share it.
#[derive(Clone, Default)]
pub(super) struct Rung {
    rung: Arc<Notify>,
    works: Arc<AtomicBool>,
    /// The round trip of the last echo in microseconds.
    echo_micros: Arc<AtomicI64>,
}

impl Rung {
    /// Waits until the bell rings; at once if it has since the last call. `false` if it did not within `limit`.
    pub(super) async fn within(&self, limit: Duration) -> bool {
        timeout(limit, self.rung.notified()).await.is_ok()
    }

    /// Makes the task look, as if the bell had rung.
    pub(super) fn look(&self) {
        self.rung.notify_one();
    }

    /// True if this hub heard itself ring not long ago.
    pub(super) fn works(&self) -> bool {
        self.works.load(Ordering::Relaxed)
    }

    /// The round trip of the last echo in microseconds, while the bell works.
    pub(super) fn echo_micros(&self) -> Option<i64> {
        let micros = self.echo_micros.load(Ordering::Relaxed);
        self.works().then_some(micros)
    }
}

/// Keeps a bell connected, rings it after the writes of this hub, and hears it.
pub(super) struct Doorbell<B> {
    bell: B,
    /// Told after each write of this hub.
    writes: Arc<Notify>,
    rung: Rung,
    metrics: Metrics,
    /// Begins each text of this hub, which so knows its own.
    name: String,
    began: Instant,
}

/// Why a bell is of no use any more.
#[derive(Debug, thiserror::Error)]
enum Silence {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "no echo within {ECHO_WITHIN:?}; a pooler of transactions passes none on, see CAMPANILE_NOTIFY_URL"
    )]
    NoEcho,
    #[error("the connection has ended")]
    Ended,
}

impl<B: Bell> Doorbell<B> {
    pub(super) fn new(bell: B, writes: Arc<Notify>, metrics: Metrics) -> Self {
        Self {
            bell,
            writes,
            rung: Rung::default(),
            metrics,
            name: Uuid::new_v4().simple().to_string(),
            began: Instant::now(),
        }
    }

    /// The side for the task that looks.
    pub(super) fn rung(&self) -> Rung {
        self.rung.clone()
    }

    /// Rings and hears until the hub stops.
    pub(super) async fn run(self) {
        let mut told = false;
        loop {
            let silence = match self.bell.hang().await {
                Ok((rope, ear)) => self.serve(&rope, ear, &mut told).await,
                Err(cause) => Silence::Store(cause),
            };
            self.rung.works.store(false, Ordering::Relaxed);
            self.metrics.bell_works.set(0);
            if !told {
                log::warn!("the bell between the hubs is silent, looking more often: {silence}");
                told = true;
            }
            sleep(HANG_AGAIN_AFTER.mul_f64(1.0 + rand::random::<f64>())).await;
        }
    }

    async fn serve(&self, rope: &B::Rope, ear: B::Ear, told: &mut bool) -> Silence {
        tokio::select! {
            cause = self.ring(rope) => Silence::Store(cause),
            silence = self.hear(ear, told) => silence,
        }
    }

    /// Rings at once after a write, then at most every few milliseconds; and from time to time to hear itself.
    async fn ring(&self, rope: &B::Rope) -> StoreError {
        let mut kind = CHECK;
        loop {
            let micros = self.began.elapsed().as_micros();
            let text = format!("{} {micros} {kind}", self.name);
            if let Err(cause) = rope.ring(&text).await {
                return cause;
            }
            sleep(RING_GAP).await;
            let written = timeout(RING_EVERY, self.writes.notified()).await;
            kind = if written.is_ok() { WORK } else { CHECK };
        }
    }

    async fn hear(&self, mut ear: B::Ear, told: &mut bool) -> Silence {
        let mut echoed = Instant::now();
        loop {
            let patience = ECHO_WITHIN.saturating_sub(echoed.elapsed());
            let text = match timeout(patience, ear.heard()).await {
                Ok(Some(text)) => text,
                Ok(None) => return Silence::Ended,
                Err(_elapsed) => return Silence::NoEcho,
            };
            if let Some(took) = self.echo(&text) {
                echoed = Instant::now();
                self.metrics.bell_seconds.observe(took.as_secs_f64());
                let micros = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
                self.rung.echo_micros.store(micros, Ordering::Relaxed);
                self.works(told);
            }
            if !text.ends_with(CHECK) {
                self.rung.look();
            }
        }
    }

    /// The time since this hub rang, if the text is its own.
    fn echo(&self, text: &str) -> Option<Duration> {
        let mut words = text.split(' ');
        let mine = words.next() == Some(self.name.as_str());
        let rang = words.next().filter(|_micros| mine)?.parse().ok()?;
        Some(
            self.began
                .elapsed()
                .saturating_sub(Duration::from_micros(rang)),
        )
    }

    fn works(&self, told: &mut bool) {
        if !self.rung.works.swap(true, Ordering::Relaxed) {
            self.metrics.bell_works.set(1);
            // Something may have been rung before this.
            self.rung.look();
            if std::mem::take(told) {
                log::info!("the bell between the hubs rings again");
            }
        }
    }
}

/// The last word of a text after which there is something to read.
const WORK: &str = "work";

/// The last word of a text by which a hub only finds out if the bell works.
const CHECK: &str = "check";

/// One hub rings 200 times a second at most, however many commits it makes.
const RING_GAP: Duration = Duration::from_millis(5);

/// The interval at which a hub that writes nothing finds out if the bell works.
const RING_EVERY: Duration = Duration::from_secs(1);

/// Two rings without an echo.
const ECHO_WITHIN: Duration = Duration::from_secs(2);

/// The shortest pause before a bell is connected again, twice this at most, so that the hubs do not all come at once.
const HANG_AGAIN_AFTER: Duration = Duration::from_millis(250);
