//! The work that signals ask for.

use std::collections::HashSet;

use crate::alarm::{AlarmId, Timestamp, UserId};
use crate::cluster::listing::Question;
use crate::cluster::presence::Told;
use crate::cluster::{Marked, kinds};
use crate::hub::{ClientId, StreamList};
use crate::store::{Gone, Signal};

/// The work that some signals ask for.
#[derive(Default)]
pub(super) struct Orders {
    pub(super) keys: bool,
    pub(super) types: bool,
    pub(super) revoked: Vec<(String, Timestamp)>,
    pub(super) changed: HashSet<UserId>,
    pub(super) close: Vec<StreamList>,
    pub(super) closed: Vec<String>,
    pub(super) marks: Vec<Marked>,
    pub(super) retracted: Vec<AlarmId>,
    pub(super) pruned: Vec<Gone>,
    pub(super) sessions: Vec<(UserId, String)>,
    pub(super) questions: Vec<Question>,
    pub(super) inquiries: Vec<Signal>,
    pub(super) told: Told,
}

impl Orders {
    /// The work of these signals, in their order.
    pub(super) fn of(signals: Vec<Signal>) -> Self {
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
            kinds::ACCOUNTS => {}
            kinds::API_KEYS => self.keys = true,
            kinds::ALARM_TYPES => self.types = true,
            kinds::DISCONNECT => self.close.extend(wanted(&signal)),
            kinds::CLOSED => self.closed.push(signal.subject),
            kinds::STATE => self.marks.extend(marked(signal)),
            kinds::RETRACTED => {
                let ids = signal.detail.split(' ').flat_map(str::parse);
                self.retracted.extend(ids.map(AlarmId));
            }
            kinds::PRUNED => self.pruned.extend(Gone::told(&signal.detail)),
            kinds::PRESENCE => self.told.moved(signal),
            kinds::GONE => self.told.gone(signal.subject),
            kinds::DELIVERY => self.inquiries.push(signal),
            kinds::LIST => self.questions.push(Question::of(signal)),
            kinds::SESSION => {
                let user = UserId::parse(signal.subject);
                self.sessions.extend(user.map(|user| (user, signal.detail)));
            }
            unknown => log::debug!("a signal of the unknown kind {unknown} is passed over"),
        }
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
