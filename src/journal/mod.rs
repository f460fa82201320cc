//! The write path: collects submissions while a batch is committed, then delivers the alarms to the Broadcaster in id
//! order.

mod delivery;
mod missed;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::dev::SendError;
use actix::{
    Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, ResponseFuture,
    WrapFuture,
};
use tokio::sync::{oneshot, watch};

use crate::alarm::AlarmId;
use crate::hub::{Broadcaster, Entry};
use crate::journal::delivery::Delivery;
use crate::metrics::Metrics;
use crate::store::{Refusal, Store, StoreError, Stored, Submission};

/// The only writer of alarms.
pub(crate) struct Journal {
    store: Store,
    delivery: Delivery,
    metrics: Metrics,
    waiting: VecDeque<Waiting>,
    waiting_alarms: usize,
    state: State,
    /// The end of the log, as other parts of the hub found it.
    end: AlarmId,
    /// Set when the Journal accepts no more submissions; holds the callers that wait until it is drained.
    draining: Option<Vec<oneshot::Sender<()>>>,
}

/// The state of the Journal. Only one batch or look delivers at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No work is under way.
    Idle,
    /// A batch is about to begin.
    Gathering,
    /// A batch is being committed, or the log is being read.
    Working,
}

/// Stores a submission. After the commit the answer goes straight to the publisher through a channel; the result of a
/// message would pass through the Journal's mailbox once more.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Append {
    submission: Submission,
    answer: Answer,
}

/// Stops accepting submissions, and answers when every accepted one is committed.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Drain;

/// Tells that the log is at least this long: other hubs may have stored alarms that this one has to deliver.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct LogEnds(pub AlarmId);

/// The reason why a submission was not stored.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum AppendError {
    /// A recipient does not exist, or the key was used with another body.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The queue of submissions is full.
    #[error("more is waiting to be stored than can soon be; nothing was, so try again")]
    Overloaded,
    /// The store did not answer in time: the submission may still be stored.
    #[error(
        "storing it takes too long; it may be done yet, so try again with the same Idempotency-Key"
    )]
    Unsettled,
    /// The hub is stopping.
    #[error("the hub is stopping")]
    ShuttingDown,
    /// The store failed. If the commit itself failed, the submission may be stored nevertheless.
    #[error(transparent)]
    Store(Arc<StoreError>),
}

pub(crate) use crate::journal::missed::next as missed_entries;

type Outcome = Result<Stored, Refusal>;

type Answer = oneshot::Sender<Result<Stored, AppendError>>;

struct Waiting {
    submission: Submission,
    taken_at: Instant,
    answer: Answer,
}

impl Journal {
    /// Returns a Journal that writes to `store` and delivers to `broadcaster`. It delivers the alarms after the id that
    /// `delivered` holds, and updates that id.
    pub(crate) fn new(
        store: Store,
        broadcaster: Addr<Broadcaster>,
        delivered: watch::Sender<AlarmId>,
        metrics: Metrics,
    ) -> Self {
        Self {
            delivery: Delivery::new(store.clone(), broadcaster, delivered, metrics.clone()),
            store,
            metrics,
            waiting: VecDeque::new(),
            waiting_alarms: 0,
            state: State::Idle,
            end: AlarmId(0),
            draining: None,
        }
    }

    /// Commits the waiting submissions, unless a commit is under way; its end calls this again. Requests that have
    /// already arrived are handled first, so that they share the commit.
    fn commit(&mut self, context: &mut Context<Self>) {
        if self.state != State::Idle {
            return;
        }
        self.state = State::Gathering;
        context.spawn(let_others_run().into_actor(self).map(|(), this, context| {
            this.begin(context);
        }));
    }

    fn begin(&mut self, context: &mut Context<Self>) {
        let batch = self.next_batch();
        if batch.is_empty() {
            self.state = State::Idle;
            for done in self
                .draining
                .iter_mut()
                .flat_map(|waiting| waiting.drain(..))
            {
                // A receiver that is gone needs no answer.
                let _unheard = done.send(());
            }
            self.catch_up(context);
            return;
        }
        let taken_at: Vec<Instant> = batch.iter().map(|waiting| waiting.taken_at).collect();
        let (submissions, answers): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|waiting| (waiting.submission, waiting.answer))
            .unzip();
        let (store, delivery) = (self.store.clone(), self.delivery.clone());
        let metrics = self.metrics.clone();
        let work = async move {
            let started = Instant::now();
            let outcomes = store.append(submissions).await;
            let ended = Instant::now();
            let delivery = match &outcomes {
                Ok(outcomes) => {
                    let fresh = fresh(outcomes);
                    metrics.committed(fresh.len(), ended - started);
                    for taken_at in taken_at {
                        metrics.publish_seconds.add(ended - taken_at);
                    }
                    delivery.batch(fresh).await
                }
                Err(_cause) => {
                    metrics.append_refused("store");
                    delivery.unheard()
                }
            };
            answer_all(answers, outcomes);
            delivery
        };
        self.deliver(work, context);
    }

    /// Delivers what other hubs stored, if no work is under way.
    fn catch_up(&mut self, context: &mut Context<Self>) {
        let is_free = self.state == State::Idle && self.draining.is_none();
        if is_free && self.delivery.is_behind(self.end) {
            // If this fails, the next look tells of the end again.
            let end = std::mem::replace(&mut self.end, AlarmId(0));
            let work = self.delivery.clone().heard(end);
            self.deliver(work, context);
        }
    }

    /// Reads the log if no work is under way and a failed batch of the only hub may be stored.
    fn look(&mut self, context: &mut Context<Self>) {
        let is_free = self.state == State::Idle && self.draining.is_none();
        if is_free && self.delivery.must_look() {
            let work = self.delivery.clone().look();
            self.deliver(work, context);
        }
    }

    fn deliver(
        &mut self,
        work: impl Future<Output = Delivery> + 'static,
        context: &mut Context<Self>,
    ) {
        self.state = State::Working;
        context.spawn(work.into_actor(self).map(|delivery, this, context| {
            this.delivery = delivery;
            this.state = State::Idle;
            this.commit(context);
        }));
    }

    fn next_batch(&mut self) -> Vec<Waiting> {
        let mut batch = Vec::new();
        let mut alarms = 0;
        let now = Instant::now();
        while let Some(next) = self.waiting.front() {
            // After that the publisher is answered with `Overloaded`, and the submission must not be stored.
            if next.taken_at + WAIT_WITHIN <= now {
                self.turn_away();
                continue;
            }
            let more = next.submission.rows();
            if !batch.is_empty() && alarms + more > BATCH_ALARMS {
                break;
            }
            alarms += more;
            batch.extend(self.waiting.pop_front());
        }
        self.waiting_alarms -= alarms;
        self.tell_waiting();
        batch
    }

    fn tell_waiting(&self) {
        let count = i64::try_from(self.waiting_alarms).unwrap_or(i64::MAX);
        self.metrics.waiting_alarms.set(count);
    }

    /// Removes the first submission of the queue and answers that it was not stored.
    fn turn_away(&mut self) {
        if let Some(late) = self.waiting.pop_front() {
            self.waiting_alarms -= late.submission.rows();
            self.metrics.append_refused("overloaded");
            // A publisher that is gone needs no answer.
            let _unheard = late.answer.send(Err(AppendError::Overloaded));
        }
    }
}

