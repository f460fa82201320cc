//! Resuming: each later update once and in order, through a restart, however many there are.

use crate::database;
use crate::hub::{Hub, header, keys, next, next_ids, strict, token, token_0, url_escaped};
use crate::support::{DEADLINE, SseClient, until};

#[tokio::test]
async fn a_subscriber_gets_what_it_missed_and_then_what_comes() {
    let hub = Hub::version_1().await;
    let all = token(&["*"], &["*"]);
    for id in ["1", "2", "3", "4"] {
        hub.publish(&all, &[("topic", "a"), ("id", id)]).await;
        hub.publish(&all, &[("topic", "other"), ("id", "other")])
            .await;
    }

    let mut by_query = hub.subscribe(&all, "match=a&last_event_id=2").await;
    let get = hub.get("match=a&last_event_id=1").bearer_auth(&all);
    let mut by_header = SseClient::open(get.header("last-event-id", "3")).await;
    let mut whole = hub.subscribe(&all, "match=a&last_event_id=earliest").await;
    let mut pattern = hub.subscribe(&all, "match=*&last_event_id=3").await;
    hub.publish(&all, &[("topic", "a"), ("id", "5")]).await;

    assert_eq!(header(&by_query, "mercure-last-event-id"), Some("2"));
    assert_eq!(next_ids(&mut by_query, 3).await, ["3", "4", "5"]);
    assert_eq!(header(&by_header, "mercure-last-event-id"), Some("3"));
    assert_eq!(next_ids(&mut by_header, 2).await, ["4", "5"]);
    assert_eq!(header(&whole, "mercure-last-event-id"), Some("earliest"));
    assert_eq!(next_ids(&mut whole, 5).await, ["1", "2", "3", "4", "5"]);
    assert_eq!(
        next_ids(&mut pattern, 4).await,
        ["other", "4", "other", "5"]
    );
}

#[tokio::test]
async fn an_id_that_no_update_can_have_is_an_unknown_one() {
    let hub = Hub::version_1().await;
    let all = token(&["*"], &["*"]);

    for id in ["%00", "a%00b", "%0A", "%C2%80"] {
        let mut stream = hub
            .subscribe(&all, &format!("match=a&last_event_id={id}"))
            .await;
        assert_eq!(
            header(&stream, "mercure-last-event-id"),
            Some("earliest"),
            "{id}"
        );
        hub.publish(&all, &[("topic", "a"), ("id", "1")]).await;
        assert_eq!(next_ids(&mut stream, 1).await, ["1"]);
    }
}

#[tokio::test]
async fn an_unknown_id_is_answered_with_earliest_and_what_comes() {
    let hub = Hub::version_1().await;
    let all = token(&["*"], &["*"]);
    let empty = hub.subscribe(&all, "match=a&last_event_id=").await;
    if hub.is_ours() {
        assert_eq!(header(&empty, "mercure-last-event-id"), Some("earliest"));
    }
    hub.publish(&all, &[("topic", "a"), ("id", "secret"), ("private", "on")])
        .await;

    let nobody = token(&[], &[]);
    let mut stream = hub
        .subscribe(&nobody, "match=a&last_event_id=unknown")
        .await;
    let told = hub.subscribe(&nobody, "match=a&last_event_id=").await;
    hub.publish(&all, &[("topic", "a"), ("id", "2")]).await;

    assert_eq!(header(&stream, "mercure-last-event-id"), Some("earliest"));
    assert_eq!(next_ids(&mut stream, 1).await, ["2"]);
    let told = header(&told, "mercure-last-event-id").expect("present, as it was asked for");
    assert_ne!(told, "secret", "no id of an update that it may not read");
}

#[tokio::test]
async fn a_replay_is_read_with_the_rights_of_the_token_that_asks_for_it() {
    let hub = Hub::version_1().await;
    let all = token(&["*"], &["*"]);
    hub.publish(&all, &[("topic", "a"), ("id", "0")]).await;
    hub.publish(&all, &[("topic", "a"), ("id", "1"), ("private", "on")])
        .await;
    hub.publish(&all, &[("topic", "a"), ("id", "2")]).await;

    for (rights, wanted) in [
        (token(&[], &["a"]), vec!["1", "2"]),
        (token(&[], &["b"]), vec!["2"]),
    ] {
        for matcher in ["match=a", "match=*", "match_urlpattern=a"] {
            let query = format!("{matcher}&last_event_id=0");
            let mut stream = hub.subscribe(&rights, &query).await;
            assert_eq!(
                next_ids(&mut stream, wanted.len()).await,
                wanted,
                "{matcher}"
            );
        }
    }
}

