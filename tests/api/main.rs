//! What the hub promises over HTTP, tested from outside on the real binary.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and tells its figures on stderr"
)]

#[path = "../support/mod.rs"]
mod support;

mod admin;
mod admin_pages;
mod alarms;
mod answers;
mod assets;
mod attempts;
mod audience;
mod auth;
mod compare;
mod config;
mod crash;
mod crowd;
mod database;
mod event_stream;
mod health;
mod http2;
mod idempotency;
mod inbox;
mod language;
mod legacy;
mod limits;
mod listener;
mod load;
mod logs;
mod marks;
mod original_alarms;
mod original_delivery;
mod original_identity;
mod origins;
mod pages;
mod polls;
mod replay;
mod rooms;
mod routes;
mod shutdown;
mod streams;
mod tls;
mod tokens;
mod users;
mod wandering;
mod ways;
mod web_socket;
