//! The hubs know of each other: one list of the streams of all, and a lease that a hub which stands still loses.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::hubs::{WITHIN, answers, database, disconnect, ends, hub, publish, status};
use crate::support::postgres::{Postgres, signal};
use crate::support::{DEADLINE, until};

/// A lease ends five seconds after the last beat; the rest is a slow machine.
const ENDS_WITHIN: Duration = Duration::from_secs(40);

fn leases(url: &str) -> String {
    let rows = "SELECT string_agg(incarnation::text, ',' ORDER BY incarnation) FROM hubs";
    Postgres::shared().sql(url, rows)
}

async fn leased(url: &str, incarnations: &str, within: Duration) {
    until(&format!("leases {incarnations}"), within, async || {
        (leases(url) == incarnations).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_hub_lists_the_streams_of_all_and_may_close_each() {
    let url = database();
    let hubs = [hub(&url).await, hub(&url).await, hub(&url).await];
    leased(&url, "1,1,1", WITHIN).await;
    let bob = hubs[0].user("bob").await;
    let eve = hubs[0].user("eve").await;
    let mut streams = Vec::new();
    for hub in &hubs {
        streams.push(hub.connected(&bob, "/api/stream").await);
    }
    let _bystander = hubs[1].connected(&eve, "/api/stream").await;

    let (mut lists, mut complete) = (Vec::new(), Vec::new());
    for hub in &hubs {
        let list = until("all streams", WITHIN, async || {
            let list = hub.connections().await;
            (list.len() == 4).then_some(list)
        })
        .await;
        let names: HashSet<String> = list.iter().map(|row| row["hub"].to_string()).collect();
        assert_eq!(names.len(), 3, "{list:?}");
        let mut ids: Vec<String> = list.iter().map(|row| row["clientId"].to_string()).collect();
        ids.sort();
        lists.push(ids);
        let page = until("all hubs on the page", WITHIN, async || {
            let page = hub.get(&hub.admin(), "/admin").send().await.ok()?;
            let page = page.text().await.ok()?;
            let mut names = list.iter().filter_map(|row| row["hub"].as_str());
            names
                .all(|name| page.contains(&format!("<b>{name}</b>")))
                .then_some(())
        });
        page.await;
        complete = list;
    }
    assert_eq!(lists[0], lists[1]);
    assert_eq!(lists[0], lists[2]);
    until(
        "the round trip of each bell is shown",
        DEADLINE,
        async || {
            let page = hubs[1].get(&hubs[1].admin(), "/admin").send().await.ok()?;
            let page = page.text().await.ok()?;
            (page.matches(" ms</td>").count() == 3).then_some(())
        },
    )
    .await;

    let begin = Instant::now();
    let rows = complete.iter().filter(|row| row["userId"] == "bob");
    for row in rows {
        let client = row["clientId"].as_str().unwrap();
        assert_eq!(disconnect(&hubs[0], client).await, 204);
    }
    for stream in streams {
        ends(stream, "kicked").await;
    }
    eprintln!(
        "three streams at three hubs closed after {:?}",
        begin.elapsed()
    );
}

#[tokio::test]
async fn disconnecting_a_user_counts_their_streams_at_all_hubs() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    leased(&url, "1,1", WITHIN).await;
    let bob = one.user("bob").await;
    let streams = [
        one.connected(&bob, "/api/stream").await,
        other.connected(&bob, "/api/stream").await,
        other.connected(&bob, "/api/stream").await,
    ];

    until("both hubs are known", WITHIN, async || {
        (one.connections().await.len() == 3).then_some(())
    })
    .await;
    let request = one.post(&one.admin(), "/api/admin/users/bob/disconnect");
    let answer = request.send().await.unwrap().json::<Value>().await.unwrap();

    assert_eq!(answer, json!({"disconnected": 3}));
    for stream in streams {
        ends(stream, "kicked").await;
    }
}

#[tokio::test]
async fn a_hub_that_stood_still_takes_its_lease_back_and_its_streams_miss_and_repeat_nothing() {
    let url = database();
    let (one, still) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    answers(&still, &bob, 200).await;
    let mut stream = still.connected(&bob, "/api/stream").await;
    leased(&url, "1,1", WITHIN).await;

    let process = [still.process_id()];
    signal("-STOP", &process);
    let mut ids = Vec::new();
    for _alarm in 0..3 {
        ids.push(publish(&one, "bob").await);
    }
    until("the lease is ended", ENDS_WITHIN, async || {
        // A connection that is not used would be closed just when it is used again.
        status(&one, &bob).await;
        (leases(&url) == "1").then_some(())
    })
    .await;
    ids.push(publish(&one, "bob").await);
    signal("-CONT", &process);

    leased(&url, "1,2", ENDS_WITHIN).await;
    ids.push(publish(&one, "bob").await);
    for id in ids {
        assert_eq!(stream.next_named("alarm", WITHIN).await.number(), id);
    }
    assert!((still.figure("campanile_leases_lost_total").await - 1.0).abs() < 0.1);
    assert!(one.figure("campanile_leases_lost_total").await < 0.1);
}

#[tokio::test]
async fn a_hub_that_is_killed_loses_its_lease_and_one_that_stops_gives_it_back_at_once() {
    let url = database();
    let (_one, mut killed, mut stopped) = (hub(&url).await, hub(&url).await, hub(&url).await);
    leased(&url, "1,1,1", WITHIN).await;

    stopped.stop().await;
    assert_eq!(leases(&url), "1,1");

    killed.kill().await;
    leased(&url, "1", ENDS_WITHIN).await;
}
