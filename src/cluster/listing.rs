//! One list of the streams of all hubs: asked of them when somebody wants to see it, so that opening a stream costs nothing.

use actix::{Addr, MailboxError};
use serde::{Deserialize, Serialize};

use crate::alarm::UserId;
use crate::cluster::questions::{Answers, Asked, write_answer};
use crate::cluster::{Cluster, HubId, kinds};
use crate::hub::{Broadcaster, ClientInfo, ListStreams, ListStreamsOf};
use crate::store::{Signal, Store, StoreError};

/// A stream and the hub that has it.
#[derive(utoipa::ToSchema, Debug, Clone, Serialize, Deserialize)]
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
        let user = user.map(UserId::to_string).unwrap_or_default();
        let detail = format!("{} {user}", self.hub);
        self.ask(kinds::LIST, detail).await
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
        let answers: Answers<Vec<Connection>> = self.answers(asked).await?;
        Ok(answers.bodies.into_iter().flatten().collect())
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
    actix::spawn(write_answer(store, hub, question.id, connections));
    Ok(())
}
