//! The recipients of a batch that do not exist: the submission is refused, or they get an account.

use std::collections::HashSet;

use diesel::prelude::*;

use crate::alarm::{RoomId, TopicKind, UserId};
use crate::store::StoreError;
use crate::store::append::failure::AppendFailure;
use crate::store::append::repeats::Fresh;
use crate::store::append::submission::{Refusal, Submission};
use crate::store::connection::{DbConnection, native};
use crate::store::schema::rooms;
use crate::store::users::{self, NewAccount};

/// The recipients of a batch that do not exist, found once for the whole batch.
pub(super) struct Unknown {
    users: HashSet<String>,
    rooms: HashSet<String>,
}

impl Unknown {
    pub(super) fn find(
        connection: &mut DbConnection,
        batch: &[Submission],
    ) -> Result<Self, StoreError> {
        let (mut user_ids, mut room_ids) = (HashSet::new(), HashSet::new());
        for alarm in batch.iter().flat_map(|submission| &submission.alarms) {
            match alarm.topic.kind() {
                TopicKind::User(id) => user_ids.insert(id),
                TopicKind::Room(id) => room_ids.insert(id),
                TopicKind::Everyone | TopicKind::Admins => false,
            };
        }
        let user_ids: Vec<&str> = user_ids.into_iter().collect();
        let users = users::unknown(connection, &user_ids)?.into_iter().collect();
        let mut unknown_rooms = HashSet::new();
        for id in room_ids {
            let there = native!(connection => rooms::table
                .find(id)
                .select(rooms::id)
                .get_result::<String>(connection))
            .optional()?;
            if there.is_none() {
                unknown_rooms.insert(id.to_owned());
            }
        }
        Ok(Self {
            users,
            rooms: unknown_rooms,
        })
    }

    pub(super) fn refusal(&self, submission: &Submission) -> Option<Refusal> {
        let mut users = Vec::new();
        for alarm in &submission.alarms {
            match alarm.topic.kind() {
                TopicKind::User(id) if self.users.contains(id) && !submission.create_recipients => {
                    users.push(UserId::trusted(id.to_owned()));
                }
                TopicKind::Room(id) if self.rooms.contains(id) => {
                    return Some(Refusal::UnknownRoom(RoomId::trusted(id.to_owned())));
                }
                _ => {}
            }
        }
        (!users.is_empty()).then_some(Refusal::UnknownUsers(users))
    }
}

pub(super) fn create_recipients(
    connection: &mut DbConnection,
    submission: &Submission,
    unknown: &Unknown,
    fresh: &mut Fresh,
    head: i64,
) -> Result<(), AppendFailure> {
    for alarm in &submission.alarms {
        if let TopicKind::User(id) = alarm.topic.kind()
            && unknown.users.contains(id)
            && fresh.users.insert(id.to_owned())
        {
            users::insert(
                connection,
                &NewAccount::named(UserId::trusted(id.to_owned())),
                head,
            )?;
        }
    }
    Ok(())
}
