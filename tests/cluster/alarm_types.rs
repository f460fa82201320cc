//! A type of alarms that is declared at one hub holds at the others.

use serde_json::{Value, json};

use crate::hubs::{database, hub};
use crate::link::{Conduct, Link};
use crate::support::postgres::Postgres;
use crate::support::{DEADLINE, TestApp, until};

/// The status of a declaration of `T` at a hub.
async fn declare(app: &TestApp, schema: &Value) -> u16 {
    let declaring = app.put(&app.admin(), "/api/alarm-types/T");
    let body = json!({"schema": schema, "words": {"en": "Words"}});
    let answer = declaring.json(&body).send().await.expect("an answer");
    answer.status().as_u16()
}

/// The status of an alarm of the type `T` with these data.
async fn publish(app: &TestApp, data: &Value) -> u16 {
    let publishing = app.post(&app.service(), "/api/alarms");
    let alarm = json!({"to": {"user": "bob"}, "alarmType": "T", "data": data});
    let answer = publishing.json(&alarm).send().await.expect("an answer");
    answer.status().as_u16()
}

#[tokio::test]
async fn a_type_declared_at_one_hub_is_checked_changed_and_deleted_at_the_other() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    one.user("bob").await;
    let (text, number) = (json!("text"), json!(7));
    let holds = async |refused: &Value, taken: &Value| {
        until("it holds at the other hub", DEADLINE, async || {
            (publish(&other, refused).await == 422).then_some(())
        })
        .await;
        assert_eq!(publish(&other, taken).await, 201);
    };

    assert_eq!(declare(&one, &json!({"type": "string"})).await, 201);
    holds(&number, &text).await;
    assert_eq!(declare(&one, &json!({"type": "number"})).await, 200);
    holds(&text, &number).await;
    let third = hub(&url).await;
    assert_eq!(publish(&third, &text).await, 422, "a hub that starts later");
    let deleting = other.delete(&other.admin(), "/api/alarm-types/T");
    assert_eq!(deleting.send().await.expect("an answer").status(), 204);
    until("it is deleted at all hubs", DEADLINE, async || {
        let (first, last) = (publish(&one, &text).await, publish(&third, &text).await);
        (first == 201 && last == 201).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_type_declared_while_a_hub_was_cut_off_is_checked_there_when_it_is_back() {
    let url = database();
    let (link, through) = Link::before(&url).await;
    let (one, cut) = (hub(&url).await, hub(&through).await);
    one.user("bob").await;
    assert_eq!(publish(&cut, &json!("text")).await, 201);

    link.now(Conduct::Cut);
    assert_eq!(declare(&one, &json!({"type": "number"})).await, 201);
    // The signals are gone when the hub is back, as they are after a minute.
    Postgres::shared().sql(&url, "DELETE FROM signals");
    link.now(Conduct::Pass);

    until(
        "it holds at the hub that was cut off",
        DEADLINE,
        async || (publish(&cut, &json!("text")).await == 422).then_some(()),
    )
    .await;
    assert_eq!(publish(&cut, &json!(7)).await, 201);
}