/// A hub that keeps its updates in the memory of a process loses the place of all clients in a restart.
#[tokio::test]
async fn a_replay_works_after_the_hub_was_killed() {
    let mut hub = Hub::ours(strict()).await;
    let all = token(&["*"], &["*"]);
    for id in ["1", "2", "3", "4"] {
        hub.publish(&all, &[("topic", "a"), ("id", id), ("private", "on")])
            .await;
    }

    hub.crash().await;

    let mut known = hub.subscribe(&all, "match=a&last_event_id=2").await;
    assert_eq!(header(&known, "mercure-last-event-id"), Some("2"));
    let mut whole = hub
        .subscribe(&all, "match_urlpattern=:any&last_event_id=earliest")
        .await;
    let mut nobody = hub
        .subscribe(&token(&[], &[]), "match=a&last_event_id=1")
        .await;
    hub.publish(&all, &[("topic", "a"), ("id", "5")]).await;
    assert_eq!(next_ids(&mut known, 3).await, ["3", "4", "5"]);
    assert_eq!(next_ids(&mut whole, 5).await, ["1", "2", "3", "4", "5"]);
    assert_eq!(next_ids(&mut nobody, 1).await, ["5"]);
}

/// The reference hub cuts a replay off after 1,000 updates.
#[tokio::test]
async fn a_replay_of_more_than_a_thousand_updates_comes_whole_in_one_connection() {
    replay_whole(1_300, &[1_250, 999, 10]).await;
}

/// The reference hub does not find recent ids once more than 10,000 updates are stored.
#[tokio::test]
#[ignore = "stores more than ten thousand updates"]
async fn a_replay_of_more_than_ten_thousand_updates_comes_whole_in_one_connection() {
    replay_whole(10_400, &[10_350, 10_000, 9_999, 9_000]).await;
}

/// Stores updates and reads them, all and after some of them.
async fn replay_whole(count: usize, places: &[usize]) {
    const LANES: usize = 64;
    let hub = Hub::ours(strict()).await;
    let all = token(&["*"], &["*"]);
    let publishing = (0..LANES).map(|lane| {
        let (hub, all) = (&hub, &all);
        async move {
            for n in (lane..count).step_by(LANES) {
                hub.publish(all, &[("topic", "a"), ("id", &format!("u{n}"))])
                    .await;
            }
        }
    });
    futures::future::join_all(publishing).await;
    let mut whole = hub.subscribe(&all, "match=a&last_event_id=earliest").await;
    let order = next_ids(&mut whole, count).await;

    for after in places {
        let query = format!("match=a&last_event_id={}", order[*after]);
        let mut stream = hub.subscribe(&all, &query).await;
        let rest = next_ids(&mut stream, count - 1 - after).await;
        assert_eq!(rest, order[after + 1..], "after {after}");
    }
    let mut sorted = order.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), count, "each once");
}

#[tokio::test]
async fn a_client_that_asks_for_it_is_told_of_a_gap_and_gets_what_is_kept() {
    let hub = Hub::ours(strict()).await;
    let all = token(&["*"], &["*"]);
    hub.publish(&all, &[("topic", "a"), ("id", "1")]).await;

    let query = "match=a&last_event_id=gone&campanile=gap";
    let mut stream = hub.subscribe(&all, query).await;

    let gap = stream.next_event(DEADLINE).await;
    assert_eq!(gap.name(), "campanile-gap");
    assert_eq!(gap.json()["lastEventId"], "gone");
    assert_eq!(next_ids(&mut stream, 1).await, ["1"]);
    let mut known = hub
        .subscribe(&all, "match=a&last_event_id=1&campanile=gap")
        .await;
    hub.publish(&all, &[("topic", "a"), ("id", "2"), ("data", "x")])
        .await;
    assert_eq!(next(&mut known).await, ("2".to_owned(), "x".to_owned()));
}

#[tokio::test]
async fn the_position_that_an_answer_tells_is_one_to_resume_from() {
    let hub = Hub::ours(keys()).await;
    let all = token_0(&["*"], &["*"]);
    hub.publish(&all, &[("topic", "a"), ("id", "1")]).await;
    let stream = hub.subscribe(&all, "topic=a&lastEventID=").await;
    let position = header(&stream, "last-event-id").unwrap().to_owned();
    hub.publish(&all, &[("topic", "a"), ("id", "2")]).await;

    let query = format!("topic=a&lastEventID={}", url_escaped(position.as_bytes()));
    let mut resumed = hub.subscribe(&all, &query).await;

    assert_eq!(header(&resumed, "last-event-id"), Some(position.as_str()));
    assert_eq!(next_ids(&mut resumed, 1).await, ["2"]);
}

