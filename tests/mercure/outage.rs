//! PostgreSQL goes away under a hub and comes back.

use reqwest::{RequestBuilder, Response};

use crate::hub::{Hub, answer, outcome, strict, token};
use crate::support::postgres::Postgres;
use crate::support::{DEADLINE, until};

const ORIGIN: &str = "https://app.example";

#[tokio::test]
async fn without_its_database_a_hub_answers_503_and_tells_of_no_subscription() {
    let postgres = Postgres::start();
    let settings = strict()
        .env("CAMPANILE_DATABASE_URL", &postgres.database("updates"))
        .env("CAMPANILE_MERCURE_CORS_ORIGINS", ORIGIN)
        .env("CAMPANILE_MERCURE_SUBSCRIPTIONS", "on");
    let hub = Hub::ours(settings).await;
    let all = token(&["*"], &["*"]);
    let mut watcher = hub.subscribe(&all, "match=*").await;
    watcher.next_event(DEADLINE).await;

    postgres.kill();
    let from_a_page = |request: RequestBuilder| request.header("origin", ORIGIN);
    let publishing = || from_a_page(hub.post(&all, &[("topic", "a"), ("id", "after")]));
    let subscribing = || from_a_page(hub.get("match=a").bearer_auth(&all));
    refused_to_a_page(&answer(publishing()).await);
    let refused = until("no stream begins any more", DEADLINE, async || {
        let answered = answer(subscribing()).await;
        (answered.status() != 200).then_some(answered)
    });
    refused_to_a_page(&refused.await);

    postgres.control(&["start"]);
    until("publishing again", DEADLINE, async || {
        (outcome(publishing()).await.0 == 200).then_some(())
    })
    .await;
    let next = watcher.next_event(DEADLINE).await;
    assert_eq!(next.id.as_deref(), Some("after"), "{next:?}");
}

fn refused_to_a_page(answer: &Response) {
    assert_eq!(answer.status(), 503);
    let fields = answer.headers();
    assert_eq!(fields["content-type"], "text/plain; charset=utf-8");
    assert_eq!(fields["access-control-allow-origin"], ORIGIN);
    assert!(fields.contains_key("retry-after"), "{fields:?}");
}
