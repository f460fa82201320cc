//! The Mercure protocol from outside, in both dialects. What the protocol itself promises can be tried at any hub: see `hub`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

#[expect(
    dead_code,
    reason = "shared with the tests of the pages, which use more of it"
)]
#[path = "../support/chromium.rs"]
mod chromium;
#[expect(
    dead_code,
    reason = "shared with the tests of the store, which use more of it"
)]
#[path = "../support/database.rs"]
mod database;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "../support/provider.rs"]
mod provider;
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the API, which use more of it"
)]
#[path = "../support/mod.rs"]
mod support;

mod bridge;
mod clients;
mod headers;
mod hub;
mod isolation;
mod issuers;
mod matching;
mod outage;
mod publishing;
mod refusals;
mod resuming;
mod several;
mod sites;
mod streams;
mod subscriptions;
mod tokens;
mod twice;
mod version_0;