impl Actor for Journal {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(WAITING_ALARMS);
        context.run_interval(LOOK_EVERY, Self::look);
    }
}

impl Handler<Append> for Journal {
    type Result = ();

    fn handle(&mut self, Append { submission, answer }: Append, context: &mut Self::Context) {
        if self.draining.is_some() {
            // A publisher that is gone needs no answer.
            let _unheard = answer.send(Err(AppendError::ShuttingDown));
            return;
        }
        if self.waiting_alarms + submission.rows() > WAITING_ALARMS {
            self.metrics.append_refused("overloaded");
            let _unheard = answer.send(Err(AppendError::Overloaded));
            return;
        }
        self.waiting_alarms += submission.rows();
        self.tell_waiting();
        self.waiting.push_back(Waiting {
            submission,
            taken_at: Instant::now(),
            answer,
        });
        self.commit(context);
    }
}

impl Handler<LogEnds> for Journal {
    type Result = ();

    fn handle(&mut self, LogEnds(end): LogEnds, context: &mut Self::Context) {
        self.end = self.end.max(end);
        self.catch_up(context);
    }
}

impl Handler<Drain> for Journal {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _drain: Drain, context: &mut Self::Context) -> Self::Result {
        let (done, drained) = oneshot::channel();
        self.draining.get_or_insert_default().push(done);
        self.commit(context);
        Box::pin(async move { drained.await.unwrap_or_default() })
    }
}

/// Appends through the journal with a deadline.
pub(crate) async fn append(
    journal: &Addr<Journal>,
    submission: Submission,
) -> Result<Stored, AppendError> {
    let (answer, answered) = oneshot::channel();
    match journal.try_send(Append { submission, answer }) {
        Ok(()) => {}
        Err(SendError::Full(_unread)) => return Err(AppendError::Overloaded),
        Err(SendError::Closed(_unread)) => return Err(AppendError::ShuttingDown),
    }
    match tokio::time::timeout(APPEND_WITHIN, answered).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_gone)) => Err(AppendError::ShuttingDown),
        Err(_elapsed) => Err(AppendError::Unsettled),
    }
}

/// Lets other threads and tasks run once.
async fn let_others_run() {
    std::thread::yield_now();
    tokio::task::yield_now().await;
}

/// Returns what this batch stored, by id. What repeated submissions stored was delivered before.
fn fresh(outcomes: &[Outcome]) -> Vec<Entry> {
    let fresh = outcomes.iter().flatten().filter(|stored| !stored.repeated);
    let entries = fresh.flat_map(|stored| {
        let alarms = stored.alarms.iter().cloned().map(Entry::Alarm);
        alarms.chain(stored.updates.iter().cloned().map(Entry::Update))
    });
    entries.collect()
}

fn answer_all(answers: Vec<Answer>, outcomes: Result<Vec<Outcome>, StoreError>) {
    match outcomes {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // The alarms of a publisher that has disconnected are stored nevertheless.
                drop(answer.send(outcome.map_err(AppendError::from)));
            }
        }
        Err(cause) => {
            log::error!(
                "a batch of {} submissions was not stored: {cause}",
                answers.len()
            );
            let cause = Arc::new(cause);
            for answer in answers {
                drop(answer.send(Err(AppendError::Store(Arc::clone(&cause)))));
            }
        }
    }
}

/// A larger batch does not make an alarm cheaper and only delays its first alarms.
const BATCH_ALARMS: usize = 1_024;

/// About one second of writing on a slow disk. Beyond it a publisher is refused at once.
const WAITING_ALARMS: usize = 16_384;

/// The maximum delay of an alarm whose commit was not confirmed. Each look reads one row.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A longer wait means that the disk fails, and publishers should learn of it.
const WAIT_WITHIN: Duration = Duration::from_secs(5);

/// The sum of the maximum wait in the queue and the store's own time limits for one batch.
const APPEND_WITHIN: Duration = Duration::from_secs(20);
