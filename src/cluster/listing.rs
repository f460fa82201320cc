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

/// A question to the other hubs, and those that are to answer it.
pub(crate) struct Asked {
    question: String,
    others: HashSet<String>,
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

    /// True if it is about the streams of one user.
    pub(super) fn is_about_one(&self) -> bool {
        self.user.is_some()
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
    /// Asks the other hubs for their streams, of one user or all.
    pub(crate) async fn ask_for_streams(&self, user: Option<&UserId>) -> Result<Asked, StoreError> {
        let mut others: HashSet<String> = self.hubs().into_iter().map(|lease| lease.hub).collect();
        others.remove(&self.hub.to_string());
        let question = Uuid::new_v4().simple().to_string();
        if others.is_empty() {
            return Ok(Asked { question, others });
        }
        let user = user.map(UserId::to_string).unwrap_or_default();
        let detail = format!("{} {user}", self.hub);
        self.store
            .signal(kinds::LIST, question.clone(), detail)
            .await?;
        self.look_now();
        Ok(Asked { question, others })
    }

    /// The streams at the other hubs, of one user or all. A hub that does not answer in time is left out.
    pub(crate) async fn list_elsewhere(
        &self,
        user: Option<&UserId>,
    ) -> Result<Vec<Connection>, StoreError> {
        let asked = self.ask_for_streams(user).await?;
        self.answers_to(asked).await
    }

    /// The streams that the other hubs answer with. A hub that does not answer in time is left out.
    pub(crate) async fn answers_to(&self, asked: Asked) -> Result<Vec<Connection>, StoreError> {
        let Asked { question, others } = asked;
        if others.is_empty() {
            return Ok(Vec::new());
        }
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

/// Finds the streams of this hub that a question is about, and leaves the writing of the answer to a task of its own.
pub(super) async fn answer(
    store: Store,
    broadcaster: Addr<Broadcaster>,
    hub: HubId,
    question: Question,
) -> Result<(), MailboxError> {
    let connections = of_hub(&broadcaster, &hub, question.user).await?;
    actix::spawn(async move {
        let body = serde_json::to_string(&connections).unwrap_or_else(|_cause| "[]".to_owned());
        if let Err(cause) = store.answer(question.id, hub.to_string(), body).await {
            log::debug!("a list of streams is not answered: {cause}");
        }
    });
    Ok(())
}

/// Two looks of the other hub, and the time to write a long list on a busy database. A hub that died is not waited for, once
/// its beat stands still.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

/// A tenth of the time in which most answers are there.
const ASK_EVERY: Duration = Duration::from_millis(25);
