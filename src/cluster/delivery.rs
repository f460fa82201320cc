//! The part of each hub in the life of one alarm: to which of its streams it was pushed, and who has streams that carry it.

use std::collections::{BTreeMap, HashMap, HashSet};

use actix::{Addr, MailboxError};
use serde::{Deserialize, Serialize};

use crate::alarm::{Alarm, AlarmId, Timestamp, Topic, UserId};
use crate::cluster::questions::{Answers, write_answer};
use crate::cluster::{Cluster, HubId, kinds};
use crate::hub::{Broadcaster, ClientId, ListWatching, Pushes};
use crate::store::{Signal, Store, StoreError};

/// The users of one page, in the order of the bytes of their ids.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Window {
    /// The one user that is asked about; `None` for all.
    pub user: Option<UserId>,
    /// The user before the page.
    pub after: Option<UserId>,
    /// The most users.
    pub limit: usize,
}

/// A question about one alarm.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Inquiry {
    asker: HubId,
    alarm: AlarmId,
    /// The topic; `None` if the alarm is not in the log any more.
    topic: Option<String>,
    /// The users whose streams are asked about; `None` for all whose streams carry the topic.
    users: Option<HashSet<UserId>>,
    window: Window,
}

/// The knowledge of one hub about an alarm.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The hub.
    pub hub: HubId,
    /// The time in milliseconds after which no push was forgotten.
    pub since: i64,
    /// The users of the page that it knows of.
    pub users: BTreeMap<UserId, Traces>,
}

/// The knowledge of one hub about an alarm and one user.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Traces {
    /// The streams it was pushed to, with the time in milliseconds, oldest first.
    pub pushed: Vec<(ClientId, i64)>,
    /// The user has open streams; true if one of them carries the topic.
    pub watching: Option<bool>,
}

/// The answers of all hubs.
pub(crate) struct Everywhere {
    /// The answers.
    pub known: Vec<Known>,
    /// The hubs that did not answer.
    pub silent: Vec<String>,
}

/// The parts of a hub that answer.
#[derive(Clone)]
pub(crate) struct Witness {
    /// The owner of the streams.
    pub broadcaster: Addr<Broadcaster>,
    /// The recent pushes.
    pub pushes: Pushes,
    /// The name of the hub.
    pub hub: HubId,
}

impl Window {
    /// True if a user may be on the page.
    pub(crate) fn holds(&self, user: &UserId) -> bool {
        match &self.user {
            Some(one) => one == user,
            None => self.after.as_ref().is_none_or(|after| user > after),
        }
    }
}

impl Inquiry {
    /// A question of a hub about an alarm that is in the log no more.
    pub(crate) fn about_pruned(asker: HubId, alarm: AlarmId, window: Window) -> Self {
        Self {
            asker,
            alarm,
            topic: None,
            users: None,
            window,
        }
    }

    /// A question of a hub about an alarm, and about the streams of some users, or of all whose streams carry its topic.
    pub(crate) fn about(
        asker: HubId,
        alarm: &Alarm,
        users: Option<HashSet<UserId>>,
        window: Window,
    ) -> Self {
        Self {
            topic: Some(alarm.topic.to_string()),
            users,
            ..Self::about_pruned(asker, alarm.id, window)
        }
    }
}

impl Witness {
    /// The knowledge of this hub about the first users of the page and one more, and about those who are named.
    pub(crate) async fn tell(&self, inquiry: &Inquiry) -> Result<Known, MailboxError> {
        let watching = self.watching(inquiry).await?;
        // After the streams: one that was open then, and has it by now, is not taken for one that lacks it.
        let (since, pushes) = self.pushes.of(inquiry.alarm);
        let mut users: BTreeMap<UserId, Traces> = BTreeMap::new();
        for (user, pushes) in pushes {
            let first = pushes.iter().take(MOST_PUSHES);
            let first = first.map(|push| (push.client_id, push.at.millis()));
            users.entry(user).or_default().pushed = first.collect();
        }
        if inquiry.users.is_none() {
            add_streams(&mut users, &watching);
        }
        let window = &inquiry.window;
        let on_page = users.into_iter().filter(|(user, _)| window.holds(user));
        let mut users = on_page.take(window.limit.saturating_add(1)).collect();
        if inquiry.users.is_some() {
            add_streams(&mut users, &watching);
        }
        Ok(Known {
            hub: self.hub.clone(),
            since: since.millis(),
            users,
        })
    }

    async fn watching(&self, inquiry: &Inquiry) -> Result<HashMap<UserId, bool>, MailboxError> {
        match inquiry.topic.as_deref().map(Topic::parse) {
            Some(Ok(topic)) => {
                let list = ListWatching(topic, inquiry.users.clone());
                self.broadcaster.send(list).await
            }
            Some(Err(_)) | None => Ok(HashMap::new()),
        }
    }
}

fn add_streams(users: &mut BTreeMap<UserId, Traces>, watching: &HashMap<UserId, bool>) {
    for (user, carries) in watching {
        users.entry(user.clone()).or_default().watching = Some(*carries);
    }
}

impl Known {
    /// The time after which no push was forgotten.
    pub(crate) fn since(&self) -> Timestamp {
        Timestamp::from_millis(self.since)
    }
}

impl Cluster {
    /// Asks the other hubs what they know of an alarm.
    pub(crate) async fn ask_about(&self, inquiry: &Inquiry) -> Result<Everywhere, StoreError> {
        let detail = serde_json::to_string(inquiry).map_err(|cause| {
            StoreError::Broken(format!("a question could not be written: {cause}"))
        })?;
        let asked = self.ask(kinds::DELIVERY, detail).await?;
        let Answers { bodies, silent } = self.answers(asked).await?;
        Ok(Everywhere {
            known: bodies,
            silent,
        })
    }
}

/// Answers a question of another hub.
pub(super) async fn answer(store: Store, witness: Witness, signal: Signal) {
    let inquiry: Inquiry = match serde_json::from_str(&signal.detail) {
        Ok(inquiry) => inquiry,
        Err(cause) => return log::debug!("a question of a hub cannot be read: {cause}"),
    };
    if inquiry.asker == witness.hub {
        return;
    }
    match witness.tell(&inquiry).await {
        Ok(known) => write_answer(store, witness.hub, signal.subject, known).await,
        Err(cause) => log::debug!("a question of a hub is not answered: {cause}"),
    }
}

/// The pushes of one alarm to one user that a hub tells of: a user has few streams, but a replay may repeat it.
const MOST_PUSHES: usize = 32;
