//! Declared types of alarms: their schemas, their words, and what they do to publishing.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::answers::{answer, invalid, refusal, send};
use crate::api_keys::key;
use crate::browsing::{back, html, page, submit};
use crate::publishing::count;
use crate::support::{AppBuilder, TestApp};

fn put(app: &TestApp, by: &str, name: &str, declaration: &Value) -> RequestBuilder {
    app.put(by, &format!("/api/alarm-types/{name}"))
        .json(declaration)
}

/// Declares a type as the administrator.
async fn declare(app: &TestApp, name: &str, declaration: Value) {
    let answer = send(put(app, &app.admin(), name, &declaration)).await;
    assert!(answer.status().is_success(), "{:?}", answer.text().await);
}

fn alarm(alarm_type: &str, data: &Value) -> Value {
    json!({"to": {"user": "bob"}, "alarmType": alarm_type, "data": data})
}

fn publish(app: &TestApp, body: &Value) -> RequestBuilder {
    app.post(&app.service(), "/api/alarms").json(body)
}

fn order() -> Value {
    json!({
        "type": "object",
        "required": ["order", "lines"],
        "additionalProperties": false,
        "properties": {
            "order": {"type": "integer"},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
            "a/b": {"enum": ["x", "y"]},
            "code": {"type": "string", "pattern": "^[A-Z]{2}$"}
        },
        "$defs": {"line": {"type": "object", "properties": {"name": {"type": "string"}}}}
    })
}

#[tokio::test]
async fn a_type_is_declared_changed_listed_and_deleted() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    let admin = app.admin();
    let words = json!({"en": "{fromName} ordered {data.order}", "ko-kr": "주문 {targetId}"});
    let stored = json!({"en": "{fromName} ordered {data.order}", "ko-KR": "주문 {targetId}"});

    let whole = json!({"schema": order(), "words": words});
    let made = answer(put(&app, &admin, "ORDER", &whole), 201).await;
    assert_eq!(made, json!({"schema": order(), "words": stored}));
    answer(put(&app, &admin, "ORDER", &whole), 200).await;
    answer(put(&app, &admin, "PLAIN", &json!({})), 201).await;

    let listed = answer(app.get(&admin, "/api/alarm-types"), 200).await;
    let all = json!({"ORDER": {"schema": order(), "words": stored}, "PLAIN": {"words": {}}});
    assert_eq!(listed, json!({"types": all}));
    let seen = answer(app.get(&bob, "/api/alarm-types"), 200).await;
    let seen_by_users = json!({"ORDER": {"words": stored}, "PLAIN": {"words": {}}});
    assert_eq!(seen, json!({"types": seen_by_users}));

    let fewer = answer(put(&app, &admin, "ORDER", &json!({"schema": true})), 200).await;
    assert_eq!(fewer, json!({"schema": true, "words": {}}));
    let delete = |name: &str| app.delete(&admin, &format!("/api/alarm-types/{name}"));
    answer(delete("ORDER"), 204).await;
    for gone in ["ORDER", "NEVER", "no-type"] {
        refusal(delete(gone), 404, "alarm_type_not_found").await;
    }
    let left = answer(app.get(&admin, "/api/alarm-types"), 200).await;
    assert_eq!(left, json!({"types": {"PLAIN": {"words": {}}}}));
    let log = answer(app.get(&admin, "/api/admin/audit?limit=20"), 200).await;
    let entries = log["entries"].as_array().unwrap().iter();
    let entries: Vec<Value> = entries
        .filter(|entry| entry["action"].as_str().unwrap().starts_with("alarm_type."))
        .map(|entry| json!([entry["action"], entry["target"], entry["detail"]]))
        .collect();
    assert_eq!(
        json!(entries),
        json!([
            ["alarm_type.delete", "ORDER", {}],
            ["alarm_type.declare", "ORDER", {"schema": true, "languages": []}],
            ["alarm_type.declare", "PLAIN", {"schema": false, "languages": []}],
            ["alarm_type.declare", "ORDER", {"schema": true, "languages": ["en", "ko-KR"]}],
        ]),
        "the same declaration again is no change"
    );
}

