//! The settings of the Mercure protocol, and its bridge to the alarms.

use percent_encoding::percent_decode_str;

use crate::alarm::update::{Matcher, Matchers};
use crate::alarm::{RoomId, Topic, UserId};
use crate::auth::mercure::MercureKeys;
use crate::net::OriginPattern;

/// The settings of the protocol, and what compiles its matchers.
pub(crate) struct Mercure {
    /// The keys of publishers and subscribers.
    pub keys: MercureKeys,
    /// Compiles matchers.
    pub matchers: Matchers,
    /// Everybody may subscribe to public updates.
    pub anonymous: bool,
    /// Origins whose pages may call.
    pub cors_origins: Vec<OriginPattern>,
    /// Origins whose pages may publish with a cookie.
    pub publish_origins: Vec<OriginPattern>,
    /// Subscriptions are told of.
    pub subscriptions: bool,
    /// Alarms are updates too.
    pub bridge: bool,
}

impl Mercure {
    /// The topics of the alarms that a subscriber gets through the bridge: those that a matcher and a grant both name exactly.
    pub(crate) fn bridged(&self, matchers: &[Matcher], grants: &[Matcher]) -> Vec<Topic> {
        if !self.bridge {
            return Vec::new();
        }
        let granted = matchers.iter().filter(|one| grants.contains(one));
        let exact = granted.filter_map(|one| match one {
            Matcher::Exact(text) => bridged_topic(text),
            Matcher::All | Matcher::Pattern(_) => None,
        });
        exact.collect()
    }

    /// True for a topic that no publisher may use because the bridge publishes there.
    pub(crate) fn is_bridged(&self, topic: &str) -> bool {
        if !self.bridge {
            return false;
        }
        let base = self.matchers.base();
        base.join(topic)
            .is_ok_and(|url| url.origin() == base.origin() && bridged_topic(url.path()).is_some())
    }
}

/// The alarms that the bridge publishes under a path.
fn bridged_topic(path: &str) -> Option<Topic> {
    if path == "/everyone" {
        return Some(Topic::everyone());
    }
    let text = |escaped: &str| {
        let decoded = percent_decode_str(escaped).decode_utf8().ok()?;
        Some(decoded.into_owned())
    };
    if let Some(room) = path.strip_prefix("/rooms/") {
        return RoomId::parse(text(room)?).ok().map(|id| Topic::room(&id));
    }
    let user = path.strip_prefix("/users/")?.strip_suffix("/alarms")?;
    UserId::parse(text(user)?).ok().map(|id| Topic::user(&id))
}
