//! The life of one alarm: for whom it was stored, to which streams of which hubs it was pushed, and what its recipients did with it.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::actions::audit::Actor;
use crate::actions::{AppState, Refusal, Thing};
use crate::alarm::{Alarm, AlarmId, Timestamp, Topic, TopicKind, UserId};
use crate::cluster::{Everywhere, HubId, Inquiry, Known, Traces, Witness};
use crate::hub::ClientId;
use crate::store::{Among, Concerned, Found, Marks};

pub(crate) use crate::cluster::Window;

/// The life of one alarm.
#[derive(utoipa::ToSchema, Debug, Serialize)]
pub(crate) struct Delivery {
    /// The alarm; null if it is not in the log any more.
    pub alarm: Option<Alarm>,
    /// A page of those it was for or was pushed to.
    pub recipients: Recipients,
    /// The hubs that did not answer: what they pushed is not told.
    pub unanswered: Vec<String>,
}

/// A page of recipients.
#[derive(utoipa::ToSchema, Debug, Serialize)]
#[schema(as = DeliveryRecipients)]
pub(crate) struct Recipients {
    /// The recipients, in the order of the bytes of their ids.
    pub items: Vec<Recipient>,
    /// The `after` of the next page, if there is one.
    pub next: Option<UserId>,
}

/// The life of an alarm for one user.
#[derive(utoipa::ToSchema, Debug, Serialize)]
#[schema(as = DeliveryRecipient)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Recipient {
    /// The user.
    pub user_id: UserId,
    /// The streams it was handed to, oldest first.
    pub pushed: Vec<Pushed>,
    /// The time at which the user first saw it.
    pub seen_at: Option<Timestamp>,
    /// The time at which the user read it.
    pub read_at: Option<Timestamp>,
    /// The time at which the user deleted it.
    pub deleted_at: Option<Timestamp>,
    /// The reason why no push is known.
    pub why: Option<Why>,
}

/// One push.
#[derive(utoipa::ToSchema, Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pushed {
    /// The time.
    pub at: Timestamp,
    /// The hub.
    pub hub: HubId,
    /// The stream.
    pub client_id: ClientId,
}

/// The reason why no push of an alarm to a user is known.
#[derive(utoipa::ToSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    /// The account is disabled.
    Disabled,
    /// It is not for this user, or is older than their account.
    NotAddressed,
    /// It is not in the log any more, or so old that its pushes are forgotten.
    Pruned,
    /// A hub did not answer, which may have pushed it.
    HubSilent,
    /// The user has streams now, and none carries its topic.
    OtherTopics,
    /// The user has a stream now that carries its topic, and has not got to it: it reads the log, or began after it.
    NotYet,
    /// The user has no stream now.
    NoStream,
}

/// Looks at the life of an alarm. The look itself is in the audit log.
pub(crate) async fn of(
    state: &AppState,
    id: AlarmId,
    window: Window,
    by: Actor,
) -> Result<Delivery, Refusal> {
    let alarm = match state.store.find_alarm(id).await? {
        Found::Stored(alarm) => Some(*alarm),
        Found::Pruned => None,
        Found::Unknown => return Err(Refusal::NotFound(Thing::Alarm)),
    };
    state.store.note_look(id, window.user.clone(), by).await?;
    let among = Among {
        user: window.user.clone(),
        after: window.after.clone(),
        limit: i64::try_from(window.limit)
            .unwrap_or(i64::MAX)
            .saturating_add(1),
    };
    let topic = alarm.as_ref().map(|alarm| alarm.topic.clone());
    let concerned = state.store.concerned(id, topic, among).await?;
    let hub = state.hub.clone();
    let inquiry = match &alarm {
        Some(alarm) => Inquiry::about(
            hub,
            alarm,
            watchers(alarm, &concerned, &window),
            window.clone(),
        ),
        None => Inquiry::about_pruned(hub, id, window.clone()),
    };
    let told = ask_everywhere(state, &inquiry).await?;
    let view = View::of(alarm.as_ref(), &told);
    let mut items = view.recipients(told.known, concerned, &window);
    let is_more = items.len() > window.limit;
    items.truncate(window.limit);
    let last = items.last().map(|last| last.user_id.clone());
    Ok(Delivery {
        alarm,
        recipients: Recipients {
            next: last.filter(|_last| is_more),
            items,
        },
        unanswered: told.silent,
    })
}

