//! One list of the streams of all hubs: asked of them when somebody wants to see it, so that opening a stream costs nothing.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use actix::{Addr, MailboxError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::alarm::UserId;
use crate::cluster::{Cluster, HubId, kinds};
use crate::hub::{Broadcaster, ClientInfo, ListStreams, ListStreamsOf};
use crate::store::{Signal, Store, StoreError};

/// A stream and the hub that has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Connection {
    /// The hub.
    pub hub: HubId,
    /// The stream.
    #[serde(flatten)]
    pub client: ClientInfo,
}

/// A question that a hub asked.
pub(super) struct Question {
    id: String,
    asker: String,
    /// The user whose streams are wanted; `None` for all streams.
    user: Option<UserId>,
}

impl Question {
    pub(super) fn of(signal: Signal) -> Self {
        let (asker, user) = signal.detail.split_once(' ').unwrap_or_default();
        Self {
            asker: asker.to_owned(),
            user: UserId::parse(user).ok(),
            id: signal.subject,
        }
    }

    pub(super) fn is_of(&self, hub: &HubId) -> bool {
        self.asker == hub.to_string()
    }
}

/// The streams of one hub, of one user or all, oldest first.
pub(crate) async fn of_hub(
    broadcaster: &Addr<Broadcaster>,
    hub: &HubId,
    user: Option<UserId>,
) -> Result<Vec<Connection>, MailboxError> {
    let clients = match user {
        Some(user) => broadcaster.send(ListStreamsOf(user)).await?,
        None => broadcaster.send(ListStreams).await?,
    };
    let on_hub = |client| Connection {
        hub: hub.clone(),
        client,
    };
    Ok(clients.into_iter().map(on_hub).collect())
}

impl Cluster {
    /// The streams at the other hubs, of one user or all. A hub that does not answer in time is left out.
    pub(crate) async fn list_elsewhere(
        &self,
        user: Option<&UserId>,
    ) -> Result<Vec<Connection>, StoreError> {
        let mut others: HashSet<String> = self.hubs().into_iter().map(|lease| lease.hub).collect();
        others.remove(&self.hub.to_string());
        if others.is_empty() {
            return Ok(Vec::new());
        }
        let question = Uuid::new_v4().simple().to_string();
        let user = user.map(UserId::to_string).unwrap_or_default();
        let detail = format!("{} {user}", self.hub);
        self.store
            .signal(kinds::LIST, question.clone(), detail)
            .await?;
        self.look_now();
        let end = Instant::now() + ANSWERED_WITHIN;
        while Instant::now() < end {
            tokio::time::sleep(ASK_EVERY).await;
            let answered = self.store.answered(question.clone()).await?;
            if others.is_subset(&answered.into_iter().collect()) {
                break;
            }
        }
        let mut found: Vec<Connection> = Vec::new();
        for body in self.store.take_answers(question).await? {
            match serde_json::from_str::<Vec<Connection>>(&body) {
                Ok(connections) => found.extend(connections),
                Err(cause) => log::debug!("a list of streams cannot be read: {cause}"),
            }
        }
        Ok(found)
    }
}

/// Answers a question with the streams of this hub.
pub(super) async fn answer(
    store: Store,
    broadcaster: Addr<Broadcaster>,
    hub: HubId,
    question: Question,
) {
    let Ok(connections) = of_hub(&broadcaster, &hub, question.user).await else {
        return;
    };
    let body = serde_json::to_string(&connections).unwrap_or_else(|_cause| "[]".to_owned());
    if let Err(cause) = store.answer(question.id, hub.to_string(), body).await {
        log::debug!("a list of streams is not answered: {cause}");
    }
}

/// Two looks of the other hub, and the time to write a long list on a busy database. A hub that died is not waited for, once
/// its beat stands still.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

/// A tenth of the time in which most answers are there.
const ASK_EVERY: Duration = Duration::from_millis(25);
