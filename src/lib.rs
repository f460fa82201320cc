//! Campanile, a notification hub: one HTTP request stores an alarm and shows it on every page it concerns.
//!
//! The way of one alarm: `http` takes it, `journal` stores it with others in one commit through `store`, `hub` offers it
//! to the clients it concerns, and `http` streams write it. `app` puts the parts together and is the only module that
//! knows them all.

pub mod alarm;
pub mod app;
pub mod auth;
pub mod config;
pub mod http;
pub mod hub;
pub mod journal;
pub mod metrics;
mod pages;
mod recent;
mod server;
mod socket;
pub mod store;
mod tls;
