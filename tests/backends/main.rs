//! The clients for back ends of `clients/`, each in a program of its own language against a real hub, and the snippets of the guides. A
//! program is told what to do by its arguments, and prints a line of JSON for each fact. `./test.sh` installs what the programs need.
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
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the wire, which use more of it"
)]
#[path = "../support/mod.rs"]
mod support;

#[path = "../support/chromium.rs"]
#[expect(dead_code, reason = "shared with the tests of the pages")]
mod chromium;

mod calls;
mod drill;
mod emitter;
mod guides;
mod killed;
mod language;
mod packages;
mod site;
mod snippets;
mod spring;
mod trouble;
