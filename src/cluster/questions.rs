//! Questions to the other hubs: told by a signal, answered by a row of the database.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::cluster::{Cluster, HubId};
use crate::store::{Store, StoreError};

/// A question to the other hubs, and those that are to answer it.
pub(crate) struct Asked {
    question: String,
    others: HashSet<String>,
}

/// The answers to a question.
pub(super) struct Answers<T> {
    /// The answers of the hubs, in no order.
    pub(super) bodies: Vec<T>,
    /// The hubs that did not answer in time.
    pub(super) silent: Vec<String>,
}

impl Cluster {
    /// Asks the other hubs.
    pub(super) async fn ask(
        &self,
        kind: &'static str,
        detail: String,
    ) -> Result<Asked, StoreError> {
        let mut others: HashSet<String> = self.hubs().into_iter().map(|lease| lease.hub).collect();
        others.remove(&self.hub.to_string());
        let question = Uuid::new_v4().simple().to_string();
        if others.is_empty() {
            return Ok(Asked { question, others });
        }
        self.store.signal(kind, question.clone(), detail).await?;
        self.look_now();
        Ok(Asked { question, others })
    }

    /// Waits for the answers of the other hubs, for a bounded time.
    pub(super) async fn answers<T: DeserializeOwned>(
        &self,
        asked: Asked,
    ) -> Result<Answers<T>, StoreError> {
        let Asked {
            question,
            others: mut silent,
        } = asked;
        let mut bodies = Vec::new();
        if silent.is_empty() {
            let silent = Vec::new();
            return Ok(Answers { bodies, silent });
        }
        let end = Instant::now() + ANSWERED_WITHIN;
        while Instant::now() < end && !silent.is_empty() {
            tokio::time::sleep(ASK_EVERY).await;
            for hub in self.store.answered(question.clone()).await? {
                silent.remove(&hub);
            }
        }
        for body in self.store.take_answers(question).await? {
            match serde_json::from_str(&body) {
                Ok(body) => bodies.push(body),
                Err(cause) => log::debug!("the answer of a hub cannot be read: {cause}"),
            }
        }
        let mut silent: Vec<String> = silent.into_iter().collect();
        silent.sort_unstable();
        Ok(Answers { bodies, silent })
    }
}

/// Writes the answer of this hub to a question.
pub(super) async fn write_answer(
    store: Store,
    hub: HubId,
    question: String,
    answer: impl Serialize,
) {
    let body = match serde_json::to_string(&answer) {
        Ok(body) => body,
        Err(cause) => return log::debug!("an answer to a hub cannot be written: {cause}"),
    };
    if let Err(cause) = store.answer(question, hub.to_string(), body).await {
        log::debug!("a question of a hub is not answered: {cause}");
    }
}

/// Two looks of the other hub, and the time to write a long list on a busy database. A hub that died is not waited for, once
/// its beat stands still.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

/// A tenth of the time in which most answers are there.
const ASK_EVERY: Duration = Duration::from_millis(25);
