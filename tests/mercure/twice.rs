//! Requests that say one thing twice, or in two dialects: what counts, and that nothing of it is taken for more than it is.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::hub::{
    Hub, PATH, answer, header, keys, next, next_ids, outcome, sign_0, status, strict, token,
    token_0,
};
use crate::support::{DEADLINE, SseClient};

#[tokio::test]
async fn matchers_of_both_versions_are_united_and_bounded_together() {
    let hub = Hub::ours(keys()).await;
    let all = token_0(&["*"], &["*"]);
    let query =
        "topic=%2Fold%2F%7Bid%7D&match=new&match_urlpattern=%2Fpattern%2F%3Aid&match_exact=exact";
    let mut stream = hub.subscribe(&all, query).await;
    let mut every = hub.subscribe(&all, "topic=*&match=*&match=new").await;

    for (id, topic) in [
        ("1", "/old/1"),
        ("2", "new"),
        ("no", "/new"),
        ("3", "/pattern/3"),
        ("4", "exact"),
    ] {
        hub.publish(&all, &[("topic", topic), ("id", id)]).await;
    }

    assert_eq!(next_ids(&mut stream, 4).await, ["1", "2", "3", "4"]);
    let seen = next_ids(&mut every, 5).await;
    assert_eq!(seen, ["1", "2", "no", "3", "4"], "each once");
    let mixed = [["topic=a"; 51].join("&"), ["match=b"; 50].join("&")].join("&");
    assert_eq!(status(hub.get(&mixed).bearer_auth(&all)).await, 400);
    let unknown = hub.get("topic=*&matchTopic=a").bearer_auth(&all);
    assert_eq!(status(unknown).await, 400);
    for one in ["match=*", "match_urlpattern=%2F%3Ax", "topic=%7Bx%7D"] {
        let many = vec![one; 900_000 / one.len()].join("&");
        let query = Method::from_bytes(b"QUERY").unwrap();
        let request = hub.request(query, PATH).bearer_auth(&all).body(many);
        assert_eq!(status(request).await, 400, "{one}");
    }
}

#[tokio::test]
async fn only_one_token_of_a_request_counts() {
    let hub = Hub::ours(keys()).await;
    let good = token_0(&["*"], &["*"]);
    let bad = format!("{good}x");
    let get = |header: Option<&str>, queries: &[&str], cookie: Option<&str>| -> RequestBuilder {
        let queries = queries.iter().map(|one| format!("&authorization={one}"));
        let query: String = queries.collect();
        let mut request = hub.get(&format!("topic=a{query}"));
        if let Some(token) = header {
            request = request.bearer_auth(token);
        }
        if let Some(token) = cookie {
            request = request.header("cookie", format!("mercureAuthorization={token}"));
        }
        request
    };

    let (yes, no) = (Some(good.as_str()), Some(bad.as_str()));
    for (request, wanted, name) in [
        (get(yes, &[&bad], no), 200, "the header comes first"),
        (get(no, &[&good], yes), 401, "even a bad one"),
        (get(None, &[&good], no), 200, "then the address"),
        (get(None, &[&bad], yes), 401, "even a bad one there"),
        (get(None, &[""], yes), 401, "even an empty one"),
        (get(None, &[&good, &good], yes), 401, "two are none"),
        (get(None, &[&good, &bad], None), 401, "two are none"),
        (get(None, &[], yes), 200, "then the cookie"),
        (get(None, &[], Some("")), 401, "even an empty one"),
    ] {
        assert_eq!(status(request).await, wanted, "{name}");
    }
    let of_1 = token(&["*"], &["*"]);
    let ignored = get(None, &[&of_1], yes);
    assert_eq!(status(ignored).await, 200, "version 1.0 takes none there");
    let ignored = get(None, &[&of_1], None);
    assert_eq!(status(ignored).await, 401, "and has none then");

    let post = hub.post(&good, &[("topic", "a")]);
    let post = post.header("cookie", format!("mercureAuthorization={good}"));
    let post = post.header("origin", "https://evil.example");
    assert_eq!(status(post).await, 200, "no cookie counted");
    let both = format!("mercureAuthorization={good}; __Secure-mercure_access_token={bad}");
    let both = hub.get("topic=a").header("cookie", both);
    assert_eq!(
        status(both).await,
        401,
        "the name of version 1.0 comes first"
    );
}

#[tokio::test]
async fn the_first_of_a_repeated_field_counts() {
    let hub = Hub::version_1().await;
    let all = token(&["*"], &["*"]);
    let mut stream = hub.subscribe(&all, "match=a").await;

    let form = [
        ("topic", "a"),
        ("id", "first"),
        ("id", "second"),
        ("type", "t1"),
        ("type", "t2"),
        ("data", "d1"),
        ("data", "d2"),
        ("retry", "1"),
        ("retry", "2"),
    ];
    assert_eq!(hub.publish(&all, &form).await, "first");

    let event = stream.next_event(DEADLINE).await;
    assert_eq!(event.id.as_deref(), Some("first"));
    assert_eq!((event.name(), event.data.as_str()), ("t1", "d1"));
    assert_eq!(stream.retries, [1]);
}

