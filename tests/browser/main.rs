//! Tests of the pages: the real binary and real Chromium windows, each with a profile of its own.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and tells its figures on stderr"
)]

#[path = "../support/chromium.rs"]
mod chromium;
#[path = "../support/faulty_proxy.rs"]
mod faulty_proxy;
#[path = "../support/layout.rs"]
mod layout;
#[path = "../support/openid_provider.rs"]
mod openid_provider;
#[path = "../support/scenes.rs"]
mod scenes;
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the wire, which use more of it"
)]
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/trace.rs"]
mod trace;

mod accessibility;
mod admin;
mod announcements;
mod another_person;
mod anywhere;
mod api_docs;

mod bell;
mod bindings;
mod causes;
mod compare;
mod declared;
mod embed;
mod headless;
mod http2;
mod keyboard;
mod language;
mod lease;
mod one_person;
mod package;
mod panel;
mod plain;
mod react;
mod recovery;
mod renewal;
mod room_life;
mod rooms;
mod screenshots;
mod sign_in;
mod signing_out;
mod site;
mod street;
mod tabs;
mod weight;
