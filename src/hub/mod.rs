//! The clients that are connected now: the one owner of all client channels. Reads no store, waits for nobody.

mod broadcaster;
mod channel;
mod client;
mod ending;
mod frame;
mod handover;
mod index;
mod members;
mod presence;
#[cfg(test)]
mod properties;
mod recent;
mod registry;
mod sharing;
mod stream_list;
mod subscription;

pub(crate) use broadcaster::{
    Broadcaster, Close, CountPresent, CountReach, Finish, ForgetRecent, GoLive, ListAudience,
    ListPresent, ListRights, ListStreams, ListStreamsOf, Notify, Publish, Rejoin, Shutdown,
    Subscribe,
};
pub(crate) use channel::Received;
pub(crate) use client::{ClientId, ClientInfo, NewClient, Rights, Start};
pub(crate) use frame::{Bye, Connected, EventName, Frame};
pub(crate) use handover::{Handover, Next};
pub(crate) use presence::{Elsewhere, Moves, Present, PresentPage};
pub(crate) use recent::MOST_MISSED;
pub(crate) use registry::{Limits, Rejoined, SubscribeError};
pub(crate) use sharing::{Hear, ListTold, SharePresence, TakeHere, TakeMoves};
pub(crate) use stream_list::StreamList;
pub(crate) use subscription::{Disconnect, Subscription};
