//! The quotas of a person: rooms and messages. They cost everybody, so one person has a bounded share; back ends and admins
//! are not limited.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::answers::answer;
use crate::support::{AppBuilder, DEADLINE, TestApp};

/// The status of an answer, its code and the seconds of `Retry-After`.
async fn refusal_of(request: RequestBuilder) -> (u16, String, u64) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let wait = answer.headers().get("retry-after");
    let wait = wait.map_or(0, |seconds| seconds.to_str().unwrap().parse().unwrap());
    let body: Value = answer.json().await.unwrap();
    (
        status,
        body["code"].as_str().unwrap_or_default().to_owned(),
        wait,
    )
}

#[tokio::test]
async fn a_person_opens_only_so_many_rooms_and_nobody_else_is_limited_by_it() {
    let app = AppBuilder::default()
        .env("CAMPANILE_ROOMS_PER_USER", "2")
        .spawn()
        .await;
    let (bob, carol) = (app.user("bob").await, app.user("carol").await);
    let open = |token: &str, id: &str| {
        app.post(token, "/api/rooms")
            .json(&json!({"id": id, "name": "A room"}))
    };
    answer(open(&bob, "one"), 201).await;
    answer(open(&bob, "two"), 201).await;

    let (status, code, wait) = refusal_of(open(&bob, "three")).await;

    assert_eq!((status, code.as_str()), (429, "too_many_rooms"));
    assert!(wait > 0);
    answer(open(&carol, "three"), 201).await;
    for id in ["four", "five", "six"] {
        answer(open(&app.service(), id), 201).await;
        answer(open(&app.admin(), &format!("{id}-too")), 201).await;
    }
    let both = futures::future::join_all(["a", "b", "c"].map(|id| open(&carol, id).send())).await;
    let made = both
        .into_iter()
        .filter(|one| one.as_ref().unwrap().status() == 201);
    assert_eq!(made.count(), 1, "at once");
}

#[tokio::test]
async fn a_person_sends_messages_at_a_rate_and_nobody_else_waits_for_it() {
    let app = AppBuilder::default()
        .env("CAMPANILE_MESSAGES_PER_SECOND", "1")
        .spawn()
        .await;
    let (bob, carol) = (app.user("bob").await, app.user("carol").await);
    app.room("hall").await;
    let say = |token: &str| {
        app.post(token, "/api/rooms/hall/messages")
            .json(&json!({"text": "Hello"}))
    };
    let mut stream = app.connected(&carol, "/api/stream?room=hall").await;

    let mut said = 0;
    let (code, wait) = loop {
        let answer = say(&bob).send().await.unwrap();
        if answer.status() == 201 {
            said += 1;
            assert!(said < 1_000);
            continue;
        }
        assert_eq!(answer.status(), 429);
        let wait = answer.headers()["retry-after"].to_str().unwrap().to_owned();
        let body: Value = answer.json().await.unwrap();
        break (body["code"].clone(), wait);
    };

    assert_eq!((code, wait.as_str()), (json!("too_many_messages"), "1"));
    assert!(said >= 5, "a burst: {said}");
    answer(say(&carol), 201).await;
    for _ in 0..20 {
        answer(say(&app.service()), 201).await;
        answer(say(&app.admin()), 201).await;
    }
    for _ in 0..said + 41 {
        stream.next_named("message", DEADLINE).await;
    }
}

#[tokio::test]
async fn rooms_are_listed_in_pages_that_a_link_continues() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    for id in ["r1", "r2", "r3", "r4", "r5"] {
        app.room(id).await;
    }

    let mut pages = Vec::new();
    let mut path = Some("/api/rooms?limit=2".to_owned());
    while let Some(here) = path.take() {
        let answer = app.get(&bob, &here).send().await.unwrap();
        let link = answer.headers().get("link");
        let link = link.map(|link| link.to_str().unwrap().to_owned());
        path = link.map(|link| {
            let (address, relation) = link.split_once(">; ").unwrap();
            assert_eq!(relation, "rel=\"next\"");
            address.trim_start_matches('<').to_owned()
        });
        let rooms: Value = answer.json().await.unwrap();
        let ids = rooms
            .as_array()
            .unwrap()
            .iter()
            .map(|room| room["id"].clone());
        pages.push(ids.collect::<Vec<Value>>());
    }

    assert_eq!(json!(pages), json!([["r1", "r2"], ["r3", "r4"], ["r5"]]));
    let all = app.get(&bob, "/api/rooms").send().await.unwrap();
    assert!(!all.headers().contains_key("link"));
    assert_eq!(
        all.json::<Value>().await.unwrap().as_array().unwrap().len(),
        5
    );
    for (query, status) in [
        ("after=nowhere", 404),
        ("after=a%20b", 422),
        ("limit=0", 422),
        ("limit=1001", 422),
    ] {
        let refused = app
            .get(&bob, &format!("/api/rooms?{query}"))
            .send()
            .await
            .unwrap();
        assert_eq!(refused.status(), status, "{query}");
    }
}

#[tokio::test]
async fn a_page_has_at_most_two_hundred_rooms() {
    let app = TestApp::spawn().await;
    for number in 0..=200 {
        app.room(&format!("r{number:03}")).await;
    }
    let list = async |query: &str| {
        let path = format!("/api/rooms{query}");
        let answer = app.get(&app.service(), &path).send().await.unwrap();
        let status = answer.status().as_u16();
        let next = answer.headers().get("link").cloned();
        let body: Value = answer.json().await.unwrap();
        (status, body.as_array().map_or(0, Vec::len), next)
    };

    for query in ["", "?limit=200"] {
        let (status, count, next) = list(query).await;
        assert_eq!((status, count), (200, 200), "{query}");
        let next = next.unwrap();
        assert_eq!(
            next.to_str().unwrap(),
            "</api/rooms?after=r199&limit=200>; rel=\"next\""
        );
    }
    assert_eq!(list("?after=r199").await, (200, 1, None));
    for query in ["?limit=0", "?limit=201"] {
        assert_eq!(list(query).await.0, 422, "{query}");
    }
}
