//! Who is connected now: the one owner of all client channels. Reads no store, waits for nobody.

mod broadcaster;
mod channel;
mod client;
mod ending;
mod frame;
mod handover;
mod members;
mod presence;
#[cfg(test)]
mod properties;
mod recent;
mod registry;
mod subscription;

pub(crate) use broadcaster::{
    Broadcaster, Close, CountPresent, CountReach, GoLive, ListPresent, ListStreams, ListStreamsOf,
    Notify, Publish, Shutdown, Subscribe,
};
pub(crate) use client::{ClientId, ClientInfo, NewClient, Start};
pub(crate) use frame::{Bye, Connected, EventName, Frame};
pub(crate) use handover::{Handover, Next};
pub(crate) use registry::{Limits, StreamList, SubscribeError};
pub(crate) use subscription::{Disconnect, Subscription};