#[tokio::test]
async fn who_may_declare_and_who_sees_schemas() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    let (_, types) = key(&app, "types", &["types"], &[]).await;
    let (_, all) = key(&app, "all", &["admin"], &[]).await;
    let (_, other) = key(&app, "other", &["publish:user", "users"], &[]).await;
    let body = json!({"schema": {"type": "object"}, "words": {"en": "Words"}});

    for (by, status) in [(&types, 201), (&all, 200), (&app.admin(), 200)] {
        answer(put(&app, by, "T", &body), status).await;
    }
    let delete = |by: &str| app.delete(by, "/api/alarm-types/T");
    let missing = "missing_scope_types";
    for (by, code) in [
        (&bob, "forbidden"),
        (&app.service(), "forbidden"),
        (&other, missing),
    ] {
        refusal(put(&app, by, "T", &body), 403, code).await;
        refusal(delete(by), 403, code).await;
    }
    for (by, sees) in [
        (&bob, false),
        (&other, false),
        (&app.service(), true),
        (&types, true),
        (&all, true),
        (&app.admin(), true),
    ] {
        let seen = answer(app.get(by, "/api/alarm-types"), 200).await;
        let seen = &seen["types"]["T"];
        assert_eq!(seen["words"]["en"], "Words");
        assert_eq!(seen.get("schema").is_some(), sees, "{seen}");
    }
    let nobody = app.request(reqwest::Method::GET, "/api/alarm-types");
    refusal(nobody, 401, "unauthorized").await;
    answer(delete(&types), 204).await;
}

#[tokio::test]
async fn a_declaration_with_a_fault_is_refused_and_names_it() {
    let app = TestApp::embedded().await;
    let admin = app.admin();
    let text = |text: &str| json!({"words": {"en": text}});
    let many: serde_json::Map<_, _> = (0..51)
        .map(|number| (format!("en-x-a{number}"), json!("a")))
        .collect();

    for (name, body, field) in [
        ("CHAT_MESSAGE", json!({}), "alarmType"),
        ("TEST", text("Test"), "alarmType"),
        ("lower", json!({}), "alarmType"),
        ("T", json!({"words": {"e": "a"}}), "words.e"),
        ("T", json!({"words": {"en_US": "a"}}), "words.en_US"),
        ("T", json!({"words": {"en": 7}}), "words.en"),
        ("T", json!({"words": many}), "words"),
        ("T", text(" \u{200b} "), "words.en"),
        ("T", text("a\nb"), "words.en"),
        ("T", text(&"a".repeat(201)), "words.en"),
        ("T", text("{from} did"), "words.en"),
        ("T", text("{data.}"), "words.en"),
        ("T", text("{fromName"), "words.en"),
    ] {
        invalid(put(&app, &admin, name, &body), field).await;
    }
    refusal(
        put(&app, &admin, "T", &json!({"shema": 1})),
        422,
        "unknown_field",
    )
    .await;
}

/// Schemas whose check could take for ever: references that double, and properties that are evaluated again at each level.
fn bombs() -> [Value; 2] {
    let mut bomb = json!({"$ref": "#/$defs/a0"});
    for level in 0..30 {
        let next = json!({"$ref": format!("#/$defs/a{}", level + 1)});
        bomb["$defs"][format!("a{level}")] = json!({"anyOf": [next, next]});
    }
    bomb["$defs"]["a30"] = json!(true);
    let mut unevaluated = json!({"type": "object"});
    for _ in 0..9 {
        unevaluated = json!({"allOf": [unevaluated], "unevaluatedProperties": {"type": "object"}});
    }
    [bomb, unevaluated]
}

/// Schemas with a fault, the place of each, and a part of what is said.
fn faulty() -> Vec<(Value, &'static str, &'static str)> {
    let [bomb, unevaluated] = bombs();
    let deep = (0..20).fold(json!(true), |inner, _| json!({"items": {"not": inner}}));
    let older = "http://json-schema.org/draft-07/schema#";
    let references = [
        ("https://example.com/a", "within the schema"),
        ("file:///etc/passwd", "within the schema"),
        ("#/$defs/a", "nowhere"),
        ("#", "contain itself"),
    ];
    let references = references.map(|(reference, part)| {
        let schema = json!({"items": {"$ref": reference}});
        (schema, "/items/$ref", part)
    });
    let others = [
        (json!(7), "", "is not of types"),
        (json!({"type": "text"}), "/type", ""),
        (json!({"not": {"type": 7}}), "/not/type", ""),
        (json!({"pattern": "("}), "/pattern", "regex"),
        (json!({"pattern": "(a)\\1"}), "/pattern", "regex"),
        (json!({"pattern": "(\\p{L}{99}){99}"}), "/pattern", "regex"),
        (json!({"$ref": "#"}), "/$ref", "contain itself"),
        (
            json!({"$id": "https://a.example/"}),
            "/$id",
            "not supported",
        ),
        (json!({"$schema": older}), "/$schema", "2020-12"),
        (json!({"title": "a".repeat(65_536)}), "", "64 KiB"),
        (bomb, "", "2,000 parts"),
        (deep, "", "32 levels"),
        (unevaluated, "", "2,000 parts"),
    ];
    references.into_iter().chain(others).collect()
}

