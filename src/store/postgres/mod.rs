//! PostgreSQL: a Diesel connection over `tokio-postgres`, driven by the thread that uses it.
//!
//! Diesel's own connection needs a system library and gives no SQLSTATE. This one has neither fault. A setting lasts for one
//! transaction, and behind a pooler, which may give each transaction another session, no statement is prepared.

mod address;
mod bell;
mod connection;
mod failure;
mod host;
mod round_trip;
mod row;
mod secrets;
mod session;
mod statements;
mod timeline;
mod tls;
mod transactions;

pub(crate) use crate::store::postgres::address::Address;
pub(crate) use crate::store::postgres::bell::{Listener, Ringer, hang};
pub(crate) use crate::store::postgres::connection::PostgresConnection;
