//! The clients that are connected now: the one owner of all client channels. Reads no store, waits for nobody.

mod broadcaster;
mod bye;
mod channel;
mod client;
mod counts;
mod ending;
mod entry;
mod event_data;
mod frame;
mod handover;
mod index;
mod members;
mod patterns;
mod presence;
#[cfg(test)]
mod properties;
mod pushes;
mod recent;
mod registry;
mod sharing;
mod stream_list;
mod subscription;
mod telling;

pub(crate) use broadcaster::{
    Broadcaster, Close, CountPresent, CountReach, Finish, ForgetRecent, GoLive, ListAudience,
    ListPresent, ListRights, ListStreams, ListStreamsOf, ListWatching, Notify, Publish, Rejoin,
    Retract, Shutdown, Subscribe,
};
pub(crate) use bye::Bye;
pub(crate) use channel::Received;
pub(crate) use client::{ClientId, ClientInfo, NewClient, Rights, Start};
pub(crate) use counts::StreamCount;
pub(crate) use entry::Entry;
pub(crate) use event_data::{ByeData, Connected, EventName, PingData, PresenceData, SessionData};
pub(crate) use frame::Frame;
pub(crate) use handover::{Handover, Next};
pub(crate) use presence::{Elsewhere, Moves, Present, PresentPage};
pub(crate) use pushes::{Pushes, PushesTo};
pub(crate) use recent::MOST_MISSED;
pub(crate) use registry::{Attached, Limits, Rejoined, SubscribeError};
pub(crate) use sharing::{Changes, Hear, ListTold, News, Share, TakeChanges, TakeHere};
pub(crate) use stream_list::StreamList;
pub(crate) use subscription::{Disconnect, Subscription};
