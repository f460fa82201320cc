//! A pool of connections, the threads that use them, and the queue in front of those: every wait with a bound.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use r2d2::PooledConnection;
use tokio::sync::oneshot;

use crate::store::connection::{DbConnection, Pool, Quiet, Server};
use crate::store::{Location, StoreError};

/// A queue of work for one kind of connection; its threads end with its last clone.
#[derive(Clone)]
pub(super) struct Lane {
    queue: Arc<Queue>,
    _open: Arc<Open>,
}

/// What a lane is for, and of what size.
pub(super) struct Plan {
    /// What it says it cannot, when it cannot.
    pub(super) purpose: &'static str,
    /// The name of its threads.
    pub(super) name: &'static str,
    /// How many connections and threads it has.
    pub(super) size: u32,
    /// How much work may wait for each thread that is awake before another is woken.
    pub(super) patience: usize,
}

/// Work, given its connection or why there is none; answers whether that connection is still sound.
type Job = Box<dyn FnOnce(Result<&mut DbConnection, StoreError>) -> bool + Send>;

impl Lane {
    /// Opens the connections and starts the threads. Blocks until there is one connection.
    pub(super) fn open(location: &Location, plan: Plan) -> Result<Self, StoreError> {
        // A connection is asked for a sign of life before each use (the pool's own default): that is how one which broke
        // while nobody looked is replaced, and how the hub heals.
        let pool = Pool::builder()
            .max_size(plan.size)
            .connection_timeout(CONNECT_WITHIN)
            .error_handler(Box::new(Quiet))
            .build_unchecked(Server::at(location));
        drop(pool.get_timeout(OPEN_WITHIN)?);
        let queue = Arc::new(Queue {
            patience: plan.patience,
            state: Mutex::default(),
            woken: Condvar::new(),
        });
        let away = Arc::new(AtomicBool::new(false));
        for _thread in 0..plan.size {
            let worker = Worker {
                purpose: plan.purpose,
                pool: pool.clone(),
                queue: Arc::clone(&queue),
                away: Arc::clone(&away),
            };
            std::thread::Builder::new()
                .name(plan.name.to_owned())
                .spawn(move || worker.work())
                .map_err(|cause| StoreError::Broken(format!("no thread could start: {cause}")))?;
        }
        Ok(Self {
            _open: Arc::new(Open(Arc::clone(&queue))),
            queue,
        })
    }

    /// Does work on a connection of this lane. Work that is given up for its slowness may still be done afterwards.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (answer, mut answered) = oneshot::channel();
        let turn = Arc::new(Turn::default());
        let begun = Arc::clone(&turn);
        self.queue.push(Box::new(move |connection| {
            // Whoever stopped waiting for his turn was told so, or is gone.
            if answer.is_closed() || !begun.take() {
                return true;
            }
            let done = connection.and_then(work);
            let sound = !matches!(
                done,
                Err(StoreError::Unavailable(_) | StoreError::Broken(_))
            );
            let _unheard = answer.send(done);
            sound
        }));
        let done = match tokio::time::timeout(QUEUE_WITHIN, &mut answered).await {
            Ok(done) => done,
            Err(_elapsed) if turn.take() => {
                return Err(StoreError::Unavailable(
                    "no connection became free in time".to_owned(),
                ));
            }
            Err(_elapsed) => {
                tokio::time::timeout(WORK_WITHIN, answered)
                    .await
                    .map_err(|_elapsed| {
                        StoreError::Unavailable("the database did not answer in time".to_owned())
                    })?
            }
        };
        done.map_err(|_dropped| StoreError::Broken("the work was not finished".to_owned()))?
    }
}

/// Whose turn it is to decide about a job: its thread's, which does it, or its caller's, who gives it up.
#[derive(Default)]
struct Turn(AtomicBool);

impl Turn {
    /// Whether the one who asks is the first.
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// Closes the queue when the last clone of its lane goes.
struct Open(Arc<Queue>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.state().closed = true;
        self.0.woken.notify_all();
    }
}

/// Work that waits, as much as there are requests under way, and the threads that wait for some.
struct Queue {
    patience: usize,
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    awake: usize,
    asleep: usize,
    /// How many of the sleepers are told to wake up.
    calls: usize,
    closed: bool,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread that is awake takes what waits when it is done, so that under load one trip to it serves many.
    fn push(&self, job: Job) {
        let mut state = self.state();
        state.jobs.push_back(job);
        let enough = state.awake > 0 && state.jobs.len() <= self.patience * state.awake;
        if enough || state.asleep == 0 {
            return;
        }
        state.asleep -= 1;
        state.awake += 1;
        state.calls += 1;
        drop(state);
        self.woken.notify_one();
    }

    /// The next job, if one waits.
    fn next(&self) -> Option<Job> {
        self.state().jobs.pop_front()
    }

    /// The next job; `None` when the lane is closed and nothing is left to do.
    fn wait(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.awake -= 1;
            state.asleep += 1;
            state = self
                .woken
                .wait_while(state, |state| state.calls == 0 && !state.closed)
                .unwrap_or_else(PoisonError::into_inner);
            if state.calls > 0 {
                state.calls -= 1;
            } else {
                state.asleep -= 1;
                state.awake += 1;
            }
        }
    }
}

/// One thread and what it needs.
struct Worker {
    purpose: &'static str,
    pool: Pool,
    queue: Arc<Queue>,
    /// Whether the last who asked waited for a connection in vain.
    away: Arc<AtomicBool>,
}

impl Worker {
    fn work(&self) {
        self.queue.state().awake += 1;
        while let Some(job) = self.queue.wait() {
            if self.queue.patience > 0 {
                // Whoever is about to ask as well is served on this trip.
                std::thread::yield_now();
            }
            // A panic costs its caller the answer and the pool the connection, not the lane its thread.
            if catch_unwind(AssertUnwindSafe(|| self.trip(job))).is_err() {
                log::error!("work that was to {} panicked", self.purpose);
            }
        }
    }

    /// Does a job and all that wait, as long as its connection lasts.
    fn trip(&self, job: Job) {
        let mut connection = match self.connection() {
            Ok(connection) => connection,
            Err(cause) => {
                job(Err(cause));
                return;
            }
        };
        let mut next = Some(job);
        while let Some(job) = next {
            let sound = job(Ok(&mut connection));
            next = if sound { self.queue.next() } else { None };
        }
    }

    /// A connection. While the database is known to be away nobody waits for it: the pool tries in the background.
    fn connection(&self) -> Result<PooledConnection<Server>, StoreError> {
        let known_away = self.away.load(Ordering::Relaxed) && self.pool.state().connections == 0;
        let wait = if known_away {
            Duration::ZERO
        } else {
            CONNECT_WITHIN
        };
        let connection = self.pool.get_timeout(wait).map_err(StoreError::from);
        let was_away = self.away.swap(connection.is_err(), Ordering::Relaxed);
        match &connection {
            Err(cause) if !was_away => log::error!("cannot {}: {cause}", self.purpose),
            Ok(_) if was_away => log::info!("the database is back: able to {}", self.purpose),
            _ => {}
        }
        connection
    }
}

/// How long work waits for its turn before the caller hears that the database is unavailable.
const QUEUE_WITHIN: Duration = Duration::from_secs(5);

/// How long a broken connection's replacement is waited for. While the database is away the pool tries again at intervals of
/// half of it, so that is also how soon its return is noticed.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// The first connections of a server far away, over TLS.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// Longer than a statement may take on PostgreSQL and than SQLite waits for another process; a database slower than this
/// hangs.
const WORK_WITHIN: Duration = Duration::from_secs(8);
