//! The hub behind real proxies, with the very configurations of `docs/guide/proxies.md`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and tells its figures on stderr"
)]

#[path = "../support/documented_proxy.rs"]
mod documented_proxy;
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the wire, which use more of it"
)]
#[path = "../support/mod.rs"]
mod support;

mod caddy;
mod doctor;
mod haproxy;
mod mends;
mod nginx;
mod promises;