#[tokio::test]
async fn a_schema_with_a_fault_is_refused_and_names_its_place() {
    let app = TestApp::embedded().await;
    let admin = app.admin();

    for (schema, at, part) in faulty() {
        let body = json!({"schema": schema});
        let problem = refusal(put(&app, &admin, "T", &body), 422, "invalid_schema").await;
        assert_eq!(problem["pointer"], at, "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.starts_with("schema: ") && detail.contains(part),
            "{detail}"
        );
    }
    let none = answer(app.get(&admin, "/api/alarm-types"), 200).await;
    assert_eq!(none, json!({"types": {}}));
}

#[tokio::test]
async fn data_that_does_not_match_its_schema_is_refused_wherever_it_is_published() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    declare(&app, "ORDER", json!({"schema": order()})).await;
    let good = json!({"order": 1, "lines": [{"name": "a"}], "a/b": "x", "code": "AB"});

    answer(publish(&app, &alarm("ORDER", &good)), 201).await;
    answer(publish(&app, &alarm("OTHER", &json!(7))), 201).await;
    for (data, at) in [
        (json!(null), ""),
        (json!({"order": 1}), ""),
        (json!({"order": 1.5, "lines": []}), "/order"),
        (json!({"order": 1, "lines": ["secret"]}), "/lines/0"),
        (
            json!({"order": 1, "lines": [{}, {"name": 7}]}),
            "/lines/1/name",
        ),
        (json!({"order": 1, "lines": [], "a/b": "z"}), "/a~1b"),
        (json!({"order": 1, "lines": [], "code": "abc"}), "/code"),
        (json!({"order": 1, "lines": [], "more": 1}), ""),
    ] {
        let problem = refusal(publish(&app, &alarm("ORDER", &data)), 422, "invalid_data").await;
        assert_eq!(problem["pointer"], at, "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.starts_with("data: ") && !detail.contains("secret"),
            "{detail}"
        );
        let batch = json!([
            alarm("OTHER", &data),
            alarm("ORDER", &good),
            alarm("ORDER", &data)
        ]);
        let problem = refusal(publish(&app, &batch), 422, "invalid_data").await;
        assert_eq!(problem["pointer"], at, "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with("[2].data: "), "{detail}");
    }
    let mut without = alarm("ORDER", &good);
    without.as_object_mut().unwrap().remove("data");
    refusal(publish(&app, &without), 422, "invalid_data").await;
    let form = [
        ("target", "user"),
        ("users", "bob"),
        ("alarmType", "ORDER"),
        ("data", r#"{"order":"x","lines":[]}"#),
    ];
    let again = html(submit(&app, &app.admin(), "/admin/publish", &form), 422).await;
    let told = "The data does not match the schema of its type: /order ";
    assert!(again.contains(told), "{again}");
    assert_eq!(count(&app, &bob).await, 2);
}

#[tokio::test]
async fn large_data_is_checked_against_a_large_schema() {
    let app = TestApp::embedded().await;
    app.user("bob").await;
    let each: Vec<Value> = (0..150)
        .map(|number| json!({"type": "integer", "not": {"const": number}}))
        .collect();
    declare(&app, "LARGE", json!({"schema": {"items": {"allOf": each}}})).await;
    let data = |last: Value| {
        let mut items = vec![json!(-1); 2_000];
        items.push(last);
        json!(items)
    };

    answer(publish(&app, &alarm("LARGE", &data(json!(-1)))), 201).await;
    let problem = refusal(
        publish(&app, &alarm("LARGE", &data(json!(7)))),
        422,
        "invalid_data",
    );
    assert_eq!(problem.await["pointer"], "");
}

#[tokio::test]
async fn a_repeated_request_gets_its_first_answer_whatever_was_declared_since() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    let single = alarm("T", &json!({"n": "text"}));
    let batch = json!([single, single]);
    let keyed = |name: &str, body: &Value| publish(&app, body).header("Idempotency-Key", name);
    let one = answer(keyed("one", &single), 201).await;
    let many = answer(keyed("many", &batch), 201).await;

    declare(
        &app,
        "T",
        json!({"schema": {"properties": {"n": {"type": "integer"}}}}),
    )
    .await;

    assert_eq!(answer(keyed("one", &single), 201).await, one);
    assert_eq!(answer(keyed("many", &batch), 201).await, many);
    let other = alarm("T", &json!({"n": "other"}));
    refusal(keyed("one", &other), 422, "idempotency_mismatch").await;
    for _ in 0..2 {
        refusal(keyed("new", &other), 422, "invalid_data").await;
    }
    answer(keyed("new", &alarm("T", &json!({"n": 1}))), 201).await;
    assert_eq!(count(&app, &bob).await, 4, "a refusal takes no key");
}

