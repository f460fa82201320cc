//! What the hub promises of its database, tested from outside: one that is away, full, taken, or full of old alarms.
//!
//! The tests of PostgreSQL need the feature `postgres`; with `CAMPANILE_TEST_DATABASE=postgres` the others run on it as well.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and tells its figures on stderr"
)]

#[cfg(feature = "postgres")]
#[path = "../support/commit_proxy.rs"]
mod commit_proxy;
#[path = "../support/mount.rs"]
mod mount;
#[path = "../support/stored.rs"]
mod stored;
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the wire, which use more of it"
)]
#[path = "../support/mod.rs"]
mod support;

mod checkpoint;
mod disk;
mod one_hub;
#[cfg(feature = "postgres")]
mod outage;
mod retention;
mod start;
#[cfg(feature = "postgres")]
mod two_hubs;
#[cfg(feature = "postgres")]
mod unheard;
