//! Each call of the clients that is not publishing and watching.

use serde_json::{Value, json};

use crate::answers::answer;
use crate::drill::Drill;
use crate::language::{Built, all_here, not_covered};
use crate::site::Site;

#[tokio::test]
async fn clients_make_users_known_give_tokens_repeat_a_publish_and_name_what_is_refused() {
    let site = Site::start().await;
    for language in all_here().await {
        let facts = facts_of(&site, &language, "calls").await;
        let name = language.name;
        let fact = |call: &str| {
            let found = facts.iter().find(|fact| fact["call"] == call);
            found.unwrap_or_else(|| panic!("{name}: {call}")).clone()
        };

        let user = format!("{name}/한글");
        assert_eq!(
            fact("publish"),
            json!({"call": "publish", "topic": format!("user:{user}"), "same": true})
        );
        let token = fact("token")["token"].as_str().expect("a token").to_owned();
        let me = answer(site.app.get(&token, "/api/auth/me"), 200).await;
        assert_eq!(
            me,
            json!({"id": user, "displayName": "Bob", "role": "user"})
        );
        assert_eq!(fact("unknown"), refusal("unknown", 422, "unknown_user"));
        assert_eq!(fact("refused"), refusal("refused", 401, "invalid_token"));
        assert_eq!(
            fact("forbidden"),
            refusal("forbidden", 403, "topic_not_allowed")
        );
    }
}

#[tokio::test]
async fn clients_retract_alarms_sign_users_out_and_delete_them() {
    let site = Site::start().await;
    let contract = answer(site.app.get(&site.app.admin(), "/api/openapi.json"), 200).await;
    if contract["paths"]["/api/users/{id}/sign-out"].is_null() {
        not_covered("retract, sign out, delete", "this hub does not have them");
        return;
    }
    for language in all_here().await {
        let facts = facts_of(&site, &language, "removals").await;

        let expected = [
            json!({"call": "retract", "one": 1}),
            json!({"call": "retract", "rest": 1}),
            refusal("gone", 422, "unknown_user"),
        ];
        assert_eq!(facts, expected, "{}", language.name);
    }
}

async fn facts_of(site: &Site, language: &Built, mode: &str) -> Vec<Value> {
    let arguments = [&*site.app.base_url, &*site.key, language.name];
    Drill::start(language, mode, &arguments).end().await
}

fn refusal(call: &str, status: u16, code: &str) -> Value {
    json!({"call": call, "status": status, "code": code})
}
