//! The JSON routes: each handler turns a request into an action and its result into an answer.

pub(crate) mod admin;
pub(crate) mod alarm_types;
pub(crate) mod alarms;
pub(crate) mod auth;
pub(crate) mod health;
pub(crate) mod key_set;
pub(crate) mod keys;
pub(crate) mod rooms;
pub(crate) mod users;
