//! The words of declared types, in the bell, in its toasts and in the inbox.

use serde_json::{Value, json};

use crate::chromium::{Chromium, Window};
use crate::support::TestApp;

async fn declare(app: &TestApp, name: &str, words: Value) {
    let declaring = app.put(&app.admin(), &format!("/api/alarm-types/{name}"));
    let answer = declaring.json(&json!({"words": words})).send().await;
    assert_eq!(answer.expect("an answer").status(), 201);
}

async fn publish(app: &TestApp, alarm_type: &str, data: Value) {
    let alarm = json!({
        "to": {"user": "carol"}, "alarmType": alarm_type, "fromUserId": "bob", "targetId": 17,
        "data": data,
    });
    let publishing = app.post(&app.service(), "/api/alarms").json(&alarm);
    let answer = publishing.send().await.expect("an answer");
    assert_eq!(answer.status(), 201);
}

/// The rows of a list from the newest: sender and type, and the line under them.
async fn rows(window: &Window, row: &str, what: &str, summary: &str) -> Value {
    let text = format!(
        "[...document.querySelectorAll('{row}')].map((row) => ['{what}', '{summary}'].map((css) => row.querySelector(css)?.textContent.trim() ?? ''))"
    );
    window.value(&text).await
}

#[tokio::test]
async fn the_bell_its_toasts_and_the_inbox_speak_the_words_of_declared_types() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = chromium.window().await;
    carol.sign_up(&app, "carol", "Carol").await;
    let named = app.put(&app.service(), "/api/users/bob");
    let named = named.json(&json!({"displayName": "Bob"})).send().await;
    assert_eq!(named.expect("an answer").status(), 201);
    let like = json!({"en": "{fromName} liked “{data.post.title}”", "ko": "{fromName} 님이 “{data.post.title}” 글을 좋아합니다"});
    declare(&app, "LIKE", like).await;
    declare(&app, "INVOICE", json!({"en": "Invoice {targetId}"})).await;
    publish(&app, "INVOICE", json!({"title": "Due in May"})).await;
    publish(&app, "LIKE", json!({"post": {}})).await;
    let post = json!({"post": {"title": "My <b>trip</b>"}});
    publish(&app, "LIKE", post.clone()).await;
    let in_english = json!([
        ["Bob liked “My <b>trip</b>”", ""],
        ["Bob · Like", r#"{"post":{}}"#],
        ["Bob · Invoice 17", "Due in May"],
    ]);
    let in_korean = json!([
        ["Bob 님이 “My <b>trip</b>” 글을 좋아합니다", ""],
        ["Bob · Like", r#"{"post":{}}"#],
        ["Bob · Invoice 17", "Due in May"],
    ]);

    for (language, wanted) in [("en", &in_english), ("ko", &in_korean)] {
        carol.speak(language).await;
        carol.goto(&app, "/alarms").await;
        let listed = rows(&carol, ".entry", ".entry-what", ".entry-summary").await;
        let named = listed.to_string().replace("bob · ", "Bob · ");
        assert_eq!(named, wanted.to_string());
        carol.click(".cb-button").await;
        carol
            .holds("document.querySelectorAll('.cb-list .cb-main').length === 3")
            .await;
        let told = rows(&carol, ".cb-row", ".cb-what", ".cb-summary").await;
        assert_eq!(&told, wanted);
        carol.click(".cb-close").await;
    }
    carol.hears().await;
    publish(&app, "LIKE", post).await;
    carol
        .shows(".cb-toast", "Bob 님이 “My <b>trip</b>” 글을 좋아합니다")
        .await;
    carol.is_clean().await;
}
