//! Streams: the fields, the layout of an event, private updates, and the end of a token.

use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::hub::{
    Hub, PATH, answer, claims, header, keys, next, next_ids, now, outcome, sign_1, status, strict,
    token,
};
use crate::support::{DEADLINE, SseClient};

#[tokio::test]
async fn a_stream_has_the_fields_and_the_layout_of_the_protocol() {
    let hub = Hub::version_1().await;
    let (all, nobody) = (token(&["*"], &[]), token(&[], &[]));
    let mut stream = hub
        .subscribe(&nobody, "match=a&foo=bar&authorization=ignored")
        .await;

    assert_eq!(header(&stream, "content-type"), Some("text/event-stream"));
    let cached = header(&stream, "cache-control").unwrap();
    assert!(
        cached.contains("no-cache") && cached.contains("private"),
        "{cached}"
    );
    assert_eq!(header(&stream, "pragma"), Some("no-cache"));
    assert_eq!(header(&stream, "x-accel-buffering"), Some("no"));
    assert_eq!(header(&stream, "x-content-type-options"), Some("nosniff"));
    assert_eq!(header(&stream, "mercure-last-event-id"), None);

    let data = " leading\n\nblank, and\r\nspaces  ";
    let form = [
        ("topic", "a"),
        ("id", "i1"),
        ("type", "t"),
        ("retry", "5"),
        ("data", data),
    ];
    hub.publish(&all, &form).await;
    let event = stream.next_event(DEADLINE).await;
    assert_eq!(event.id.as_deref(), Some("i1"));
    assert_eq!(event.event.as_deref(), Some("t"));
    assert_eq!(event.data, " leading\n\nblank, and\nspaces  ");
    assert_eq!(stream.retries, [5]);
    assert_eq!(stream.comments, [""]);

    hub.publish(&all, &[("topic", "a"), ("id", "i2"), ("retry", "0")])
        .await;
    let event = stream.next_event(DEADLINE).await;
    assert_eq!((event.event, event.data), (None, String::new()));
    assert_eq!(stream.retries, [5], "a retry of 0 is not told");

    let form = [
        ("topic", "a"),
        ("id", " i 3 "),
        ("type", " t : "),
        ("data", "  \n: c\nid: x\n "),
    ];
    hub.publish(&all, &form).await;
    let event = stream.next_event(DEADLINE).await;
    assert_eq!(event.id.as_deref(), Some(" i 3 "));
    assert_eq!(event.event.as_deref(), Some(" t : "));
    assert_eq!(event.data, "  \n: c\nid: x\n ");
}

