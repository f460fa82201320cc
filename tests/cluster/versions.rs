//! A hub of the last version beside one of this version, over a failover: while a deployment goes on, both are there.
//!
//! `CAMPANILE_OLD_BINARY` names the older binary, of the commit 91ed2b8, the last one before hubs knew of each other. `./test.sh --long` builds it
//! by `cargo build --locked --features postgres --bin campanile`. It has neither the bell nor the signals nor an idea of the epoch, so it looks at the log once a second.

use std::path::PathBuf;

use crate::hubs::{hub, publish};
use crate::servers::{Servers, acknowledged};
use crate::support::{AppBuilder, DEADLINE, SseClient};

/// The older binary, where there is one.
fn old_binary() -> Option<PathBuf> {
    let named = std::env::var_os("CAMPANILE_OLD_BINARY");
    if named.is_none() {
        eprintln!(
            "NOT COVERED: the last version beside this one (CAMPANILE_OLD_BINARY is not set)"
        );
    }
    let path = PathBuf::from(named?);
    Some(path.canonicalize().expect("the older binary"))
}

/// The ids of all alarms after one, up to the one that is waited for.
async fn up_to(stream: &mut SseClient, after: i64, last: i64) -> Vec<i64> {
    let mut ids = Vec::new();
    while ids.last() != Some(&last) {
        let id = stream.next_named("alarm", DEADLINE).await.number();
        if id > after {
            ids.push(id);
        }
    }
    ids
}

#[tokio::test]
async fn the_last_version_beside_this_one_loses_and_repeats_nothing_over_a_failover() {
    let Some(binary) = old_binary() else {
        return;
    };
    let servers = Servers::start().await;
    let mut old = AppBuilder::default()
        .binary(&binary)
        .env("CAMPANILE_DATABASE_URL", &servers.url)
        .spawn()
        .await;
    let bob = old.user("bob").await;
    let mut ids = vec![publish(&old, "bob").await];
    // It applies its migrations while the older one goes on.
    let new = hub(&servers.url).await;
    let mut streams = Vec::new();
    for hub in [&old, &new] {
        streams.push(hub.connected(&bob, "/api/stream?cursor=0").await);
    }
    for _round in 0..3 {
        ids.push(publish(&new, "bob").await);
        ids.push(publish(&old, "bob").await);
    }
    let before = *ids.last().unwrap();
    for stream in &mut streams {
        assert_eq!(up_to(stream, 0, before).await, ids);
    }

    // The standby lacks an alarm of the older hub that was shown and never acknowledged.
    servers.freeze_standby();
    let unanswered = acknowledged(&old, "bob", "first");
    let take_over = async {
        servers.kill_waiting_commits().await;
        // The older hub looks on the connection of its appends, which waits for the standby again: it may show it or not.
        let lost = streams[1].next_named("alarm", DEADLINE).await.number();
        assert_eq!(lost, before + 1);
        servers.fail_over().await;
    };
    // The older hub asks for no jump at its start; its first append meets the trigger.
    let (first, ()) = tokio::join!(unanswered, take_over);
    let second = acknowledged(&new, "bob", "second").await;
    let third = acknowledged(&old, "bob", "third").await;

    assert!(first > before + (1 << 20), "{first}");
    let later = [first, second, third];
    for stream in &mut streams {
        assert_eq!(up_to(stream, before + 1, third).await, later);
    }
    // A client that comes back with the id of a lost alarm misses nothing at either hub, also after the older one has started again.
    old.kill().await;
    old.restart().await;
    for hub in [&old, &new] {
        let path = format!("/api/stream?cursor={}", before + 1);
        let mut back = hub.connected(&bob, &path).await;
        assert_eq!(up_to(&mut back, before + 1, third).await, later);
    }
}
