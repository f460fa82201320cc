//! The behaviour of the hub if its database is away, full, locked, or full of old alarms, tested from outside.
//!
//! With `CAMPANILE_TEST_DATABASE=postgres` the tests that are of no database in particular run on PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and tells its figures on stderr"
)]

#[path = "../support/commit_proxy.rs"]
mod commit_proxy;
#[path = "../support/mount.rs"]
mod mount;
#[expect(
    dead_code,
    reason = "shared with the tests of the wire, which use more of it"
)]
#[path = "../support/signing_in.rs"]
mod signing_in;
#[path = "../support/stored.rs"]
mod stored;
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the wire, which use more of it"
)]
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/trip_counter.rs"]
mod trip_counter;

mod backups;
mod checkpoint;
mod commit;
mod disk;
mod failover;
mod files;
mod language;
mod networks;
mod one_hub;
mod outage;
mod plans;
mod pooler;
mod prepared;
mod retention;
mod start;
mod tls;
mod trips;
mod two_hubs;
mod unheard;
mod upgrade;
