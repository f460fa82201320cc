//! The write lane: gathers submissions while a batch is committed, then delivers the alarms to the Broadcaster in id order.

mod delivery;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::dev::SendError;
use actix::{
    Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, ResponseFuture,
    WrapFuture,
};
use tokio::sync::{oneshot, watch};

use crate::alarm::{Alarm, AlarmId};
use crate::hub::Broadcaster;
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
    /// Set when the Journal takes no more submissions: those who wait until it is drained.
    draining: Option<Vec<oneshot::Sender<()>>>,
}

/// The work of the Journal. Only one batch or look delivers at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is under way.
    Idle,
    /// A batch is about to begin.
    Gathering,
    /// A batch is being committed, or the log is being looked at.
    Working,
}

/// Stores a submission. The answer, after its commit, goes straight to the publisher: as the message's own result it
/// would have to pass through the Journal once more.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Append {
    submission: Submission,
    answer: Answer,
}

/// Takes no more and answers when everything taken is committed.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Drain;

/// Why a submission was not stored.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum AppendError {
    /// Something it names is not there, or its key is taken.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// More is waiting to be written than the disk can soon take.
    #[error("more is waiting to be stored than can soon be; nothing was, so try again")]
    Overloaded,
    /// The store took longer than anybody waits: it may be stored yet.
    #[error(
        "storing it takes too long; it may be done yet, so try again with the same Idempotency-Key"
    )]
    Unsettled,
    /// The hub is stopping.
    #[error("the hub is stopping")]
    ShuttingDown,
    /// The store failed. If that was at the commit itself, the submission may be stored all the same.
    #[error(transparent)]
    Store(Arc<StoreError>),
}

type Outcome = Result<Stored, Refusal>;

type Answer = oneshot::Sender<Result<Stored, AppendError>>;

struct Waiting {
    submission: Submission,
    /// After this the publisher is told to try again, and the submission must not be stored.
    until: Instant,
    answer: Answer,
}

impl Journal {
    /// A Journal that writes to `store` and delivers to `broadcaster`. `delivered` holds the last id that was delivered; the
    /// Journal delivers what comes after it, and keeps it up to date.
    pub(crate) fn new(
        store: Store,
        broadcaster: Addr<Broadcaster>,
        delivered: watch::Sender<AlarmId>,
        metrics: Metrics,
    ) -> Self {
        Self {
            delivery: Delivery::new(store.clone(), broadcaster, delivered),
            store,
            metrics,
            waiting: VecDeque::new(),
            waiting_alarms: 0,
            state: State::Idle,
            draining: None,
        }
    }

    /// Commits the submissions that wait, unless a commit is under way: its end comes back here. Requests that have arrived
    /// are read first, so that they share this commit and need not wait for the next.
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
            return;
        }
        let (submissions, answers): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|waiting| (waiting.submission, waiting.answer))
            .unzip();
        let (store, delivery) = (self.store.clone(), self.delivery.clone());
        let metrics = self.metrics.clone();
        let work = async move {
            let started = Instant::now();
            let outcomes = store.append(submissions).await;
            let took = started.elapsed();
            let delivery = match &outcomes {
                Ok(outcomes) => {
                    let fresh = fresh(outcomes);
                    metrics.committed(fresh.len(), took);
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

    /// Looks at the log when nothing is under way and there may be rows whose commit this hub did not hear of.
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
            if next.until <= now {
                self.turn_away();
                continue;
            }
            let more = next.submission.alarms.len();
            if !batch.is_empty() && alarms + more > BATCH_ALARMS {
                break;
            }
            alarms += more;
            batch.extend(self.waiting.pop_front());
        }
        self.waiting_alarms -= alarms;
        batch
    }

    /// Takes the first of the queue out, unstored.
    fn turn_away(&mut self) {
        if let Some(late) = self.waiting.pop_front() {
            self.waiting_alarms -= late.submission.alarms.len();
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
        if self.waiting_alarms + submission.alarms.len() > WAITING_ALARMS {
            self.metrics.append_refused("overloaded");
            let _unheard = answer.send(Err(AppendError::Overloaded));
            return;
        }
        self.waiting_alarms += submission.alarms.len();
        self.waiting.push_back(Waiting {
            submission,
            until: Instant::now() + WAIT_WITHIN,
            answer,
        });
        self.commit(context);
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

/// Gives this core to another thread or task once, if one waits for it.
async fn let_others_run() {
    std::thread::yield_now();
    tokio::task::yield_now().await;
}

/// The alarms that were not stored, and so not delivered, before.
fn fresh(outcomes: &[Outcome]) -> Vec<Arc<Alarm>> {
    let fresh = outcomes.iter().flatten().filter(|stored| !stored.repeated);
    fresh.flat_map(|stored| &stored.alarms).cloned().collect()
}

fn answer_all(answers: Vec<Answer>, outcomes: Result<Vec<Outcome>, StoreError>) {
    match outcomes {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // A publisher that hung up still has its alarms stored.
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

/// Past this, a larger batch no longer makes an alarm cheaper and only makes the first of it wait.
const BATCH_ALARMS: usize = 1_024;

/// About a second of writing on a slow disk; a publisher beyond it hears so at once.
const WAITING_ALARMS: usize = 16_384;

/// How late an alarm may be whose commit was not heard of. One row is read each time.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A queue that takes longer is a disk in trouble, and its publishers had better hear of it.
const WAIT_WITHIN: Duration = Duration::from_secs(5);

/// The wait in the queue, and all the store allows itself for one batch.
const APPEND_WITHIN: Duration = Duration::from_secs(20);