#[tokio::test]
async fn only_declared_types_are_published_where_the_settings_say_so() {
    let app = AppBuilder::default().env("CAMPANILE_ALARM_TYPES", "declared");
    let app = app.spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let (any, no) = (json!(null), json!({}));
    let keyed = |name: &str, body: &Value| publish(&app, body).header("Idempotency-Key", name);

    let problem = refusal(keyed("k", &alarm("T", &any)), 422, "unknown_alarm_type").await;
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("/api/alarm-types/T")
    );
    let batch = json!([alarm("TEST", &any), alarm("T", &any)]);
    let problem = refusal(publish(&app, &batch), 422, "unknown_alarm_type").await;
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .starts_with("[1].alarmType: ")
    );
    declare(&app, "T", no).await;
    let stored = answer(keyed("k", &alarm("T", &any)), 201).await;
    answer(app.delete(&app.admin(), "/api/alarm-types/T"), 204).await;
    assert_eq!(answer(keyed("k", &alarm("T", &any)), 201).await, stored);
    refusal(publish(&app, &alarm("T", &any)), 422, "unknown_alarm_type").await;

    for own in ["CHAT_MESSAGE", "ROOM_RING", "TEST", "COMPARE_TEST"] {
        answer(publish(&app, &alarm(own, &any)), 201).await;
    }
    let said = app.post(&bob, "/api/rooms/lobby/messages");
    answer(said.json(&json!({"text": "hello"})), 201).await;
    let ring = send(app.post(&bob, "/room/publish?sender=bob&roomId=lobby")).await;
    assert_eq!(ring.status(), 202);
    answer(app.post(&app.admin(), "/api/admin/users/bob/test"), 201).await;
    let carol = app.user("carol").await;
    let compared = json!({"run": "r", "sequence": 1, "sentAt": 1.0});
    let comparing = app.post(&carol, "/compare/alarms").json(&compared);
    answer(comparing, 201).await;
    back(&send(submit(&app, &bob, "/demo/embed", &[])).await);
}

#[tokio::test]
async fn the_inbox_shows_the_words_of_a_type_in_the_language_of_the_reader() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;
    let named = app.put(&app.service(), "/api/users/carol");
    answer(named.json(&json!({"displayName": "Carol <b>"})), 201).await;
    let words = json!({
        "en": "{fromName} likes “{data.post.title}”",
        "ko": "{fromName} 님이 좋아합니다",
    });
    declare(&app, "LIKE", json!({"words": words})).await;
    declare(
        &app,
        "ENGLISH",
        json!({"words": {"en": "About {targetId}"}}),
    )
    .await;
    let like = |data: Value| json!({"to": {"user": "bob"}, "alarmType": "LIKE", "fromUserId": "carol", "data": data});
    answer(
        publish(&app, &like(json!({"post": {"title": "A & B"}}))),
        201,
    )
    .await;
    let about =
        json!({"to": {"user": "bob"}, "alarmType": "ENGLISH", "targetId": 17, "data": "Summary"});
    answer(publish(&app, &about), 201).await;
    let seen = async |language: &str| {
        let request = page(&app, &bob, "/alarms").header("Accept-Language", language);
        html(request, 200).await
    };

    let english = seen("en").await;
    let korean = seen("ko").await;

    for (text, part) in [
        (&english, "Carol &#60;b&#62; likes “A &#38; B”"),
        (&english, "About 17"),
        (&english, "Summary"),
        (&korean, "Carol &#60;b&#62; 님이 좋아합니다"),
        (&korean, "About 17"),
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        !english.contains("<b>carol</b>"),
        "the words name the sender"
    );
    let unfilled = like(json!({"post": {}}));
    answer(publish(&app, &unfilled), 201).await;
    assert!(seen("en").await.contains("<b>carol</b> · Like"));
}

#[tokio::test]
async fn the_size_of_all_declared_types_together_is_bounded() {
    let app = TestApp::embedded().await;
    let admin = app.admin();
    let large = json!({"schema": {"title": "a".repeat(65_000)}});

    for number in 0..64 {
        declare(&app, &format!("LARGE_{number}"), large.clone()).await;
    }
    let full = put(&app, &admin, "MORE", &large);
    let problem = refusal(full, 422, "too_many_alarm_types").await;
    assert!(problem["detail"].as_str().unwrap().contains("4 MiB"));
    answer(put(&app, &admin, "LARGE_0", &large), 200).await;
    answer(put(&app, &admin, "LARGE_0", &json!({})), 200).await;
    answer(put(&app, &admin, "MORE", &large), 201).await;
}
