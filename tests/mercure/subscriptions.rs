//! Active subscriptions: their updates, and the routes that list them.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::hub::{
    DETAIL, Hub, PATH, answer, claims, keys, sign_0, sign_1, status, strict, token, token_0,
};
use crate::support::{AppBuilder, DEADLINE, until};

const LIST: &str = "/.well-known/mercure/subscriptions";

fn telling(settings: AppBuilder) -> AppBuilder {
    settings.env("CAMPANILE_MERCURE_SUBSCRIPTIONS", "on")
}

fn list(hub: &Hub, path: &str, token: &str) -> RequestBuilder {
    hub.request(Method::GET, path).bearer_auth(token)
}

async fn json_of(request: RequestBuilder) -> Value {
    let answer = answer(request).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// A token with a payload for one topic.
fn with_payload() -> String {
    let mut claims = claims(&[], &[]);
    claims["authorization_details"] = json!([
        {"type": DETAIL, "actions": ["subscribe"], "topics": [{"match": "other"}], "payload": {"no": 1}},
        {"type": DETAIL, "actions": ["subscribe"], "topics": [{"match": "https://example.com/a b"}], "payload": {"user": "bob"}},
    ]);
    sign_1(&claims)
}

#[tokio::test]
async fn a_subscription_is_told_of_when_it_begins_and_when_it_ends() {
    let hub = Hub::ours(telling(strict())).await;
    let pattern = "match_urlpattern=%2F.well-known%2Fmercure%2Fsubscriptions%2F%3Atype%2F%3Amatch%2F%3Asubscriber";
    let mut rights = claims(&[], &[]);
    rights["authorization_details"] = json!([{"type": DETAIL, "actions": ["subscribe"], "topics": [
        {"match": "/.well-known/mercure/subscriptions/:type/:match/:subscriber", "match_type": "urlpattern"},
    ]}]);
    let mut watcher = hub.subscribe(&sign_1(&rights), pattern).await;
    let own = watcher.next_event(DEADLINE).await;
    assert_eq!(own.name(), "mercure");
    assert_eq!(own.json()["active"], true, "it hears of itself");
    let mut nobody = hub
        .subscribe(&token(&[], &[]), &format!("{pattern}&match=end"))
        .await;
    watcher.next_event(DEADLINE).await;
    watcher.next_event(DEADLINE).await;

    let query = "match=https%3A%2F%2Fexample.com%2Fa%20b";
    let stream = hub.subscribe(&with_payload(), query).await;
    let begun = watcher.next_event(DEADLINE).await.json();
    drop(stream);
    let ended = watcher.next_event(DEADLINE).await.json();

    let subscriber = begun["subscriber"].as_str().unwrap();
    assert!(subscriber.starts_with("urn:uuid:"), "{begun}");
    let escaped = subscriber.replace(':', "%3A");
    let id = format!("{LIST}/exact/https%3A%2F%2Fexample.com%2Fa%20b/{escaped}");
    let mut wanted = json!({
        "id": id, "type": "subscription", "match": "https://example.com/a b", "match_type": "exact",
        "subscriber": subscriber, "active": true, "payload": {"user": "bob"},
    });
    assert_eq!(begun, wanted);
    wanted["active"] = json!(false);
    assert_eq!(ended, wanted);
    hub.publish(&token(&["*"], &[]), &[("topic", "end"), ("id", "end")])
        .await;
    let next = nobody.next_event(DEADLINE).await;
    assert_eq!(next.id.as_deref(), Some("end"), "no right, no update");
}

#[tokio::test]
async fn the_routes_list_subscriptions_to_those_who_were_granted_the_path() {
    let hub = Hub::ours(telling(strict())).await;
    let all = token(&["*"], &["*"]);
    let _one = hub
        .subscribe(&with_payload(), "match=https%3A%2F%2Fexample.com%2Fa%20b")
        .await;
    let _two = hub
        .subscribe(&all, "match_urlpattern=%2Fbooks%2F%3Aid&match=c")
        .await;

    let answered = answer(list(&hub, LIST, &all)).await;
    let tag = answered.headers()["etag"].to_str().unwrap().to_owned();
    let link = answered.headers()["link"].to_str().unwrap().to_owned();
    assert!(link.contains("rel=\"mercure\"; last-event-id=\""), "{link}");
    assert_eq!(answered.headers()["content-type"], "application/json");
    assert_eq!(answered.headers()["cache-control"], "must-revalidate");
    let head = hub.request(Method::HEAD, LIST).bearer_auth(&all);
    let head = answer(head).await;
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["etag"], *tag);
    assert_eq!(head.bytes().await.unwrap(), "");
    let listed: Value = answered.json().await.unwrap();
    assert_eq!(
        (&listed["id"], &listed["type"]),
        (&json!(LIST), &json!("subscriptions"))
    );
    assert_eq!(
        listed["subscriptions"].as_array().unwrap().len(),
        3,
        "{listed}"
    );
    assert_eq!(listed.get("@context"), None);

    let by_matcher = format!("{LIST}/exact/https%3A%2F%2Fexample.com%2Fa%20b");
    let found = json_of(list(&hub, &by_matcher, &token(&[], &[&by_matcher]))).await;
    let one = &found["subscriptions"][0];
    assert_eq!(one["payload"], json!({"user": "bob"}));
    let path = one["id"].as_str().unwrap();
    let single = json_of(list(&hub, path, &all)).await;
    assert_eq!(single, *one);
    let with_query = format!("{path}?x=1");
    assert_eq!(
        status(list(&hub, &with_query, &token(&[], &[path]))).await,
        200
    );

    let same = list(&hub, LIST, &all).header("if-none-match", &tag);
    assert_eq!(status(same).await, 304);
    hub.publish(&all, &[("topic", "a")]).await;
    let later = list(&hub, LIST, &all).header("if-none-match", &tag);
    assert_eq!(status(later).await, 200);
    for (path, token, wanted) in [
        (LIST, token(&["*"], &["a"]), 403),
        (LIST, "x".repeat(50), 401),
        (&format!("{LIST}/exact/%zz"), all.clone(), 400),
        (&format!("{LIST}/other/a"), all.clone(), 400),
        (&format!("{LIST}/exact/c/urn%3Auuid%3Ax"), all.clone(), 404),
    ] {
        assert_eq!(status(list(&hub, path, &token)).await, wanted, "{path}");
    }
    assert_eq!(status(hub.request(Method::GET, LIST)).await, 401);
    let metadata = "/.well-known/oauth-protected-resource/.well-known/mercure";
    let metadata = json_of(hub.request(Method::GET, metadata)).await;
    assert_eq!(metadata["mercure_subscriptions"], true);
}

