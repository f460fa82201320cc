//! Follows the signals of the other hubs: looks at the database again and again, and does what they tell.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::alarm::declared::DeclaredTypes;
use crate::alarm::{AlarmId, UserId};
use crate::auth::{KeyRing, Revocations, RightsEpoch};
use crate::cluster::asking::Asking;
use crate::cluster::bell::Rung;
use crate::cluster::delivery::{self, Witness};
use crate::cluster::listing::{self, Question};
use crate::cluster::orders::Orders;
use crate::cluster::presence::{Holding, Unfollowed, Untold};
use crate::cluster::{Cluster, HubId, Listening, Marks, kinds, rights};
use crate::hub::{
    Broadcaster, Bye, Close, ForgetRecent, Frame, Notify as Tell, Pushes, StreamList,
};
use crate::journal::{Journal, LogEnds};
use crate::metrics::Metrics;
use crate::store::{Look, Position, Signal, Signals, Store};
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
    keys: KeyRing,
    types: DeclaredTypes,
    rights: RightsEpoch,
    asking: Asking,
    marks: Marks,
    hub: HubId,
    pushes: Pushes,
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

impl Follower {
    pub(super) fn new(parts: Listening, position: Position, cluster: &Cluster) -> Self {
        Self {
            store: parts.store,
            broadcaster: parts.broadcaster,
            journal: parts.journal,
            rung: cluster.rung.clone(),
            revocations: parts.revocations,
            keys: parts.keys,
            types: parts.types,
            rights: parts.rights,
            asking: cluster.asking.clone(),
            hub: parts.hub,
            pushes: parts.pushes,
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
        if orders.keys {
            self.read_keys().await?;
        }
        if orders.types {
            self.read_types().await?;
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
        self.marks.add_retracted(orders.retracted);
        self.marks.add_pruned(orders.pruned);
        for question in of_all {
            actix::spawn(self.answer(question));
        }
        for inquiry in orders.inquiries {
            let (store, witness) = (self.store.clone(), self.witness());
            actix::spawn(delivery::answer(store, witness, inquiry));
        }
        self.presence.add(orders.told);
        Ok(())
    }

    /// Reads the API keys, and ends the streams of those that are good no more.
    async fn read_keys(&self) -> Result<(), Unfollowed> {
        let reading = self.keys.reading();
        let found = self.store.api_keys_now().await?;
        rights::take_keys(
            &self.keys,
            &self.rights,
            &self.broadcaster,
            (reading, found),
        )
        .await?;
        Ok(())
    }

    /// Reads the declared types of alarms.
    async fn read_types(&self) -> Result<(), Unfollowed> {
        Ok(self.types.refresh(self.store.alarm_types_now()).await?)
    }

    fn witness(&self) -> Witness {
        Witness {
            broadcaster: self.broadcaster.clone(),
            pushes: self.pushes.clone(),
            hub: self.hub.clone(),
        }
    }

    fn answer(&self, question: Question) -> impl Future<Output = Result<(), MailboxError>> + use<> {
        let (store, broadcaster) = (self.store.clone(), self.broadcaster.clone());
        listing::answer(store, broadcaster, self.hub.clone(), question)
    }

    /// Signals may be lost: checks every stream against what the database holds.
    async fn check_everything(&mut self) -> Result<(), Unfollowed> {
        self.revocations
            .add_all(self.store.revoked_tokens_now().await?);
        self.read_keys().await?;
        self.read_types().await?;
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
        let (store, broadcaster) = (&self.store, &self.broadcaster);
        rights::enforce(store, broadcaster, (&self.revocations, &self.keys), users).await
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

/// Beside the looks, as it may take long.
async fn prune(store: Store) {
    if let Err(cause) = store.prune_signals().await {
        log::debug!("pruning signals failed and is tried again: {cause}");
    }
}

/// The interval of looks while the bell works. A look proves that no other hub took a right away unheard, whether or not it rang;
/// so the interval is the time for which rights are known (`RIGHTS_KNOWN_FOR`), less the time a look may take.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// The interval of looks while the bell does not work: the delay of an alarm of another hub, at a price that a database can bear.
const LOOK_WITHOUT_BELL: Duration = Duration::from_millis(20);

/// Half of the time that signals are kept.
const PRUNE_EVERY: Duration = Duration::from_secs(30);
