//! JSON and streams over HTTP: one route table, the extractors, and one mapping of errors.

mod api;
pub(crate) mod audience;
pub(crate) mod body;
mod connections;
pub(crate) mod error;
pub(crate) mod figures;
pub(crate) mod identity;
pub(crate) mod inbox;
mod pace;
pub(crate) mod people;
pub(crate) mod publish;
mod request;
pub(crate) mod rooms;
mod routes;
pub(crate) mod sessions;
pub(crate) mod state;
mod stream;

pub(crate) use connections::{Connection, Connections};
pub(crate) use pace::Pace;
pub(crate) use request::finish;
pub(crate) use routes::{configure, not_found};
