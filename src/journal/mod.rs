//! The write lane: gathers alarms while the last batch is committed, then hands them to the Broadcaster in id order.

mod offering;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::dev::SendError;
use actix::{
    Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, ResponseFuture,
    WrapFuture,
};
use tokio::sync::oneshot;

use crate::alarm::{Alarm, AlarmId};
use crate::hub::Broadcaster;
use crate::journal::offering::Offering;
use crate::metrics::Metrics;
use crate::store::{Refusal, Store, StoreError, Stored, Submission};

/// The only writer of alarms.
pub struct Journal {
    store: Store,
    offering: Offering,
    metrics: Metrics,
    waiting: VecDeque<Waiting>,
    waiting_alarms: usize,
    /// Whether a batch or a look at the log is under way: only one of them may offer.
    busy: bool,
    /// Whether a batch is about to begin.
    gathering: bool,
    stopping: bool,
    drained: Vec<oneshot::Sender<()>>,
}

/// Stores a submission. The answer, after its commit, goes straight to the publisher: as the message's own result it
/// would have to pass through the Journal once more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Append {
    submission: Submission,
    answer: Answer,
}

/// Takes no more and answers when everything taken is committed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Drain;

/// Why a submission was not stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
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
    /// After this its publisher is told to try again, and it must not be stored behind his back.
    until: Instant,
    answer: Answer,
}

impl Journal {
    /// A journal that writes to `store` and publishes to `broadcaster` what comes after `position`.
    pub fn new(
        store: Store,
        broadcaster: Addr<Broadcaster>,
        position: AlarmId,
        metrics: Metrics,
    ) -> Self {
        Self {
            offering: Offering::new(store.clone(), broadcaster, position),
            store,
            metrics,
            waiting: VecDeque::new(),
            waiting_alarms: 0,
            busy: false,
            gathering: false,
            stopping: false,
            drained: Vec::new(),
        }
    }

    /// Commits what has gathered, unless a commit is under way: then that one's end comes back here. Whoever can run now
    /// runs first: requests that have arrived share this commit in place of waiting for the next.
    fn commit(&mut self, context: &mut Context<Self>) {
        if self.busy || self.gathering {
            return;
        }
        self.gathering = true;
        context.spawn(let_others_run().into_actor(self).map(|(), this, context| {
            this.gathering = false;
            this.begin(context);
        }));
    }

    fn begin(&mut self, context: &mut Context<Self>) {
        if self.busy {
            return;
        }
        let batch = self.next_batch();
        if batch.is_empty() {
            for done in self.drained.drain(..) {
                // Whoever asked and no longer waits does not mind.
                let _unheard = done.send(());
            }
            return;
        }
        self.busy = true;
        let (submissions, answers): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|waiting| (waiting.submission, waiting.answer))
            .unzip();
        let (store, offering) = (self.store.clone(), self.offering.clone());
        let metrics = self.metrics.clone();
        let work = async move {
            let started = Instant::now();
            let outcomes = store.append(submissions).await;
            let took = started.elapsed();
            let offering = match &outcomes {
                Ok(outcomes) => {
                    let fresh = fresh(outcomes);
                    metrics.committed(fresh.len(), took);
                    offering.batch(fresh).await
                }
                Err(_cause) => {
                    metrics.append_refused("store");
                    offering.unheard()
                }
            };
            answer_all(answers, outcomes);
            offering
        };
        self.offer(work, context);
    }

    /// Looks at the log when nothing is under way and there may be rows whose commit was never heard of.
    fn look(&mut self, context: &mut Context<Self>) {
        if !self.busy && !self.stopping && self.offering.must_look() {
            self.busy = true;
            let work = self.offering.clone().look();
            self.offer(work, context);
        }
    }

    fn offer(&self, work: impl Future<Output = Offering> + 'static, context: &mut Context<Self>) {
        context.spawn(work.into_actor(self).map(|offering, this, context| {
            this.offering = offering;
            this.busy = false;
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
            // Whoever hung up does not want to know.
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
        if self.stopping {
            // Whoever hung up does not want to know.
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
        self.stopping = true;
        self.drained.push(done);
        self.commit(context);
        Box::pin(async move { drained.await.unwrap_or_default() })
    }
}

/// Appends through the journal with a deadline.
pub async fn append(
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

/// Gives this core away once, where others wait for it.
async fn let_others_run() {
    std::thread::yield_now();
    tokio::task::yield_now().await;
}

/// What was not stored, and so offered, before.
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
