//! The guarantees of several hubs on one PostgreSQL, tested with real hubs and a real server.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and tells its figures on stderr"
)]

#[path = "../support/link.rs"]
mod link;
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the wire, which use more of it"
)]
#[path = "../support/mod.rs"]
mod support;
#[expect(dead_code, reason = "the torture of one hub uses more of it")]
#[path = "../support/torture/mod.rs"]
mod torture;

mod accounts;
mod alarm_types;
mod bell;
mod commits;
mod delivery;
mod deployment;
mod failover;
mod faults;
mod hubs;
mod kills;
mod leases;
mod limits;
mod lost;
mod many;
mod outage;
mod presence;
mod rights;
mod servers;
mod standby;
mod states;
mod trial;
mod versions;