/// Those whose streams are asked about; `None` for a room, which is for whoever is there.
fn watchers(alarm: &Alarm, concerned: &Concerned, window: &Window) -> Option<HashSet<UserId>> {
    if window.user.is_none() && alarm.topic.is_room() {
        return None;
    }
    let accounts = concerned.accounts.iter().map(|(user, _)| user.clone());
    let named = match alarm.topic.kind() {
        TopicKind::User(id) => UserId::parse(id).ok(),
        TopicKind::Everyone | TopicKind::Admins | TopicKind::Room(_) => None,
    };
    let named = named.filter(|user| window.holds(user));
    Some(accounts.chain(named).chain(window.user.clone()).collect())
}

async fn ask_everywhere(state: &AppState, inquiry: &Inquiry) -> Result<Everywhere, Refusal> {
    let witness = Witness {
        broadcaster: state.broadcaster.clone(),
        pushes: state.pushes.clone(),
        hub: state.hub.clone(),
    };
    let here = witness.tell(inquiry).await?;
    let mut told = match &state.cluster {
        Some(cluster) => cluster.ask_about(inquiry).await?,
        None => Everywhere {
            known: Vec::new(),
            silent: Vec::new(),
        },
    };
    told.known.push(here);
    Ok(told)
}

/// The facts that every recipient's `why` depends on.
struct View {
    is_forgotten: bool,
    is_heard: bool,
    topic: Option<Topic>,
}

/// All that is known of one recipient.
#[derive(Default)]
struct Facts {
    pushed: Vec<Pushed>,
    /// True if a stream carries the topic; `None` without a stream.
    watching: Option<bool>,
    /// True if the account is disabled; `None` without an account that it is for.
    account: Option<bool>,
    marks: Marks,
}

impl View {
    fn of(alarm: Option<&Alarm>, told: &Everywhere) -> Self {
        let stored_at = alarm.map(|alarm| alarm.created_at);
        let forgotten = |stored_at| told.known.iter().any(|one| one.since() > stored_at);
        Self {
            is_forgotten: stored_at.is_none_or(forgotten),
            is_heard: told.silent.is_empty(),
            topic: alarm.map(|alarm| alarm.topic.clone()),
        }
    }

    fn recipients(
        &self,
        known: Vec<Known>,
        concerned: Concerned,
        window: &Window,
    ) -> Vec<Recipient> {
        let mut users: BTreeMap<UserId, Facts> = BTreeMap::new();
        if let Some(user) = &window.user {
            users.entry(user.clone()).or_default();
        }
        for (user, is_disabled) in concerned.accounts {
            users.entry(user).or_default().account = Some(is_disabled);
        }
        for (user, marks) in concerned.marks {
            users.entry(user).or_default().marks = marks;
        }
        for one in known {
            for (user, traces) in one.users {
                users.entry(user).or_default().add(&one.hub, traces);
            }
        }
        let recipient = |(user_id, facts)| self.recipient(user_id, facts);
        users.into_iter().map(recipient).collect()
    }

    fn recipient(&self, user_id: UserId, mut facts: Facts) -> Recipient {
        facts.pushed.sort_by_key(|push| push.at);
        let why = if facts.pushed.is_empty() {
            Some(self.why(&user_id, &facts))
        } else {
            None
        };
        Recipient {
            user_id,
            pushed: facts.pushed,
            seen_at: facts.marks.seen_at,
            read_at: facts.marks.read_at,
            deleted_at: facts.marks.deleted_at,
            why,
        }
    }

    fn why(&self, user: &UserId, facts: &Facts) -> Why {
        if facts.account == Some(true) {
            return Why::Disabled;
        }
        if !self.is_for(user, facts) {
            return Why::NotAddressed;
        }
        if self.is_forgotten {
            return Why::Pruned;
        }
        if !self.is_heard {
            return Why::HubSilent;
        }
        match facts.watching {
            Some(true) => Why::NotYet,
            Some(false) => Why::OtherTopics,
            None => Why::NoStream,
        }
    }

    /// True if the alarm is for a user. Nobody can say it of one that is not in the log any more.
    fn is_for(&self, user: &UserId, facts: &Facts) -> bool {
        let Some(topic) = &self.topic else {
            return true;
        };
        match topic.kind() {
            TopicKind::User(id) => id == user.as_str(),
            // Anyone may enter a room.
            TopicKind::Room(_) => true,
            TopicKind::Everyone | TopicKind::Admins => facts.account.is_some(),
        }
    }
}

impl Facts {
    fn add(&mut self, hub: &HubId, traces: Traces) {
        let pushed = |(client_id, at)| Pushed {
            at: Timestamp::from_millis(at),
            hub: hub.clone(),
            client_id,
        };
        self.pushed.extend(traces.pushed.into_iter().map(pushed));
        if let Some(carries) = traces.watching {
            self.watching = Some(carries || self.watching == Some(true));
        }
    }
}
