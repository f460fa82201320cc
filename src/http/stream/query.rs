//! The query of a stream, parsed once.

use std::time::Duration;

use actix_web::HttpRequest;

use crate::actions::identity::Identity;
use crate::actions::{Forbidden, Refusal, Rule};
use crate::alarm::{Role, RoomId, Topic, TopicFilter};
use crate::feed::cursor::Cursor;
use crate::http::body::Params;
use crate::http::problem::ApiError;

/// What the query of `/api/stream` asks for.
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

    /// The topics the stream carries; 403 if the caller may not have them.
    pub(super) fn filter(&self, identity: &Identity) -> Result<TopicFilter, Refusal> {
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

/// The position a request asks for: `Last-Event-ID`, or else `cursor`.
pub(crate) fn cursor(request: &HttpRequest, params: &Params) -> Cursor {
    let header = request.headers().get("last-event-id");
    let header = header.and_then(|value| value.to_str().ok());
    let written = header.filter(|text| !text.is_empty());
    match written.or_else(|| params.first("cursor")) {
        None => Cursor::Now,
        Some(text) => Cursor::parse(text),
    }
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
