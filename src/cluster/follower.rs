//! Follows the signals of the other hubs: looks at the database again and again, and does what they tell.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::alarm::{AlarmId, Timestamp, UserId};
use crate::auth::{Revocations, RightsEpoch};
use crate::cluster::asking::Asking;
use crate::cluster::bell::Rung;
use crate::cluster::listing::{self, Question};
use crate::cluster::presence::{Holding, Told, Unfollowed, Untold};
use crate::cluster::rights::verdict;
use crate::cluster::{Cluster, HubId, Listening, Marked, Marks, kinds};
use crate::hub::{
    Broadcaster, Bye, ClientId, Close, ForgetRecent, Frame, ListRights, Notify as Tell, Rights,
    StreamList,
};
use crate::journal::{Journal, LogEnds};
use crate::metrics::Metrics;
use crate::store::{Account, Look, Position, Signal, Signals, Store, StoreError};
use actix::dev::SendError;
use actix::{Addr, MailboxError};

/// The one task that looks.
pub(super) struct Follower {
    store: Store,
    broadcaster: Addr<Broadcaster>,
    journal: Addr<Journal>,
    metrics: Metrics,
    rung: Rung,
    revocations: Revocations,
    rights: RightsEpoch,
    asking: Asking,
    marks: Marks,
    hub: HubId,
    holding: Holding,
    presence: Untold,
    /// True while signals are sent that another hub left.
    sends: Arc<AtomicBool>,
    /// The server that answered the last look.
    server: Option<String>,
    position: Position,
    /// The end of the log and the server it was written on, as the last look found them.
    end: Option<(AlarmId, Option<String>)>,
}

/// The work that some signals ask for.
#[derive(Default)]
struct Orders {
    revoked: Vec<(String, Timestamp)>,
    changed: HashSet<UserId>,
    close: Vec<StreamList>,
    closed: Vec<String>,
    marks: Vec<Marked>,
    sessions: Vec<(UserId, String)>,
    questions: Vec<Question>,
    told: Told,
}

impl Follower {
    pub(super) fn new(parts: Listening, position: Position, cluster: &Cluster) -> Self {
        Self {
            store: parts.store,
            broadcaster: parts.broadcaster,
            journal: parts.journal,
            rung: cluster.rung.clone(),
            revocations: parts.revocations,
            rights: parts.rights,
            asking: cluster.asking.clone(),
            hub: parts.hub,
            metrics: parts.metrics,
            holding: cluster.holding.clone(),
            presence: cluster.presence.clone(),
            sends: Arc::default(),
            server: None,
            marks: cluster.marks.clone(),
            position,
            end: None,
        }
    }

    /// Looks until the hub stops: whenever the bell rings, and after a while in any case.
    pub(super) async fn run(mut self) {
        let mut pruned = Instant::now();
        let mut answered = true;
        loop {
            let patience = if answered && !self.rung.works() {
                LOOK_WITHOUT_BELL
            } else {
                LOOK_EVERY
            };
            let rung = self.rung.within(patience).await;
            self.metrics.looked(if rung { "bell" } else { "time" });
            let looked = self.look().await;
            answered = looked.is_ok();
            match looked {
                Ok(()) => {}
                Err(Unfollowed::Stopping(_)) => return,
                Err(Unfollowed::Store(cause)) => log::debug!("cannot hear other hubs: {cause}"),
            }
            if pruned.elapsed() >= PRUNE_EVERY {
                pruned = Instant::now();
                actix::spawn(prune(self.store.clone()));
            }
        }
    }

    /// One look. Only when all of it is followed does the next begin after it, and are rights known as of its beginning.
    async fn look(&mut self) -> Result<(), Unfollowed> {
        let look = self.store.look_for_signals(self.position.clone()).await?;
        let Look {
            head,
            epoch,
            began,
            signals,
            position,
            unsent,
            server,
        } = look;
        if unsent {
            self.send_left();
        }
        match signals {
            Signals::Known(signals) => self.follow(signals).await?,
            Signals::Gap(signals) => {
                self.check_everything().await?;
                self.follow(signals).await?;
            }
        }
        self.position = position;
        self.store.rights_known_since(began);
        self.notice_server(server).await?;
        self.notice_jump(head, epoch).await?;
        // After the rights: what the log holds is delivered by the rights of the same moment.
        match self.journal.try_send(LogEnds(head)) {
            Ok(()) | Err(SendError::Full(_)) => {}
            Err(SendError::Closed(_)) => return Err(MailboxError::Closed.into()),
        }
        Ok(())
    }

