//! Several hubs on one PostgreSQL: an update published at one reaches the subscribers of all, and a subscriber changes hubs.

use crate::hub::{Hub, next_ids, strict, token};
use crate::support::on_postgres;
use crate::support::postgres::Postgres;

#[tokio::test]
async fn updates_of_all_hubs_come_in_one_order_and_a_client_resumes_at_any_of_them() {
    if !on_postgres() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let url = Postgres::shared().database_of(folder.path());
    let settings = || strict().env("CAMPANILE_DATABASE_URL", &url);
    let (one, other) = (Hub::ours(settings()).await, Hub::ours(settings()).await);
    let all = token(&["*"], &["*"]);
    let mut here = one.subscribe(&all, "match=a").await;
    let mut there = other.subscribe(&all, "match=*").await;
    let mut nobody = other.subscribe(&token(&[], &[]), "match=a").await;

    for n in 0..20 {
        let hub = if n % 2 == 0 { &one } else { &other };
        let id = format!("u{n}");
        let mut form = vec![("topic", "a"), ("id", id.as_str())];
        if n < 18 {
            form.push(("private", "on"));
        }
        hub.publish(&all, &form).await;
    }

    let wanted: Vec<String> = (0..20).map(|n| format!("u{n}")).collect();
    assert_eq!(next_ids(&mut here, 20).await, wanted);
    assert_eq!(next_ids(&mut there, 20).await, wanted);
    assert_eq!(next_ids(&mut nobody, 2).await, ["u18", "u19"]);
    let mut resumed = other.subscribe(&all, "match=a&last_event_id=u4").await;
    assert_eq!(next_ids(&mut resumed, 15).await, wanted[5..]);
}
