//! The servers that are measured, each started fresh, fed and asked in its own words.

pub(crate) mod campanile;
mod centrifugo;
mod child;
pub(crate) mod floor;
mod kind;
mod mercure;
mod nchan;
mod node;
pub(crate) mod peer;
mod programs;
pub(crate) mod pushpin;
mod server;
mod spring;

pub(crate) use child::pause;
pub(crate) use kind::Kind;
pub(crate) use server::{Server, Site};