    /// Sends what a hub left that is gone or slow, beside the looks: it may have to wait for a lock.
    fn send_left(&self) {
        if self.sends.swap(true, Ordering::AcqRel) {
            return;
        }
        let (store, sends) = (self.store.clone(), Arc::clone(&self.sends));
        actix::spawn(async move {
            if let Err(cause) = store.send_signals().await {
                log::debug!("signals that were left are sent later: {cause}");
            }
            sends.store(false, Ordering::Release);
        });
    }

    /// If another server answers, the ids and the versions jump now: it may lack what was told, also if the log has its length.
    async fn notice_server(&mut self, server: String) -> Result<(), Unfollowed> {
        if self.server.as_ref() != Some(&server) {
            self.store.settle_ids(AlarmId(0)).await?;
            self.server = Some(server);
        }
        Ok(())
    }

    /// After a jump of the ids, forgets the frames that came before it: the database may have lost their alarms. If the log is
    /// shorter than it was, another server has taken over and nobody has written there yet: the ids jump now, as a client with
    /// a cursor beyond the end would be told of a gap.
    async fn notice_jump(
        &mut self,
        head: AlarmId,
        epoch: Option<String>,
    ) -> Result<(), Unfollowed> {
        let (seen, known) = self.end.get_or_insert_with(|| (head, epoch.clone()));
        if *known != epoch {
            log::warn!(
                "the ids of the log jumped to {}: another server leads, or it was restored",
                head.0
            );
            self.metrics.epoch_jumps.inc();
            self.broadcaster.send(ForgetRecent).await?;
            // The versions of the marks jumped as well, and changes may be lost.
            self.marks.add_everything();
            (*seen, *known) = (head, epoch);
        } else if head < *seen {
            let seen = *seen;
            self.store.settle_ids(seen).await?;
        } else {
            *seen = head;
        }
        Ok(())
    }

    /// In requests first, then on the streams: one that is opened in between is checked once more when it is open.
    async fn follow(&mut self, signals: Vec<Signal>) -> Result<(), Unfollowed> {
        if signals.is_empty() {
            return Ok(());
        }
        for signal in &signals {
            self.metrics.signalled(&signal.kind);
        }
        let mut orders = Orders::of(signals);
        let questions = std::mem::take(&mut orders.questions).into_iter();
        let asked = questions.filter(|question| !question.is_of(&self.hub));
        let (of_one, of_all): (Vec<_>, Vec<_>) = asked.partition(Question::is_about_one);
        // First: the asker may close them next, and wants to know how many there were.
        for question in of_one {
            self.answer(question).await?;
        }
        let changed: Vec<UserId> = orders.changed.iter().cloned().collect();
        self.store.forget_accounts(&changed);
        let tokens: Vec<String> = orders.revoked.iter().map(|(id, _end)| id.clone()).collect();
        self.revocations.add_all(orders.revoked);
        if !(changed.is_empty() && tokens.is_empty()) {
            self.rights.advance();
        }
        for token in tokens {
            self.close(StreamList::Token(token), Bye::Logout).await?;
        }
        if !changed.is_empty() {
            self.check(Some(orders.changed)).await?;
        }
        for streams in orders.close {
            self.close_as_asked(streams).await?;
        }
        for client_id in orders.closed {
            self.asking.answer(&client_id);
        }
        for (user_id, session) in orders.sessions {
            let frame = Frame::session_ended(&session);
            self.broadcaster.send(Tell { user_id, frame }).await?;
        }
        self.marks.add(orders.marks);
        for question in of_all {
            actix::spawn(self.answer(question));
        }
        self.presence.add(orders.told);
        Ok(())
    }

    fn answer(&self, question: Question) -> impl Future<Output = Result<(), MailboxError>> + use<> {
        let (store, broadcaster) = (self.store.clone(), self.broadcaster.clone());
        listing::answer(store, broadcaster, self.hub.clone(), question)
    }

    /// Signals may be lost: checks every stream against what the database holds.
    async fn check_everything(&mut self) -> Result<(), Unfollowed> {
        self.revocations
            .add_all(self.store.revoked_tokens_now().await?);
        self.store.forget_all_accounts();
        self.rights.advance();
        self.presence.add_everything();
        self.holding.register_again();
        self.check(None).await?;
        // Those who may not go on are not told their counts.
        self.marks.add_everything();
        Ok(())
    }

