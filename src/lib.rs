//! Campanile, a notification hub: one HTTP request stores an alarm and shows it on every page it concerns.
//!
//! The path of one alarm: `http` turns a request into an action, `actions` hands it to the `journal`, which stores it with
//! others in one commit through `store`; `hub` delivers it to the streams it concerns, which `feed` and `http` write. `app`
//! puts the parts together and is the only module that knows them all.

mod actions;
mod alarm;
pub mod app;
mod auth;
mod cluster;
pub mod config;
mod feed;
mod http;
mod hub;
mod journal;
mod metrics;
mod net;
mod outgoing;
mod pages;
mod recent;
mod server;
mod store;
