//! The query of a stream, parsed once.

use std::time::Duration;

use actix_web::HttpRequest;

use crate::actions::identity::Identity;
use crate::actions::{Forbidden, Refusal, Rule, api_keys};
use crate::alarm::{ApiKey, Role, RoomId, Topic, TopicFilter, TopicKind};
use crate::feed::cursor::Cursor;
use crate::http::body::Params;
use crate::http::problem::ApiError;

/// The query of `/api/stream`.
#[derive(Debug)]
pub(super) struct StreamQuery {
    /// The rooms that are named; their user is present in them.
    pub(super) rooms: Vec<RoomId>,
    /// The time a poll waits for its first event.
    pub(super) wait: Option<Duration>,
    all_rooms: bool,
    topics: Vec<Topic>,
    everything: bool,
}

impl StreamQuery {
    /// Reads the parameters; 422 for one that cannot be read.
    pub(super) fn parse(params: &Params) -> Result<Self, ApiError> {
        let rooms: Vec<&str> = params.all("room").collect();
        let topics: Vec<&str> = params.all("topic").collect();
        if rooms.len() > MOST_TOPICS || topics.len() > MOST_TOPICS {
            return Err(ApiError::invalid("room", Rule::AtMost(MOST_TOPICS)));
        }
        let (everything, topics): (Vec<&str>, Vec<&str>) =
            topics.into_iter().partition(|topic| *topic == "*");
        let room = |id| RoomId::parse(id).map_err(|rule| ApiError::invalid("room", rule));
        let topic = |text| Topic::parse(text).map_err(|rule| ApiError::invalid("topic", rule));
        Ok(Self {
            rooms: rooms.into_iter().map(room).collect::<Result<_, _>>()?,
            all_rooms: all_rooms(params)?,
            topics: topics.into_iter().map(topic).collect::<Result<_, _>>()?,
            everything: !everything.is_empty(),
            wait: wait(params)?,
        })
    }

    /// The rooms that are named, as rooms or as topics.
    pub(super) fn named_rooms(&self) -> Vec<RoomId> {
        let topics = self.topics.iter().filter_map(|topic| match topic.kind() {
            TopicKind::Room(id) => Some(RoomId::trusted(id.to_owned())),
            _ => None,
        });
        self.rooms.iter().cloned().chain(topics).collect()
    }

    /// The topics the stream carries; 403 if the caller may not have them.
    pub(super) fn filter(&self, identity: &Identity) -> Result<TopicFilter, Refusal> {
        if let Some(key) = identity.key() {
            return self.filter_of_key(key);
        }
        let named = self.everything || !self.topics.is_empty();
        if named && identity.role() == Role::User {
            return Err(Refusal::Forbidden(Forbidden::Topic));
        }
        let mut filter = TopicFilter {
            all_rooms: self.all_rooms,
            everything: self.everything,
            ..TopicFilter::default()
        };
        let inbox = identity.inbox();
        let rooms = self.rooms.iter().map(Topic::room);
        inbox
            .topics()
            .cloned()
            .chain(rooms)
            .chain(self.topics.iter().cloned())
            .for_each(|topic| filter.add(topic));
        Ok(filter)
    }
}

impl StreamQuery {
    /// The topics of a key's stream: those that are named, if the key covers them, or the topics of the key one by one. A key
    /// has no inbox.
    fn filter_of_key(&self, key: &ApiKey) -> Result<TopicFilter, Refusal> {
        let rooms = self.rooms.iter().map(Topic::room);
        let mut wanted: Vec<Topic> = rooms.chain(self.topics.iter().cloned()).collect();
        for topic in &wanted {
            api_keys::require_topic(key, topic)?;
        }
        let limited = !key.grant.topics.is_empty();
        if (self.everything && limited) || (self.all_rooms && !key.grant.covers_all_rooms()) {
            return Err(Refusal::Forbidden(Forbidden::KeyTopic));
        }
        let named = self.everything || self.all_rooms || !wanted.is_empty();
        if !named {
            wanted.extend(key.grant.exact_topics());
            if wanted.is_empty() {
                return Err(Refusal::Missing("topic"));
            }
        }
        let mut filter = TopicFilter {
            all_rooms: self.all_rooms,
            everything: self.everything,
            ..TopicFilter::default()
        };
        wanted.into_iter().for_each(|topic| filter.add(topic));
        Ok(filter)
    }
}

/// The position a request asks for: the header `Last-Event-ID`, or else the query. There the spellings of libraries that
/// resume by the query win over `cursor`, which may stand in the address of the first request. What is no text is a gap.
pub(crate) fn cursor(request: &HttpRequest, params: &Params) -> Cursor {
    for name in RESUME_HEADERS {
        let lines = request.headers().get_all(name);
        let mut lines = lines.filter(|value| !value.is_empty());
        match (lines.next(), lines.next()) {
            (Some(value), None) => return value.to_str().map_or(Cursor::Invalid, Cursor::parse),
            (None, _) => {}
            // Several lines are one list, which is no number.
            (Some(_), Some(_)) => return Cursor::Invalid,
        }
    }
    let named = RESUME_PARAMETERS.iter().find_map(|name| params.first(name));
    named.map_or(Cursor::Now, Cursor::parse)
}

fn all_rooms(params: &Params) -> Result<bool, ApiError> {
    match params.first("rooms") {
        None => Ok(false),
        Some("all") => Ok(true),
        Some(_) => Err(ApiError::invalid("rooms", Rule::OneOf("all"))),
    }
}

fn wait(params: &Params) -> Result<Option<Duration>, ApiError> {
    match params.parsed::<u64>("wait")? {
        None => Ok(None),
        Some(seconds @ 1..=60) => Ok(Some(Duration::from_secs(seconds))),
        Some(_) => Err(ApiError::invalid("wait", Rule::Between(1, 60))),
    }
}

/// More than a page shows, fewer than a query's bind variables.
const MOST_TOPICS: usize = 100;

/// The spellings of the header, in any case.
const RESUME_HEADERS: [&str; 3] = ["last-event-id", "lasteventid", "last_event_id"];

/// The spellings of the parameter, in the order in which they count.
const RESUME_PARAMETERS: [&str; 5] = [
    "lastEventId",
    "lastEventID",
    "Last-Event-ID",
    "last_event_id",
    "cursor",
];
