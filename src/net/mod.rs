//! Web origins and network addresses: parsed once, compared by their meaning.

mod forwarded;
mod network;
mod origin;
mod origin_pattern;

pub(crate) use forwarded::{Hop, forwarded, x_forwarded_for};
pub(crate) use network::{Network, TrustedProxies};
pub(crate) use origin::Origin;
pub(crate) use origin_pattern::OriginPattern;
