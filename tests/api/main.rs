//! The guarantees of the hub over HTTP, tested from outside on the real binary.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and tells its figures on stderr"
)]

#[path = "../support/answers.rs"]
mod answers;
#[path = "../support/browsing.rs"]
mod browsing;
#[path = "../support/crowd.rs"]
mod crowd;
#[path = "../support/database.rs"]
mod database;
#[path = "../support/entries.rs"]
mod entries;
#[path = "../support/listener.rs"]
mod listener;
#[path = "../support/publishing.rs"]
mod publishing;
#[path = "../support/signing_in.rs"]
mod signing_in;
#[expect(
    dead_code,
    reason = "shared with the tests of the store, which use more of it"
)]
#[path = "../support/mod.rs"]
mod support;

mod admin;
mod admin_pages;
mod alarms;
mod assets;
mod attempts;
mod audience;
mod auth;
mod bodies;
mod bursts;
mod claims;
mod compare;
mod config;
mod crash;
mod endings;
mod event_stream;
mod expiry;
mod framing;
mod head;
mod health;
mod http2;
mod idempotency;
mod identity;
mod inbox;
mod language;
mod limits;
mod load;
mod logs;
mod marks;
mod memory;
mod one_person;
mod original;
mod origins;
mod pages;
mod parameters;
mod peers;
mod polls;
mod quotas;
mod replay;
mod rooms;
mod routes;
mod shutdown;
mod streams;
mod tls;
mod tokens;
mod transports;
mod users;
mod wandering;
mod web_socket;