    /// Ends the streams, of some users or of all, that may not go on.
    async fn check(&self, users: Option<HashSet<UserId>>) -> Result<(), Unfollowed> {
        let streams = self.broadcaster.send(ListRights(users)).await?;
        let accounts = self.accounts_of(&streams).await?;
        let mut ending: HashMap<&'static str, (Bye, HashSet<ClientId>)> = HashMap::new();
        for stream in &streams {
            let is_revoked = self.revocations.contain_id(&stream.token_id);
            let account = accounts.get(&stream.user_id);
            if let Some(bye) = verdict(stream, account, is_revoked) {
                let key = if bye == Bye::Disabled {
                    "disabled"
                } else {
                    bye.reason()
                };
                let (_bye, clients) = ending.entry(key).or_insert((bye, HashSet::new()));
                clients.insert(stream.client_id);
            }
        }
        for (bye, clients) in ending.into_values() {
            self.close(StreamList::Clients(clients), bye).await?;
        }
        Ok(())
    }

    async fn accounts_of(
        &self,
        streams: &[Rights],
    ) -> Result<HashMap<UserId, Account>, StoreError> {
        let users: HashSet<UserId> = streams.iter().map(|one| one.user_id.clone()).collect();
        let accounts = self.store.accounts_of(users.into_iter().collect()).await?;
        let by_id = accounts
            .into_iter()
            .map(|account| (account.id.clone(), account));
        Ok(by_id.collect())
    }

    async fn close_as_asked(&self, streams: StreamList) -> Result<(), Unfollowed> {
        let (StreamList::Client(client_id) | StreamList::ClientOf(client_id, _)) = streams else {
            return Ok(());
        };
        if self.close(streams, Bye::Kicked).await? > 0 {
            self.store
                .signal(kinds::CLOSED, client_id.to_string(), String::new())
                .await?;
        }
        Ok(())
    }

    async fn close(&self, streams: StreamList, bye: Bye) -> Result<usize, MailboxError> {
        self.broadcaster.send(Close { streams, bye }).await
    }
}

impl Orders {
    fn of(signals: Vec<Signal>) -> Self {
        let mut orders = Self::default();
        for signal in signals {
            orders.add(signal);
        }
        orders
    }

    fn add(&mut self, signal: Signal) {
        match signal.kind.as_str() {
            kinds::RIGHTS => self.changed.extend(UserId::parse(signal.subject)),
            kinds::REVOKED => {
                // An end that cannot be read revokes all the same.
                let end = signal.detail.parse().unwrap_or(i64::MAX);
                let end = Timestamp::from_millis(end);
                self.revoked.push((signal.subject, end));
            }
            kinds::DISCONNECT => self.close.extend(wanted(&signal)),
            kinds::CLOSED => self.closed.push(signal.subject),
            kinds::STATE => self.marks.extend(marked(signal)),
            kinds::PRESENCE => self.told.moved(signal),
            kinds::GONE => self.told.gone(signal.subject),
            kinds::LIST => self.questions.push(Question::of(signal)),
            kinds::SESSION => {
                let user = UserId::parse(signal.subject);
                self.sessions.extend(user.map(|user| (user, signal.detail)));
            }
            unknown => log::debug!("a signal of the unknown kind {unknown} is passed over"),
        }
    }
}

/// Beside the looks, as it may take long.
async fn prune(store: Store) {
    if let Err(cause) = store.prune_signals().await {
        log::debug!("pruning signals failed and is tried again: {cause}");
    }
}

fn wanted(signal: &Signal) -> Option<StreamList> {
    let client = ClientId::parse(&signal.subject)?;
    if signal.detail.is_empty() {
        return Some(StreamList::Client(client));
    }
    let user = UserId::parse(signal.detail.clone()).ok()?;
    Some(StreamList::ClientOf(client, user))
}

/// A change that cannot be read, as a later version may write it, may concern any alarm.
fn marked(signal: Signal) -> Option<Marked> {
    let user_id = UserId::parse(signal.subject).ok()?;
    let (version, change) = signal.detail.split_once(' ').unwrap_or_default();
    let change = serde_json::from_str(change).unwrap_or_default();
    Some(Marked {
        user_id,
        version: version.parse().unwrap_or_default(),
        change,
    })
}

/// The interval of looks while the bell works. A look proves that no other hub took a right away unheard, whether or not it rang;
/// so the interval is the time for which rights are known (`RIGHTS_KNOWN_FOR`), less the time a look may take.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// The interval of looks while the bell does not work: the delay of an alarm of another hub, at a price that a database can bear.
const LOOK_WITHOUT_BELL: Duration = Duration::from_millis(20);

/// Half of the time that signals are kept.
const PRUNE_EVERY: Duration = Duration::from_secs(30);
