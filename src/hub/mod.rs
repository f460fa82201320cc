//! Who is connected now: the one owner of all client channels. Reads no store, waits for nobody.

mod broadcaster;
mod frame;
mod handover;
mod presence;
#[cfg(test)]
mod properties;
mod registry;
mod subscription;

pub use broadcaster::{
    Broadcaster, Close, Connections, Disconnect, GoLive, Notify, Online, Presence, Publish,
    Shutdown, Subscribe,
};
pub use frame::{Bye, Connected, EventName, Frame};
pub use handover::{Handover, Next};
pub use registry::{ClientId, ClientInfo, Limits, NewClient, Start, SubscribeError, Which};
pub use subscription::Subscription;
