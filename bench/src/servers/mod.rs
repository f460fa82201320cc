//! The servers that are measured, each started fresh, fed and asked in its own words.

pub(crate) mod campanile;
mod child;
pub(crate) mod floor;
mod kind;
mod nchan;
mod node;
pub(crate) mod peer;
pub(crate) mod pushpin;
mod server;

pub(crate) use child::pause;
pub(crate) use kind::Kind;
pub(crate) use server::{Server, Site};