#[tokio::test]
async fn an_update_reaches_the_subscribers_of_any_of_its_topics_once() {
    let hub = Hub::version_1().await;
    let (all, nobody) = (token(&["*"], &[]), token(&[], &[]));
    let faulty = "https://example.com/hub?topic=faulty%7Biri";
    let mut one = hub.subscribe(&nobody, "match=a&match=b").await;
    let mut two = hub
        .subscribe(&nobody, &format!("match_exact={faulty}"))
        .await;
    let mut every = hub.subscribe(&nobody, "match_urlpattern=*").await;

    let faulty = "https://example.com/hub?topic=faulty{iri";
    hub.publish(&all, &[("topic", "a"), ("topic", "b"), ("id", "1")])
        .await;
    hub.publish(&all, &[("topic", "c"), ("id", "2")]).await;
    hub.publish(&all, &[("topic", faulty), ("id", "3")]).await;
    hub.publish(&all, &[("topic", "c"), ("topic", "b"), ("id", "4")])
        .await;

    assert_eq!(next_ids(&mut one, 2).await, ["1", "4"]);
    assert_eq!(next_ids(&mut two, 1).await, ["3"]);
    assert_eq!(next_ids(&mut every, 4).await, ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_private_update_reaches_only_those_who_were_granted_one_of_its_topics() {
    let hub = Hub::version_1().await;
    let all = token(&["*"], &[]);
    let mut granted = hub.subscribe(&token(&[], &["a"]), "match=*").await;
    let mut by_alternate = hub.subscribe(&token(&[], &["alt"]), "match=a").await;
    let mut everything = hub.subscribe(&token(&[], &["*"]), "match=*").await;
    let mut nothing = hub.subscribe(&token(&[], &[]), "match=*").await;

    for (id, private) in [("1", "on"), ("2", "0"), ("3", "false"), ("4", "")] {
        let form = [
            ("topic", "a"),
            ("topic", "alt"),
            ("private", private),
            ("id", id),
        ];
        hub.publish(&all, &form).await;
    }
    hub.publish(&all, &[("topic", "b"), ("private", "on"), ("id", "5")])
        .await;
    hub.publish(&all, &[("topic", "a"), ("id", "6")]).await;

    assert_eq!(next_ids(&mut granted, 5).await, ["1", "2", "3", "4", "6"]);
    assert_eq!(
        next_ids(&mut by_alternate, 5).await,
        ["1", "2", "3", "4", "6"]
    );
    assert_eq!(
        next_ids(&mut everything, 6).await,
        ["1", "2", "3", "4", "5", "6"]
    );
    assert_eq!(next_ids(&mut nothing, 1).await, ["6"]);
}

#[tokio::test]
async fn the_parameters_of_a_subscription_are_checked() {
    let hub = Hub::version_1().await;
    let all = token(&[], &["*"]);
    let bad = [
        "",
        "foo=a",
        "MATCH=a",
        "Match=a",
        "matchurlpattern=a",
        "match_exactly=a",
        "matchRegexp=a",
        "topic=a",
        "match=%00",
        "match=a%0A",
        "match=%7F",
        "match=%C2%85",
        "match=%FF",
        "match=%E2%80%8B",
        "match_urlpattern=%7Bunclosed",
        "match=a&match_urlpattern=%7Bunclosed",
    ];
    for query in bad {
        let (code, text) = outcome(hub.get(query).bearer_auth(&all)).await;
        assert_eq!(code, 400, "{query}");
        assert!(!text.contains("0x") && !text.contains("regex"), "{text}");
    }
    let (_, text) = outcome(hub.get("").bearer_auth(&all)).await;
    assert_eq!(text.trim(), "missing \"match\" subscription parameter");
    let many = ["match=a"; 101].join("&");
    assert_eq!(status(hub.get(&many).bearer_auth(&all)).await, 400);
    let long = format!("match={}", "a".repeat(4_097));
    assert_eq!(status(hub.get(&long).bearer_auth(&all)).await, 400);
    let most = [&*["match=a"; 99].join("&"), "&match=", &"a".repeat(4_096)].concat();
    assert_eq!(status(hub.get(&most).bearer_auth(&all)).await, 200);
    let unknown = status(hub.get("MATCH=a")).await;
    assert_eq!(unknown, 401, "the token is looked at first");
}

#[tokio::test]
async fn a_head_tells_what_a_stream_would() {
    let hub = Hub::ours(strict()).await;
    let all = token(&["*"], &["*"]);
    hub.publish(&all, &[("topic", "a"), ("id", "1")]).await;
    let head = |query: &str| hub.request(Method::HEAD, &format!("{PATH}?{query}"));

    let plain = answer(head("match=a").bearer_auth(&all)).await;
    assert_eq!(plain.status(), 200);
    assert_eq!(plain.headers()["content-type"], "text/event-stream");
    assert!(!plain.headers().contains_key("mercure-last-event-id"));
    for (id, wanted) in [("1", "1"), ("unknown", "earliest")] {
        let query = format!("match=a&last_event_id={id}");
        let told = answer(head(&query).bearer_auth(&all)).await;
        assert_eq!(told.headers()["mercure-last-event-id"], wanted);
    }
    let empty = answer(head("match=a&last_event_id=").bearer_auth(&all)).await;
    assert!(empty.headers().contains_key("mercure-last-event-id"));
    assert_eq!(status(head("match=a")).await, 401);
}

#[tokio::test]
async fn the_method_query_takes_its_parameters_in_the_body_too() {
    let hub = Hub::version_1().await;
    let all = token(&["*"], &["*"]);
    let query = |body: String| {
        let method = Method::from_bytes(b"QUERY").unwrap();
        hub.request(method, &format!("{PATH}?match=in-url"))
            .bearer_auth(&all)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    };
    let mut stream = SseClient::open(query("match=in-body".to_owned())).await;

    hub.publish(&all, &[("topic", "in-body"), ("id", "1")])
        .await;
    hub.publish(&all, &[("topic", "in-url"), ("id", "2")]).await;

    assert_eq!(next_ids(&mut stream, 2).await, ["1", "2"]);
    let large = format!("match=a&x={}", "x".repeat(2 * 1024 * 1024));
    assert_eq!(status(query(large)).await, 413);
    let method = Method::from_bytes(b"QUERY").unwrap();
    let both = hub
        .request(method, &format!("{PATH}?last_event_id=1"))
        .bearer_auth(&all)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("match=in-url&last_event_id=2");
    let mut resumed = SseClient::open(both).await;
    assert_eq!(header(&resumed, "mercure-last-event-id"), Some("1"));
    assert_eq!(next_ids(&mut resumed, 1).await, ["2"]);
}

#[tokio::test]
async fn a_stream_ends_with_its_token_and_not_before_it_began() {
    let hub = Hub::version_1().await;
    let mut short = claims(&[], &["*"]);
    short["exp"] = (now() + 5).into();
    let mut stream = hub.subscribe(&sign_1(&short), "match=a").await;
    hub.publish(&token(&["*"], &[]), &[("topic", "a"), ("id", "1")])
        .await;

    assert_eq!(next_ids(&mut stream, 1).await, ["1"]);
    assert_eq!(stream.event_or_end(DEADLINE).await, None);
}

/// Without a coding the end of the connection is the end of the stream, and no byte announces it.
#[tokio::test]
async fn a_stream_over_http_1_0_ends_with_its_token() {
    let hub = Hub::ours(strict()).await;
    let mut short = claims(&[], &["*"]);
    short["exp"] = (now() + 3).into();
    let mut socket = TcpStream::connect(hub.app().address()).await.unwrap();
    let request = format!(
        "GET {PATH}?match=a HTTP/1.0\r\nAuthorization: Bearer {}\r\n\r\n",
        sign_1(&short)
    );
    socket.write_all(request.as_bytes()).await.unwrap();

    let mut text = String::new();
    let whole = timeout(DEADLINE, socket.read_to_string(&mut text)).await;

    whole.expect("an end").unwrap();
    assert!(text.starts_with("HTTP/1.0 200"), "{text}");
}

#[tokio::test]
async fn a_silent_stream_gets_comments() {
    let settings = strict().env("CAMPANILE_HEARTBEAT_SECONDS", "1");
    let hub = Hub::ours(settings).await;
    let mut stream = hub.subscribe(&token(&[], &[]), "match=a").await;

    while stream.comments.len() < 4 {
        assert!(stream.next_item(DEADLINE).await.is_some());
    }

    assert_eq!(stream.comments, ["", "", "", ""]);
}

#[tokio::test]
async fn everybody_may_subscribe_to_public_updates_where_the_setting_says_so() {
    let hub = Hub::ours(keys().env("CAMPANILE_MERCURE_ANONYMOUS", "on")).await;
    let mut stream = SseClient::open(hub.get("match=a")).await;
    let all = crate::hub::token_0(&["*"], &["*"]);

    hub.publish(&all, &[("topic", "a"), ("private", "on"), ("id", "1")])
        .await;
    hub.publish(&all, &[("topic", "a"), ("id", "2"), ("data", "x")])
        .await;

    assert_eq!(next(&mut stream).await, ("2".to_owned(), "x".to_owned()));
    let bad = hub.get("match=a").bearer_auth(format!("{all}x"));
    assert_eq!(status(bad).await, 401, "a bad token is never nobody's");
}
