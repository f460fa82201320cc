//! The HTTP edge: the route table, the extractors of callers, and the one mapping of errors. One folder for each protocol.

pub(crate) mod api;
mod asyncapi;
pub(crate) mod body;
mod codes;
pub(crate) mod cookies;
pub(crate) mod identity;
pub(crate) mod lists;
pub(crate) mod mercure;
mod object;
mod openapi;
pub(crate) mod origin;
mod original;
mod parameters;
pub(crate) mod peer;
pub(crate) mod problem;
mod reading;
mod request;
mod routes;
mod security;
pub(crate) mod status;
mod stream;

pub(crate) use reading::read;
pub(crate) use request::{admit, finish};
pub(crate) use routes::{configure, not_found};