#[tokio::test]
async fn an_id_that_was_given_twice_resumes_after_its_first_update() {
    let hub = Hub::version_1().await;
    let all = token(&["*"], &["*"]);
    for id in ["twice", "between", "twice", "last"] {
        hub.publish(&all, &[("topic", "a"), ("id", id)]).await;
    }

    let mut stream = hub.subscribe(&all, "match=a&last_event_id=twice").await;

    assert_eq!(next_ids(&mut stream, 3).await, ["between", "twice", "last"]);
}

#[tokio::test]
async fn updates_older_than_the_retention_are_gone_and_the_others_stay() {
    let mut hub = Hub::ours(strict().env("CAMPANILE_RETENTION_DAYS", "1")).await;
    let all = token(&["*"], &["*"]);
    for id in ["1", "2", "3"] {
        hub.publish(&all, &[("topic", "a"), ("id", id)]).await;
    }
    hub.stop().await;
    let two_days = "UPDATE mercure_updates SET created_at = created_at - 172800000 WHERE id < 3";
    database::execute(hub.app(), two_days);

    hub.start().await;

    until("they are pruned", DEADLINE, async || {
        let first = hub.subscribe(&all, "match=a&last_event_id=1").await;
        (header(&first, "mercure-last-event-id") == Some("earliest")).then_some(())
    })
    .await;
    let mut whole = hub.subscribe(&all, "match=a&last_event_id=earliest").await;
    assert_eq!(next_ids(&mut whole, 1).await, ["3"]);
    let mut known = hub.subscribe(&all, "match=a&last_event_id=3").await;
    hub.publish(&all, &[("topic", "a"), ("id", "4")]).await;
    assert_eq!(next_ids(&mut known, 1).await, ["4"]);
}

/// The spaces around the value of a header get lost (RFC 9110, section 5.5), so that is how a browser sends such an id.
#[tokio::test]
async fn an_id_with_spaces_around_it_is_resumed_from_by_the_header_too() {
    let hub = Hub::ours(strict()).await;
    let all = token(&["*"], &["*"]);
    let ids = [" lead", "trail ", "  a b  ", "bare", " bare", "last"];
    let mut live = hub.subscribe(&all, "match=a").await;
    for id in ids {
        assert_eq!(hub.publish(&all, &[("topic", "a"), ("id", id)]).await, id);
    }
    assert_eq!(next_ids(&mut live, ids.len()).await, ids);

    for (at, id) in ids.iter().enumerate() {
        let rest = ids.get(at + 1..).unwrap();
        let query = format!("match=a&last_event_id={}", url_escaped(id.as_bytes()));
        let mut stream = hub.subscribe(&all, &query).await;
        assert_eq!(next_ids(&mut stream, rest.len()).await, rest, "{id:?}");
        let get = hub.get("match=a").bearer_auth(&all);
        let mut stream = SseClient::open(get.header("last-event-id", *id)).await;
        let told = header(&stream, "mercure-last-event-id").map(str::trim);
        assert_eq!(told, Some(id.trim()));
        // Of two ids that a header cannot tell apart the one without spaces counts.
        let rest = if *id == " bare" { &ids[4..] } else { rest };
        assert_eq!(next_ids(&mut stream, rest.len()).await, rest, "{id:?}");
    }
    let spaces = hub.publish(&all, &[("topic", "a"), ("id", "  ")]).await;
    assert!(spaces.starts_with("urn:uuid:"), "no client could send them");
}

#[tokio::test]
async fn a_hub_that_stops_ends_its_streams_and_a_client_goes_on_where_it_was() {
    let mut hub = Hub::ours(strict()).await;
    let all = token(&["*"], &["*"]);
    let mut stream = hub.subscribe(&all, "match=a").await;
    hub.publish(&all, &[("topic", "a"), ("id", "1")]).await;
    assert_eq!(next_ids(&mut stream, 1).await, ["1"]);

    hub.stop().await;

    let end = stream.event_or_end(DEADLINE).await;
    assert_eq!(end, None, "a clean end, and no event of another protocol");
    hub.start().await;
    let mut resumed = hub.subscribe(&all, "match=a&last_event_id=1").await;
    hub.publish(&all, &[("topic", "a"), ("id", "2")]).await;
    assert_eq!(next_ids(&mut resumed, 1).await, ["2"]);
}
