//! The write lane: gathers alarms while the last batch is committed, then hands them to the Broadcaster in id order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, MailboxError, Message,
    ResponseFuture, WrapFuture,
};
use tokio::sync::oneshot;

use crate::hub::{Broadcaster, Frame, Publish};
use crate::metrics::Metrics;
use crate::store::{Refusal, Store, StoreError, Stored, Submission};

/// The only writer of alarms.
pub struct Journal {
    store: Store,
    broadcaster: Addr<Broadcaster>,
    metrics: Metrics,
    waiting: VecDeque<Waiting>,
    waiting_alarms: usize,
    committing: bool,
    stopping: bool,
    drained: Vec<oneshot::Sender<()>>,
}

/// Stores a submission; answered after its commit.
#[derive(Message)]
#[rtype(result = "Result<Stored, AppendError>")]
pub struct Append(pub Submission);

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
    #[error("too many alarms are waiting to be written")]
    Overloaded,
    /// The hub is stopping.
    #[error("the hub is stopping")]
    ShuttingDown,
    /// The store failed; nothing of the submission is stored.
    #[error(transparent)]
    Store(Arc<StoreError>),
}

type Outcome = Result<Stored, Refusal>;

struct Waiting {
    submission: Submission,
    answer: oneshot::Sender<Result<Stored, AppendError>>,
}

impl Journal {
    /// A journal that writes to `store` and publishes to `broadcaster`.
    pub fn new(store: Store, broadcaster: Addr<Broadcaster>, metrics: Metrics) -> Self {
        Self {
            store,
            broadcaster,
            metrics,
            waiting: VecDeque::new(),
            waiting_alarms: 0,
            committing: false,
            stopping: false,
            drained: Vec::new(),
        }
    }

    /// Commits what has gathered, unless a commit is under way: then that one's end comes back here.
    fn commit(&mut self, context: &mut Context<Self>) {
        if self.committing {
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
        self.committing = true;
        let (submissions, answers): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|waiting| (waiting.submission, waiting.answer))
            .unzip();
        let (store, broadcaster) = (self.store.clone(), self.broadcaster.clone());
        let metrics = self.metrics.clone();
        let work = async move {
            let started = Instant::now();
            let outcomes = store.append(submissions).await;
            let took = started.elapsed();
            match publish(&broadcaster, &outcomes).await {
                Some(stored) => metrics.committed(stored, took),
                None => metrics.append_refused("store"),
            }
            answer_all(answers, outcomes);
        };
        context.spawn(work.into_actor(self).map(|(), this, context| {
            this.committing = false;
            this.commit(context);
        }));
    }

    fn next_batch(&mut self) -> Vec<Waiting> {
        let mut batch = Vec::new();
        let mut alarms = 0;
        while let Some(next) = self.waiting.front() {
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
}

impl Actor for Journal {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(WAITING_ALARMS);
    }
}

impl Handler<Append> for Journal {
    type Result = ResponseFuture<Result<Stored, AppendError>>;

    fn handle(&mut self, Append(submission): Append, context: &mut Self::Context) -> Self::Result {
        if self.stopping {
            return Box::pin(async { Err(AppendError::ShuttingDown) });
        }
        if self.waiting_alarms + submission.alarms.len() > WAITING_ALARMS {
            self.metrics.append_refused("overloaded");
            return Box::pin(async { Err(AppendError::Overloaded) });
        }
        let (answer, answered) = oneshot::channel();
        self.waiting_alarms += submission.alarms.len();
        self.waiting.push_back(Waiting { submission, answer });
        self.commit(context);
        Box::pin(async move { answered.await.unwrap_or(Err(AppendError::ShuttingDown)) })
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
    match journal
        .send(Append(submission))
        .timeout(APPEND_WITHIN)
        .await
    {
        Ok(outcome) => outcome,
        Err(MailboxError::Closed) => Err(AppendError::ShuttingDown),
        Err(MailboxError::Timeout) => Err(AppendError::Overloaded),
    }
}

/// Offers what this batch stored and tells how many alarms that was; `None` if the commit failed. The Broadcaster never
/// waits, so waiting for its mailbox is short and keeps the order.
async fn publish(
    broadcaster: &Addr<Broadcaster>,
    outcomes: &Result<Vec<Outcome>, StoreError>,
) -> Option<usize> {
    let stored = outcomes.as_ref().ok()?.iter().flatten();
    let fresh = stored.filter(|stored| !stored.repeated);
    let frames: Vec<Arc<Frame>> = fresh
        .flat_map(|stored| &stored.alarms)
        .cloned()
        .map(Frame::alarm)
        .collect();
    let count = frames.len();
    if count > 0 && broadcaster.send(Publish(frames)).await.is_err() {
        log::debug!("the broadcaster is gone; what was committed is replayed after the restart");
    }
    Some(count)
}

fn answer_all(
    answers: Vec<oneshot::Sender<Result<Stored, AppendError>>>,
    outcomes: Result<Vec<Outcome>, StoreError>,
) {
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

/// A commit that takes longer than this is a disk in trouble.
const APPEND_WITHIN: Duration = Duration::from_secs(10);
