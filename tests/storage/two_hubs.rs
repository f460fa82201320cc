//! Two hubs on one PostgreSQL: what one changes takes effect at the other.

use reqwest::Method;
use serde_json::json;

use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, DEADLINE, TestApp, until};

async fn hub(url: &str) -> TestApp {
    AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", url)
        .spawn()
        .await
}

#[tokio::test]
async fn an_account_disabled_at_one_hub_is_shut_out_of_the_other_within_moments() {
    let folder = tempfile::tempdir().unwrap();
    let url = Postgres::shared().database_of(folder.path());
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    let status = async || {
        let answer = other.get(&bob, "/api/auth/me").send().await;
        answer.unwrap().status().as_u16()
    };
    assert_eq!(status().await, 200);

    let disabling = one
        .put(&one.admin(), "/api/users/bob")
        .json(&json!({"disabled": true}));
    assert_eq!(disabling.send().await.unwrap().status(), 200);

    until("refused", DEADLINE, async || {
        (status().await == 403).then_some(())
    })
    .await;
    let ready = other.request(Method::GET, "/readyz").send().await;
    assert_eq!(ready.unwrap().status(), 200);
}
