//! Clients that do not read, do not finish, send nonsense or come in too great a number: the hub and everybody else live on.
//!
//! `PROPTEST_CASES` asks for more nonsense, `CAMPANILE_HEALTHY_CLIENTS` and `CAMPANILE_SLOW_CLIENTS` for a larger crowd.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and tells its figures on stderr"
)]

#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "../support/socket.rs"]
mod socket;
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the wire, which use more of it"
)]
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/system.rs"]
mod system;
#[path = "../support/wire.rs"]
mod wire;

mod contract;
mod http2;
mod limits;
mod nonsense;
mod protocol;
mod refusals;
mod slow;
