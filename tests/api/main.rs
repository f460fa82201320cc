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
#[path = "../support/openid_provider.rs"]
mod openid_provider;
#[path = "../support/provider.rs"]
mod provider;
#[path = "../support/publishing.rs"]
mod publishing;
#[path = "../support/signing_in.rs"]
mod signing_in;
#[expect(
    dead_code,
    reason = "shared with the tests of hostile clients, which use more of it"
)]
#[path = "../support/socket.rs"]
mod socket;
#[expect(
    dead_code,
    reason = "shared with the tests of the store, which use more of it"
)]
#[path = "../support/mod.rs"]
mod support;

mod admin;
mod admin_pages;
mod alarm_types;
mod alarms;
mod api_keys;
mod assets;
mod asyncapi;
mod attempts;
mod audience;
mod audit;
mod auth;
mod batches;
mod bodies;
mod bursts;
mod claims;
mod commands;
mod compare;
mod config;
mod contract;
mod crash;
mod credentials;
mod dashboard;
mod delivery;
mod deployment;
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
mod issuer_files;
mod issuer_table;
mod issuers;
mod key_sets;
mod language;
mod leaving;
mod limits;
mod load;
mod logs;
mod marks;
mod memory;
mod metrics;
mod one_person;
mod openid;
mod openid_visitors;
mod original;
mod origins;
mod pages;
mod parameters;
mod peers;
mod polls;
mod providers;
mod quotas;
mod replay;
mod resuming;
mod retracting;
mod rooms;
mod routes;
mod shutdown;
mod signing_keys;
mod streams;
mod tls;
mod tokens;
mod transports;
mod unwritten;
mod users;
mod wandering;
mod web_socket;
