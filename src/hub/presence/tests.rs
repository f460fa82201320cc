//! Tests of who is present, without an actor.

use super::*;

fn ids() -> (RoomId, UserId, UserId) {
    let user = |id| UserId::parse(id).unwrap();
    (RoomId::parse("42").unwrap(), user("bob"), user("carol"))
}

#[test]
fn a_user_leaves_with_his_last_stream() {
    let (room, bob, _) = ids();
    let (mut rooms, now) = (Rooms::default(), Instant::now());
    rooms.join(&room, &bob);
    rooms.join(&room, &bob);
    assert_eq!(rooms.due(now).len(), 1);

    rooms.leave(&room, &bob);
    assert_eq!(rooms.page(&room, None, 9).users, std::slice::from_ref(&bob));
    assert!(rooms.due(now + GATHERED_FOR).is_empty());

    rooms.leave(&room, &bob);
    let gone = rooms.due(now + 2 * GATHERED_FOR);
    assert_eq!(
        (gone[0].joined.len(), gone[0].left.as_slice()),
        (0, [bob].as_slice())
    );
    assert!(rooms.online().is_empty());
}

#[test]
fn what_happens_soon_after_an_announcement_is_gathered_and_may_cancel_out() {
    let (room, bob, carol) = ids();
    let (mut rooms, now) = (Rooms::default(), Instant::now());
    rooms.join(&room, &bob);
    assert_eq!(rooms.due(now)[0].joined, std::slice::from_ref(&bob));

    rooms.join(&room, &carol);
    rooms.leave(&room, &bob);
    rooms.join(&room, &bob);
    assert!(rooms.due(now).is_empty());

    let later = rooms.due(now + GATHERED_FOR);
    assert_eq!(
        (later[0].joined.as_slice(), later[0].left.len()),
        ([carol].as_slice(), 0)
    );
}

fn elsewhere(hub: &str, news: Moves) -> Elsewhere {
    let hub = hub.to_owned();
    Elsewhere { hub, news }
}

#[test]
fn a_user_at_several_hubs_leaves_with_the_last_of_them() {
    let (room, bob, carol) = ids();
    let (mut rooms, now) = (Rooms::default(), Instant::now());
    let at = |user: &UserId| (room.clone(), user.clone());
    let both = || HashSet::from([at(&bob), at(&carol)]);
    rooms.join(&room, &bob);
    rooms.hear(elsewhere(
        "b",
        Moves::Some(Vec::from([at(&bob)]), Vec::new()),
    ));
    rooms.hear(elsewhere("c", Moves::All(both())));
    rooms.hear(elsewhere("c", Moves::All(both())));
    assert_eq!(rooms.due(now)[0].joined, [bob.clone(), carol.clone()]);

    rooms.leave(&room, &bob);
    rooms.hear(elsewhere("b", Moves::All(HashSet::new())));
    assert!(rooms.due(now + GATHERED_FOR).is_empty());
    assert_eq!(rooms.hubs(), ["c"]);

    rooms.hear(elsewhere(
        "c",
        Moves::Some(Vec::new(), Vec::from([at(&bob)])),
    ));
    let left = rooms.due(now + 2 * GATHERED_FOR);
    assert_eq!(
        (left[0].left.as_slice(), left[0].count),
        ([bob].as_slice(), 1)
    );
}

#[test]
fn other_hubs_are_told_who_came_and_left_at_this_one_only() {
    let (room, bob, carol) = ids();
    let mut rooms = Rooms::default();
    let at = |user: &UserId| (room.clone(), user.clone());
    rooms.share();
    rooms.join(&room, &bob);
    rooms.join(&room, &bob);
    rooms.hear(elsewhere("b", Moves::All(HashSet::from([at(&carol)]))));

    assert_eq!(rooms.take_untold(), (Vec::from([at(&bob)]), Vec::new()));
    assert_eq!(rooms.here(), [at(&bob)]);
    rooms.leave(&room, &bob);
    assert_eq!(rooms.take_untold(), (Vec::new(), Vec::new()));
    rooms.leave(&room, &bob);
    assert_eq!(rooms.take_untold(), (Vec::new(), Vec::from([at(&bob)])));
}

#[test]
fn a_page_of_a_room_begins_after_a_user() {
    let (room, bob, carol) = ids();
    let mut rooms = Rooms::default();
    rooms.join(&room, &carol);
    rooms.join(&room, &bob);

    let first = rooms.page(&room, None, 1);
    assert_eq!(
        (first.users.as_slice(), first.count),
        ([bob.clone()].as_slice(), 2)
    );
    assert_eq!(rooms.page(&room, Some(&bob), 9).users, [carol]);
}
