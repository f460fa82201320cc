//! A pool of connections, the threads that use them, and the queue in front of them. Every wait has a deadline.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use r2d2::PooledConnection;
use tokio::sync::{oneshot, watch};

use crate::metrics::{Metrics, Spread};
use crate::store::connection::{DbConnection, Pool, Quiet, Server, StillOpen};
use crate::store::{Location, StoreError};

/// A queue of work for one kind of connection. Its threads end when its last clone is dropped.
#[derive(Clone)]
pub(super) struct Lane {
    queue: Arc<Queue>,
    /// Told when the last thread has ended and the last connection is closed. The pool may still be opening one when the
    /// threads end, so each connection holds the sender too.
    ended: watch::Receiver<()>,
    /// The waits for a connection, and the work with one.
    times: (Spread, Spread),
    _open: Arc<Open>,
}

/// The purpose and the size of a lane.
pub(super) struct Plan {
    /// The purpose, as the log names it after "cannot".
    pub(super) purpose: &'static str,
    /// The name of its threads.
    pub(super) name: &'static str,
    /// The number of connections and of threads.
    pub(super) size: u32,
    /// The number of jobs that may wait for each awake thread before another thread is woken.
    pub(super) patience: usize,
}

/// A job. It is given a connection, or the error of opening one, and returns true if the connection is still usable.
type Job = Box<dyn FnOnce(Result<&mut DbConnection, StoreError>) -> bool + Send>;

impl Lane {
    /// Opens the connections and starts the threads. Blocks until there is one connection.
    pub(super) fn open(
        location: &Location,
        plan: Plan,
        metrics: &Metrics,
    ) -> Result<Self, StoreError> {
        // The pool tests each connection before it is used (its default), so a broken connection is replaced.
        let (open, ended) = watch::channel(());
        let open = Arc::new(open);
        let pool = Pool::builder()
            .max_size(plan.size)
            .connection_timeout(CONNECT_WITHIN)
            .error_handler(Box::new(Quiet))
            .build_unchecked(Server::at(location, Arc::clone(&open)));
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
                _open: Arc::clone(&open),
            };
            std::thread::Builder::new()
                .name(plan.name.to_owned())
                .spawn(move || worker.work())
                .map_err(|cause| StoreError::Broken(format!("no thread could start: {cause}")))?;
        }
        Ok(Self {
            _open: Arc::new(Open(Arc::clone(&queue))),
            queue,
            ended,
            times: metrics.lane(plan.name),
        })
    }

    /// True if work would begin at once.
    pub(super) fn is_free(&self) -> bool {
        let state = self.queue.state();
        state.jobs.is_empty() && state.asleep > 0
    }

    /// Does what is queued, takes nothing more, and closes the connections.
    pub(super) async fn close(&self) {
        self.queue.close();
        // The end of the channel is the only news it ever has.
        let _closed = self.ended.clone().changed().await;
    }

    /// Runs work on a connection of this lane. Work that missed its deadline may still be done afterwards.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (answer, mut answered) = oneshot::channel();
        let turn = Arc::new(Turn::default());
        let begun = Arc::clone(&turn);
        let (queued, (waits, works)) = (Instant::now(), self.times.clone());
        self.queue.push(Box::new(move |connection| {
            let began = Instant::now();
            waits.add(began - queued);
            // The caller has timed out or is gone.
            if answer.is_closed() || !begun.take() {
                return true;
            }
            let done = connection.and_then(work);
            works.add(began.elapsed());
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

/// Decides once what happens to a job: its thread runs it, or its caller gives it up.
#[derive(Default)]
struct Turn(AtomicBool);

impl Turn {
    /// True for the first call only.
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// Closes the queue when the last clone of its lane is dropped.
struct Open(Arc<Queue>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The jobs that wait and the threads that sleep. The number of jobs is bounded by the number of requests under way.
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
    /// The number of sleeping threads that were told to wake up.
    calls: usize,
    closed: bool,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job. An awake thread takes the waiting jobs when it has finished, so under load one connection serves
    /// several jobs.
    fn push(&self, job: Job) {
        let mut state = self.state();
        if state.closed {
            // Its caller hears that it was not done.
            return;
        }
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

    fn close(&self) {
        self.state().closed = true;
        self.woken.notify_all();
    }

    /// Returns the next job without waiting, if there is one.
    fn next(&self) -> Option<Job> {
        self.state().jobs.pop_front()
    }

    /// Waits for the next job; returns `None` when the lane is closed and no job is left.
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

/// One thread of a lane.
struct Worker {
    purpose: &'static str,
    pool: Pool,
    queue: Arc<Queue>,
    /// True if the last attempt to get a connection failed.
    away: Arc<AtomicBool>,
    _open: StillOpen,
}

impl Worker {
    fn work(&self) {
        self.queue.state().awake += 1;
        while let Some(job) = self.queue.wait() {
            if self.queue.patience > 0 {
                // Lets other tasks add their jobs first; this thread then takes them as well.
                std::thread::yield_now();
            }
            // After a panic the caller gets an error and the pool replaces the connection; the thread goes on.
            if catch_unwind(AssertUnwindSafe(|| self.trip(job))).is_err() {
                log::error!("work that was to {} panicked", self.purpose);
            }
        }
    }

    /// Runs a job and all that wait, as long as the connection is usable.
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

    /// Returns a connection. While the database is known to be away there is no wait; the pool tries in the background.
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

/// The maximum time a job waits in the queue before its caller gets `Unavailable`.
const QUEUE_WITHIN: Duration = Duration::from_secs(5);

/// The maximum wait for the replacement of a broken connection. While the database is away the pool tries again at
/// intervals of half this time, which is therefore also the delay until its return is noticed.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// The maximum wait for the first connection; a distant server with TLS needs longer.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// Longer than the statement timeout on PostgreSQL and than SQLite's wait for another process. A database that is
/// slower than this hangs.
const WORK_WITHIN: Duration = Duration::from_secs(8);
