//! The hub with real clients of other languages, in the versions of the lock files beside this file, which `./test.sh` installs. A program of
//! each language prints a line of JSON for each event; a proxy breaks the connections; what was heard is compared with what was published.
//!
//! `CAMPANILE_CLIENTS` asks for that many clients of each kind, each kind in turn, and `CAMPANILE_CLIENTS_SECONDS` for a longer time of
//! random cuts; `./test.sh --long` sets both. `CAMPANILE_CLIENTS_KINDS` names the only kinds to cut.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and tells its figures on stderr"
)]

#[path = "../support/answers.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod answers;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "../support/chromium.rs"]
mod chromium;
#[path = "../support/cutter.rs"]
mod cutter;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "../support/provider.rs"]
mod provider;
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the wire, which use more of it"
)]
#[path = "../support/mod.rs"]
mod support;

mod crowd;
mod cuts;
mod languages;
mod page;
mod public_keys;
mod stage;
mod tokens;

/// Tells something past the test runner, which keeps what a test that passes has printed.
pub(crate) fn say(line: &str) {
    use std::io::Write;

    std::io::stderr()
        .write_all(format!("{line}\n").as_bytes())
        .ok();
}
