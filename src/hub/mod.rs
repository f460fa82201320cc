//! Who is connected now: the one owner of all client channels. Reads no store, waits for nobody.

mod broadcaster;
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

pub use broadcaster::{
    Broadcaster, Close, Connections, ConnectionsOf, Disconnect, GoLive, Notify, Online, Presence,
    Publish, Reached, Shutdown, Subscribe,
};
pub use client::{ClientId, ClientInfo, NewClient, Start};
pub use frame::{Bye, Connected, EventName, Frame};
pub use handover::{Handover, Next};
pub use registry::{Limits, SubscribeError, Which};
pub use subscription::Subscription;