#[tokio::test]
async fn the_first_id_that_is_not_empty_counts_the_header_before_all() {
    let hub = Hub::ours(keys()).await;
    let all = token_0(&["*"], &["*"]);
    for id in ["1", "2", "3", "4"] {
        hub.publish(&all, &[("topic", "a"), ("id", id)]).await;
    }
    let get = |query: &str| hub.get(&format!("topic=a&{query}")).bearer_auth(&all);

    for (request, wanted) in [
        (get("last_event_id=1&lastEventID=2&Last-Event-ID=3"), "1"),
        (get("Last-Event-ID=3&lastEventID=2&last_event_id=1"), "1"),
        (get("last_event_id=&lastEventID=2"), "2"),
        (get("last_event_id=&lastEventID=&Last-Event-ID=3"), "3"),
        (get("last_event_id=1").header("last-event-id", ""), "1"),
        (get("lastEventID=1").header("last-event-id", "3"), "3"),
        (get("lastEventID=1&lastEventID=2"), "1"),
    ] {
        let mut stream = SseClient::open(request).await;
        assert_eq!(header(&stream, "last-event-id"), Some(wanted));
        assert_eq!(header(&stream, "mercure-last-event-id"), Some(wanted));
        let after: i32 = wanted.parse().unwrap();
        assert_eq!(next(&mut stream).await.0, (after + 1).to_string());
    }
    for request in [
        get("last_event_id=%FF"),
        get("").header("last-event-id", &b"\xff"[..]),
        get("last_event_id=%FF").header("last-event-id", ""),
    ] {
        let stream = SseClient::open(request).await;
        let told = header(&stream, "mercure-last-event-id");
        assert_eq!(told, Some("earliest"), "no update has such an id");
    }
}

#[tokio::test]
async fn everything_of_an_empty_hub_is_what_comes() {
    let hub = Hub::ours(strict()).await;
    let all = token(&["*"], &["*"]);
    let get = hub.get("match=a").bearer_auth(&all);
    let by_header = SseClient::open(get.header("last-event-id", "earliest"));
    let (mut by_header, mut by_query) = (
        by_header.await,
        hub.subscribe(&all, "match=*&last_event_id=earliest").await,
    );
    let mut empty = hub.subscribe(&all, "match=a&last_event_id=").await;

    hub.publish(&all, &[("topic", "a"), ("id", "1")]).await;

    for stream in [&mut by_header, &mut by_query, &mut empty] {
        assert_eq!(header(stream, "mercure-last-event-id"), Some("earliest"));
        assert_eq!(next_ids(stream, 1).await, ["1"]);
    }
}

#[tokio::test]
async fn the_body_of_a_head_is_not_read_and_that_of_a_query_may_be_empty() {
    let hub = Hub::ours(strict()).await;
    let all = token(&["*"], &["*"]);
    let head = |query: &str| {
        hub.request(Method::HEAD, &format!("{PATH}?{query}"))
            .bearer_auth(&all)
    };

    let with_body = answer(head("match=a").body("match=%FF&match=b")).await;
    assert_eq!(with_body.status(), 200);
    assert_eq!(with_body.text().await.unwrap(), "");
    assert_eq!(status(head("x=a").body("match=a")).await, 400);
    let get = hub.get("x=a").bearer_auth(&all).body("match=a");
    assert_eq!(status(get).await, 400, "only QUERY has its matchers there");

    let query = Method::from_bytes(b"QUERY").unwrap();
    let query = |search: &str| {
        hub.request(query.clone(), &format!("{PATH}?{search}"))
            .bearer_auth(&all)
    };
    let mut stream = SseClient::open(query("match=a")).await;
    let mut in_body = SseClient::open(query("").body("match=a&last_event_id=earliest")).await;
    hub.publish(&all, &[("topic", "a"), ("id", "1")]).await;
    assert_eq!(next_ids(&mut stream, 1).await, ["1"]);
    assert_eq!(header(&in_body, "mercure-last-event-id"), Some("earliest"));
    assert_eq!(next_ids(&mut in_body, 1).await, ["1"]);
    let token_in_body = hub
        .request(Method::from_bytes(b"QUERY").unwrap(), PATH)
        .body(format!("match=a&authorization={all}&access_token={all}"));
    assert_eq!(outcome(token_in_body).await.0, 401);
}

/// A proxy that compresses makes a tag weak, and a client may send several.
#[tokio::test]
async fn a_list_that_did_not_change_is_known_by_any_of_the_tags_of_a_request() {
    let hub = Hub::ours(keys().env("CAMPANILE_MERCURE_SUBSCRIPTIONS", "on")).await;
    let all = sign_0(&json!({"mercure": {"publish": ["*"], "subscribe": ["*"]}}));
    hub.publish(&all, &[("topic", "a")]).await;
    let list = || {
        hub.request(Method::GET, "/.well-known/mercure/subscriptions")
            .bearer_auth(&all)
    };
    let tag = answer(list()).await.headers()["etag"]
        .to_str()
        .unwrap()
        .to_owned();

    for (tags, wanted) in [
        (tag.clone(), 304),
        (format!("W/{tag}"), 304),
        (format!("\"x\", {tag}"), 304),
        ("*".to_owned(), 304),
        ("\"x\"".to_owned(), 200),
    ] {
        let request = list().header("if-none-match", &tags);
        assert_eq!(status(request).await, wanted, "{tags}");
    }
}
