//! The life of an alarm that several hubs pushed.

use serde_json::{Value, json};

use crate::hubs::{database, hub, publish};
use crate::support::{DEADLINE, TestApp, until};

async fn life(hub: &TestApp, id: i64) -> Value {
    let path = format!("/api/admin/alarms/{id}/delivery?user=bob");
    let answer = hub.get(&hub.admin(), &path).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// Pushes an alarm from two hubs; gives its id and the names of the hubs, as one of them tells it.
async fn pushed_by_both(one: &TestApp, other: &TestApp, bob: &str) -> (i64, Vec<Value>) {
    let mut streams = Vec::new();
    for hub in [one, other] {
        streams.push(hub.connected(bob, "/api/stream").await);
    }
    let id = publish(one, "bob").await;
    for stream in &mut streams {
        stream.next_named("alarm", DEADLINE).await;
    }
    let hubs = until("both hubs told", DEADLINE, async || {
        let life = life(one, id).await;
        let pushed = life["recipients"]["items"][0]["pushed"].as_array().unwrap();
        let hubs: Vec<Value> = pushed.iter().map(|push| push["hub"].clone()).collect();
        (hubs.len() == 2).then_some(hubs)
    });
    (id, hubs.await)
}

#[tokio::test]
async fn every_hub_tells_what_it_pushed_and_one_that_cannot_answer_is_named() {
    let url = database();
    let one = hub(&url).await;
    let bob = one.user("bob").await;

    // A hub that was killed counts as one that does not answer until its lease is over. On a busy machine the question may
    // come after that.
    let mut named = Value::Null;
    let mut last = 0;
    for _attempt in 0..5 {
        let mut other = hub(&url).await;
        let (id, hubs) = pushed_by_both(&one, &other, &bob).await;
        assert_ne!(hubs[0], hubs[1]);
        other.kill().await;
        let life = life(&one, id).await;
        assert_eq!(
            life["recipients"]["items"][0]["pushed"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        (named, last) = (life["unanswered"].clone(), id);
        if let Some(name) = named.get(0) {
            assert!(hubs.contains(name), "{named}: {hubs:?}");
            break;
        }
    }

    assert_eq!(named.as_array().unwrap().len(), 1);
    until("the dead hub is forgotten", DEADLINE, async || {
        (life(&one, last).await["unanswered"] == json!([])).then_some(())
    })
    .await;
}
