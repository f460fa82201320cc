//! The base of every black-box test: the real binary in a folder of its own, test tokens and a strict reader of event
//! streams. It knows nothing of the server's code.
//!
//! A test binary takes it in with `#[path = "../support/mod.rs"] mod support;`.

mod app;
mod client;
mod embedded;
pub(crate) mod http2;
mod keeper;
mod log;
pub(crate) mod port;
pub(crate) mod postgres;
mod process;
mod sse;
pub(crate) mod tls;
mod token;

use std::time::{Duration, Instant};

pub(crate) use app::{AppBuilder, TestApp};
pub(crate) use process::{SECRET, on_postgres, run};
pub(crate) use sse::{Event, Item, Parser, SseClient};
pub(crate) use token::{Claims, sign, sign_with, unsigned};

/// The time after which a test fails. Generous, because a debug build shares two cores with a compiler.
pub(crate) const DEADLINE: Duration = Duration::from_secs(40);

/// The shortest time between two questions of `until`.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks `probe` again and again until it has an answer, for the few facts nothing announces.
///
/// # Panics
/// If `limit` passes without an answer.
pub(crate) async fn until<T>(what: &str, limit: Duration, probe: impl AsyncFn() -> Option<T>) -> T {
    let mut tick = tokio::time::interval(PAUSE);
    let answer = tokio::time::timeout(limit, async {
        loop {
            tick.tick().await;
            let begin = Instant::now();
            if let Some(answer) = probe().await {
                return answer;
            }
            // A probe that is expensive leaves as much time to what it waits for.
            tick.reset_after(begin.elapsed().max(PAUSE));
        }
    });
    answer
        .await
        .unwrap_or_else(|_| panic!("not within {limit:?}: {what}"))
}
