//! A hub without its database.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::hubs::{answers, database, hub, publish};
use crate::link::{Conduct, Link, Way};
use crate::support::{DEADLINE, TestApp, until};

/// The line of the log for a request that is refused without a question to the database.
const AT_ONCE: &str = "the database has been away for seconds";

fn refused_at_once(hub: &TestApp) -> usize {
    hub.log().matches(AT_ONCE).count()
}

async fn publishes(hub: &TestApp) -> StatusCode {
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});
    let publish = hub.post(&hub.service(), "/api/alarms").json(&body);
    publish.send().await.unwrap().status()
}

async fn status(hub: &TestApp, path: &str) -> StatusCode {
    let answer = hub.request(Method::GET, path).send().await;
    answer.unwrap().status()
}

#[tokio::test]
async fn without_a_database_work_is_refused_at_once_and_streams_stay() {
    let url = database();
    let (link, through) = Link::before(&url).await;
    let (one, cut) = (hub(&url).await, hub(&through).await);
    let bob = one.user("bob").await;
    let mut stream = cut.connected(&bob, "/api/stream").await;

    link.now(Conduct::Hold(Way::Both));
    until("refused at once", DEADLINE, async || {
        (publishes(&cut).await == 503 && refused_at_once(&cut) > 0).then_some(())
    })
    .await;
    let before = refused_at_once(&cut);
    assert_eq!(publishes(&cut).await, 503);
    let second = cut.get(&bob, "/api/stream").send().await.unwrap();
    assert_eq!(second.status(), 503);
    assert!(second.headers().contains_key("retry-after"));
    assert_eq!(status(&cut, "/readyz").await, 503);
    until("all three are told in the log", DEADLINE, async || {
        (refused_at_once(&cut) == before + 3).then_some(())
    })
    .await;
    assert_eq!(status(&cut, "/healthz").await, 200);
    let mut ids = Vec::new();
    for _alarm in 0..3 {
        ids.push(publish(&one, "bob").await);
    }
    link.now(Conduct::Pass);

    for id in ids {
        assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), id);
    }
    until("ready", DEADLINE, async || {
        (status(&cut, "/readyz").await == 200).then_some(())
    })
    .await;
    answers(&cut, &bob, 200).await;
    assert_eq!(publishes(&cut).await, 201);
}

#[tokio::test]
#[ignore = "takes a minute: ./test.sh --long"]
async fn after_a_minute_without_a_database_streams_are_sent_to_another_hub() {
    let url = database();
    let (link, through) = Link::before(&url).await;
    let (one, cut) = (hub(&url).await, hub(&through).await);
    let bob = cut.user("bob").await;
    let mut elsewhere = one.connected(&bob, "/api/stream").await;
    let mut stream = cut.connected(&bob, "/api/stream").await;

    link.now(Conduct::Cut);
    let bye = stream.bye("unavailable", Duration::from_secs(90)).await;

    assert_eq!(bye["reconnect"], true);
    let id = publish(&one, "bob").await;
    assert_eq!(elsewhere.next_named("alarm", DEADLINE).await.number(), id);
}