#[tokio::test]
async fn a_client_of_version_0_gets_the_documents_of_version_0() {
    let hub = Hub::ours(telling(keys())).await;
    let all = sign_0(
        &json!({"mercure": {"publish": ["*"], "subscribe": ["*"], "payload": {"user": "bob"}}}),
    );
    let template =
        "topic=%2F.well-known%2Fmercure%2Fsubscriptions%7B%2Ftopic%7D%7B%2Fsubscriber%7D";
    let mut watcher = hub.subscribe(&all, template).await;
    watcher.next_event(DEADLINE).await;

    let stream = hub
        .subscribe(&all, "topic=https%3A%2F%2Fexample.com%2F%7Bid%7D")
        .await;
    let event = watcher.next_event(DEADLINE).await;

    assert_eq!(event.event, None);
    let begun = event.json();
    assert_eq!(begun["@context"], "https://mercure.rocks/");
    assert_eq!(
        (&begun["type"], &begun["topic"]),
        (&json!("Subscription"), &json!("https://example.com/{id}"))
    );
    assert_eq!(begun["payload"], json!({"user": "bob"}));
    let answered = answer(list(&hub, LIST, &all)).await;
    assert_eq!(answered.headers()["content-type"], "application/ld+json");
    let listed: Value = answered.json().await.unwrap();
    assert_eq!(listed["type"], "Subscriptions");
    assert!(listed["lastEventID"].is_string(), "{listed}");
    assert_eq!(listed["subscriptions"].as_array().unwrap().len(), 2);
    let of_topic = format!("{LIST}/https%3A%2F%2Fexample.com%2F%7Bid%7D");
    assert_eq!(
        json_of(list(&hub, &of_topic, &all)).await["subscriptions"][0],
        begun
    );
    let path = begun["id"].as_str().unwrap();
    assert_eq!(json_of(list(&hub, path, &all)).await, begun);
    drop(stream);
    until("the subscription is gone", DEADLINE, async || {
        (status(list(&hub, path, &all)).await == 404).then_some(())
    })
    .await;
    assert_eq!(status(list(&hub, LIST, &token_0(&["*"], &[]))).await, 401);
}

#[tokio::test]
async fn without_the_setting_nothing_is_told_of_subscriptions() {
    let hub = Hub::ours(strict()).await;
    let all = token(&["*"], &["*"]);
    let mut watcher = hub.subscribe(&all, "match=*").await;
    hub.publish(&all, &[("topic", "a"), ("id", "1")]).await;

    assert_eq!(watcher.next_event(DEADLINE).await.id.as_deref(), Some("1"));
    assert_eq!(status(list(&hub, LIST, &all)).await, 404);
    assert_eq!(status(list(&hub, &format!("{PATH}/x"), &all)).await, 404);
}
