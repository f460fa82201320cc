//! One hub a database file: a second would give out the same ids.

use reqwest::Method;
use serde_json::json;

use crate::support::{AppBuilder, Claims, run, sign};

const FILE: &str = "sqlite://campanile-data/campanile.db";

#[tokio::test]
async fn a_second_hub_on_the_same_file_is_refused_with_one_line_until_the_first_is_gone() {
    let mut app = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", FILE)
        .spawn()
        .await;
    let settings = [("CAMPANILE_DATABASE_URL", FILE)];

    let second = run(app.folder(), &["serve"], &settings, "").await;

    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("another campanile serves campanile-data/campanile.db"),
        "{said}"
    );

    app.kill().await;
    app.restart().await;
}

#[tokio::test]
async fn an_account_is_added_beside_a_running_hub() {
    let app = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", FILE)
        .spawn()
        .await;
    let settings = [("CAMPANILE_DATABASE_URL", FILE)];
    let token = sign(&Claims::of("dora", "user"));
    let me = async || {
        let answer = app.get(&token, "/api/auth/me").send().await;
        answer.unwrap().status().as_u16()
    };
    assert_eq!((me().await, me().await), (401, 401));

    let added = run(
        app.folder(),
        &["user", "add", "dora", "--role", "user"],
        &settings,
        "a long password\n",
    )
    .await;

    assert!(added.status.success(), "{added:?}");
    assert_eq!(me().await, 200);
    let login = json!({"userId": "dora", "password": "a long password"});
    let answer = app.request(Method::POST, "/api/auth/login").json(&login);
    assert_eq!(answer.send().await.unwrap().status(), 200);
}
