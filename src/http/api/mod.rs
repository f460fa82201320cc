//! The JSON handlers: each turns a request into messages or reads, and their outcome into an answer.

pub(crate) mod admin;
pub(crate) mod alarms;
pub(crate) mod auth;
pub(crate) mod health;
pub(crate) mod original;
pub(crate) mod rooms;
pub(crate) mod users;
